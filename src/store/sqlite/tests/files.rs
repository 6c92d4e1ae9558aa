//! The file itself: who may read it, what protects it, what other programs see in it.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use rusqlite::Connection;

use super::{everything, open, ops, paused, request};
use crate::store::batch::Expected;
use crate::store::contract::assert_sound;
use crate::store::error::StoreError;
use crate::store::samples::{Ids, id, item_id, run_id};
use crate::store::sqlite::SqliteReader;
use crate::store::verify::{Level, VerifyOptions};
use crate::store::{Store, StoreReader};

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn files_and_directories_belong_to_their_owner_alone() {
    let directory = tempfile::tempdir().unwrap();
    let state = directory.path().join("factory/state");
    let path = state.join("log.db");
    let store = open(&path);
    store.append(Ids::default().batch(ops(), Expected::Any, vec![paused("ann")])).await.unwrap();
    for folder in [&state, &directory.path().join("factory")] {
        assert_eq!(mode(folder), 0o700);
    }
    for file in ["log.db", "log.db-wal", "log.db-shm"] {
        assert_eq!(mode(&state.join(file)), 0o600, "{file}");
    }
}

#[tokio::test]
async fn another_process_may_read_while_a_daemon_writes_and_when_none_runs() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log.db");
    assert!(matches!(SqliteReader::open_reader(&path), Err(StoreError::Io { .. })));
    let store = open(&path);
    let mut ids = Ids::default();
    let reader = SqliteReader::open_reader(&path).unwrap();
    for number in 1..=3 {
        store.append(ids.batch(ops(), Expected::Any, vec![paused("ann")])).await.unwrap();
        assert_eq!(reader.head().await.unwrap().gseq, number);
    }
    assert_eq!(reader.verify(VerifyOptions::default()).await.unwrap().problems, Vec::new());
    drop((reader, store));
    assert!(!directory.path().join("log.db-wal").exists());

    let reader = SqliteReader::open_reader(&path).unwrap();
    assert_eq!(reader.load_ops().await.unwrap().paused_by.as_deref(), Some("ann"));
    assert_eq!(reader.verify(VerifyOptions::default()).await.unwrap().events, 3);
}

#[tokio::test]
async fn verification_sees_one_state_while_a_daemon_writes() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log.db");
    let store = Arc::new(open(&path));
    let reader = SqliteReader::open_reader(&path).unwrap();
    let writing = Arc::clone(&store);
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(async move {
        let mut ids = Ids::default();
        for number in 0..60 {
            writing.append(everything(&mut ids, number)).await.unwrap();
        }
    });
    let mut checked = 0;
    while !tasks.is_empty() {
        let report = reader.verify(VerifyOptions::default()).await.unwrap();
        assert_eq!(report.problems, Vec::new());
        checked += 1;
        let _done = tasks.try_join_next();
    }
    assert!(checked > 1);
    assert_sound(&*store).await;
}

#[tokio::test]
async fn a_log_goes_on_where_it_stopped() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log.db");
    let mut ids = Ids::default();
    let batch = everything(&mut ids, 0);
    let first = open(&path);
    let stored = first.append(batch.clone()).await.unwrap();
    first.begin_epoch("daemon-1").await.unwrap();
    drop(first);

    let second = open(&path);
    assert_eq!(second.begin_epoch("daemon-2").await.unwrap(), 2);
    let mut again = batch;
    again.epoch = 2;
    let repeated = second.append(again).await.unwrap();
    assert!(repeated.deduplicated);
    assert_eq!(repeated.last_gseq, stored.last_gseq);
    let mut next = everything(&mut ids, 1);
    next.epoch = 2;
    second.append(next).await.unwrap();
    assert_eq!(second.runs_of(&item_id(1)).await.unwrap().len(), 2);
    assert_eq!(second.turns(run_id(1)).await.unwrap().len(), 1);
    assert_sound(&second).await;
}

#[tokio::test]
async fn receipts_can_neither_be_changed_nor_deleted_but_their_payload_can_be_taken_away() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log.db");
    let store = open(&path);
    let mut ids = Ids::default();
    store.append(everything(&mut ids, 0)).await.unwrap();
    let connection = Connection::open(&path).unwrap();
    for statement in [
        "DELETE FROM event",
        "UPDATE event SET actor = actor + 1 WHERE gseq = 2",
        "UPDATE event SET payload = '{}' WHERE gseq = 2",
        "UPDATE event SET payload = NULL WHERE gseq = 2",
        "UPDATE event SET payload = NULL, salt = NULL WHERE gseq = 2",
        "UPDATE event SET payload = NULL, salt = NULL, payload_sha = x'00', ghash = x'00' WHERE gseq = 2",
    ] {
        let error = connection.execute(statement, []).unwrap_err();
        assert!(error.to_string().contains("receipts are never"), "{statement}: {error}");
    }
    let event = store.read_all(19, 1).await.unwrap().remove(0);
    let sql = "UPDATE event SET payload = NULL, salt = NULL, payload_sha = ?1 WHERE gseq = 20";
    connection.execute(sql, [event.payload_sha256.0]).unwrap();
    let options = VerifyOptions { chains_only: true, ..VerifyOptions::default() };
    let report = store.verify(options).await.unwrap();
    assert_eq!((report.problems_found, report.worst), (1, Some(Level::Stream)));
    assert_eq!(report.problems[0].what, "the payload was removed");
}

#[tokio::test]
async fn agent_states_readers_find_their_two_tables() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log.db");
    let store = open(&path);
    store.append(everything(&mut Ids::default(), 1)).await.unwrap();
    let connection = Connection::open(&path).unwrap();
    let columns = |view: &str| -> Vec<String> {
        let mut statement = connection.prepare("SELECT name FROM pragma_table_info(?1)").unwrap();
        statement.query_map([view], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    assert_eq!(
        columns("work_items")[..8],
        ["id", "kind", "payload", "status", "owner_agent", "created_at", "updated_at", "notes"]
    );
    assert_eq!(columns("events"), ["id", "ts", "type", "actor", "work_item_id", "payload"]);
    let item: (String, String, String) = connection
        .query_row(
            "SELECT id, status, json_extract(payload, '$.title') FROM work_items",
            [],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )
        .unwrap();
    assert_eq!(
        item,
        ("local/DEMO-1".to_owned(), "waiting_human".to_owned(), "Greet by name".to_owned())
    );
    let seen: Vec<(String, Option<String>)> = connection
        .prepare("SELECT DISTINCT type, work_item_id FROM events WHERE type IN ('work_item_created', 'run.started', 'ops.paused') ORDER BY id")
        .unwrap()
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let item = Some("local/DEMO-1".to_owned());
    assert_eq!(
        seen,
        vec![
            ("work_item_created".to_owned(), item.clone()),
            ("run.started".to_owned(), item),
            ("ops.paused".to_owned(), None)
        ]
    );
}

#[tokio::test]
async fn something_that_is_no_database_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log.db");
    let text = "these are my notes, and no database. ".repeat(40);
    std::fs::write(&path, &text).unwrap();
    let error =
        crate::store::sqlite::SqliteStore::open(&path, id(1), crate::store::samples::salts());
    assert!(matches!(error.err().unwrap(), StoreError::Corrupt { .. }));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    assert_eq!(request("key").scope, "test");
}
