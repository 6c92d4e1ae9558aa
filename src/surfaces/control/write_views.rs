//! What trackers are still to be told, as it goes over the socket.

use serde::{Deserialize, Serialize};

use crate::domain::ids::{EffectKey, ItemId};
use crate::domain::time::Timestamp;
use crate::runtime::engine::drain;

/// An update for a tracker that is still to be written, or was given up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WriteView {
    /// Which item.
    pub item: ItemId,
    /// Name of the update.
    pub key: EffectKey,
    /// What it says.
    pub what: String,
    /// It was given up: only a person brings it back.
    pub parked: bool,
    /// How often it was tried in vain.
    pub tries: u32,
    /// Why the last try came to nothing.
    pub error: Option<String>,
    /// When it is tried next; absent while it is being tried, and when it was given up.
    #[serde(with = "super::views::optional_instant")]
    pub next: Option<Timestamp>,
}

impl From<drain::WriteView> for WriteView {
    fn from(view: drain::WriteView) -> Self {
        let drain::WriteView { item, key, what, parked, tries, error, next } = view;
        Self { item, key, what, parked, tries, error, next }
    }
}
