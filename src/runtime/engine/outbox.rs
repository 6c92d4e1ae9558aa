//! The open effects as the engine sees them: which may be started now, and when the next one is due.

use std::collections::BTreeMap;

use crate::domain::effect::Effect;
use crate::domain::ids::{EffectKey, ItemId, RunId};
use crate::domain::time::Timestamp;

use crate::pipeline::state::RunState;
use crate::store::batch::Settlement;

use super::{Engine, Handled};

/// Open effects by key, in the order of their request.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    open: BTreeMap<EffectKey, Entry>,
    next: u64,
}

#[derive(Debug)]
struct Entry {
    order: u64,
    effect: Effect,
    not_before: Timestamp,
    in_flight: bool,
    /// Tries that failed: of this daemon, and before it those on record.
    failures: u32,
    /// Why the last one did.
    error: Option<String>,
    /// Until when the service itself wants to be left alone with it.
    asked: Option<Timestamp>,
}

/// An update for a tracker that is still to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OpenUpdate<'a> {
    pub(super) key: &'a EffectKey,
    pub(super) effect: &'a Effect,
    pub(super) item: &'a ItemId,
    pub(super) number: u32,
    pub(super) not_before: Timestamp,
    pub(super) in_flight: bool,
    pub(super) failures: u32,
    pub(super) error: Option<&'a str>,
    pub(super) asked: Option<Timestamp>,
}

/// An effect to be started now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Its key.
    pub key: EffectKey,
    /// What it is.
    pub effect: Effect,
}

impl Outbox {
    pub(super) fn new(
        effects: Vec<(Effect, Timestamp)>,
        failures: Vec<(EffectKey, u32, String)>,
    ) -> Self {
        let mut outbox = Self::default();
        for (effect, not_before) in effects {
            outbox.add(effect, not_before);
        }
        for (key, failures, error) in failures {
            outbox.remember(&key, failures, error);
        }
        outbox
    }

    /// Adds an effect; one that is open already stays as it is.
    pub(super) fn add(&mut self, effect: Effect, not_before: Timestamp) {
        self.next += 1;
        let order = self.next;
        self.open.entry(effect.key()).or_insert(Entry {
            order,
            effect,
            not_before,
            in_flight: false,
            failures: 0,
            error: None,
            asked: None,
        });
    }

    /// What is on record of the tries of an open effect.
    pub(super) fn remember(&mut self, key: &EffectKey, failures: u32, error: String) {
        if let Some(entry) = self.open.get_mut(key) {
            entry.failures = failures;
            entry.error = Some(error);
        }
    }

    /// The service wants to be left alone with the effect `key` until then, or no longer.
    pub(super) fn leave_alone(&mut self, key: &EffectKey, until: Option<Timestamp>) {
        if let Some(entry) = self.open.get_mut(key) {
            entry.asked = until;
        }
    }

