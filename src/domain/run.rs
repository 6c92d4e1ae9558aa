//! A run: its plan, the reasons it waits, and the closed list of its outcomes.

use serde::{Deserialize, Serialize};

use super::agent::{Stage, TimeoutKind};
use super::epic::DivisionPlan;
use super::ids::ProjectId;
use super::language::Language;
use super::pull_request::Offering;
use super::time::Timestamp;

mod phase;

/// How one stage is driven.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StagePlan {
    /// Name of the configured agent (`[agents.<name>]`).
    pub agent: String,
    /// Model to ask for; the agent's configured default when absent.
    pub model: Option<String>,
    /// Model from round `escalate_after_round` on.
    pub escalate_model: Option<String>,
    /// First round that uses `escalate_model`. Default 3 (seed 001).
    pub escalate_after_round: u32,
    /// Milliseconds a turn may take in all.
    pub timeout_ms: u64,
    /// Milliseconds a turn may be silent.
    pub silence_ms: u64,
    /// How hard the model shall think, in the agent's own word; the agent's default when absent.
    #[serde(default)]
    pub effort: Option<String>,
    /// Model calls of one turn, where the agent has such a limit; the agent's configured one when absent.
    #[serde(default)]
    pub max_turns: Option<u32>,
    /// Whether the stage names no agent of its own, so that another default provider does its turns.
    #[serde(default)]
    pub follows_default: bool,
}

impl StagePlan {
    /// The model for `round`, and whether that is the escalated one.
    #[must_use]
    pub fn model_for_round(&self, round: u32) -> (Option<&str>, bool) {
        match &self.escalate_model {
            Some(model) if round >= self.escalate_after_round => (Some(model), true),
            _ => (self.model.as_deref(), false),
        }
    }
}

/// The stages beside coder and critic; those that are absent are switched off.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct OptionalStages {
    /// Divides an item that is too large; only in runs whose item may be divided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub planner: Option<StagePlan>,
    /// Looks before anything is written.
    pub diagnose: Option<StagePlan>,
    /// Adds tests.
    pub tester: Option<StagePlan>,
    /// Brings the documentation up to date.
    pub documenter: Option<StagePlan>,
    /// Looks for what would do harm.
    pub auditor: Option<StagePlan>,
    /// Sums the run up.
    pub stage_documenter: Option<StagePlan>,
}

/// How every stage is driven.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageSet {
    /// The coder.
    pub coder: StagePlan,
    /// The critic; absent when the operator switched it off.
    pub critic: Option<StagePlan>,
    /// The others.
    pub optional: OptionalStages,
}

impl StageSet {
    /// How `stage` is driven; nothing when it is switched off.
    #[must_use]
    pub fn of(&self, stage: Stage) -> Option<&StagePlan> {
        match stage {
            Stage::Planner => self.optional.planner.as_ref(),
            Stage::Coder => Some(&self.coder),
            Stage::Critic => self.critic.as_ref(),
            Stage::Diagnose => self.optional.diagnose.as_ref(),
            Stage::Tester => self.optional.tester.as_ref(),
            Stage::Documenter => self.optional.documenter.as_ref(),
            Stage::Auditor => self.optional.auditor.as_ref(),
            Stage::StageDocumenter => self.optional.stage_documenter.as_ref(),
        }
    }

    /// Switches an optional stage or the critic on, replaces the plan of a stage, or switches it off. The coder stays.
    pub fn set(&mut self, stage: Stage, plan: Option<StagePlan>) {
        match stage {
            Stage::Planner => self.optional.planner = plan,
            Stage::Coder => self.coder = plan.unwrap_or_else(|| self.coder.clone()),
            Stage::Critic => self.critic = plan,
            Stage::Diagnose => self.optional.diagnose = plan,
            Stage::Tester => self.optional.tester = plan,
            Stage::Documenter => self.optional.documenter = plan,
            Stage::Auditor => self.optional.auditor = plan,
            Stage::StageDocumenter => self.optional.stage_documenter = plan,
        }
    }

