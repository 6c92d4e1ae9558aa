//! What programs that have not changed since said when they were asked.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

/// What tells that a program is still the same file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stamp {
    modified_ms: u64,
    size: u64,
}

impl Stamp {
    /// The stamp of the file behind all links; `None` when it cannot be told.
    pub(super) fn of(program: &Path) -> Option<Self> {
        let found = program.metadata().ok()?;
        let modified = found.modified().ok()?.duration_since(super::UNIX_EPOCH).ok()?;
        Some(Self { modified_ms: u64::try_from(modified.as_millis()).ok()?, size: found.len() })
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Entry {
    stamp: Stamp,
    version: String,
    /// Whether it can be talked to during a turn, if it was asked.
    #[serde(default)]
    talks: Option<bool>,
}

/// All that is remembered, by path.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Versions(BTreeMap<String, Entry>);

impl Versions {
    /// The version of an unchanged program.
    pub(super) fn version(&self, program: &Path, stamp: Stamp) -> Option<String> {
        let entry = self.0.get(program.to_str()?)?;
        (entry.stamp == stamp).then(|| entry.version.clone())
    }

    /// Whether an unchanged program can be talked to.
    pub(super) fn talks(&self, program: &Path, stamp: Stamp) -> Option<bool> {
        let entry = self.0.get(program.to_str()?)?;
        (entry.stamp == stamp).then_some(entry.talks)?
    }
}

/// Reads the cache; one that is absent or unreadable is empty.
pub(super) fn read(cache: &Path) -> Versions {
    let text = std::fs::read_to_string(cache).unwrap_or_default();
    serde_json::from_str(&text).unwrap_or_default()
}

/// Adds a version, replacing the file as a whole.
pub(super) fn remember(
    cache: &Path,
    program: &Path,
    stamp: Stamp,
    version: &str,
) -> io::Result<()> {
    let entry = Entry { stamp, version: version.to_owned(), talks: None };
    change(cache, |versions| {
        versions.0.insert(program.to_string_lossy().into_owned(), entry);
    })
}

/// Adds to a remembered version whether it can be talked to.
pub(super) fn remember_talks(cache: &Path, program: &Path, talks: bool) -> io::Result<()> {
    change(cache, |versions| {
        if let Some(entry) = program.to_str().and_then(|program| versions.0.get_mut(program)) {
            entry.talks = Some(talks);
        }
    })
}

fn change(cache: &Path, change: impl FnOnce(&mut Versions)) -> io::Result<()> {
    let mut versions = read(cache);
    change(&mut versions);
    let directory = cache.parent().unwrap_or(Path::new("."));
    let mut file = NamedTempFile::new_in(directory)?;
    file.write_all(&serde_json::to_vec_pretty(&versions)?)?;
    file.persist(cache)?;
    Ok(())
}
