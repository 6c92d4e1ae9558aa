//! Which agent does a stage's turns when it is not the one the stage was configured with: the default provider that the
//! operator chose while the daemon ran, or an agent that stands in for one that cannot work at the moment.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::agent::AgentKind;
use super::run::StagePlan;
use super::time::Timestamp;

/// The default provider that somebody chose instead of the configuration's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderChoice {
    /// Name of the configured agent.
    pub agent: String,
    /// Who chose it.
    pub by: String,
}

/// What the rules say of one configured agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentPolicy {
    /// How it is driven.
    pub kind: AgentKind,
    /// Agents that take its turns while it cannot work, the first choice first. Never transitive. Empty: its turns wait.
    pub failover: Vec<String>,
    /// Why it may not do the stages that only read; absent when it may.
    pub unfit_to_judge: Option<String>,
}

/// Another agent than before does the next turns of a stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentSwitch {
    /// Name of the agent whose turns they were.
    pub from: String,
    /// Name of the agent whose turns they are now.
    pub to: String,
    /// Why.
    pub reason: SwitchReason,
}

/// Why another agent does a stage's turns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum SwitchReason {
    /// The stage follows the default provider, and somebody chose another one.
    Provider {
        /// Who.
        by: String,
    },
    /// The stage's agent cannot work, and this one stands in for it.
    Failover {
        /// Why it cannot, for people.
        why: String,
        /// When it can again, if that is known.
        until: Option<Timestamp>,
    },
    /// The stage's own agent does them again.
    Own {},
}

impl AgentSwitch {
    /// Whether `wanted` says nothing that this one, as it is on record, does not say at `now`.
    #[must_use]
    pub fn still_says(&self, wanted: &Self, now: Timestamp) -> bool {
        let same = (&self.from, &self.to) == (&wanted.from, &wanted.to);
        match (&self.reason, &wanted.reason) {
            (SwitchReason::Failover { until, .. }, SwitchReason::Failover { .. }) => {
                same && until.is_none_or(|until| until > now)
            }
            (SwitchReason::Provider { .. }, SwitchReason::Provider { .. })
            | (SwitchReason::Own {}, SwitchReason::Own {}) => same,
            (
                SwitchReason::Provider { .. }
                | SwitchReason::Failover { .. }
                | SwitchReason::Own {},
                _,
            ) => false,
        }
    }
}

impl fmt::Display for AgentSwitch {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, to, reason } = self;
        match reason {
            SwitchReason::Provider { by } => {
                write!(out, "{to} instead of {from}: {by} made it the default provider")
            }
            SwitchReason::Failover { why, until: Some(until) } => {
                write!(out, "{to} stands in for {from} until {until}: {why}")
            }
            SwitchReason::Failover { why, until: None } => {
                write!(out, "{to} stands in for {from}: {why}")
            }
            SwitchReason::Own {} => write!(out, "{to} again, and no longer {from}"),
        }
    }
}

impl StagePlan {
    /// The same stage done by the agent called `agent`. Models and effort belong to the configured agent and stay with it:
    /// another one is asked for its own.
    #[must_use]
    pub fn driven_by(&self, agent: &str) -> Cow<'_, Self> {
        if agent == self.agent {
            return Cow::Borrowed(self);
        }
        Cow::Owned(Self {
            agent: agent.to_owned(),
            model: None,
            escalate_model: None,
            effort: None,
            ..self.clone()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn switch(to: &str, reason: SwitchReason) -> AgentSwitch {
        AgentSwitch { from: "claude".to_owned(), to: to.to_owned(), reason }
    }

    #[test]
    fn what_is_on_record_holds_until_its_time_is_over_or_something_else_is_wanted() {
        let failover = |until: Option<i64>| SwitchReason::Failover {
            why: "the window is closed".to_owned(),
            until: until.map(Timestamp),
        };
        let by = |by: &str| SwitchReason::Provider { by: by.to_owned() };
        for (recorded, wanted, holds) in [
            (switch("codex", failover(Some(20))), switch("codex", failover(Some(30))), true),
            (switch("codex", failover(Some(10))), switch("codex", failover(Some(30))), false),
            (switch("codex", failover(None)), switch("codex", failover(None)), true),
            (switch("codex", failover(None)), switch("cursor", failover(None)), false),
            (switch("codex", failover(None)), switch("codex", by("ann")), false),
            (switch("codex", by("ann")), switch("codex", by("bob")), true),
        ] {
            assert_eq!(recorded.still_says(&wanted, Timestamp(10)), holds, "{recorded} / {wanted}");
        }
    }
}
