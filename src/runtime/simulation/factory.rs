//! The loop: takes the next thing that happens, lets the engine decide, stores the decision, and only then starts
//! effects. It mirrors the real dispatcher step by step; time passes only between steps.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use crate::domain::ids::{EffectKey, ItemId, ProjectId, RunId};
use crate::domain::time::Timestamp;
use crate::process::redact::Redactor;
use crate::runtime::agents::Agents;
use crate::runtime::clock::{Clock, ManualClock};
use crate::runtime::clock::{CountingIds, IdSource};
use crate::runtime::confining::Confining;
use crate::runtime::dispatcher::concerns_planning;
use crate::runtime::effects::{KeeperSettings, Ports};
use crate::runtime::engine::{Engine, Handled, Input, Reply};
use crate::runtime::state_dir::StateDir;
use crate::store::error::StoreError;
use crate::store::in_memory::InMemoryStore;
use crate::store::{Store, StoreReader};
use crate::trackers::Tracker;
use crate::trackers::in_memory::InMemoryTracker;
use crate::workspaces::in_memory::InMemoryWorkspaces;

use super::agenda::{Agenda, Occurrence};
use super::at_once;
use super::chronicle::Chronicle;
use super::effects::{Kind, Task};
use super::fragile_store::FragileStore;
use super::outcome::{self, Simulated};
use super::scenario::{SOURCE, Script};

/// Steps after which a scenario is believed never to come to rest.
const MOST_STEPS: u64 = 200_000;

/// Readings of the tracker after its last change: an item must be missing twice before it is believed gone.
const READINGS: u32 = 3;

/// Why a daemon is no more.
#[derive(Debug)]
pub(super) enum Gone {
    /// The scenario says so.
    Crashed,
    /// The log refused something, which never may happen.
    Refused(StoreError),
}

/// A running daemon: everything in it is lost in a crash.
pub(super) struct Daemon {
    pub(super) engine: Engine,
    pub(super) number: u32,
    pub(super) tasks: BTreeMap<EffectKey, Task>,
    /// Runs whose tasks were asked to stop.
    pub(super) stopped: BTreeSet<RunId>,
    pub(super) dirty: bool,
    pub(super) observing: bool,
    pub(super) next_poll: Option<Timestamp>,
    pub(super) next_heartbeat: Option<Timestamp>,
}

/// The simulated factory and everything around it.
pub(super) struct Factory<'s> {
    pub(super) script: &'s Script,
    pub(super) clock: Arc<ManualClock>,
    pub(super) log: Arc<InMemoryStore>,
    pub(super) store: Arc<FragileStore>,
    pub(super) tracker: Arc<InMemoryTracker>,
    pub(super) workspaces: Arc<InMemoryWorkspaces>,
    pub(super) ports: Arc<Ports>,
    pub(super) agenda: Agenda,
    pub(super) daemon: Option<Daemon>,
    pub(super) daemons: u32,
    pub(super) readings: u32,
    pub(super) unavailable: BTreeMap<String, String>,
    pub(super) chronicle: Chronicle,
    /// What each effect was for, so that it is known whose act was played when it is settled.
    pub(super) kinds: BTreeMap<EffectKey, (ItemId, Kind)>,
    /// How many acts of each kind are on record.
    pub(super) played: BTreeMap<(ItemId, Kind), usize>,
    /// What people committed to the base branches: project, commit before, commit after.
    pub(super) commits: Vec<(ProjectId, String, String)>,
    /// First commit of each project's base branch.
    pub(super) first_commits: BTreeMap<ProjectId, String>,
}

/// What the script has planned, beginning with the first start.
fn agenda(script: &Script) -> Agenda {
    let mut agenda = Agenda::default();
    for (at, happening) in &script.happenings {
        agenda.add(*at, Occurrence::Happening(happening.clone()));
    }
    agenda.add(script.start, Occurrence::Boot);
    agenda
}

