//! Where work items come from and where results are reported.
//!
//! Responsible for turning what people write into [`WorkItem`]s and for writing the factory's progress back, once per
//! effect key. The tracker owns *intent* (title, text, state as people see it); the factory only adds to it. Never
//! decides what may run, never deletes anything, never interprets an item's text.

pub mod azure_devops;
pub mod github;
pub mod in_memory;
pub mod local;
pub mod status_comment;

mod links;
mod log_line;
mod part_mark;
mod visible;

#[cfg(test)]
mod contract;
#[cfg(test)]
mod tests;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use thiserror::Error;

use crate::domain::card::RunCard;
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::ids::{EffectKey, ItemId, ProjectId};
use crate::domain::standing::Standing;
use crate::domain::time::Timestamp;
use crate::domain::work_item::{ItemState, Lane, Priority, Trust, WorkItem};

/// A source of work items that can be told how they fare.
///
/// # Revisions
///
/// [`WorkItem::revision`] covers everything people write, the state included, and nothing of the factory's own log. A
/// changed revision therefore means "somebody changed the item", with one exception: the factory's own state change.
/// For that reason [`Tracker::update`] answers with the revision *after* the write; whoever records that one as seen
/// will only ever find human changes behind a different revision.
#[async_trait]
pub trait Tracker: Send + Sync {
    /// First part of the [`ItemId`]s of this tracker (`local`).
    fn source(&self) -> &str;

    /// Whether it has room for how a run stands ([`TrackerUpdate::card`]).
    fn shows_cards(&self) -> bool {
        false
    }

    /// There may be news: the next [`Tracker::list`] asks, however recently it did. What a tracker wants to be left alone
    /// for is not shortened by it.
    fn hurry(&self) {}

    /// Everything there is to do, with what could not be read.
    ///
    /// # Errors
    /// When the tracker as a whole cannot be read. A single unreadable item is part of the listing instead.
    async fn list(&self) -> Result<Listing, TrackerError>;

    /// Adds one line to the item's log and, unless people changed it meanwhile, sets its state. Asking again with the
    /// same key changes nothing.
    ///
    /// # Errors
    /// When nothing was written. Asking again is always safe.
    async fn update(&self, update: &TrackerUpdate) -> Result<Updated, TrackerError>;

    /// How `item` stood for the factory when it last wrote to it, if that was written there, and if it is certain that the
    /// factory did. Asked once for each item that a log has never seen.
    ///
    /// # Errors
    /// When it cannot be read.
    async fn standing(&self, item: &WorkItem) -> Result<Option<Standing>, TrackerError> {
        let _nothing_is_kept = item;
        Ok(None)
    }

    /// Creates an item below another one. What was created for the same key before is found again by its mark, also when
    /// the answer to that creation was never seen: asking again never creates a second one.
    ///
    /// # Errors
    /// When there is no such item afterwards, or it cannot be known whether there is. Asking again is always safe.
    async fn create(&self, item: &NewItem) -> Result<WorkItem, TrackerError>;
}

/// An item to be created below another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewItem {
    /// The item it is a part of.
    pub parent: ItemId,
    /// Its number among the parts, from 1.
    pub number: u32,
    /// What it is known by: one item per key, for ever.
    pub key: EffectKey,
    /// One line.
    pub title: String,
    /// Its text, as Markdown.
    pub body: String,
    /// Order of importance.
    pub priority: Priority,
    /// Who drives it.
    pub lane: Lane,
    /// The project it belongs to, if its parent names one.
    pub project: Option<ProjectId>,
    /// Items of the same tracker that must be done first; all of them are there.
    pub blocked_by: Vec<ItemId>,
    /// Who wrote the item it is a part of.
    pub author: Option<String>,
    /// How far the author of the item it is a part of is trusted: it is never trusted more.
    pub trust: Trust,
    /// When it is created; for trackers that do not know the time themselves.
    pub at: Timestamp,
    /// When its parent was created, by the tracker's own clock: nothing was created for its key before then.
    pub since: Option<Timestamp>,
}