    /// Names of the agents in use, each once, in the order of a run.
    #[must_use]
    pub fn agents(&self) -> Vec<&str> {
        let mut agents: Vec<&str> = Vec::new();
        for plan in Stage::ALL.into_iter().filter_map(|stage| self.of(stage)) {
            if !agents.contains(&plan.agent.as_str()) {
                agents.push(&plan.agent);
            }
        }
        agents
    }
}

/// What goes into prompts beside the task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ContextPlan {
    /// The language of the prompts.
    pub language: Language,
    /// Tokens a prompt may have, estimated. Default 60000.
    pub budget_tokens: u32,
    /// Absolute path of a file that says who the agents are to be.
    pub soul: Option<String>,
    /// Whether the repository's own rules for agents go in.
    pub project_rules: bool,
    /// How many notes of earlier runs in the same repository go in. Default 3.
    pub session_notes: u32,
}

impl Default for ContextPlan {
    fn default() -> Self {
        Self {
            language: Language::En,
            budget_tokens: 60_000,
            soul: None,
            project_rules: true,
            session_notes: 3,
        }
    }
}

/// What the operator lets a repository's own `WORKFLOW.md` do.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct WorkflowPermission {
    /// The commands that it may have run.
    pub commands: Vec<String>,
}

/// What the tracker says of an item beside its text; for templates.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ItemFacts {
    /// Its state when the run began.
    pub state: String,
    /// Its priority.
    pub priority: String,
    /// Its labels.
    pub labels: Vec<String>,
    /// Ids of the items that it waited for.
    pub blocked_by: Vec<String>,
    /// Who wrote it.
    pub author: Option<String>,
}

/// What happens to an approved change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    /// Leave the branch for people.
    #[default]
    Branch,
    /// Merge it into the base branch.
    Merge,
    /// Push it to the project's forge and offer it there as a pull request.
    PullRequest,
}

/// Everything a run needs to know, fixed when it starts: later configuration changes do not reach it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunPlan {
    /// Project the item belongs to.
    pub project: ProjectId,
    /// Absolute path of the repository.
    pub repository: String,
    /// Base branch if configured; otherwise the repository's own default is resolved.
    pub base_branch: Option<String>,
    /// Human key of the item (`DEMO-1`).
    pub identifier: String,
    /// One line.
    pub title: String,
    /// The goal as the tracker states it. Untrusted text.
    pub body: String,
    /// Acceptance criteria found in the body, in order.
    pub criteria: Vec<String>,
    /// What people want this run to know.
    pub notes: Vec<String>,
    /// How the stages are driven.
    pub stages: StageSet,
    /// What the planner may do, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub division: Option<DivisionPlan>,
    /// What goes into prompts beside the task.
    #[serde(default)]
    pub context: ContextPlan,
    /// What the tracker says beside the text.
    #[serde(default)]
    pub facts: ItemFacts,
    /// Whether the repository's own `WORKFLOW.md` counts, and what it may run.
    #[serde(default)]
    pub workflow: Option<WorkflowPermission>,
    /// Rounds before the attempt counts as failed. Default 3.
    pub max_rounds: u32,
    /// Commands that must not newly fail.
    pub checks: Vec<String>,
    /// Milliseconds one check may take.
    pub check_timeout_ms: u64,
    /// What happens on approval.
    pub delivery: Delivery,
    /// How the change is offered, where that is what happens, and what the run goes on with.
    #[serde(default)]
    pub offering: Offering,
}

