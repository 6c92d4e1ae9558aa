//! The one loop that decides.
//!
//! `select!` only collects what happened; the engine decides synchronously; the decision is stored; then effects start.
//! Everything slow runs in tasks. When the store fails, the loop ends: nothing may be done that is not on record.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use crate::domain::agent::TurnEnding;
use crate::domain::command::Command;
use crate::domain::effect::Effect;
use crate::domain::event::Event;
use crate::domain::failure::Failure;
use crate::domain::ids::{EffectKey, RunId};
use crate::domain::policy::Policy;
use crate::domain::run::Interruption;
use crate::domain::time::Timestamp;
use crate::pipeline::input::Input as RunInput;
use crate::store::MOST_BATCHES;
use crate::store::batch::Batch;
use crate::store::error::StoreError;

use super::effects::{self, Desk, Done, Job, Message, Ports};
use super::engine::{Engine, Explanation, Handled, Input, LEASE, Reply, Status, Wanted};
use super::handle::DaemonHandle;
use super::tasks::{Ended, Tasks};

/// When the next heartbeat after an instant happens.
pub type Schedule = Arc<dyn Fn(Timestamp) -> Timestamp + Send + Sync>;

/// Messages that may wait for the loop.
const INBOX: usize = 1024;

/// Messages taken before their decisions are stored, effects are started and the clock is looked at again. Each decision
/// is one batch.
const MOST_AT_ONCE: usize = MOST_BATCHES;

/// Three renewals per lease.
const RENEWAL: Duration = Duration::from_secs(LEASE.as_secs() / 3);

/// How often adopted zombies are reaped.
const REAPING: Duration = Duration::from_secs(10);

/// Everything that reaches the loop.
pub enum LoopMessage {
    /// From an effect.
    Effect(Message),
    /// From a surface.
    Command {
        /// What is asked for.
        command: Command,
        /// By whom.
        actor: String,
        /// The answer.
        reply: oneshot::Sender<Reply>,
    },
    /// A question of a surface.
    Query(Query),
    /// An input from a periodic task.
    Input(Input),
    /// The configuration changed.
    Reconfigured(Box<Reconfigured>),
}

/// A question that changes nothing.
pub enum Query {
    /// The whole picture.
    Status(oneshot::Sender<Status>),
    /// Why one item runs or does not run.
    Why {
        /// What people call it.
        target: String,
        /// The answer.
        reply: oneshot::Sender<Option<Explanation>>,
    },
}

/// What a reload may change while the daemon runs.
pub struct Reconfigured {
    /// The rules.
    pub policy: Arc<Policy>,
    /// The ports, with the new agents in them.
    pub ports: Arc<Ports>,
    /// When heartbeats happen.
    pub schedule: Option<Schedule>,
    /// How often trackers are polled.
    pub poll: Duration,
}

/// How the loop keeps time.
pub struct Timing {
    /// How often trackers are polled.
    pub poll: Duration,
    /// When heartbeats happen; absent: whenever something changed.
    pub schedule: Option<Schedule>,
    /// How long stopping may take.
    pub shutdown_grace: Duration,
}

/// The loop's state besides the engine's.
pub struct Dispatcher {
    engine: Engine,
    ports: Arc<Ports>,
    timing: Timing,
    inbox: mpsc::Receiver<LoopMessage>,
    sender: mpsc::Sender<LoopMessage>,
    desk_sender: mpsc::Sender<Message>,
    desk_inbox: mpsc::Receiver<Message>,
    head: watch::Sender<u64>,
    tasks: Tasks,
    stop_runs: BTreeMap<RunId, CancellationToken>,
    stop_all: CancellationToken,
    stopping: bool,
    dirty: bool,
    observing: bool,
    next_poll: Timestamp,
    next_heartbeat: Option<Timestamp>,
    next_renewal: Timestamp,
    next_reaping: Timestamp,
}

impl Dispatcher {
    /// A loop over `engine`, and the door to it.
    #[must_use]
    pub fn new(mut engine: Engine, ports: Arc<Ports>, timing: Timing) -> (Self, DaemonHandle) {
        let (sender, inbox) = mpsc::channel(INBOX);
        let (desk_sender, desk_inbox) = mpsc::channel(INBOX);
        let (head, followed) = watch::channel(0);
        let handle = DaemonHandle::new(sender.clone(), followed);
        let now = ports.clock.now();
        let next_heartbeat = timing.schedule.as_ref().map(|next_after| next_after(now));
        engine.open_intake(timing.schedule.is_none());
        let dispatcher = Self {
            engine,
            ports,
            timing,
            inbox,
            sender,
            desk_sender,
            desk_inbox,
            head,
            tasks: Tasks::default(),
            stop_runs: BTreeMap::new(),
            stop_all: CancellationToken::new(),
            stopping: false,
            dirty: true,
            observing: false,
            next_poll: now,
            next_heartbeat,
            next_renewal: now.after(RENEWAL),
            next_reaping: now.after(REAPING),
        };
        (dispatcher, handle)
    }

