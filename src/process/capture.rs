//! Runs a short program to its end and keeps what it said: git, checks, version probes.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::pin::{Pin, pin};
use std::time::Duration;

use rustix::process::Signal;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::ChildStdin;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::domain::agent::ExitEvidence;
use crate::process::ProcessError;
use crate::process::leader::{Leader, Pipes, Program};
use crate::process::marker::Marker;

/// How long a program that is being stopped may take after SIGTERM, for example to remove its lock files.
const GRACE: Duration = Duration::from_secs(2);
/// How long to go on reading after the program has ended while something else holds its output open.
const DRAIN: Duration = Duration::from_millis(500);
/// Stands for "never" where a timeout is so long that the machine cannot count to it.
const NEVER: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// A program to run to its end.
#[derive(Clone)]
pub struct Capture {
    /// The program; without a slash it is looked up in the `PATH` of `env`.
    pub program: PathBuf,
    /// Its arguments, without the program itself.
    pub args: Vec<OsString>,
    /// The directory it starts in; must exist.
    pub cwd: PathBuf,
    /// Its complete environment: nothing is inherited. With [`crate::process::marker::VARIABLE`] in it, whatever outlives
    /// the program is ended.
    pub env: BTreeMap<String, String>,
    /// What it reads; `None` is `/dev/null`. That it may stop reading early is no error.
    pub stdin: Option<Vec<u8>>,
    /// How long it may take before it is ended.
    pub timeout: Duration,
    /// Bytes to keep of each of its two outputs. Of more, the first and the last half are kept.
    pub max_output: usize,
}

impl fmt::Debug for Capture {
    /// Without the environment and the input, which may hold what must not be shown.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = (&self.program, &self.args, &self.cwd, self.timeout);
        formatter.debug_tuple("Capture").field(&shown).finish_non_exhaustive()
    }
}

/// What a program did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Captured {
    /// How it ended: evidence, not a verdict.
    pub exit: ExitEvidence,
    /// Its standard output.
    pub stdout: Vec<u8>,
    /// Its standard error.
    pub stderr: Vec<u8>,
    /// Whether either output was longer than allowed; the gap is marked in it by a line saying how much is missing.
    pub truncated: bool,
    /// Whether it was ended because it took too long.
    pub timed_out: bool,
    /// From start to end.
    pub duration: Duration,
}

impl Captured {
    /// Whether it exited with code 0 by itself.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        self.exit.code == Some(0) && !self.timed_out
    }
}

impl Capture {
    /// Runs the program. On timeout and cancellation, and when the returned future is dropped, it is ended with
    /// everything it started.
    ///
    /// # Errors
    /// When it cannot be started or accounted for, or on cancellation. A failing program and a timeout are no errors.
    pub async fn run(self, cancel: &CancellationToken) -> Result<Captured, ProcessError> {
        let begun = Instant::now();
        let deadline = begun + self.timeout.min(NEVER);
        let marked = Marker::in_environment(&self.env).is_some();
        let (mut leader, pipes) = Leader::start(Program {
            program: self.program,
            args: self.args,
            cwd: self.cwd,
            env: self.env,
            piped_stdin: self.stdin.is_some(),
            roomy: false,
            confinement: None,
        })
        .await?;
        let Pipes { stdin, stdout, stderr } = pipes;
        let mut kept = (Kept::new(self.max_output), Kept::new(self.max_output));
        let (exit, stopped);
        {
            let feed = feed(stdin, self.stdin.unwrap_or_default());
            let read = async { tokio::join!(feed, kept.0.read(stdout), kept.1.read(stderr)) };
            let mut talk = Talk { future: pin!(read), done: false };
            stopped = talk.beside(until_stop(&mut leader, cancel, deadline)).await?;
            if stopped.is_some() {
                leader.signal_group(Signal::TERM)?;
                // Late is fine: whatever is left is ended below.
                let _late = talk.beside(timeout(GRACE, leader.wait())).await;
            } else {
                let _held_open = timeout(DRAIN, talk.finish()).await;
            }
            if marked || stopped.is_some() {
                let _ended = leader.end_set().await?;
                let _held_open = timeout(DRAIN, talk.finish()).await;
            }
            exit = leader.wait().await?;
        }
        leader.settle();
        match stopped {
            Some(Stop::Cancelled) => Err(ProcessError::Cancelled),
            Some(Stop::TimedOut) | None => Ok(Captured {
                exit,
                truncated: kept.0.missing() > 0 || kept.1.missing() > 0,
                stdout: kept.0.into_bytes(),
                stderr: kept.1.into_bytes(),
                timed_out: stopped.is_some(),
                duration: begun.elapsed(),
            }),
        }
    }
}

