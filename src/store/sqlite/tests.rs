//! What only a database file can do wrong.

mod atomicity;
mod crash;
mod files;
mod power_loss;
mod tamper;

use std::path::Path;

use rusqlite::Connection;
use tempfile::TempDir;
use uuid::Uuid;

use crate::domain::event::Event;
use crate::domain::ids::{OPS_STREAM, StreamId};
use crate::domain::time::Timestamp;
use crate::store::Store;
use crate::store::batch::{Batch, Expected, Idempotency, LeaseChange};
use crate::store::samples::events::{item_events, run_events};
use crate::store::samples::{Ids, id, item_id, run_id, salts};
use crate::store::sqlite::SqliteStore;

fn open(path: &Path) -> SqliteStore {
    SqliteStore::open(path, id(0xFFFF), salts()).unwrap()
}

fn ops() -> StreamId {
    StreamId::new(OPS_STREAM)
}

fn paused(by: &str) -> Event {
    Event::Paused { by: by.to_owned() }
}

fn request(key: &str) -> Idempotency {
    Idempotency { scope: "test".to_owned(), key: key.to_owned(), request_sha256: [7; 32] }
}

/// A log of exactly 50 events that uses every column, and its directory.
async fn fifty_events(log_id: Uuid) -> (TempDir, SqliteStore) {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&directory.path().join("log.db"), log_id, salts()).unwrap();
    let mut ids = Ids::default();
    let mut left: usize = 50;
    for number in 0.. {
        let mut batch = everything(&mut ids, number);
        for part in &mut batch.streams {
            part.events.truncate(left.min(12));
            left -= part.events.len();
        }
        store.append(batch).await.unwrap();
        if left == 0 {
            return (directory, store);
        }
    }
    unreachable!()
}

/// A batch that writes to every table.
fn everything(ids: &mut Ids, number: u32) -> Batch {
    let (item, run) = (item_id(number), run_id(u128::from(number) + 1));
    let mut batch = ids.batch(item.stream(), Expected::NoStream, item_events());
    for (stream, events) in [(run.stream(), run_events()), (ops(), vec![paused("ann")])] {
        let part = ids.batch(stream, Expected::Any, events);
        batch.streams.extend(part.streams);
        batch.effects.extend(part.effects);
    }
    batch.at = Timestamp(1_700_000_000_000 - i64::from(number % 2));
    batch.correlation = Some(run.0);
    batch.causation = Some(id(u128::from(number)));
    batch.idempotency = Some(request(&format!("batch-{number}")));
    batch.leases = vec![LeaseChange::Acquire {
        resource: format!("work/{item}"),
        holder: "daemon-1".to_owned(),
        fence: 1,
        expires: Timestamp(9),
    }];
    batch
}

/// A connection for vandals: nothing stops it.
fn vandal(path: &Path) -> Connection {
    let connection = Connection::open(path).unwrap();
    connection
        .execute_batch(
            "PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON;
             DROP TRIGGER event_is_never_changed; DROP TRIGGER event_is_never_deleted;",
        )
        .unwrap();
    connection
}

/// Every row of every table, as text.
fn dump(path: &Path) -> Vec<String> {
    let connection = Connection::open(path).unwrap();
    let tables = [
        "log_head",
        "stream",
        "word",
        "event",
        "idem",
        "outbox",
        "lease",
        "process",
        "work_item",
        "run",
        "turn",
    ];
    let mut lines = Vec::new();
    for table in tables {
        let mut statement =
            connection.prepare(&format!("SELECT * FROM {table} ORDER BY 1, 2")).unwrap();
        let columns = statement.column_count();
        let mut rows = statement.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let cells: Vec<_> = (0..columns).map(|index| row.get_ref(index).unwrap()).collect();
            lines.push(format!("{table} {cells:?}"));
        }
    }
    lines
}

async fn events_of(store: &dyn Store) -> u64 {
    store.head().await.unwrap().gseq
}
