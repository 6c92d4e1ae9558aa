//! A task at a daemon: submitted once, followed until it is over, the time is up, or someone interrupts.

use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::domain::command::Command;
use crate::surfaces::control::client::{Client, ClientError, Events, FollowFilter};
use crate::surfaces::control::views::HeldView;
use crate::surfaces::control::wire::EventView;

use super::super::entry::Context;
use super::super::errors::CliError;
use super::super::signals::Interrupts;
use super::fold::Fold;
use super::progress::Progress;
use super::{Ending, Errand};

/// How often the live line is renewed.
const TICK: Duration = Duration::from_secs(1);

/// Ticks between two looks at why a task has not started.
const TICKS_PER_LOOK: u32 = 2;

/// Looks after which a task that nothing would release is given up.
const PATIENT_LOOKS: u32 = 3;

/// How long a cancelled task may take to end, and a finished one to be tidied up.
const LAST_STEPS: Duration = Duration::from_secs(40);

/// How following one daemon ended.
pub(super) enum Left {
    /// There is no more to follow.
    Ended(Ending),
    /// The daemon went away.
    Lost {
        /// Whether it was there for one task only.
        temporary: bool,
    },
}

/// What outlives a single daemon.
pub(super) struct Watch<'a> {
    errand: &'a Errand,
    progress: Progress<'a>,
    /// What is known of the task.
    pub(super) fold: Fold,
    /// Wishes to stop.
    pub(super) interrupts: Interrupts,
    deadline: Option<Instant>,
    submitted: bool,
    /// The time is up; the task is being cancelled.
    cancelling: bool,
    /// Someone wants to stop; the daemon of this process is being stopped.
    stopping: bool,
}

impl<'a> Watch<'a> {
    pub(super) fn new(context: &'a Context, errand: &'a Errand, interrupts: Interrupts) -> Self {
        Self {
            errand,
            progress: Progress::new(&context.screen, errand.telling),
            fold: Fold::new(errand.item(), 0),
            interrupts,
            deadline: errand.timeout.map(|timeout| Instant::now() + timeout),
            submitted: false,
            cancelling: false,
            stopping: false,
        }
    }

    fn take(&mut self, view: &EventView) {
        if let Some(event) = view.event() {
            self.fold.take(view, &event);
            self.progress.event(view, &event, &self.fold);
        } else {
            self.fold.cursor = view.gseq;
        }
    }

    /// Whether there is no more to see: in a process that is the daemon itself, the worktree has to be dealt with too.
    fn is_over(&self, hosting: bool) -> bool {
        self.fold.is_over() && (!hosting || self.fold.is_tidy())
    }

    fn ending(&self) -> Ending {
        if self.cancelling { Ending::TimedOut } else { Ending::Over }
    }
}

/// A connection to the daemon that has the task.
pub(super) struct Attached {
    /// For asking.
    pub(super) client: Client,
    /// Stops the daemon, when it is in this process.
    pub(super) host: Option<CancellationToken>,
}

impl Attached {
    /// Submits the task and follows it.
    pub(super) async fn follow(mut self, watch: &mut Watch<'_>) -> Result<Left, CliError> {
        let mut temporary = self.host.is_some();
        match self.begin(watch, &mut temporary).await {
            Ok(events) => self.watch(events, watch, temporary).await,
            Err(error) if error.is_gone() => Ok(Left::Lost { temporary }),
            Err(error) => Err(error.into()),
        }
    }

    async fn begin(
        &mut self,
        watch: &mut Watch<'_>,
        temporary: &mut bool,
    ) -> Result<Events, ClientError> {
        let pong = self.client.ping().await?;
        *temporary = pong.temporary;
        if !watch.submitted {
            watch.fold.cursor = pong.head;
        }
        let command = Command::Submit { task: watch.errand.task.clone() };
        self.client.submit(command, &watch.errand.actor).await?;
        watch.submitted = true;
        let follower = self.another(watch).await?;
        let filter = FollowFilter { run: None, item: Some(watch.fold.item.clone()) };
        follower.follow(watch.fold.cursor, filter).await
    }

    /// A second connection to the same daemon.
    async fn another(&self, watch: &Watch<'_>) -> Result<Client, ClientError> {
        let root = watch.errand.root();
        let gone = || ClientError::Gone { path: root.to_owned() };
        Client::connect(root).await?.ok_or_else(gone)
    }