    /// Runs until `shutdown` is asked for, then stops in order: no new work, agents signalled, runs marked interrupted.
    ///
    /// # Errors
    /// When the log cannot be written: nothing may be done that is not on record.
    pub async fn run(mut self, shutdown: CancellationToken) -> Result<(), StoreError> {
        loop {
            self.timers().await?;
            self.plan_if_needed().await?;
            self.start_effects();
            let wake = self.until_next();
            tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                Some(message) = self.desk_inbox.recv() => self.from_effects(message).await?,
                Some(message) = self.inbox.recv() => self.from_outside(message).await?,
                ended = self.tasks.next_ended() => self.task_ended(ended).await?,
                () = tokio::time::sleep(wake) => {}
            }
        }
        self.stop().await
    }

    /// Takes `message` and what else is there already, in order, and stores what follows from all of them at once:
    /// waiting for the disk is what a decision costs most.
    async fn from_effects(&mut self, message: Message) -> Result<(), StoreError> {
        let mut decided = Decided::default();
        self.take(message, &mut decided);
        for _ in 1..MOST_AT_ONCE {
            let Ok(message) = self.desk_inbox.try_recv() else { break };
            self.take(message, &mut decided);
        }
        self.commit(decided).await
    }

    async fn from_outside(&mut self, message: LoopMessage) -> Result<(), StoreError> {
        match message {
            LoopMessage::Effect(message) => self.from_effects(message).await,
            LoopMessage::Command { command, actor, reply } => {
                let handled = self.handle(Input::Command { command, actor }).await?;
                if let Some(answer) = handled {
                    // A surface that hung up does not want the answer any more; the command stands.
                    let _hung_up = reply.send(answer);
                }
                Ok(())
            }
            LoopMessage::Query(query) => {
                self.answer(query);
                Ok(())
            }
            LoopMessage::Input(input) => {
                if matches!(input, Input::Observed { .. } | Input::NotObserved { .. }) {
                    self.observing = false;
                }
                self.handle(input).await.map(|_| ())
            }
            LoopMessage::Reconfigured(new) => self.reconfigure(*new).await,
        }
    }

    fn answer(&mut self, query: Query) {
        let now = self.ports.clock.now();
        match query {
            Query::Status(reply) => {
                let _hung_up = reply.send(self.engine.status(now));
            }
            Query::Why { target, reply } => {
                let _hung_up = reply.send(self.engine.explain(&target, now));
            }
        }
    }

    async fn reconfigure(&mut self, new: Reconfigured) -> Result<(), StoreError> {
        let now = self.ports.clock.now();
        self.ports = new.ports;
        self.timing.poll = new.poll;
        self.next_heartbeat = new.schedule.as_ref().map(|next_after| next_after(now));
        self.engine.open_intake(new.schedule.is_none());
        self.timing.schedule = new.schedule;
        self.dirty = true;
        self.handle(Input::Reconfigured { policy: new.policy }).await.map(|_| ())
    }

    /// Decides about a message of an effect.
    fn take(&mut self, message: Message, decided: &mut Decided) {
        match message {
            Message::TurnPrepared { key, run, turn, go } => {
                let number = turn.turn;
                let begun = !self.stopping && {
                    let input = RunInput::TurnPrepared(turn);
                    let input = Input::Run { run, key: Some(key), settles: false, input };
                    self.decide(input, decided);
                    self.turn_is_in_flight(run, number)
                };
                decided.go.push((go, begun));
            }
            Message::Over { key, run, done } => self.effect_over(key, run, *done, decided),
        }
    }

    fn effect_over(
        &mut self,
        key: EffectKey,
        run: Option<RunId>,
        done: Done,
        decided: &mut Decided,
    ) {
        match (done, run) {
            (Done::Stopped, _) => self.engine.give_back(&key),
            (Done::Run(input), Some(run)) if self.stopping && was_cancelled(&input) => {
                let now = self.ports.clock.now();
                let handled = self.engine.take_over(run, Interruption::Shutdown, None, now);
                self.engine.give_back(&key);
                let _no_command = decided.add(handled);
            }
            (Done::Run(input), Some(run)) => {
                let input = Input::Run { run, key: Some(key), settles: true, input };
                self.decide(input, decided);
            }
            (Done::Run(_), None) => {}
            (Done::Tracker(result), _) => {
                self.decide(Input::TrackerWritten { key, result }, decided);
            }
        }
    }

    /// Lets the engine decide about an input that is no command.
    fn decide(&mut self, input: Input, decided: &mut Decided) {
        let handled = self.engine.handle(input, self.ports.clock.now());
        let _no_command = decided.add(handled);
    }

    /// Lets the engine decide, stores the decision, and only then acts on it.
    async fn handle(&mut self, input: Input) -> Result<Option<Reply>, StoreError> {
        let handled = self.engine.handle(input, self.ports.clock.now());
        let mut decided = Decided::default();
        let reply = decided.add(handled);
        self.commit(decided).await?;
        Ok(reply)
    }

    /// Stores what was decided, and only then acts on it.
    async fn commit(&mut self, decided: Decided) -> Result<(), StoreError> {
        self.dirty |= decided.batches.iter().any(concerns_planning);
        if !decided.batches.is_empty() {
            let appended = self.ports.store.append_all(decided.batches).await?;
            if let Some(last) = appended.last() {
                self.head.send_replace(last.last_gseq);
            }
        }
        for run in decided.stop {
            if let Some(token) = self.stop_runs.get(&run) {
                token.cancel();
            }
        }
        for (go, begun) in decided.go {
            let _gone = go.send(begun);
        }
        Ok(())
    }

    async fn plan_if_needed(&mut self) -> Result<(), StoreError> {
        if self.stopping || !self.dirty {
            return Ok(());
        }
        self.dirty = false;
        self.handle(Input::Plan).await?;
        self.dirty = false;
        if self.timing.schedule.is_some() && self.engine.is_idle() {
            self.engine.open_intake(false);
        }
        Ok(())
    }

    fn start_effects(&mut self) {
        for Wanted { key, effect } in self.engine.start_due(self.ports.clock.now()) {
            let token = match effect.run() {
                Some(run) => {
                    self.stop_runs.entry(run).or_insert_with(|| self.stop_all.child_token()).clone()
                }
                None => self.stop_all.child_token(),
            };
            // Cleaning up comes after the run's tasks were stopped; it must not be stopped with them.
            let cancel = match effect {
                Effect::CleanUp { .. } => self.stop_all.child_token(),
                Effect::PrepareWorkspace { .. }
                | Effect::RunTurn { .. }
                | Effect::RunChecks { .. }
                | Effect::Deliver { .. }
                | Effect::UpdateTracker { .. } => token,
            };
            let item = match &effect {
                Effect::UpdateTracker { item, .. } => self.engine.item(item).cloned(),
                Effect::PrepareWorkspace { .. }
                | Effect::RunTurn { .. }
                | Effect::RunChecks { .. }
                | Effect::Deliver { .. }
                | Effect::CleanUp { .. } => None,
            };
            let job = Job {
                run: effect.run().and_then(|run| self.engine.run(run)).cloned(),
                item,
                key: key.clone(),
                effect,
                cancel,
                desk: Desk::new(self.desk_sender.clone()),
            };
            self.tasks.spawn(key.as_str(), effects::execute(Arc::clone(&self.ports), job));
        }
        let engine = &self.engine;
        self.stop_runs.retain(|run, _| engine.run(*run).is_some());
    }

    /// A task that panicked reports nothing by itself: its effect failed on our side.
    async fn task_ended(&mut self, ended: Ended) -> Result<(), StoreError> {
        let key = EffectKey(ended.name);
        if !ended.panicked || !self.engine.is_open(&key) {
            return Ok(());
        }
        tracing::error!(effect = %key, "an effect panicked; it is treated as an infrastructure failure");
        let failure = Failure::infrastructure(format!("internal error while doing {key}"));
        let Some(effect) = self.engine.effect(&key).cloned() else { return Ok(()) };
        let done = match &effect {
            Effect::RunTurn { run, turn } if self.turn_is_in_flight(*run, *turn) => {
                Done::Run(effects::turn_lost(*turn, failure))
            }
            other => effects::failed(other, failure),
        };
        let mut decided = Decided::default();
        self.effect_over(key, effect.run(), done, &mut decided);
        self.commit(decided).await
    }

    fn turn_is_in_flight(&self, run: RunId, turn: u32) -> bool {
        self.engine
            .run(run)
            .and_then(|state| state.turn_in_flight())
            .is_some_and(|record| record.turn == turn)
    }

    async fn timers(&mut self) -> Result<(), StoreError> {
        let now = self.ports.clock.now();
        if now >= self.next_poll && !self.observing {
            self.next_poll = now.after(self.timing.poll);
            self.observe();
        }
        if self.next_heartbeat.is_some_and(|at| now >= at) {
            self.next_heartbeat = self.timing.schedule.as_ref().map(|next_after| next_after(now));
            self.engine.open_intake(true);
            self.dirty = true;
        }
        if now >= self.next_renewal {
            self.next_renewal = now.after(RENEWAL);
            let (instance, expires) = (self.engine.instance().to_owned(), now.after(LEASE));
            self.ports.store.renew_leases(&instance, expires).await?;
        }
        if now >= self.next_reaping {
            self.next_reaping = now.after(REAPING);
            self.end_strays().await;
        }
        let due = self.engine.report().and_then(|report| report.wake_at);
        if due.is_some_and(|at| now >= at) {
            self.dirty = true;
        }
        Ok(())
    }

    /// Ends orphans of ended runs that hid from their run's end, and reaps what has ended.
    async fn end_strays(&self) {
        match crate::process::recovery::end_strays().await {
            Ok(ended) if ended.ended.is_empty() => {}
            Ok(ended) => {
                tracing::warn!(processes = ended.ended.len(), "stray processes were ended")
            }
            Err(error) => tracing::warn!(%error, "stray processes could not be ended"),
        }
        let _reaped = crate::process::adoption::reap_adopted();
    }

    /// Reads all trackers in a task; the readings come back as inputs.
    fn observe(&mut self) {
        if self.ports.trackers.is_empty() {
            return;
        }
        self.observing = true;
        let (ports, sender) = (Arc::clone(&self.ports), self.sender.clone());
        self.tasks.spawn("observe", async move {
            for (source, tracker) in &ports.trackers {
                let began = ports.clock.now();
                let input = match tracker.list().await {
                    Ok(listing) => Input::Observed {
                        source: source.clone(),
                        items: listing.items,
                        unreadable: listing.unreadable,
                        problems: listing.problems.iter().map(ToString::to_string).collect(),
                        began,
                    },
                    Err(error) => {
                        let message = error.failure().message;
                        Input::NotObserved { source: source.clone(), message }
                    }
                };
                // The loop is gone only when the daemon is.
                let _gone = sender.send(LoopMessage::Input(input)).await;
            }
        });
    }

    /// Time until something is due by the clock.
    fn until_next(&self) -> Duration {
        let now = self.ports.clock.now();
        let planned = self.engine.report().and_then(|report| report.wake_at);
        let candidates = [
            (!self.observing).then_some(self.next_poll),
            self.next_heartbeat,
            Some(self.next_renewal),
            Some(self.next_reaping),
            self.engine.next_due(now),
            planned.filter(|at| *at > now),
        ];
        let next = candidates.into_iter().flatten().min().unwrap_or(now.after(RENEWAL));
        next.since(now)
    }

    /// Stops in order. Agents get their grace; a run whose turn was cut short is marked interrupted and keeps its place.
    async fn stop(mut self) -> Result<(), StoreError> {
        self.stopping = true;
        self.stop_all.cancel();
        let deadline = tokio::time::sleep(self.timing.shutdown_grace);
        tokio::pin!(deadline);
        while !self.tasks.is_empty() {
            tokio::select! {
                biased;
                Some(message) = self.desk_inbox.recv() => self.from_effects(message).await?,
                ended = self.tasks.next_ended() => self.task_ended(ended).await?,
                () = &mut deadline => {
                    tracing::warn!(tasks = self.tasks.len(), "not everything stopped in time; the next start takes it over");
                    break;
                }
            }
        }
        while let Ok(message) = self.desk_inbox.try_recv() {
            self.from_effects(message).await?;
        }
        self.end_strays().await;
        self.handle(Input::Stopping).await.map(|_| ())
    }
}

/// What the engine decided and nobody has acted on yet: nothing in here may leave the loop before the batches are stored.
#[derive(Default)]
struct Decided {
    batches: Vec<Batch>,
    stop: Vec<RunId>,
    go: Vec<(oneshot::Sender<bool>, bool)>,
}

impl Decided {
    /// Adds a decision; its reply, which waits for the batches like everything else.
    fn add(&mut self, handled: Handled) -> Option<Reply> {
        if let Some(reason) = handled.ignored {
            tracing::debug!(reason, "an input changed nothing");
        }
        self.batches.extend(handled.batch);
        self.stop.extend(handled.stop);
        handled.reply
    }
}

fn was_cancelled(input: &RunInput) -> bool {
    matches!(input, RunInput::TurnFinished(turn) if turn.report.ending == TurnEnding::Cancelled)
}

/// Whether a batch may change what the planner says: anything but the progress of a run.
fn concerns_planning(batch: &Batch) -> bool {
    batch.streams.iter().any(|append| {
        let name = append.stream.as_str();
        let item = name.starts_with("work/") || name.starts_with("ops/");
        item && append.events.iter().any(|new| {
            !matches!(new.event, Event::ItemCharged { .. } | Event::ItemUpdateRequested { .. })
        })
    })
}
