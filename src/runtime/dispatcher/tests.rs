//! The loop itself, over ports in memory: what keeps it going when something around it fails.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{Dispatcher, Timing};
use crate::domain::ids::{ItemId, RunId};
use crate::domain::work_item::WorkItem;
use crate::process::redact::Redactor;
use crate::runtime::agents::Agents;
use crate::runtime::clock::{IdSource, SystemClock, SystemIds};
use crate::runtime::confining::Confining;
use crate::runtime::effects::{KeeperSettings, Ports};
use crate::runtime::engine::{Engine, Identity, Leasing, Loaded};
use crate::runtime::handle::DaemonHandle;
use crate::runtime::simulation::scenario::Script;
use crate::runtime::state_dir::StateDir;
use crate::store::in_memory::InMemoryStore;
use crate::trackers::claim::{Claim, Claimed};
use crate::trackers::{Listing, NewItem, Tracker, TrackerError, TrackerUpdate, Updated};
use crate::workspaces::in_memory::InMemoryWorkspaces;

/// A tracker whose every reading panics; it counts them and says when there were enough.
struct Panicking {
    readings: AtomicU32,
    enough: CancellationToken,
}

#[async_trait]
impl Tracker for Panicking {
    fn source(&self) -> &str {
        "local"
    }

    async fn list(&self) -> Result<Listing, TrackerError> {
        if self.readings.fetch_add(1, Ordering::SeqCst) == 2 {
            self.enough.cancel();
        }
        panic!("a mistake in an adapter");
    }

    async fn claim(&self, _claim: &Claim) -> Result<Claimed, TrackerError> {
        panic!("nothing is taken in this test");
    }

    async fn release(&self, _: &ItemId, _: RunId, _: &str) -> Result<(), TrackerError> {
        panic!("nothing is taken in this test");
    }

    async fn update(&self, _update: &TrackerUpdate) -> Result<Updated, TrackerError> {
        panic!("nothing is written in this test");
    }

    async fn create(&self, _item: &NewItem) -> Result<WorkItem, TrackerError> {
        panic!("nothing is created in this test");
    }
}

fn ports(tracker: Arc<dyn Tracker>) -> Ports {
    Ports {
        store: Arc::new(InMemoryStore::new(Uuid::from_u128(1), Box::new(|| [0; 16]))),
        workspaces: Arc::new(InMemoryWorkspaces::default()),
        trackers: BTreeMap::from([("local".to_owned(), tracker)]),
        forges: BTreeMap::new(),
        agents: Agents::default(),
        clock: Arc::new(SystemClock),
        ids: Arc::new(SystemIds),
        dirs: StateDir { root: PathBuf::from("/nowhere"), instance: "test".to_owned() },
        redactor: Redactor::new(Vec::new()),
        check_environment: BTreeMap::new(),
        own_program: PathBuf::from("/nowhere"),
        confining: Confining::off(),
        holder: "factory-test".to_owned(),
        lease: Duration::ZERO,
        keeper: KeeperSettings { orphan_grace_ms: 0 },
    }
}

async fn dispatcher(ports: &Arc<Ports>, poll: Duration) -> (Dispatcher, DaemonHandle) {
    let ids: Arc<dyn IdSource> = Arc::clone(&ports.ids);
    let epoch = ports.store.begin_epoch("test").await.unwrap();
    let identity = Identity {
        instance: "test".to_owned(),
        epoch,
        sources: ["local".to_owned()].into(),
        cards: [].into(),
        leasing: Leasing::default(),
    };
    let policy = Arc::new(Script::parse("").unwrap().policy);
    let engine = Engine::new(Loaded::default(), policy, identity, ids);
    let timing = Timing { poll, schedule: None, shutdown_grace: Duration::from_secs(5) };
    Dispatcher::new(engine, Arc::clone(ports), timing)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tracker_whose_reading_panicked_is_read_again() {
    let enough = CancellationToken::new();
    let tracker = Panicking { readings: AtomicU32::new(0), enough: enough.clone() };
    let ports = Arc::new(ports(Arc::new(tracker)));
    let (dispatcher, _handle) = dispatcher(&ports, Duration::from_millis(1)).await;
    let stop = CancellationToken::new();
    let wait = async {
        let read_three_times = timeout(Duration::from_secs(30), enough.cancelled()).await;
        stop.cancel();
        read_three_times
    };
    let (ended, read_three_times) = tokio::join!(dispatcher.run(stop.clone()), wait);
    ended.unwrap();
    assert!(read_three_times.is_ok(), "the tracker was not read again");
}

/// A tracker whose readings are counted, and go on when they are let.
struct Counting {
    readings: watch::Sender<u32>,
    hurried: AtomicU32,
    go: Semaphore,
}

#[async_trait]
impl Tracker for Counting {
    fn source(&self) -> &str {
        "local"
    }

    fn hurry(&self) {
        self.hurried.fetch_add(1, Ordering::SeqCst);
    }

    async fn list(&self) -> Result<Listing, TrackerError> {
        self.readings.send_modify(|count| *count += 1);
        self.go.acquire().await.unwrap().forget();
        Ok(Listing::default())
    }

    async fn claim(&self, _claim: &Claim) -> Result<Claimed, TrackerError> {
        panic!("nothing is taken in this test");
    }

    async fn release(&self, _: &ItemId, _: RunId, _: &str) -> Result<(), TrackerError> {
        panic!("nothing is taken in this test");
    }

    async fn update(&self, _update: &TrackerUpdate) -> Result<Updated, TrackerError> {
        panic!("nothing is written in this test");
    }

    async fn create(&self, _item: &NewItem) -> Result<WorkItem, TrackerError> {
        panic!("nothing is created in this test");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storm_of_hints_is_one_reading_now_and_one_more_after_it() {
    let (readings, mut count) = watch::channel(0);
    let tracker =
        Arc::new(Counting { readings, hurried: AtomicU32::new(0), go: Semaphore::new(1) });
    let ports = Arc::new(ports(Arc::clone(&tracker) as Arc<dyn Tracker>));
    let (dispatcher, handle) = dispatcher(&ports, Duration::from_secs(3600)).await;
    let shutdown = CancellationToken::new();
    let running = dispatcher.run(shutdown.clone());
    let storm = async {
        // The reading at the start.
        count.wait_for(|count| *count == 1).await.unwrap();
        for reading in [2, 3] {
            for _ in 0..1000 {
                handle.hints().look_at("local");
                handle.hints().look_at("somebody else");
            }
            tracker.go.add_permits(1);
            count.wait_for(|count| *count == reading).await.unwrap();
        }
        tracker.go.add_permits(1);
        assert!(handle.status().await.is_ok());
        shutdown.cancel();
    };
    let bound = Duration::from_secs(120);
    let (ended, ()) = timeout(bound, async { tokio::join!(running, storm) }).await.expect("an end");
    ended.unwrap();
    assert_eq!(*count.borrow(), 3);
    assert_eq!(tracker.hurried.load(Ordering::SeqCst), 2, "the intervals do not hold these up");
}