    /// The updates for trackers that are still to be written, by item, in order.
    pub(super) fn updates(&self) -> Vec<OpenUpdate<'_>> {
        let mut updates: Vec<OpenUpdate<'_>> = self
            .open
            .iter()
            .filter_map(|(key, entry)| match &entry.effect {
                Effect::UpdateTracker { item, number, .. } => Some(OpenUpdate {
                    key,
                    effect: &entry.effect,
                    item,
                    number: *number,
                    not_before: entry.not_before,
                    in_flight: entry.in_flight,
                    failures: entry.failures,
                    error: entry.error.as_deref(),
                    asked: entry.asked,
                }),
                Effect::Claim { .. }
                | Effect::Release { .. }
                | Effect::PrepareWorkspace { .. }
                | Effect::RunTurn { .. }
                | Effect::RunChecks { .. }
                | Effect::Deliver { .. }
                | Effect::CleanUp { .. }
                | Effect::CreateItem { .. } => None,
            })
            .collect();
        updates.sort_by_key(|update| (update.item, update.number));
        updates
    }

    pub(super) fn remove(&mut self, key: &EffectKey) {
        self.open.remove(key);
    }

    pub(super) fn postpone(&mut self, key: &EffectKey, not_before: Timestamp, error: &str) {
        if let Some(entry) = self.open.get_mut(key) {
            entry.not_before = not_before;
            entry.in_flight = false;
            entry.error = Some(error.to_owned());
            entry.failures = entry.failures.saturating_add(1);
        }
    }

    /// The open effect `key` is due at `now` at the latest. The log keeps the later instant: whoever reads it asks again.
    pub(super) fn hasten(&mut self, key: &EffectKey, now: Timestamp) {
        if let Some(entry) = self.open.get_mut(key) {
            entry.not_before = entry.not_before.min(now);
        }
    }

    /// Effects that are due and not under way, in the order of their request.
    pub(super) fn due(&self, now: Timestamp) -> Vec<EffectKey> {
        let waiting = |entry: &Entry| !entry.in_flight && entry.not_before <= now;
        let mut due: Vec<(u64, &EffectKey)> = self
            .open
            .iter()
            .filter(|(_, entry)| waiting(entry))
            .map(|(key, entry)| (entry.order, key))
            .collect();
        due.sort();
        due.into_iter().map(|(_, key)| key.clone()).collect()
    }

    /// How often the open effect `key` has failed in a row.
    pub(super) fn failures(&self, key: &EffectKey) -> u32 {
        self.open.get(key).map_or(0, |entry| entry.failures)
    }

    pub(super) fn len(&self) -> usize {
        self.open.len()
    }

    pub(super) fn contains(&self, key: &EffectKey) -> bool {
        self.open.contains_key(key)
    }

    pub(super) fn is_in_flight(&self, key: &EffectKey) -> bool {
        self.open.get(key).is_some_and(|entry| entry.in_flight)
    }

    pub(super) fn effect(&self, key: &EffectKey) -> Option<&Effect> {
        self.open.get(key).map(|entry| &entry.effect)
    }

    /// Keys of the open effects of `run` for which `pick` holds.
    pub(super) fn of_run(&self, run: RunId, pick: fn(&Effect) -> bool) -> Vec<EffectKey> {
        self.open
            .iter()
            .filter(|(_, entry)| entry.effect.run() == Some(run) && pick(&entry.effect))
            .map(|(key, _)| key.clone())
            .collect()
    }

    /// Whether something of the run is under way besides the renewal of its lease.
    fn run_busy(&self, run: RunId) -> bool {
        let renews =
            |effect: &Effect| matches!(effect, Effect::Claim { number, .. } if *number > 1);
        self.open.values().any(|entry| {
            entry.in_flight && entry.effect.run() == Some(run) && !renews(&entry.effect)
        })
    }

    /// Whether an update for the tracker of `wanted` is still to be written.
    pub(super) fn update_open(&self, wanted: &ItemId) -> bool {
        self.earlier_update_open(wanted, u32::MAX)
    }

    /// Whether a part of `wanted` is still to be created.
    pub(super) fn creates_for(&self, wanted: &ItemId) -> bool {
        let mut open = self.open.values();
        open.any(
            |entry| matches!(&entry.effect, Effect::CreateItem { parent, .. } if parent == wanted),
        )
    }

    /// Whether one that comes before it is still to be written, or another one is being written: what was given up and
    /// brought back may come after newer ones.
    fn earlier_update_open(&self, wanted: &ItemId, wanted_number: u32) -> bool {
        self.open.values().any(|entry| match &entry.effect {
            Effect::UpdateTracker { item, number, .. } => {
                item == wanted && (*number < wanted_number || entry.in_flight)
            }
            Effect::Claim { .. }
            | Effect::Release { .. }
            | Effect::PrepareWorkspace { .. }
            | Effect::RunTurn { .. }
            | Effect::RunChecks { .. }
            | Effect::Deliver { .. }
            | Effect::CleanUp { .. }
            | Effect::CreateItem { .. } => false,
        })
    }
}

impl Engine {
    /// Effects that may be started now, marked as in flight: due, in order per run and per item, and within the agent
    /// slots. Each is handed out once until it is settled or given back.
    pub fn start_due(&mut self, now: Timestamp) -> Vec<Wanted> {
        let mut wanted = Vec::new();
        for key in self.outbox.due(now) {
            let Some(effect) = self.outbox.effect(&key).cloned() else { continue };
            if self.may_start(&effect, now)
                && let Some(entry) = self.outbox.open.get_mut(&key)
            {
                entry.in_flight = true;
                wanted.push(Wanted { key, effect });
            }
        }
        wanted
    }

