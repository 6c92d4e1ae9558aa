//! A keeper's socket: attach, follow the journal, stop, steer, acknowledge.

use std::io;
use std::path::Path;

use tokio::io::BufReader;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::process::journal;
use crate::runtime::effects::turn::driving::Following;
use crate::runtime::tasks::Tasks;

use super::host::note;
use super::line;
use super::place::JOURNAL;
use super::wire::{LONGEST_REQUEST, Request, Response};

/// Most connections at once; the daemon needs one or two.
const MOST_CONNECTIONS: usize = 32;

/// Bytes of the journal that are sent at once, unless a line is longer.
const PORTION: usize = 64 * 1024;

/// What connections share with the keeper.
#[derive(Clone)]
pub(super) struct Served {
    /// The turn.
    pub(super) following: Following,
    /// Ends the agent.
    pub(super) stop: CancellationToken,
    /// Set when the outcome is in good hands.
    pub(super) acknowledged: CancellationToken,
    /// How many daemons are in touch.
    pub(super) attached: watch::Sender<usize>,
    /// Whether the outcome is in its file.
    pub(super) ended: watch::Receiver<bool>,
}

/// One who is in touch for as long as this lives.
struct Touch<'a>(&'a watch::Sender<usize>);

impl<'a> Touch<'a> {
    fn begin(attached: &'a watch::Sender<usize>) -> Self {
        attached.send_modify(|count| *count += 1);
        Self(attached)
    }
}

impl Drop for Touch<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count = count.saturating_sub(1));
    }
}

/// Serves connections for ever.
pub(super) async fn serve(listener: UnixListener, served: Served) {
    let mut connections = Tasks::default();
    loop {
        tokio::select! {
            _ended = connections.next_ended() => {}
            accepted = listener.accept(), if connections.len() < MOST_CONNECTIONS => {
                let Ok((stream, _)) = accepted else { continue };
                let served = served.clone();
                connections.spawn("connection", async move {
                    // Whoever hangs up or talks nonsense is not missed.
                    let _gone = talk(stream, served).await;
                });
            }
        }
    }
}

/// One connection.
struct Talk {
    reader: BufReader<OwnedReadHalf>,
    writer: OwnedWriteHalf,
    buffer: Vec<u8>,
    served: Served,
}

async fn talk(stream: UnixStream, served: Served) -> io::Result<()> {
    let (reader, writer) = stream.into_split();
    let mut talk =
        Talk { reader: BufReader::with_capacity(4096, reader), writer, buffer: Vec::new(), served };
    loop {
        let asked = line::read(&mut talk.reader, &mut talk.buffer, LONGEST_REQUEST).await;
        match asked {
            Ok(None) => return Ok(()),
            Ok(Some(Request::Attach { cursor })) => return talk.stay(cursor).await,
            Ok(Some(request)) => talk.answer(request).await?,
            Err(error) => {
                let refused = Response::Refused { reason: error.to_string() };
                return line::write(&mut talk.writer, &refused).await;
            }
        }
    }
}

impl Talk {
    async fn answer(&mut self, request: Request) -> io::Result<()> {
        let response = match request {
            Request::Stop { reason } => {
                note(&format!("asked to stop: {reason}"));
                self.served.stop.cancel();
                Response::Stopping {}
            }
            Request::Steer { id, text } => {
                let reception = self.served.following.steer(&id, &text).await;
                Response::Instructed { id, reception }
            }
            Request::Acknowledge {} => {
                self.served.acknowledged.cancel();
                return Ok(());
            }
            Request::Attach { .. } => Response::Refused { reason: "in touch already".to_owned() },
        };
        line::write(&mut self.writer, &response).await
    }

    /// Stays in touch until the other end hangs up.
    async fn stay(mut self, mut cursor: Option<u64>) -> io::Result<()> {
        let attached = self.served.attached.clone();
        let _touch = Touch::begin(&attached);
        let mut journal = self.served.following.journal();
        let mut ended = self.served.ended.clone();
        line::write(&mut self.writer, &Response::Attached { process: std::process::id() }).await?;
        let mut told = false;
        loop {
            // Looked at before the journal is read: what was written before the end is sent before its announcement.
            let over = *ended.borrow_and_update();
            journal.mark_unchanged();
            if let Some(from) = &mut cursor {
                *from = self.send_lines(*from).await?;
            }
            if over && !told {
                line::write(&mut self.writer, &Response::Ended {}).await?;
                told = true;
            }
            tokio::select! {
                asked = line::read(&mut self.reader, &mut self.buffer, LONGEST_REQUEST) => match asked? {
                    Some(request) => self.answer(request).await?,
                    None => return Ok(()),
                },
                changed = ended.changed(), if !told => changed.map_err(io::Error::other)?,
                changed = journal.changed(), if cursor.is_some() && !told => {
                    changed.map_err(io::Error::other)?;
                }
            }
        }
    }

    /// Sends the whole lines of the journal behind `from`; the place behind the last of them.
    async fn send_lines(&mut self, mut from: u64) -> io::Result<u64> {
        while let Some(found) = journal::read(Path::new(JOURNAL), from, PORTION)? {
            let skipped = found.from - from;
            from = found.from + found.bytes.len() as u64;
            let text = String::from_utf8_lossy(&found.bytes).into_owned();
            let lines = Response::Lines { cursor: from, text, skipped };
            line::write(&mut self.writer, &lines).await?;
        }
        Ok(from)
    }
}
