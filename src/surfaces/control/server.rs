//! The daemon's end: accepts clients and serves each in a task of its own.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{UnixListener, UnixStream};
use tokio_util::sync::CancellationToken;

use crate::runtime::handle::DaemonHandle;
use crate::runtime::tasks::Tasks;
use crate::store::StoreReader;

use super::connection::{self, Served};
use super::place;
use super::wire::ErrorCode;

/// Clients served at once; more are told so and hung up on.
pub const MOST_CLIENTS: usize = 64;

/// Pause after the system refused to accept a client (usually: no file descriptors left).
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// How long a daemon means to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Until it is told to stop.
    Permanent,
    /// Until the one task is over that its process was started for.
    Temporary,
}

/// The socket cannot be offered.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on the control socket of {}", root.display())]
pub struct BindError {
    /// The state directory.
    pub root: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

/// A bound socket. It is removed when this is dropped.
#[derive(Debug)]
pub struct ControlServer {
    listener: UnixListener,
    path: PathBuf,
    inode: u64,
}

impl ControlServer {
    /// Binds the socket of the state directory `root`, whose lock the caller holds. `elsewhere` is where it goes when the
    /// path of `root` is too long for a socket.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn bind(root: &Path, elsewhere: &Path) -> Result<Self, BindError> {
        let bind = || {
            let path = place::claim(root, elsewhere)?;
            // The directory around it is private, so nobody gets in between these two steps.
            let listener = UnixListener::bind(&path)?;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
            let inode = path.symlink_metadata()?.ino();
            Ok(Self { listener, path, inode })
        };
        bind().map_err(|source| BindError { root: root.to_owned(), source })
    }

    /// Where the socket is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Serves clients until `stop`, then lets followers have what was stored until then and hangs up. Stop it after the
    /// daemon's loop has ended, so that followers see the end of their runs.
    pub async fn serve(
        self,
        handle: DaemonHandle,
        store: Arc<dyn StoreReader>,
        standing: Standing,
        stop: CancellationToken,
    ) {
        let mut clients = Tasks::default();
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                _ended = clients.next_ended() => {}
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, _)) => {
                        let served = Served {
                            handle: handle.clone(),
                            store: Arc::clone(&store),
                            standing,
                            stop: stop.clone(),
                        };
                        admit(&mut clients, stream, served).await;
                    }
                    Err(error) => {
                        tracing::warn!(%error, "a client could not be accepted on the control socket");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                }
            }
        }
        clients.join_all().await;
    }
}

impl Drop for ControlServer {
    fn drop(&mut self) {
        // Best effort: the next daemon removes it too, and may have put its own there already.
        if self.path.symlink_metadata().is_ok_and(|found| found.ino() == self.inode) {
            let _gone = fs::remove_file(&self.path);
        }
    }
}

async fn admit(clients: &mut Tasks, stream: UnixStream, served: Served) {
    let peer = stream.peer_cred().map(|peer| peer.uid());
    let ours = rustix::process::geteuid().as_raw();
    let refusal = match peer {
        Ok(uid) if uid != ours && uid != 0 => {
            Some((ErrorCode::Forbidden, "this daemon belongs to another user"))
        }
        Err(_) => Some((ErrorCode::Forbidden, "the system does not say who you are")),
        Ok(_) if clients.len() >= MOST_CLIENTS => {
            Some((ErrorCode::Busy, "too many clients at once; try again later"))
        }
        Ok(_) => None,
    };
    match refusal {
        Some((code, message)) => connection::refuse(stream, code, message).await,
        None => clients.spawn("control client", connection::serve(stream, served)),
    }
}
