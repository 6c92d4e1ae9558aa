//! What an append does, worked out before anything is written.
//!
//! Pure given a view of what is committed: both backends call [`plan`] inside their write transaction and then write
//! down what it says. Every refusal happens here, so that a refused batch has written nothing.

mod work;

use std::collections::{BTreeMap, HashSet};

use uuid::Uuid;

use crate::domain::ids::{EffectKey, StreamId};
use crate::domain::time::Timestamp;

use super::SaltSource;
use super::batch::{
    Appended, Batch, Expected, Idempotency, MAX_BATCH_EVENTS, NewEvent, StreamAppend,
};
use super::codec::encode;
use super::envelope::{
    Decoded, Hash, Recorded, event_hash, next_ghash, payload_digest, stream_genesis,
};
use super::error::StoreError;
use super::projections::{Fold, Rows, StreamKind, evolve};
use super::rows::{IdempotencyRow, Lease, LogHead, OutboxRow, StreamRow};

/// The committed state, as far as an append needs it.
pub(super) trait LogView {
    fn head(&self) -> Result<LogHead, StoreError>;
    fn stream(&self, name: &StreamId) -> Result<Option<StreamRow>, StoreError>;
    fn has_event(&self, id: Uuid) -> Result<bool, StoreError>;
    fn idempotency(&self, scope: &str, key: &str) -> Result<Option<IdempotencyRow>, StoreError>;
    /// Streams with events from `first` to `last`, each with its last sequence number in there, sorted by name.
    fn heads_between(&self, first: u64, last: u64) -> Result<Vec<(StreamId, u64)>, StoreError>;
    fn lease(&self, resource: &str) -> Result<Option<Lease>, StoreError>;
    fn effect(&self, key: &EffectKey) -> Result<Option<OutboxRow>, StoreError>;
    /// What the stream's events up to `row` come to.
    fn fold(&self, row: &StreamRow) -> Result<Option<Fold>, StoreError>;
}

/// Everything a batch writes.
#[derive(Debug)]
pub(super) struct Writes {
    pub(super) head: LogHead,
    pub(super) streams: BTreeMap<StreamId, StreamRow>,
    pub(super) events: Vec<Recorded>,
    pub(super) rows: Rows,
    pub(super) folds: BTreeMap<StreamId, Option<Fold>>,
    pub(super) outbox: BTreeMap<EffectKey, OutboxRow>,
    pub(super) leases: BTreeMap<String, Lease>,
    pub(super) idempotency: Option<IdempotencyRow>,
}

/// What an append comes to.
#[derive(Debug)]
pub(super) enum Plan {
    /// Nothing: it was stored before.
    Known(Appended),
    /// This is to be written.
    New(Box<Writes>, Appended),
}

/// Works out what `batch` writes, or why it may not be stored.
pub(super) fn plan(
    view: &dyn LogView,
    batch: Batch,
    salts: &mut SaltSource,
) -> Result<Plan, StoreError> {
    let head = view.head()?;
    if batch.epoch != head.epoch {
        let resource = "daemon".to_owned();
        return Err(StoreError::Fenced { resource, given: batch.epoch, stored: head.epoch });
    }
    if let Some(request) = &batch.idempotency
        && let Some(earlier) = find_request(view, request)?
    {
        return Ok(Plan::Known(earlier));
    }
    let count = batch.streams.iter().map(|part| part.events.len()).sum();
    if count > MAX_BATCH_EVENTS {
        return Err(StoreError::BatchTooLarge { events: count });
    }
    let first_gseq = head.gseq + 1;
    let mut planner = Planner::new(view, head, &batch);
    planner.check_fences(&batch.fences)?;
    for part in batch.streams {
        planner.append(part, salts)?;
    }
    planner.request(batch.effects)?;
    planner.settle(batch.settle)?;
    planner.change_leases(batch.leases)?;
    Ok(planner.finish(first_gseq, batch.idempotency))
}

fn find_request(view: &dyn LogView, request: &Idempotency) -> Result<Option<Appended>, StoreError> {
    let Some(row) = view.idempotency(&request.scope, &request.key)? else { return Ok(None) };
    if row.request_sha256 != request.request_sha256 {
        let (scope, key) = (request.scope.clone(), request.key.clone());
        return Err(StoreError::IdempotencyMismatch { scope, key });
    }
    Ok(Some(Appended {
        first_gseq: row.first_gseq,
        last_gseq: row.last_gseq,
        heads: view.heads_between(row.first_gseq, row.last_gseq)?,
        deduplicated: true,
    }))
}

/// What all events of a batch share.
struct Shared {
    at: Timestamp,
    clock: Option<Timestamp>,
    now: Timestamp,
    actor: String,
    correlation: Option<Uuid>,
    causation: Option<Uuid>,
    request: Option<(String, String)>,
}

struct Planner<'view> {
    view: &'view dyn LogView,
    shared: Shared,
    ids: HashSet<Uuid>,
    writes: Writes,
}

