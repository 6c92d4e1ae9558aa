//! Where a keeper keeps things: all of it in the private directory of its turn.
//!
//! A unix socket's path may have about a hundred bytes, and that directory's path may be longer. So the keeper works in
//! the directory itself and binds a bare name; whoever connects goes through a link to the directory: the one that the
//! system has for an open directory on Linux, elsewhere a short one next to it in the directory for temporary files.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{OpenOptionsExt as _, symlink};
use std::path::{Path, PathBuf};

use tokio::net::UnixStream;

use super::wire::Outcome;

/// Longest path used for a socket, in bytes; the system's limit is 103 on macOS.
const LONGEST_PATH: usize = 100;

/// Name of the socket.
pub const SOCKET: &str = "keeper.sock";

/// Name of the outcome.
pub const OUTCOME: &str = "outcome.json";

/// Name of the agent's journal.
pub const JOURNAL: &str = "transcript.jsonl";

/// Name of the file for what a keeper complains about.
pub const LOG: &str = "keeper.log";

/// Most bytes of an outcome that are read: its text is bounded, so more is none of ours.
const LONGEST_OUTCOME: u64 = 16 << 20;

/// Connects to the keeper that works in `scratch`.
///
/// # Errors
/// When there is none, or not yet.
pub async fn connect(scratch: &Path) -> io::Result<UnixStream> {
    let socket = scratch.join(SOCKET);
    if socket.as_os_str().len() <= LONGEST_PATH {
        return UnixStream::connect(&socket).await;
    }
    if cfg!(target_os = "linux") {
        let directory = File::open(scratch)?;
        let short = format!("/proc/self/fd/{}/{SOCKET}", directory.as_raw_fd());
        return UnixStream::connect(short).await;
    }
    let short = short_link(scratch)?;
    let connected = UnixStream::connect(short.join(SOCKET)).await;
    let _left = fs::remove_file(&short);
    connected
}

/// A short link to `scratch`.
fn short_link(scratch: &Path) -> io::Result<PathBuf> {
    let process = std::process::id();
    for number in 0..1000 {
        let link = PathBuf::from(format!("/tmp/enact-{process}-{number}"));
        match symlink(scratch, &link) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => return made.map(|()| link),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// The file for what the keeper in `scratch` complains about.
///
/// # Errors
/// When it cannot be opened.
pub fn log(scratch: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o600).open(scratch.join(LOG))
}

/// The outcome in `scratch`; `None` when there is none, or it is not to be understood.
#[must_use]
pub fn outcome(scratch: &Path) -> Option<Outcome> {
    let path = scratch.join(OUTCOME);
    let found = path.symlink_metadata().ok()?;
    if !found.is_file() || found.len() > LONGEST_OUTCOME {
        return None;
    }
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

/// Puts the outcome into `scratch`: whole, and durable when this returns.
///
/// # Errors
/// When the file system refuses.
pub(super) fn keep_outcome(scratch: &Path, outcome: &Outcome) -> io::Result<()> {
    let (path, part) = (scratch.join(OUTCOME), scratch.join("outcome.part"));
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&part)?;
    serde_json::to_writer(&mut file, outcome)?;
    file.flush()?;
    file.sync_all()?;
    fs::rename(&part, &path)?;
    File::open(scratch)?.sync_all()
}
