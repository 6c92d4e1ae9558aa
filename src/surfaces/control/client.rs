//! A surface's end of the socket.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::BufReader;
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::timeout;

use crate::domain::command::Command;
use crate::domain::ids::{ItemId, RunId};
use crate::runtime::engine::Reply;
use crate::runtime::engine::drain::Drained;

use super::lines::{Incoming, read_line, write_line};
use super::place;
use super::views::{ExplanationView, StatusView};
use super::wire::{Envelope, ErrorCode, EventView, LONGEST_RESPONSE, PROTOCOL, Request, Response};

/// How long a daemon may take to answer. It answers between two decisions, so this is generous.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long telling trackers everything may take: services want some pause between two writes.
pub const DRAIN: Duration = Duration::from_secs(15 * 60);

/// Why a daemon could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The socket is there and cannot be used.
    #[error("cannot talk to the daemon at {}", path.display())]
    Io {
        /// The socket.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It did not answer in time.
    #[error("the daemon at {} does not answer", path.display())]
    Silent {
        /// The socket.
        path: PathBuf,
    },
    /// It hung up.
    #[error("the daemon at {} hung up", path.display())]
    Gone {
        /// The socket.
        path: PathBuf,
    },
    /// It answered something that this version does not understand.
    #[error("the daemon's answer is not understood: {reason}")]
    Garbled {
        /// In which way.
        reason: String,
    },
    /// It said no.
    #[error("{message}")]
    Refused {
        /// What kind of mistake.
        code: ErrorCode,
        /// The sentence for people.
        message: String,
    },
}

impl ClientError {
    /// Whether the daemon is gone or going, so that looking for another one makes sense.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        match self {
            Self::Io { .. } | Self::Gone { .. } => true,
            Self::Refused { code, .. } => *code == ErrorCode::Stopping,
            Self::Silent { .. } | Self::Garbled { .. } => false,
        }
    }
}

/// Who answered a ping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pong {
    /// Version of the daemon's program.
    pub version: String,
    /// The daemon's process.
    pub process: u32,
    /// Whether it ends with the one task that its process was started for.
    pub temporary: bool,
    /// Global number of the last event.
    pub head: u64,
}

/// Which events to follow.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FollowFilter {
    /// Only this run.
    pub run: Option<RunId>,
    /// Only this item and its runs.
    pub item: Option<ItemId>,
}

/// A connection to a running daemon.
#[derive(Debug)]
pub struct Client {
    path: PathBuf,
    reader: BufReader<OwnedReadHalf>,
    writer: OwnedWriteHalf,
    buffer: Vec<u8>,
}

impl Client {
    /// Connects to the daemon of the state directory `root`; `None` when none is running.
    ///
    /// # Errors
    /// When there is a socket that may not be used.
    pub async fn connect(root: &Path) -> Result<Option<Self>, ClientError> {
        let path = place::find(root);
        match UnixStream::connect(&path).await {
            Ok(stream) => {
                let (reader, writer) = stream.into_split();
                let reader = BufReader::new(reader);
                Ok(Some(Self { path, reader, writer, buffer: Vec::new() }))
            }
            Err(error) => match error.kind() {
                io::ErrorKind::NotFound
                | io::ErrorKind::ConnectionRefused
                | io::ErrorKind::NotADirectory
                | io::ErrorKind::InvalidInput => Ok(None),
                _ => Err(ClientError::Io { path, source: error }),
            },
        }
    }

    /// Asks who is there.
    ///
    /// # Errors
    /// When the daemon speaks another version of the protocol, or does not answer.
    pub async fn ping(&mut self) -> Result<Pong, ClientError> {
        let version = env!("CARGO_PKG_VERSION").to_owned();
        match self.ask(Request::Ping { version }).await? {
            Response::Pong { version, process, temporary, head, .. } => {
                Ok(Pong { version, process, temporary, head })
            }
            other => Err(unexpected(&other)),
        }
    }

    /// Asks for something, as `actor`.
    ///
    /// # Errors
    /// When the daemon cannot be asked. A refusal is an answer.
    pub async fn submit(&mut self, command: Command, actor: &str) -> Result<Reply, ClientError> {
        let actor = actor.to_owned();
        match self.ask(Request::Submit { command, actor }).await? {
            Response::Reply { accepted, message, item, run } => {
                Ok(Reply { accepted, message, item, run })
            }
            other => Err(unexpected(&other)),
        }
    }

