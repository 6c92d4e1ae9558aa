//! Replacing a file that people may be editing: whole or not at all, and never over something we have not read.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags};
use rustix::io::Errno;

use super::catalogue::read_content;
use crate::trackers::TrackerError;

/// What became of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Replaced {
    /// It has the new content, durably.
    Done,
    /// It no longer had the expected content and was left as it is.
    Changed,
}

/// A moment at which somebody else might save the file; lets tests be that somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    /// The new content is on disk under another name.
    BeforeSwap,
    /// Another person's version was swapped out and is about to be put back.
    BeforeReturn,
}

/// Is told of each [`Moment`].
pub(super) type Observer = dyn Fn(Moment) + Send + Sync;

/// Gives the file `path` the content `after` if it still has the content `before`.
///
/// The new file is written next to the old one, made durable, and swapped with it in one step. What came out of the
/// swap is then compared with `before`: an edit that was saved at the last moment is found there and put back. Only
/// someone who opened the old file before the swap and writes to it after the comparison is missed. Where the file
/// system cannot swap, the comparison comes before a plain rename.
///
/// # Errors
/// When the file system refuses; the file then has its old content.
pub(super) fn replace(
    path: &Path,
    before: &[u8],
    after: &[u8],
    observer: &Observer,
) -> Result<Replaced, TrackerError> {
    let temporary = sibling(path, "factory-tmp");
    let original = match fs::symlink_metadata(path) {
        Ok(original) => original,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Replaced::Changed),
        Err(error) => return Err(TrackerError::write("look at", path, error)),
    };
    prepare(&original, &temporary, after)?;
    observer(Moment::BeforeSwap);
    let replaced = match swap(&temporary, path) {
        Ok(()) => settle(path, &temporary, before, after, observer),
        Err(Errno::NOENT) => Ok(Replaced::Changed),
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => rename(path, &temporary, before),
        Err(error) => Err(TrackerError::write("replace", path, error)),
    };
    discard(&temporary)?;
    sync_directory(path)?;
    replaced
}

/// Writes the new content beside the original, with its mode and, if we may, its owner. A leftover of a crash under
/// that name is ours and is replaced; the caller holds the directory's lock.
fn prepare(original: &Metadata, temporary: &Path, content: &[u8]) -> Result<(), TrackerError> {
    discard(temporary)?;
    let write = || -> io::Result<()> {
        let mut file =
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(temporary)?;
        let own = file.metadata()?;
        file.write_all(content)?;
        if (own.uid(), own.gid()) != (original.uid(), original.gid()) {
            // Refused to everyone but root; the file then belongs to the factory's user, as after any editor's save.
            drop(std::os::unix::fs::fchown(&file, Some(original.uid()), Some(original.gid())));
        }
        file.set_permissions(fs::Permissions::from_mode(original.mode() & 0o7777))?;
        file.sync_all()
    };
    write().map_err(|error| {
        drop(fs::remove_file(temporary));
        TrackerError::write("write the temporary file", temporary, error)
    })
}

/// Writes a new file, whole or not at all. Whether it did: an existing file stays as it is.
///
/// # Errors
/// When the file system refuses.
pub(super) fn create(path: &Path, content: &[u8]) -> Result<bool, TrackerError> {
    let temporary = sibling(path, "factory-tmp");
    discard(&temporary)?;
    let write = || -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).open(&temporary)?;
        file.write_all(content)?;
        file.sync_all()
    };
    write().map_err(|error| TrackerError::write("write the temporary file", &temporary, error))?;
    let linked = fs::hard_link(&temporary, path);
    discard(&temporary)?;
    match linked {
        Ok(()) => sync_directory(path).map(|()| true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(TrackerError::write("create", path, error)),
    }
}

/// After the swap: keeps it if the file that came out is the one we read, else undoes it.
fn settle(
    path: &Path,
    temporary: &Path,
    before: &[u8],
    after: &[u8],
    observer: &Observer,
) -> Result<Replaced, TrackerError> {
    if has_content(temporary, before) {
        return Ok(Replaced::Done);
    }
    observer(Moment::BeforeReturn);
    if swap(temporary, path).is_ok() {
        if has_content(temporary, after) {
            return Ok(Replaced::Changed);
        }
        // Saved again in between: the newest version goes back to its place, the one before it is kept.
        swap(temporary, path).map_err(|error| TrackerError::write("restore", path, error))?;
    }
    let kept = free_name(path);
    fs::rename(temporary, &kept)
        .map_err(|error| TrackerError::write("keep a version in", &kept, error))?;
    Err(TrackerError::Overtaken { file: path.to_owned(), kept })
}

/// For file systems that cannot swap: compares first, then renames.
pub(super) fn rename(
    path: &Path,
    temporary: &Path,
    before: &[u8],
) -> Result<Replaced, TrackerError> {
    if !has_content(path, before) {
        return Ok(Replaced::Changed);
    }
    fs::rename(temporary, path).map_err(|error| TrackerError::write("replace", path, error))?;
    Ok(Replaced::Done)
}

fn swap(left: &Path, right: &Path) -> Result<(), Errno> {
    rustix::fs::renameat_with(CWD, left, CWD, right, RenameFlags::EXCHANGE)
}

fn has_content(path: &Path, expected: &[u8]) -> bool {
    read_content(path).is_ok_and(|content| content == expected)
}

/// Removes our own temporary file, if it is there.
fn discard(temporary: &Path) -> Result<(), TrackerError> {
    match fs::remove_file(temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(TrackerError::write("remove the temporary file", temporary, error))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// A hidden name beside `path`, which no listing takes for a work item.
fn sibling(path: &Path, ending: &str) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{ending}"))
}

/// A name for a version that must not be lost; a visible one, for people to find.
fn free_name(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut number = 1u32;
    loop {
        let candidate = path.with_file_name(format!("{name}.kept-{number}"));
        if fs::symlink_metadata(&candidate).is_err() {
            return candidate;
        }
        number = number.saturating_add(1);
    }
}

/// Makes the new name durable.
fn sync_directory(path: &Path) -> Result<(), TrackerError> {
    let directory = path.parent().unwrap_or(path);
    File::open(directory)
        .and_then(|directory| directory.sync_all())
        .map_err(|error| TrackerError::write("make durable the directory", directory, error))
}
