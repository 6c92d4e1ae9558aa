//! Runs an agent to its end, whatever it does: streams its lines, watches two clocks, ends everything it started.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::pin::{Pin, pin};
use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::domain::agent::ExitEvidence;
use crate::process::ProcessError;
use crate::process::agent_process::endings::Endings;
use crate::process::conversation::{Conversation, Listener};
use crate::process::identity::ProcessIdentity;
use crate::process::leader::{Leader, Pipes, Program};
use crate::process::marker::{self, Marker};
use crate::process::redact::Redactor;
use crate::process::sandbox::Confinement;
use crate::process::speech::{Feed, Speech, Stdin};
use crate::process::transcript::Transcript;

mod endings;

/// Usual value of [`Limits::max_line`]: agents print a megabyte of answer, twice, as one line of JSON.
pub const MAX_LINE: usize = 10 << 20;
/// How long to go on reading after the agent has ended while something else holds its output open.
const DRAIN: Duration = Duration::from_millis(500);
/// How long the caller may take to note a start, once the agent has ended.
const NOTE: Duration = Duration::from_secs(10);
/// Stands for "never" where a clock is set so far away that the machine cannot count to it.
const NEVER: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// An agent to run.
#[derive(Clone)]
pub struct Spawn {
    /// The program; without a slash it is looked up in the `PATH` of `env`.
    pub program: PathBuf,
    /// Its arguments, without the program itself. Never a prompt: arguments are public and short.
    pub args: Vec<OsString>,
    /// The directory it starts in; must exist.
    pub cwd: PathBuf,
    /// Its complete environment, to which only the marker is added: nothing is inherited.
    pub env: BTreeMap<String, String>,
    /// What it reads. That it may stop reading early is no error.
    pub stdin: Stdin,
    /// Where it and everything it starts may write and connect to; anything when absent.
    pub confinement: Option<Confinement>,
    /// What everything it starts is found by.
    pub marker: Marker,
    /// Its bounds.
    pub limits: Limits,
    /// How to stop it.
    pub stop: StopPlan,
    /// Where the lines of its standard output are kept, redacted. Longer lines go to files beside it.
    pub journal: PathBuf,
    /// What may not be in the journal, nor in the evidence.
    pub redactor: Redactor,
}

impl fmt::Debug for Spawn {
    /// Without the environment and the prompt, which are full of what may not be shown.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { program, cwd, marker, limits, stop, .. } = self;
        let shown = (program, cwd, marker, limits, stop);
        formatter.debug_tuple("Spawn").field(&shown).finish_non_exhaustive()
    }
}

/// The bounds of an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How long it may take.
    pub total: Duration,
    /// How long it may print nothing at all.
    pub silence: Duration,
    /// Bytes of a line that are kept in memory, usually [`MAX_LINE`]; longer lines go to a file.
    pub max_line: usize,
    /// Bytes of its output that are kept on disk, long lines included. More is still passed on, but not kept.
    pub max_output: u64,
}

/// How an agent is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StopPlan {
    /// What makes it end by itself, with what it started.
    pub graceful: Signal,
    /// How long that may take. Also how long it may live on after saying that it is done.
    pub grace: Duration,
}

/// How to ask a process to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// SIGTERM.
    Terminate,
    /// SIGINT.
    Interrupt,
    /// SIGKILL: it has no graceful way.
    Kill,
}

/// Why an agent's process ended. Evidence for its adapter, not a verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// By itself.
    Exited,
    /// It printed nothing for too long.
    SilenceTimeout,
    /// It took too long.
    TotalTimeout,
    /// The run was cancelled.
    Cancelled,
    /// The reader of its lines said [`Flow::Stop`].
    StoppedByCaller,
    /// It did not end after the reader of its lines had said [`Flow::Finished`].
    LingeredAfterFinish,
}

/// What is known of an agent's process after it and everything it started are gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    /// How the process ended.
    pub exit: ExitEvidence,
    /// The first reason for ending it, or that there was none.
    pub ending: Ending,
    /// Reasons that came too late to count.
    pub also: Vec<Ending>,
    /// From start until nothing was left.
    pub duration: Duration,
    /// The last 16 KiB of standard error, redacted.
    pub stderr_tail: String,
    /// Lines passed on, of both streams.
    pub lines: u64,
    /// Processes it had started, that did not end with it and had to be killed.
    pub leftovers: Vec<ProcessIdentity>,
}

