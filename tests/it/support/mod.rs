//! What the integration tests share.

pub mod agent_clis;
#[expect(dead_code, reason = "the tracker's own tests use the rest")]
pub(crate) mod azure;
#[expect(dead_code, reason = "the forges' own tests use the rest")]
pub mod bench;
#[expect(dead_code, reason = "a whole service, of which each test uses a part")]
pub(crate) mod discord;
pub(crate) mod factory;
pub(crate) mod git_server;
#[expect(dead_code, reason = "the forges' own tests use the rest")]
pub(crate) mod github;
pub(crate) mod judges;
pub mod model_server;
pub(crate) mod remote;
pub mod stand_in;
