//! Why an item is held, as data; `Display` is the sentence fragment people read.

mod words;

use std::fmt;

use chrono_tz::Tz;

use crate::domain::failure::FailureClass;
use crate::domain::ids::{ItemId, ProjectId};
use crate::domain::item_record::{HumanRequest, ItemStatus};
use crate::domain::lane_session::LanePhase;
use crate::domain::policy::BlockedHours;
use crate::domain::time::Timestamp;
use crate::domain::work_item::{ItemState, Lane};

use super::allowance::{Exhausted, Scope};
use super::budget_use::BudgetUse;
use super::held::GateName;

/// Most items a reason names before it only counts them.
pub const NAMED_ITEMS: usize = 5;

/// Some items by name, and how many there are in all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Items {
    /// The first few, in the order that matters.
    pub named: Vec<ItemId>,
    /// How many there are.
    pub total: usize,
}

impl Items {
    /// The first [`NAMED_ITEMS`] of `items`, and their number.
    pub(crate) fn first_of<'a>(items: impl IntoIterator<Item = &'a ItemId>) -> Self {
        let mut first = Self { named: Vec::new(), total: 0 };
        for item in items {
            if first.named.len() < NAMED_ITEMS {
                first.named.push(item.clone());
            }
            first.total += 1;
        }
        first
    }
}

impl fmt::Display for Items {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.named.iter().map(ItemId::identifier).collect();
        formatter.write_str(&names.join(", "))?;
        match self.total.saturating_sub(self.named.len()) {
            0 => Ok(()),
            more => write!(formatter, " and {more} more"),
        }
    }
}

/// How it stands with something another item waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockerState {
    /// No tracker has such an item.
    Unknown,
    /// Its tracker no longer has it, and it was not done.
    Withdrawn,
    /// Given up.
    Cancelled,
    /// Settled badly.
    Failed,
    /// Waits for itself through other items.
    InCycle,
    /// Not settled yet.
    Open(ItemStatus),
}

impl BlockerState {
    /// Whether it can become done without anyone changing a link or the item.
    #[must_use]
    pub fn may_resolve(self) -> bool {
        match self {
            Self::Open(_) => true,
            Self::Unknown | Self::Withdrawn | Self::Cancelled | Self::Failed | Self::InCycle => {
                false
            }
        }
    }

    /// The words shown to people.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Unknown => "unknown item",
            Self::Withdrawn => "withdrawn",
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
            Self::InCycle => "waits for itself",
            Self::Open(status) => status.word(),
        }
    }
}

/// Something another item waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blocker {
    /// The item.
    pub item: ItemId,
    /// How it stands.
    pub state: BlockerState,
}

impl fmt::Display for Blocker {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ({})", self.item.identifier(), self.state.words())
    }
}

/// How the other one of two equal tasks stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TwinState {
    /// A run has it.
    Running,
    /// It is done.
    Done,
    /// It was chosen in this very plan.
    Chosen,
}

/// Where an approval that is still missing stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MissingApproval {
    /// Nobody was asked yet.
    NotAsked,
    /// Someone was asked.
    Asked {
        /// When the request lapses.
        expires: Timestamp,
    },
    /// Someone said no.
    Refused {
        /// Who.
        by: String,
    },
    /// Nobody answered in time.
    Lapsed {
        /// When.
        at: Timestamp,
    },
}

impl fmt::Display for MissingApproval {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAsked => formatter.write_str("nobody has been asked to approve it yet"),
            Self::Asked { expires } => write!(formatter, "approval is asked for until {expires}"),
            Self::Refused { by } => write!(formatter, "{by} refused it"),
            Self::Lapsed { at } => {
                write!(formatter, "nobody answered the request for approval by {at}")
            }
        }
    }
}

/// Which slots are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SlotKind {
    /// Those of the whole factory.
    Global,
    /// Those of one project.
    Project(ProjectId),
    /// Those of one agent.
    Agent(String),
}

impl fmt::Display for SlotKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Global => formatter.write_str("of the factory"),
            Self::Project(project) => write!(formatter, "of project {project}"),
            Self::Agent(agent) => write!(formatter, "of agent {agent}"),
        }
    }
}

