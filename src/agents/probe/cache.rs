//! Versions of programs that have not changed since they were asked.

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
}

/// All remembered versions, by path.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Versions(BTreeMap<String, Entry>);

impl Versions {
    /// The version of an unchanged program.
    pub(super) fn version(&self, program: &Path, stamp: Stamp) -> Option<String> {
        let entry = self.0.get(program.to_str()?)?;
        (entry.stamp == stamp).then(|| entry.version.clone())
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
    let mut versions = read(cache);
    let key = program.to_string_lossy().into_owned();
    versions.0.insert(key, Entry { stamp, version: version.to_owned() });
    let directory = cache.parent().unwrap_or(Path::new("."));
    let mut file = NamedTempFile::new_in(directory)?;
    file.write_all(&serde_json::to_vec_pretty(&versions)?)?;
    file.persist(cache)?;
    Ok(())
}
