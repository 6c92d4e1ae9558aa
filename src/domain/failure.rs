//! The only failure taxonomy: what went wrong decides who must act and when to try again.

use serde::{Deserialize, Serialize};

use super::time::Timestamp;

/// Why something failed, in the only terms that drive retries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum FailureClass {
    /// The agent did its turn and the work is not right: spends an attempt.
    Agent,
    /// Network, disk, spawn, 5xx: retried with exponential back-off, spends nothing.
    Infrastructure,
    /// The provider asked to slow down (429): retried at `until`, or by back-off when unknown.
    Throttled {
        /// When the provider said to come back.
        until: Option<Timestamp>,
    },
    /// A usage window is used up: waits until it reopens, spends nothing.
    Quota {
        /// When the window reopens, if the provider said.
        until: Option<Timestamp>,
    },
    /// The item has used up one of its lifetime ceilings: a person must decide whether it is worth more.
    Budget,
    /// The agent is not logged in or its key is refused: a person must act.
    Authentication,
    /// Our or the user's configuration is wrong: a person must act.
    Configuration,
    /// The prompt did not fit the model: a person must act or the prompt must shrink.
    ContextOverflow,
    /// We or a person stopped it.
    Cancelled,
}

impl FailureClass {
    /// Whether the failure uses up one of the item's attempts.
    #[must_use]
    pub fn spends_attempt(self) -> bool {
        match self {
            Self::Agent => true,
            Self::Infrastructure
            | Self::Throttled { .. }
            | Self::Quota { .. }
            | Self::Budget
            | Self::Authentication
            | Self::Configuration
            | Self::ContextOverflow
            | Self::Cancelled => false,
        }
    }

    /// Whether only a person can make progress possible again.
    #[must_use]
    pub fn needs_human(self) -> bool {
        match self {
            Self::Budget | Self::Authentication | Self::Configuration | Self::ContextOverflow => {
                true
            }
            Self::Agent
            | Self::Infrastructure
            | Self::Throttled { .. }
            | Self::Quota { .. }
            | Self::Cancelled => false,
        }
    }

    /// The word shown to people.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Infrastructure => "infrastructure",
            Self::Throttled { .. } => "throttled",
            Self::Quota { .. } => "quota",
            Self::Budget => "budget",
            Self::Authentication => "authentication",
            Self::Configuration => "configuration",
            Self::ContextOverflow => "context overflow",
            Self::Cancelled => "cancelled",
        }
    }
}

/// A classified failure with the sentence people read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Drives retry and escalation.
    pub class: FailureClass,
    /// What failed and where, without secrets, at most a few hundred characters.
    pub message: String,
}

impl Failure {
    /// A failure of `class` worded as `message`.
    pub fn new(class: FailureClass, message: impl Into<String>) -> Self {
        Self { class, message: message.into() }
    }

    /// An infrastructure failure worded as `message`.
    pub fn infrastructure(message: impl Into<String>) -> Self {
        Self::new(FailureClass::Infrastructure, message)
    }
}

/// Back-off before try number `consecutive + 1` after infrastructure failures: 10·2^(n−1) s, at most 5 min.
/// Source: the issue tracker's contract for the spine; the same constants as Symphony's retry queue.
#[must_use]
pub fn infrastructure_backoff(consecutive: u32) -> std::time::Duration {
    let doublings = consecutive.saturating_sub(1).min(10);
    std::time::Duration::from_secs((10u64 << doublings).min(300))
}

/// Pause after failed attempt number `attempts`: 10, 30, 60, then 120 min.
#[must_use]
pub fn attempt_cooldown(attempts: u32) -> std::time::Duration {
    let minutes = match attempts {
        0 | 1 => 10,
        2 => 30,
        3 => 60,
        _ => 120,
    };
    std::time::Duration::from_secs(minutes * 60)
}

#[cfg(test)]
mod tests;
