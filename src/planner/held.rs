//! What a hold says: which gate, why, until when, and what a person could do about it.

use crate::domain::time::Timestamp;

use super::allowance::Exhausted;
use super::because::HeldBecause;

/// The reasons an item can wait, one per file in `gates` (and `slots`).
///
/// The order is the order of decisiveness: what only a person or another item can change comes before what the clock
/// or the factory as a whole will lift, because that is the answer people need first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GateName {
    /// It waits for a person's answer.
    Human,
    /// Its tracker says it is not to be picked up, or cannot be read.
    State,
    /// Its lane is not driven by this pipeline.
    Lane,
    /// Its project is unknown or switched off.
    Project,
    /// It is the parent of other items.
    Parent,
    /// Another item must be done first.
    BlockedBy,
    /// The same task is running, done or chosen.
    Duplicate,
    /// Its author is not trusted and nobody has approved.
    Trust,
    /// The operator wants to approve it first.
    Approval,
    /// Its lifetime budget is used up.
    Budget,
    /// It waits after a failure.
    Cooldown,
    /// An agent it needs cannot be used.
    Agent,
    /// The provider of an agent it needs does not let it in.
    AgentAuth,
    /// The factory is not to start anything by itself.
    Autonomy,
    /// Intake is paused.
    Paused,
    /// The budget of the day is used up.
    DayBudget,
    /// The budget of the day of its project is used up.
    ProjectBudget,
    /// An agent it needs has used up its budget of the rolling window, or its provider has closed that.
    AgentBudget,
    /// It is too large for one run, and today has no room for its parts.
    Decomposition,
    /// Too many results wait for people.
    Wip,
    /// Nothing is started at this time of day.
    Hours,
    /// Enough was started in the rolling window.
    Pace,
    /// Every slot it could use is taken.
    Slots,
}

impl GateName {
    /// Every gate, the most decisive first.
    pub const ALL: [Self; 23] = [
        Self::Human,
        Self::State,
        Self::Lane,
        Self::Project,
        Self::Parent,
        Self::BlockedBy,
        Self::Duplicate,
        Self::Trust,
        Self::Approval,
        Self::Budget,
        Self::Cooldown,
        Self::Agent,
        Self::AgentAuth,
        Self::Autonomy,
        Self::Paused,
        Self::DayBudget,
        Self::ProjectBudget,
        Self::AgentBudget,
        Self::Decomposition,
        Self::Wip,
        Self::Hours,
        Self::Pace,
        Self::Slots,
    ];

    /// The word used on every surface.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Human => "human",
            Self::State => "state",
            Self::Lane => "lane",
            Self::Project => "project",
            Self::Parent => "parent",
            Self::BlockedBy => "blocked-by",
            Self::Duplicate => "duplicate",
            Self::Trust => "trust",
            Self::Approval => "approval",
            Self::Budget => "budget",
            Self::Cooldown => "cooldown",
            Self::Agent => "agent",
            Self::AgentAuth => "agent-auth",
            Self::Autonomy => "autonomy",
            Self::Paused => "paused",
            Self::DayBudget => "day-budget",
            Self::ProjectBudget => "project-budget",
            Self::AgentBudget => "agent-budget",
            Self::Decomposition => "decomposition",
            Self::Wip => "wip",
            Self::Hours => "hours",
            Self::Pace => "pace",
            Self::Slots => "slots",
        }
    }

    /// Whether approving the start of an item would be premature while this gate holds it: something about the item
    /// itself has to change first, or the factory is not to act by itself at all.
    #[must_use]
    pub fn defers_approval(self) -> bool {
        match self {
            Self::Human
            | Self::State
            | Self::Lane
            | Self::Project
            | Self::Parent
            | Self::BlockedBy
            | Self::Duplicate
            | Self::Budget
            | Self::Autonomy => true,
            Self::Trust
            | Self::Approval
            | Self::Cooldown
            | Self::Agent
            | Self::AgentAuth
            | Self::Paused
            | Self::DayBudget
            | Self::ProjectBudget
            | Self::AgentBudget
            | Self::Decomposition
            | Self::Wip
            | Self::Hours
            | Self::Pace
            | Self::Slots => false,
        }
    }
}

/// One gate that holds one item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Which gate.
    pub gate: GateName,
    /// Why, as data.
    pub because: HeldBecause,
    /// Why, as a sentence fragment; always the text of `because`. May contain tracker text.
    pub reason: String,
    /// When the hold lapses by itself; absent when time alone will not lift it.
    pub until: Option<Timestamp>,
    /// What a person could do to lift it.
    pub released_by: Option<String>,
}

impl Held {
    /// A hold without a known end.
    pub(crate) fn new(because: HeldBecause) -> Self {
        Self {
            gate: because.gate(),
            reason: because.to_string(),
            because,
            until: None,
            released_by: None,
        }
    }

    /// A hold until there is money again.
    pub(crate) fn spent(budget: Exhausted) -> Self {
        let until = budget.until;
        Self::new(HeldBecause::Spent { budget }).until(until)
    }

    /// The same hold, lapsing at `until` if that is known.
    pub(crate) fn until(self, until: Option<Timestamp>) -> Self {
        Self { until, ..self }
    }

    /// The same hold, with what a person could do.
    pub(crate) fn released_by(self, action: impl Into<String>) -> Self {
        Self { released_by: Some(action.into()), ..self }
    }
}
