//! The snapshot planning sees: value types only, collected by the runtime.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::budget::ledger::Ledger;
use crate::domain::ids::{ItemId, ProjectId, RunId};
use crate::domain::item_record::ItemRecord;
use crate::domain::ops::OpsState;
use crate::domain::time::Timestamp;

/// A run that is not finished.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActiveRun {
    /// The run.
    pub run: RunId,
    /// The item it works on.
    pub item: ItemId,
    /// The project it works in.
    pub project: ProjectId,
    /// Names of the agents its current and next stages use; a repeated name counts once.
    pub agents: Vec<String>,
    /// Whether it waits before trying a step again. It keeps its slots: it goes on by itself.
    pub waiting: bool,
}

/// A usage window that a provider has closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClosedWindow {
    /// When it reopens.
    pub until: Timestamp,
    /// What the provider said.
    pub message: String,
}

/// Everything planning may know.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct World {
    /// Every item ever seen, by identity.
    pub items: BTreeMap<ItemId, ItemRecord>,
    /// Pause, turbo and the chosen default provider.
    pub ops: OpsState,
    /// Runs that are not finished.
    pub active: Vec<ActiveRun>,
    /// When runs started, and in which project. Older ones than the pace window are ignored.
    pub starts: Vec<(Timestamp, ProjectId)>,
    /// What was spent in the last week.
    pub spent: Ledger,
    /// Agents whose provider has said that nothing more is to be had before an instant, by name.
    pub closed_windows: BTreeMap<String, ClosedWindow>,
    /// Agents that are said to be signed in again and that a run is about to try.
    pub trying: BTreeSet<String>,
    /// Parts that planners under way may come to.
    pub parts_planned: u32,
    /// Items whose tracker copy exists but cannot be read now.
    pub unreadable: BTreeSet<ItemId>,
    /// Configured agents that cannot be used now, and why.
    pub unavailable_agents: BTreeMap<String, String>,
}
