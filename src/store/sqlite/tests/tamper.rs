//! P2 to P5: what is altered in the file is found, and found where it is.

use rusqlite::Connection;
use rusqlite::types::Value;

use super::{fifty_events, vandal};
use crate::store::StoreReader;
use crate::store::envelope::{Hash, Recorded, event_hash, log_genesis, next_ghash, stream_genesis};
use crate::store::error::StoreError;
use crate::store::samples::id;
use crate::store::sqlite::snapshot;
use crate::store::verify::{Anchor, Level, VerifyOptions, VerifyReport};

fn check(connection: &Connection) -> Result<VerifyReport, StoreError> {
    snapshot::verify(connection, VerifyOptions { chains_only: true, ..VerifyOptions::default() })
}

/// Runs `vandalism` in a transaction that is taken back, and says what verification finds in between.
fn damage(
    connection: &Connection,
    vandalism: impl FnOnce(&Connection),
) -> Result<VerifyReport, StoreError> {
    connection.execute_batch("BEGIN").unwrap();
    vandalism(connection);
    let report = check(connection);
    connection.execute_batch("ROLLBACK").unwrap();
    report
}

fn columns(connection: &Connection, table: &str) -> Vec<String> {
    let mut statement = connection.prepare("SELECT name FROM pragma_table_info(?1)").unwrap();
    statement.query_map([table], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

/// Different values a cell could be altered to: single bits at both ends and in the middle, something for nothing and
/// nothing for something.
fn mutations(original: &Value) -> Vec<Value> {
    let flip = |bytes: &[u8], index: usize, bit: u8| {
        let mut copy = bytes.to_vec();
        copy[index] ^= 1 << bit;
        copy
    };
    match original {
        Value::Integer(number) => {
            [0, 7, 40, 63].map(|bit| Value::Integer(number ^ (1 << bit))).into()
        }
        Value::Text(text) => {
            let mut changed = vec![Value::Text(format!("{text}x"))];
            if !text.is_empty() {
                // Bit 0 of an ASCII letter gives another one.
                let last = text.len() - 1;
                for bytes in [flip(text.as_bytes(), 0, 0), flip(text.as_bytes(), last, 0)] {
                    changed.extend(String::from_utf8(bytes).ok().map(Value::Text));
                }
                changed.push(Value::Null);
            }
            changed
        }
        Value::Blob(bytes) => {
            let (middle, last) = (bytes.len() / 2, bytes.len() - 1);
            let mut changed = [flip(bytes, 0, 7), flip(bytes, middle, 3), flip(bytes, last, 0)]
                .map(Value::Blob)
                .to_vec();
            changed.push(Value::Blob(bytes[..last].to_vec()));
            changed
        }
        Value::Null => {
            vec![Value::Integer(0), Value::Text(String::new()), Value::Blob(vec![0; 16])]
        }
        Value::Real(_) => unreachable!(),
    }
}

/// P2.
#[tokio::test]
async fn every_altered_cell_of_event_stream_and_head_is_found() {
    let (directory, store) = fifty_events(id(0xA)).await;
    drop(store);
    let connection = vandal(&directory.path().join("log.db"));
    assert_eq!(check(&connection).unwrap().problems, Vec::new());
    let mut tried = 0;
    for table in ["event", "stream", "word", "log_head"] {
        for column in columns(&connection, table) {
            if (table, column.as_str()) == ("log_head", "id") {
                continue;
            }
            tried += alter_column(&connection, table, &column);
        }
    }
    assert!(tried > 3_000, "only {tried} alterations");
}

fn alter_column(connection: &Connection, table: &str, column: &str) -> usize {
    let key = match table {
        "event" => "gseq",
        _ => "id",
    };
    let sql = format!("SELECT {key}, {column} FROM {table}");
    let mut statement = connection.prepare(&sql).unwrap();
    let cells: Vec<(Value, Value)> = statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let mut tried = 0;
    for (key_value, original) in cells {
        for altered in mutations(&original) {
            let sql = format!("UPDATE {table} SET {column} = ?1 WHERE {key} = ?2");
            let mut done = false;
            let found = damage(connection, |connection| {
                // The schema itself refuses some alterations (types, uniqueness); then there is nothing to find.
                done = connection.execute(&sql, [&altered, &key_value]).is_ok();
            });
            if !done {
                continue;
            }
            tried += 1;
            let context =
                || format!("{table}.{column} of {key_value:?}: {original:?} → {altered:?}");
            match found {
                // A head that cannot even be read is as good as found.
                Err(error) => {
                    assert!(matches!(error, StoreError::Corrupt { .. }), "{}: {error}", context());
                    assert_eq!(table, "log_head", "{}", context());
                }
                Ok(report) => {
                    assert!(report.worst.is_some_and(|level| level <= Level::Log), "{}", context());
                    assert_found_at(table, column, &key_value, &report, &context());
                }
            }
        }
    }
    tried
}

fn assert_found_at(table: &str, column: &str, key: &Value, report: &VerifyReport, context: &str) {
    let (Value::Integer(gseq), "event") = (key, table) else { return };
    if column == "gseq" {
        return;
    }
    let gseq = u64::try_from(*gseq).unwrap();
    assert!(
        report.problems.iter().any(|problem| problem.gseq == Some(gseq)),
        "{context}: {report:?}"
    );
}

/// P3.
#[tokio::test]
async fn deleted_swapped_inserted_and_doubled_events_are_found() {
    let (directory, store) = fifty_events(id(0xA)).await;
    drop(store);
    let connection = vandal(&directory.path().join("log.db"));
    for gseq in [1, 2, 20, 49, 50] {
        for statements in [
            format!("DELETE FROM event WHERE gseq = {gseq}"),
            format!(
                "UPDATE event SET gseq = -1 WHERE gseq = {gseq};
                 UPDATE event SET gseq = {gseq} WHERE gseq = 10;
                 UPDATE event SET gseq = 10 WHERE gseq = -1"
            ),
            format!("UPDATE event SET gseq = gseq - 1 WHERE gseq = {gseq} AND 0 = (SELECT count(*) FROM event e WHERE e.gseq = {gseq} - 1);
                     DELETE FROM event WHERE gseq = {gseq} % 50 + 1"),
            format!("CREATE TEMP TABLE copy AS SELECT * FROM event WHERE gseq = {gseq};
                     UPDATE copy SET gseq = 51, seq = 99, event_id = x'00000000000000000000000000000001';
                     INSERT INTO event SELECT * FROM copy; DROP TABLE copy"),
            format!("CREATE TEMP TABLE copy AS SELECT * FROM event WHERE gseq = {gseq};
                     UPDATE event SET gseq = gseq + 1000 WHERE gseq > {gseq};
                     UPDATE event SET gseq = gseq - 999 WHERE gseq > 1000;
                     UPDATE copy SET gseq = {gseq} + 1, seq = 99, event_id = x'00000000000000000000000000000001';
                     INSERT INTO event SELECT * FROM copy; DROP TABLE copy"),
        ] {
            let report = damage(&connection, |connection| {
                connection.execute_batch(&statements).unwrap();
            });
            assert!(report.unwrap().worst.is_some_and(|level| level <= Level::Log), "{statements}");
        }
    }
}

/// P4: whoever can write the whole file can make it sound again; only an anchor kept elsewhere tells.
#[tokio::test]
async fn a_log_that_was_cut_or_hashed_again_is_sound_without_an_anchor_and_not_with_one() {
    let (directory, store) = fifty_events(id(0xA)).await;
    let head = store.head().await.unwrap();
    drop(store);
    let connection = vandal(&directory.path().join("log.db"));
    let anchored = VerifyOptions {
        chains_only: true,
        anchors: vec![Anchor { gseq: head.gseq, ghash: head.ghash }],
        ..VerifyOptions::default()
    };
    assert_eq!(snapshot::verify(&connection, anchored.clone()).unwrap().problems, Vec::new());

    connection
        .execute_batch(
            "BEGIN; INSERT INTO word (text) VALUES ('nobody');
             UPDATE event SET actor = last_insert_rowid() WHERE gseq = 3",
        )
        .unwrap();
    hash_again(&connection, id(0xA));
    assert_eq!(check(&connection).unwrap().problems, Vec::new());
    let report = snapshot::verify(&connection, anchored.clone()).unwrap();
    assert_eq!(report.worst, Some(Level::Anchor));
    connection.execute_batch("ROLLBACK").unwrap();

    // Up to the last whole request.
    let cut = "BEGIN; DELETE FROM event WHERE gseq > (SELECT max(last_gseq) FROM idem WHERE last_gseq < 50);
               DELETE FROM idem WHERE last_gseq > (SELECT max(gseq) FROM event)";
    connection.execute_batch(cut).unwrap();
    hash_again(&connection, id(0xA));
    assert_eq!(check(&connection).unwrap().problems, Vec::new());
    let report = snapshot::verify(&connection, anchored).unwrap();
    assert_eq!((report.worst, report.problems[0].gseq), (Some(Level::Anchor), Some(50)));
}

/// Everything an attacker with the source code would do to hide an alteration.
fn hash_again(connection: &Connection, log_id: uuid::Uuid) {
    use crate::store::sqlite::{read, record};
    let mut tips: std::collections::HashMap<_, Hash> = std::collections::HashMap::new();
    let mut head = read::head(connection).unwrap();
    (head.gseq, head.ghash) = (0, log_genesis(log_id));
    for mut event in read::log_events(connection, 0, usize::MAX).unwrap() {
        let tip = tips.get(&event.stream).copied();
        event.prev_hash = tip.unwrap_or_else(|| stream_genesis(log_id, &event.stream));
        event.hash = event_hash(&event);
        event.ghash = next_ghash(head.ghash, event.gseq, event.hash);
        tips.insert(event.stream.clone(), event.hash);
        (head.gseq, head.ghash, head.at) = (event.gseq, event.ghash, event.at);
        connection
            .execute(
                "UPDATE event SET prev_hash = ?1, hash = ?2, ghash = ?3 WHERE gseq = ?4",
                (event.prev_hash.0, event.hash.0, event.ghash.0, event.gseq as i64),
            )
            .unwrap();
        put_stream(connection, &event);
    }
    let unused = "DELETE FROM stream WHERE id NOT IN (SELECT stream FROM event)";
    connection.execute_batch(unused).unwrap();
    record::head(connection, &head).unwrap();
}

fn put_stream(connection: &Connection, event: &Recorded) {
    connection
        .execute(
            "UPDATE stream SET seq = ?2, hash = ?3 WHERE name = ?1",
            (event.stream.as_str(), event.seq as i64, event.hash.0),
        )
        .unwrap();
}

/// P5.
#[tokio::test]
async fn events_of_another_log_or_stream_are_found() {
    let (mine, store) = fifty_events(id(0xA)).await;
    drop(store);
    let (other, store) = fifty_events(id(0xB)).await;
    drop(store);
    let connection = vandal(&mine.path().join("log.db"));
    let path = other.path().join("log.db");
    connection.execute("ATTACH ?1 AS other", [path.to_str().unwrap()]).unwrap();
    for statements in [
        // One event, a whole stream, the whole log with its head's numbers.
        "REPLACE INTO event SELECT * FROM other.event WHERE gseq = 7",
        "REPLACE INTO event SELECT * FROM other.event
         WHERE stream = (SELECT id FROM other.stream WHERE name = 'work/local/DEMO-0');
         REPLACE INTO stream SELECT * FROM other.stream WHERE name = 'work/local/DEMO-0'",
        "REPLACE INTO event SELECT * FROM other.event; REPLACE INTO stream SELECT * FROM other.stream;
         UPDATE log_head SET ghash = (SELECT ghash FROM other.log_head)",
        // A stream under another name.
        "UPDATE stream SET name = 'work/local/NEW' WHERE name = 'work/local/DEMO-0'",
        // An event moved to another stream.
        "UPDATE event SET stream = (SELECT id FROM stream WHERE name = 'ops/daemon'), seq = 900
         WHERE gseq = 3",
    ] {
        let report = damage(&connection, |connection| {
            connection.execute_batch(statements).unwrap();
        });
        assert!(report.unwrap().worst.is_some_and(|level| level <= Level::Log), "{statements}");
    }
}

#[tokio::test]
async fn altered_derived_rows_and_missing_effects_are_drift() {
    let (directory, store) = fifty_events(id(0xA)).await;
    drop(store);
    let connection = vandal(&directory.path().join("log.db"));
    let whole = || snapshot::verify(&connection, VerifyOptions::default()).unwrap();
    assert_eq!(whole().problems, Vec::new());
    for statement in [
        "UPDATE work_item SET status = 'failed' WHERE id = 'local/DEMO-0'",
        "UPDATE work_item SET record = json_set(record, '$.fence', 77)",
        "UPDATE work_item SET record = 'x'",
        "DELETE FROM work_item WHERE id = 'local/DEMO-0'",
        "INSERT INTO run SELECT 'x', item, project, repository, attempt, phase, round, outcome, started_ms, finished_ms, version
         FROM run LIMIT 1",
        "UPDATE run SET phase = 'coding'",
        "UPDATE turn SET output_tokens = output_tokens - 1",
        "DELETE FROM turn",
        "DELETE FROM outbox WHERE kind = 'run_turn'",
    ] {
        connection.execute_batch("BEGIN").unwrap();
        assert!(connection.execute(statement, []).unwrap() > 0, "{statement}");
        assert_eq!(whole().worst, Some(Level::Projection), "{statement}");
        connection.execute_batch("ROLLBACK").unwrap();
    }
}
