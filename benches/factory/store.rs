//! The log: how fast it takes events, how large they become, how fast they are verified.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use enact_factory::domain::event::Event;
use enact_factory::domain::ids::{RunId, StreamId};
use enact_factory::runtime::clock::{Clock as _, IdSource as _, SystemClock, SystemIds};
use enact_factory::store::batch::{Batch, Expected, Idempotency, NewEvent};
use enact_factory::store::sqlite::{SqliteReader, SqliteStore};
use enact_factory::store::verify::VerifyOptions;
use enact_factory::store::{Store as _, StoreReader as _};
use tempfile::TempDir;

use crate::figures::{Limit, check, note, rounded, setting};
use crate::history::History;
use crate::in_process::{own_processor, runtime};

/// Batches per group: what the writer commits at once.
const GROUP: usize = 64;

/// Finished runs in the log.
pub fn runs() -> usize {
    setting("BENCH_RUNS", 10_000)
}

/// A log with a past, made once and shared by the benchmarks that need one.
pub struct Past {
    directory: TempDir,
    events: u64,
    windows: Vec<Window>,
}

/// A stretch of the log while it was written.
struct Window {
    events: u64,
    wall: Duration,
    processor: Duration,
}

/// The log, made when it is first asked for.
pub fn past() -> &'static Past {
    static PAST: OnceLock<Past> = OnceLock::new();
    PAST.get_or_init(|| runtime().block_on(make()))
}

impl Past {
    /// The database.
    pub fn database(&self) -> PathBuf {
        self.directory.path().join("factory.db")
    }
}

async fn make() -> Past {
    let directory = tempfile::Builder::new().prefix("bench").tempdir().expect("a directory");
    let store = open(&directory.path().join("factory.db"));
    let epoch = store.begin_epoch("bench").await.expect("an epoch");
    let mut history = History::new(epoch, runs());
    let mut windows: Vec<Window> = Vec::new();
    let (mut left, mut events) = (runs(), 0);
    while left > 0 {
        let count = left.min(100);
        left -= count;
        let batches = history.wave(count);
        let (begun, before) = (Instant::now(), own_processor());
        let mut last = events;
        let mut batches = batches.into_iter().peekable();
        while batches.peek().is_some() {
            let group: Vec<Batch> = batches.by_ref().take(GROUP).collect();
            last =
                store.append_all(group).await.expect("appended").last().expect("a batch").last_gseq;
        }
        windows.push(Window {
            events: last - events,
            wall: begun.elapsed(),
            processor: own_processor() - before,
        });
        events = last;
    }
    store.close().await.expect("closed");
    Past { directory, events, windows }
}

fn open(path: &Path) -> SqliteStore {
    let salts = Box::new(|| *SystemIds.random().as_bytes());
    SqliteStore::open(path, SystemIds.random(), salts).expect("a store")
}

/// Measures appending, size and verification.
pub fn run() {
    one_by_one();
    small_body();
    let past = past();
    let quarter = past.windows.len().div_ceil(4);
    let (first, last) = (&past.windows[..quarter], &past.windows[past.windows.len() - quarter..]);
    let events = past.events as f64;
    let what = format!("appending {} events of {} runs, groups of {GROUP}", past.events, runs());
    check(&what, rate(&past.windows).0, "events/s", Limit::AtLeast(5000.0));
    note("  per second of processor time", &format!("{} events", rounded(rate(&past.windows).1)));
    let flat = rate(last).1 / rate(first).1;
    note(
        "  last quarter against the first, processor / wall",
        &format!("{} / {}", rounded(flat), rounded(rate(last).0 / rate(first).0)),
    );
    let bytes = std::fs::metadata(past.database()).expect("a database").len() as f64;
    note("bytes per event of whole runs, everything included", &rounded(bytes / events));
    tables(&past.database(), events);
    if let Some(copy) = std::env::var_os("BENCH_KEEP_DATABASE") {
        let _bytes = std::fs::copy(past.database(), copy).expect("a copy");
    }
    let reader = SqliteReader::open_reader(&past.database()).expect("a log");
    let begun = Instant::now();
    let report = runtime().block_on(reader.verify(VerifyOptions::default())).expect("verified");
    let spent = begun.elapsed().as_secs_f64();
    assert!(report.problems.is_empty(), "{:?}", report.problems);
    note("verifying all of it", &format!("{} events/s", rounded(events / spent)));
}