/// Told who was started, before it gets its prompt: the place to make that durable.
pub type OnStarted<'a> =
    Box<dyn FnOnce(ProcessIdentity) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> + Send + 'a>;

/// Runs an agent and returns when it and everything it started are gone. Dropping the returned future ends them too,
/// without the grace. `speech` carries what is said to it while it runs, if its standard input stays open.
///
/// # Errors
/// When it cannot be started, its transcript cannot be written, or something it started cannot be ended. Everything the
/// agent does, fails at or leaves behind is no error.
pub async fn run(
    spawn: Spawn,
    cancel: &CancellationToken,
    on_started: OnStarted<'_>,
    speech: Speech,
    listener: &mut dyn Listener,
) -> Result<Finished, ProcessError> {
    let begun = Instant::now();
    let Spawn {
        program, args, cwd, mut env, stdin: told, marker, limits, stop, confinement, ..
    } = spawn;
    let transcript = Transcript::open(spawn.journal, limits.max_output, spawn.redactor)?;
    let _given = env.insert(marker::VARIABLE.to_owned(), marker.value().to_owned());
    let piped_stdin = told != Stdin::Null;
    let program = Program { program, args, cwd, env, piped_stdin, roomy: true, confinement };
    let (mut leader, Pipes { stdin, stdout, stderr }) = Leader::start(program).await?;
    let identity = leader.identity();
    let mut watch = Watch {
        talk: Conversation::new(stdout, stderr, limits.max_line, transcript, listener),
        cancel,
        limits,
        stop,
        begun,
        finished_at: None,
        endings: Endings::default(),
    };
    let feed = Feed::new(stdin, told, speech);
    let mut start = Start { note: identity.clone().map(on_started), feed };
    watch.until_ending(&mut leader, &mut start).await?;
    start.noted().await;
    let leftovers = watch.end(&mut leader, start.feed, identity.as_ref()).await?;
    let exit = leader.wait().await?;
    watch.talk.finish()?;
    leader.settle();
    let Watch { talk, endings, .. } = watch;
    let (stderr_tail, lines) = talk.into_evidence();
    Ok(Finished {
        exit,
        ending: endings.first.unwrap_or(Ending::Exited),
        also: endings.late,
        duration: begun.elapsed(),
        stderr_tail,
        lines,
        leftovers,
    })
}

/// What has to happen in order: the start is noted, then the prompt is written, then whatever is said.
struct Start<'a> {
    note: Option<Pin<Box<dyn Future<Output = ()> + Send + 'a>>>,
    feed: Feed,
}

impl Start<'_> {
    /// Pending while there is nothing to do. May be dropped at any time.
    async fn proceed(&mut self) {
        if let Some(note) = &mut self.note {
            note.await;
            self.note = None;
        }
        self.feed.proceed().await;
    }

    /// Lets the caller finish noting the start, even if the agent was quicker.
    async fn noted(&mut self) {
        if let Some(note) = self.note.take() {
            let _too_slow = timeout(NOTE, note).await;
        }
    }
}

/// Everything that is looked at while an agent runs.
struct Watch<'a> {
    talk: Conversation<'a>,
    cancel: &'a CancellationToken,
    limits: Limits,
    stop: StopPlan,
    begun: Instant,
    /// When the reader of the lines said that the agent is done.
    finished_at: Option<Instant>,
    endings: Endings,
}