/// Everything that can hold an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeldBecause {
    /// A person must act.
    WaitsForHuman {
        /// What was asked, if that is known.
        request: Option<HumanRequest>,
    },
    /// The tracker says it is not to be picked up.
    TrackerState {
        /// What the tracker says.
        state: ItemState,
    },
    /// The tracker's copy cannot be read.
    Unreadable,
    /// It is marked as taken, but no run is known to have it: recovery settles that.
    RunUnknown,
    /// Someone or something else drives it.
    OtherLane {
        /// Who.
        lane: Lane,
    },
    /// An operator lane is linked to it.
    Operated {
        /// Which.
        lane: Lane,
        /// How far it has come.
        phase: LanePhase,
        /// Who linked it.
        by: String,
    },
    /// It names no project and there is no default one.
    NoProject,
    /// Its project is not configured.
    UnknownProject {
        /// The project named.
        project: ProjectId,
    },
    /// Its project is switched off.
    ProjectDisabled {
        /// The project.
        project: ProjectId,
    },
    /// It is an epic with open parts.
    OpenChildren {
        /// The open parts.
        children: Items,
    },
    /// It is an epic whose parts are all settled.
    ChildrenSettled {
        /// Parts that are done.
        done: usize,
        /// Parts that failed or were given up.
        not_done: usize,
    },
    /// It was divided, and people have to agree to its parts.
    PlanWaits {
        /// The titles of the parts.
        parts: Vec<String>,
        /// Where the approval stands.
        approval: MissingApproval,
    },
    /// It was divided, and its parts are being created.
    PartsMissing {
        /// Parts that are in the tracker.
        created: u32,
        /// All of them.
        total: u32,
    },
    /// It was divided, and its parts are to be done.
    Parts {
        /// Parts that are done.
        done: u32,
        /// All of them.
        total: u32,
        /// Those that may still become done.
        open: Items,
        /// Those that will not by themselves.
        lost: Items,
    },
    /// It is too large for one run, and today has no room for its parts.
    NoRoomForParts {
        /// What it was estimated at, in minutes.
        minutes: u32,
        /// Parts of today.
        today: u32,
        /// How many may be.
        limit: u32,
    },
    /// Other items must be done first.
    Blocked {
        /// The first few of those it names.
        blockers: Vec<Blocker>,
        /// How many it names that are not done.
        total: usize,
        /// What the first of them waits for in the end, when that is another item.
        chain_end: Option<Blocker>,
    },
    /// It waits for itself.
    DependencyCycle {
        /// The first items of the way back to the start, which is the first one.
        path: Vec<ItemId>,
        /// How many items the whole way has.
        length: usize,
    },
    /// The same task exists already.
    Duplicate {
        /// The other item.
        of: ItemId,
        /// How that stands.
        twin: TwinState,
    },
    /// Anyone may have written it.
    Untrusted {
        /// Who did.
        author: Option<String>,
        /// Where the approval stands.
        approval: MissingApproval,
    },
    /// The operator approves before agents start.
    NeedsApproval {
        /// Where the approval stands.
        approval: MissingApproval,
    },
    /// A lifetime ceiling is reached.
    BudgetUsedUp {
        /// Those that are.
        used: Vec<BudgetUse>,
    },
    /// It waits after trouble.
    CoolingDown {
        /// What kind of trouble.
        class: FailureClass,
        /// What happened.
        reason: String,
    },
    /// An agent it needs cannot be used.
    AgentUnavailable {
        /// Its configured name.
        agent: String,
        /// Why not.
        why: String,
    },
    /// The provider of an agent it needs does not let it in, or did not when it was asked last.
    AgentRefused {
        /// Its configured name.
        agent: String,
        /// What it said.
        why: String,
        /// Whether another run is about to try it again.
        trying: bool,
    },
    /// The factory starts nothing by itself.
    AutonomyOff,
    /// Intake is paused.
    Paused {
        /// Who paused it.
        by: String,
    },
    /// The provider of an agent it needs has closed the usage window.
    WindowClosed {
        /// The agent.
        agent: String,
        /// What the provider said.
        why: String,
    },
    /// The day, the project's day or an agent's window is spent.
    Spent {
        /// Which of them.
        budget: Exhausted,
    },
    /// Too many results wait for people.
    TooManyInReview {
        /// The waiting ones.
        waiting: Items,
        /// How many may.
        limit: u32,
    },
    /// Nothing is started at this time of day.
    QuietHours {
        /// The span of the local day.
        hours: BlockedHours,
        /// Whose local day.
        zone: Tz,
    },
    /// Enough was started in the rolling window.
    PaceReached {
        /// The project whose cap it is; absent for the global one.
        project: Option<ProjectId>,
        /// Starts in the window.
        starts: usize,
        /// How many may be.
        cap: u32,
        /// Length of the window in milliseconds.
        window_ms: u64,
        /// Whether turbo is on.
        turbo: bool,
    },
    /// Every slot it could use is taken.
    SlotsTaken {
        /// Which slots.
        slots: SlotKind,
        /// Runs that have one, those of this plan included.
        taken: usize,
        /// How many may.
        limit: u32,
        /// How many of `taken` only wait for something.
        waiting: usize,
    },
}

impl HeldBecause {
    /// The gate this reason belongs to.
    #[must_use]
    pub fn gate(&self) -> GateName {
        match self {
            Self::WaitsForHuman { .. } => GateName::Human,
            Self::TrackerState { .. } | Self::Unreadable | Self::RunUnknown => GateName::State,
            Self::OtherLane { .. } | Self::Operated { .. } => GateName::Lane,
            Self::NoProject | Self::UnknownProject { .. } | Self::ProjectDisabled { .. } => {
                GateName::Project
            }
            Self::OpenChildren { .. }
            | Self::ChildrenSettled { .. }
            | Self::PlanWaits { .. }
            | Self::PartsMissing { .. }
            | Self::Parts { .. } => GateName::Parent,
            Self::NoRoomForParts { .. } => GateName::Decomposition,
            Self::Blocked { .. } | Self::DependencyCycle { .. } => GateName::BlockedBy,
            Self::Duplicate { .. } => GateName::Duplicate,
            Self::Untrusted { .. } => GateName::Trust,
            Self::NeedsApproval { .. } => GateName::Approval,
            Self::BudgetUsedUp { .. } => GateName::Budget,
            Self::CoolingDown { .. } => GateName::Cooldown,
            Self::AgentUnavailable { .. } => GateName::Agent,
            Self::AgentRefused { .. } => GateName::AgentAuth,
            Self::AutonomyOff => GateName::Autonomy,
            Self::Paused { .. } => GateName::Paused,
            Self::WindowClosed { .. } => GateName::AgentBudget,
            Self::Spent { budget } => match budget.scope {
                Scope::Item => GateName::Budget,
                Scope::ProjectDay(_) => GateName::ProjectBudget,
                Scope::AgentWindow { .. } => GateName::AgentBudget,
                Scope::Day => GateName::DayBudget,
            },
            Self::TooManyInReview { .. } => GateName::Wip,
            Self::QuietHours { .. } => GateName::Hours,
            Self::PaceReached { .. } => GateName::Pace,
            Self::SlotsTaken { .. } => GateName::Slots,
        }
    }
}
