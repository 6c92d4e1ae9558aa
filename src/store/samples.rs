//! Test data: small batches, deterministic ids and salts, one event of every type.

mod chat;
mod coverage;
pub(super) mod events;
mod standing;

use uuid::Uuid;

use crate::domain::effect::Effect;
use crate::domain::event::Event;
use crate::domain::ids::{ItemId, RunId, StreamId};
use crate::domain::time::Timestamp;
use crate::domain::work_item::ItemState;

use super::SaltSource;
use super::batch::{Batch, Expected, NewEffect, NewEvent};

/// Salts that differ and can be foretold.
pub(super) fn salts() -> SaltSource {
    let mut next: u128 = 0;
    Box::new(move || {
        next += 1;
        next.to_be_bytes()
    })
}

/// Id number `number`.
pub(super) fn id(number: u128) -> Uuid {
    Uuid::from_u128((0x0192_0000_0000_7000_8000_0000_0000_0000_u128) + number)
}

/// Run number `number`.
pub(super) fn run_id(number: u128) -> RunId {
    RunId(id(number << 64))
}

/// Item number `number`.
pub(super) fn item_id(number: u32) -> ItemId {
    ItemId(format!("local/DEMO-{number}"))
}

/// Numbers the events of many batches.
#[derive(Default)]
pub(super) struct Ids(pub(super) u128);

impl Ids {
    /// `event` with the next id.
    pub(super) fn event(&mut self, event: Event) -> NewEvent {
        self.0 += 1;
        NewEvent { id: id(self.0), event }
    }

    /// A batch of epoch 0 with `events` for one stream.
    pub(super) fn batch(
        &mut self,
        stream: StreamId,
        expected: Expected,
        events: Vec<Event>,
    ) -> Batch {
        let events: Vec<_> = events.into_iter().map(|event| self.event(event)).collect();
        let mut batch = Batch::new(Timestamp(1_700_000_000_000), "system:test", 0);
        let keys = events.iter().filter_map(|new| effect_for(&stream, &new.event));
        batch.effects = keys.map(|effect| NewEffect { effect, not_before: batch.at }).collect();
        batch.with_events(stream, expected, events)
    }
}

/// The effect that is requested together with `event`, as the pipeline does it.
pub(super) fn effect_for(stream: &StreamId, event: &Event) -> Option<Effect> {
    let (kind, rest) = stream.as_str().split_once('/')?;
    let run = || Uuid::parse_str(rest).ok().map(RunId);
    match event {
        Event::RunStarted { .. } => Some(Effect::PrepareWorkspace { run: run()? }),
        Event::TurnStarted { turn, .. } => Some(Effect::RunTurn { run: run()?, turn: *turn }),
        Event::RunFinished { .. } => Some(Effect::CleanUp { run: run()?, keep: true }),
        Event::ItemUpdateRequested { number } if kind == "work" => Some(Effect::UpdateTracker {
            item: ItemId::new(rest),
            number: *number,
            state: Some(ItemState::InProgress),
            entry: "started".to_owned(),
            card: None,
        }),
        _ => None,
    }
}
