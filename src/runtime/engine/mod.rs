//! The synchronous heart of the dispatcher: takes one input at a time, decides, and says what must be stored.
//!
//! The engine's state is the fold of the log for everything that is not over. It changes only together with a batch that
//! the caller must store before acting on anything the engine says; if storing fails, the engine is ahead of the log and
//! must be thrown away.

mod affording;
mod chats;
mod claims;
mod closing;
mod commands;
pub mod drain;
mod epics;
mod items;
mod lane_views;
mod lanes;
mod logins;
mod offers;
mod outbox;
mod planning;
mod provider;
mod recording;
mod runs;
pub mod stopping;
mod submitting;
mod views;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::domain::budget::ledger::Ledger;
use crate::domain::command::Command;
use crate::domain::effect::Effect;
use crate::domain::event::Event;
use crate::domain::ids::{EffectKey, ItemId, ProjectId, RunId};
use crate::domain::item_record::ItemRecord;
use crate::domain::ops::OpsState;
use crate::domain::policy::Policy;
use crate::domain::pull_request::PullRequest;
use crate::domain::standing::Standing;
use crate::domain::time::Timestamp;
use crate::domain::work_item::WorkItem;
use crate::pipeline;
use crate::pipeline::state::RunState;
use crate::planner::report::Report;
use crate::planner::world::ClosedWindow;
use crate::store::batch::{Batch, LeaseChange, NewEffect, SettleEffect, StreamAppend};

use super::clock::IdSource;

pub use chats::{Asked, Chat};
use stopping::Departure;

pub use lane_views::{LanesView, LedgerView, ProposalView, SessionView, UnmetView, VerdictView};
pub use offers::{Unread, Watched, problem_source};
pub use outbox::Wanted;
pub use provider::{AgentView, ProviderView};
pub use views::{
    Explanation, HeldView, ItemView, PullRequestView, RefusedAgent, RunView, Status, SwitchView,
};

/// How long a lease lasts without renewal. Three missed renewals of 20 s.
pub const LEASE: Duration = Duration::from_secs(60);

/// Everything that can wake the loop.
#[derive(Debug)]
pub enum Input {
    /// A tracker was read.
    Observed {
        /// Its source word.
        source: String,
        /// Every item it has.
        items: Vec<WorkItem>,
        /// Items it has but could not be read.
        unreadable: Vec<ItemId>,
        /// What is wrong with its files, for people.
        problems: Vec<String>,
        /// When the reading began: what was written since is not in it.
        began: Timestamp,
        /// How items that nobody has seen before stood when the factory last wrote to them.
        standings: BTreeMap<ItemId, Standing>,
    },
    /// A tracker could not be read: what is known of it stays as it is.
    NotObserved {
        /// Its source word.
        source: String,
        /// Why.
        message: String,
    },
    /// Something happened to a run.
    Run {
        /// Which.
        run: RunId,
        /// The effect it comes from, if it comes from one.
        key: Option<EffectKey>,
        /// Whether the effect is over with it.
        settles: bool,
        /// What happened.
        input: pipeline::input::Input,
    },
    /// A tracker was written.
    TrackerWritten {
        /// The effect.
        key: EffectKey,
        /// What it came to, or why it failed (and whether trying again makes sense).
        result: Result<Written, TrackerFailure>,
    },
    /// A part of a divided item was created in its tracker.
    PartCreated {
        /// The effect.
        key: EffectKey,
        /// The new item, or why there is none (and whether trying again makes sense).
        result: Result<WorkItem, TrackerFailure>,
    },
    /// A pull request of ours was read.
    PullRequestRead {
        /// Which.
        watched: Watched,
        /// How it stands, or why that is not known.
        result: Box<Result<PullRequest, Unread>>,
    },
    /// Someone asks for something.
    Command {
        /// What.
        command: Command,
        /// Who (`human:cli:ann`).
        actor: String,
    },
    /// Someone in a chat asks for something, or a chat surface puts down how far it is.
    Chat(Chat),
    /// Time passed, or capacity changed: plan.
    Plan,
    /// The configuration changed.
    Reconfigured {
        /// The new rules.
        policy: Arc<Policy>,
    },
    /// Agents were probed.
    AgentsProbed {
        /// Names of those that cannot be used, and why.
        unavailable: BTreeMap<String, String>,
    },
    /// This daemon took over.
    Started {
        /// Version of the program.
        version: String,
    },
    /// This daemon stops in order.
    Stopping {
        /// At whose wish.
        departure: Departure,
    },
}

/// An item's tracker was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The item's copy there now.
    pub current: WorkItem,
    /// What was refused of the update for good, and why.
    pub refused: Option<String>,
}

/// Why an item's tracker could not be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrackerFailure {
    /// The sentence for people.
    pub message: String,
    /// Whether it may work later.
    pub again: bool,
    /// For how long the tracker wants to be left alone, if it said so.
    pub wait: Option<Duration>,
}

/// Answer to a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Whether it was carried out.
    pub accepted: bool,
    /// The sentence for people.
    pub message: String,
    /// The item concerned.
    pub item: Option<ItemId>,
    /// The run concerned.
    pub run: Option<RunId>,
}

/// What handling one input yields.
#[derive(Debug)]
pub struct Handled {
    /// What must be stored before anything else; `None` when nothing changed.
    pub batch: Option<Batch>,
    /// Runs whose tasks must be stopped after that.
    pub stop: Vec<RunId>,
    /// The answer to a command.
    pub reply: Option<Reply>,
    /// Why an input changed nothing.
    pub ignored: Option<&'static str>,
}

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
}

