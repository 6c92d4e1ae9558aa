//! Who does a stage's turns: the agent it was configured with; the default provider that the operator chose instead; or
//! an agent that stands in because that one cannot work at the moment. One answer for the gates before a run begins and for
//! the engine before each of its turns.

use std::collections::BTreeMap;
use std::fmt;

use crate::domain::agent::Stage;
use crate::domain::budget::ledger::Ledger;
use crate::domain::policy::Policy;
use crate::domain::provider::{AgentSwitch, ProviderChoice, SwitchReason};
use crate::domain::run::StagePlan;
use crate::domain::time::Timestamp;

use super::allowance::{Allowance, Exhausted};
use super::world::ClosedWindow;

/// The rules, and what is known of the agents.
#[derive(Clone)]
pub struct Staffing<'a> {
    /// The rules.
    pub policy: &'a Policy,
    /// The default provider that somebody chose, if somebody did.
    pub provider: Option<&'a ProviderChoice>,
    /// Agents whose provider has closed the usage window, by name.
    pub closed_windows: &'a BTreeMap<String, ClosedWindow>,
    /// Agents whose provider does not let them in, or did not and another run finds out, and what they said.
    pub not_let_in: BTreeMap<&'a str, &'a str>,
    /// Agents that cannot be used here, and why.
    pub unavailable: &'a BTreeMap<String, String>,
    /// What was spent.
    pub spent: &'a Ledger,
    /// The present.
    pub now: Timestamp,
}

/// Why an agent cannot work before something changes outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Obstacle {
    /// Its provider does not let it in.
    Refused {
        /// Its name.
        agent: String,
        /// What it said.
        message: String,
    },
    /// Its provider has closed the usage window.
    Closed {
        /// Its name.
        agent: String,
        /// What the provider said, and until when.
        window: ClosedWindow,
    },
    /// It has used up its budget of the rolling window.
    Spent(Exhausted),
}

impl Obstacle {
    /// When it is over, if that is known.
    #[must_use]
    pub fn until(&self) -> Option<Timestamp> {
        match self {
            Self::Refused { .. } => None,
            Self::Closed { window, .. } => Some(window.until),
            Self::Spent(budget) => budget.until,
        }
    }
}

impl fmt::Display for Obstacle {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { agent, message } => {
                write!(out, "agent {agent} is not let in: {message}")
            }
            Self::Closed { agent, window } => {
                write!(out, "the usage window of agent {agent} is closed: {}", window.message)
            }
            Self::Spent(budget) => write!(out, "{budget}"),
        }
    }
}

/// Who does a stage's next turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assigned<'a> {
    /// Name of the agent.
    pub agent: &'a str,
    /// How it comes that this is not the one the stage was configured with.
    pub switch: Option<AgentSwitch>,
}

impl<'a> Staffing<'a> {
    /// Who does the next turn of `stage`, driven by `plan`.
    #[must_use]
    pub fn assigned(&self, stage: Stage, plan: &'a StagePlan) -> Assigned<'a> {
        let chosen = self.chosen(stage, plan);
        let own = chosen.map_or(plan.agent.as_str(), |choice| choice.agent.as_str());
        if let Some((agent, obstacle)) = self.stand_in(stage, own) {
            let reason =
                SwitchReason::Failover { why: obstacle.to_string(), until: obstacle.until() };
            let (from, to) = (own.to_owned(), agent.to_owned());
            return Assigned { agent, switch: Some(AgentSwitch { from, to, reason }) };
        }
        let switch = chosen.filter(|choice| choice.agent != plan.agent).map(|choice| AgentSwitch {
            from: plan.agent.clone(),
            to: choice.agent.clone(),
            reason: SwitchReason::Provider { by: choice.by.clone() },
        });
        Assigned { agent: own, switch }
    }

    /// What has to go on record so that the next turn of `stage` is done by whom it is assigned to, when `recorded` is what
    /// the run has on record.
    #[must_use]
    pub fn change(
        &self,
        recorded: Option<&AgentSwitch>,
        assigned: &Assigned<'_>,
    ) -> Option<AgentSwitch> {
        match (recorded, &assigned.switch) {
            (None, None) => None,
            (Some(recorded), None) => Some(AgentSwitch {
                from: recorded.to.clone(),
                to: assigned.agent.to_owned(),
                reason: SwitchReason::Own {},
            }),
            (Some(recorded), Some(wanted)) if recorded.still_says(wanted, self.now) => None,
            (_, Some(wanted)) => Some(wanted.clone()),
        }
    }

    /// Why `agent` cannot work now, although it is there and may be used.
    #[must_use]
    pub fn obstacle(&self, agent: &str) -> Option<Obstacle> {
        if let Some(message) = self.not_let_in.get(agent) {
            let (agent, message) = (agent.to_owned(), (*message).to_owned());
            return Some(Obstacle::Refused { agent, message });
        }
        let closed = self.closed_windows.get(agent).filter(|window| window.until > self.now);
        if let Some(window) = closed {
            return Some(Obstacle::Closed { agent: agent.to_owned(), window: window.clone() });
        }
        let allowance = Allowance { ledger: self.spent, policy: self.policy, now: self.now };
        allowance.of_agent(agent).map(Obstacle::Spent)
    }

    /// When the first of `agent` and of those who may stand in for it in `stage` can work again, if that is known.
    #[must_use]
    pub fn reopens(&self, stage: Stage, agent: &str) -> Option<Timestamp> {
        let others = self.policy.agents.get(agent).map(|known| known.failover.as_slice());
        let others = others.unwrap_or_default().iter().map(String::as_str);
        let others = others.filter(|other| self.is_fit(stage, other));
        let obstacles = std::iter::once(agent).chain(others).filter_map(|it| self.obstacle(it));
        obstacles.filter_map(|obstacle| obstacle.until()).min()
    }

    /// Why the default provider that somebody chose does not count; nothing when it does, or nobody chose one.
    #[must_use]
    pub fn void_choice(&self) -> Option<String> {
        let ProviderChoice { agent, by } = self.provider?;
        if self.policy.agents.contains_key(agent) {
            return None;
        }
        let instead = &self.policy.default_agent;
        Some(format!(
            "{by} made {agent} the default provider, and no such agent is configured any more: {instead} is again"
        ))
    }

    /// The default provider that somebody chose, where it counts for `stage`.
    fn chosen(&self, stage: Stage, plan: &StagePlan) -> Option<&'a ProviderChoice> {
        self.provider.filter(|choice| plan.follows_default && self.may(stage, &choice.agent))
    }

    /// Who stands in for `own`, and why, if it cannot work and somebody may.
    fn stand_in(&self, stage: Stage, own: &str) -> Option<(&'a str, Obstacle)> {
        let failover = &self.policy.agents.get(own)?.failover;
        if failover.is_empty() {
            return None;
        }
        let obstacle = self.obstacle(own)?;
        let can = |agent: &&String| self.is_fit(stage, agent) && self.obstacle(agent).is_none();
        failover.iter().find(can).map(|agent| (agent.as_str(), obstacle))
    }

    /// Whether an agent may stand in for another in `stage`, and is there.
    fn is_fit(&self, stage: Stage, agent: &str) -> bool {
        self.may(stage, agent) && !self.unavailable.contains_key(agent)
    }

    /// Whether a configured agent may do turns of `stage`.
    fn may(&self, stage: Stage, agent: &str) -> bool {
        let known = self.policy.agents.get(agent);
        known.is_some_and(|known| stage.writes() || known.unfit_to_judge.is_none())
    }
}

#[cfg(test)]
mod tests;