    /// The whole picture.
    ///
    /// # Errors
    /// When the daemon cannot be asked.
    pub async fn status(&mut self) -> Result<StatusView, ClientError> {
        match self.ask(Request::Status {}).await? {
            Response::Status { status } => Ok(*status),
            other => Err(unexpected(&other)),
        }
    }

    /// Why an item runs or does not run; `None` when there is no such item.
    ///
    /// # Errors
    /// When the daemon cannot be asked.
    pub async fn why(&mut self, target: &str) -> Result<Option<ExplanationView>, ClientError> {
        match self.ask(Request::Why { target: target.to_owned() }).await? {
            Response::Why { explanation } => Ok(explanation.map(|found| *found)),
            other => Err(unexpected(&other)),
        }
    }

    /// Stops the daemon and leaves its agents to the next one; how many there are.
    ///
    /// # Errors
    /// When the daemon cannot be asked.
    pub async fn hand_over(&mut self) -> Result<usize, ClientError> {
        match self.ask(Request::HandOver {}).await? {
            Response::HandedOver { agents } => Ok(agents),
            other => Err(unexpected(&other)),
        }
    }

    /// Writes everything that trackers are still to be told, and with `parked` what was given up before.
    ///
    /// # Errors
    /// When the daemon cannot be asked, or is not done in [`DRAIN`].
    pub async fn drain(&mut self, parked: bool, actor: &str) -> Result<Drained, ClientError> {
        let request = Request::Drain { parked, actor: actor.to_owned() };
        match self.ask_within(request, DRAIN).await? {
            Response::Drained { drained } => Ok(drained),
            other => Err(unexpected(&other)),
        }
    }

    /// Turns this connection into a stream of the events after global number `after`.
    ///
    /// # Errors
    /// When the daemon cannot be asked.
    pub async fn follow(mut self, after: u64, filter: FollowFilter) -> Result<Events, ClientError> {
        let FollowFilter { run, item } = filter;
        self.send(Request::Follow { after, run, item }).await?;
        Ok(Events { client: self })
    }

    async fn ask(&mut self, request: Request) -> Result<Response, ClientError> {
        self.ask_within(request, PATIENCE).await
    }

    async fn ask_within(
        &mut self,
        request: Request,
        patience: Duration,
    ) -> Result<Response, ClientError> {
        self.send(request).await?;
        let path = self.path.clone();
        timeout(patience, self.receive()).await.map_err(|_| ClientError::Silent { path })?
    }

    async fn send(&mut self, request: Request) -> Result<(), ClientError> {
        let envelope = Envelope { protocol: PROTOCOL, request };
        match write_line(&mut self.writer, &envelope).await {
            Ok(()) => Ok(()),
            // A daemon that turned us away before reading has left its reason to be read.
            Err(error) => match self.receive().await {
                Err(refused @ ClientError::Refused { .. }) => Err(refused),
                Ok(_) | Err(_) => Err(ClientError::Io { path: self.path.clone(), source: error }),
            },
        }
    }

    /// The next line. Nothing is lost when the future is dropped.
    async fn receive(&mut self) -> Result<Response, ClientError> {
        let incoming = read_line(&mut self.reader, &mut self.buffer, LONGEST_RESPONSE)
            .await
            .map_err(|source| ClientError::Io { path: self.path.clone(), source })?;
        let line = match incoming {
            Incoming::Line(line) => line,
            Incoming::End => return Err(ClientError::Gone { path: self.path.clone() }),
            Incoming::TooLong => {
                let reason = format!("a line of more than {LONGEST_RESPONSE} bytes");
                return Err(ClientError::Garbled { reason });
            }
        };
        match serde_json::from_slice(&line) {
            Ok(Response::Error { code, message }) => Err(ClientError::Refused { code, message }),
            Ok(response) => Ok(response),
            Err(error) => Err(ClientError::Garbled { reason: error.to_string() }),
        }
    }
}

/// Events as they are stored.
#[derive(Debug)]
pub struct Events {
    client: Client,
}

impl Events {
    /// The next event; `None` when the daemon has stopped. Nothing is lost when the future is dropped.
    ///
    /// # Errors
    /// When the connection is lost.
    pub async fn next(&mut self) -> Result<Option<EventView>, ClientError> {
        match self.client.receive().await? {
            Response::Event { event } => Ok(Some(event)),
            Response::End { .. } => Ok(None),
            other => Err(unexpected(&other)),
        }
    }
}

fn unexpected(response: &Response) -> ClientError {
    let text = serde_json::to_string(response).unwrap_or_default();
    let start: String = text.chars().take(80).collect();
    ClientError::Garbled { reason: format!("unexpected answer {start}") }
}
