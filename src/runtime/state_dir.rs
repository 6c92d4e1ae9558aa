//! The state directory: what is where, who holds it, and that nobody else may read it.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use crate::domain::ids::RunId;

use super::clock::IdSource;

/// Why a state directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StateDirError {
    /// Another daemon has it.
    #[error("{} is in use by {holder}", path.display())]
    Held {
        /// The directory.
        path: PathBuf,
        /// What the lock file says of its holder.
        holder: String,
    },
    /// The file system said no.
    #[error("cannot {doing} {}", path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// With what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Paths inside a state directory. Everything in it is for its owner alone: directories 0700, files 0600.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateDir {
    /// The directory itself.
    pub root: PathBuf,
    /// Identity of this directory over all its daemons: marks their processes.
    pub instance: String,
}

impl StateDir {
    /// Opens the directory, making it and its identity when they are not there.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn open(root: &Path, ids: &dyn IdSource) -> Result<Self, StateDirError> {
        private_dir(root)?;
        let root = root.canonicalize().map_err(|source| StateDirError::Io {
            doing: "resolve",
            path: root.to_owned(),
            source,
        })?;
        let file = root.join("instance-id");
        let known = fs::read_to_string(&file).unwrap_or_default().trim().to_owned();
        let instance = if known.is_empty() {
            let fresh = ids.random().simple().to_string();
            write_private(&file, fresh.as_bytes())?;
            fresh
        } else {
            known
        };
        let dir = Self { root, instance };
        for path in [dir.runs(), dir.worktrees(), dir.check_home()] {
            private_dir(&path)?;
        }
        Ok(dir)
    }

    /// The event log.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        self.root.join("factory.db")
    }

    /// The control socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.root.join("control.sock")
    }

    /// Worktrees of all runs.
    #[must_use]
    pub fn worktrees(&self) -> PathBuf {
        self.root.join("worktrees")
    }

    /// Transcripts and prompts of all runs.
    #[must_use]
    pub fn runs(&self) -> PathBuf {
        self.root.join("runs")
    }

    /// Home directory of the checks.
    #[must_use]
    pub fn check_home(&self) -> PathBuf {
        self.root.join("check-home")
    }

    /// Cache of what the agents said of themselves.
    #[must_use]
    pub fn probes(&self) -> PathBuf {
        self.root.join("probes.json")
    }

    /// Private directory of one turn, made when it is not there.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn turn(&self, run: RunId, turn: u32) -> Result<PathBuf, StateDirError> {
        let path = self.runs().join(run.to_string()).join(format!("turn-{turn}"));
        private_dir(&path)?;
        Ok(path)
    }

    /// Home directory of the agent in one turn: what one turn leaves there cannot reach the next.
    #[must_use]
    pub fn home(&self, run: RunId, turn: u32) -> PathBuf {
        self.runs().join(run.to_string()).join(format!("turn-{turn}")).join("home")
    }

    /// What is kept of the agent's conversation in one turn while its run waits, so that the next turn can go on with it.
    #[must_use]
    pub fn session(&self, run: RunId, turn: u32) -> PathBuf {
        self.runs().join(run.to_string()).join(format!("turn-{turn}")).join("session")
    }

    /// Takes the directory for this process until the answer is dropped.
    ///
    /// # Errors
    /// [`StateDirError::Held`] when another process has it, saying who.
    pub fn lock(&self, who: &str) -> Result<Lock, StateDirError> {
        let path = self.root.join("daemon.lock");
        let io = |doing| {
            let path = path.clone();
            move |source| StateDirError::Io { doing, path, source }
        };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(io("open"))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => {
                let mut holder = String::new();
                let _best_effort = file.read_to_string(&mut holder);
                let holder = holder.trim();
                let holder = if holder.is_empty() { "another process" } else { holder }.to_owned();
                return Err(StateDirError::Held { path: self.root.clone(), holder });
            }
            Err(fs::TryLockError::Error(source)) => return Err(io("lock")(source)),
        }
        file.set_len(0).map_err(io("write"))?;
        file.rewind().map_err(io("write"))?;
        writeln!(file, "{who}").map_err(io("write"))?;
        file.sync_data().map_err(io("write"))?;
        Ok(Lock { _file: file })
    }
}

/// The right to write to a state directory. The system gives it back when the process ends, however it ends.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// Makes a directory (and its parents) that only its owner may enter.
///
/// # Errors
/// When the file system refuses.
pub fn private_dir(path: &Path) -> Result<(), StateDirError> {
    let io = |doing| {
        let path = path.to_owned();
        move |source| StateDirError::Io { doing, path, source }
    };
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(io("create"))?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o700)).map_err(io("protect"))
}

/// Writes a file that only its owner may read, replacing what was there.
///
/// # Errors
/// When the file system refuses.
pub fn write_private(path: &Path, contents: &[u8]) -> Result<(), StateDirError> {
    let io = |doing| {
        let path = path.to_owned();
        move |source| StateDirError::Io { doing, path, source }
    };
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .map_err(io("open"))?;
    file.set_permissions(fs::Permissions::from_mode(0o600)).map_err(io("protect"))?;
    file.write_all(contents).map_err(io("write"))
}
