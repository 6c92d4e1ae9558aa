//! P6: a batch is stored whole or not at all, whichever statement fails.

use std::sync::Arc;

use rusqlite::Connection;

use super::{dump, events_of, everything, open, ops, paused};
use crate::domain::ids::ItemId;
use crate::store::Store;
use crate::store::batch::{Batch, Expected, LeaseChange, SettleEffect, Settlement};
use crate::store::contract::assert_sound;
use crate::store::error::StoreError;
use crate::store::samples::events::{item_events, run_events};
use crate::store::samples::{Ids, item_id, run_id};

/// A batch that changes rows which are there already.
fn more(ids: &mut Ids) -> Batch {
    let mut batch = ids.batch(item_id(0).stream(), Expected::Any, item_events());
    let runs = ids.batch(run_id(1).stream(), Expected::Any, run_events());
    batch.streams.extend(runs.streams);
    let key = crate::domain::effect::Effect::RunTurn { run: run_id(1), turn: 1 }.key();
    batch.settle = vec![SettleEffect { key, settlement: Settlement::Done }];
    batch.leases = vec![LeaseChange::Release {
        resource: format!("work/{}", ItemId::new("local/DEMO-0")),
        fence: 1,
    }];
    batch
}

#[tokio::test]
async fn whichever_statement_fails_the_batch_leaves_nothing_behind() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log.db");
    let store = open(&path);
    let saboteur = Connection::open(&path).unwrap();
    let mut ids = Ids::default();
    store.append(everything(&mut ids, 0)).await.unwrap();
    let before = dump(&path);

    let mut failed = 0;
    for table in
        ["log_head", "stream", "event", "work_item", "run", "turn", "outbox", "lease", "idem"]
    {
        for moment in ["BEFORE INSERT", "AFTER INSERT", "BEFORE UPDATE", "AFTER UPDATE"] {
            let trigger = format!(
                "CREATE TRIGGER failpoint {moment} ON {table} BEGIN SELECT RAISE(ABORT, 'failpoint'); END"
            );
            saboteur.execute_batch(&trigger).unwrap();
            for batch in [everything(&mut ids, 1), more(&mut ids)] {
                // Not every batch both inserts into and updates every table; the ones that get through are not counted
                // and are kept from staying by a wrong expectation at their end.
                let mut batch = batch;
                let wrong = vec![ids.event(paused("late"))];
                let sabotaged = trigger_fires(&batch, table, moment);
                if !sabotaged {
                    batch = batch.with_events(ops(), Expected::Exact(999), wrong);
                }
                let error = store.append(batch).await.unwrap_err();
                assert_eq!(
                    sabotaged,
                    matches!(error, StoreError::Io { .. }),
                    "{table} {moment}: {error:?}"
                );
                failed += usize::from(sabotaged);
                assert_eq!(dump(&path), before, "{table} {moment}");
            }
            saboteur.execute_batch("DROP TRIGGER failpoint").unwrap();
        }
    }
    assert_eq!(failed, 41);
    store.append(everything(&mut ids, 1)).await.unwrap();
    store.append(more(&mut ids)).await.unwrap();
    assert_sound(&store).await;
}

/// `everything` makes new rows and moves the head and the `ops` stream; `more` changes rows.
fn trigger_fires(batch: &Batch, table: &str, moment: &str) -> bool {
    let makes_rows = batch.idempotency.is_some();
    match (table, moment.ends_with("INSERT")) {
        ("log_head", inserts) => !inserts,
        ("event", inserts) => inserts,
        ("idem", inserts) => inserts && makes_rows,
        // An upsert fires its BEFORE INSERT trigger even when it then updates; `turn` is replaced, which is an insert.
        ("turn", inserts) => inserts,
        ("stream", false) => true,
        (_, true) => makes_rows || moment == "BEFORE INSERT",
        (_, false) => !makes_rows,
    }
}

#[tokio::test]
async fn a_failing_batch_takes_no_other_of_its_commit_with_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log.db");
    let store = Arc::new(open(&path));
    let saboteur = Connection::open(&path).unwrap();
    saboteur
        .execute_batch(
            "CREATE TRIGGER failpoint AFTER INSERT ON event WHEN NEW.actor = (SELECT id FROM word WHERE text = 'unlucky')
             BEGIN SELECT RAISE(ABORT, 'failpoint'); END",
        )
        .unwrap();
    let mut ids = Ids::default();
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..60 {
        let stream = item_id(number).stream();
        let mut batch = ids.batch(stream, Expected::NoStream, item_events());
        if number % 3 == 0 {
            batch.actor = "unlucky".to_owned();
        }
        let store = Arc::clone(&store);
        tasks.spawn(async move { (number % 3 == 0, store.append(batch).await.is_err()) });
    }
    assert!(tasks.join_all().await.into_iter().all(|(unlucky, failed)| unlucky == failed));
    assert_eq!(events_of(&*store).await, 40 * item_events().len() as u64);
    assert_eq!(store_items(&*store).await, 40);
    assert_sound(&*store).await;
}

async fn store_items(store: &dyn Store) -> usize {
    store.load_items().await.unwrap().len()
}
