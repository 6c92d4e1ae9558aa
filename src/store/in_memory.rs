//! The log in memory: for `simulate`, throw-away runs and tests. Keeps every rule the database keeps.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use uuid::Uuid;

use crate::domain::budget::ledger::Spending;
use crate::domain::effect::Effect;
use crate::domain::ids::{EffectKey, ItemId, OPS_STREAM, ProjectId, RunId, StreamId};
use crate::domain::item_record::ItemRecord;
use crate::domain::ops::OpsState;
use crate::domain::time::Timestamp;

use super::batch::{Appended, Batch};
use super::envelope::{Recorded, log_genesis};
use super::error::StoreError;
use super::plan::{LogView, Plan, Writes, plan};
use super::projections::ops::fold_ops;
use super::projections::runs::RunState;
use super::projections::turns::TurnRow;
use super::projections::work_items::WorkItemRow;
use super::projections::{Fold, Rows};
use super::rows::{IdempotencyRow, Lease, LogHead, OutboxRow, OutboxState, ProcessRow, StreamRow};
use super::verify::{Tables, Verification, VerifyOptions, VerifyReport};
use super::{SaltSource, Store, StoreReader};

/// A log that ends with the process.
pub struct InMemoryStore {
    log: Mutex<Log>,
}

struct Log {
    head: LogHead,
    events: Vec<Recorded>,
    streams: BTreeMap<StreamId, StreamRow>,
    /// Positions in `events`.
    members: HashMap<StreamId, Vec<usize>>,
    ids: HashSet<Uuid>,
    folds: BTreeMap<StreamId, Option<Fold>>,
    rows: Rows,
    outbox: BTreeMap<EffectKey, OutboxRow>,
    leases: BTreeMap<String, Lease>,
    requests: HashMap<(String, String), IdempotencyRow>,
    processes: BTreeMap<(RunId, u32), ProcessRow>,
    salts: SaltSource,
    closed: bool,
}

impl InMemoryStore {
    /// An empty log.
    #[must_use]
    pub fn new(log_id: Uuid, salts: SaltSource) -> Self {
        let head = LogHead {
            log_id,
            gseq: 0,
            ghash: log_genesis(log_id),
            at: Timestamp(0),
            epoch: 0,
            instance: String::new(),
        };
        Self {
            log: Mutex::new(Log {
                head,
                events: Vec::new(),
                streams: BTreeMap::new(),
                members: HashMap::new(),
                ids: HashSet::new(),
                folds: BTreeMap::new(),
                rows: Rows::default(),
                outbox: BTreeMap::new(),
                leases: BTreeMap::new(),
                requests: HashMap::new(),
                processes: BTreeMap::new(),
                salts,
                closed: false,
            }),
        }
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        // A panic between two writes is impossible: `Log::write` calls nothing that can fail.
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open_log(&self) -> Result<MutexGuard<'_, Log>, StoreError> {
        let log = self.log();
        if log.closed { Err(StoreError::Closed) } else { Ok(log) }
    }
}

impl Log {
    fn write(&mut self, writes: Writes) {
        self.head = writes.head;
        for event in writes.events {
            self.ids.insert(event.id);
            self.members.entry(event.stream.clone()).or_default().push(self.events.len());
            self.events.push(event);
        }
        self.streams.extend(writes.streams);
        self.folds.extend(writes.folds);
        self.rows.items.extend(writes.rows.items);
        self.rows.runs.extend(writes.rows.runs);
        self.rows.turns.extend(writes.rows.turns);
        self.outbox.extend(writes.outbox);
        self.leases.extend(writes.leases);
        if let Some(row) = writes.idempotency {
            self.requests.insert((row.scope.clone(), row.key.clone()), row);
        }
    }

    fn stream_events(&self, stream: &StreamId) -> impl Iterator<Item = &Recorded> {
        self.members.get(stream).into_iter().flatten().filter_map(|index| self.events.get(*index))
    }

    fn run(&self, stream: &StreamId) -> Option<RunState> {
        match self.folds.get(stream)?.as_ref()? {
            Fold::Run(run) => Some((**run).clone()),
            Fold::Item(_) => None,
        }
    }

    fn runs(&self, keep: impl Fn(&RunState) -> bool) -> Vec<RunState> {
        let all = self.rows.runs.keys().filter_map(|run| self.run(&StreamId(format!("run/{run}"))));
        let mut runs: Vec<RunState> = all.filter(keep).collect();
        runs.sort_by_key(|run| (run.started, run.id));
        runs
    }
}

