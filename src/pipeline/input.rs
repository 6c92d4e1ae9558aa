//! What can happen to a run, and what deciding about it yields.

use crate::domain::agent::{Stage, TurnReport};
use crate::domain::change::{Change, CheckReport, Delivered, Workspace};
use crate::domain::effect::Effect;
use crate::domain::event::Event;
use crate::domain::failure::Failure;
use crate::domain::lease::{ItemLease, Rival};
use crate::domain::prompt_record::PromptRecord;
use crate::domain::provider::AgentSwitch;
use crate::domain::run::{Interruption, Reception};
use crate::domain::time::Timestamp;
use crate::domain::workflow::Workflow;

/// Everything that can happen to a running run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// The worktree exists.
    WorkspaceReady {
        /// Where.
        workspace: Workspace,
        /// What the repository's own `WORKFLOW.md` asks for, where the operator lets it.
        workflow: Option<Box<Workflow>>,
    },
    /// The worktree could not be made.
    WorkspaceFailed {
        /// Why.
        failure: Failure,
    },
    /// A turn's prompt is ready and its process may be started once this is stored.
    TurnPrepared(Box<PreparedTurn>),
    /// A turn could not be started.
    TurnNotStarted {
        /// Its number.
        turn: u32,
        /// Why.
        failure: Failure,
    },
    /// A turn ended.
    TurnFinished(Box<FinishedTurn>),
    /// The checks ran.
    ChecksFinished {
        /// Number of this execution.
        execution: u32,
        /// The results.
        report: CheckReport,
    },
    /// The checks could not be run.
    ChecksFailed {
        /// Number of this execution.
        execution: u32,
        /// Why.
        failure: Failure,
    },
    /// Delivery succeeded.
    Delivered {
        /// What was done.
        delivered: Delivered,
    },
    /// Delivery failed.
    DeliveryFailed {
        /// Number of this try.
        execution: u32,
        /// Why.
        failure: Failure,
    },
    /// The worktree was dealt with.
    CleanedUp {
        /// Whether it is still there.
        kept: bool,
        /// Commit that holds what was uncommitted.
        salvaged: Option<String>,
    },
    /// The daemon that drove the run went away, and this one took over.
    Interrupted {
        /// How it went.
        cause: Interruption,
        /// The new fencing number.
        fence: u64,
        /// Commit that holds what was uncommitted.
        salvaged: Option<String>,
    },
    /// The daemon that drove the run went away, and this one goes on with its agent.
    Adopted {
        /// The new fencing number.
        fence: u64,
    },
    /// Its item's tracker says that it has the item.
    Leased {
        /// What it has.
        lease: ItemLease,
    },
    /// Its item's tracker says that somebody else has the item.
    Yielded {
        /// Who.
        rival: Rival,
    },
    /// Its item cannot be taken, and asking again is of no use.
    Unleased {
        /// Why.
        failure: Failure,
    },
    /// Someone said something to it.
    Instructed {
        /// Who.
        by: String,
        /// What.
        text: String,
        /// What became of it.
        reception: Reception,
    },
    /// People changed what the item asks for.
    GoalChanged {
        /// The title as it is now.
        title: String,
        /// The text as it is now.
        body: String,
    },
    /// Another agent shall do the next turns of a stage.
    AgentSwitched {
        /// Which stage.
        stage: Stage,
        /// From which agent to which, and why.
        switch: AgentSwitch,
    },
    /// Someone wants it stopped.
    Cancel {
        /// Who.
        by: String,
    },
    /// The item went away or was closed underneath it.
    Supersede {
        /// What happened.
        reason: String,
        /// Whether it is settled: nobody will go on from where the run was.
        settled: bool,
    },
}

impl Input {
    /// The word for logs and late results.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::WorkspaceReady { .. } => "workspace ready",
            Self::WorkspaceFailed { .. } => "workspace failed",
            Self::TurnPrepared(_) => "turn prepared",
            Self::TurnNotStarted { .. } => "turn not started",
            Self::TurnFinished(_) => "turn finished",
            Self::ChecksFinished { .. } => "checks finished",
            Self::ChecksFailed { .. } => "checks failed",
            Self::Delivered { .. } => "delivered",
            Self::DeliveryFailed { .. } => "delivery failed",
            Self::CleanedUp { .. } => "cleaned up",
            Self::Interrupted { .. } => "interrupted",
            Self::Adopted { .. } => "adopted",
            Self::Leased { .. } => "leased",
            Self::Yielded { .. } => "yielded",
            Self::Unleased { .. } => "unleased",
            Self::Instructed { .. } => "instructed",
            Self::GoalChanged { .. } => "goal changed",
            Self::AgentSwitched { .. } => "agent switched",
            Self::Cancel { .. } => "cancel",
            Self::Supersede { .. } => "supersede",
        }
    }
}

/// A turn about to start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreparedTurn {
    /// Its number.
    pub turn: u32,
    /// Session id chosen for it, or of the conversation that it goes on with.
    pub session: String,
    /// The turn whose conversation it goes on with, if it does.
    pub resumes: Option<u32>,
    /// Commit the worktree is at.
    pub head: String,
    /// One-time word a verdict must repeat.
    pub nonce: String,
    /// What the agent is given.
    pub prompt: PromptRecord,
}

/// A turn that ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FinishedTurn {
    /// Its number.
    pub turn: u32,
    /// What is known of it.
    pub report: TurnReport,
    /// The branch afterwards.
    pub change: Option<Change>,
    /// Whether a read-only stage left something different.
    pub tampered: bool,
    /// Who can go on when the agent of this turn cannot.
    pub instead: Option<Instead>,
}

/// Who can go on instead of an agent that cannot work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Instead {
    /// Another one, at once.
    Now(AgentSwitch),
    /// Nobody before then; sooner than the agent itself.
    At(Timestamp),
}

/// What becomes of the effect whose result was the input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settle {
    /// It is done.
    Done,
    /// The same effect again, not before then.
    Retry {
        /// When.
        at: Timestamp,
        /// Why.
        error: String,
    },
}

/// What deciding about an input yields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// What has happened, in order.
    pub events: Vec<Event>,
    /// What is wanted, and not before when.
    pub effects: Vec<(Effect, Timestamp)>,
    /// What becomes of the effect that brought the input.
    pub settle: Settle,
    /// Why the input changed nothing, if it did not.
    pub ignored: Option<&'static str>,
    /// Whether tasks of the run must be stopped now.
    pub stop_tasks: bool,
}
