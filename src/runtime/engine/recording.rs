//! What has happened goes into the state and into the batch in the making, always together.

use crate::domain::effect::Effect;
use crate::domain::event::Event;
use crate::domain::ids::{EffectKey, ItemId, OPS_STREAM, RunId, StreamId};
use crate::domain::item_record::ItemRecord;
use crate::domain::time::Timestamp;
use crate::pipeline::state::RunState;
use crate::store::batch::{Expected, NewEffect, NewEvent, SettleEffect, Settlement, StreamAppend};

use super::Engine;

impl Engine {
    /// Adds an event to the batch's part for `stream`.
    pub(super) fn store_event(&mut self, stream: StreamId, event: Event, now: Timestamp) {
        let event = NewEvent { id: self.ids.ordered(now), event };
        match self.pending.streams.last_mut() {
            Some(last) if last.stream == stream => last.events.push(event),
            _ => self.pending.streams.push(StreamAppend {
                stream,
                expected: Expected::Any,
                events: vec![event],
            }),
        }
    }

    /// Something that concerns the factory as a whole has happened.
    pub(super) fn record_ops(&mut self, event: Event, now: Timestamp) {
        self.ops.evolve(&event, now);
        self.store_event(StreamId::new(OPS_STREAM), event, now);
    }

    /// Something has happened to an item.
    pub(super) fn record_item(&mut self, item: &ItemId, event: Event, now: Timestamp) {
        match self.items.get_mut(item) {
            Some(record) => record.evolve(&event, now),
            None => {
                if let Some(record) = ItemRecord::first(&event, now) {
                    self.items.insert(item.clone(), record);
                }
            }
        }
        self.store_event(item.stream(), event, now);
    }

    /// Something has happened to a run.
    pub(super) fn record_run(&mut self, run: RunId, event: Event, now: Timestamp) {
        match self.runs.get_mut(&run) {
            Some(state) => state.evolve(&event, now),
            None => {
                if let Some(state) = RunState::first(&event, now) {
                    self.starts.push((now, state.plan.project.clone()));
                    self.runs.insert(run, state);
                }
            }
        }
        self.pending.correlation = Some(run.0);
        self.store_event(run.stream(), event, now);
    }

    /// Asks for an effect.
    pub(super) fn request(&mut self, effect: Effect, not_before: Timestamp) {
        self.outbox.add(effect.clone(), not_before);
        self.pending.effects.push(NewEffect { effect, not_before });
    }

    /// An effect is over, or is to be tried again.
    pub(super) fn settle(&mut self, key: &EffectKey, settlement: Settlement) {
        match &settlement {
            Settlement::Done | Settlement::Dead { .. } => self.outbox.remove(key),
            Settlement::Retry { not_before, error } => {
                self.outbox.postpone(key, *not_before, error);
            }
            Settlement::Revived { .. } => {}
        }
        self.pending.settle.push(SettleEffect { key: key.clone(), settlement });
    }
}
