//! What runs on this machine right now, as far as it matters for finding a run's processes.

use std::collections::BTreeMap;

use crate::process::ProcessError;
use crate::process::identity::ProcessIdentity;

#[cfg(target_os = "linux")]
mod linux;
#[cfg(any(test, not(target_os = "linux")))]
#[cfg_attr(target_os = "linux", expect(dead_code, reason = "only its parser is tested here"))]
mod listing;

#[cfg(target_os = "linux")]
use linux as system;
#[cfg(not(target_os = "linux"))]
use listing as system;

/// One process at the moment of reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) pid: u32,
    pub(super) parent: u32,
    pub(super) group: u32,
    /// Zero where the system's listing does not say.
    pub(super) session: u32,
    /// Grows with time within one boot; only compared with other entries.
    pub(super) started: u64,
    /// Ended, waiting to be reaped.
    pub(super) zombie: bool,
    /// The value of the marker variable in its environment, if that is readable.
    pub(super) mark: Option<String>,
}

impl Entry {
    pub(super) fn identity(&self) -> ProcessIdentity {
        ProcessIdentity { pid: self.pid, start_time: system::start_time(self.started) }
    }
}

/// All processes, by number. Not a consistent snapshot: processes come and go while it is read, so proofs of absence
/// read it twice.
#[derive(Debug, Default)]
pub(super) struct ProcessTable {
    entries: BTreeMap<u32, Entry>,
}

impl ProcessTable {
    /// Reads the table. Environments, the costly part, are only looked at for processes that started at `since` or
    /// later: nothing older than a run's leader can carry its mark.
    pub(super) fn read(since: u64) -> Result<Self, ProcessError> {
        let entries = system::read(since).map_err(|source| ProcessError::Table { source })?;
        Ok(Self { entries: entries.into_iter().map(|entry| (entry.pid, entry)).collect() })
    }

    /// Reads the table without any environment.
    pub(super) fn read_unmarked() -> Result<Self, ProcessError> {
        Self::read(u64::MAX)
    }

    pub(super) fn get(&self, pid: u32) -> Option<&Entry> {
        self.entries.get(&pid)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }

    #[cfg(test)]
    pub(super) fn of(entries: impl IntoIterator<Item = Entry>) -> Self {
        Self { entries: entries.into_iter().map(|entry| (entry.pid, entry)).collect() }
    }
}

/// The process with this number, without its mark; `None` if there is none.
pub(super) fn entry(pid: u32) -> Option<Entry> {
    system::entry(pid)
}