/// Events per second of wall and of processor time.
fn rate(windows: &[Window]) -> (f64, f64) {
    let events: u64 = windows.iter().map(|window| window.events).sum();
    let wall: Duration = windows.iter().map(|window| window.wall).sum();
    let processor: Duration = windows.iter().map(|window| window.processor).sum();
    (events as f64 / wall.as_secs_f64(), events as f64 / processor.as_secs_f64())
}

/// Each batch waits for the one before: what a lone decision costs.
fn one_by_one() {
    let directory = tempfile::Builder::new().prefix("bench").tempdir().expect("a directory");
    runtime().block_on(async {
        let store = open(&directory.path().join("factory.db"));
        let epoch = store.begin_epoch("bench").await.expect("an epoch");
        let batches = History::new(epoch, 100).wave(30);
        let (begun, count) = (Instant::now(), batches.len());
        for batch in batches {
            store.append(batch).await.expect("appended");
        }
        let each = begun.elapsed().as_secs_f64() * 1000.0 / count as f64;
        note("appending one batch and waiting for it", &format!("{} ms", rounded(each)));
        store.close().await.expect("closed");
    });
}

/// Appends events with a body of 150 bytes to one stream, each with an idempotency key of its own: the size that event
/// stores are compared by.
fn small_body() {
    const EVENTS: usize = 20_000;
    let directory = tempfile::Builder::new().prefix("bench").tempdir().expect("a directory");
    let path = directory.path().join("factory.db");
    runtime().block_on(async {
        let store = open(&path);
        let epoch = store.begin_epoch("bench").await.expect("an epoch");
        let before = store.head().await.expect("a head").gseq;
        let stream = RunId(SystemIds.random()).stream();
        let batches = (0..EVENTS).map(|number| small_batch(&stream, epoch, number));
        let batches: Vec<Batch> = batches.collect();
        let (begun, used) = (Instant::now(), own_processor());
        for group in batches.chunks(GROUP) {
            let _appended = store.append_all(group.to_vec()).await.expect("appended");
        }
        let (wall, used) = (begun.elapsed().as_secs_f64(), own_processor() - used);
        assert_eq!(store.head().await.expect("a head").gseq - before, EVENTS as u64);
        store.close().await.expect("closed");
        let what = "one stream, a body of 150 bytes and a request key each, groups of 64";
        check(what, EVENTS as f64 / wall, "events/s", Limit::AtLeast(5000.0));
        let per_second = EVENTS as f64 / used.as_secs_f64();
        note("  per second of processor time", &format!("{} events", rounded(per_second)));
        let bytes = std::fs::metadata(&path).expect("a database").len() as f64;
        check(
            "  bytes per event, everything included",
            bytes / EVENTS as f64,
            "bytes",
            Limit::AtMost(600.0),
        );
        tables(&path, EVENTS as f64);
    });
}

fn small_batch(stream: &StreamId, epoch: u64, number: usize) -> Batch {
    let (now, reason) = (SystemClock.now(), "x".repeat(121));
    let event = Event::LateResult { effect: "turn".to_owned(), reason };
    let events = vec![NewEvent { id: SystemIds.ordered(now), event }];
    let mut batch =
        Batch::new(now, "coder-1", epoch).with_events(stream.clone(), Expected::Any, events);
    let (scope, key) = ("bench".to_owned(), format!("request-{number}"));
    batch.idempotency = Some(Idempotency { scope, key, request_sha256: [7; 32] });
    batch
}

/// Where the bytes are.
fn tables(database: &Path, events: f64) {
    let connection = rusqlite::Connection::open(database).expect("a database");
    let sql = "SELECT name, sum(pgsize) FROM dbstat GROUP BY name ORDER BY 2 DESC LIMIT 12";
    let Ok(mut statement) = connection.prepare(sql) else { return };
    let rows = statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, f64>(1)?)));
    for (name, bytes) in rows.expect("table sizes").flatten() {
        note(&format!("  of which {name}"), &format!("{} bytes", rounded(bytes / events)));
    }
}
