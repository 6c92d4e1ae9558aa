//! What an engine begins with: what the store has, and who it decides for.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::domain::budget::ledger::Ledger;
use crate::domain::effect::Effect;
use crate::domain::ids::{EffectKey, ProjectId};
use crate::domain::item_record::ItemRecord;
use crate::domain::ops::OpsState;
use crate::domain::time::Timestamp;
use crate::pipeline::state::RunState;

/// What the engine starts from.
#[derive(Debug, Default)]
pub struct Loaded {
    /// Every item.
    pub items: Vec<ItemRecord>,
    /// Runs that are not over or not cleaned up.
    pub runs: Vec<RunState>,
    /// Pause, turbo and the chosen default provider.
    pub ops: OpsState,
    /// Open effects.
    pub effects: Vec<(Effect, Timestamp)>,
    /// How often open effects have failed, and why they did last.
    pub failures: Vec<(EffectKey, u32, String)>,
    /// Updates for trackers that were given up, and why.
    pub parked: Vec<(Effect, String)>,
    /// Recent starts.
    pub starts: Vec<(Timestamp, ProjectId)>,
    /// What was spent in the last week.
    pub spent: Ledger,
    /// Highest fence per leased resource.
    pub fences: BTreeMap<String, u64>,
}

/// Who this daemon is.
#[derive(Debug, Clone)]
pub struct Identity {
    /// Instance id of this start.
    pub instance: String,
    /// Epoch of this start.
    pub epoch: u64,
    /// Sources that have a tracker to write to.
    pub sources: BTreeSet<String>,
    /// Those of them that show how a run stands, and not only a line about it.
    pub cards: BTreeSet<String>,
    /// How items are taken in their trackers.
    pub leasing: Leasing,
}

/// How items are taken in their trackers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Leasing {
    /// Sources whose items are taken there before they are worked on.
    pub sources: BTreeSet<String>,
    /// For how long each time.
    pub span: Duration,
}
