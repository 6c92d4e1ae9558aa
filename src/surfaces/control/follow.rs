//! Sends events as they are stored, from a cursor on.
//!
//! The daemon's word that something was stored is only a hint to look: what is sent is read from the log, so that a slow
//! client misses nothing and a fast one gets nothing twice.

use std::collections::BTreeSet;
use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, BufReader};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

use crate::domain::event::Event;
use crate::domain::ids::{ItemId, RunId};
use crate::store::StoreReader;
use crate::store::envelope::Recorded;
use crate::store::error::StoreError;

use super::connection::{Served, store_error};
use super::lines::write_line;
use super::wire::{EventView, Response};

/// Events read at once.
const PAGE: usize = 256;

/// How often the log is looked at without a hint.
const LOOK: Duration = Duration::from_secs(5);

/// Which events a client wants.
pub(super) struct Filter {
    /// Only this run.
    pub(super) run: Option<RunId>,
    /// Only this item and its runs.
    pub(super) item: Option<ItemId>,
}

/// A filter with what it has learnt.
struct Wanted {
    everything: bool,
    item: Option<ItemId>,
    streams: BTreeSet<String>,
}

impl Wanted {
    async fn new(filter: Filter, store: &dyn StoreReader) -> Result<Self, StoreError> {
        let mut streams = BTreeSet::new();
        let everything = filter.run.is_none() && filter.item.is_none();
        streams.extend(filter.run.map(|run| run.stream().0));
        if let Some(item) = &filter.item {
            streams.insert(item.stream().0);
            let runs = store.runs_of(item).await?;
            streams.extend(runs.iter().map(|run| run.id.stream().0));
        }
        Ok(Self { everything, item: filter.item, streams })
    }

    fn takes(&mut self, recorded: &Recorded) -> bool {
        if let Some(Event::RunStarted { run, item, .. }) = recorded.event.known()
            && self.item.as_ref() == Some(item)
        {
            self.streams.insert(run.stream().0);
        }
        self.everything || self.streams.contains(recorded.stream.as_str())
    }
}

/// Sends events after `cursor` until the client hangs up or the daemon has stopped.
pub(super) async fn follow(
    reader: &mut BufReader<OwnedReadHalf>,
    writer: &mut OwnedWriteHalf,
    served: &Served,
    mut cursor: u64,
    filter: Filter,
) -> io::Result<()> {
    let mut head = served.handle.head();
    let store = served.store.as_ref();
    let mut wanted = match Wanted::new(filter, store).await {
        Ok(wanted) => wanted,
        Err(error) => return write_line(writer, &store_error(&error)).await,
    };
    loop {
        let stopped = served.stop.is_cancelled();
        head.borrow_and_update();
        loop {
            let page = match store.read_all(cursor, PAGE).await {
                Ok(page) => page,
                Err(error) => return write_line(writer, &store_error(&error)).await,
            };
            for recorded in &page {
                cursor = recorded.gseq;
                if wanted.takes(recorded) {
                    let event = EventView::of(recorded);
                    write_line(writer, &Response::Event { event }).await?;
                }
            }
            if page.len() < PAGE {
                break;
            }
        }
        if stopped {
            let reason = "the daemon has stopped".to_owned();
            return write_line(writer, &Response::End { reason }).await;
        }
        let mut byte = [0; 1];
        tokio::select! {
            () = served.stop.cancelled() => {}
            changed = head.changed() => if changed.is_err() {
                // The loop is gone; what it stored last is read once more when the server is told to stop.
                tokio::select! {
                    () = served.stop.cancelled() => {}
                    () = tokio::time::sleep(LOOK) => {}
                }
            },
            () = tokio::time::sleep(LOOK) => {}
            // A client that follows has nothing more to say: whatever comes is the end.
            _ended = reader.read(&mut byte) => return Ok(()),
        }
    }
}
