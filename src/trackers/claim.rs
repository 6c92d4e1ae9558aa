//! Taking an item in its tracker, so that whoever else reads it sees that it is taken.
//!
//! Who holds an item is decided by the tracker alone: by a write that only one can win, or by an order that everybody
//! sees. A lease counts until its end, and a little longer for others than for its holder, because clocks differ.

use std::time::Duration;

use crate::domain::ids::{ItemId, RunId};
use crate::domain::lease::Rival;
use crate::domain::time::Timestamp;
use crate::domain::work_item::WorkItem;

/// How far the clocks of two daemons may be apart.
const SKEW: Duration = Duration::from_secs(60);

/// A wish to have an item, or to have it for longer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Which.
    pub item: ItemId,
    /// For which run.
    pub run: RunId,
    /// What this daemon calls itself, in every start of it the same: letters, digits and hyphens.
    pub holder: String,
    /// What time it is.
    pub now: Timestamp,
    /// Until when.
    pub until: Timestamp,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claimed {
    /// We have it.
    Ours {
        /// Number of the newest update that anybody of us has written about the item: ours go on from there.
        updates: u32,
        /// The item as it is now that nobody else can take it.
        current: Box<WorkItem>,
    },
    /// Somebody else has it; nothing of ours is left at it.
    Taken(Rival),
}

impl Claim {
    /// Whether a lease of somebody else until `until` still keeps us away. The room for clocks that differ is a tenth of
    /// a lease, at most [`SKEW`].
    #[must_use]
    pub fn respects(&self, until: Timestamp) -> bool {
        let room = (self.until.since(self.now) / 10).min(SKEW);
        until.after(room) > self.now
    }
}
