//! The log in an SQLite file: one writing thread, a few reading ones.
//!
//! Responsible for durability (WAL, `synchronous=FULL`), for committing many requests at once, and for letting other
//! processes read while a daemon writes. Two processes may even write: each append sees what the other committed.

mod cells;
mod connection;
mod fault;
mod migrations;
mod read;
mod readers;
mod record;
mod snapshot;
mod view;
mod writer;

#[cfg(test)]
mod tests;

use std::path::Path;

use async_trait::async_trait;
use uuid::Uuid;

use crate::domain::budget::ledger::Spending;
use crate::domain::ids::{ItemId, ProjectId, RunId, StreamId};
use crate::domain::item_record::ItemRecord;
use crate::domain::ops::OpsState;
use crate::domain::time::Timestamp;

use super::batch::{Appended, Batch};
use super::envelope::Recorded;
use super::error::StoreError;
use super::projections::runs::RunState;
use super::projections::turns::TurnRow;
use super::rows::{Lease, LogHead, OutboxRow, ProcessRow};
use super::verify::{VerifyOptions, VerifyReport};
use super::{SaltSource, Store, StoreReader};

use readers::Readers;
use writer::Writer;

/// Reading threads of a daemon.
const DAEMON_READERS: usize = 2;

/// A log in a file. `Access` says what may be done with it.
pub struct SqliteLog<Access> {
    // In this order: the last connection to go is one that may write, and tidies up the write-ahead log.
    readers: Readers,
    access: Access,
}

/// A log that may only be read, also while a daemon writes it.
pub type SqliteReader = SqliteLog<ReadOnly>;

/// A log that may be written.
pub type SqliteStore = SqliteLog<Writer>;

/// Nothing can be written.
pub struct ReadOnly;

impl SqliteReader {
    /// Opens an existing log.
    ///
    /// # Errors
    /// `Io` when there is none, `Schema` when another version made it.
    pub fn open_reader(path: &Path) -> Result<Self, StoreError> {
        Ok(Self { access: ReadOnly, readers: Readers::open(path, 1)? })
    }
}

impl SqliteStore {
    /// Opens a log, or makes a new one with `new_log_id`; missing directories are made.
    ///
    /// # Errors
    /// `Io`, `Busy`, `Corrupt`, and `Schema` when another version made it.
    pub fn open(path: &Path, new_log_id: Uuid, salts: SaltSource) -> Result<Self, StoreError> {
        let mut connection = connection::open_for_writing(path)?;
        migrations::migrate(&mut connection, new_log_id)?;
        let readers = Readers::open(path, DAEMON_READERS)?;
        Ok(Self { access: Writer::start(connection, salts)?, readers })
    }
}

#[async_trait]
impl<Access: Send + Sync> StoreReader for SqliteLog<Access> {
    async fn read_stream(
        &self,
        stream: &StreamId,
        from_seq: u64,
        limit: usize,
    ) -> Result<Vec<Recorded>, StoreError> {
        let stream = stream.clone();
        self.readers.read(move |db| read::stream_events(db, &stream, from_seq, limit)).await
    }

    async fn read_all(&self, after_gseq: u64, limit: usize) -> Result<Vec<Recorded>, StoreError> {
        self.readers.read(move |db| read::log_events(db, after_gseq, limit)).await
    }

    async fn head(&self) -> Result<LogHead, StoreError> {
        self.readers.read(read::head).await
    }

    async fn stream_names(&self, prefix: &str) -> Result<Vec<StreamId>, StoreError> {
        let prefix = prefix.to_owned();
        self.readers.read(move |db| read::stream_names(db, &prefix)).await
    }

    async fn load_items(&self) -> Result<Vec<ItemRecord>, StoreError> {
        self.readers.read(read::items).await
    }

    async fn load_item(&self, item: &ItemId) -> Result<Option<ItemRecord>, StoreError> {
        let item = item.clone();
        self.readers.read(move |db| read::item(db, &item)).await
    }

