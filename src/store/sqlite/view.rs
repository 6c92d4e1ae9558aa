//! What the writer knows while it plans an append: the committed tables, and the folds it still remembers.

use std::cell::RefCell;
use std::collections::HashMap;

use rusqlite::{Connection, params};
use uuid::Uuid;

use crate::domain::ids::{EffectKey, StreamId};
use crate::store::envelope::Hash;
use crate::store::error::StoreError;
use crate::store::plan::{LogView, Writes};
use crate::store::projections::work_items::WorkItemRow;
use crate::store::projections::{Fold, StreamKind, own_name};
use crate::store::rows::{IdempotencyRow, Lease, LogHead, OutboxRow, StreamRow};

use super::read;

/// Most folds remembered; then all are forgotten, which costs one read of each stream that is still written to.
const MOST_FOLDS: usize = 512;

/// Folds of streams written to lately. Each is valid for one hash of its stream only, so that what another process
/// appended in between is never overlooked.
#[derive(Default)]
pub(super) struct Folds(HashMap<StreamId, (Hash, Option<Fold>)>);

impl Folds {
    /// Remembers what `writes` left behind.
    pub(super) fn remember(&mut self, writes: Writes) {
        if self.0.len() + writes.folds.len() > MOST_FOLDS {
            self.0.clear();
        }
        for (stream, fold) in writes.folds {
            if let Some(row) = writes.streams.get(&stream) {
                self.0.insert(stream, (row.hash, fold));
            }
        }
    }

    /// Forgets everything, after a transaction came to nothing.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

/// The committed state and this transaction's own writes.
pub(super) struct View<'writer> {
    pub(super) connection: &'writer Connection,
    pub(super) folds: &'writer RefCell<Folds>,
}

impl LogView for View<'_> {
    fn head(&self) -> Result<LogHead, StoreError> {
        read::head(self.connection)
    }

    fn stream(&self, name: &StreamId) -> Result<Option<StreamRow>, StoreError> {
        let sql = "SELECT * FROM stream WHERE name = ?1";
        read::first(self.connection, sql, params![name.as_str()], |row| row.stream())
    }

    fn has_event(&self, id: Uuid) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM event WHERE event_id = ?1";
        read::any(self.connection, sql, params![id.as_bytes()])
    }

    fn idempotency(&self, scope: &str, key: &str) -> Result<Option<IdempotencyRow>, StoreError> {
        let sql = "SELECT * FROM idem WHERE scope = ?1 AND key = ?2";
        read::first(self.connection, sql, params![scope, key], |row| row.idempotency())
    }

    fn heads_between(&self, first: u64, last: u64) -> Result<Vec<(StreamId, u64)>, StoreError> {
        read::rows(
            self.connection,
            "SELECT name AS stream, max(event.seq) AS seq FROM event JOIN stream ON stream.id = event.stream
             WHERE gseq BETWEEN ?1 AND ?2 GROUP BY name ORDER BY name",
            params![read::signed(first), read::signed(last)],
            |row| Ok((StreamId(row.text("stream")?), row.number("seq")?)),
        )
    }

    fn lease(&self, resource: &str) -> Result<Option<Lease>, StoreError> {
        let sql = "SELECT * FROM lease WHERE resource = ?1";
        read::first(self.connection, sql, params![resource], |row| row.lease())
    }

    fn effect(&self, key: &EffectKey) -> Result<Option<OutboxRow>, StoreError> {
        let sql = "SELECT * FROM outbox WHERE effect_key = ?1";
        read::first(self.connection, sql, params![key.as_str()], |row| row.outbox())
    }

    fn fold(&self, row: &StreamRow) -> Result<Option<Fold>, StoreError> {
        // Taken out, not copied: a plan that is written puts its successor back, one that is refused costs a read.
        let remembered = self.folds.borrow_mut().0.remove(&row.name);
        if let Some((hash, fold)) = remembered
            && hash == row.hash
        {
            return Ok(fold);
        }
        match StreamKind::of(&row.name) {
            StreamKind::Item => {
                let id = own_name(&row.name);
                let sql = "SELECT record FROM work_item WHERE id = ?1";
                read::first(self.connection, sql, params![id], |row| row.text("record"))?
                    .map(|record| WorkItemRow::parse_record(id, &record))
                    .transpose()
                    .map(|record| record.map(|record| Fold::Item(Box::new(record))))
            }
            StreamKind::Run => {
                Ok(read::run(self.connection, &row.name)?.map(|run| Fold::Run(Box::new(run))))
            }
            StreamKind::Other => Ok(None),
        }
    }
}
