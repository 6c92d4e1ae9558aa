//! The two output streams of an agent, as lines.

use std::io;
use std::path::PathBuf;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{ChildStderr, ChildStdout};
use tokio::time::Instant;

use crate::process::ProcessError;
use crate::process::lines::{LineCutter, Piece};
use crate::process::transcript::{Spill, Transcript};

/// Bytes kept of standard error: enough for the reason of a failure, little enough to be stored with it.
const STDERR_TAIL: usize = 16 * 1024;
/// Bytes read at once; also the size of a Linux pipe.
const READ: usize = 64 * 1024;

/// Where a line came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// One line an agent printed. Not redacted: it is for its adapter, not for storing or showing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Where from.
    pub stream: Stream,
    /// The line without its end; what was no UTF-8 is replaced by U+FFFD. Only the beginning when `spilled`.
    pub text: String,
    /// The file with the whole line, redacted, if it was longer than allowed.
    pub spilled: Option<PathBuf>,
}

/// What its reader wants to happen after a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// Go on.
    Continue,
    /// Go on, but this line is no sign of life: the silence clock does not start again because of it.
    NoProgress,
    /// The agent said it is done: let it exit, but do not wait for ever.
    Finished,
    /// End it.
    Stop,
}

/// Who gets the lines. A closure that takes them is one.
pub trait Listener: Send {
    /// Takes a line.
    fn line(&mut self, line: Line) -> Flow;

    /// What to tell the agent when it shall stop, before it is signalled; `None` when that means nothing to it.
    fn interrupt(&mut self) -> Option<String> {
        None
    }
}

impl<F: FnMut(Line) -> Flow + Send> Listener for F {
    fn line(&mut self, line: Line) -> Flow {
        self(line)
    }
}

/// Reads, keeps and passes on what an agent prints.
pub(super) struct Conversation<'a> {
    stdout: Input<ChildStdout>,
    stderr: Input<ChildStderr>,
    record: Record<'a>,
}

struct Input<R> {
    stream: Stream,
    /// `None` once it has ended.
    pipe: Option<R>,
    buffer: Vec<u8>,
    cutter: LineCutter,
    /// The beginning and the file of a line that is longer than allowed and not complete yet.
    long: Option<(Vec<u8>, Spill)>,
}

struct Record<'a> {
    transcript: Transcript,
    listener: &'a mut dyn Listener,
    stderr_tail: String,
    lines: u64,
    finished: bool,
    stop: bool,
    last_heard: Instant,
    /// Lines of the present reading that were a sign of life, and that were none.
    signs: (u32, u32),
}

impl<'a> Conversation<'a> {
    pub(super) fn new(
        stdout: ChildStdout,
        stderr: ChildStderr,
        longest_line: usize,
        transcript: Transcript,
        listener: &'a mut dyn Listener,
    ) -> Self {
        Self {
            stdout: Input::new(Stream::Stdout, stdout, longest_line),
            stderr: Input::new(Stream::Stderr, stderr, longest_line),
            record: Record {
                transcript,
                listener,
                stderr_tail: String::new(),
                lines: 0,
                finished: false,
                stop: false,
                last_heard: Instant::now(),
                signs: (0, 0),
            },
        }
    }

    /// Reads once from whichever stream has something; pending when both have ended. May be dropped at any time without
    /// losing anything.
    pub(super) async fn read(&mut self) -> Result<(), ProcessError> {
        tokio::select! {
            count = read(&mut self.stdout.pipe, &mut self.stdout.buffer) => {
                self.stdout.take(count, &mut self.record)
            }
            count = read(&mut self.stderr.pipe, &mut self.stderr.buffer) => {
                self.stderr.take(count, &mut self.record)
            }
        }
    }

    /// Reads until both streams have ended.
    pub(super) async fn read_to_end(&mut self) -> Result<(), ProcessError> {
        while self.stdout.pipe.is_some() || self.stderr.pipe.is_some() {
            self.read().await?;
        }
        Ok(())
    }

    /// Passes on what was printed without a newline at the end; nothing is read after this.
    pub(super) fn finish(&mut self) -> Result<(), ProcessError> {
        self.stdout.finish(&mut self.record)?;
        self.stderr.finish(&mut self.record)
    }

    /// When anything was last printed on either stream, at first when it was started.
    pub(super) fn last_heard(&self) -> Instant {
        self.record.last_heard
    }

