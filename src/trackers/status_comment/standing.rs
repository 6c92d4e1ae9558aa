//! How an item stands, as its own comments keep it.

use serde_json::Value;

use super::StatusComment;
use crate::domain::ids::RunId;
use crate::domain::standing::{self, Standing};
use crate::domain::work_item::ItemState;
use crate::trackers::TrackerUpdate;

/// A standing out of a comment that was signed by us; one of another version says nothing.
#[must_use]
pub fn read(value: Value) -> Option<Standing> {
    let standing: Standing = serde_json::from_value(value).ok()?;
    (standing.version == standing::VERSION).then_some(standing)
}

/// How the item stands by what its own comments say, the newest of them. Where that keeps no standing, it is at least
/// known how many updates there were.
#[must_use]
pub fn newest(found: &[StatusComment], state: ItemState) -> Option<Standing> {
    let newest = found.iter().max_by_key(|comment| comment.number)?;
    let standing = newest.standing.clone();
    Some(standing.unwrap_or_else(|| Standing::unknown(newest.number, state)))
}

/// Whether a comment about `run`, with this standing and this newest update, is of a run that nobody knows any more when
/// `update` speaks of another one: that one goes on in it.
#[must_use]
pub fn is_left(
    run: Option<RunId>,
    standing: Option<&Standing>,
    number: u32,
    update: &TrackerUpdate,
) -> bool {
    let was_under_way = standing.is_some_and(|it| it.is_in_flight() && it.run == run);
    run.is_some() && was_under_way && number < update.number
}

impl StatusComment {
    /// Whether it is of a run that is gone without an end, so that the run of `update` goes on in it.
    pub(super) fn is_left_by_another(&self, update: &TrackerUpdate) -> bool {
        is_left(self.run, self.standing.as_ref(), self.number, update)
    }

    /// It is about this run from now on.
    pub fn hand_to(&mut self, run: Option<RunId>) {
        self.run = run.or(self.run);
    }

    /// The tracker says `state` now.
    pub fn note_state(&mut self, state: ItemState) {
        if let Some(standing) = &mut self.standing {
            standing.state = state;
        }
    }
}
