//! The composition root: settings → ports → runtime → control socket; start order and stop order.
//!
//! Start: lock, log, epoch, orphans ended, runs taken over, loop. Stop, in reverse: no more commands, loop (agents get
//! their grace, runs are marked interrupted), log closed last, lock released by the end of the process at the latest.

pub mod credentials;
pub mod forges;

mod leasing;
mod toolchain;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use tokio_util::sync::CancellationToken;

use crate::agents::probe::{missing, probe, talks};
use crate::agents::{AgentSettings, unfit_to_judge};
use crate::config::retention::RetentionSettings;
use crate::config::settings::Settings;
use crate::domain::agent::AgentKind;
use crate::domain::policy::Policy;
use crate::process::adoption::become_subreaper;
use crate::process::redact::Redactor;
use crate::runtime::agents::Agents;
use crate::runtime::clock::{Clock, IdSource, SystemClock, SystemIds};
use crate::runtime::confining::Confining;
use crate::runtime::dispatcher::{Dispatcher, LoopMessage, Reconfigured, Schedule, Timing};
use crate::runtime::effects::{KeeperSettings, Ports};
use crate::runtime::engine::{Engine, Identity, Input};
use crate::runtime::handle::DaemonHandle;
use crate::runtime::reaper::{self, Kept};
use crate::runtime::recovery::{self, Recovered, RecoveryError};
use crate::runtime::state_dir::{Lock, StateDir, StateDirError};
use crate::runtime::tasks::Tasks;
use crate::store::Store;
use crate::store::error::StoreError;
use crate::store::sqlite::SqliteStore;
use crate::trackers::azure_devops::AzureDevOpsTracker;
use crate::trackers::github::GithubTracker;
use crate::trackers::local::LocalTracker;
use crate::trackers::{Tracker, TrackerError, azure_devops, github, local};

use crate::workspaces::WorkspaceError;
use crate::workspaces::git::{GitSettings, GitWorkspaces};
use credentials::Credentials;
use forges::Forges;
use toolchain::toolchain;

