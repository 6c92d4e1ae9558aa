//! The one loop that decides.
//!
//! `select!` only collects what happened; the engine decides synchronously; the decision is stored; then effects start.
//! Everything slow runs in tasks. When the store fails, the loop ends: nothing may be done that is not on record.

mod deciding;
pub mod draining;
mod rehydrating;
mod starting;
mod steering;
mod timers;
mod watching;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::domain::command::Command;
use crate::domain::event::Event;
use crate::domain::ids::RunId;
use crate::domain::inbox::{Inbox, is_of_chats};
use crate::domain::policy::Policy;
use crate::domain::time::Timestamp;
use crate::store::MOST_BATCHES;
use crate::store::batch::Batch;
use crate::store::error::StoreError;

use super::effects::{Message, Ports};
use super::engine::stopping::Departure;
use super::engine::{Chat, Engine, Explanation, Input, LEASE, Reply, Status};
use super::handle::DaemonHandle;
use super::hints::Hints;
use super::tasks::Tasks;

use deciding::Decided;

/// When the next heartbeat after an instant happens.
pub type Schedule = Arc<dyn Fn(Timestamp) -> Timestamp + Send + Sync>;

/// Messages that may wait for the loop.
const INBOX: usize = 1024;

/// Messages taken before their decisions are stored, effects are started and the clock is looked at again. Each decision
/// is one batch, two at most.
const MOST_AT_ONCE: usize = MOST_BATCHES / 2;

/// Planning takes longer the more items there are. After a plan comes a pause of at least so many times as long as it
/// took, in which what happens is collected for the next one: a fifth of the loop's time at most.
const BETWEEN_PLANS: u32 = 4;

/// Three renewals per lease.
const RENEWAL: Duration = Duration::from_secs(LEASE.as_secs() / 3);

/// Least time between two readings that were hinted at: a storm of hints is no storm of readings. The first is at once.
const BETWEEN_HINTED: Duration = Duration::from_secs(5);

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
    /// Something of a chat surface for the record.
    Chat {
        /// What.
        chat: Chat,
        /// The answer to what was asked; none when that was taken before.
        reply: oneshot::Sender<Option<Reply>>,
    },
    /// An instruction was taken to an agent.
    Instructed(Box<steering::Instructed>),
    /// A question of a surface.
    Query(Query),
    /// An input from a periodic task.
    Input(Input),
    /// The configuration changed.
    Reconfigured(Box<Reconfigured>),
    /// Stop, and leave agents to the next daemon; the answer is how many there are.
    HandOver(oneshot::Sender<usize>),
    /// Write everything that trackers are still to be told.
    Drain(draining::Wish),
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
    /// What was taken from chats.
    Inbox(oneshot::Sender<Inbox>),
}

/// What a reload may change while the daemon runs.
pub struct Reconfigured {
    /// The rules.
    pub policy: Arc<Policy>,
    /// Agents whose program is not there, and why.
    pub unavailable: BTreeMap<String, String>,
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
    leave_all: CancellationToken,
    stopping: bool,
    stop_asked: bool,
    ends_as: Departure,
    dirty: bool,
    next_plan: Instant,
    observing: bool,
    watching: bool,
    hints: Arc<Hints>,
    next_hinted: Timestamp,
    next_poll: Timestamp,
    next_heartbeat: Option<Timestamp>,
    next_renewal: Timestamp,
    next_reaping: Timestamp,
    drains: draining::Waiting,
}

