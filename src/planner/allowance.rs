//! Whether there is money for a turn: the four levels of the budget, asked by the gates before a run begins and by the
//! engine before each of its turns.

use std::fmt;
use std::time::Duration;

use crate::domain::budget::ItemSpend;
use crate::domain::budget::ledger::{Ledger, next_midnight};
use crate::domain::ids::ProjectId;
use crate::domain::policy::Policy;
use crate::domain::time::Timestamp;

use super::budget_use::{BudgetUse, Ceiling, of_day, of_item, of_window};

/// What a ceiling is put on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// One item, over its whole life.
    Item,
    /// One project, for a UTC day.
    ProjectDay(ProjectId),
    /// One agent, within a rolling window.
    AgentWindow {
        /// Its configured name.
        agent: String,
        /// Length of the window in milliseconds.
        window_ms: u64,
    },
    /// Everything, for a UTC day.
    Day,
}

impl fmt::Display for Scope {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Item => out.write_str("its budget"),
            Self::ProjectDay(project) => write!(out, "the budget of the day of project {project}"),
            Self::AgentWindow { agent, window_ms } => {
                write!(out, "the budget of agent {agent} for {}", hours(*window_ms))
            }
            Self::Day => out.write_str("the budget of the day"),
        }
    }
}

fn hours(window_ms: u64) -> String {
    match (window_ms / 3_600_000, window_ms % 3_600_000) {
        (1, 0) => "1 hour".to_owned(),
        (hours, 0) => format!("{hours} hours"),
        _ => format!("{} minutes", window_ms / 60_000),
    }
}

/// A ceiling of which 80 % or more are used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// Whose.
    pub scope: Scope,
    /// What is used of it.
    pub used: BudgetUse,
}

impl fmt::Display for Warning {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} of {} are used", self.used, self.scope)
    }
}

/// A budget that is used up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exhausted {
    /// Which.
    pub scope: Scope,
    /// Its ceilings that are reached.
    pub used: Vec<BudgetUse>,
    /// When it opens again by itself; absent when a person has to raise it.
    pub until: Option<Timestamp>,
}

impl fmt::Display for Exhausted {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let used: Vec<String> = self.used.iter().map(ToString::to_string).collect();
        write!(out, "{} is used up: {}", self.scope, used.join(", "))
    }
}

/// The sums and the rules that turns are measured by.
#[derive(Clone, Copy)]
pub struct Allowance<'a> {
    /// What was spent.
    pub ledger: &'a Ledger,
    /// What may be spent.
    pub policy: &'a Policy,
    /// The present.
    pub now: Timestamp,
}

impl Allowance<'_> {
    /// The first budget that leaves nothing for another turn of `agent` on an item of `project`, the most durable first.
    /// Failed attempts are not asked about: they are counted when a run ends.
    #[must_use]
    pub fn of_turn(
        &self,
        spend: &ItemSpend,
        project: &ProjectId,
        agent: &str,
    ) -> Option<Exhausted> {
        let mut of_item = of_item(spend, &self.policy.item_budget);
        of_item.retain(|used| used.ceiling != Ceiling::Attempts);
        exhausted(Scope::Item, of_item, || None)
            .or_else(|| self.of_project(project))
            .or_else(|| self.of_agent(agent))
            .or_else(|| self.of_day())
    }

    /// Whether the project has spent its day.
    #[must_use]
    pub fn of_project(&self, project: &ProjectId) -> Option<Exhausted> {
        let scope = Scope::ProjectDay(project.clone());
        exhausted(scope, self.project_uses(project), || Some(next_midnight(self.now)))
    }

    /// Whether the agent has spent its window.
    #[must_use]
    pub fn of_agent(&self, agent: &str) -> Option<Exhausted> {
        let budget = &self.policy.window_budget;
        let window = Duration::from_millis(budget.window_ms);
        let fits = |usage: &_| of_window(usage, budget).iter().all(|used| !used.is_used_up());
        exhausted(self.window_of(agent), self.agent_uses(agent), || {
            let at = self.ledger.agent_fits_at(agent, window, self.now, fits);
            (at > self.now).then_some(at)
        })
    }

    /// Whether the day is spent.
    #[must_use]
    pub fn of_day(&self) -> Option<Exhausted> {
        exhausted(Scope::Day, self.day_uses(), || Some(next_midnight(self.now)))
    }

    /// Ceilings of days and windows of which little is left, over `projects` and `agents`.
    pub fn warnings<'b>(
        &self,
        projects: impl Iterator<Item = &'b ProjectId>,
        agents: impl Iterator<Item = &'b str>,
    ) -> Vec<Warning> {
        let day = std::iter::once((Scope::Day, self.day_uses()));
        let projects = projects.map(|id| (Scope::ProjectDay(id.clone()), self.project_uses(id)));
        let agents = agents.map(|agent| (self.window_of(agent), self.agent_uses(agent)));
        day.chain(projects)
            .chain(agents)
            .flat_map(|(scope, uses)| {
                let low = uses.into_iter().filter(BudgetUse::is_running_out);
                low.map(move |used| Warning { scope: scope.clone(), used })
            })
            .collect()
    }

    fn day_uses(&self) -> Vec<BudgetUse> {
        let budget = &self.policy.day_budget;
        if budget.tokens.is_none() && budget.cost_micro_usd.is_none() {
            return Vec::new();
        }
        of_day(&self.ledger.today(self.now), budget)
    }

    fn project_uses(&self, project: &ProjectId) -> Vec<BudgetUse> {
        let Some(budget) = self.policy.projects.get(project).map(|it| &it.day_budget) else {
            return Vec::new();
        };
        if budget.tokens.is_none() && budget.cost_micro_usd.is_none() {
            return Vec::new();
        }
        of_day(&self.ledger.project_today(project, self.now), budget)
    }

    fn agent_uses(&self, agent: &str) -> Vec<BudgetUse> {
        let budget = &self.policy.window_budget;
        if budget.tokens.is_none() && budget.cost_micro_usd.is_none() {
            return Vec::new();
        }
        let since = self.now.before(Duration::from_millis(budget.window_ms));
        of_window(&self.ledger.of_agent(agent, since), budget)
    }

    fn window_of(&self, agent: &str) -> Scope {
        let window_ms = self.policy.window_budget.window_ms;
        Scope::AgentWindow { agent: agent.to_owned(), window_ms }
    }
}

fn exhausted(
    scope: Scope,
    uses: Vec<BudgetUse>,
    until: impl FnOnce() -> Option<Timestamp>,
) -> Option<Exhausted> {
    let used: Vec<BudgetUse> = uses.into_iter().filter(BudgetUse::is_used_up).collect();
    (!used.is_empty()).then(|| Exhausted { scope, used, until: until() })
}
