//! The operator's validated rules: what may run, when, how much of it. Built by `config`, read by the planner.

use std::collections::BTreeMap;

use chrono_tz::Tz;

use super::budget::{DayBudget, ItemBudget, WindowBudget};
use super::epic::DivisionPolicy;
use super::ids::ProjectId;
use super::provider::AgentPolicy;
use super::pull_request::OfferPlan;
use super::run::{ContextPlan, Delivery, StageSet, WorkflowPermission};

/// How many runs may start in the rolling window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pace {
    /// Length of the rolling window. Default 5 h.
    pub window_ms: u64,
    /// Starts in the window over all projects. `None`: no cap.
    pub global: Option<u32>,
    /// Starts in the window per project. `None`: no cap.
    pub per_project: Option<u32>,
    /// Both caps while turbo is on. Default 20.
    pub turbo: u32,
}

/// A daily span in which nothing is started, `from` inclusive to `until` exclusive, in minutes of the local day;
/// `from > until` spans midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockedHours {
    /// First blocked minute of the day (0–1439).
    pub from: u16,
    /// First minute that is free again (0–1439).
    pub until: u16,
}

/// How many agents may be at work at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slots {
    /// Over all projects.
    pub global: u32,
    /// Per project, unless the project says otherwise.
    pub per_project: u32,
    /// Per agent name; agents not listed are limited by `global` alone.
    pub per_agent: BTreeMap<String, u32>,
}

/// When a person must approve before agents start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ApprovalPolicy {
    /// Every item needs approval, not only untrusted ones.
    pub required: bool,
    /// Milliseconds after which an unanswered request lapses.
    pub expires_ms: u64,
}

/// How a project's changes are offered, and how what is offered is followed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PullRequestPolicy {
    /// What each pull request is given.
    pub offer: OfferPlan,
    /// Milliseconds between two readings of one that is open.
    pub poll_ms: u64,
    /// Whether work goes on by itself when people or checks ask for changes.
    pub follow_up: bool,
}

/// One configured repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectPolicy {
    /// Its name.
    pub id: ProjectId,
    /// Absolute path of the repository.
    pub repository: String,
    /// Base branch, if it should not be resolved from the repository.
    pub base_branch: Option<String>,
    /// Whether anything may be started on it.
    pub enabled: bool,
    /// Runs at once; the global per-project number when absent.
    pub slots: Option<u32>,
    /// Starts in the pace window; the global per-project number when absent.
    pub pace: Option<u32>,
    /// Commands that must not newly fail.
    pub checks: Vec<String>,
    /// Milliseconds one check may take.
    pub check_timeout_ms: u64,
    /// What happens on approval of a change.
    pub delivery: Delivery,
    /// How its changes are offered, where that is what happens on approval.
    pub pull_request: PullRequestPolicy,
    /// Ceilings per UTC day; the global per-project ones where absent.
    pub day_budget: DayBudget,
    /// Whether every item needs approval, overriding the global rule.
    pub approval_required: Option<bool>,
    /// How the stages are driven in this project; the policy's when absent.
    pub stages: Option<Box<StageSet>>,
    /// Whether the repository's own `WORKFLOW.md` counts, and what it may run.
    pub workflow: Option<WorkflowPermission>,
}

/// Everything the planner and new runs go by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Whether the heartbeat starts anything by itself.
    pub autonomous: bool,
    /// Start caps.
    pub pace: Pace,
    /// Daily quiet spans.
    pub blocked_hours: Vec<BlockedHours>,
    /// Time zone of the quiet spans.
    pub time_zone: Tz,
    /// Lifetime ceilings per item.
    pub item_budget: ItemBudget,
    /// Ceilings per UTC day.
    pub day_budget: DayBudget,
    /// Ceilings of each agent within a rolling window.
    pub window_budget: WindowBudget,
    /// Delivered changes waiting for people (`In Review`) before no more are started. `None`: no limit.
    pub wip: Option<u32>,
    /// When approval is needed.
    pub approval: ApprovalPolicy,
    /// When items are divided, and by whom.
    pub division: DivisionPolicy,
    /// Concurrency.
    pub slots: Slots,
    /// Rounds per run.
    pub max_rounds: u32,
    /// How the stages are driven, unless the project says otherwise.
    pub stages: StageSet,
    /// Name of the agent of every stage that names none of its own.
    pub default_agent: String,
    /// The configured agents by name.
    pub agents: BTreeMap<String, AgentPolicy>,
    /// What goes into prompts beside the task.
    pub context: ContextPlan,
    /// Repositories by name.
    pub projects: BTreeMap<ProjectId, ProjectPolicy>,
    /// Project for items that name none; also allowed to be the only project.
    pub default_project: Option<ProjectId>,
}

impl Policy {
    /// How the stages of runs in `project` are driven.
    #[must_use]
    pub fn stages_in<'a>(&'a self, project: Option<&'a ProjectPolicy>) -> &'a StageSet {
        project.and_then(|project| project.stages.as_deref()).unwrap_or(&self.stages)
    }

    /// The project an item runs in: the one it names, or the default one when it names none.
    #[must_use]
    pub fn project_of(&self, named: Option<&ProjectId>) -> Option<&ProjectPolicy> {
        named.or(self.default_project.as_ref()).and_then(|id| self.projects.get(id))
    }
}
