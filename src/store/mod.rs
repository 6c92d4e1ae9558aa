//! The event log and everything derived from it: receipts, inline projections, outbox, leases.
//!
//! Responsible for storing each batch whole or not at all ([`Store::append`]), for the two hash chains over what was
//! stored ([`envelope`]), for reading older schema versions ([`codec`]), for folding events into the rows that surfaces
//! and the dispatcher read ([`projections`]), and for saying whether any of that was altered afterwards ([`verify`]).
//! Never decides anything about work: it refuses what contradicts the log, nothing else. Never asks for the time or for
//! randomness: both come in.

pub mod batch;
pub mod codec;
pub mod envelope;
pub mod error;
pub mod in_memory;
mod plan;
pub mod projections;
pub mod rows;
pub mod sqlite;
pub mod verify;

#[cfg(test)]
mod contract;
#[cfg(test)]
mod samples;

use async_trait::async_trait;

use crate::domain::budget::ledger::Spending;
use crate::domain::ids::{ItemId, ProjectId, RunId, StreamId};
use crate::domain::item_record::ItemRecord;
use crate::domain::ops::OpsState;
use crate::domain::time::Timestamp;

use batch::{Appended, Batch};
use envelope::Recorded;
use error::StoreError;
use projections::runs::RunState;
use projections::turns::TurnRow;
use rows::{Lease, LogHead, OutboxRow, ProcessRow};
use verify::{VerifyOptions, VerifyReport};

/// Most batches that one call of [`Store::append_all`] should be given: they hold up every other writer until they are
/// durable.
pub const MOST_BATCHES: usize = 64;

/// Where salts come from: 16 fresh unpredictable bytes per call. Tests inject a counter.
pub type SaltSource = Box<dyn FnMut() -> [u8; 16] + Send>;

/// What may be read. Every call sees one committed state; two calls may see two.
#[async_trait]
pub trait StoreReader: Send + Sync {
    /// At most `limit` events of `stream`, in order, from sequence number `from_seq` (the first is 1).
    async fn read_stream(
        &self,
        stream: &StreamId,
        from_seq: u64,
        limit: usize,
    ) -> Result<Vec<Recorded>, StoreError>;

    /// At most `limit` events of the whole log, in order, after global number `after_gseq` (0 for the beginning).
    async fn read_all(&self, after_gseq: u64, limit: usize) -> Result<Vec<Recorded>, StoreError>;

    /// Where the log stands.
    async fn head(&self) -> Result<LogHead, StoreError>;

    /// Names of all streams that begin with `prefix`, sorted.
    async fn stream_names(&self, prefix: &str) -> Result<Vec<StreamId>, StoreError>;

    /// Every work item ever seen, sorted by id.
    async fn load_items(&self) -> Result<Vec<ItemRecord>, StoreError>;

    /// One work item.
    async fn load_item(&self, item: &ItemId) -> Result<Option<ItemRecord>, StoreError>;

    /// Every run that has not finished, oldest first.
    async fn load_open_runs(&self) -> Result<Vec<RunState>, StoreError>;

    /// One run.
    async fn load_run(&self, run: RunId) -> Result<Option<RunState>, StoreError>;

    /// The runs of an item, oldest first.
    async fn runs_of(&self, item: &ItemId) -> Result<Vec<RunState>, StoreError>;

    /// At most `most` finished runs in the repository at `path`, the one that ended last first.
    async fn recent_runs(&self, path: &str, most: usize) -> Result<Vec<RunState>, StoreError>;

    /// Paths of all repositories that runs have worked in, sorted.
    async fn repositories(&self) -> Result<Vec<String>, StoreError>;

    /// The turns of a run, in order.
    async fn turns(&self, run: RunId) -> Result<Vec<TurnRow>, StoreError>;

    /// The daemon's own switches.
    async fn load_ops(&self) -> Result<OpsState, StoreError>;

    /// Every effect that is still to be done, in the order of its request.
    async fn open_effects(&self) -> Result<Vec<OutboxRow>, StoreError>;

    /// Updates for trackers that were given up, at most `limit`: the newest of them, oldest first.
    async fn parked_updates(&self, limit: usize) -> Result<Vec<OutboxRow>, StoreError>;

    /// When runs were started at or after `since`, and in which project, oldest first.
    async fn starts_since(
        &self,
        since: Timestamp,
    ) -> Result<Vec<(Timestamp, ProjectId)>, StoreError>;

    /// What the turns that ended at or after `since` cost, by the time they ended.
    async fn spending_since(&self, since: Timestamp) -> Result<Vec<Spending>, StoreError>;

    /// Every lease ever taken, sorted by resource; a released one has no holder.
    async fn leases(&self) -> Result<Vec<Lease>, StoreError>;

    /// Agent processes that were started and not yet seen to end.
    async fn processes(&self) -> Result<Vec<ProcessRow>, StoreError>;

    /// Checks the log on one consistent snapshot, also while a daemon writes.
    async fn verify(&self, options: VerifyOptions) -> Result<VerifyReport, StoreError>;
}

/// What may be written. There is one writer per log; another process may write too, and both stay correct.
#[async_trait]
pub trait Store: StoreReader {
    /// Stores a batch whole or not at all; when this returns, it is durable and visible to every reader.
    async fn append(&self, batch: Batch) -> Result<Appended, StoreError>;

    /// Stores batches in order, each whole or not at all, and waits once until all of them are durable. The first one
    /// that is refused ends it: those before it are stored, those after it are not. At most [`MOST_BATCHES`] at once.
    async fn append_all(&self, batches: Vec<Batch>) -> Result<Vec<Appended>, StoreError> {
        let mut appended = Vec::with_capacity(batches.len());
        for batch in batches {
            appended.push(self.append(batch).await?);
        }
        Ok(appended)
    }

    /// Takes over the log for a new daemon: from now on batches of older epochs are refused. Returns the new epoch.
    async fn begin_epoch(&self, instance: &str) -> Result<u64, StoreError>;

    /// Moves the expiry of every lease `holder` has to `expires`. No event. Returns how many there were.
    async fn renew_leases(&self, holder: &str, expires: Timestamp) -> Result<u64, StoreError>;

    /// Remembers an agent's process, so that a later daemon can find and end it. No event.
    async fn record_process(&self, process: ProcessRow) -> Result<(), StoreError>;

    /// Forgets the process of a turn after it was seen to end. No event.
    async fn forget_process(&self, run: RunId, turn: u32) -> Result<(), StoreError>;

    /// Finishes what was accepted and refuses everything after it.
    async fn close(&self) -> Result<(), StoreError>;
}
