//! What an agent is told: its standard input, from the prompt to the last answer.

use std::future::pending;

use tokio::io::AsyncWriteExt;
use tokio::process::ChildStdin;
use tokio::sync::{mpsc, oneshot};

/// Most lines that wait to be written: more than the questions that fit into one reading of an agent's output. An agent
/// that lets so many wait does not read at all.
pub const QUEUE: usize = 4096;

/// What an agent reads.
#[derive(Clone, PartialEq, Eq)]
pub enum Stdin {
    /// `/dev/null`.
    Null,
    /// This text, and then the end.
    Closed(String),
    /// This text, and then whatever is said while it runs; the end comes when the reader of its lines says
    /// [`crate::process::conversation::Flow::Finished`].
    Open(String),
}

impl Stdin {
    /// The text it begins with; `None` when there is nothing to read.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Null => None,
            Self::Closed(text) | Self::Open(text) => Some(text),
        }
    }
}

/// Says lines to a running agent, one after the other and never waiting for it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Voice {
    sender: mpsc::Sender<Message>,
}

/// The other end of a [`Voice`]: to be handed to [`crate::process::agent_process::run`].
#[derive(Debug)]
pub struct Speech {
    receiver: mpsc::Receiver<Message>,
}

/// Nothing can be said any more: its standard input is closed, or [`QUEUE`] lines wait already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it does not listen any more")]
pub struct Deaf;

/// One line, and who wants to know that it is written.
#[derive(Debug)]
struct Message {
    line: String,
    written: oneshot::Sender<()>,
}

impl Present {
    fn line(mut text: String) -> Self {
        end_line(&mut text);
        Self { bytes: text.into_bytes(), done: 0, written: None }
    }
}

/// A voice and what carries it.
#[must_use]
pub fn voice() -> (Voice, Speech) {
    let (sender, receiver) = mpsc::channel(QUEUE);
    (Voice { sender }, Speech { receiver })
}

impl Voice {
    /// Says `line` (its end is added when it has none) after everything said before. The answer comes when all of it is
    /// in the pipe, and fails when that can never be; nobody has to wait for it.
    ///
    /// # Errors
    /// When it does not listen any more.
    pub fn say(&self, mut line: String) -> Result<oneshot::Receiver<()>, Deaf> {
        end_line(&mut line);
        let (written, known) = oneshot::channel();
        self.sender.try_send(Message { line, written }).map_err(|_| Deaf)?;
        Ok(known)
    }
}

/// Writes to an agent's standard input while its output is read.
pub(super) struct Feed {
    pipe: Option<ChildStdin>,
    speech: Speech,
    /// More may come after what is being written.
    open: bool,
    present: Option<Present>,
    last: Option<String>,
}

/// What is being written.
struct Present {
    bytes: Vec<u8>,
    done: usize,
    written: Option<oneshot::Sender<()>>,
}

impl Feed {
    /// `pipe` is there unless `stdin` is [`Stdin::Null`].
    pub(super) fn new(pipe: Option<ChildStdin>, stdin: Stdin, speech: Speech) -> Self {
        let open = matches!(stdin, Stdin::Open(_));
        let text = match stdin {
            Stdin::Null => String::new(),
            Stdin::Closed(text) | Stdin::Open(text) => text,
        };
        let present = Some(Present { bytes: text.into_bytes(), done: 0, written: None });
        let mut feed = Self { pipe, speech, open, present, last: None };
        if !open {
            feed.speech.receiver.close();
        }
        feed
    }

    /// Writes what there is to write; pending while there is nothing. May be dropped and called again at any time without
    /// losing or repeating anything.
    pub(super) async fn proceed(&mut self) {
        while let Some(pipe) = &mut self.pipe {
            let Some(present) = &mut self.present else {
                match self.speech.receiver.recv().await {
                    Some(Message { line, written }) => {
                        let written = Some(written);
                        self.present = Some(Present { bytes: line.into_bytes(), done: 0, written });
                    }
                    None if self.last.is_some() => {
                        self.present = self.last.take().map(Present::line);
                    }
                    // An agent that reads to the end would wait for ever otherwise.
                    None if !self.open => self.close(),
                    // Nobody can say anything any more, but the agent takes the end of its input for the end of the turn.
                    None => pending().await,
                }
                continue;
            };
            let rest = &present.bytes[present.done..];
            if rest.is_empty() {
                if let Some(written) = present.written.take() {
                    let _nobody_waits = written.send(());
                }
                self.present = None;
                continue;
            }
            match pipe.write(rest).await {
                Ok(count @ 1..) => present.done += count,
                // It has closed its end, as it may.
                Ok(0) | Err(_) => self.close(),
            }
        }
        pending::<()>().await;
    }

    /// Nothing more is accepted; what was accepted is still written, then `line`, and its end only after
    /// [`Self::conclude`].
    pub(super) fn say_last(&mut self, line: String) {
        self.speech.receiver.close();
        self.last = self.open.then_some(line);
    }

    /// Nothing more is accepted; what was accepted is still written, and then its end.
    pub(super) fn conclude(&mut self) {
        self.open = false;
        self.speech.receiver.close();
    }

    /// Whoever waits for something to be written learns that it never will.
    fn close(&mut self) {
        self.pipe = None;
        self.present = None;
        self.speech.receiver.close();
        while self.speech.receiver.try_recv().is_ok() {}
    }
}

fn end_line(text: &mut String) {
    if !text.ends_with('\n') {
        text.push('\n');
    }
}
