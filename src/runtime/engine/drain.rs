//! What trackers are still to be told or were not told, and flushing it now because somebody asks for it.
//!
//! A drain tries every update once: back-off waits do not count, a pause that the service itself asked for does. It is
//! over when each of them was written, has failed, or stands behind one that failed.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::domain::effect::Effect;
use crate::domain::event::Event;
use crate::domain::ids::{EffectKey, ItemId};
use crate::domain::time::Timestamp;
use crate::store::batch::Settlement;

use super::{Engine, Handled, Pending, TrackerFailure};

/// Updates given up that are kept at hand; older ones are in the log alone.
pub const MOST_PARKED: usize = 500;

/// What to do about an update that was given up.
const REVIVE: &str =
    "put right what it says, then `enact-factory drain --parked` tries it once more";

/// What to do about one that will be tried again.
const WAIT: &str = "it is tried again by itself; `enact-factory drain` tries at once";

/// An update for a tracker that is still to be written, or was given up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WriteView {
    /// Which item.
    pub item: ItemId,
    /// Name of the effect.
    pub key: EffectKey,
    /// What it says.
    pub what: String,
    /// It was given up: only a person brings it back.
    pub parked: bool,
    /// How often it was tried in vain; unknown when parked.
    pub tries: u32,
    /// Why the last try came to nothing.
    pub error: Option<String>,
    /// When it is tried next.
    pub next: Option<Timestamp>,
}

/// What a drain came to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Drained {
    /// Updates that were written.
    pub drained: usize,
    /// Those that were not, by item.
    pub errors: Vec<Undrained>,
    /// Those that were given up before and still are.
    pub parked: Vec<Undrained>,
}

/// An update that was not written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Undrained {
    /// Which item.
    pub item: ItemId,
    /// Name of the effect.
    pub key: EffectKey,
    /// What it says.
    pub what: String,
    /// Why not.
    pub error: String,
    /// What to do.
    pub hint: String,
}

/// Which drain is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct DrainId(u64);

/// The drains under way, and the updates that were given up.
#[derive(Debug, Default)]
pub(super) struct Drains {
    parked: BTreeMap<EffectKey, (Effect, String)>,
    open: BTreeMap<DrainId, Drain>,
    last: u64,
}

/// One drain.
#[derive(Debug, Default)]
struct Drain {
    waiting: BTreeSet<EffectKey>,
    outcome: Drained,
}

impl Drains {
    pub(super) fn new(parked: Vec<(Effect, String)>) -> Self {
        let parked =
            parked.into_iter().map(|(effect, error)| (effect.key(), (effect, error))).collect();
        Self { parked, ..Self::default() }
    }
}

impl Engine {
    /// Begins to write everything that trackers are still to be told; with `parked`, also what was given up. What there
    /// is to store comes first; [`Engine::finished_drains`] says when it is over.
    pub fn begin_drain(&mut self, parked: bool, actor: &str, now: Timestamp) -> (Handled, DrainId) {
        self.pending = Pending { actor: Some(actor.to_owned()), ..Pending::default() };
        if parked {
            self.revive(now);
        }
        let mut drain = Drain::default();
        let mut behind: BTreeMap<ItemId, u32> = BTreeMap::new();
        for update in self.outbox.updates() {
            let asked = update.asked.filter(|until| *until > now && !update.in_flight);
            let error = match (behind.get(update.item), asked) {
                (Some(number), _) => is_behind(*number),
                (None, Some(until)) => {
                    behind.insert(update.item.clone(), update.number);
                    let last = update.error.unwrap_or("it asked for a pause");
                    format!("it is left alone until {until}, as it asked: {last}")
                }
                (None, None) => {
                    drain.waiting.insert(update.key.clone());
                    continue;
                }
            };
            drain.outcome.errors.extend(undrained(update.effect, error, WAIT));
        }
        for key in &drain.waiting {
            self.outbox.hasten(key, now);
        }
        self.drains.last += 1;
        let id = DrainId(self.drains.last);
        self.drains.open.insert(id, drain);
        (self.handled(None, None, now), id)
    }

    /// Wants the updates that were given up after all, but for those of items that are gone.
    fn revive(&mut self, now: Timestamp) {
        let items = &self.items;
        let is_there = |effect: &Effect| match effect {
            Effect::UpdateTracker { item, .. } => items.get(item).is_some_and(|it| it.present),
            _ => false,
        };
        let (back, gone): (BTreeMap<_, _>, BTreeMap<_, _>) =
            std::mem::take(&mut self.drains.parked)
                .into_iter()
                .partition(|(_, (effect, _))| is_there(effect));
        self.drains.parked = gone;
        for (key, (effect, error)) in back {
            self.outbox.add(effect, now);
            self.outbox.remember(&key, 0, error);
            self.settle(&key, Settlement::Revived { not_before: now });
        }
    }

