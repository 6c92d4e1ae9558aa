//! What the integration tests share.

pub mod agent_clis;
pub mod model_server;