    async fn load_open_runs(&self) -> Result<Vec<RunState>, StoreError> {
        self.readers.read(read::open_runs).await
    }

    async fn load_run(&self, run: RunId) -> Result<Option<RunState>, StoreError> {
        self.readers.read(move |db| read::run(db, &run.stream())).await
    }

    async fn runs_of(&self, item: &ItemId) -> Result<Vec<RunState>, StoreError> {
        let item = item.clone();
        self.readers.read(move |db| read::runs_of(db, &item)).await
    }

    async fn recent_runs(&self, path: &str, most: usize) -> Result<Vec<RunState>, StoreError> {
        let path = path.to_owned();
        self.readers.read(move |db| read::recent_runs(db, &path, most)).await
    }

    async fn repositories(&self) -> Result<Vec<String>, StoreError> {
        self.readers.read(read::repositories).await
    }

    async fn turns(&self, run: RunId) -> Result<Vec<TurnRow>, StoreError> {
        self.readers.read(move |db| read::turns(db, &run.to_string())).await
    }

    async fn load_ops(&self) -> Result<OpsState, StoreError> {
        self.readers.read(read::ops).await
    }

    async fn open_effects(&self) -> Result<Vec<OutboxRow>, StoreError> {
        self.readers.read(read::open_effects).await
    }

    async fn parked_updates(&self, limit: usize) -> Result<Vec<OutboxRow>, StoreError> {
        self.readers.read(move |connection| read::parked_updates(connection, limit)).await
    }

    async fn starts_since(
        &self,
        since: Timestamp,
    ) -> Result<Vec<(Timestamp, ProjectId)>, StoreError> {
        self.readers.read(move |db| read::starts_since(db, since)).await
    }

    async fn spending_since(&self, since: Timestamp) -> Result<Vec<Spending>, StoreError> {
        self.readers.read(move |db| read::spending_since(db, since)).await
    }

    async fn leases(&self) -> Result<Vec<Lease>, StoreError> {
        self.readers.read(read::leases).await
    }

    async fn processes(&self) -> Result<Vec<ProcessRow>, StoreError> {
        self.readers.read(read::processes).await
    }

    async fn verify(&self, options: VerifyOptions) -> Result<VerifyReport, StoreError> {
        self.readers.read(move |db| snapshot::verify(db, options)).await
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn append(&self, batch: Batch) -> Result<Appended, StoreError> {
        self.access.append(vec![batch]).await?.pop().ok_or(StoreError::Closed)
    }

    async fn append_all(&self, batches: Vec<Batch>) -> Result<Vec<Appended>, StoreError> {
        self.access.append(batches).await
    }

    async fn begin_epoch(&self, instance: &str) -> Result<u64, StoreError> {
        let instance = instance.to_owned();
        let operation = move |db: &rusqlite::Connection| {
            let mut head = read::head(db)?;
            head.epoch += 1;
            head.instance = instance;
            record::head(db, &head)?;
            Ok(head.epoch)
        };
        self.access.operate(Box::new(operation)).await
    }

    async fn renew_leases(&self, holder: &str, expires: Timestamp) -> Result<u64, StoreError> {
        let holder = holder.to_owned();
        self.access.operate(Box::new(move |db| record::renewal(db, &holder, expires))).await
    }

    async fn record_process(&self, process: ProcessRow) -> Result<(), StoreError> {
        let operation: writer::Operation =
            Box::new(move |db| record::process(db, &process).map(|()| 1));
        self.access.operate(operation).await.map(|_| ())
    }

    async fn forget_process(&self, run: RunId, turn: u32) -> Result<(), StoreError> {
        let operation: writer::Operation =
            Box::new(move |db| record::no_process(db, &run.to_string(), turn).map(|()| 1));
        self.access.operate(operation).await.map(|_| ())
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.access.close().await
    }
}