impl<'s> Factory<'s> {
    /// A factory that has not started yet.
    pub(super) fn new(script: &'s Script) -> Self {
        let clock = Arc::new(ManualClock::new(script.start));
        let ids: Arc<dyn IdSource> = Arc::new(CountingIds::default());
        let mut salt: u128 = 0;
        let salts = Box::new(move || {
            salt += 1;
            salt.to_be_bytes()
        });
        let log = Arc::new(InMemoryStore::new(Uuid::from_u128(1), salts));
        let store = Arc::new(FragileStore::new(Arc::clone(&log), script.faults.clone()));
        let tracker = Arc::new(InMemoryTracker::new(SOURCE));
        let workspaces = Arc::new(InMemoryWorkspaces::default());
        let mut first_commits = BTreeMap::new();
        for project in script.policy.projects.values() {
            let repository = Path::new(&project.repository);
            workspaces.add_repository(repository, "main", &[("README.md", "A project\n")]);
            if let Ok(commit) = workspaces.tip(repository, "main") {
                first_commits.insert(project.id.clone(), commit);
            }
        }
        let trackers: BTreeMap<String, Arc<dyn Tracker>> =
            BTreeMap::from([(SOURCE.to_owned(), Arc::clone(&tracker) as Arc<dyn Tracker>)]);
        let ports = Arc::new(Ports {
            store: Arc::clone(&store) as Arc<dyn Store>,
            workspaces: workspaces.clone(),
            trackers,
            forges: BTreeMap::new(),
            agents: Agents::default(),
            clock: clock.clone(),
            ids,
            dirs: StateDir { root: PathBuf::from("/simulated"), instance: "simulated".to_owned() },
            redactor: Redactor::new(Vec::new()),
            check_environment: BTreeMap::new(),
            own_program: PathBuf::from("/simulated/enact-factory"),
            confining: Confining::off(),
            keeper: KeeperSettings { orphan_grace_ms: 0 },
        });
        let agenda = agenda(script);
        Self {
            script,
            clock,
            log,
            store,
            tracker,
            workspaces,
            ports,
            agenda,
            daemon: None,
            daemons: 0,
            readings: READINGS,
            unavailable: BTreeMap::new(),
            chronicle: Chronicle::default(),
            kinds: BTreeMap::new(),
            played: BTreeMap::new(),
            commits: Vec::new(),
            first_commits,
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Plays everything.
    pub(super) fn run(mut self) -> Simulated {
        let mut steps = 0;
        while let Some(at) = self.next_at().filter(|at| *at <= self.script.until) {
            steps += 1;
            if steps > MOST_STEPS {
                self.violated(format!("still busy after {MOST_STEPS} steps"));
                break;
            }
            self.clock.advance_to(at);
            let stepped = self.step();
            self.tell();
            match stepped {
                Ok(()) => {}
                Err(Gone::Crashed) => self.crashed(self.script.faults.down),
                Err(Gone::Refused(error)) => {
                    let failure = error.failure();
                    self.violated(format!("the log refused a decision: {}", failure.message));
                    break;
                }
            }
        }
        self.look_again();
        outcome::of(self)
    }

    pub(super) fn violated(&self, what: String) {
        self.store.inspector(|inspector| inspector.violated(what));
    }

    /// When something happens next.
    fn next_at(&self) -> Option<Timestamp> {
        let now = self.now();
        let of_daemon = self.daemon.as_ref().map(|daemon| {
            let planned = daemon.engine.report().and_then(|report| report.wake_at);
            [daemon.engine.next_due(now), planned, daemon.next_poll, daemon.next_heartbeat]
        });
        let of_daemon = of_daemon.into_iter().flatten().flatten();
        of_daemon.chain(self.agenda.next_at()).map(|at| at.max(now)).min()
    }

    /// What is due at this instant: one occurrence, then what the clock brings, planning, and new effects.
    fn step(&mut self) -> Result<(), Gone> {
        if let Some(occurrence) = self.agenda.take(self.now()) {
            self.occur(occurrence)?;
        }
        self.timers()?;
        self.plan_if_needed()?;
        self.start_effects()
    }

    fn occur(&mut self, occurrence: Occurrence) -> Result<(), Gone> {
        match occurrence {
            Occurrence::Happening(happening) => self.happen(happening),
            Occurrence::Boot => self.boot(),
            Occurrence::Task { daemon, key, serial } => {
                let wanted = self.daemon.as_ref().is_some_and(|current| {
                    current.number == daemon
                        && current.tasks.get(&key).is_some_and(|task| task.serial == serial)
                });
                if wanted { self.advance_task(&key) } else { Ok(()) }
            }
            Occurrence::Reading { daemon, input } => {
                if let Some(current) =
                    self.daemon.as_mut().filter(|current| current.number == daemon)
                {
                    current.observing = false;
                    self.handle(*input)?;
                }
                Ok(())
            }
        }
    }

    fn timers(&mut self) -> Result<(), Gone> {
        let now = self.now();
        let heartbeat = self.script.heartbeat;
        let Some(daemon) = self.daemon.as_mut() else { return Ok(()) };
        if daemon.next_heartbeat.is_some_and(|at| now >= at) {
            daemon.next_heartbeat = heartbeat.map(|every| now.after(every));
            daemon.engine.open_intake(true);
            daemon.dirty = true;
        }
        let due = daemon.engine.report().and_then(|report| report.wake_at);
        daemon.dirty |= due.is_some_and(|at| now >= at);
        if daemon.next_poll.is_some_and(|at| now >= at) && !daemon.observing {
            return self.observe();
        }
        Ok(())
    }

    /// The tracker has changed: it must be read some more times.
    pub(super) fn tracker_changed(&mut self) {
        self.readings = READINGS;
        let (now, poll) = (self.now(), self.script.poll);
        let start = self.script.start;
        if let Some(daemon) = self.daemon.as_mut()
            && daemon.next_poll.is_none()
        {
            daemon.next_poll = Some(next_on_grid(start, poll, now));
        }
    }

    /// Reads the tracker as it is; the reading arrives when it is finished.
    fn observe(&mut self) -> Result<(), Gone> {
        let began = self.now();
        let source = SOURCE.to_owned();
        let input = match at_once(self.tracker.list()) {
            Ok(listing) => {
                self.readings = self.readings.saturating_sub(1);
                Input::Observed {
                    source,
                    items: listing.items,
                    unreadable: listing.unreadable,
                    problems: listing.problems.iter().map(ToString::to_string).collect(),
                    began,
                    standings: BTreeMap::new(),
                }
            }
            Err(error) => {
                let message = error.failure().message;
                self.chronicle.factory(began, format!("a tracker could not be read: {message}"));
                Input::NotObserved { source, message }
            }
        };
        let more = self.readings > 0;
        let (poll, reading) = (self.script.poll, self.script.reading);
        let start = self.script.start;
        let Some(daemon) = self.daemon.as_mut() else { return Ok(()) };
        daemon.next_poll = more.then(|| next_on_grid(start, poll, began));
        if reading.is_zero() {
            return self.handle(input).map(|_| ());
        }
        daemon.observing = true;
        let occurrence = Occurrence::Reading { daemon: daemon.number, input: Box::new(input) };
        self.agenda.add(began.after(reading), occurrence);
        Ok(())
    }

    fn plan_if_needed(&mut self) -> Result<(), Gone> {
        let Some(daemon) = self.daemon.as_mut().filter(|daemon| daemon.dirty) else {
            return Ok(());
        };
        daemon.dirty = false;
        self.handle(Input::Plan)?;
        let Some(daemon) = self.daemon.as_mut() else { return Ok(()) };
        daemon.dirty = false;
        if self.script.heartbeat.is_some() && daemon.engine.is_idle() {
            daemon.engine.open_intake(false);
        }
        self.tell();
        if let Some(report) = self.daemon.as_ref().and_then(|daemon| daemon.engine.report()) {
            self.chronicle.report(report);
        }
        Ok(())
    }

    /// Lets the engine decide and stores the decision.
    pub(super) fn handle(&mut self, input: Input) -> Result<Option<Reply>, Gone> {
        let now = self.now();
        let Some(daemon) = self.daemon.as_mut() else { return Ok(None) };
        let handled = daemon.engine.handle(input, now);
        self.store(handled)
    }

    /// Stores a decision before anything of it is done.
    pub(super) fn store(&mut self, handled: Handled) -> Result<Option<Reply>, Gone> {
        if let Some(batch) = handled.batch {
            if let Some(daemon) = self.daemon.as_mut() {
                daemon.dirty |= concerns_planning(&batch);
            }
            let appended = at_once(self.ports.store.append(batch));
            self.note_progress();
            if let Err(error) = appended {
                return Err(self.gone(error));
            }
        }
        for run in handled.stop {
            self.stop_tasks_of(run);
        }
        Ok(handled.reply)
    }

    /// What an error of the store means: a death that was wanted, or a refusal.
    pub(super) fn gone(&self, error: StoreError) -> Gone {
        if self.store.take_death() { Gone::Crashed } else { Gone::Refused(error) }
    }

    /// Counts the acts whose results have got on record.
    pub(super) fn note_progress(&mut self) {
        for key in self.store.inspector(super::inspector::Inspector::take_performed) {
            if let Some(of) = self.kinds.get(&key) {
                *self.played.entry(of.clone()).or_insert(0) += 1;
            }
        }
    }

    /// Tells what has got into the log since the last time.
    pub(super) fn tell(&mut self) {
        let events = at_once(self.log.read_all(self.chronicle.told(), usize::MAX));
        for event in events.iter().flatten() {
            self.chronicle.event(event);
        }
    }

    /// When nothing is left to do, looking again must find nothing to do either.
    fn look_again(&mut self) {
        let quiet = self.next_at().is_none();
        let now = self.now();
        let listing = at_once(self.tracker.list());
        let (Some(daemon), Ok(listing), true) = (self.daemon.as_mut(), listing, quiet) else {
            return;
        };
        let again = Input::Observed {
            source: SOURCE.to_owned(),
            items: listing.items,
            unreadable: listing.unreadable,
            problems: Vec::new(),
            began: now.after(Duration::from_millis(1)),
            standings: BTreeMap::new(),
        };
        for (what, input) in [("reading the tracker", again), ("planning", Input::Plan)] {
            if let Some(batch) = daemon.engine.handle(input, now).batch {
                self.violated(format!("{what} a second time changed something: {batch:?}"));
                return;
            }
        }
    }
}

/// The first instant after `now` that is a multiple of `every` after `start`.
fn next_on_grid(start: Timestamp, every: Duration, now: Timestamp) -> Timestamp {
    let every = i64::try_from(every.as_millis()).unwrap_or(i64::MAX).max(1);
    let passed = now.0.saturating_sub(start.0).div_euclid(every);
    Timestamp(start.0.saturating_add(passed.saturating_add(1).saturating_mul(every)))
}
