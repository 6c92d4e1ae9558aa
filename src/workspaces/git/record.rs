//! What is on record about a worktree, in a file beside it: an agent can change anything inside its worktree, including
//! the file that says which repository it belongs to.

use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::super::WorkspaceError;
use crate::domain::change::Workspace;
use crate::domain::ids::RunId;

/// A run's worktree: written before anything is made, so that a crash in between can be finished.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    /// Version of this file's format.
    pub(super) format: u32,
    /// Whose worktree it is.
    pub(super) run: RunId,
    /// Real path of the repository's shared directory.
    pub(super) common: PathBuf,
    /// The run's branch.
    pub(super) branch: String,
    /// The branch it started from.
    pub(super) base_branch: String,
    /// The commit it started from.
    pub(super) base_commit: String,
    /// Whether the worktree was complete once: from then on it may hold work.
    pub(super) ready: bool,
}

impl Record {
    /// The current format.
    pub(super) const FORMAT: u32 = 1;

    /// The workspace it describes.
    pub(super) fn workspace(&self, path: &Path) -> Workspace {
        Workspace {
            path: path.to_string_lossy().into_owned(),
            branch: self.branch.clone(),
            base_branch: self.base_branch.clone(),
            base_commit: self.base_commit.clone(),
        }
    }
}

/// A temporary checkout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct CheckoutRecord {
    /// Real path of the repository's shared directory.
    pub(super) common: PathBuf,
}

/// The file that describes the worktree at `path`.
pub(super) fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".json");
    PathBuf::from(name)
}

/// What is on record; `None` when nothing is.
pub(super) fn read<T: for<'a> Deserialize<'a>>(
    worktree: &Path,
) -> Result<Option<T>, WorkspaceError> {
    let path = beside(worktree);
    let failed = |source| WorkspaceError::Io { action: "read", path: path.clone(), source };
    match std::fs::read(&path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|error| failed(error.into())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed(error)),
    }
}

/// Puts it on record, whole or not at all, readable by nobody else.
pub(super) fn write<T: Serialize>(worktree: &Path, value: &T) -> Result<(), WorkspaceError> {
    let path = beside(worktree);
    let failed = |source| WorkspaceError::Io { action: "write", path: path.clone(), source };
    let bytes = serde_json::to_vec_pretty(value).map_err(|error| failed(error.into()))?;
    let folder = path.parent().unwrap_or(Path::new("/"));
    let mut file =
        tempfile::Builder::new().prefix(".record-").tempfile_in(folder).map_err(failed)?;
    file.write_all(&bytes).and_then(|()| file.as_file().sync_all()).map_err(failed)?;
    let _file = file.persist(&path).map_err(|error| failed(error.error))?;
    Ok(())
}

/// Strikes it from the record.
pub(super) fn erase(worktree: &Path) -> Result<(), WorkspaceError> {
    let path = beside(worktree);
    match std::fs::remove_file(&path) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
            Err(WorkspaceError::Io { action: "remove", path, source })
        }
        Ok(()) | Err(_) => Ok(()),
    }
}
