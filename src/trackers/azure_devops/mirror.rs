//! What is known of the board between two readings of it.

use std::collections::{BTreeMap, BTreeSet};

use super::item::{self, id_of, number_of, revised, shape};
use super::process::Process;
use super::wire::RawItem;
use super::{AzureSettings, Listing};
use crate::domain::ids::ItemId;
use crate::domain::time::Timestamp;
use crate::domain::work_item::{ItemState, WorkItem};
use crate::trackers::ItemProblem;

/// The board as it was read last, and changed by us since.
#[derive(Default)]
pub(super) struct Mirror {
    /// Every item of the board; `None` when it is on the board and could not be read.
    entries: BTreeMap<u64, Option<RawItem>>,
    /// Items that others wait for and that are not on the board: whether they are done.
    others: BTreeMap<u64, bool>,
    /// Items that were no longer on the board at the last reading.
    pub(super) gone: BTreeSet<u64>,
    /// What is true up to then is known, by the service's clock; absent before the first reading.
    pub(super) known_until: Option<Timestamp>,
}

impl Mirror {
    /// Numbers of everything on the board.
    pub(super) fn numbers(&self) -> BTreeSet<u64> {
        self.entries.keys().copied().collect()
    }

    /// Keeps what was read of the items on the board; `on_board` are all of them. What is newer here stays.
    pub(super) fn take(
        &mut self,
        on_board: &BTreeSet<u64>,
        asked: &BTreeSet<u64>,
        read: Vec<RawItem>,
    ) {
        self.gone = self.numbers().difference(on_board).copied().collect();
        self.entries.retain(|number, _| on_board.contains(number));
        for number in asked.intersection(on_board) {
            self.entries.entry(*number).or_insert(None);
        }
        let mut unread = asked.clone();
        for raw in read {
            unread.remove(&raw.id);
            if on_board.contains(&raw.id) {
                self.put(raw);
            }
        }
        for number in unread {
            if let Some(entry) = self.entries.get_mut(&number) {
                *entry = None;
            }
        }
    }

    /// Whether the item with this number is on the board.
    pub(super) fn has(&self, number: u64) -> bool {
        self.entries.contains_key(&number)
    }

    /// How many comments the item with this number has, if the service says so.
    pub(super) fn comments_of(&self, number: u64) -> Option<u64> {
        let raw = self.entries.get(&number)?.as_ref()?;
        raw.fields.get("System.CommentCount")?.as_u64()
    }

    /// Keeps an item of the board as it was just read or written, unless a newer revision of it is known.
    pub(super) fn put(&mut self, raw: RawItem) {
        let Some(known) = self.entries.get_mut(&raw.id) else { return };
        if known.as_ref().is_none_or(|known| known.rev <= raw.rev) {
            *known = Some(raw);
        }
    }

    /// Keeps an item that we have just put on the board.
    pub(super) fn admit(&mut self, raw: RawItem) {
        self.entries.entry(raw.id).or_insert(None);
        self.put(raw);
    }

    /// Whether there is an item of a type or in a state that `process` does not know.
    pub(super) fn has_unknown(&self, process: &Process, settings: &AzureSettings) -> bool {
        let mut read = self.entries.values().flatten();
        read.any(|raw| item::state(raw, process, settings).is_none())
    }

    /// Items that others wait for, not on the board, and not known to be done.
    pub(super) fn awaited(&self, process: &Process, settings: &AzureSettings) -> Vec<u64> {
        let items = self.entries.values().flatten();
        let shaped = items.filter_map(|raw| shape(raw, process, settings).ok());
        let blockers: BTreeSet<u64> =
            shaped.flat_map(|item| item.blocked_by).filter_map(|id| number_of(&id)).collect();
        let open = |number: &u64| {
            !self.entries.contains_key(number) && self.others.get(number) != Some(&true)
        };
        blockers.into_iter().filter(open).collect()
    }

    /// Keeps what was read of items that others wait for.
    pub(super) fn take_awaited(
        &mut self,
        read: &[RawItem],
        process: &Process,
        settings: &AzureSettings,
    ) {
        for raw in read {
            let done = item::state(raw, process, settings) == Some(ItemState::Done);
            self.others.insert(raw.id, done);
        }
    }

    /// The item as the core gets it: it no longer waits for what was done elsewhere.
    pub(super) fn view(
        &self,
        raw: &RawItem,
        process: &Process,
        settings: &AzureSettings,
    ) -> Result<WorkItem, ItemProblem> {
        let mut item = shape(raw, process, settings)?;
        let is_done =
            |id: &ItemId| number_of(id).is_some_and(|it| self.others.get(&it) == Some(&true));
        item.blocked_by.retain(|id| !is_done(id));
        Ok(revised(item))
    }

    /// Everything on the board. With `again`, nothing was read since the last time: what has just gone is then not
    /// missing a second time.
    pub(super) fn listing(
        &self,
        process: &Process,
        settings: &AzureSettings,
        again: bool,
    ) -> Listing {
        let mut listing = Listing::default();
        for (number, entry) in &self.entries {
            let viewed = match entry {
                Some(raw) => self.view(raw, process, settings),
                None => Err(item::problem(
                    *number,
                    "it is on the board and cannot be read".to_owned(),
                    Some("look whether the token may read its area path"),
                )),
            };
            match viewed {
                Ok(item) => listing.items.push(item),
                Err(problem) => {
                    listing.unreadable.push(id_of(*number));
                    listing.problems.push(problem);
                }
            }
        }
        if again {
            listing.unreadable.extend(self.gone.iter().map(|number| id_of(*number)));
        }
        listing.items.sort_by(|left, right| left.id.cmp(&right.id));
        listing.unreadable.sort();
        listing.problems.sort();
        listing
    }
}
