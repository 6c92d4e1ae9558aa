//! What has come to the daemon's port, as it goes over the socket and into `--json`.

use serde::{Deserialize, Serialize};

use crate::domain::time::Timestamp;
use crate::runtime::hints::Deliveries;

use super::views::optional_instant;

/// What has come to the daemon's port since it started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhooksView {
    /// Where it listens.
    pub address: String,
    /// Trackers whose deliveries are taken, by source word.
    pub sources: Vec<String>,
    /// Deliveries that were taken.
    pub accepted: u64,
    /// Deliveries that had come before.
    pub repeated: u64,
    /// Requests without the right secret.
    pub refused: u64,
    /// Which tracker the last delivery came from.
    pub last_source: Option<String>,
    /// When it came.
    #[serde(with = "optional_instant")]
    pub last_at: Option<Timestamp>,
}

impl From<Deliveries> for WebhooksView {
    fn from(deliveries: Deliveries) -> Self {
        let Deliveries { address, sources, accepted, repeated, refused, last } = deliveries;
        let (last_source, last_at) = last.unzip();
        Self { address, sources, accepted, repeated, refused, last_source, last_at }
    }
}
