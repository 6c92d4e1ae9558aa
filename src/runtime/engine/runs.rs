//! What happens to runs, and what that means for their items.

use crate::domain::budget::ledger::Spending;
use crate::domain::effect::Effect;
use crate::domain::event::Event;
use crate::domain::ids::{EffectKey, RunId};
use crate::domain::run::Interruption;
use crate::domain::time::Timestamp;
use crate::pipeline::card;
use crate::pipeline::conclude;
use crate::pipeline::input::{Decision, Input, Settle};
use crate::pipeline::machine;
use crate::pipeline::state::RunState;
use crate::store::batch::{LeaseChange, Settlement};

use super::{Engine, LEASE};

/// What the run's machine calls the result of a delivery.
const DELIVERED: &str = "delivered";

impl Engine {
    /// Lets the run's machine decide about `input` and carries the decision into the batch. Why nothing changed, if so.
    pub(super) fn handle_run(
        &mut self,
        run: RunId,
        key: Option<&EffectKey>,
        settles: bool,
        input: Input,
        now: Timestamp,
    ) -> Option<&'static str> {
        if let Some(key) = key
            && !self.outbox.contains(key)
        {
            return Some("the effect was settled before");
        }
        let input = self.with_successor(run, input, now);
        let Some(state) = self.runs.get(&run) else {
            if let (Some(key), true) = (key, settles) {
                self.settle(key, Settlement::Dead { error: "its run is unknown".to_owned() });
            }
            return Some("no such run");
        };
        let was_finished = state.outcome.is_some();
        if !was_finished && key.is_some() {
            self.pending.fences.push((lease_of(&state.item), state.fence));
        }
        let before = progress(state);
        let decision = machine::decide(state, input, now);
        let ignored = decision.ignored;
        self.carry_out(run, key, settles, decision, now);
        if !was_finished {
            self.show_progress(run, before, now);
            self.after_finish(run, now);
        }
        self.forget_if_over(run);
        ignored
    }

    fn carry_out(
        &mut self,
        run: RunId,
        key: Option<&EffectKey>,
        settles: bool,
        decision: Decision,
        now: Timestamp,
    ) {
        for event in decision.events {
            self.charge(run, &event, now);
            self.note_kept_whole(run, &event, now);
            self.admit_late_delivery(run, &event, now);
            self.note_offer(run, &event, now);
            self.record_run(run, event, now);
        }
        if let (Some(key), true) = (key, settles) {
            let settlement = match decision.settle {
                Settle::Done => Settlement::Done,
                Settle::Retry { at, error } => Settlement::Retry { not_before: at, error },
            };
            self.settle(key, settlement);
        }
        for (effect, not_before) in decision.effects {
            self.request(effect, not_before);
        }
        if decision.stop_tasks {
            self.pending.stop.push(run);
        }
    }

    /// Books a finished turn's cost on its item.
    fn charge(&mut self, run: RunId, event: &Event, now: Timestamp) {
        let Event::TurnFinished { turn, report, .. } = event else { return };
        let Some(state) = self.runs.get(&run) else { return };
        let item = state.item.clone();
        self.note_login(run, *turn, report, now);
        let Some(state) = self.runs.get(&run) else { return };
        self.spent.book(Spending {
            at: now,
            project: state.plan.project.clone(),
            agent: state.turn(*turn).map(|record| record.agent.clone()).unwrap_or_default(),
            usage: report.usage,
        });
        let charged = Event::ItemCharged {
            run,
            turn: *turn,
            usage: report.usage,
            duration_ms: report.duration_ms,
        };
        self.record_item(&item, charged, now);
    }

    /// A delivery that could not be called back any more when its run was ended: people have to know that it is there.
    fn admit_late_delivery(&mut self, run: RunId, event: &Event, now: Timestamp) {
        let Event::LateResult { effect, reason } = event else { return };
        let Some(item) = self.runs.get(&run).map(|state| state.item.clone()) else { return };
        if effect == DELIVERED {
            self.update_tracker(&item, None, format!("run {}: {reason}", run.short()), now);
        }
    }

    /// Tells a tracker that shows how runs stand when the change is made, or approved, or neither any more.
    fn show_progress(&mut self, run: RunId, before: Progress, now: Timestamp) {
        let Some(state) = self.runs.get(&run).filter(|state| state.outcome.is_none()) else {
            return;
        };
        let (item, after) = (state.item.clone(), progress(state));
        if before == after || !self.identity.cards.contains(item.source()) {
            return;
        }
        let said = match after {
            Progress { reviewed: true, .. } => "the change is approved",
            Progress { implemented: true, .. } => "the change is made, and its checks are passed",
            Progress { .. } => "the change goes back to its coder",
        };
        self.update_tracker(&item, None, format!("run {}: {said}", run.short()), now);
    }

    /// When the run has just finished: its item is settled, released or handed to a person; its lease ends; effects that
    /// nobody works on any more are given up.
    fn after_finish(&mut self, run: RunId, now: Timestamp) {
        let Some(state) = self.runs.get(&run).filter(|state| state.outcome.is_some()) else {
            return;
        };
        let (item, fence) = (state.item.clone(), state.fence);
        let conclusion =
            self.items.get(&item).and_then(|record| conclude::conclude(record, state, now));
        let is_silent = self.is_silent(run);
        self.give_back_item(run, now);
        self.drop_open_effects(run, false);
        self.pending.leases.push(LeaseChange::Release { resource: lease_of(&item), fence });
        if let Some(conclusion) = conclusion {
            let divided = matches!(conclusion.event, Event::ItemDecomposed { .. });
            self.record_item(&item, conclusion.event, now);
            if !is_silent {
                self.update_tracker(&item, conclusion.state, conclusion.entry, now);
            }
            if divided {
                self.divided(&item, now);
            }
        }
    }

    /// Gives up the open effects of a finished run, except cleaning up and giving its item back; with `in_flight`, also those handed out.
    pub(super) fn drop_open_effects(&mut self, run: RunId, in_flight: bool) {
        let keys = self.outbox.of_run(run, |effect| {
            !matches!(effect, Effect::CleanUp { .. } | Effect::Release { .. })
        });
        for key in keys {
            if in_flight || !self.outbox.is_in_flight(&key) {
                self.settle(&key, Settlement::Dead { error: "its run is over".to_owned() });
            }
        }
    }

    pub(super) fn forget_if_over(&mut self, run: RunId) {
        let over = self
            .runs
            .get(&run)
            .is_some_and(|state| state.outcome.is_some() && state.cleaned.is_some());
        if over && self.outbox.of_run(run, |_| true).is_empty() {
            self.runs.remove(&run);
        }
    }

    /// This daemon takes over a run of an earlier one (or ends its own work on it in order).
    pub fn interruption(
        &mut self,
        run: RunId,
        cause: Interruption,
        salvaged: Option<String>,
    ) -> Option<Input> {
        let state = self.runs.get(&run).filter(|state| state.outcome.is_none())?;
        let fence = self.next_fence(&state.item);
        Some(Input::Interrupted { cause, fence, salvaged })
    }

    /// The next fencing number of an item's lease; it never falls.
    pub(super) fn next_fence(&self, item: &crate::domain::ids::ItemId) -> u64 {
        let leased = self.fences.get(&lease_of(item)).copied().unwrap_or(0);
        let recorded = self.items.get(item).map_or(0, |record| record.fence);
        leased.max(recorded) + 1
    }

    /// Takes the lease of `item` at `fence` in the batch in the making.
    pub(super) fn acquire(
        &mut self,
        item: &crate::domain::ids::ItemId,
        fence: u64,
        now: Timestamp,
    ) {
        let resource = lease_of(item);
        self.fences.insert(resource.clone(), fence);
        self.pending.leases.push(LeaseChange::Acquire {
            resource,
            holder: self.identity.instance.clone(),
            fence,
            expires: now.after(LEASE),
        });
    }

    /// Runs that are not over, and those whose turn was under way.
    #[must_use]
    pub fn open_runs(&self) -> Vec<RunId> {
        self.runs.values().filter(|state| state.outcome.is_none()).map(|state| state.id).collect()
    }

    /// The state of a run that is not over or not yet cleaned up.
    #[must_use]
    pub fn run(&self, run: RunId) -> Option<&crate::pipeline::state::RunState> {
        self.runs.get(&run)
    }
}

/// What the checkboxes of an item say.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Progress {
    implemented: bool,
    reviewed: bool,
}

fn progress(run: &RunState) -> Progress {
    Progress { implemented: card::is_implemented(run), reviewed: run.approved.is_some() }
}

/// Name of an item's lease.
#[must_use]
pub(super) fn lease_of(item: &crate::domain::ids::ItemId) -> String {
    format!("work/{item}")
}