impl Watch<'_> {
    /// Streams lines until the agent exits or there is a reason to end it.
    async fn until_ending(
        &mut self,
        leader: &mut Leader,
        start: &mut Start<'_>,
    ) -> Result<(), ProcessError> {
        loop {
            self.note_reasons();
            if self.talk.finished() {
                start.feed.conclude();
            }
            if self.endings.first.is_some() {
                return Ok(());
            }
            let clock = self.next_clock();
            tokio::select! {
                biased;
                () = self.cancel.cancelled() => {}
                () = sleep_until(clock) => {}
                exit = leader.wait() => {
                    let _evidence = exit?;
                    self.endings.note(Ending::Exited);
                }
                () = start.proceed() => {}
                read = self.talk.read() => read?,
            }
        }
    }

    /// Notes every reason to end there is now, the strongest first: a person's wish before a judgement, a judgement before
    /// a clock, the narrower clock before the wider.
    fn note_reasons(&mut self) {
        let now = Instant::now();
        if self.talk.finished() && self.finished_at.is_none() {
            self.finished_at = Some(now);
        }
        let silent = self.finished_at.is_none() && now >= self.silence_clock();
        let lingering = self.finished_at.is_some_and(|at| now >= after(at, self.stop.grace));
        let reasons = [
            (self.cancel.is_cancelled(), Ending::Cancelled),
            (self.talk.stop(), Ending::StoppedByCaller),
            (lingering, Ending::LingeredAfterFinish),
            (silent, Ending::SilenceTimeout),
            (now >= self.total_clock(), Ending::TotalTimeout),
        ];
        for (_, ending) in reasons.into_iter().filter(|(due, _)| *due) {
            self.endings.note(ending);
        }
    }

    fn next_clock(&self) -> Instant {
        let narrow = self.finished_at.map_or(self.silence_clock(), |at| after(at, self.stop.grace));
        narrow.min(self.total_clock())
    }

    fn silence_clock(&self) -> Instant {
        after(self.talk.last_heard(), self.limits.silence)
    }

    fn total_clock(&self) -> Instant {
        after(self.begun, self.limits.total)
    }

    /// Ends the agent and everything it started, reading on meanwhile; returns what it left behind.
    async fn end(
        &mut self,
        leader: &mut Leader,
        feed: Feed,
        identity: Option<&ProcessIdentity>,
    ) -> Result<Vec<ProcessIdentity>, ProcessError> {
        if self.endings.first == Some(Ending::Exited) {
            self.drain().await?;
        } else {
            self.stop_gracefully(leader, feed).await?;
        }
        let mut ended = leader.end_set().await?;
        self.drain().await?;
        ended.retain(|process| Some(process) != identity);
        Ok(ended)
    }

    /// Tells the agent to stop in its own terms, sends its own signal, and gives it time.
    async fn stop_gracefully(
        &mut self,
        leader: &mut Leader,
        feed: Feed,
    ) -> Result<(), ProcessError> {
        let deadline = after(Instant::now(), self.stop.grace);
        if self.endings.first != Some(Ending::LingeredAfterFinish)
            && let Some(line) = self.talk.interrupt()
            && self.interrupted(leader, feed, line, deadline).await?
        {
            return Ok(());
        }
        let signal = match self.stop.graceful {
            Signal::Terminate => rustix::process::Signal::TERM,
            Signal::Interrupt => rustix::process::Signal::INT,
            // Nothing to wait for: the whole set gets it next.
            Signal::Kill => return Ok(()),
        };
        leader.signal_group(signal)?;
        let exited = loop {
            let mut wait = pin!(timeout_at(deadline, leader.wait()));
            tokio::select! {
                biased;
                exited = &mut wait => break exited,
                read = self.talk.read() => read?,
            }
            if self.cancel.is_cancelled() {
                self.endings.note(Ending::Cancelled);
            }
        };
        // Not having ended in time is no error: it is killed next.
        exited.map_or(Ok(()), |exit| exit.map(|_| ()))
    }

    /// Whether the agent ends because it was told to, in half of the time it has.
    async fn interrupted(
        &mut self,
        leader: &mut Leader,
        mut feed: Feed,
        line: String,
        deadline: Instant,
    ) -> Result<bool, ProcessError> {
        feed.say_last(line);
        let now = Instant::now();
        let patience = now + (deadline - now) / 2;
        loop {
            tokio::select! {
                biased;
                exited = timeout_at(patience, leader.wait()) => {
                    return exited.map_or(Ok(false), |exit| exit.map(|_| true));
                }
                () = feed.proceed() => {}
                read = self.talk.read() => read?,
            }
            if self.talk.finished() {
                feed.conclude();
            }
        }
    }

    /// Reads what has been printed already, but does not wait for whoever holds the streams open.
    async fn drain(&mut self) -> Result<(), ProcessError> {
        timeout(DRAIN, self.talk.read_to_end()).await.unwrap_or(Ok(()))
    }
}

fn after(instant: Instant, span: Duration) -> Instant {
    instant + span.min(NEVER)
}

#[cfg(test)]
mod tests;
