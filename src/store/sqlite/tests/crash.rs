//! P7 and P9: processes that are killed while they write, processes that write at the same time. The children are this
//! test program itself, told by a variable what to be.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use super::{open, ops, paused, request};
use crate::domain::ids::StreamId;
use crate::store::batch::{Batch, Expected};
use crate::store::contract::assert_sound;
use crate::store::error::StoreError;
use crate::store::samples::{Ids, id, item_id};
use crate::store::{Store, StoreReader};

const ROLE: &str = "ENACT_FACTORY_STORE_TEST_CHILD";
const KILLS: u64 = 20;
const RACERS: u128 = 4;
const LAPS: u64 = 25;

#[expect(
    clippy::disallowed_methods,
    reason = "the children are this program, killed or waited for below"
)]
fn child(role: &str, number: u128, path: &Path) -> Child {
    let module = module_path!().split_once("::").unwrap().1;
    Command::new(std::env::current_exe().unwrap())
        .args([&format!("{module}::be_a_child"), "--exact", "--nocapture", "--test-threads=1"])
        .env(ROLE, format!("{role}\n{number}\n{}", path.display()))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// What a child process does; nothing in an ordinary test run.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn be_a_child() {
    #[expect(clippy::disallowed_methods, reason = "how the parent tells its children what to be")]
    let Ok(role) = std::env::var(ROLE) else { return };
    let parts: Vec<_> = role.split('\n').collect();
    let (number, path) = (parts[1].parse().unwrap(), Path::new(parts[2]));
    match parts[0] {
        "writer" => write_until_killed(number, path).await,
        "racer" => race(number, path).await,
        other => panic!("no role {other}"),
    }
}

/// A batch over two streams under one key: any part of it without the rest would show.
fn command(ids: &mut Ids, key: &str) -> Batch {
    let item = item_id(u32::try_from(ids.0 % 7).unwrap());
    let mut batch = ids.batch(ops(), Expected::Any, vec![paused(key), paused(key)]);
    let part = ids.batch(item.stream(), Expected::Any, vec![paused(key)]);
    batch.streams.extend(part.streams);
    batch.idempotency = Some(request(key));
    batch
}

async fn write_until_killed(round: u128, path: &Path) {
    let store = Arc::new(open(path));
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..4_u128 {
        let store = Arc::clone(&store);
        tasks.spawn(async move {
            let mut ids = Ids((round << 40) + (task << 32));
            for number in 0..100_000 {
                let key = format!("{round}-{task}-{number}");
                let appended = store.append(command(&mut ids, &key)).await.unwrap();
                let line = format!("\nack {key} {}\n", appended.last_gseq);
                std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
            }
        });
    }
    tasks.join_all().await;
}

/// P7.
#[tokio::test]
async fn killed_at_any_moment_what_was_acknowledged_is_there_and_nothing_is_half_there() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log.db");
    let mut acknowledged = BTreeMap::new();
    for round in 1..=KILLS {
        let mut writer = child("writer", u128::from(round), &path);
        let mut lines = BufReader::new(writer.stdout.take().unwrap()).lines();
        // A different moment each time, reached by counting and not by the clock.
        let mut patience = 1 + round * 37 % 50;
        for line in lines.by_ref().map_while(Result::ok) {
            if note(&line, &mut acknowledged) {
                patience -= 1;
                if patience == 0 {
                    writer.kill().unwrap();
                }
            }
            if patience == 0 {
                break;
            }
        }
        lines.map_while(Result::ok).for_each(|line| {
            note(&line, &mut acknowledged);
        });
        assert!(!writer.wait().unwrap().success());
        assert_eq!(patience, 0, "the writer ended by itself");
    }

    let store = open(&path);
    assert_sound(&store).await;
    let mut by_key: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for event in store.read_all(0, usize::MAX).await.unwrap() {
        by_key.entry(event.idempotency.unwrap().1).or_default().push(event.gseq);
    }
    assert!(by_key.values().all(|events| events.len() == 3), "part of a command");
    for (key, last) in &acknowledged {
        assert_eq!(by_key.get(key).and_then(|events| events.last()), Some(last), "{key}");
    }
    let (key, last) = acknowledged.iter().next().unwrap();
    let again = store.append(command(&mut Ids(u128::MAX >> 1), key)).await.unwrap();
    assert_eq!((again.deduplicated, again.last_gseq), (true, *last));
}

fn note(line: &str, acknowledged: &mut BTreeMap<String, u64>) -> bool {
    let Some((key, last)) = line.strip_prefix("ack ").and_then(|rest| rest.split_once(' ')) else {
        return false;
    };
    // The kill may cut the last line short; its number is then another one, so only whole lines count.
    let Ok(last) = last.parse() else { return false };
    acknowledged.insert(key.to_owned(), last);
    true
}

fn track() -> StreamId {
    StreamId::new("work/local/RACE")
}

async fn race(number: u128, path: &Path) {
    let store = open(path);
    let mut ids = Ids(number << 40);
    let mut known = 0;
    for lap in 0..LAPS {
        loop {
            let by = format!("{number}-{lap}");
            let batch = ids.batch(track(), Expected::Exact(known), vec![paused(&by)]);
            match store.append(batch).await {
                Ok(appended) => {
                    known = appended.heads[0].1;
                    break;
                }
                Err(StoreError::Conflict { actual, .. }) => {
                    assert!(actual > known, "a conflict without anyone's progress");
                    known = actual;
                }
                Err(other) => panic!("{other}"),
            }
        }
    }
}

/// P9.
#[tokio::test]
async fn processes_that_append_to_one_stream_all_get_everything_in() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log.db");
    drop(open(&path));
    let racers: Vec<_> = (1..=RACERS).map(|number| child("racer", number, &path)).collect();
    for mut racer in racers {
        assert!(racer.wait().unwrap().success());
    }
    let store = open(&path);
    assert_sound(&store).await;
    let events = store.read_stream(&track(), 1, usize::MAX).await.unwrap();
    assert_eq!(events.len() as u64, RACERS as u64 * LAPS);
    assert!(events.iter().zip(1..).all(|(event, seq)| event.seq == seq));
    assert_eq!(id(1).get_version_num(), 7);
}

/// P9, with connections of one process and many requests per commit.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn connections_that_append_to_one_stream_all_get_everything_in() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log.db");
    drop(open(&path));
    let mut tasks = tokio::task::JoinSet::new();
    for number in 1..=RACERS {
        let path = path.clone();
        tasks.spawn(async move { race(number, &path).await });
    }
    tasks.join_all().await;
    let store = open(&path);
    assert_eq!(store.head().await.unwrap().gseq, RACERS as u64 * LAPS);
    assert_sound(&store).await;
}
