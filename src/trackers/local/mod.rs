//! A directory of Markdown files, one work item each.
//!
//! A file begins with TOML front matter between two lines `+++`; what follows is the description. Keys, all optional:
//! `id` (else the file's name without `.md`), `title` (else the first `# heading`), `state`, `priority`, `labels`,
//! `lane`, `blocked_by`, `parent`, `project`, `author`, `created`. A file with a mistake is reported with its line and
//! held; the others go on.
//!
//! A part of a divided item becomes a file `<parent>.<number>.md` beside its parent's.
//!
//! Written back: the value of `state`, and one line per update below a heading `## Factory` at the end. Nothing else in
//! a file is ever changed, nothing is ever deleted. [`WorkItem::revision`](crate::domain::work_item::WorkItem) covers
//! all of the file but that log.

mod catalogue;
mod claim;
mod creation;
mod edit;
mod fault;
mod file;
mod front_matter;
mod layout;
mod replace;
mod walk;

#[cfg(test)]
mod tests;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use rustix::fs::FlockOperation;
use rustix::io::Errno;

use self::catalogue::{Catalogue, Occasion, Place};
use self::file::ItemFile;
use self::replace::{Observer, Replaced};
use super::{Listing, NewItem, Tracker, TrackerError, TrackerUpdate, Updated};
use crate::domain::ids::{ItemId, ProjectId, RunId};
use crate::domain::work_item::{Lane, Trust, WorkItem};
use crate::trackers::claim::{Claim, Claimed};

/// The name of this tracker in item identifiers.
pub const SOURCE: &str = "local";

/// How often an update is decided anew because somebody saved the file meanwhile.
const MAX_TRIES: u32 = 5;

/// Where the files are, and what holds for those that do not say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalSettings {
    /// The directory; must exist.
    pub directory: PathBuf,
    /// Lane of items without `lane`.
    pub default_lane: Lane,
    /// Project of items without `project`.
    pub default_project: Option<ProjectId>,
    /// Trust in the text of every file. `Trusted` where only the operator can write.
    pub trust: Trust,
    /// Whether several daemons read the directory, so that items are taken before they are worked on.
    pub shared: bool,
}

impl LocalSettings {
    /// The operator's own directory: trusted, on autopilot, without a default project.
    #[must_use]
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
            default_lane: Lane::Autopilot,
            default_project: None,
            trust: Trust::Trusted,
            shared: false,
        }
    }
}

/// Work items in a directory.
#[derive(Clone)]
pub struct LocalTracker {
    shared: Arc<Shared>,
}

struct Shared {
    settings: LocalSettings,
    catalogue: Mutex<Catalogue>,
    observer: Box<Observer>,
}

impl LocalTracker {
    /// A tracker on the directory in `settings`; nothing is read yet.
    #[must_use]
    pub fn new(settings: LocalSettings) -> Self {
        Self::observed(settings, Box::new(|_| {}))
    }

    fn observed(settings: LocalSettings, observer: Box<Observer>) -> Self {
        let catalogue = Mutex::default();
        Self { shared: Arc::new(Shared { settings, catalogue, observer }) }
    }
}

#[async_trait]
impl Tracker for LocalTracker {
    fn source(&self) -> &str {
        SOURCE
    }

    async fn list(&self) -> Result<Listing, TrackerError> {
        off_the_loop(&self.shared, Shared::list).await
    }

    fn leases(&self) -> bool {
        self.shared.settings.shared
    }

    async fn claim(&self, claim: &Claim) -> Result<Claimed, TrackerError> {
        let claim = claim.clone();
        off_the_loop(&self.shared, move |shared| shared.claim(&claim)).await
    }

    async fn release(&self, item: &ItemId, run: RunId, holder: &str) -> Result<(), TrackerError> {
        let (item, holder) = (item.clone(), holder.to_owned());
        off_the_loop(&self.shared, move |shared| shared.release(&item, run, &holder)).await
    }

    async fn update(&self, update: &TrackerUpdate) -> Result<Updated, TrackerError> {
        let update = update.clone();
        off_the_loop(&self.shared, move |shared| shared.update(&update)).await
    }

    async fn create(&self, item: &NewItem) -> Result<WorkItem, TrackerError> {
        let item = item.clone();
        off_the_loop(&self.shared, move |shared| shared.create(&item)).await
    }
}

/// Runs file system work where it may block. Joined in place; if the caller goes away, a write still ends whole.
#[expect(clippy::disallowed_methods, reason = "joined in place: the caller's named task owns it")]
async fn off_the_loop<T: Send + 'static>(
    shared: &Arc<Shared>,
    work: impl FnOnce(&Shared) -> Result<T, TrackerError> + Send + 'static,
) -> Result<T, TrackerError> {
    let worker = Arc::clone(shared);
    tokio::task::spawn_blocking(move || work(&worker)).await.unwrap_or_else(|error| {
        let directory = shared.settings.directory.clone();
        Err(TrackerError::Directory { directory, source: io::Error::other(error) })
    })
}

