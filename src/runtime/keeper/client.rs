//! The daemon's end of a keeper: start it, find it again, wait for its outcome.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::BufReader;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use crate::process::ProcessError;
use crate::process::companion::{Companion, Input, Start};
use crate::process::identity::ProcessIdentity;
use crate::process::marker::Marker;

use super::wire::{Assignment, Outcome, Receipt, Request, Response};
use super::{SUBCOMMAND, line, place};

/// Pause before a keeper's socket is looked for again: first and longest. It is there a few milliseconds after its start.
const LOOK_AGAIN: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(50));

/// How long a keeper that was asked to stop may take: its agent's grace, the proof that nothing is left, and some time to
/// spare.
const STOPPING: Duration = Duration::from_secs(30);

/// How long a keeper that somebody else started may take to answer before it is taken for dead.
const ANSWERING: Duration = Duration::from_secs(5);

/// How long a keeper may take to go after its outcome was acknowledged.
const GOING: Duration = Duration::from_secs(5);

/// How long an instruction may wait for its receipt: agents that are busy read late.
const RECEIPT: Duration = Duration::from_secs(30);

/// Longest line of an answer that is read: a portion of the journal with the longest line an agent may print, escaped.
const LONGEST_RESPONSE: u64 = 64 << 20;

/// A keeper that waits for its assignment.
#[derive(Debug)]
pub struct Starting {
    keeper: Keeper,
    input: Input,
}

/// A keeper at work, or gone.
#[derive(Debug)]
pub struct Keeper {
    companion: Companion,
    scratch: PathBuf,
}

/// What waiting for a keeper came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Watched {
    /// Its turn is over.
    Over(Box<Outcome>),
    /// It is gone without an outcome, and with it everything it kept. `asked`: it had been told to stop.
    Lost {
        /// Whether that was wanted.
        asked: bool,
    },
    /// It was left to the next daemon.
    Left,
}

impl Starting {
    /// Starts a keeper out of `program` for the turn in `scratch`. It does nothing before [`Self::assign`].
    ///
    /// # Errors
    /// When it cannot be started.
    pub async fn start(
        program: &Path,
        scratch: &Path,
        marker: &Marker,
    ) -> Result<Self, ProcessError> {
        let log = place::log(scratch)
            .map_err(|source| ProcessError::Journal { path: scratch.join(place::LOG), source })?;
        let start = Start {
            program: program.to_owned(),
            args: vec![SUBCOMMAND.into()],
            cwd: scratch.to_owned(),
            marker: marker.clone(),
            log,
        };
        let (companion, input) = start.start().await?;
        Ok(Self { keeper: Keeper { companion, scratch: scratch.to_owned() }, input })
    }

    /// Who it is: to be put on record before it is given anything to do.
    #[must_use]
    pub fn identity(&self) -> &ProcessIdentity {
        self.keeper.companion.identity()
    }

    /// Gives it its turn. From now on it goes on without this process. That it may be gone already shows when it is
    /// watched.
    pub async fn assign(self, assignment: &Assignment) -> Keeper {
        let Self { keeper, input } = self;
        if let Ok(bytes) = serde_json::to_vec(assignment) {
            input.give(&bytes).await;
        }
        keeper
    }
}

impl Keeper {
    /// The keeper that an earlier daemon has put on record, if exactly that process still runs.
    #[must_use]
    pub fn find(identity: &ProcessIdentity, scratch: &Path, marker: &Marker) -> Option<Self> {
        let companion = Companion::find(identity, marker)?;
        Some(Self { companion, scratch: scratch.to_owned() })
    }

    /// Whether it has its assignment and answers: one that died, or has nothing to do, never will.
    pub async fn answers(&mut self) -> bool {
        let Self { companion, scratch } = self;
        let answer = async {
            let mut pause = LOOK_AGAIN.0;
            while place::outcome(scratch).is_none() {
                if Link::connect(scratch).await.is_ok() {
                    break;
                }
                sleep(pause).await;
                pause = (pause * 2).min(LOOK_AGAIN.1);
            }
            true
        };
        tokio::select! {
            biased;
            answered = timeout(ANSWERING, answer) => answered.unwrap_or(false),
            _ended = companion.ended() => place::outcome(scratch).is_some(),
        }
    }