    /// Whether the listener has said [`Flow::Finished`].
    pub(super) fn finished(&self) -> bool {
        self.record.finished
    }

    /// Whether the listener has said [`Flow::Stop`].
    pub(super) fn stop(&self) -> bool {
        self.record.stop
    }

    /// What the listener wants to be said to an agent that shall stop.
    pub(super) fn interrupt(&mut self) -> Option<String> {
        self.record.listener.interrupt()
    }

    /// The end of standard error, redacted, and the number of lines passed on.
    pub(super) fn into_evidence(self) -> (String, u64) {
        (self.record.stderr_tail, self.record.lines)
    }
}

impl<R> Input<R> {
    fn new(stream: Stream, pipe: R, longest_line: usize) -> Self {
        let cutter = LineCutter::new(longest_line);
        Self { stream, pipe: Some(pipe), buffer: vec![0; READ], cutter, long: None }
    }

    /// Takes in what was read into the buffer. A stream that breaks off has ended.
    fn take(
        &mut self,
        count: io::Result<usize>,
        record: &mut Record<'_>,
    ) -> Result<(), ProcessError> {
        let count = match count {
            Ok(0) => return self.finish(record),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            Err(_) => return self.finish(record),
        };
        let before = std::mem::replace(&mut record.last_heard, Instant::now());
        record.signs = (0, 0);
        let mut pieces = Vec::new();
        self.cutter.push(&self.buffer[..count], |piece| pieces.push(piece));
        self.pass_on(pieces, record)?;
        if let (0, 1..) = record.signs {
            record.last_heard = before;
        }
        Ok(())
    }

    fn finish(&mut self, record: &mut Record<'_>) -> Result<(), ProcessError> {
        self.pipe = None;
        let mut pieces = Vec::new();
        self.cutter.finish(|piece| pieces.push(piece));
        self.pass_on(pieces, record)
    }

    fn pass_on(&mut self, pieces: Vec<Piece>, record: &mut Record<'_>) -> Result<(), ProcessError> {
        for piece in pieces {
            match (piece, self.long.take()) {
                (Piece::Whole(line), _) => record.line(self.stream, &line, None)?,
                (Piece::Part(part), None) => {
                    let mut spill = record.transcript.spill()?;
                    record.transcript.spill_part(&mut spill, &part)?;
                    self.long = Some((part, spill));
                }
                (Piece::Part(part), Some((head, mut spill))) => {
                    record.transcript.spill_part(&mut spill, &part)?;
                    self.long = Some((head, spill));
                }
                (Piece::End, Some((head, mut spill))) => {
                    record.transcript.end_spill(&mut spill)?;
                    record.line(self.stream, &head, Some(spill.path))?;
                }
                // The cutter never ends a line it has given no part of.
                (Piece::End, None) => {}
            }
        }
        Ok(())
    }
}

impl Record<'_> {
    fn line(
        &mut self,
        stream: Stream,
        line: &[u8],
        spilled: Option<PathBuf>,
    ) -> Result<(), ProcessError> {
        let text = String::from_utf8_lossy(line).into_owned();
        match stream {
            Stream::Stdout if spilled.is_none() => self.transcript.write_line(&text)?,
            Stream::Stdout => {}
            Stream::Stderr => self.keep_stderr(&text),
        }
        self.lines += 1;
        let flow = self.listener.line(Line { stream, text, spilled });
        match flow {
            Flow::NoProgress => self.signs.1 += 1,
            Flow::Continue | Flow::Finished | Flow::Stop => self.signs.0 += 1,
        }
        self.finished |= flow == Flow::Finished;
        self.stop |= flow == Flow::Stop;
        Ok(())
    }

    fn keep_stderr(&mut self, text: &str) {
        self.stderr_tail.push_str(&self.transcript.redact(text));
        self.stderr_tail.push('\n');
        let surplus = self.stderr_tail.len().saturating_sub(STDERR_TAIL);
        if surplus > 0 {
            let cut = (surplus..=self.stderr_tail.len())
                .find(|index| self.stderr_tail.is_char_boundary(*index));
            self.stderr_tail.drain(..cut.unwrap_or(0));
        }
    }
}

async fn read<R: AsyncRead + Unpin>(pipe: &mut Option<R>, buffer: &mut [u8]) -> io::Result<usize> {
    match pipe {
        Some(pipe) => pipe.read(buffer).await,
        None => std::future::pending().await,
    }
}
