//! What trackers say, and what they are told.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::card::RunCard;
use crate::domain::effect::Effect;
use crate::domain::event::Event;
use crate::domain::failure::infrastructure_backoff;
use crate::domain::ids::{EffectKey, ItemId};
use crate::domain::item_record::{ItemRecord, ItemStatus};
use crate::domain::run::Outcome;
use crate::domain::standing::Standing;
use crate::domain::time::Timestamp;
use crate::domain::work_item::change::ItemChange;
use crate::domain::work_item::{ItemState, Lane, WorkItem};
use crate::pipeline::card;
use crate::pipeline::input::Input;
use crate::store::batch::Settlement;

use super::{Engine, TrackerFailure, Written};

/// Readings in a row an item must be missing from before it is believed gone.
const ABSENCES: u32 = 2;

impl Engine {
    /// Takes a complete reading of one tracker into account.
    pub(super) fn observe(
        &mut self,
        source: &str,
        (items, mut standings): (Vec<WorkItem>, BTreeMap<ItemId, Standing>),
        unreadable: Vec<ItemId>,
        began: Timestamp,
        now: Timestamp,
    ) {
        let seen: BTreeSet<ItemId> =
            items.iter().map(|item| item.id.clone()).chain(unreadable.iter().cloned()).collect();
        self.unreadable.retain(|item| item.source() != source);
        self.unreadable.extend(unreadable);
        for item in items {
            self.absent.remove(&item.id);
            if !self.reading_is_stale(&item.id, began) {
                let standing = standings.remove(&item.id).map(Box::new);
                self.observe_item(item, standing, None, now);
            }
        }
        self.note_absences(source, &seen, now);
    }

    /// Whether the reading may show the item between two of our own writes: then it says nothing about people's intent.
    fn reading_is_stale(&self, id: &ItemId, began: Timestamp) -> bool {
        self.outbox.update_open(id) || self.written.get(id).is_some_and(|at| *at >= began)
    }

    /// Takes the tracker's copy of an item into account. `ours`: the state it has because we wrote it; any other new
    /// state comes from people.
    pub(super) fn observe_item(
        &mut self,
        item: WorkItem,
        standing: Option<Box<Standing>>,
        ours: Option<ItemState>,
        now: Timestamp,
    ) {
        let item = self.trusted_like_parent(item);
        let id = item.id.clone();
        let Some(record) = self.items.get(&id) else {
            self.record_item(&id, Event::ItemCreated { item, standing }, now);
            return self.propose_lane(&id, now);
        };
        if record.present && record.item == item {
            return self.propose_lane(&id, now);
        }
        // What was given up because it was gone is wanted again when it is back.
        let is_back = !record.present && record.status == ItemStatus::Cancelled;
        let (before, status, run) = (record.item.clone(), record.status, record.run);
        let (change, after) = (ItemChange::between(&before, &item), item);
        self.record_item(&id, Event::ItemChanged { change }, now);
        let moved = before.state != after.state && ours != Some(after.state);
        if moved || is_back {
            self.tracker_moved(&id, status, after.state, now);
        }
        let rewritten = before.title != after.title || before.body != after.body;
        if let (Some(run), true) = (run, rewritten) {
            let input = Input::GoalChanged { title: after.title.clone(), body: after.body.clone() };
            let _ignored = self.handle_run(run, None, false, input, now);
        }
        let taken_away = after.lane != before.lane && after.lane != Lane::Autopilot;
        if let (Some(run), true) = (run, taken_away) {
            let reason = format!("its lane was changed to {}", after.lane.word());
            let _ignored = self.handle_run(run, None, false, Input::Supersede { reason }, now);
        }
        self.propose_lane(&id, now);
    }

    /// People moved the item in its tracker: they own the intent.
    fn tracker_moved(&mut self, id: &ItemId, status: ItemStatus, state: ItemState, now: Timestamp) {
        let by = format!("tracker:{}", id.source());
        let open_again = matches!(state, ItemState::Todo | ItemState::InProgress);
        match status {
            ItemStatus::InFlight if state.is_terminal() || state == ItemState::Blocked => {
                let reason = format!("it was moved to {} in its tracker", state.label());
                if let Some(run) = self.items.get(id).and_then(|record| record.run) {
                    let _ignored =
                        self.handle_run(run, None, false, Input::Supersede { reason }, now);
                }
            }
            ItemStatus::Pending | ItemStatus::WaitingHuman if state.is_terminal() => {
                let outcome = if state == ItemState::Done {
                    Outcome::Superseded
                } else {
                    Outcome::Cancelled { by }
                };
                let evidence = format!("moved to {} in its tracker", state.label());
                self.record_item(
                    id,
                    Event::ItemResolved { run: None, outcome, evidence, in_review: false },
                    now,
                );
            }
            ItemStatus::WaitingHuman if open_again => {
                let answer = String::new();
                self.record_item(id, Event::ItemHumanAnswered { by, answer }, now);
                self.create_next(id, now);
            }
            ItemStatus::Done | ItemStatus::Failed | ItemStatus::Cancelled if open_again => {
                self.record_item(id, Event::ItemReopened { by }, now);
            }
            ItemStatus::Pending
            | ItemStatus::InFlight
            | ItemStatus::WaitingHuman
            | ItemStatus::Done
            | ItemStatus::Failed
            | ItemStatus::Cancelled => {}
        }
        if state.is_terminal() {
            self.free_lane_of(id, &format!("tracker:{}", id.source()), now);
            self.note_closure(id, now);
        }
    }