/// What a tracker holds at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Listing {
    /// The readable items, ordered by identifier.
    pub items: Vec<WorkItem>,
    /// What people should mend, ordered by file and line.
    pub problems: Vec<ItemProblem>,
    /// Items known by name that cannot be read right now: they must not be taken for withdrawn. Never overlaps
    /// `items`; ordered.
    pub unreadable: Vec<ItemId>,
}

/// A mistake in an item, as people need to see it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ItemProblem {
    /// The file, below the directory as it was configured.
    pub file: PathBuf,
    /// Line from 1, when the mistake is in one place.
    pub line: Option<u32>,
    /// Column from 1, in characters.
    pub column: Option<u32>,
    /// What is wrong: a lower-case fragment.
    pub reason: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl fmt::Display for ItemProblem {
    /// `file:line:column: reason (hint)`, leaving out what is unknown.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.file.display())?;
        for number in [self.line, self.column].into_iter().flatten() {
            write!(formatter, ":{number}")?;
        }
        write!(formatter, ": {}", self.reason)?;
        match &self.hint {
            Some(hint) => write!(formatter, " ({hint})"),
            None => Ok(()),
        }
    }
}

/// A wish to report progress on an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrackerUpdate {
    /// Which item.
    pub item: ItemId,
    /// Name of the effect: the same key is never written twice.
    pub key: EffectKey,
    /// The state the factory believes the item has. When the tracker says otherwise, people moved it and their state
    /// wins.
    pub from: ItemState,
    /// The new state, if it changes.
    pub state: Option<ItemState>,
    /// One line for the log. Line breaks and comment marks are neutralised, length is bounded.
    pub entry: String,
    /// When it happened; shown in the log.
    pub at: Timestamp,
    /// Place of the update in the item's life, from 1: what an older one says never replaces what a newer one said.
    pub number: u32,
    /// What people shall see of the run that the update is about. Trackers with comments keep one comment per run and
    /// edit it in place; a directory of files has its log alone.
    pub card: Option<RunCard>,
    /// How the item stands, for trackers that can keep it for a factory whose log is gone.
    pub standing: Option<Box<Standing>>,
}

/// What an update came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Updated {
    /// Revision of the item now: record it as seen, or the factory's own write looks like a human change. When
    /// `already` is set, people may have edited the item since the first write; compare `current` with what is known.
    pub revision: String,
    /// The key had been written before; nothing was touched.
    pub already: bool,
    /// The state people gave the item meanwhile, when the wanted state was left unwritten because of it.
    pub state_skipped: Option<ItemState>,
    /// The item as it is now.
    pub current: WorkItem,
    /// What the tracker refused of the update for good, and why; everything else was written.
    pub refused: Option<String>,
}