/// The fold of the log for everything that is not over, and the rules to go by.
pub struct Engine {
    items: BTreeMap<ItemId, ItemRecord>,
    runs: BTreeMap<RunId, RunState>,
    ops: OpsState,
    outbox: outbox::Outbox,
    drains: drain::Drains,
    starts: Vec<(Timestamp, ProjectId)>,
    spent: Ledger,
    closed_windows: BTreeMap<String, ClosedWindow>,
    fences: BTreeMap<String, u64>,
    absent: BTreeMap<ItemId, u32>,
    written: BTreeMap<ItemId, Timestamp>,
    unreadable: BTreeSet<ItemId>,
    problems: BTreeMap<String, Vec<String>>,
    unavailable_agents: BTreeMap<String, String>,
    policy: Arc<Policy>,
    identity: Identity,
    ids: Arc<dyn IdSource>,
    report: Option<Report>,
    readings: offers::Readings,
    intake_open: bool,
    pending: Pending,
}

/// The batch in the making.
#[derive(Debug, Default)]
struct Pending {
    streams: Vec<StreamAppend>,
    effects: Vec<NewEffect>,
    settle: Vec<SettleEffect>,
    fences: Vec<(String, u64)>,
    leases: Vec<LeaseChange>,
    stop: Vec<RunId>,
    actor: Option<String>,
    correlation: Option<uuid::Uuid>,
}

impl Engine {
    /// An engine over what the store has.
    #[must_use]
    pub fn new(
        loaded: Loaded,
        policy: Arc<Policy>,
        identity: Identity,
        ids: Arc<dyn IdSource>,
    ) -> Self {
        let closed_windows = affording::closed_windows(&loaded.runs, &policy);
        Self {
            closed_windows,
            items: loaded.items.into_iter().map(|item| (item.item.id.clone(), item)).collect(),
            runs: loaded.runs.into_iter().map(|run| (run.id, run)).collect(),
            ops: loaded.ops,
            outbox: outbox::Outbox::new(loaded.effects, loaded.failures),
            drains: drain::Drains::new(loaded.parked),
            starts: loaded.starts,
            spent: loaded.spent,
            fences: loaded.fences,
            absent: BTreeMap::new(),
            written: BTreeMap::new(),
            unreadable: BTreeSet::new(),
            problems: BTreeMap::new(),
            unavailable_agents: BTreeMap::new(),
            policy,
            identity,
            ids,
            report: None,
            readings: offers::Readings::default(),
            intake_open: true,
            pending: Pending::default(),
        }
    }

    /// Takes one input. The returned batch must be stored, in order with those of other inputs, before anything that the
    /// engine says is acted on.
    pub fn handle(&mut self, input: Input, now: Timestamp) -> Handled {
        self.pending = Pending::default();
        let mut reply = None;
        let mut ignored = None;
        match input {
            Input::Observed { source, items, unreadable, problems, began, standings } => {
                self.problems.insert(source.clone(), problems);
                self.observe(&source, (items, standings), unreadable, began, now);
            }
            Input::NotObserved { source, message } => {
                self.problems.insert(source, vec![message]);
            }
            Input::Run { run, key, settles, input } => {
                ignored = self.handle_run(run, key.as_ref(), settles, input, now);
            }
            Input::TrackerWritten { key, result } => self.tracker_written(&key, result, now),
            Input::PartCreated { key, result } => self.part_created(&key, result, now),
            Input::PullRequestRead { watched, result } => {
                self.pull_request_read(&watched, *result, now);
            }
            Input::Command { command, actor } => {
                self.pending.actor = Some(actor.clone());
                reply = Some(self.command(command, &actor, now));
            }
            Input::Chat(chat) => reply = self.chat(chat, now),
            Input::Plan => self.plan(now),
            Input::Reconfigured { policy } => {
                self.policy = policy;
                self.doubt_refusals(now);
                self.hasten_deliveries(now);
            }
            Input::AgentsProbed { unavailable } => self.unavailable_agents = unavailable,
            Input::Started { version } => self.started(version, now),
            Input::Stopping { departure } => self.stopping(departure, now),
        }
        self.handled(reply, ignored, now)
    }

    /// Instance id of this start.
    #[must_use]
    pub fn instance(&self) -> &str {
        &self.identity.instance
    }

    /// Whether intake is open: whether planning starts new runs.
    pub fn open_intake(&mut self, open: bool) {
        self.intake_open = open;
    }

    fn handled(
        &mut self,
        reply: Option<Reply>,
        ignored: Option<&'static str>,
        now: Timestamp,
    ) -> Handled {
        let pending = std::mem::take(&mut self.pending);
        let empty = pending.streams.is_empty()
            && pending.effects.is_empty()
            && pending.settle.is_empty()
            && pending.leases.is_empty();
        let batch = (!empty).then(|| Batch {
            streams: pending.streams,
            at: now,
            actor: pending.actor.unwrap_or_else(|| "system:dispatcher".to_owned()),
            correlation: pending.correlation,
            causation: None,
            idempotency: None,
            effects: pending.effects,
            settle: pending.settle,
            fences: pending.fences,
            leases: pending.leases,
            epoch: self.identity.epoch,
        });
        Handled { batch, stop: pending.stop, reply, ignored }
    }

    fn started(&mut self, version: String, now: Timestamp) {
        let event = Event::DaemonStarted {
            instance: self.identity.instance.clone(),
            version,
            epoch: self.identity.epoch,
        };
        self.record_ops(event, now);
        self.hasten_deliveries(now);
    }
}

#[cfg(test)]
mod tests;
