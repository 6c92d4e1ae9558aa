//! A daemon's loop in this process with everything real but git: SQLite log, local work items, agent processes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use enact_factory::daemon::{Setup, agents, open_store};
use enact_factory::process::adoption::become_subreaper;
use enact_factory::process::redact::Redactor;
use enact_factory::runtime::clock::{Clock, IdSource, SystemClock, SystemIds};
use enact_factory::runtime::confining::Confining;
use enact_factory::runtime::dispatcher::{Dispatcher, Timing};
use enact_factory::runtime::effects::{KeeperSettings, Ports};
use enact_factory::runtime::engine::{Engine, Identity, Leasing};
use enact_factory::runtime::handle::DaemonHandle;
use enact_factory::runtime::recovery;
use enact_factory::runtime::state_dir::StateDir;
use enact_factory::runtime::tasks::Tasks;
use enact_factory::store::Store;
use enact_factory::trackers::Tracker;
use enact_factory::trackers::local::{LocalTracker, SOURCE};
use rustix::time::{ClockId, clock_gettime};
use tokio_util::sync::CancellationToken;

use crate::no_git::NoGit;
use crate::place::Place;

/// A loop at work.
pub struct Loop {
    pub handle: DaemonHandle,
    pub store: Arc<dyn Store>,
    shutdown: CancellationToken,
    tasks: Tasks,
}

impl Loop {
    /// Starts the loop on the items of `place`.
    pub async fn start(place: &Place) -> Self {
        become_subreaper().expect("a subreaper");
        let settings = place.settings();
        let ids: Arc<dyn IdSource> = Arc::new(SystemIds);
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let dirs =
            StateDir::open(&settings.daemon.state_dir, ids.as_ref()).expect("a state directory");
        let store = open_store(&settings, ids.as_ref()).expect("a store");
        let local = settings.local.clone().expect("local work items");
        let mut trackers: BTreeMap<String, Arc<dyn Tracker>> = BTreeMap::new();
        trackers.insert(SOURCE.to_owned(), Arc::new(LocalTracker::new(local)));
        let program = env!("CARGO_BIN_EXE_enact-factory").into();
        let setup = Setup { settings, environment: BTreeMap::new(), program };
        let instance = "bench".to_owned();
        let epoch = store.begin_epoch(&instance).await.expect("an epoch");
        let window = Duration::from_millis(setup.settings.policy.pace.window_ms);
        let now = clock.now();
        let loaded = recovery::load(store.as_ref(), window, now).await.expect("a log");
        let sources = trackers.keys().cloned().collect();
        let identity =
            Identity { instance, epoch, sources, cards: [].into(), leasing: Leasing::default() };
        let policy = Arc::new(setup.settings.policy.clone());
        let engine = Engine::new(loaded, policy, identity, Arc::clone(&ids));
        let ports = Arc::new(Ports {
            store: Arc::clone(&store),
            workspaces: Arc::new(NoGit { root: dirs.worktrees() }),
            trackers,
            forges: BTreeMap::new(),
            agents: agents(&setup),
            clock,
            ids,
            dirs,
            redactor: Redactor::new(Vec::new()),
            check_environment: BTreeMap::new(),
            own_program: setup.program.clone(),
            confining: Confining::off(),
            holder: "bench".to_owned(),
            lease: Duration::ZERO,
            keeper: KeeperSettings { orphan_grace_ms: 1_800_000 },
        });
        let timing = Timing {
            poll: Duration::from_millis(setup.settings.daemon.poll_interval_ms),
            schedule: None,
            shutdown_grace: Duration::from_secs(5),
        };
        let (dispatcher, handle) = Dispatcher::new(engine, ports, timing);
        let shutdown = CancellationToken::new();
        let stop = shutdown.clone();
        let mut tasks = Tasks::default();
        tasks.spawn("loop", async move { dispatcher.run(stop).await.expect("the loop") });
        Self { handle, store, shutdown, tasks }
    }

    /// Whether no run is open and no effect is left to be done.
    pub async fn is_quiet(&self) -> bool {
        self.store.load_open_runs().await.expect("a log").is_empty()
            && self.store.open_effects().await.expect("a log").is_empty()
    }

    /// Stops it in order.
    pub async fn stop(mut self) {
        self.shutdown.cancel();
        self.tasks.join_all().await;
        self.store.close().await.expect("a closed log");
    }
}

/// The runtime of the daemon: as many threads as cores.
pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime")
}

/// Processor time of this process alone, children aside.
pub fn own_processor() -> Duration {
    let spent = clock_gettime(ClockId::ProcessCPUTime);
    let seconds = u64::try_from(spent.tv_sec).unwrap_or(0);
    Duration::new(seconds, u32::try_from(spent.tv_nsec).unwrap_or(0))
}
