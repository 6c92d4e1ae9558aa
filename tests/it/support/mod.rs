//! What the integration tests share.

pub mod agent_clis;
#[expect(dead_code, reason = "the tracker's own tests use the rest")]
pub(crate) mod azure;
pub(crate) mod factory;
pub(crate) mod github;
pub(crate) mod judges;
pub mod model_server;
pub(crate) mod remote;
pub mod stand_in;
