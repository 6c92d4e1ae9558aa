//! The directory of files: what is read, what is reported, what is written, and what is left alone.

mod layout;
mod listing;
mod mistakes;
mod properties;
mod writing;

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::replace::{Moment, Observer};
use super::{LocalSettings, LocalTracker};
use crate::domain::ids::{EffectKey, ItemId};
use crate::domain::time::Timestamp;
use crate::domain::work_item::{ItemState, WorkItem};
use crate::trackers::{Listing, Tracker, TrackerError, TrackerUpdate, Updated};

/// A directory of items and the tracker on it.
struct Desk {
    directory: TempDir,
    tracker: LocalTracker,
}

impl Desk {
    fn new() -> Self {
        Self::observed(|_, _| {})
    }

    /// Calls `observer` with the directory at each moment of a write.
    fn observed(observer: impl Fn(&Path, Moment) + Send + Sync + 'static) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().to_owned();
        let observer: Box<Observer> = Box::new(move |moment| observer(&path, moment));
        let settings = LocalSettings::new(directory.path());
        Self { tracker: LocalTracker::observed(settings, observer), directory }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    async fn list(&self) -> Listing {
        self.tracker.list().await.unwrap()
    }

    /// The only item, when nothing is wrong.
    async fn item(&self) -> WorkItem {
        let mut listing = self.list().await;
        assert_eq!((listing.items.len(), &listing.problems[..]), (1, &[][..]));
        listing.items.remove(0)
    }

    /// The problems, one per line, with paths relative to the directory.
    async fn problems(&self) -> String {
        let prefix = format!("{}/", self.directory.path().display());
        let problems = self.list().await.problems;
        let lines: Vec<_> =
            problems.iter().map(|problem| problem.to_string().replace(&prefix, "")).collect();
        lines.join("\n")
    }

    async fn update(&self, update: &TrackerUpdate) -> Updated {
        self.tracker.update(update).await.unwrap()
    }

    async fn failed_update(&self, update: &TrackerUpdate) -> TrackerError {
        self.tracker.update(update).await.unwrap_err()
    }

    /// Every name in the directory, hidden ones included.
    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.directory.path()).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

/// Update `number` of the item `local/<identifier>`, thought to be in `Todo`.
fn wish(identifier: &str, number: u32, state: Option<ItemState>) -> TrackerUpdate {
    TrackerUpdate {
        item: ItemId(format!("local/{identifier}")),
        key: EffectKey(format!("work/local/{identifier}/update/{number}")),
        from: ItemState::Todo,
        state,
        entry: format!("update {number}"),
        at: Timestamp(1_780_000_000_000),
        number,
        card: None,
        standing: None,
    }
}

/// The log line of [`wish`].
fn line(identifier: &str, number: u32) -> String {
    format!(
        "- 2026-05-28T20:26:40Z update {number} <!-- factory:work/local/{identifier}/update/{number} -->"
    )
}