impl<'view> Planner<'view> {
    fn new(view: &'view dyn LogView, head: LogHead, batch: &Batch) -> Self {
        let at = batch.at.max(head.at);
        let request = batch.idempotency.as_ref();
        Self {
            view,
            shared: Shared {
                at,
                clock: (at != batch.at).then_some(batch.at),
                now: batch.at,
                actor: batch.actor.clone(),
                correlation: batch.correlation,
                causation: batch.causation,
                request: request.map(|request| (request.scope.clone(), request.key.clone())),
            },
            ids: HashSet::new(),
            writes: Writes {
                head,
                streams: BTreeMap::new(),
                events: Vec::new(),
                rows: Rows::default(),
                folds: BTreeMap::new(),
                outbox: BTreeMap::new(),
                leases: BTreeMap::new(),
                idempotency: None,
            },
        }
    }

    fn append(&mut self, part: StreamAppend, salts: &mut SaltSource) -> Result<(), StoreError> {
        let stored = match self.writes.streams.get(&part.stream) {
            Some(row) => Some(row.clone()),
            None => self.view.stream(&part.stream)?,
        };
        check_expectation(&part.stream, part.expected, stored.as_ref())?;
        if part.events.is_empty() {
            return Ok(());
        }
        let mut fold = match self.writes.folds.remove(&part.stream) {
            Some(fold) => fold,
            None => stored.as_ref().map_or(Ok(None), |row| self.view.fold(row))?,
        };
        let mut row = stored.unwrap_or_else(|| StreamRow {
            name: part.stream.clone(),
            seq: 0,
            hash: stream_genesis(self.writes.head.log_id, &part.stream),
            created_gseq: self.writes.head.gseq + 1,
        });
        let kind = StreamKind::of(&part.stream);
        for new in part.events {
            let recorded = self.record(&mut row, new, salts)?;
            if let Some(event) = recorded.event.known() {
                fold = evolve(kind, fold, event, recorded.at);
                self.writes.rows.project(
                    &recorded.stream,
                    fold.as_ref(),
                    recorded.seq,
                    event,
                    recorded.at,
                )?;
            }
            self.writes.events.push(recorded);
        }
        self.writes.streams.insert(part.stream.clone(), row);
        self.writes.folds.insert(part.stream, fold);
        Ok(())
    }

    /// The next event of the stream at `row`, hashed; `row` and the head move on to it.
    fn record(
        &mut self,
        row: &mut StreamRow,
        new: NewEvent,
        salts: &mut SaltSource,
    ) -> Result<Recorded, StoreError> {
        if !self.ids.insert(new.id) || self.view.has_event(new.id)? {
            return Err(StoreError::DuplicateEvent { id: new.id });
        }
        let encoded = encode(&new.event)?;
        let salt = salts();
        let head = &mut self.writes.head;
        let mut recorded = Recorded {
            gseq: head.gseq + 1,
            stream: row.name.clone(),
            seq: row.seq + 1,
            id: new.id,
            at: self.shared.at,
            clock: self.shared.clock,
            kind: encoded.kind,
            schema_version: encoded.schema_version,
            actor: self.shared.actor.clone(),
            correlation: self.shared.correlation,
            causation: self.shared.causation,
            idempotency: self.shared.request.clone(),
            payload_sha256: payload_digest(&salt, encoded.payload.as_bytes()),
            payload: Some(encoded.payload),
            salt: Some(salt),
            prev_hash: row.hash,
            hash: Hash([0; 32]),
            ghash: Hash([0; 32]),
            event: Decoded::Known(new.event),
        };
        recorded.hash = event_hash(&recorded);
        recorded.ghash = next_ghash(head.ghash, recorded.gseq, recorded.hash);
        row.seq = recorded.seq;
        row.hash = recorded.hash;
        head.gseq = recorded.gseq;
        head.ghash = recorded.ghash;
        head.at = recorded.at;
        Ok(recorded)
    }

    fn finish(mut self, first_gseq: u64, request: Option<Idempotency>) -> Plan {
        let last_gseq = self.writes.head.gseq;
        self.writes.idempotency = request.map(|request| IdempotencyRow {
            scope: request.scope,
            key: request.key,
            request_sha256: request.request_sha256,
            first_gseq,
            last_gseq,
            at: self.shared.at,
        });
        let heads = self.writes.streams.values().map(|row| (row.name.clone(), row.seq)).collect();
        let appended = Appended { first_gseq, last_gseq, heads, deduplicated: false };
        Plan::New(Box::new(self.writes), appended)
    }
}

fn check_expectation(
    stream: &StreamId,
    expected: Expected,
    stored: Option<&StreamRow>,
) -> Result<(), StoreError> {
    let actual = stored.map_or(0, |row| row.seq);
    let holds = match expected {
        Expected::Any => true,
        Expected::NoStream => actual == 0,
        Expected::Exact(seq) => actual == seq,
        Expected::Head(hash) => stored.is_some_and(|row| row.hash == hash),
    };
    if holds {
        Ok(())
    } else {
        Err(StoreError::Conflict { stream: stream.clone(), expected, actual })
    }
}