/// What a run is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// The worktree is being made.
    Preparing,
    /// A planner says whether the item is to be divided, and into what.
    Planning,
    /// Somebody looks before anything is written.
    Diagnosing,
    /// The coder works.
    Coding,
    /// The checks run.
    Checking,
    /// The critic reads.
    Critiquing,
    /// Tests are added to an accepted change.
    Testing,
    /// The documentation follows an accepted change.
    Documenting,
    /// The auditor reads.
    Auditing,
    /// The run is summed up.
    StageDocumenting,
    /// The result is being delivered.
    Publishing,
    /// Nothing more happens.
    Finished,
}

/// Why an attempt got stuck.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StuckKind {
    /// The same tool call with the same arguments, again and again.
    RepeatedToolCall,
    /// The same error fingerprint in consecutive rounds.
    RepeatedError,
    /// Rounds that left the diff as it was.
    NoProgress,
    /// The critic asked for the same things again after they were answered.
    VerdictPingPong,
}

impl StuckKind {
    /// The words shown to people.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::RepeatedToolCall => "repeated tool call",
            Self::RepeatedError => "same error again",
            Self::NoProgress => "no progress",
            Self::VerdictPingPong => "verdict ping-pong",
        }
    }
}

/// The closed list of ways a run can end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Outcome {
    /// Approved, checked and delivered.
    Succeeded,
    /// The critic rejected it.
    Rejected,
    /// No readable verdict could be had.
    GateNotRun,
    /// The rounds ran out, or the agent itself failed.
    AgentFailed,
    /// It went in circles.
    Stuck {
        /// How.
        stuck: StuckKind,
    },
    /// A clock ended the agent in the last permitted round.
    TimedOut {
        /// Which one.
        clock: TimeoutKind,
    },
    /// A usage window is closed.
    WaitingQuota {
        /// When it reopens, if known.
        until: Option<Timestamp>,
    },
    /// A person must act first.
    WaitingHuman,
    /// The provider asked to slow down.
    Throttled {
        /// When to come back, if known.
        until: Option<Timestamp>,
    },
    /// Our side of things failed: git, disk, network, spawn.
    InfraFailed,
    /// Someone stopped it.
    Cancelled {
        /// Who.
        by: String,
    },
    /// The item changed or went away underneath it.
    Superseded,
    /// The work is approved, but it could not be delivered.
    DeliveryFailed,
}

impl Outcome {
    /// The words shown to people and stored in the `runs` table.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Rejected => "rejected",
            Self::GateNotRun => "gate did not run",
            Self::AgentFailed => "agent failed",
            Self::Stuck { .. } => "stuck",
            Self::TimedOut { .. } => "timed out",
            Self::WaitingQuota { .. } => "waiting for quota",
            Self::WaitingHuman => "waiting for a human",
            Self::Throttled { .. } => "throttled",
            Self::InfraFailed => "infrastructure failed",
            Self::Cancelled { .. } => "cancelled",
            Self::Superseded => "superseded",
            Self::DeliveryFailed => "delivery failed",
        }
    }

    /// Whether it uses up one of the item's attempts (only failed work does; waiting never does).
    #[must_use]
    pub fn spends_attempt(&self) -> bool {
        match self {
            Self::Rejected | Self::AgentFailed | Self::Stuck { .. } | Self::TimedOut { .. } => true,
            Self::Succeeded
            | Self::GateNotRun
            | Self::WaitingQuota { .. }
            | Self::WaitingHuman
            | Self::Throttled { .. }
            | Self::InfraFailed
            | Self::Cancelled { .. }
            | Self::Superseded
            | Self::DeliveryFailed => false,
        }
    }
}

/// How the daemon that was driving a run went away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Interruption {
    /// It was asked to stop.
    Shutdown,
    /// It was gone without a word.
    Crash,
}

/// What became of something that a person said to a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Reception {
    /// The agent of this turn has it on its standard input.
    Injected {
        /// The turn.
        turn: u32,
    },
    /// The next turn's prompt has it.
    NextTurn,
    /// Nobody has it.
    NotDelivered {
        /// Why, for people.
        reason: String,
    },
}

#[cfg(test)]
mod tests;
