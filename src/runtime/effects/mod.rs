//! Effects: what the log asks for, done. One file per family; results go back to the loop.

pub mod checks;
mod clean_up;
mod create;
mod deliver;
mod prepare;
mod tracker;
pub(in crate::runtime) mod turn;
pub mod workflow;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::domain::change::Workspace;
use crate::domain::effect::Effect;
use crate::domain::failure::Failure;
use crate::domain::ids::{EffectKey, ProjectId, RunId};
use crate::domain::item_record::ItemRecord;
use crate::domain::work_item::WorkItem;
use crate::forges::Forge;
use crate::pipeline::input::{Input, PreparedTurn};
use crate::pipeline::state::RunState;
use crate::process::redact::Redactor;
use crate::store::Store;
use crate::trackers::Tracker;
use crate::workspaces::Workspaces;

use super::agents::Agents;
use super::clock::{Clock, IdSource};
use super::confining::Confining;
use super::engine::{TrackerFailure, Written};
use super::state_dir::StateDir;

/// Everything effects may use.
#[derive(Clone)]
pub struct Ports {
    /// The log.
    pub store: Arc<dyn Store>,
    /// Worktrees.
    pub workspaces: Arc<dyn Workspaces>,
    /// Trackers by source word.
    pub trackers: BTreeMap<String, Arc<dyn Tracker>>,
    /// Where projects offer their changes, or why that cannot be done.
    pub forges: BTreeMap<ProjectId, Result<Arc<dyn Forge>, String>>,
    /// Configured agents.
    pub agents: Agents,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Identifiers.
    pub ids: Arc<dyn IdSource>,
    /// Where state lives.
    pub dirs: StateDir,
    /// Takes secrets out of everything that is stored or shown.
    pub redactor: Redactor,
    /// Environment of the projects' checks, complete but for the marker.
    pub check_environment: BTreeMap<String, String>,
    /// Path of the running program, which is also every keeper and the scripted agent.
    pub own_program: PathBuf,
    /// How agents are kept.
    pub keeper: KeeperSettings,
    /// How agents are confined.
    pub confining: Confining,
}

/// How agents are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeeperSettings {
    /// Milliseconds that an agent goes on while no daemon is there.
    pub orphan_grace_ms: u64,
}

/// One effect to be done, with copies of what it needs to know.
pub struct Job {
    /// Its key.
    pub key: EffectKey,
    /// What it is.
    pub effect: Effect,
    /// The run it belongs to, as it is now.
    pub run: Option<RunState>,
    /// The item it concerns, as it is now.
    pub item: Option<ItemRecord>,
    /// Set when it shall stop.
    pub cancel: CancellationToken,
    /// Set when an agent shall be left to the next daemon.
    pub leave: CancellationToken,
    /// The way back to the loop.
    pub desk: Desk,
}

/// What became of an effect.
#[derive(Debug)]
pub enum Done {
    /// Something happened to its run.
    Run(Input),
    /// Its item's tracker was written, or could not be.
    Tracker(Result<Written, TrackerFailure>),
    /// A part of its item was created, or could not be.
    Created(Result<WorkItem, TrackerFailure>),
    /// It was stopped before it came to anything; it is still wanted.
    Stopped,
}

/// The way from an effect to the loop.
#[derive(Clone)]
pub struct Desk {
    sender: tokio::sync::mpsc::Sender<Message>,
}

/// What effects say to the loop.
#[derive(Debug)]
pub enum Message {
    /// A turn is ready to start; its process may be started when the answer is yes.
    TurnPrepared {
        /// The effect.
        key: EffectKey,
        /// The run.
        run: RunId,
        /// The turn.
        turn: Box<PreparedTurn>,
        /// The answer, given after the turn's start is stored.
        go: oneshot::Sender<bool>,
    },
    /// An effect is over.
    Over {
        /// The effect.
        key: EffectKey,
        /// Its run.
        run: Option<RunId>,
        /// What became of it.
        done: Box<Done>,
    },
}

impl Desk {
    /// A desk that sends to `sender`.
    #[must_use]
    pub fn new(sender: tokio::sync::mpsc::Sender<Message>) -> Self {
        Self { sender }
    }

    /// Asks for a turn's start to be stored. Whether its process may be started.
    pub(super) async fn begin_turn(&self, key: &EffectKey, run: RunId, turn: PreparedTurn) -> bool {
        let (go, answer) = oneshot::channel();
        let message = Message::TurnPrepared { key: key.clone(), run, turn: Box::new(turn), go };
        self.sender.send(message).await.is_ok() && answer.await.unwrap_or(false)
    }

    /// Says what became of an effect.
    pub(super) async fn over(&self, key: EffectKey, run: Option<RunId>, done: Done) {
        // The loop is gone only when the daemon is; the effect is still in the log then.
        let _gone = self.sender.send(Message::Over { key, run, done: Box::new(done) }).await;
    }
}

/// Does one effect and reports to the loop. Never panics on failures of the world: they are results.
pub async fn execute(ports: Arc<Ports>, job: Job) {
    let (key, run, desk) = (job.key.clone(), job.effect.run(), job.desk.clone());
    let done = match &job.effect {
        Effect::PrepareWorkspace { .. } => prepare::execute(&ports, &job).await,
        Effect::RunTurn { turn, .. } => Box::pin(turn::execute(&ports, &job, *turn)).await,
        Effect::RunChecks { execution, .. } => checks::execute(&ports, &job, *execution).await,
        Effect::Deliver { execution, .. } => deliver::execute(&ports, &job, *execution).await,
        Effect::CleanUp { keep, .. } => clean_up::execute(&ports, &job, *keep).await,
        Effect::UpdateTracker { item, number, state, entry, card } => {
            let wish =
                tracker::Wish { number: *number, state: *state, entry, card: card.as_deref() };
            tracker::execute(&ports, &job, item, wish).await
        }
        Effect::CreateItem { parent, number, .. } => {
            create::execute(&ports, &job, parent, *number).await
        }
    };
    desk.over(key, run, done).await;
}

/// The result that says an effect failed for `failure`, in the terms of its kind.
#[must_use]
pub fn failed(effect: &Effect, failure: Failure) -> Done {
    match effect {
        Effect::PrepareWorkspace { .. } => Done::Run(Input::WorkspaceFailed { failure }),
        Effect::RunTurn { turn, .. } => Done::Run(Input::TurnNotStarted { turn: *turn, failure }),
        Effect::RunChecks { execution, .. } => {
            Done::Run(Input::ChecksFailed { execution: *execution, failure })
        }
        Effect::Deliver { execution, .. } => {
            Done::Run(Input::DeliveryFailed { execution: *execution, failure })
        }
        Effect::CleanUp { .. } => Done::Run(Input::CleanedUp { kept: true, salvaged: None }),
        Effect::UpdateTracker { .. } => {
            Done::Tracker(Err(TrackerFailure { message: failure.message, again: true, wait: None }))
        }
        Effect::CreateItem { .. } => {
            Done::Created(Err(TrackerFailure { message: failure.message, again: true, wait: None }))
        }
    }
}

/// What happened to a turn that was stored as started and whose end nobody saw.
#[must_use]
pub fn turn_lost(turn: u32, failure: Failure) -> Input {
    turn::lost(turn, failure)
}

/// The run's state and worktree, which every effect but the first needs.
fn workspace_of(job: &Job) -> Result<(&RunState, &Workspace), Failure> {
    job.run
        .as_ref()
        .and_then(|state| state.workspace.as_ref().map(|workspace| (state, workspace)))
        .ok_or_else(|| Failure::infrastructure("the run has no worktree on record"))
}
