//! Lines with a bound, in both directions.

use std::io;
use std::time::Duration;

use serde::Serialize;
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::timeout;

/// How long the other end may take to read a line before it is given up.
const READING_PATIENCE: Duration = Duration::from_secs(30);

/// What came in.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Incoming {
    /// A line, without its end.
    Line(Vec<u8>),
    /// More than the limit without an end of line: the rest cannot be understood any more.
    TooLong,
    /// The other end hung up.
    End,
}

/// Reads one line of at most `limit` bytes into `buffer`. Nothing is lost when the future is dropped: what was read stays
/// in `buffer`, and the next call goes on from there.
pub(super) async fn read_line(
    reader: &mut (impl AsyncBufRead + Unpin),
    buffer: &mut Vec<u8>,
    limit: usize,
) -> io::Result<Incoming> {
    loop {
        let available = reader.fill_buf().await?;
        if available.is_empty() {
            return Ok(Incoming::End);
        }
        let (part, ended) = match available.iter().position(|byte| *byte == b'\n') {
            Some(end) => (end, true),
            None => (available.len(), false),
        };
        if buffer.len() + part > limit {
            return Ok(Incoming::TooLong);
        }
        buffer.extend_from_slice(&available[..part]);
        reader.consume(part + usize::from(ended));
        if ended {
            return Ok(Incoming::Line(std::mem::take(buffer)));
        }
    }
}

/// Writes one object as a line.
///
/// # Errors
/// When the other end is gone or does not read.
pub(super) async fn write_line(
    writer: &mut (impl AsyncWrite + Unpin),
    value: &impl Serialize,
) -> io::Result<()> {
    let mut line = serde_json::to_vec(value).map_err(io::Error::other)?;
    line.push(b'\n');
    timeout(READING_PATIENCE, writer.write_all(&line))
        .await
        .map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "the other end does not read"))?
}
