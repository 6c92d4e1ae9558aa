//! A tracker without a disk: for `simulate` and for tests. Keeps every rule of the port, so that what works here works
//! on a real tracker.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use sha2::{Digest, Sha256};

use super::{
    ItemProblem, Listing, NewItem, Tracker, TrackerError, TrackerUpdate, Updated, log_line,
};
use crate::domain::ids::ItemId;
use crate::domain::work_item::{ItemState, Overrides, WorkItem};

/// Work items in memory, edited by `put`, `damage` and `withdraw` as people would edit files.
#[derive(Debug)]
pub struct InMemoryTracker {
    source: String,
    shelf: Mutex<Shelf>,
}

#[derive(Debug, Default)]
struct Shelf {
    items: BTreeMap<ItemId, Slot>,
    refusals: VecDeque<String>,
}

#[derive(Debug)]
struct Slot {
    item: WorkItem,
    damage: Option<String>,
    marks: Vec<String>,
    log: Vec<String>,
}

impl InMemoryTracker {
    /// An empty tracker whose items are called `<source>/…`.
    #[must_use]
    pub fn new(source: impl Into<String>) -> Self {
        Self { source: source.into(), shelf: Mutex::default() }
    }

    /// Adds an item, or replaces what people wrote in it (its log stays). The revision is computed, whatever `item`
    /// says.
    ///
    /// # Errors
    /// [`TrackerError::ForeignItem`] when the identifier belongs to another tracker.
    pub fn put(&self, item: WorkItem) -> Result<(), TrackerError> {
        self.own(&item.id)?;
        let item = revised(item);
        let mut shelf = self.shelf();
        match shelf.items.get_mut(&item.id) {
            Some(slot) => {
                slot.item = item;
                slot.damage = None;
            }
            None => {
                let slot = Slot { item, damage: None, marks: Vec::new(), log: Vec::new() };
                shelf.items.insert(slot.item.id.clone(), slot);
            }
        }
        Ok(())
    }

    /// Makes an item unreadable until it is `put` again. An unknown item stays unknown.
    pub fn damage(&self, item: &ItemId, reason: impl Into<String>) {
        if let Some(slot) = self.shelf().items.get_mut(item) {
            slot.damage = Some(reason.into());
        }
    }

    /// Removes an item, as a person deleting its file would.
    pub fn withdraw(&self, item: &ItemId) {
        self.shelf().items.remove(item);
    }

    /// Makes the next call (`list` or `update`) fail with `reason`; several refusals queue up.
    pub fn refuse_next(&self, reason: impl Into<String>) {
        self.shelf().refusals.push_back(reason.into());
    }

    /// The log lines of an item, oldest first.
    #[must_use]
    pub fn log(&self, item: &ItemId) -> Vec<String> {
        self.shelf().items.get(item).map(|slot| slot.log.clone()).unwrap_or_default()
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn own(&self, item: &ItemId) -> Result<(), TrackerError> {
        if item.source() == self.source {
            return Ok(());
        }
        Err(TrackerError::ForeignItem { item: item.clone(), tracker: self.source.clone() })
    }

    fn admit(&self, shelf: &mut Shelf) -> Result<(), TrackerError> {
        match shelf.refusals.pop_front() {
            Some(reason) => Err(TrackerError::Unavailable { tracker: self.source.clone(), reason }),
            None => Ok(()),
        }
    }
}

#[async_trait]
impl Tracker for InMemoryTracker {
    fn source(&self) -> &str {
        &self.source
    }

    async fn list(&self) -> Result<Listing, TrackerError> {
        let mut shelf = self.shelf();
        self.admit(&mut shelf)?;
        let mut listing = Listing::default();
        for (id, slot) in &shelf.items {
            match &slot.damage {
                None => listing.items.push(slot.item.clone()),
                Some(reason) => {
                    listing.problems.push(problem(id, reason));
                    listing.unreadable.push(id.clone());
                }
            }
        }
        Ok(listing)
    }

    async fn update(&self, update: &TrackerUpdate) -> Result<Updated, TrackerError> {
        self.own(&update.item)?;
        let mut shelf = self.shelf();
        self.admit(&mut shelf)?;
        let unknown = || TrackerError::UnknownItem { item: update.item.clone() };
        let slot = shelf.items.get_mut(&update.item).ok_or_else(unknown)?;
        if let Some(reason) = &slot.damage {
            let problem = Box::new(problem(&update.item, reason));
            return Err(TrackerError::Unreadable { item: update.item.clone(), problem });
        }
        let mark = log_line::mark(&update.key);
        let already = slot.marks.contains(&mark);
        if !already {
            if let Some(state) = update.state.filter(|_| slot.item.state == update.from) {
                slot.item.state = state;
                slot.item = revised(slot.item.clone());
            }
            slot.marks.push(mark);
            slot.log.push(log_line::render(update.at, &update.entry, &update.key));
        }
        let current = slot.item.clone();
        Ok(Updated {
            revision: current.revision.clone(),
            already,
            state_skipped: update
                .state
                .filter(|wanted| *wanted != current.state)
                .map(|_| current.state),
            current,
            refused: None,
        })
    }

    async fn create(&self, item: &NewItem) -> Result<WorkItem, TrackerError> {
        self.own(&item.parent)?;
        let mut shelf = self.shelf();
        self.admit(&mut shelf)?;
        let id = ItemId(format!("{}.{}", item.parent, item.number));
        let mark = log_line::mark(&item.key);
        if let Some(slot) = shelf.items.get(&id) {
            return if slot.marks.contains(&mark) {
                Ok(slot.item.clone())
            } else {
                let (tracker, action) =
                    (self.source.clone(), "create a part of an item".to_owned());
                let reason = format!("{id} is another item");
                Err(TrackerError::Refused { tracker, action, reason })
            };
        }
        if !shelf.items.contains_key(&item.parent) {
            return Err(TrackerError::UnknownItem { item: item.parent.clone() });
        }
        let created = revised(WorkItem {
            id: id.clone(),
            project: item.project.clone(),
            title: item.title.clone(),
            body: item.body.clone(),
            state: ItemState::Todo,
            priority: item.priority,
            labels: Vec::new(),
            lane: item.lane,
            blocked_by: item.blocked_by.clone(),
            parent: Some(item.parent.clone()),
            author: item.author.clone(),
            trust: item.trust,
            created_at: Some(item.at),
            revision: String::new(),
            overrides: Overrides::default(),
        });
        let entry = format!("part {} of {}", item.number, item.parent.identifier());
        let log = vec![log_line::render(item.at, &entry, &item.key)];
        let slot = Slot { item: created.clone(), damage: None, marks: vec![mark], log };
        shelf.items.insert(id, slot);
        Ok(created)
    }
}

fn problem(item: &ItemId, reason: &str) -> ItemProblem {
    ItemProblem {
        file: PathBuf::from(item.as_str()),
        line: None,
        column: None,
        reason: reason.to_owned(),
        hint: None,
    }
}

/// `item` with the revision that follows from everything else in it.
fn revised(mut item: WorkItem) -> WorkItem {
    item.revision.clear();
    item.revision = hex::encode(Sha256::digest(format!("{item:?}")));
    item
}