/// Why a daemon could not start or had to end.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// The state directory is held by another daemon or unusable.
    #[error("the state directory cannot be used")]
    State(#[from] StateDirError),
    /// The event log failed.
    #[error("the event log cannot be used")]
    Store(#[from] StoreError),
    /// The store is configured to forget everything.
    #[error("{0}")]
    NotDurable(String),
    /// Worktrees cannot be made.
    #[error("worktrees cannot be made")]
    Workspaces(#[from] WorkspaceError),
    /// A tracker cannot be asked at all.
    #[error("a tracker cannot be used")]
    Tracker(#[from] TrackerError),
    /// What the daemon before left behind cannot be taken over.
    #[error("what an earlier daemon left behind cannot be taken over")]
    Recovery(#[from] RecoveryError),
}

/// What a daemon is made from.
pub struct Setup {
    /// The validated configuration.
    pub settings: Settings,
    /// Environment of this process: `PATH` and the places of toolchains are taken from it, nothing else.
    pub environment: BTreeMap<String, String>,
    /// Path of the running program.
    pub program: PathBuf,
}

/// A daemon that has taken its state directory and is ready to run.
pub struct Daemon {
    dispatcher: Dispatcher,
    handle: DaemonHandle,
    parts: Parts,
    /// What was found and done at the start.
    pub recovered: Recovered,
    stop_ports: CancellationToken,
    retention: RetentionSettings,
    _lock: Lock,
}

/// What surfaces beside the loop need.
#[derive(Clone)]
pub struct Parts {
    /// The log.
    pub store: Arc<dyn Store>,
    /// Where state lives.
    pub dirs: StateDir,
    /// The ports of the loop.
    pub ports: Arc<Ports>,
    /// What was found outside of the configuration.
    pub credentials: Credentials,
}

impl Daemon {
    /// Takes the state directory, ends what an earlier daemon left running and takes its runs over.
    ///
    /// # Errors
    /// When another daemon holds the directory, or anything needed cannot be had.
    pub async fn open(setup: &Setup) -> Result<Self, DaemonError> {
        if let Err(error) = become_subreaper() {
            tracing::warn!(%error, "orphans cannot be adopted; they are found by their mark alone");
        }
        let ids: Arc<dyn IdSource> = Arc::new(SystemIds);
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let dirs = StateDir::open(&setup.settings.daemon.state_dir, ids.as_ref())?;
        let now = clock.now();
        let lock = dirs.lock(&format!("process {} since {now}", std::process::id()))?;
        let store = open_store(&setup.settings, ids.as_ref())?;
        let stop_ports = CancellationToken::new();
        let credentials = Credentials::gather(setup).await;
        let world = World { dirs: dirs.clone(), store: store.clone(), clock, ids };
        let forges = forges::gather(setup, &credentials).await;
        let ports = Arc::new(build_ports(setup, &credentials, world, forges, &stop_ports)?);
        let (engine, recovered) = take_over(setup, &ports).await?;
        let timing = Timing {
            poll: Duration::from_millis(setup.settings.daemon.poll_interval_ms),
            schedule: schedule(&setup.settings),
            shutdown_grace: Duration::from_millis(setup.settings.daemon.shutdown_grace_ms),
        };
        let (dispatcher, handle) = Dispatcher::new(engine, Arc::clone(&ports), timing);
        Ok(Self {
            dispatcher,
            handle,
            parts: Parts { store, dirs, ports, credentials },
            recovered,
            stop_ports,
            retention: setup.settings.retention,
            _lock: lock,
        })
    }

    /// The same daemon, which ends with the one task that it was started for.
    #[must_use]
    pub fn for_one_task(self) -> Self {
        Self { dispatcher: self.dispatcher.for_one_task(), ..self }
    }

    /// The door to the loop.
    #[must_use]
    pub fn handle(&self) -> DaemonHandle {
        self.handle.clone()
    }

    /// What surfaces beside the loop need.
    #[must_use]
    pub fn parts(&self) -> Parts {
        self.parts.clone()
    }

    /// Runs until `shutdown` is asked for; then stops in order and closes the log.
    ///
    /// # Errors
    /// When the log fails.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), DaemonError> {
        let Self { dispatcher, handle, parts, stop_ports, retention, _lock: lock, .. } = self;
        let helpers = CancellationToken::new();
        let mut tasks = Tasks::default();
        let stop = helpers.child_token();
        let (ports, inbox) = (Arc::clone(&parts.ports), handle.clone());
        tasks.spawn("probe agents", async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = probe_agents(&ports, &inbox, &stop) => {}
            }
        });
        let stop = helpers.child_token();
        let ports = Arc::clone(&parts.ports);
        let worktrees = Duration::from_millis(retention.failed_ms);
        let kept = Kept {
            time: Duration::from_millis(retention.transcript_ms),
            bytes: retention.transcript_bytes,
        };
        tasks.spawn("reaper", async move { reaper::run(&ports, worktrees, kept, &stop).await });
        let ended = dispatcher.run(shutdown).await;
        helpers.cancel();
        stop_ports.cancel();
        tasks.join_all().await;
        parts.store.close().await?;
        drop(lock);
        ended.map_err(DaemonError::from)
    }
}

/// New rules for a running daemon.
pub async fn reconfigured(setup: &Setup, parts: &Parts) -> LoopMessage {
    let mut ports = (*parts.ports).clone();
    ports.agents = agents(setup);
    ports.forges = forges::gather(setup, &parts.credentials).await;
    ports.redactor = Redactor::new(parts.credentials.secrets(&setup.settings));
    LoopMessage::Reconfigured(Box::new(Reconfigured {
        policy: Arc::new(policy(setup)),
        unavailable: missing_agents(&ports.agents),
        ports: Arc::new(ports),
        schedule: schedule(&setup.settings),
        poll: Duration::from_millis(setup.settings.daemon.poll_interval_ms),
    }))
}

/// The rules, with what the agents' adapters say of who may judge here.
#[must_use]
pub fn policy(setup: &Setup) -> Policy {
    let mut policy = setup.settings.policy.clone();
    // Where agents must be confined and cannot be, no turn is started anyway.
    let confined = Confining::new(setup.settings.sandbox.clone()).is_on().unwrap_or(true);
    for (name, agent) in &mut policy.agents {
        let settings = setup.settings.agents.get(name);
        agent.unfit_to_judge = settings.and_then(|settings| unfit_to_judge(settings, confined));
    }
    policy
}

/// Agents whose program is not there, and why.
#[must_use]
pub fn missing_agents(agents: &Agents) -> BTreeMap<String, String> {
    let missing = agents.iter().filter_map(|agent| Some((agent, missing(agent)?)));
    missing.map(|(agent, problem)| (agent.name.clone(), problem.to_string())).collect()
}

fn schedule(settings: &Settings) -> Option<Schedule> {
    let schedule = settings.schedule.clone()?;
    Some(Arc::new(move |now| schedule.next_after(now)))
}

/// Opens the log of a state directory for writing.
///
/// # Errors
/// When it cannot be opened, or the configuration wants a store that forgets.
pub fn open_store(settings: &Settings, ids: &dyn IdSource) -> Result<Arc<dyn Store>, DaemonError> {
    let path =
        settings.store.durable().map_err(|error| DaemonError::NotDurable(error.to_string()))?;
    let salts = Box::new(|| *SystemIds.random().as_bytes());
    Ok(Arc::new(SqliteStore::open(path, ids.random(), salts)?))
}

/// What ports are built on.
struct World {
    dirs: StateDir,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdSource>,
}

fn build_ports(
    setup: &Setup,
    credentials: &Credentials,
    world: World,
    forges: Forges,
    stop: &CancellationToken,
) -> Result<Ports, DaemonError> {
    let World { dirs, store, clock, ids } = world;
    let toolchain = toolchain(&setup.environment);
    let path = toolchain.get("PATH").cloned().unwrap_or_default();
    let git = GitSettings::new(dirs.worktrees(), dirs.root.join("git-home"), path);
    let workspaces = GitWorkspaces::new(git, stop.child_token())?;
    let mut check_environment = toolchain;
    check_environment.insert("HOME".to_owned(), dirs.check_home().display().to_string());
    check_environment.insert("LANG".to_owned(), "C.UTF-8".to_owned());
    check_environment.insert("CI".to_owned(), "true".to_owned());
    Ok(Ports {
        store,
        workspaces: Arc::new(workspaces),
        trackers: trackers(&setup.settings, credentials)?,
        forges,
        agents: agents(setup),
        clock,
        ids,
        holder: leasing::holder(&dirs),
        lease: Duration::from_millis(setup.settings.daemon.item_lease_ms),
        dirs,
        redactor: Redactor::new(credentials.secrets(&setup.settings)),
        check_environment,
        own_program: setup.program.clone(),
        confining: Confining::new(setup.settings.sandbox.clone()),
        keeper: KeeperSettings { orphan_grace_ms: setup.settings.keeper.orphan_grace_ms },
    })
}

fn trackers(
    settings: &Settings,
    credentials: &Credentials,
) -> Result<BTreeMap<String, Arc<dyn Tracker>>, TrackerError> {
    let mut trackers: BTreeMap<String, Arc<dyn Tracker>> = BTreeMap::new();
    if let Some(directory) = &settings.local {
        let tracker = LocalTracker::new(directory.clone());
        trackers.insert(local::SOURCE.to_owned(), Arc::new(tracker));
    }
    if let Some(issues) = credentials.github(settings) {
        trackers.insert(github::SOURCE.to_owned(), Arc::new(GithubTracker::new(issues)?));
    }
    if let Some(board) = &settings.azdo {
        let tracker = AzureDevOpsTracker::new(board.clone())?;
        trackers.insert(azure_devops::SOURCE.to_owned(), Arc::new(tracker));
    }
    Ok(trackers)
}

/// The configured agents; all of them find the programs and toolchains that this process finds.
#[must_use]
pub fn agents(setup: &Setup) -> Agents {
    let toolchain = toolchain(&setup.environment);
    let probes = setup.settings.daemon.state_dir.join("probes.json");
    let with_toolchain = |mut agent: AgentSettings| {
        for (name, value) in &toolchain {
            let value = SecretString::from(value.clone());
            agent.env.entry(name.clone()).or_insert(value);
        }
        agent.conversation &= talks(&agent, &probes) != Some(false);
        agent
    };
    Agents::new(
        setup
            .settings
            .agents
            .iter()
            .map(|(name, agent)| (name.clone(), with_toolchain(agent.clone())))
            .collect(),
    )
}

async fn take_over(setup: &Setup, ports: &Ports) -> Result<(Engine, Recovered), DaemonError> {
    let instance = ports.ids.ordered(ports.clock.now()).to_string();
    let epoch = ports.store.begin_epoch(&instance).await?;
    let window = Duration::from_millis(setup.settings.policy.pace.window_ms);
    let loaded = recovery::load(ports.store.as_ref(), window, ports.clock.now()).await?;
    let before = loaded.ops.running.clone();
    let sources = ports.trackers.keys().cloned().collect();
    let carded = ports.trackers.iter().filter(|(_, tracker)| tracker.shows_cards());
    let cards = carded.map(|(source, _)| source.clone()).collect();
    let leasing = leasing::of(ports);
    let identity = Identity { instance, epoch, sources, cards, leasing };
    let policy = Arc::new(policy(setup));
    let mut engine = Engine::new(loaded, policy, identity, Arc::clone(&ports.ids));
    // Nobody has to wait for the probes to know whose program is not there at all.
    let unavailable = missing_agents(&ports.agents);
    let now = ports.clock.now();
    let _nothing_to_store = engine.handle(Input::AgentsProbed { unavailable }, now);
    if let Some(remark) = engine.void_choice(now) {
        tracing::warn!("{remark}");
    }
    let recovered = recovery::take_over(ports, &mut engine, before).await?;
    Ok((engine, recovered))
}

/// Looks whether the agents are there; those that are not are not given work until they are.
async fn probe_agents(ports: &Ports, handle: &DaemonHandle, stop: &CancellationToken) {
    let mut unavailable = BTreeMap::new();
    let ours = [AgentKind::Scripted, AgentKind::Responses];
    for agent in ports.agents.iter().filter(|agent| !ours.contains(&agent.kind)) {
        let probed = probe(agent, &ports.dirs.probes(), stop).await;
        if probed.program.is_none() {
            let problems: Vec<String> = probed.problems.iter().map(ToString::to_string).collect();
            unavailable.insert(agent.name.clone(), problems.join("; "));
        }
    }
    handle.input(Input::AgentsProbed { unavailable }).await;
}
