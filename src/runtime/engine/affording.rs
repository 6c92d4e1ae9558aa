//! Turns for which there is no money, or whose agent has nothing left to give or is not let in, are not started: asked before each of them,
//! not only when their run begins.

use std::collections::BTreeMap;

use crate::domain::agent::{TurnEnding, TurnReport};
use crate::domain::effect::Effect;
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::ids::{EffectKey, RunId};
use crate::domain::time::Timestamp;
use crate::pipeline::input::Input;
use crate::pipeline::state::RunState;
use crate::planner::allowance::Allowance;
use crate::planner::world::ClosedWindow;

use super::{Engine, Handled};

impl Engine {
    /// Lets runs wait whose next turn is due and cannot be paid for: until the day, the project's day or the agent's window
    /// is over; when it is the item's own budget, the run ends and a person decides. Likewise for an agent whose provider
    /// has told another run when its usage window reopens, or does not let it in: asking it again costs a process and gains
    /// nothing.
    /// To be stored before [`Engine::start_due`] is asked.
    pub fn hold_unaffordable(&mut self, now: Timestamp) -> Handled {
        self.pending = super::Pending::default();
        self.reopen(now);
        for (key, run, turn) in self.outbox.due_turns(now) {
            let Some(failure) = self.obstacle(run, now) else { continue };
            let input = Input::TurnNotStarted { turn, failure };
            let _ignored = self.handle_run(run, Some(&key), true, input, now);
        }
        self.handled(None, None, now)
    }

    /// Makes the turns due that waited for money, for somebody to sign their agent in, or for a window that another run had
    /// found closed, and need not any more: the operator has raised the budget or a person has asked to try again. What a run's own agent was told it waits for.
    fn reopen(&mut self, now: Timestamp) {
        let quota = |failure: &Failure| matches!(failure.class, FailureClass::Quota { .. });
        let was_told = |state: &RunState| {
            let report = state.turns.last().and_then(|turn| turn.report.as_ref());
            report.is_some_and(
                |it| matches!(&it.ending, TurnEnding::Failed { failure } if quota(failure)),
            )
        };
        let waits = |state: &&RunState| {
            state.waiting.as_ref().is_some_and(|waiting| match waiting.failure.class {
                FailureClass::Quota { .. } => !was_told(state),
                FailureClass::Authentication => true,
                _ => false,
            })
        };
        let waiting: Vec<RunId> = self.runs.values().filter(waits).map(|state| state.id).collect();
        for run in waiting {
            if self.obstacle(run, now).is_none() {
                self.outbox.hasten_turns(run, now);
            }
        }
    }

    /// Why the next turn of `run` is not worth starting. A turn that was begun before is not asked about.
    fn obstacle(&self, run: RunId, now: Timestamp) -> Option<Failure> {
        let state = self.runs.get(&run)?;
        if state.turn_in_flight().is_some() {
            return None;
        }
        let agent = &state.stage_plan(state.stage()?)?.agent;
        if let Some(failure) = self.not_let_in(run, agent, now) {
            return Some(failure);
        }
        if let Some(window) = self.closed_windows.get(agent).filter(|window| window.until > now) {
            let class = FailureClass::Quota { until: Some(window.until) };
            let message =
                format!("the usage window of agent {agent} is closed: {}", window.message);
            return Some(Failure::new(class, message));
        }
        let spend = &self.items.get(&state.item)?.spend;
        let allowance = Allowance { ledger: &self.spent, policy: &self.policy, now };
        let exhausted = allowance.of_turn(spend, &state.plan.project, agent)?;
        let class = match exhausted.until {
            Some(until) => FailureClass::Quota { until: Some(until) },
            None => FailureClass::Budget,
        };
        Some(Failure::new(class, exhausted.to_string()))
    }
}

/// The usage window that a turn found closed, if it learnt when that reopens.
pub(super) fn closed_window(report: &TurnReport) -> Option<ClosedWindow> {
    let TurnEnding::Failed { failure } = &report.ending else { return None };
    let FailureClass::Quota { until: Some(until) } = failure.class else { return None };
    Some(ClosedWindow { until, message: failure.message.clone() })
}

/// The windows that the last turns of `runs` found closed.
pub(super) fn closed_windows(runs: &[RunState]) -> BTreeMap<String, ClosedWindow> {
    let last = runs.iter().filter_map(|run| run.turns.last());
    let closed =
        last.filter_map(|turn| Some((turn.agent.clone(), closed_window(turn.report.as_ref()?)?)));
    let mut windows: BTreeMap<String, ClosedWindow> = BTreeMap::new();
    for (agent, window) in closed {
        let known = windows.entry(agent).or_insert_with(|| window.clone());
        if known.until < window.until {
            *known = window;
        }
    }
    windows
}

impl super::outbox::Outbox {
    /// Turns of `run` that wait are due now.
    fn hasten_turns(&mut self, run: RunId, now: Timestamp) {
        for key in self.of_run(run, |effect| matches!(effect, Effect::RunTurn { .. })) {
            if !self.is_in_flight(&key) {
                self.hasten(&key, now);
            }
        }
    }

    /// Turns that are due and not under way, in the order of their request.
    fn due_turns(&self, now: Timestamp) -> Vec<(EffectKey, RunId, u32)> {
        self.due(now)
            .into_iter()
            .filter_map(|key| match self.effect(&key) {
                Some(Effect::RunTurn { run, turn }) => Some((key, *run, *turn)),
                _ => None,
            })
            .collect()
    }
}
