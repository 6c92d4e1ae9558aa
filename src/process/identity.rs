//! Which process, without mistaking a later one that was given the same number.

use std::fmt;

use crate::process::process_table;

/// A process for as long as it lives: its number and when it started. Numbers are reused, pairs are not.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProcessIdentity {
    /// The process id.
    pub pid: u32,
    /// When it started, in a form only comparable for equality: boot id and clock ticks since boot on Linux, seconds
    /// since the epoch elsewhere.
    pub start_time: String,
}

impl ProcessIdentity {
    /// The process that has this number now; `None` if there is none.
    #[must_use]
    pub fn of(pid: u32) -> Option<Self> {
        process_table::entry(pid).map(|entry| entry.identity())
    }
}

impl fmt::Display for ProcessIdentity {
    /// The number: what a person can look up.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.pid)
    }
}

/// Whether exactly this process still runs. A zombie does not run, and a process that merely has its number is another.
#[must_use]
pub fn alive(identity: &ProcessIdentity) -> bool {
    process_table::entry(identity.pid)
        .is_some_and(|entry| !entry.zombie && entry.identity() == *identity)
}

/// The numbers of `identities`, for messages.
pub(super) fn list(identities: &[ProcessIdentity]) -> String {
    let numbers: Vec<String> = identities.iter().map(ToString::to_string).collect();
    numbers.join(", ")
}
