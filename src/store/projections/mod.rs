//! Rows derived from events, written in the transaction that stores the events.
//!
//! Responsible for one thing: which rows follow from which events. Pure; the same functions run when a batch is
//! appended and when verification rebuilds everything from the beginning. Never reads a row to compute another: a row
//! is a function of its stream's fold, and the fold of the stream's events.

pub mod ops;
pub mod runs;
pub mod turns;
pub mod work_items;

use std::collections::BTreeMap;

use crate::domain::event::Event;
use crate::domain::ids::StreamId;
use crate::domain::item_record::ItemRecord;
use crate::domain::time::Timestamp;

use super::envelope::Recorded;
use super::error::StoreError;
use runs::{RunRow, RunState};
use turns::TurnRow;
use work_items::WorkItemRow;

/// What a stream's events come to, for the streams that have rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fold {
    /// `work/<item>`.
    Item(Box<ItemRecord>),
    /// `run/<uuid>`.
    Run(Box<RunState>),
}

/// Which rows a stream has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamKind {
    /// `work/<item>`: a `work_item` row.
    Item,
    /// `run/<uuid>`: a `run` row and `turn` rows.
    Run,
    /// None.
    Other,
}

impl StreamKind {
    /// The kind of a stream, by its name.
    #[must_use]
    pub fn of(stream: &StreamId) -> Self {
        match stream.as_str().split_once('/') {
            Some(("work", _)) => Self::Item,
            Some(("run", _)) => Self::Run,
            _ => Self::Other,
        }
    }
}

/// A stream's name without its kind: the key of its rows.
#[must_use]
pub fn own_name(stream: &StreamId) -> &str {
    stream.as_str().split_once('/').map_or("", |(_, name)| name)
}

/// The fold after one more event.
#[must_use]
pub fn evolve(
    kind: StreamKind,
    before: Option<Fold>,
    event: &Event,
    at: Timestamp,
) -> Option<Fold> {
    match before {
        None => match kind {
            StreamKind::Item => ItemRecord::first(event, at).map(|item| Fold::Item(Box::new(item))),
            StreamKind::Run => RunState::first(event, at).map(|run| Fold::Run(Box::new(run))),
            StreamKind::Other => None,
        },
        Some(Fold::Item(mut item)) => {
            item.evolve(event, at);
            Some(Fold::Item(item))
        }
        Some(Fold::Run(mut run)) => {
            run.evolve(event, at);
            Some(Fold::Run(run))
        }
    }
}

/// The fold of a stream, from events that were stored; what cannot be read is left out.
#[must_use]
pub fn fold(stream: &StreamId, events: &[Recorded]) -> Option<Fold> {
    let kind = StreamKind::of(stream);
    events
        .iter()
        .filter_map(|recorded| Some((recorded.event.known()?, recorded.at)))
        .fold(None, |before, (event, at)| evolve(kind, before, event, at))
}

/// The run that a stream's events come to.
#[must_use]
pub fn fold_run(stream: &StreamId, events: &[Recorded]) -> Option<RunState> {
    match fold(stream, events)? {
        Fold::Run(run) => Some(*run),
        Fold::Item(_) => None,
    }
}

/// All derived rows, by key.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rows {
    /// By item.
    pub items: BTreeMap<String, WorkItemRow>,
    /// By run.
    pub runs: BTreeMap<String, RunRow>,
    /// By run and turn.
    pub turns: BTreeMap<(String, u32), TurnRow>,
}

impl Rows {
    /// Adds the rows that follow from one event, after it went into `fold`.
    ///
    /// # Errors
    /// `Encode` when a work item's record cannot be written as JSON.
    pub fn project(
        &mut self,
        stream: &StreamId,
        fold: Option<&Fold>,
        seq: u64,
        event: &Event,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        // The key is the stream's name, never something inside an event: one stream has one row, whatever it says.
        let key = own_name(stream);
        match fold {
            Some(Fold::Item(item)) => {
                self.items.insert(key.to_owned(), WorkItemRow::of(key, item, seq)?);
            }
            Some(Fold::Run(run)) => {
                if let Some(turn) = TurnRow::after(key, run, event, at) {
                    self.turns.insert((key.to_owned(), turn.turn), turn);
                }
                self.runs.insert(key.to_owned(), RunRow::of(key, run, seq));
            }
            None => {}
        }
        Ok(())
    }
}