    async fn watch(
        &mut self,
        mut events: Events,
        watch: &mut Watch<'_>,
        temporary: bool,
    ) -> Result<Left, CliError> {
        let hosting = self.host.is_some();
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut waiting = Waiting::default();
        let mut last_steps = None;
        while !watch.is_over(hosting) {
            if watch.fold.is_over() && last_steps.is_none() {
                last_steps = Some(Instant::now() + LAST_STEPS);
            }
            tokio::select! {
                biased;
                next = events.next() => match next {
                    Ok(Some(view)) => watch.take(&view),
                    Ok(None) => return Ok(lost(watch, temporary)),
                    Err(error) if error.is_gone() => return Ok(lost(watch, temporary)),
                    Err(error) => return Err(error.into()),
                },
                () = watch.interrupts.next() => {
                    if let Some(ending) = self.interrupted(watch) {
                        return Ok(Left::Ended(ending));
                    }
                }
                () = until(watch.deadline.filter(|_| !watch.cancelling)) => {
                    self.time_is_up(watch).await?;
                    last_steps = Some(Instant::now() + LAST_STEPS);
                }
                () = until(last_steps) => break,
                _ = ticks.tick() => {
                    watch.progress.tick(&watch.fold);
                    if let Some(ending) = self.look(watch, &mut waiting).await? {
                        return Ok(Left::Ended(ending));
                    }
                }
            }
        }
        Ok(Left::Ended(watch.ending()))
    }

    /// The first interrupt stops the daemon of this process in order; a daemon elsewhere goes on.
    fn interrupted(&self, watch: &mut Watch<'_>) -> Option<Ending> {
        match &self.host {
            None => Some(Ending::Interrupted { goes_on: true }),
            Some(_) if watch.stopping => Some(Ending::AtOnce),
            Some(shutdown) => {
                watch.stopping = true;
                watch
                    .progress
                    .note("stopping in order, the work is kept; once more to end at once");
                shutdown.cancel();
                None
            }
        }
    }

    async fn time_is_up(&mut self, watch: &mut Watch<'_>) -> Result<(), CliError> {
        watch.cancelling = true;
        watch.progress.note("the time is up; the task is being cancelled");
        let command = Command::Cancel { target: watch.fold.item.0.clone() };
        match self.client.submit(command, &watch.errand.actor).await {
            Ok(_) => Ok(()),
            Err(error) if error.is_gone() => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Now and then, says why a task has not started. Gives up when nothing but a person could change that and there is
    /// nobody else whom it could wait for.
    async fn look(
        &mut self,
        watch: &mut Watch<'_>,
        waiting: &mut Waiting,
    ) -> Result<Option<Ending>, CliError> {
        if let (Some(reason), true) = (watch.fold.not_let_in(), self.host.is_some()) {
            return Ok(Some(Ending::NotLetIn { reason: reason.to_owned() }));
        }
        let started = watch.fold.record.as_ref().is_some_and(|it| it.run.is_some());
        if started || watch.stopping || watch.fold.is_over() || !waiting.is_time() {
            return Ok(None);
        }
        let explanation = match self.client.why(watch.fold.item.as_str()).await {
            Ok(explanation) => explanation,
            Err(error) if error.is_gone() => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let Some(held) = explanation.and_then(|it| it.held.into_iter().next()) else {
            return Ok(None);
        };
        if waiting.said != held.reason {
            let until = held.until.map(|until| format!(", until {until}")).unwrap_or_default();
            watch.progress.note(&format!("waits: {}: {}{until}", held.gate, held.reason));
            waiting.said.clone_from(&held.reason);
        }
        if self.host.is_none() || !is_hopeless(&held) {
            waiting.hopeless = 0;
            return Ok(None);
        }
        waiting.hopeless += 1;
        if waiting.hopeless < PATIENT_LOOKS {
            return Ok(None);
        }
        let command = Command::Cancel { target: watch.fold.item.0.clone() };
        self.client.submit(command, &watch.errand.actor).await?;
        let reason = format!("{}: {}", held.gate, held.reason);
        Ok(Some(Ending::CannotStart { reason, remedy: held.released_by }))
    }
}

/// Whether nothing that happens by itself would release it.
fn is_hopeless(held: &HeldView) -> bool {
    held.until.is_none() && held.gate != "slots"
}

/// What was said about a task that waits.
#[derive(Debug, Default)]
struct Waiting {
    ticks: u32,
    said: String,
    hopeless: u32,
}

impl Waiting {
    fn is_time(&mut self) -> bool {
        self.ticks += 1;
        self.ticks.is_multiple_of(TICKS_PER_LOOK)
    }
}

fn lost(watch: &Watch<'_>, temporary: bool) -> Left {
    if watch.stopping {
        return Left::Ended(Ending::Interrupted { goes_on: false });
    }
    if watch.fold.is_over() {
        return Left::Ended(watch.ending());
    }
    Left::Lost { temporary }
}

async fn until(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => std::future::pending().await,
    }
}
