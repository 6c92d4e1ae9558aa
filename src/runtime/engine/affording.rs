//! Turns for which there is no money are not started: asked before each of them, not only when their run begins.

use crate::domain::effect::Effect;
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::ids::{EffectKey, RunId};
use crate::domain::time::Timestamp;
use crate::pipeline::input::Input;
use crate::planner::allowance::{Allowance, Exhausted};

use super::{Engine, Handled};

impl Engine {
    /// Lets runs wait whose next turn is due and cannot be paid for: until the day, the project's day or the agent's window
    /// is over; when it is the item's own budget, the run ends and a person decides. To be stored before
    /// [`Engine::start_due`] is asked.
    pub fn hold_unaffordable(&mut self, now: Timestamp) -> Handled {
        self.pending = super::Pending::default();
        for (key, run, turn) in self.outbox.due_turns(now) {
            let Some(exhausted) = self.exhausted(run, now) else { continue };
            let class = match exhausted.until {
                Some(until) => FailureClass::Quota { until: Some(until) },
                None => FailureClass::Budget,
            };
            let failure = Failure::new(class, exhausted.to_string());
            let input = Input::TurnNotStarted { turn, failure };
            let _ignored = self.handle_run(run, Some(&key), true, input, now);
        }
        self.handled(None, None, now)
    }

    /// The budget that leaves nothing for the next turn of `run`. A turn that was begun before is not asked about.
    fn exhausted(&self, run: RunId, now: Timestamp) -> Option<Exhausted> {
        let state = self.runs.get(&run)?;
        if state.turn_in_flight().is_some() {
            return None;
        }
        let agent = &state.stage_plan(state.stage()?)?.agent;
        let spend = &self.items.get(&state.item)?.spend;
        let allowance = Allowance { ledger: &self.spent, policy: &self.policy, now };
        allowance.of_turn(spend, &state.plan.project, agent)
    }
}

impl super::outbox::Outbox {
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
