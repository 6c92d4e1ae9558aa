//! The in-memory log, with places where the daemon dies: right before or right after an append.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::domain::budget::ledger::Spending;
use crate::domain::ids::{ItemId, ProjectId, RunId, StreamId};
use crate::domain::item_record::ItemRecord;
use crate::domain::ops::OpsState;
use crate::domain::time::Timestamp;
use crate::pipeline::state::RunState;
use crate::store::batch::{Appended, Batch};
use crate::store::envelope::Recorded;
use crate::store::error::StoreError;
use crate::store::in_memory::InMemoryStore;
use crate::store::projections::turns::TurnRow;
use crate::store::rows::{Lease, LogHead, OutboxRow, ProcessRow};
use crate::store::verify::{VerifyOptions, VerifyReport};
use crate::store::{Store, StoreReader};

use super::inspector::Inspector;
use super::scenario::Faults;

/// A log whose daemon may die while it writes. Every batch that gets in is inspected.
pub(super) struct FragileStore {
    inner: Arc<InMemoryStore>,
    faults: Faults,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    appends: u64,
    died: bool,
    inspector: Inspector,
}

impl FragileStore {
    pub(super) fn new(inner: Arc<InMemoryStore>, faults: Faults) -> Self {
        Self { inner, faults, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the daemon died in here since the last time this was asked.
    pub(super) fn take_death(&self) -> bool {
        std::mem::take(&mut self.state().died)
    }

    /// Batches that were to be stored so far.
    pub(super) fn appends(&self) -> u64 {
        self.state().appends
    }

    /// Lets `look` see the inspector.
    pub(super) fn inspector<T>(&self, look: impl FnOnce(&mut Inspector) -> T) -> T {
        look(&mut self.state().inspector)
    }

    fn begin(&self) -> Result<u64, StoreError> {
        let mut state = self.state();
        state.appends += 1;
        let number = state.appends;
        if self.faults.before_append.contains(&number) {
            state.died = true;
            return Err(StoreError::Closed);
        }
        Ok(number)
    }
}

#[async_trait]
impl Store for FragileStore {
    async fn append(&self, batch: Batch) -> Result<Appended, StoreError> {
        let number = self.begin()?;
        let settled = batch.settle.clone();
        let appended = self.inner.append(batch).await?;
        let after = appended.first_gseq - 1;
        let events = self.inner.read_all(after, usize::MAX).await?;
        let (runs, effects) =
            (self.inner.load_open_runs().await?, self.inner.open_effects().await?);
        let mut state = self.state();
        state.inspector.batch(&events, &settled, &runs, &effects);
        if self.faults.after_append.contains(&number) {
            state.died = true;
            return Err(StoreError::Closed);
        }
        Ok(appended)
    }

    async fn begin_epoch(&self, instance: &str) -> Result<u64, StoreError> {
        self.inner.begin_epoch(instance).await
    }

    async fn renew_leases(&self, holder: &str, expires: Timestamp) -> Result<u64, StoreError> {
        self.inner.renew_leases(holder, expires).await
    }

    async fn record_process(&self, process: ProcessRow) -> Result<(), StoreError> {
        self.inner.record_process(process).await
    }

    async fn forget_process(&self, run: RunId, turn: u32) -> Result<(), StoreError> {
        self.inner.forget_process(run, turn).await
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.inner.close().await
    }
}

#[async_trait]
impl StoreReader for FragileStore {
    async fn read_stream(
        &self,
        stream: &StreamId,
        from_seq: u64,
        limit: usize,
    ) -> Result<Vec<Recorded>, StoreError> {
        self.inner.read_stream(stream, from_seq, limit).await
    }

    async fn read_all(&self, after_gseq: u64, limit: usize) -> Result<Vec<Recorded>, StoreError> {
        self.inner.read_all(after_gseq, limit).await
    }

    async fn head(&self) -> Result<LogHead, StoreError> {
        self.inner.head().await
    }

    async fn stream_names(&self, prefix: &str) -> Result<Vec<StreamId>, StoreError> {
        self.inner.stream_names(prefix).await
    }

    async fn load_items(&self) -> Result<Vec<ItemRecord>, StoreError> {
        self.inner.load_items().await
    }

    async fn load_item(&self, item: &ItemId) -> Result<Option<ItemRecord>, StoreError> {
        self.inner.load_item(item).await
    }

    async fn load_open_runs(&self) -> Result<Vec<RunState>, StoreError> {
        self.inner.load_open_runs().await
    }

    async fn load_run(&self, run: RunId) -> Result<Option<RunState>, StoreError> {
        self.inner.load_run(run).await
    }

    async fn runs_of(&self, item: &ItemId) -> Result<Vec<RunState>, StoreError> {
        self.inner.runs_of(item).await
    }

    async fn recent_runs(&self, path: &str, most: usize) -> Result<Vec<RunState>, StoreError> {
        self.inner.recent_runs(path, most).await
    }

    async fn repositories(&self) -> Result<Vec<String>, StoreError> {
        self.inner.repositories().await
    }

    async fn turns(&self, run: RunId) -> Result<Vec<TurnRow>, StoreError> {
        self.inner.turns(run).await
    }

    async fn load_ops(&self) -> Result<OpsState, StoreError> {
        self.inner.load_ops().await
    }

    async fn open_effects(&self) -> Result<Vec<OutboxRow>, StoreError> {
        self.inner.open_effects().await
    }

    async fn parked_updates(&self, limit: usize) -> Result<Vec<OutboxRow>, StoreError> {
        self.inner.parked_updates(limit).await
    }

    async fn starts_since(
        &self,
        since: Timestamp,
    ) -> Result<Vec<(Timestamp, ProjectId)>, StoreError> {
        self.inner.starts_since(since).await
    }

    async fn spending_since(&self, since: Timestamp) -> Result<Vec<Spending>, StoreError> {
        self.inner.spending_since(since).await
    }

    async fn leases(&self) -> Result<Vec<Lease>, StoreError> {
        self.inner.leases().await
    }

    async fn processes(&self) -> Result<Vec<ProcessRow>, StoreError> {
        self.inner.processes().await
    }

    async fn verify(&self, options: VerifyOptions) -> Result<VerifyReport, StoreError> {
        self.inner.verify(options).await
    }
}