    /// Takes back an effect that was handed out but neither done nor failed: it was stopped. It is still wanted, unless
    /// its run is over: then it is given up, or it would be handed out for ever and keep the run from being cleaned up.
    pub fn give_back(&mut self, key: &EffectKey, now: Timestamp) -> Handled {
        self.pending = super::Pending::default();
        if let Some(entry) = self.outbox.open.get_mut(key) {
            entry.in_flight = false;
        }
        let run = self.outbox.effect(key).and_then(Effect::run);
        if let Some(run) = run
            && self.runs.get(&run).is_none_or(|state| state.outcome.is_some())
        {
            self.settle(key, Settlement::Dead { error: "its run is over".to_owned() });
            self.forget_if_over(run);
        }
        self.handled(None, None, now)
    }

    /// When the next effect becomes due that is not due yet.
    #[must_use]
    pub fn next_due(&self, now: Timestamp) -> Option<Timestamp> {
        self.outbox
            .open
            .values()
            .filter(|entry| !entry.in_flight && entry.not_before > now)
            .map(|entry| entry.not_before)
            .min()
    }

    /// The open effect called `key`.
    #[must_use]
    pub fn effect(&self, key: &EffectKey) -> Option<&Effect> {
        self.outbox.effect(key)
    }

    /// Whether `key` is open.
    #[must_use]
    pub fn is_open(&self, key: &EffectKey) -> bool {
        self.outbox.contains(key)
    }

    fn may_start(&self, effect: &Effect, now: Timestamp) -> bool {
        if let Effect::Claim { .. } | Effect::Release { .. } = effect {
            return self.may_ask_tracker(effect);
        }
        if let Some(run) = effect.run()
            && (self.outbox.run_busy(run) || self.has_lapsed(effect, now))
        {
            return false;
        }
        match effect {
            // One that is under way has its slot.
            Effect::RunTurn { run, turn } => {
                self.under_way(*run, *turn) || self.agent_is_free(*run)
            }
            Effect::UpdateTracker { item, number, .. } => {
                !self.outbox.earlier_update_open(item, *number)
            }
            Effect::Claim { .. }
            | Effect::Release { .. }
            | Effect::PrepareWorkspace { .. }
            | Effect::RunChecks { .. }
            | Effect::Deliver { .. }
            | Effect::CleanUp { .. }
            | Effect::CreateItem { .. } => true,
        }
    }

    /// How many turns of agents are under way.
    #[must_use]
    pub fn turns_under_way(&self) -> usize {
        self.runs.values().filter(|state| state.turn_in_flight().is_some()).count()
    }

    pub(super) fn under_way(&self, run: RunId, turn: u32) -> bool {
        let in_flight = self.runs.get(&run).and_then(|state| state.turn_in_flight());
        in_flight.is_some_and(|record| record.turn == turn)
    }

    /// Whether the agent of the run's stage has a free slot. New runs are admitted by the planner; this holds back runs
    /// that come out of a wait while others have taken their place.
    fn agent_is_free(&self, run: RunId) -> bool {
        let agent_of = |run: &RunId| self.runs.get(run).and_then(RunState::agent);
        let Some(agent) = agent_of(&run) else { return true };
        let busy: Vec<&str> = self
            .outbox
            .open
            .values()
            .filter(|entry| entry.in_flight)
            .filter_map(|entry| match &entry.effect {
                Effect::RunTurn { run, .. } => agent_of(run),
                Effect::Claim { .. }
                | Effect::Release { .. }
                | Effect::PrepareWorkspace { .. }
                | Effect::RunChecks { .. }
                | Effect::Deliver { .. }
                | Effect::CleanUp { .. }
                | Effect::UpdateTracker { .. }
                | Effect::CreateItem { .. } => None,
            })
            .collect();
        let slots = &self.policy.slots;
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let of_agent = count(busy.iter().filter(|name| **name == agent).count());
        count(busy.len()) < slots.global
            && slots.per_agent.get(agent).is_none_or(|limit| of_agent < *limit)
    }
}