impl Dispatcher {
    /// A loop over `engine`, and the door to it.
    #[must_use]
    pub fn new(mut engine: Engine, ports: Arc<Ports>, timing: Timing) -> (Self, DaemonHandle) {
        let (sender, inbox) = mpsc::channel(INBOX);
        let (desk_sender, desk_inbox) = mpsc::channel(INBOX);
        let (head, followed) = watch::channel(0);
        let hints = Arc::new(Hints::default());
        let handle = DaemonHandle::new(sender.clone(), followed, Arc::clone(&hints));
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
            leave_all: CancellationToken::new(),
            stopping: false,
            stop_asked: false,
            ends_as: Departure::Signalled,
            dirty: true,
            next_plan: Instant::now(),
            observing: false,
            watching: false,
            hints,
            next_hinted: now,
            next_poll: now,
            next_heartbeat,
            next_renewal: now.after(RENEWAL),
            next_reaping: now.after(REAPING),
            drains: draining::Waiting::new(),
        };
        (dispatcher, handle)
    }

    /// The same loop for one task: when that is over, nobody has asked for a stop.
    #[must_use]
    pub fn for_one_task(self) -> Self {
        Self { ends_as: Departure::Finished, ..self }
    }

    /// Runs until `shutdown`, a stop or a hand-over is asked for, then stops in order: no new work, agents signalled, runs marked
    /// interrupted.
    ///
    /// # Errors
    /// When the log cannot be written: nothing may be done that is not on record.
    pub async fn run(mut self, shutdown: CancellationToken) -> Result<(), StoreError> {
        loop {
            self.timers().await?;
            self.plan_if_needed().await?;
            self.start_effects().await?;
            self.answer_drains();
            let wake = self.until_next();
            tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                Some(message) = self.desk_inbox.recv() => self.take_with_others(message).await?,
                Some(message) = self.inbox.recv() => self.hear(message).await?,
                ended = self.tasks.next_ended() => self.task_ended(ended).await?,
                () = self.hints.arrived() => {}
                () = tokio::time::sleep(wake) => {}
            }
            if self.leave_all.is_cancelled() || self.stop_asked {
                break;
            }
        }
        self.stop().await
    }

    /// Takes `message` and what else is there already, in order, and stores what follows from all of them at once:
    /// waiting for the disk is what a decision costs most.
    async fn take_with_others(&mut self, message: Message) -> Result<(), StoreError> {
        let mut decided = Decided::default();
        self.take(message, &mut decided);
        for _ in 1..MOST_AT_ONCE {
            let Ok(message) = self.desk_inbox.try_recv() else { break };
            self.take(message, &mut decided);
        }
        self.commit(decided).await
    }

    async fn hear(&mut self, message: LoopMessage) -> Result<(), StoreError> {
        match message {
            LoopMessage::Effect(message) => self.take_with_others(message).await,
            LoopMessage::Command { command, actor, reply } => {
                let Some((command, reply)) = self.steer(command, &actor, reply) else {
                    return Ok(());
                };
                let stops = matches!(command, Command::Stop { .. });
                let handled = self.handle(Input::Command { command, actor }).await?;
                if let Some(answer) = handled {
                    self.stop_asked |= stops && answer.accepted;
                    // A surface that hung up does not want the answer any more; the command stands.
                    let _hung_up = reply.send(answer);
                }
                Ok(())
            }
            LoopMessage::Chat { chat, reply } => {
                let answer = self.handle(Input::Chat(chat)).await?;
                // As above: what is on record stands.
                let _hung_up = reply.send(answer);
                Ok(())
            }
            LoopMessage::Instructed(instructed) => self.instructed(*instructed).await,
            LoopMessage::Query(query) => {
                self.answer(query);
                Ok(())
            }
            LoopMessage::Input(input) => self.handle(input).await.map(|_| ()),
            LoopMessage::Reconfigured(new) => self.reconfigure(*new).await,
            LoopMessage::Drain(wish) => self.drain(wish).await,
            LoopMessage::HandOver(reply) => {
                self.leave_all.cancel();
                let _hung_up = reply.send(self.engine.turns_under_way());
                Ok(())
            }
        }
    }

    fn answer(&mut self, query: Query) {
        let now = self.ports.clock.now();
        match query {
            Query::Status(reply) => {
                let mut status = self.engine.status(now);
                status.deliveries = self.hints.deliveries();
                let _hung_up = reply.send(status);
            }
            Query::Why { target, reply } => {
                let _hung_up = reply.send(self.engine.explain(&target, now));
            }
            Query::Inbox(reply) => {
                let _hung_up = reply.send(self.engine.inbox().clone());
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
        self.handle(Input::AgentsProbed { unavailable: new.unavailable }).await?;
        self.handle(Input::Reconfigured { policy: new.policy }).await?;
        if let Some(remark) = self.engine.void_choice(now) {
            tracing::warn!("{remark}");
        }
        Ok(())
    }

    async fn plan_if_needed(&mut self) -> Result<(), StoreError> {
        if self.stopping || !self.dirty || Instant::now() < self.next_plan {
            return Ok(());
        }
        let took = self.plan().await?;
        self.next_plan = Instant::now() + took * BETWEEN_PLANS;
        self.dirty = false;
        if self.timing.schedule.is_some() && self.engine.is_idle() {
            self.engine.open_intake(false);
        }
        Ok(())
    }

    /// Stops in order. Agents get their grace; a run whose turn was cut short is marked interrupted and keeps its place.
    /// When agents are to be left to the next daemon, their turns stay as they are.
    async fn stop(mut self) -> Result<(), StoreError> {
        self.stopping = true;
        self.stop_all.cancel();
        let deadline = tokio::time::sleep(self.timing.shutdown_grace);
        tokio::pin!(deadline);
        while !self.tasks.is_empty() {
            tokio::select! {
                biased;
                Some(message) = self.desk_inbox.recv() => self.take_with_others(message).await?,
                ended = self.tasks.next_ended() => self.task_ended(ended).await?,
                () = &mut deadline => {
                    tracing::warn!(tasks = self.tasks.len(), "not everything stopped in time; the next start takes it over");
                    break;
                }
            }
        }
        while let Ok(message) = self.desk_inbox.try_recv() {
            self.take_with_others(message).await?;
        }
        self.end_strays().await;
        let departure = match (self.leave_all.is_cancelled(), self.stop_asked) {
            (true, _) => Departure::HandedOver,
            (false, true) => Departure::Asked,
            (false, false) => self.ends_as,
        };
        self.handle(Input::Stopping { departure }).await.map(|_| ())
    }
}

/// Whether a batch may change what the planner says: anything but the progress of a run.
pub(super) fn concerns_planning(batch: &Batch) -> bool {
    batch.streams.iter().any(|append| {
        let name = append.stream.as_str();
        let item = name.starts_with("work/") || name.starts_with("ops/");
        item && append.events.iter().any(|new| {
            let noted = matches!(
                new.event,
                Event::ItemCharged { .. }
                    | Event::ItemUpdateRequested { .. }
                    | Event::ItemUpdateRefused { .. }
            );
            !noted && !is_of_chats(&new.event)
        })
    })
}

#[cfg(test)]
mod tests;
