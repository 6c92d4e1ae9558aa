//! Which files of a directory are work items.

use std::fs::{self, DirEntry, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::fault::Fault;
use crate::trackers::ItemProblem;

/// How many directories below the top are walked: enough for `project/epic/topic`.
const MAX_DEPTH: usize = 3;

/// How many work item files are read; the rest is reported.
const MAX_FILES: usize = 50_000;

/// What a directory holds.
#[derive(Debug, Default)]
pub(super) struct Walk {
    /// Work item files, in order of their paths within each directory.
    pub(super) files: Vec<Found>,
    pub(super) problems: Vec<ItemProblem>,
    /// Directories that could not be looked into completely.
    pub(super) unseen: Vec<PathBuf>,
}

/// A work item file and how it looked from outside.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) path: PathBuf,
    pub(super) signature: Signature,
}

/// Changes whenever a file's content does, save for edits within one tick of the file system's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Signature {
    modified: (i64, i64),
    changed: (i64, i64),
    length: u64,
    node: (u64, u64),
}

impl Signature {
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self {
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
            length: metadata.len(),
            node: (metadata.dev(), metadata.ino()),
        }
    }
}

/// Finds the work item files below `root`: names ending in `.md`, nothing hidden, no editor's backups.
///
/// # Errors
/// When `root` itself cannot be read.
pub(super) fn walk(root: &Path) -> io::Result<Walk> {
    let mut walk = Walk::default();
    let real_root = fs::canonicalize(root)?;
    let entries = read_directory(root)?;
    walk.take(entries, 0, root, &real_root);
    Ok(walk)
}

impl Walk {
    fn take(&mut self, entries: Vec<DirEntry>, depth: usize, directory: &Path, root: &Path) {
        for entry in entries {
            let path = entry.path();
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if name.starts_with('.') {
                continue;
            }
            let metadata = match entry.metadata() {
                Ok(metadata) => metadata,
                // Gone since the directory was read.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => {
                    self.report(&path, &Fault::whole(format!("cannot be looked at: {error}")));
                    self.unseen.push(path);
                    continue;
                }
            };
            if metadata.is_symlink() {
                self.take_link(&path, &name, root);
            } else if metadata.is_dir() {
                self.take_directory(path, depth + 1, root);
            } else if is_item_name(&name) {
                if self.files.len() >= MAX_FILES {
                    let reason = format!(
                        "more than {MAX_FILES} files; this one and the rest of the directory were not read"
                    );
                    self.report(&path, &Fault::whole(reason));
                    self.unseen.push(directory.to_owned());
                    return;
                }
                self.take_file(path, &metadata);
            }
        }
    }

    fn take_file(&mut self, path: PathBuf, metadata: &Metadata) {
        if metadata.is_file() {
            self.files.push(Found { path, signature: Signature::of(metadata) });
        } else {
            self.report(&path, &Fault::whole("is not an ordinary file"));
        }
    }

    fn take_directory(&mut self, path: PathBuf, depth: usize, root: &Path) {
        if depth > MAX_DEPTH {
            let reason =
                format!("the directory is more than {MAX_DEPTH} levels down and was not read");
            self.report(&path, &Fault::whole(reason));
            return;
        }
        match read_directory(&path) {
            Ok(entries) => self.take(entries, depth, &path, root),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                self.report(&path, &Fault::whole(format!("the directory cannot be read: {error}")));
                self.unseen.push(path);
            }
        }
    }

    /// A link that stays inside needs nothing: its target is found on its own. One that leaves is not followed: who can
    /// write here must not thereby have us read or replace files elsewhere.
    fn take_link(&mut self, path: &Path, name: &str, root: &Path) {
        let target = fs::canonicalize(path);
        let is_directory = target.as_ref().is_ok_and(|target| target.is_dir());
        if !is_directory && !is_item_name(name) {
            return;
        }
        match target {
            Ok(target) if target.starts_with(root) => {}
            Ok(_) => self.report(
                path,
                &Fault::whole("is a link that leaves the directory and was not followed")
                    .hint("put the file itself here"),
            ),
            Err(error) => {
                self.report(path, &Fault::whole(format!("is a link that leads nowhere: {error}")));
            }
        }
    }

    fn report(&mut self, path: &Path, fault: &Fault) {
        self.problems.push(fault.problem(path, &[]));
    }
}

/// The entries of a directory in order of their names, so that two listings of the same files are the same.
fn read_directory(path: &Path) -> io::Result<Vec<DirEntry>> {
    let mut entries = fs::read_dir(path)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(DirEntry::file_name);
    Ok(entries)
}

/// `x.md`, but no backup such as `x~.md` or `#x.md`.
fn is_item_name(name: &str) -> bool {
    let Some((stem, ending)) = name.rsplit_once('.') else { return false };
    ending.eq_ignore_ascii_case("md") && !stem.ends_with('~') && !stem.starts_with('#')
}
