//! Who waits for whom, through any number of items: open blockers, where a chain ends, who waits for itself.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::ids::ItemId;
use crate::domain::item_record::{ItemRecord, ItemStatus};
use crate::domain::work_item::ItemState;

use super::because::{Blocker, BlockerState};
use super::components::{shortest_cycle, strongly_connected};

/// Most items of a cycle that are named.
const NAMED_CYCLE: usize = 8;

/// The dependencies between all items of a world.
pub(crate) struct Dependencies<'a> {
    ids: Vec<&'a ItemId>,
    records: Vec<&'a ItemRecord>,
    /// Per item that is not settled: what it still waits for, sorted.
    blockers: Vec<Vec<&'a ItemId>>,
    /// Per item: the way back to itself, if there is one.
    cycle: Vec<Option<Way>>,
    /// Per item: the item at the end of the chain that begins with its first blocker.
    chain_end: Vec<Option<&'a ItemId>>,
}

/// The beginning of a cycle and its whole length.
#[derive(Clone)]
struct Way {
    named: Vec<usize>,
    length: usize,
}

/// Whether dependents of the item may go on: its tracker says so, or we delivered it into the base. A change that waits on
/// a branch for people is not there yet for whoever starts from the base.
pub(crate) fn is_done(record: &ItemRecord) -> bool {
    record.item.state == ItemState::Done || (record.status == ItemStatus::Done && !record.in_review)
}

/// Whether something may still happen to the item.
pub(crate) fn is_open(record: &ItemRecord) -> bool {
    record.present && !record.status.is_settled() && !record.item.state.is_terminal()
}

impl<'a> Dependencies<'a> {
    /// Looks at every link between `items`.
    pub(crate) fn new(items: &'a BTreeMap<ItemId, ItemRecord>) -> Self {
        let ids: Vec<&ItemId> = items.keys().collect();
        let records: Vec<&ItemRecord> = items.values().collect();
        let blockers = records.iter().map(|record| open_blockers(items, record)).collect();
        let nothing = vec![None; ids.len()];
        let cycle = vec![None; ids.len()];
        let mut found = Self { ids, records, blockers, cycle, chain_end: nothing };
        let edges = found.edges();
        let components = strongly_connected(&edges);
        found.find_cycles(&edges, &components);
        for node in components.into_iter().flatten() {
            found.chain_end[node] = found.end_of(node);
        }
        found
    }

    /// The first `limit` items `item` still waits for, and how many there are.
    pub(crate) fn blockers_of(&self, item: &ItemId, limit: usize) -> (Vec<Blocker>, usize) {
        let all = self.index(item).map_or(&[][..], |node| self.blockers[node].as_slice());
        (all.iter().take(limit).map(|blocker| self.describe(blocker)).collect(), all.len())
    }

    /// The item at the end of the chain that begins with the first blocker, if that is another item.
    pub(crate) fn chain_end_of(&self, item: &ItemId) -> Option<Blocker> {
        let node = self.index(item)?;
        let end = self.chain_end[node]?;
        (self.blockers[node].first() != Some(&end)).then(|| self.describe(end))
    }

    /// If `item` waits for itself: the first items of the way back, and the length of the whole way.
    pub(crate) fn cycle_of(&self, item: &ItemId) -> Option<(Vec<ItemId>, usize)> {
        let way = self.cycle[self.index(item)?].as_ref()?;
        Some((way.named.iter().map(|node| self.ids[*node].clone()).collect(), way.length))
    }

    fn index(&self, item: &ItemId) -> Option<usize> {
        self.ids.binary_search(&item).ok()
    }

    /// What each open item waits for: its blockers, and for a parent its open children (so that a child blocked by its
    /// own parent is seen to wait for itself).
    fn edges(&self) -> Vec<Vec<usize>> {
        let mut edges: Vec<Vec<usize>> = self
            .blockers
            .iter()
            .map(|names| names.iter().filter_map(|name| self.index(name)).collect())
            .collect();
        for (node, record) in self.records.iter().enumerate() {
            let parent = record.item.parent.as_ref().and_then(|parent| self.index(parent));
            if let Some(parent) = parent
                && parent != node
                && is_open(record)
                && is_open(self.records[parent])
            {
                edges[parent].push(node);
            }
        }
        edges
    }

    fn find_cycles(&mut self, edges: &[Vec<usize>], components: &[Vec<usize>]) {
        let mut component = vec![0; edges.len()];
        for (number, members) in components.iter().enumerate() {
            for &member in members {
                component[member] = number;
            }
        }
        for members in components {
            let path = shortest_cycle(edges, &component, members[0]);
            if path.is_empty() {
                continue;
            }
            for &member in members {
                let start = path.iter().position(|node| *node == member).unwrap_or(0);
                let around = path.iter().cycle().skip(start).take(path.len());
                let named = around.take(NAMED_CYCLE).copied().collect();
                self.cycle[member] = Some(Way { named, length: path.len() });
            }
        }
    }

    /// Called for blockers before the items that wait for them.
    fn end_of(&self, node: usize) -> Option<&'a ItemId> {
        if self.cycle[node].is_some() {
            return None;
        }
        let first = *self.blockers[node].first()?;
        let further = self.index(first).and_then(|blocker| self.chain_end[blocker]);
        Some(further.unwrap_or(first))
    }

    fn describe(&self, item: &ItemId) -> Blocker {
        let state = match self.index(item) {
            None => BlockerState::Unknown,
            Some(node) if self.cycle[node].is_some() => BlockerState::InCycle,
            Some(node) => state_of(self.records[node]),
        };
        Blocker { item: item.clone(), state }
    }
}

/// Blockers of an item that may still run and that are not done, sorted and without repeats.
fn open_blockers<'a>(
    items: &BTreeMap<ItemId, ItemRecord>,
    record: &'a ItemRecord,
) -> Vec<&'a ItemId> {
    if !is_open(record) {
        return Vec::new();
    }
    let sorted: BTreeSet<&ItemId> = record.item.blocked_by.iter().collect();
    sorted.into_iter().filter(|id| !items.get(*id).is_some_and(is_done)).collect()
}

fn state_of(record: &ItemRecord) -> BlockerState {
    if record.status == ItemStatus::Cancelled || record.item.state == ItemState::Cancelled {
        BlockerState::Cancelled
    } else if record.status == ItemStatus::Failed {
        BlockerState::Failed
    } else if !record.present {
        BlockerState::Withdrawn
    } else {
        BlockerState::Open(record.status)
    }
}