/// Why it was stopped.
enum Stop {
    Cancelled,
    TimedOut,
}

/// Waits until the program ends by itself (`None`) or there is a reason to stop it.
async fn until_stop(
    leader: &mut Leader,
    cancel: &CancellationToken,
    deadline: Instant,
) -> Result<Option<Stop>, ProcessError> {
    tokio::select! {
        biased;
        () = cancel.cancelled() => Ok(Some(Stop::Cancelled)),
        ended = timeout_at(deadline, leader.wait()) => match ended {
            Ok(exit) => exit.map(|_| None),
            Err(_) => Ok(Some(Stop::TimedOut)),
        },
    }
}

/// The conversation over the pipes, which goes on while something else is waited for.
struct Talk<'a, F> {
    future: Pin<&'a mut F>,
    done: bool,
}

impl<F: Future> Talk<'_, F> {
    /// Waits for `other`, talking meanwhile.
    async fn beside<T>(&mut self, other: impl Future<Output = T>) -> T {
        let mut other = pin!(other);
        loop {
            tokio::select! {
                biased;
                _ = self.future.as_mut(), if !self.done => self.done = true,
                value = &mut other => return value,
            }
        }
    }

    /// Waits until both outputs are closed and everything is written.
    async fn finish(&mut self) {
        if !self.done {
            let _talked = self.future.as_mut().await;
            self.done = true;
        }
    }
}

/// Writes `input` and closes the pipe: a program that reads to the end would wait for ever otherwise. It may end or close
/// its input without having read everything.
async fn feed(stdin: Option<ChildStdin>, input: Vec<u8>) {
    if let Some(mut stdin) = stdin {
        let _closed_early = stdin.write_all(&input).await;
    }
}

/// The first and the last part of a stream.
struct Kept {
    limit: usize,
    head: Vec<u8>,
    tail: Vec<u8>,
    dropped: u64,
}

impl Kept {
    fn new(limit: usize) -> Self {
        Self { limit, head: Vec::new(), tail: Vec::new(), dropped: 0 }
    }

    /// Reads to the end of the stream. A stream that breaks off has ended.
    async fn read(&mut self, mut stream: impl AsyncRead + Unpin) {
        let mut buffer = vec![0; 64 * 1024];
        loop {
            match stream.read(&mut buffer).await {
                Ok(0) => return,
                Ok(count) => self.push(&buffer[..count]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return,
            }
        }
    }

    fn push(&mut self, bytes: &[u8]) {
        let room = (self.limit - self.limit / 2).saturating_sub(self.head.len());
        let (first, rest) = bytes.split_at(room.min(bytes.len()));
        self.head.extend_from_slice(first);
        self.tail.extend_from_slice(rest);
        // Twice the wanted length before cutting, so that cutting costs little per byte.
        if self.tail.len() > self.limit.max(64 * 1024) {
            self.cut_tail();
        }
    }

    fn cut_tail(&mut self) {
        let surplus = self.tail.len().saturating_sub(self.limit / 2);
        self.tail.drain(..surplus);
        self.dropped += surplus as u64;
    }

    fn missing(&mut self) -> u64 {
        self.cut_tail();
        self.dropped
    }

    fn into_bytes(mut self) -> Vec<u8> {
        let missing = self.missing();
        let mut bytes = self.head;
        if missing > 0 {
            bytes.extend_from_slice(format!("\n[{missing} bytes left out]\n").as_bytes());
        }
        bytes.extend_from_slice(&self.tail);
        bytes
    }
}

#[cfg(test)]
mod tests;
