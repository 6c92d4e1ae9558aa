//! Where the socket of a state directory is.
//!
//! Usually `control.sock` inside it. Unix sockets have a limit on the length of their path (108 bytes on Linux, 104 on
//! macOS), so below a long path the socket goes into a private directory elsewhere, and `control.path` says where.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

/// Longest path used for a socket, in bytes; the system's limit is 103 on macOS.
const LONGEST_PATH: usize = 100;

/// Name of the socket.
const SOCKET: &str = "control.sock";

/// Name of the file that says where the socket is when it is elsewhere.
const POINTER: &str = "control.path";

/// Where a client finds the socket of the state directory `root`.
#[must_use]
pub fn find(root: &Path) -> PathBuf {
    match fs::read_to_string(root.join(POINTER)) {
        Ok(path) if !path.trim().is_empty() => PathBuf::from(path.trim()),
        _ => root.join(SOCKET),
    }
}

/// Decides where the socket of the state directory `root` goes, removes what a daemon before left there, and leaves a
/// note when it is not in `root`. `elsewhere` is a directory with a short path: `$XDG_RUNTIME_DIR` or the one for
/// temporary files. The caller holds the lock of `root`.
///
/// # Errors
/// When the file system refuses, or the private directory belongs to someone else.
pub(super) fn claim(root: &Path, elsewhere: &Path) -> io::Result<PathBuf> {
    let pointer = root.join(POINTER);
    let inside = root.join(SOCKET);
    let path = if inside.as_os_str().len() <= LONGEST_PATH {
        remove(&pointer)?;
        inside
    } else {
        let directory = private_directory(root, elsewhere)?;
        let path = directory.join(SOCKET);
        if path.as_os_str().len() > LONGEST_PATH {
            let message = format!("the path {} is too long for a socket", path.display());
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        crate::runtime::state_dir::write_private(&pointer, path.as_os_str().as_encoded_bytes())
            .map_err(io::Error::other)?;
        path
    };
    remove(&path)?;
    Ok(path)
}

fn private_directory(root: &Path, elsewhere: &Path) -> io::Result<PathBuf> {
    let digest = Sha256::digest(root.as_os_str().as_encoded_bytes());
    let directory = elsewhere.join(format!("enact-factory-{}", hex::encode(&digest[..8])));
    match fs::DirBuilder::new().mode(0o700).create(&directory) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
    }
    // Anybody may create directories in the one for temporary files: what is there must be ours and closed to others.
    let found = directory.symlink_metadata()?;
    let ours = found.uid() == rustix::process::geteuid().as_raw();
    if !found.is_dir() || !ours || found.mode() & 0o077 != 0 {
        let message = format!("{} is not a private directory of this user", directory.display());
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, message));
    }
    Ok(directory)
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}
