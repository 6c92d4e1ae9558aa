//! What the integration tests share.

pub mod agent_clis;
pub(crate) mod factory;
pub(crate) mod github;
pub(crate) mod judges;
pub mod model_server;
pub mod stand_in;
