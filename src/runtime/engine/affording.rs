//! Turns for which there is no money, or whose agent has nothing left to give or is not let in and nobody stands in for it,
//! are not started: asked before each of them, not only when their run begins. Who does a turn is settled here, too.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::domain::agent::TurnReport;
use crate::domain::effect::Effect;
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::ids::{EffectKey, RunId};
use crate::domain::ops::Shown;
use crate::domain::policy::Policy;
use crate::domain::time::Timestamp;
use crate::pipeline::input::{Input, Instead};
use crate::pipeline::machine::UNKNOWN_QUOTA_WAIT;
use crate::pipeline::state::{RunState, TurnRecord};
use crate::planner::allowance::{Allowance, Scope};
use crate::planner::staffing::{Assigned, Obstacle, Staffing};
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
            match self.obstacle(run, now) {
                Some(failure) => {
                    let input = Input::TurnNotStarted { turn, failure };
                    let _ignored = self.handle_run(run, Some(&key), true, input, now);
                }
                None => self.settle_agent(run, now),
            }
        }
        self.handled(None, None, now)
    }

    /// Makes the turns due that waited for money, for somebody to sign their agent in, or for a window that another run had
    /// found closed, and need not any more: the operator has raised the budget, a person has asked to try again, or another
    /// agent can do them. What the agent whose turn is next was itself told it waits for.
    fn reopen(&mut self, now: Timestamp) {
        let waits = |state: &&RunState| {
            state.waiting.as_ref().is_some_and(|waiting| match waiting.failure.class {
                FailureClass::Quota { .. } => !self.was_told(state, now),
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

    /// Whether the agent whose turn is next was itself told in the last one that it has to wait.
    fn was_told(&self, state: &RunState, now: Timestamp) -> bool {
        let Some(last) = state.turns.last() else { return false };
        let failure = last.report.as_ref().and_then(TurnReport::failure);
        let told = failure.is_some_and(|it| matches!(it.class, FailureClass::Quota { .. }));
        told && self.next_agent(state, now).is_some_and(|next| next.agent == last.agent)
    }

    /// Which agents do which turns, of whichever run.
    pub(super) fn staffing(&self, now: Timestamp) -> Staffing<'_> {
        Staffing {
            policy: &self.policy,
            provider: self.ops.provider.as_ref(),
            closed_windows: &self.closed_windows,
            not_let_in: self.ops.refused().collect(),
            unavailable: &self.unavailable_agents,
            spent: &self.spent,
            now,
        }
    }

    /// The same for one run: a doubtful agent that another one tries counts as not let in.
    fn staffing_of(&self, state: &RunState, now: Timestamp) -> Staffing<'_> {
        let mut staffing = self.staffing(now);
        staffing.not_let_in.extend(self.tried_elsewhere(state.id, now));
        staffing
    }

    /// Who does the next turn of a run.
    fn next_agent<'a>(&'a self, state: &'a RunState, now: Timestamp) -> Option<Assigned<'a>> {
        let stage = state.stage()?;
        Some(self.staffing_of(state, now).assigned(stage, state.plan.stages.of(stage)?))
    }

    /// Puts on record who does the next turn of `run`, if that is somebody else than before.
    fn settle_agent(&mut self, run: RunId, now: Timestamp) {
        let state = self.runs.get(&run).filter(|state| state.turn_in_flight().is_none());
        let switch = state.and_then(|state| {
            let stage = state.stage()?;
            let assigned = self.next_agent(state, now)?;
            let switch = self.staffing(now).change(state.switches.get(&stage), &assigned)?;
            Some(Input::AgentSwitched { stage, switch })
        });
        if let Some(input) = switch {
            let _ignored = self.handle_run(run, None, false, input, now);
        }
    }

    /// Learns from a turn that ended because its agent cannot work at the moment, and says who can go on instead.
    pub(super) fn with_successor(&mut self, run: RunId, input: Input, now: Timestamp) -> Input {
        let Input::TurnFinished(mut finished) = input else { return input };
        let in_flight = self.runs.get(&run).and_then(|state| state.turn_in_flight());
        let agent = in_flight
            .filter(|turn| turn.turn == finished.turn && cannot_work(&finished.report))
            .map(|turn| turn.agent.clone());
        let Some(agent) = agent else { return Input::TurnFinished(finished) };
        if let Some(window) = found_closed(&self.policy, &agent, &finished.report, now) {
            self.closed_windows.insert(agent.clone(), window);
        }
        let state = self.runs.get(&run);
        finished.instead = state.and_then(|state| self.instead(state, &finished.report, now));
        Input::TurnFinished(finished)
    }

    /// Who can go on with the stage of a run whose agent, as the end of its turn shows, cannot.
    fn instead(&self, state: &RunState, report: &TurnReport, now: Timestamp) -> Option<Instead> {
        let turn = state.turn_in_flight()?;
        let mut staffing = self.staffing_of(state, now);
        if self.ops.shown(&turn.agent, turn.started, report) == Some(Shown::Refused) {
            let said = report.failure().map_or("", |failure| failure.message.as_str());
            staffing.not_let_in.insert(&turn.agent, said);
        }
        let next = staffing.assigned(turn.stage, state.plan.stages.of(turn.stage)?);
        if staffing.obstacle(next.agent).is_some() {
            return staffing.reopens(turn.stage, next.agent).map(Instead::At);
        }
        let switch = staffing.change(state.switches.get(&turn.stage), &next)?;
        (next.agent != turn.agent).then_some(Instead::Now(switch))
    }

    /// Why the next turn of `run` is not worth starting. A turn that was begun before is not asked about.
    fn obstacle(&self, run: RunId, now: Timestamp) -> Option<Failure> {
        let state = self.runs.get(&run)?;
        if state.turn_in_flight().is_some() {
            return None;
        }
        let agent = self.next_agent(state, now)?.agent;
        if let Some(failure) = self.not_let_in(run, agent, now) {
            return Some(failure);
        }
        let staffing = self.staffing_of(state, now);
        let reopens = || staffing.reopens(state.stage()?, agent);
        if let Some(closed @ Obstacle::Closed { .. }) = staffing.obstacle(agent) {
            let class = FailureClass::Quota { until: reopens() };
            return Some(Failure::new(class, closed.to_string()));
        }
        let spend = &self.items.get(&state.item)?.spend;
        let allowance = Allowance { ledger: &self.spent, policy: &self.policy, now };
        let exhausted = allowance.of_turn(spend, &state.plan.project, agent)?;
        let until = match exhausted.scope {
            Scope::AgentWindow { .. } => reopens(),
            Scope::Item | Scope::ProjectDay(_) | Scope::Day => exhausted.until,
        };
        let class = match until {
            Some(until) => FailureClass::Quota { until: Some(until) },
            None => FailureClass::Budget,
        };
        Some(Failure::new(class, exhausted.to_string()))
    }
}

/// Whether a turn ended because its agent cannot work before something changes outside.
fn cannot_work(report: &TurnReport) -> bool {
    report.failure().is_some_and(|failure| {
        matches!(failure.class, FailureClass::Quota { .. } | FailureClass::Authentication)
    })
}

/// The usage window that a turn of `agent`, which ended at `at`, found closed, if it learnt when that reopens. Where another
/// may stand in, it counts as closed for a while also when it did not: or the two would take turns in finding out.
fn found_closed(
    policy: &Policy,
    agent: &str,
    report: &TurnReport,
    at: Timestamp,
) -> Option<ClosedWindow> {
    let failure = report.failure()?;
    let FailureClass::Quota { until } = failure.class else { return None };
    let has_stand_in = policy.agents.get(agent).is_some_and(|known| !known.failover.is_empty());
    let until = if has_stand_in {
        Some(until.filter(|until| *until > at).unwrap_or(at.after(UNKNOWN_QUOTA_WAIT)))
    } else {
        until
    };
    Some(ClosedWindow { until: until?, message: failure.message.clone() })
}

/// The windows that the last turns of each agent in `runs` found closed.
pub(super) fn closed_windows(runs: &[RunState], policy: &Policy) -> BTreeMap<String, ClosedWindow> {
    let mut windows: BTreeMap<String, ClosedWindow> = BTreeMap::new();
    for run in runs {
        let last_of: BTreeMap<&str, &TurnRecord> =
            run.turns.iter().map(|turn| (turn.agent.as_str(), turn)).collect();
        for (agent, turn) in last_of {
            let Some(report) = &turn.report else { continue };
            let ended = turn.started.after(Duration::from_millis(report.duration_ms));
            let Some(window) = found_closed(policy, agent, report, ended) else { continue };
            let known = windows.entry(agent.to_owned()).or_insert_with(|| window.clone());
            if known.until < window.until {
                *known = window;
            }
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
