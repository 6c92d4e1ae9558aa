//! Where worktrees are, and the proof that a path is one of ours.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::super::WorkspaceError;
use super::super::names;
use super::repository::real;
use crate::domain::ids::{ProjectId, RunId};

/// The folder of temporary checkouts. No project has it: project folders never start with a dot.
const CHECKOUTS: &str = ".checkouts";

/// The real path of the directory for worktrees, made if need be.
pub(super) fn root(configured: &Path) -> Result<PathBuf, WorkspaceError> {
    make_private(configured)?;
    real(configured)
}

/// Where the worktree of `run` belongs. Its folder exists afterwards.
pub(super) fn of_run(
    root: &Path,
    project: &ProjectId,
    run: RunId,
) -> Result<PathBuf, WorkspaceError> {
    inside(root, &root.join(names::project_key(project)), &run.to_string())
}

/// Where the temporary checkout `label` of a repository belongs. Its folder exists afterwards.
pub(super) fn of_checkout(
    root: &Path,
    common: &Path,
    label: &str,
) -> Result<PathBuf, WorkspaceError> {
    let repository = names::short_hash(&common.to_string_lossy());
    inside(root, &root.join(CHECKOUTS), &format!("{}-{repository}", names::folder_key(label)))
}

/// `path` as a worktree of ours: exactly two levels below the root, through no symbolic link.
pub(super) fn contained(root: &Path, path: &Path) -> Result<PathBuf, WorkspaceError> {
    let outside = || WorkspaceError::OutsideRoot { path: path.to_owned() };
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(outside());
    };
    let folder = match folder.canonicalize() {
        Ok(folder) => folder,
        Err(_) if path.starts_with(root) => {
            return Err(WorkspaceError::NoWorkspace { path: path.to_owned() });
        }
        Err(_) => return Err(outside()),
    };
    let path = folder.join(name);
    if folder.parent() != Some(root) || is_link(&path) {
        return Err(outside());
    }
    Ok(path)
}

/// The run whose worktree belongs at `path`, by its name.
pub(super) fn run_at(root: &Path, path: &Path) -> Option<RunId> {
    let path = contained(root, path).ok()?;
    let run = path.file_name()?.to_str()?.parse().ok()?;
    (!is_checkout(root, &path)).then_some(RunId(run))
}

/// Whether `path` is where temporary checkouts are.
pub(super) fn is_checkout(root: &Path, path: &Path) -> bool {
    path.parent() == Some(root.join(CHECKOUTS).as_path())
}

/// Git's own directory for the worktree at `path`. A worktree's `.git` file says the same, but agents can write it.
pub(super) fn administration(common: &Path, path: &Path) -> Option<PathBuf> {
    let all = common.join("worktrees");
    let wanted = path.join(".git");
    let points_here = |admin: &PathBuf| {
        fs::read_to_string(admin.join("gitdir"))
            .is_ok_and(|text| Path::new(text.trim_end()) == wanted)
    };
    let likely = all.join(path.file_name()?);
    if points_here(&likely) {
        return Some(likely);
    }
    fs::read_dir(&all).ok()?.filter_map(Result::ok).map(|entry| entry.path()).find(points_here)
}

/// Whether anything is at `path`, be it a dangling link.
pub(super) fn exists(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

/// Removes whatever is at `path`, read-only folders included.
pub(super) async fn clear(path: &Path) -> Result<(), WorkspaceError> {
    let failed = |source| WorkspaceError::Io { action: "remove", path: path.to_owned(), source };
    let kind = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata.file_type(),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
    };
    if !kind.is_dir() {
        return tokio::fs::remove_file(path).await.map_err(failed);
    }
    match tokio::fs::remove_dir_all(path).await {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            make_removable(path).map_err(failed)?;
            tokio::fs::remove_dir_all(path).await.map_err(failed)
        }
        other => other.map_err(failed),
    }
}

/// Some tools keep their caches in read-only folders.
fn make_removable(folder: &Path) -> std::io::Result<()> {
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            make_removable(&entry.path())?;
        }
    }
    Ok(())
}

fn inside(root: &Path, folder: &Path, name: &str) -> Result<PathBuf, WorkspaceError> {
    make_private(folder)?;
    contained(root, &folder.join(name))
}

/// A directory that nobody else can look into.
pub(super) fn make_private(path: &Path) -> Result<(), WorkspaceError> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|source| WorkspaceError::Io { action: "create", path: path.to_owned(), source })
}

fn is_link(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|metadata| metadata.file_type().is_symlink())
}