/// Why a tracker could not be read or written.
#[derive(Debug, Error)]
pub enum TrackerError {
    /// The tracker as a whole cannot be read.
    #[error("cannot read the work item directory {}", directory.display())]
    Directory {
        /// Which directory.
        directory: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The identifier belongs to another tracker.
    #[error("work item {item} does not belong to the tracker {tracker}")]
    ForeignItem {
        /// The identifier asked for.
        item: ItemId,
        /// The tracker that was asked.
        tracker: String,
    },
    /// Nobody knows the item: it was withdrawn.
    #[error("there is no work item {item} any more")]
    UnknownItem {
        /// The identifier asked for.
        item: ItemId,
    },
    /// The item is there, but cannot be read right now.
    #[error("work item {item} cannot be read at the moment: {problem}")]
    Unreadable {
        /// The identifier asked for.
        item: ItemId,
        /// What is wrong with it.
        problem: Box<ItemProblem>,
    },
    /// The item kept changing while it was being written.
    #[error("{} kept changing while it was being written; gave up after {attempts} tries", file.display())]
    Conflict {
        /// Which file.
        file: PathBuf,
        /// How often it was tried.
        attempts: u32,
    },
    /// Somebody saved twice while we wrote; every version was kept.
    #[error(
        "{} was saved several times while it was being written; one of the versions is kept in {}",
        file.display(),
        kept.display()
    )]
    Overtaken {
        /// Which file.
        file: PathBuf,
        /// Where the version is that is not in it.
        kept: PathBuf,
    },
    /// Another process is writing to the same tracker.
    #[error("another process is writing to {}", directory.display())]
    Busy {
        /// Which directory.
        directory: PathBuf,
    },
    /// The file system refused.
    #[error("cannot {action} {}", path.display())]
    Write {
        /// What was tried, as a verb phrase that a path completes.
        action: &'static str,
        /// On which path.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// Writing would have damaged the file, so it was left alone.
    #[error("{} cannot be edited safely: {reason}", file.display())]
    Unwritable {
        /// Which file.
        file: PathBuf,
        /// What would go wrong.
        reason: String,
    },
    /// The tracker wants to be left alone for a while.
    #[error("the tracker {tracker} wants to be left alone for {} s", wait.as_secs().max(1))]
    Limited {
        /// Which tracker.
        tracker: String,
        /// For how long from now.
        wait: Duration,
    },
    /// The tracker does not accept the credentials, or they may not do this.
    #[error("the tracker {tracker} refuses the credentials: {reason} ({hint})")]
    Credentials {
        /// Which tracker.
        tracker: String,
        /// What it says.
        reason: String,
        /// What to do about it.
        hint: String,
    },
    /// The tracker refuses what was asked; asking the same again is of no use.
    #[error("the tracker {tracker} refuses to {action}: {reason}")]
    Refused {
        /// Which tracker.
        tracker: String,
        /// What was tried, as a verb phrase.
        action: String,
        /// What it says, with its own code where it has one.
        reason: String,
    },
    /// The tracker is out of reach.
    #[error("the tracker {tracker} is out of reach: {reason}")]
    Unavailable {
        /// Which tracker.
        tracker: String,
        /// Why.
        reason: String,
    },
}

impl TrackerError {
    /// The failure in the terms that drive retries, with the sentence people read.
    #[must_use]
    pub fn failure(&self) -> Failure {
        let message = match self {
            Self::Directory { source, .. } | Self::Write { source, .. } => {
                let hint = remedy(source.kind()).map_or(String::new(), |hint| format!(" ({hint})"));
                format!("{self}: {source}{hint}")
            }
            _ => self.to_string(),
        };
        Failure::new(self.class(), message)
    }

    fn class(&self) -> FailureClass {
        match self {
            Self::Directory { source, .. } | Self::Write { source, .. } => {
                match remedy(source.kind()) {
                    Some(_) => FailureClass::Configuration,
                    None => FailureClass::Infrastructure,
                }
            }
            Self::ForeignItem { .. } | Self::Refused { .. } => FailureClass::Configuration,
            Self::Credentials { .. } => FailureClass::Authentication,
            Self::Limited { .. } => FailureClass::Throttled { until: None },
            Self::UnknownItem { .. } => FailureClass::Cancelled,
            // A person is probably in the middle of an edit: worth trying again, not worth a halt.
            Self::Unreadable { .. }
            | Self::Conflict { .. }
            | Self::Overtaken { .. }
            | Self::Busy { .. }
            | Self::Unwritable { .. }
            | Self::Unavailable { .. } => FailureClass::Infrastructure,
        }
    }

    /// For how long the tracker wants to be left alone, if that is why.
    #[must_use]
    pub fn wait(&self) -> Option<Duration> {
        match self {
            Self::Limited { wait, .. } => Some(*wait),
            _ => None,
        }
    }

    /// A failed step of a write.
    fn write(action: &'static str, path: &Path, source: impl Into<io::Error>) -> Self {
        Self::Write { action, path: path.to_owned(), source: source.into() }
    }
}

/// What a person must do about errors that no retry mends.
fn remedy(kind: io::ErrorKind) -> Option<&'static str> {
    match kind {
        io::ErrorKind::NotFound => Some("create it, or correct the path in the configuration"),
        io::ErrorKind::NotADirectory => Some("the configuration must name a directory"),
        io::ErrorKind::PermissionDenied => Some(
            "the user the factory runs as needs read, write and search permission on the directory, \
             not only on the files",
        ),
        io::ErrorKind::ReadOnlyFilesystem => {
            Some("the file system is mounted read-only; move the directory or remount it")
        }
        _ => None,
    }
}
