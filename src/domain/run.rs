//! A run: its plan, the reasons it waits, and the closed list of its outcomes.

use serde::{Deserialize, Serialize};

use super::agent::TimeoutKind;
use super::ids::ProjectId;
use super::time::Timestamp;

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

/// What happens to an approved change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    /// Leave the branch for people.
    #[default]
    Branch,
    /// Merge it into the base branch.
    Merge,
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
    /// The coder.
    pub coder: StagePlan,
    /// The critic; absent when the operator switched it off.
    pub critic: Option<StagePlan>,
    /// Rounds before the attempt counts as failed. Default 3.
    pub max_rounds: u32,
    /// Commands that must not newly fail.
    pub checks: Vec<String>,
    /// Milliseconds one check may take.
    pub check_timeout_ms: u64,
    /// What happens on approval.
    pub delivery: Delivery,
}

/// What a run is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// The worktree is being made.
    Preparing,
    /// The coder works.
    Coding,
    /// The checks run.
    Checking,
    /// The critic reads.
    Critiquing,
    /// The result is being delivered.
    Publishing,
    /// Nothing more happens.
    Finished,
}

impl Phase {
    /// The word shown to people.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Preparing => "preparing",
            Self::Coding => "coding",
            Self::Checking => "checking",
            Self::Critiquing => "critiquing",
            Self::Publishing => "publishing",
            Self::Finished => "finished",
        }
    }
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