impl LogView for Log {
    fn head(&self) -> Result<LogHead, StoreError> {
        Ok(self.head.clone())
    }

    fn stream(&self, name: &StreamId) -> Result<Option<StreamRow>, StoreError> {
        Ok(self.streams.get(name).cloned())
    }

    fn has_event(&self, id: Uuid) -> Result<bool, StoreError> {
        Ok(self.ids.contains(&id))
    }

    fn idempotency(&self, scope: &str, key: &str) -> Result<Option<IdempotencyRow>, StoreError> {
        Ok(self.requests.get(&(scope.to_owned(), key.to_owned())).cloned())
    }

    fn heads_between(&self, first: u64, last: u64) -> Result<Vec<(StreamId, u64)>, StoreError> {
        let heads: BTreeMap<_, _> = self
            .events
            .iter()
            .filter(|event| (first..=last).contains(&event.gseq))
            .map(|event| (event.stream.clone(), event.seq))
            .collect();
        Ok(heads.into_iter().collect())
    }

    fn lease(&self, resource: &str) -> Result<Option<Lease>, StoreError> {
        Ok(self.leases.get(resource).cloned())
    }

    fn effect(&self, key: &EffectKey) -> Result<Option<OutboxRow>, StoreError> {
        Ok(self.outbox.get(key).cloned())
    }

    fn fold(&self, row: &StreamRow) -> Result<Option<Fold>, StoreError> {
        Ok(self.folds.get(&row.name).cloned().flatten())
    }
}

#[async_trait]
impl StoreReader for InMemoryStore {
    async fn read_stream(
        &self,
        stream: &StreamId,
        from_seq: u64,
        limit: usize,
    ) -> Result<Vec<Recorded>, StoreError> {
        let log = self.log();
        let wanted = log.stream_events(stream).filter(|event| event.seq >= from_seq);
        Ok(wanted.take(limit).cloned().collect())
    }

    async fn read_all(&self, after_gseq: u64, limit: usize) -> Result<Vec<Recorded>, StoreError> {
        let log = self.log();
        let skipped = usize::try_from(after_gseq).unwrap_or(usize::MAX);
        Ok(log.events.iter().skip(skipped).take(limit).cloned().collect())
    }

    async fn head(&self) -> Result<LogHead, StoreError> {
        Ok(self.log().head.clone())
    }

    async fn stream_names(&self, prefix: &str) -> Result<Vec<StreamId>, StoreError> {
        let log = self.log();
        let names = log.streams.keys().filter(|name| name.as_str().starts_with(prefix));
        Ok(names.cloned().collect())
    }

    async fn load_items(&self) -> Result<Vec<ItemRecord>, StoreError> {
        let log = self.log();
        let rows = log.rows.items.iter();
        rows.map(|(id, row)| WorkItemRow::parse_record(id, &row.record)).collect()
    }

    async fn load_item(&self, item: &ItemId) -> Result<Option<ItemRecord>, StoreError> {
        let log = self.log();
        let row = log.rows.items.get(item.as_str());
        row.map(|row| WorkItemRow::parse_record(item.as_str(), &row.record)).transpose()
    }

    async fn load_open_runs(&self) -> Result<Vec<RunState>, StoreError> {
        Ok(self.log().runs(|run| run.finished.is_none()))
    }

    async fn load_run(&self, run: RunId) -> Result<Option<RunState>, StoreError> {
        Ok(self.log().run(&run.stream()))
    }

    async fn runs_of(&self, item: &ItemId) -> Result<Vec<RunState>, StoreError> {
        Ok(self.log().runs(|run| run.item == *item))
    }

    async fn recent_runs(&self, path: &str, most: usize) -> Result<Vec<RunState>, StoreError> {
        let here = |run: &RunState| run.finished.is_some() && run.plan.repository == path;
        let mut runs = self.log().runs(here);
        runs.sort_by_key(|run| std::cmp::Reverse((run.finished, run.id.to_string())));
        Ok(runs.into_iter().take(most).collect())
    }

    async fn repositories(&self) -> Result<Vec<String>, StoreError> {
        let log = self.log();
        let found: BTreeSet<&String> = log.rows.runs.values().map(|row| &row.repository).collect();
        Ok(found.into_iter().cloned().collect())
    }

    async fn turns(&self, run: RunId) -> Result<Vec<TurnRow>, StoreError> {
        let log = self.log();
        let key = run.to_string();
        let turns = log.rows.turns.range((key.clone(), 0)..=(key, u32::MAX));
        Ok(turns.map(|(_, row)| row.clone()).collect())
    }