    fn note_absences(&mut self, source: &str, seen: &BTreeSet<ItemId>, now: Timestamp) {
        let missing: Vec<ItemId> = self
            .items
            .values()
            .filter(|record| record.present && record.item.id.source() == source)
            .map(|record| record.item.id.clone())
            .filter(|id| !seen.contains(id))
            .collect();
        for id in missing {
            let absences = self.absent.entry(id.clone()).or_insert(0);
            *absences += 1;
            if *absences < ABSENCES {
                continue;
            }
            self.absent.remove(&id);
            self.record_item(&id, Event::ItemWithdrawn {}, now);
            self.free_lane_of(&id, &format!("tracker:{}", id.source()), now);
            if let Some(run) = self.items.get(&id).and_then(|record| record.run) {
                let reason = "the item is gone from its tracker".to_owned();
                let _ignored = self.handle_run(run, None, false, Input::Supersede { reason }, now);
            }
        }
    }

    /// Puts an update for the item's tracker into the outbox. One-off tasks have no tracker: their record is updated
    /// at once.
    pub(super) fn update_tracker(
        &mut self,
        id: &ItemId,
        state: Option<ItemState>,
        entry: String,
        now: Timestamp,
    ) {
        let Some(record) = self.items.get(id) else { return };
        if !self.identity.sources.contains(id.source()) {
            let changed = state.filter(|state| *state != record.item.state);
            if let Some(state) = changed {
                let change = ItemChange { state: Some(state), ..ItemChange::default() };
                self.record_item(id, Event::ItemChanged { change }, now);
            }
            return;
        }
        let number = record.updates + 1;
        self.record_item(id, Event::ItemUpdateRequested { number }, now);
        let card = self.card(id);
        let item = id.clone();
        self.request(Effect::UpdateTracker { item, number, state, entry, card }, now);
    }

    /// The standing of the item's lane or of its newest run, if its tracker shows such a thing.
    fn card(&self, id: &ItemId) -> Option<Box<RunCard>> {
        if !self.identity.cards.contains(id.source()) {
            return None;
        }
        let record = self.items.get(id)?;
        if let Some(session) = record.session.as_ref().filter(|_| record.run.is_none()) {
            return Some(Box::new(card::of_lane(session)));
        }
        let newest = self.runs.values().rev().find(|state| state.item == *id);
        newest.map(|state| Box::new(card::card(state)))
    }

    /// A tracker was written, or could not be.
    pub(super) fn tracker_written(
        &mut self,
        key: &EffectKey,
        result: Result<Written, TrackerFailure>,
        now: Timestamp,
    ) {
        if !self.outbox.contains(key) {
            return;
        }
        self.note_tried(key, result.as_ref().err(), now);
        match result {
            Ok(Written { current, refused }) => {
                let ours = match self.outbox.effect(key) {
                    Some(Effect::UpdateTracker { state, .. }) => *state,
                    Some(
                        Effect::PrepareWorkspace { .. }
                        | Effect::RunTurn { .. }
                        | Effect::RunChecks { .. }
                        | Effect::Deliver { .. }
                        | Effect::CleanUp { .. }
                        | Effect::CreateItem { .. },
                    )
                    | None => None,
                };
                self.settle(key, Settlement::Done);
                self.written.insert(current.id.clone(), now);
                if self.items.contains_key(&current.id) {
                    let id = current.id.clone();
                    self.observe_item(current, None, ours, now);
                    self.note_refusal(&id, key, refused, now);
                }
            }
            Err(failure) if failure.again => {
                let failures = self.outbox.failures(key).saturating_add(1);
                let pause = infrastructure_backoff(failures).max(failure.wait.unwrap_or_default());
                let not_before = now.after(pause);
                self.settle(key, Settlement::Retry { not_before, error: failure.message });
            }
            Err(failure) => self.settle(key, Settlement::Dead { error: failure.message }),
        }
    }

    /// Whether a tracker's complaint is another one than before, apart from numbers in it.
    #[must_use]
    pub fn is_news(&self, source: &str, message: &str) -> bool {
        let letters = |text: &str| text.replace(|it: char| it.is_ascii_digit(), "");
        let mut known = self.problems.get(source).into_iter().flatten();
        !known.any(|known| letters(known) == letters(message))
    }

    /// The items of trackers that keep how items stand.
    #[must_use]
    pub fn known_items(&self) -> BTreeSet<ItemId> {
        let keeps = |id: &&ItemId| self.identity.cards.contains(id.source());
        self.items.keys().filter(keeps).cloned().collect()
    }

    /// The record of an item.
    #[must_use]
    pub fn item(&self, id: &ItemId) -> Option<&ItemRecord> {
        self.items.get(id)
    }
}