    /// Waits for the outcome. When `cancel` is set the agent is ended; when `leave` is set, keeper and agent are left as
    /// they are.
    ///
    /// # Errors
    /// When what it kept cannot be accounted for.
    pub async fn watch(
        &mut self,
        cancel: &CancellationToken,
        leave: &CancellationToken,
    ) -> Result<Watched, ProcessError> {
        let mut link: Option<Link> = None;
        let mut look = Look::new();
        let mut stop_by = None;
        loop {
            let Self { companion, scratch } = self;
            tokio::select! {
                biased;
                () = leave.cancelled() => return Ok(Watched::Left),
                () = cancel.cancelled(), if stop_by.is_none() => {
                    stop_by = Some(Instant::now() + STOPPING);
                    if !stop(&mut link).await {
                        companion.terminate();
                    }
                }
                said = next(&mut link), if link.is_some() => match said {
                    Ok(Some(Response::Ended {})) => break,
                    Ok(Some(_)) => {}
                    // It is going, or it turned us away: its end is what counts.
                    Ok(None) | Err(_) => {
                        link = None;
                        look.later();
                    }
                },
                ended = companion.ended() => {
                    ended?;
                    break;
                }
                found = look.connect(scratch), if link.is_none() => link = found,
                () = until(stop_by) => break,
            }
        }
        match place::outcome(&self.scratch) {
            Some(outcome) => {
                acknowledge(&mut link).await;
                Ok(Watched::Over(Box::new(outcome)))
            }
            None => {
                let _ended = self.companion.end_all().await?;
                Ok(Watched::Lost { asked: stop_by.is_some() })
            }
        }
    }

    /// Waits until a keeper whose outcome is there has gone.
    pub async fn gone(mut self) {
        if timeout(GOING, self.companion.ended()).await.is_err() {
            self.companion.terminate();
        }
    }
}

/// Gives the agent of the turn in `scratch` an instruction, once however often it is called with the same `id`.
///
/// # Errors
/// When there is no keeper, or it does not say what became of the instruction.
pub async fn steer(scratch: &Path, id: &str, text: &str) -> io::Result<Receipt> {
    let mut link = Link::connect(scratch).await?;
    link.ask(&Request::Steer { id: id.to_owned(), text: text.to_owned() }).await?;
    match timeout(RECEIPT, link.next()).await?? {
        Some(Response::Receipt { receipt, .. }) => Ok(receipt),
        Some(_) | None => Err(io::Error::new(io::ErrorKind::InvalidData, "no receipt came")),
    }
}

/// When to look for the socket next.
struct Look {
    at: Instant,
    pause: Duration,
}

impl Look {
    fn new() -> Self {
        Self { at: Instant::now(), pause: LOOK_AGAIN.0 }
    }

    fn later(&mut self) {
        self.at = Instant::now() + self.pause;
        self.pause = (self.pause * 2).min(LOOK_AGAIN.1);
    }

    async fn connect(&mut self, scratch: &Path) -> Option<Link> {
        sleep_until(self.at).await;
        self.later();
        let mut link = Link::connect(scratch).await.ok()?;
        link.ask(&Request::Attach { cursor: None }).await.ok()?;
        Some(link)
    }
}

/// A connection to a keeper.
pub struct Link {
    reader: BufReader<OwnedReadHalf>,
    writer: OwnedWriteHalf,
    buffer: Vec<u8>,
}

impl Link {
    /// Connects to the keeper that works in `scratch`.
    ///
    /// # Errors
    /// When there is none, or not yet.
    pub async fn connect(scratch: &Path) -> io::Result<Self> {
        let (reader, writer) = place::connect(scratch).await?.into_split();
        Ok(Self { reader: BufReader::new(reader), writer, buffer: Vec::new() })
    }

    /// Asks for something.
    ///
    /// # Errors
    /// When the keeper is gone.
    pub async fn ask(&mut self, request: &Request) -> io::Result<()> {
        line::write(&mut self.writer, request).await
    }

    /// What the keeper says next; `None` when it is gone. Nothing is lost when the future is dropped.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn next(&mut self) -> io::Result<Option<Response>> {
        line::read(&mut self.reader, &mut self.buffer, LONGEST_RESPONSE).await
    }
}

async fn next(link: &mut Option<Link>) -> io::Result<Option<Response>> {
    match link {
        Some(link) => link.next().await,
        None => std::future::pending().await,
    }
}

/// Whether the keeper could be asked to stop.
async fn stop(link: &mut Option<Link>) -> bool {
    let request = Request::Stop { reason: "the run is stopped".to_owned() };
    match link {
        Some(link) => link.ask(&request).await.is_ok(),
        None => false,
    }
}

async fn acknowledge(link: &mut Option<Link>) {
    if let Some(link) = link {
        // It goes by itself a little later otherwise.
        let _gone = link.ask(&Request::Acknowledge {}).await;
    }
}

async fn until(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => std::future::pending().await,
    }
}
