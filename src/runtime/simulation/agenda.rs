//! What is going to happen, in order of time; at the same instant in order of planning.

use std::collections::BTreeMap;

use crate::domain::ids::EffectKey;
use crate::domain::time::Timestamp;
use crate::runtime::engine::Input;

use super::scenario::Happening;

/// Something that is going to happen.
#[derive(Debug)]
pub(super) enum Occurrence {
    /// People or the world do something.
    Happening(Happening),
    /// A daemon starts.
    Boot,
    /// An effect of daemon number `daemon` takes its next step, unless it was put onto another way since.
    Task { daemon: u32, key: EffectKey, serial: u64 },
    /// A tracker's reading reaches daemon number `daemon`.
    Reading { daemon: u32, input: Box<Input> },
}

/// Everything that is planned.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    queue: BTreeMap<(Timestamp, u64), Occurrence>,
    next: u64,
}

impl Agenda {
    /// Plans `occurrence`; its number, which no other has.
    pub(super) fn add(&mut self, at: Timestamp, occurrence: Occurrence) -> u64 {
        self.next += 1;
        self.queue.insert((at, self.next), occurrence);
        self.next
    }

    /// Plans the next step of an effect; the answer is the serial number of that step.
    pub(super) fn add_step(&mut self, at: Timestamp, daemon: u32, key: EffectKey) -> u64 {
        let serial = self.next + 1;
        self.add(at, Occurrence::Task { daemon, key, serial })
    }

    /// When the next thing happens.
    pub(super) fn next_at(&self) -> Option<Timestamp> {
        self.queue.first_key_value().map(|((at, _), _)| *at)
    }

    /// The next thing that happens at or before `now`.
    pub(super) fn take(&mut self, now: Timestamp) -> Option<Occurrence> {
        let entry = self.queue.first_entry().filter(|entry| entry.key().0 <= now)?;
        Some(entry.remove())
    }
}
