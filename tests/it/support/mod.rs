//! What the integration tests share.

pub mod agent_clis;
pub mod factory;
pub mod model_server;
