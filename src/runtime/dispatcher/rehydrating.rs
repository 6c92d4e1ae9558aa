//! How items stood for the factory whose log is gone, asked for once for each item that this log has never seen.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::domain::ids::ItemId;
use crate::domain::standing::Standing;
use crate::trackers::{ItemProblem, Listing, Tracker, TrackerError};

/// Items asked about in one reading; the others follow in the next ones.
const MOST_ASKED: usize = 100;

/// The standings of the items in `listing` that are not `known`. An item whose standing could not be read is taken out of
/// it and waits for the next reading: whatever it is, it must not be begun anew.
pub(super) async fn standings(
    tracker: &dyn Tracker,
    listing: &mut Listing,
    known: &BTreeSet<ItemId>,
) -> BTreeMap<ItemId, Standing> {
    let mut standings = BTreeMap::new();
    if !tracker.shows_cards() {
        return standings;
    }
    let mut later = BTreeSet::new();
    let mut failed = false;
    let new = listing.items.iter().filter(|item| !known.contains(&item.id));
    for (asked, item) in new.enumerate() {
        if failed || asked >= MOST_ASKED {
            later.insert(item.id.clone());
            continue;
        }
        match tracker.standing(item).await {
            Ok(standing) => {
                standings.extend(standing.map(|standing| (item.id.clone(), standing)));
            }
            Err(error) => {
                failed = is_about_all(&error);
                later.insert(item.id.clone());
                listing.problems.push(ItemProblem {
                    file: PathBuf::from(item.id.as_str()),
                    line: None,
                    column: None,
                    reason: format!("what was noted at it cannot be read: {error}"),
                    hint: None,
                });
            }
        }
    }
    listing.items.retain(|item| !later.contains(&item.id));
    listing.unreadable.extend(later);
    listing.unreadable.sort();
    listing.problems.sort();
    standings
}

/// Whether the other items would fare no better.
fn is_about_all(error: &TrackerError) -> bool {
    matches!(
        error,
        TrackerError::Limited { .. }
            | TrackerError::Credentials { .. }
            | TrackerError::Unavailable { .. }
    )
}
