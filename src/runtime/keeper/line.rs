//! One JSON object per line, in both directions.

use std::io;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{
    AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _,
};

/// The next line of at most `longest` bytes; `None` at the end. `buffer` holds the beginning of a line when the future is
/// dropped, so that nothing is lost.
///
/// # Errors
/// When the connection breaks, the line is too long or not what is expected.
pub(super) async fn read<T: DeserializeOwned>(
    reader: &mut (impl AsyncBufRead + Unpin),
    buffer: &mut Vec<u8>,
    longest: u64,
) -> io::Result<Option<T>> {
    let room = longest.saturating_sub(buffer.len() as u64);
    let _count = reader.take(room).read_until(b'\n', buffer).await?;
    if buffer.last() != Some(&b'\n') {
        return if (buffer.len() as u64) < longest {
            Ok(None)
        } else {
            Err(io::Error::new(io::ErrorKind::InvalidData, "the line is too long"))
        };
    }
    let line = std::mem::take(buffer);
    serde_json::from_slice(&line).map(Some).map_err(io::Error::from)
}

/// Writes a line.
///
/// # Errors
/// When the connection breaks.
pub(super) async fn write(
    writer: &mut (impl AsyncWrite + Unpin),
    value: &impl Serialize,
) -> io::Result<()> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    writer.write_all(&line).await
}