    /// An update was tried; `failure` says why in vain.
    pub(super) fn note_tried(
        &mut self,
        key: &EffectKey,
        failure: Option<&TrackerFailure>,
        now: Timestamp,
    ) {
        let Some(effect) = self.outbox.effect(key).cloned() else { return };
        let until = failure.and_then(|failure| failure.wait).map(|wait| now.after(wait));
        self.outbox.leave_alone(key, until);
        if let Some(failure) = failure.filter(|failure| !failure.again) {
            self.park(key, effect.clone(), &failure.message);
        }
        for drain in self.drains.open.values_mut().filter(|drain| drain.waiting.contains(key)) {
            drain.waiting.remove(key);
            let Some(failure) = failure else {
                drain.outcome.drained += 1;
                continue;
            };
            let hint = if failure.again { WAIT } else { REVIVE };
            drain.outcome.errors.extend(undrained(&effect, failure.message.clone(), hint));
            if failure.again {
                give_up_behind(drain, &effect, &self.outbox);
            }
        }
    }

    fn park(&mut self, key: &EffectKey, effect: Effect, error: &str) {
        let parked = &mut self.drains.parked;
        if parked.len() < MOST_PARKED {
            parked.insert(key.clone(), (effect, error.to_owned()));
        } else {
            tracing::warn!(effect = %key, "too many updates were given up; this one is in the log alone");
        }
    }

    /// Drains that are over, with what they came to.
    pub fn finished_drains(&mut self) -> Vec<(DrainId, Drained)> {
        let over: Vec<DrainId> = self
            .drains
            .open
            .iter()
            .filter(|(_, drain)| drain.waiting.is_empty())
            .map(|(id, _)| *id)
            .collect();
        let parked = self.parked(None);
        let ended = over.into_iter().filter_map(|id| {
            let mut outcome = self.drains.open.remove(&id)?.outcome;
            outcome.errors.sort();
            let is_told = |it: &Undrained| outcome.errors.iter().any(|known| known.key == it.key);
            outcome.parked = parked.iter().filter(|it| !is_told(it)).cloned().collect();
            Some((id, outcome))
        });
        ended.collect()
    }

    /// What a tracker refused of an update that it took otherwise, told once.
    pub(super) fn note_refusal(
        &mut self,
        item: &ItemId,
        key: &EffectKey,
        refused: Option<String>,
        now: Timestamp,
    ) {
        let number = key.as_str().rsplit('/').next().and_then(|it| it.parse().ok());
        let known = self.items.get(item).map(|record| record.refusal.clone());
        let (Some(reason), Some(number), Some(known)) = (refused, number, known) else { return };
        if known.as_deref() != Some(reason.as_str()) {
            tracing::warn!(item.id = %item, reason, "the tracker took an update only in part");
            self.record_item(item, Event::ItemUpdateRefused { number, reason }, now);
        }
    }

    /// The updates given up of items that are there; with `of`, of that one.
    fn parked(&self, of: Option<&ItemId>) -> Vec<Undrained> {
        let all = self.drains.parked.values();
        let all = all.filter_map(|(effect, error)| undrained(effect, error.clone(), REVIVE));
        let is_there = |item: &ItemId| self.items.get(item).is_some_and(|record| record.present);
        let mut parked: Vec<Undrained> =
            all.filter(|it| of.is_none_or(|item| it.item == *item) && is_there(&it.item)).collect();
        parked.sort();
        parked
    }

    /// What trackers are still to be told, and what they were not; with `of`, about that item.
    pub(super) fn writes(&self, of: Option<&ItemId>) -> Vec<WriteView> {
        let open = self.outbox.updates().into_iter();
        let open = open.filter(|update| of.is_none_or(|item| update.item == item));
        let open = open.map(|update| WriteView {
            item: update.item.clone(),
            key: update.key.clone(),
            what: what(update.effect).map_or_else(String::new, |(_, what)| what),
            parked: false,
            tries: update.failures,
            error: update.error.map(str::to_owned),
            next: (!update.in_flight).then_some(update.not_before),
        });
        let parked = self.parked(of).into_iter().map(|it| WriteView {
            item: it.item,
            key: it.key,
            what: it.what,
            parked: true,
            tries: 0,
            error: Some(it.error),
            next: None,
        });
        open.chain(parked).collect()
    }
}

/// Those of the same item that come later are not tried before it.
fn give_up_behind(drain: &mut Drain, failed: &Effect, outbox: &super::outbox::Outbox) {
    let Effect::UpdateTracker { item, number, .. } = failed else { return };
    for update in outbox.updates() {
        if update.item == item && update.number > *number && drain.waiting.remove(update.key) {
            drain.outcome.errors.extend(undrained(update.effect, is_behind(*number), WAIT));
        }
    }
}

fn is_behind(number: u32) -> String {
    format!("not tried: update {number} of the item comes first")
}

fn undrained(effect: &Effect, error: String, hint: &str) -> Option<Undrained> {
    let (item, what) = what(effect)?;
    Some(Undrained { item: item.clone(), key: effect.key(), what, error, hint: hint.to_owned() })
}

/// What an update says, in one line, and of which item.
fn what(effect: &Effect) -> Option<(&ItemId, String)> {
    let Effect::UpdateTracker { item, state, entry, .. } = effect else { return None };
    let what = match state {
        Some(state) => format!("{}: {entry}", state.label()),
        None => entry.clone(),
    };
    Some((item, what))
}
