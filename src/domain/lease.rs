//! Who has an item, as its tracker says it to everybody who reads that tracker.

use serde::{Deserialize, Serialize};

use super::time::Timestamp;

/// What a run has of its item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemLease {
    /// How often it was taken or renewed.
    pub number: u32,
    /// Until when it counts.
    pub until: Timestamp,
    /// Number of the newest update that anybody of us had written about the item by then.
    pub told: u32,
}

/// Somebody else who has the item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rival {
    /// What they call themselves.
    pub holder: String,
    /// Until when, unless they renew it.
    pub until: Timestamp,
}