impl Shared {
    fn list(&self) -> Result<Listing, TrackerError> {
        let mut catalogue = self.catalogue();
        catalogue.refresh(&self.settings, Occasion::Poll)?;
        Ok(catalogue.listing())
    }

    fn update(&self, update: &TrackerUpdate) -> Result<Updated, TrackerError> {
        if update.item.source() != SOURCE {
            let tracker = SOURCE.to_owned();
            return Err(TrackerError::ForeignItem { item: update.item.clone(), tracker });
        }
        // Also keeps two updates of this process apart.
        let mut catalogue = self.catalogue();
        let _lock = lock(&self.settings.directory)?;
        let mut file = self.settings.directory.clone();
        for _ in 0..MAX_TRIES {
            catalogue.refresh(&self.settings, Occasion::Write)?;
            file = match catalogue.place(&update.item) {
                Place::File(file) => file,
                Place::Unreadable(problem) => {
                    let problem = Box::new(problem);
                    return Err(TrackerError::Unreadable { item: update.item.clone(), problem });
                }
                Place::Unknown => {
                    return Err(TrackerError::UnknownItem { item: update.item.clone() });
                }
            };
            if let Some(updated) = self.write(&file, update)? {
                return Ok(updated);
            }
        }
        Err(TrackerError::Conflict { file, attempts: MAX_TRIES })
    }

    fn create(&self, new: &NewItem) -> Result<WorkItem, TrackerError> {
        if new.parent.source() != SOURCE {
            let tracker = SOURCE.to_owned();
            return Err(TrackerError::ForeignItem { item: new.parent.clone(), tracker });
        }
        let id = creation::id_of(new)?;
        let (text, item) = creation::compose(new, &id, &self.settings)?;
        let mut catalogue = self.catalogue();
        let _lock = lock(&self.settings.directory)?;
        catalogue.refresh(&self.settings, Occasion::Write)?;
        if let Some(file) = file_of(&catalogue, &id)? {
            return self.created_before(&file, new);
        }
        let parent = file_of(&catalogue, &new.parent)?;
        let parent = parent.ok_or(TrackerError::UnknownItem { item: new.parent.clone() })?;
        let path = parent.with_file_name(format!("{}.md", id.identifier()));
        if replace::create(&path, text.as_bytes())? {
            return Ok(item);
        }
        self.created_before(&path, new)
    }

    /// The item in `path`, if it was written for this very part.
    fn created_before(&self, path: &Path, new: &NewItem) -> Result<WorkItem, TrackerError> {
        let content = catalogue::read_content(path)
            .map_err(|error| TrackerError::write("read", path, error))?;
        match ItemFile::read(&content, &catalogue::stem(path), &self.settings) {
            Ok(file) if creation::is_ours(&file, new) => Ok(file.item),
            Ok(_) | Err(_) => Err(creation::taken(path)),
        }
    }

    /// One try; `None` when the file changed meanwhile.
    fn write(&self, path: &Path, update: &TrackerUpdate) -> Result<Option<Updated>, TrackerError> {
        let before = match catalogue::read_content(path) {
            Ok(content) => content,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(TrackerError::write("read", path, error)),
        };
        let stem = catalogue::stem(path);
        let file = match ItemFile::read(&before, &stem, &self.settings) {
            Ok(file) if file.item.id == update.item => file,
            Ok(_) | Err(_) => return Ok(None),
        };
        let edit = edit::decide(&file, &stem, &self.settings, update)
            .map_err(|reason| TrackerError::Unwritable { file: path.to_owned(), reason })?;
        let Some(text) = edit.text else { return Ok(Some(edit.updated)) };
        let replaced = replace::replace(path, &before, text.as_bytes(), self.observer.as_ref())?;
        Ok(match replaced {
            Replaced::Done => Some(edit.updated),
            Replaced::Changed => None,
        })
    }

    fn catalogue(&self) -> MutexGuard<'_, Catalogue> {
        self.catalogue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The file of an item, if it has one.
fn file_of(catalogue: &Catalogue, item: &ItemId) -> Result<Option<PathBuf>, TrackerError> {
    match catalogue.place(item) {
        Place::File(file) => Ok(Some(file)),
        Place::Unreadable(problem) => {
            Err(TrackerError::Unreadable { item: item.clone(), problem: Box::new(problem) })
        }
        Place::Unknown => Ok(None),
    }
}

/// The right to write to a directory. Given back by word and not by closing the file: between fork and exec, children of
/// other threads have it open too, and would keep the lock until then.
struct Held(File);

impl Drop for Held {
    fn drop(&mut self) {
        let _closing_gives_it_back_too = rustix::fs::flock(&self.0, FlockOperation::Unlock);
    }
}

/// Keeps other processes of ours from writing to the same directory, as long as the file is held. A file system
/// without locks is written to without one.
fn lock(directory: &Path) -> Result<Option<Held>, TrackerError> {
    let file = File::open(directory)
        .map_err(|source| TrackerError::Directory { directory: directory.to_owned(), source })?;
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Some(Held(file))),
        Err(Errno::WOULDBLOCK) => Err(TrackerError::Busy { directory: directory.to_owned() }),
        Err(_) => Ok(None),
    }
}
