//! The daemon's HTTP port.
//!
//! Responsible for listening, for bounds on whoever connects, and for letting in only who has the right secret: what is
//! asked without one gets a 401 and nothing else, whatever it asked for. What comes in is a hint to look, never an order.
//!
//! - [`server`]: connections and their bounds;
//! - [`hooks`]: deliveries of trackers;
//! - [`secrets`]: what they prove themselves with.

pub mod hooks;
pub mod secrets;
pub mod server;

mod incoming;
mod seen;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::any;

use self::hooks::Hooks;

/// Everything that can be asked. Whatever is added here lets in nobody by itself: what has no route is answered like what
/// has the wrong secret.
pub fn router(hooks: Arc<Hooks>) -> Router {
    Router::new()
        // `any`: which methods there are is for nobody to know who has no secret.
        .route("/hooks/github", any(hooks::github))
        .route("/hooks/azure-devops", any(hooks::azure_devops))
        .with_state(hooks)
        .fallback(nobody)
}

async fn nobody() -> StatusCode {
    StatusCode::UNAUTHORIZED
}
