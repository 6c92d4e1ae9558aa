//! Items taken in their trackers: work begins when the tracker says that an item is ours, and goes on as long as it does.
//!
//! Two daemons on one board each ask before they work. Who is refused ends its run, spends nothing, and holds the item
//! until the other's lease ends. A lease that could not be renewed in time has lapsed: what is under way goes on, and
//! nothing new is begun before the tracker has said again that the item is ours.

use crate::domain::effect::Effect;
use crate::domain::failure::{Failure, infrastructure_backoff};
use crate::domain::ids::{EffectKey, ItemId, RunId};
use crate::domain::item_record::ItemRecord;
use crate::domain::lease::{ItemLease, Rival};
use crate::domain::run::Outcome;
use crate::domain::time::Timestamp;
use crate::domain::work_item::{ItemState, WorkItem};
use crate::pipeline::input::Input;
use crate::pipeline::state::RunState;
use crate::store::batch::Settlement;
use crate::trackers::claim::Claimed;

use super::{Engine, Handled, TrackerFailure};

impl Engine {
    /// A tracker has said whose the item is, or could not be asked.
    pub(super) fn claimed(
        &mut self,
        key: &EffectKey,
        result: Result<(Timestamp, Claimed), TrackerFailure>,
        now: Timestamp,
    ) -> Option<&'static str> {
        let Some(Effect::Claim { run, number }) = self.outbox.effect(key).cloned() else {
            return Some("the effect was settled before");
        };
        let is_open = self.runs.get(&run).is_some_and(|state| state.outcome.is_none());
        if !is_open {
            // It is given back by the effect that ending the run has asked for.
            self.settle(key, Settlement::Done);
            self.forget_if_over(run);
            return Some("the run is over");
        }
        match result {
            Ok((until, Claimed::Ours { updates, current })) => {
                let lease = ItemLease { number, until, told: updates };
                self.has_item(run, key, lease, *current, now)
            }
            Ok((_, Claimed::Taken(rival))) => self.yields(run, key, rival, now),
            Err(failure) if failure.again || number > 1 => {
                self.ask_again(key, failure, now);
                None
            }
            Err(failure) => {
                let failure = Failure::infrastructure(failure.message);
                self.without_item(run, key, Input::Unleased { failure }, now)
            }
        }
    }

    fn has_item(
        &mut self,
        run: RunId,
        key: &EffectKey,
        lease: ItemLease,
        current: WorkItem,
        now: Timestamp,
    ) -> Option<&'static str> {
        let id = current.id.clone();
        let state = current.state;
        if lease.number == 1 && !self.outbox.update_open(&id) {
            self.observe_item(current, None, None, now);
        }
        if self.runs.get(&run).is_none_or(|state| state.outcome.is_some()) {
            self.settle(key, Settlement::Done);
            self.forget_if_over(run);
            return None;
        }
        if lease.number > 1 {
            return self.handle_run(run, Some(key), true, Input::Leased { lease }, now);
        }
        if !matches!(state, ItemState::Todo | ItemState::InProgress) {
            let reason = format!("it is {} in its tracker by now", state.label());
            let input = Input::Supersede { reason, settled: false };
            return self.without_item(run, key, input, now);
        }
        let ignored = self.handle_run(run, Some(key), true, Input::Leased { lease }, now);
        self.announce(run, now);
        ignored
    }

    /// Ends a run whose item may be ours by now. The wish for it is open until then, so that it is given back.
    fn without_item(
        &mut self,
        run: RunId,
        key: &EffectKey,
        input: Input,
        now: Timestamp,
    ) -> Option<&'static str> {
        let ignored = self.handle_run(run, None, false, input, now);
        self.settle(key, Settlement::Done);
        self.forget_if_over(run);
        ignored
    }

    fn yields(
        &mut self,
        run: RunId,
        key: &EffectKey,
        rival: Rival,
        now: Timestamp,
    ) -> Option<&'static str> {
        if let Some(state) = self.runs.get(&run).filter(|state| state.lease.is_none()) {
            // Nothing was started.
            let booked = (state.started, state.plan.project.clone());
            if let Some(at) = self.starts.iter().position(|start| *start == booked) {
                self.starts.remove(at);
            }
        }
        self.handle_run(run, Some(key), true, Input::Yielded { rival }, now)
    }

    fn ask_again(&mut self, key: &EffectKey, failure: TrackerFailure, now: Timestamp) {
        let failures = self.outbox.failures(key).saturating_add(1);
        let pause = infrastructure_backoff(failures).max(failure.wait.unwrap_or_default());
        let not_before = now.after(pause);
        self.settle(key, Settlement::Retry { not_before, error: failure.message });
    }

    /// An item was given back, or could not be.
    pub(super) fn released(
        &mut self,
        key: &EffectKey,
        result: Result<(), TrackerFailure>,
        now: Timestamp,
    ) {
        let Some(run) = self.outbox.effect(key).and_then(Effect::run) else { return };
        match result {
            Ok(()) => self.settle(key, Settlement::Done),
            Err(failure) if failure.again => return self.ask_again(key, failure, now),
            Err(failure) => self.settle(key, Settlement::Dead { error: failure.message }),
        }
        self.forget_if_over(run);
    }

    /// The tracker `source` answers again: whoever waits to ask it for an item may do so now.
    pub(super) fn hasten_claims(&mut self, source: &str, now: Timestamp) {
        let runs: Vec<RunId> = self.runs_of(source).map(|state| state.id).collect();
        for run in runs {
            for key in self.outbox.of_run(run, |effect| matches!(effect, Effect::Claim { .. })) {
                self.outbox.hasten(&key, now);
            }
        }
    }

    fn runs_of(&self, source: &str) -> impl Iterator<Item = &RunState> {
        self.runs.values().filter(move |state| state.item.source() == source)
    }

    /// Asks for what is ours for longer, when half of its time is over.
    pub fn renew_claims(&mut self, now: Timestamp) -> Handled {
        self.pending = super::Pending::default();
        let half = self.identity.leasing.span / 2;
        let due: Vec<(RunId, u32)> = self
            .leased()
            .filter(|(_, lease)| lease.until.since(now) <= half)
            .map(|(run, lease)| (run, lease.number + 1))
            .collect();
        for (run, number) in due {
            self.request(Effect::Claim { run, number }, now);
        }
        self.handled(None, None, now)
    }

    /// When the next lease is to be renewed.
    #[must_use]
    pub fn next_claim(&self) -> Option<Timestamp> {
        let half = self.identity.leasing.span / 2;
        self.leased().map(|(_, lease)| lease.until.before(half)).min()
    }

    /// Leases of runs that go on, and that nobody is asking to renew.
    fn leased(&self) -> impl Iterator<Item = (RunId, ItemLease)> {
        let asks = |run: RunId| {
            !self.outbox.of_run(run, |effect| matches!(effect, Effect::Claim { .. })).is_empty()
        };
        let open = self.runs.values().filter(|state| state.outcome.is_none());
        open.filter_map(|state| Some((state.id, state.lease?))).filter(move |(run, _)| !asks(*run))
    }

    /// Whether `effect` would go on with work on an item that is not known to be ours any more.
    pub(super) fn has_lapsed(&self, effect: &Effect, now: Timestamp) -> bool {
        let lease = effect.run().and_then(|run| self.runs.get(&run)).and_then(|state| state.lease);
        let is_over = lease.is_some_and(|lease| lease.until <= now);
        match effect {
            // An agent that is at work is not disturbed.
            Effect::RunTurn { run, turn } => is_over && !self.under_way(*run, *turn),
            Effect::PrepareWorkspace { .. } | Effect::RunChecks { .. } | Effect::Deliver { .. } => {
                is_over
            }
            Effect::Claim { .. }
            | Effect::Release { .. }
            | Effect::CleanUp { .. }
            | Effect::CreateItem { .. }
            | Effect::UpdateTracker { .. } => false,
        }
    }

    /// Whether an item may be taken or given back now: it is given back last, when everything was said of it, and taken
    /// again only after that.
    pub(super) fn may_ask_tracker(&self, effect: &Effect) -> bool {
        let Some(item) = effect.run().and_then(|run| self.item_of(run)) else { return true };
        match effect {
            Effect::Release { run } => {
                let claims = self.outbox.of_run(*run, |it| matches!(it, Effect::Claim { .. }));
                claims.is_empty() && !self.outbox.update_open(item)
            }
            _ => {
                let mut runs = self.runs.values().filter(|state| state.item == *item);
                !runs.any(|state| self.outbox.contains(&Effect::Release { run: state.id }.key()))
            }
        }
    }

    fn item_of(&self, run: RunId) -> Option<&ItemId> {
        self.runs.get(&run).map(|state| &state.item)
    }

    /// Has the item of a run that is over given back, if it was or may have been taken.
    pub(super) fn give_back_item(&mut self, run: RunId, now: Timestamp) {
        let Some(state) = self.runs.get(&run).filter(|state| state.rival.is_none()) else { return };
        let asked = self.outbox.of_run(run, |effect| matches!(effect, Effect::Claim { .. }));
        if state.lease.is_some() || !asked.is_empty() {
            self.request(Effect::Release { run }, now);
        }
    }

    /// The number of the next update about an item: after what we have told, and whoever had it before us.
    pub(super) fn next_update(&self, record: &ItemRecord) -> u32 {
        let lease = record.run.and_then(|run| self.runs.get(&run)).and_then(|state| state.lease);
        record.updates.max(lease.map_or(0, |lease| lease.told)) + 1
    }

    /// Whether nobody needs to hear how the run ended: it never had its item.
    pub(super) fn is_silent(&self, run: RunId) -> bool {
        self.runs.get(&run).is_some_and(|state| {
            state.lease.is_none()
                && state.outcome == Some(Outcome::Superseded)
                && self.identity.leasing.sources.contains(state.item.source())
        })
    }
}