    async fn load_ops(&self) -> Result<OpsState, StoreError> {
        let log = self.log();
        let events: Vec<_> = log.stream_events(&StreamId::new(OPS_STREAM)).cloned().collect();
        Ok(fold_ops(&events))
    }

    async fn open_effects(&self) -> Result<Vec<OutboxRow>, StoreError> {
        let log = self.log();
        let pending = log.outbox.values().filter(|row| row.state == OutboxState::Pending);
        let mut rows: Vec<_> = pending.cloned().collect();
        rows.sort_by_key(|row| row.gseq);
        Ok(rows)
    }

    async fn parked_updates(&self, limit: usize) -> Result<Vec<OutboxRow>, StoreError> {
        let log = self.log();
        let dead = log.outbox.values().filter(|row| row.state == OutboxState::Dead);
        let mut rows: Vec<_> = dead
            .filter(|row| matches!(row.effect, Effect::UpdateTracker { .. }))
            .cloned()
            .collect();
        rows.sort_by_key(|row| row.gseq);
        let surplus = rows.len().saturating_sub(limit);
        Ok(rows.split_off(surplus))
    }

    async fn starts_since(
        &self,
        since: Timestamp,
    ) -> Result<Vec<(Timestamp, ProjectId)>, StoreError> {
        let log = self.log();
        let recent = log.rows.runs.values().filter(|row| row.started >= since);
        let mut starts: Vec<_> = recent.map(|row| (row.started, row.project.clone())).collect();
        starts.sort();
        Ok(starts)
    }

    async fn spending_since(&self, since: Timestamp) -> Result<Vec<Spending>, StoreError> {
        let log = self.log();
        let turns = log.rows.turns.values().filter_map(|turn| {
            let at = turn.ended.filter(|at| *at >= since)?;
            let project = log.rows.runs.get(&turn.run)?.project.clone();
            Some(Spending { at, project, agent: turn.agent.clone(), usage: turn.usage })
        });
        let mut spending: Vec<Spending> = turns.collect();
        spending.sort_by_key(|turn| turn.at);
        Ok(spending)
    }

    async fn leases(&self) -> Result<Vec<Lease>, StoreError> {
        Ok(self.log().leases.values().cloned().collect())
    }

    async fn processes(&self) -> Result<Vec<ProcessRow>, StoreError> {
        Ok(self.log().processes.values().cloned().collect())
    }

    async fn verify(&self, options: VerifyOptions) -> Result<VerifyReport, StoreError> {
        let log = self.log();
        let mut verification = Verification::new(options, log.head.clone());
        let skipped = usize::try_from(verification.starts_after()).unwrap_or(usize::MAX);
        for event in log.events.iter().skip(skipped) {
            verification.event(event);
        }
        Ok(verification.finish(&Tables {
            streams: log.streams.values().cloned().collect(),
            idempotency: log.requests.values().cloned().collect(),
            effects: log.outbox.keys().cloned().collect(),
            rows: log.rows.clone(),
            unreadable: Vec::new(),
        }))
    }
}

#[async_trait]
impl Store for InMemoryStore {
    async fn append(&self, batch: Batch) -> Result<Appended, StoreError> {
        let mut log = self.open_log()?;
        let mut salts = std::mem::replace(&mut log.salts, Box::new(|| [0; 16]));
        let planned = plan(&*log, batch, &mut salts);
        log.salts = salts;
        match planned? {
            Plan::Known(appended) => Ok(appended),
            Plan::New(writes, appended) => {
                log.write(*writes);
                Ok(appended)
            }
        }
    }

    async fn begin_epoch(&self, instance: &str) -> Result<u64, StoreError> {
        let mut log = self.open_log()?;
        log.head.epoch += 1;
        instance.clone_into(&mut log.head.instance);
        Ok(log.head.epoch)
    }

    async fn renew_leases(&self, holder: &str, expires: Timestamp) -> Result<u64, StoreError> {
        let mut log = self.open_log()?;
        let held = log.leases.values_mut().filter(|lease| lease.holder.as_deref() == Some(holder));
        Ok(held.map(|lease| lease.expires = expires).count() as u64)
    }

    async fn record_process(&self, process: ProcessRow) -> Result<(), StoreError> {
        let key = (process.run, process.turn);
        self.open_log()?.processes.insert(key, process);
        Ok(())
    }

    async fn forget_process(&self, run: RunId, turn: u32) -> Result<(), StoreError> {
        self.open_log()?.processes.remove(&(run, turn));
        Ok(())
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.log().closed = true;
        Ok(())
    }
}
