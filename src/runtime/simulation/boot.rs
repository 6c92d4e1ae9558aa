//! A daemon starts, dies, or stops in order.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::domain::ids::{EffectKey, RunId};
use crate::runtime::engine::stopping::Departure;
use crate::runtime::engine::{Engine, Identity, Input};
use crate::runtime::recovery;
use crate::store::error::StoreError;

use super::agenda::Occurrence;
use super::at_once;
use super::factory::{Daemon, Factory, Gone};
use super::scenario::SOURCE;

impl Factory<'_> {
    /// Builds an engine from the log and lets it take over what the daemon before left.
    pub(super) fn boot(&mut self) -> Result<(), Gone> {
        if self.daemon.is_some() {
            return Ok(());
        }
        let now = self.now();
        self.daemons += 1;
        let engine = match self.taken_over() {
            Ok(engine) => engine,
            Err(error) => return Err(self.gone(error)),
        };
        self.note_progress();
        let mut daemon = Daemon {
            engine,
            number: self.daemons,
            tasks: BTreeMap::new(),
            stopped: BTreeSet::new(),
            dirty: true,
            observing: false,
            next_poll: Some(now),
            next_heartbeat: self.script.heartbeat.map(|every| now.after(every)),
        };
        daemon.engine.open_intake(self.script.heartbeat.is_none());
        self.daemon = Some(daemon);
        self.tracker_changed();
        let unavailable = self.unavailable.clone();
        self.handle(Input::AgentsProbed { unavailable }).map(|_| ())
    }

    fn taken_over(&mut self) -> Result<Engine, StoreError> {
        let now = self.now();
        let store = Arc::clone(&self.ports.store);
        let instance = self.ports.ids.ordered(now).to_string();
        let epoch = at_once(store.begin_epoch(&instance))?;
        let window = Duration::from_millis(self.script.policy.pace.window_ms);
        let loaded = at_once(recovery::load(store.as_ref(), window, now))?;
        let crashed = loaded.ops.running.is_some();
        let identity =
            Identity { instance, epoch, sources: [SOURCE.to_owned()].into(), cards: [].into() };
        let policy = Arc::new(self.script.policy.clone());
        let ids = Arc::clone(&self.ports.ids);
        let mut engine = Engine::new(loaded, policy, identity, ids);
        let mut salvaged = BTreeMap::new();
        for run in engine.open_runs() {
            if let Some(commit) = at_once(recovery::salvage(&self.ports, &engine, run)) {
                salvaged.insert(run, commit);
            }
        }
        let clock = Arc::clone(&self.ports.clock);
        let found = recovery::Found { salvaged, kept: BTreeSet::new() };
        at_once(recovery::adopt(store.as_ref(), clock.as_ref(), &mut engine, crashed, &found))?;
        Ok(engine)
    }

    /// The daemon is gone without a word, with all that was under way.
    pub(super) fn crashed(&mut self, down: Duration) {
        let now = self.now();
        self.chronicle.factory(now, format!("the daemon dies; the next one comes in {down:?}"));
        self.daemon = None;
        self.agenda.add(now.after(down), Occurrence::Boot);
    }

    /// The daemon stops in order: agents are stopped, everything else is allowed to end, and nothing new is begun.
    pub(super) fn stop(&mut self, down: Duration) -> Result<(), Gone> {
        let now = self.now();
        if self.daemon.is_none() {
            return Ok(());
        }
        self.chronicle.factory(now, format!("the daemon is asked to stop, for {down:?}"));
        let tasks: Vec<EffectKey> =
            self.daemon.iter().flat_map(|daemon| daemon.tasks.keys().cloned()).collect();
        for key in tasks {
            self.end_task_for_shutdown(&key)?;
        }
        self.handle(Input::Stopping { departure: Departure::Signalled })?;
        self.daemon = None;
        self.agenda.add(now.after(down), Occurrence::Boot);
        Ok(())
    }

    /// Tasks of `run` are asked to stop: agents and checks do at once, everything else ends as it would.
    pub(super) fn stop_tasks_of(&mut self, run: RunId) {
        let now = self.now();
        let Some(daemon) = self.daemon.as_mut() else { return };
        daemon.stopped.insert(run);
        for (key, task) in &mut daemon.tasks {
            if task.effect.run() == Some(run) && task.cancel() {
                task.serial = self.agenda.add_step(now, daemon.number, key.clone());
            }
        }
    }
}
