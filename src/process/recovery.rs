//! Ends what an earlier daemon has left running, and what has lost its run.

use std::time::Duration;

use rustix::process::Signal;
use tokio::time::Instant;

use crate::process::ProcessError;
use crate::process::identity::ProcessIdentity;
use crate::process::marker::Marker;
use crate::process::process_set::{Claim, ProcessSet};

/// Pause between two looks whether everything has ended.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// What was ended.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ended {
    /// The processes, whether SIGTERM or SIGKILL ended them.
    pub ended: Vec<ProcessIdentity>,
}

/// Ends every process whose mark begins with `prefix` (see [`crate::process::marker::instance_prefix`]), those of
/// `recorded` that still live, and their descendants: SIGTERM, after `grace` SIGKILL until none is left. Only for a time
/// when no run of this instance is meant to be alive, except those that are `spared`: by their mark, with the process that
/// keeps them.
///
/// # Errors
/// When the process table cannot be read or a process cannot be ended.
pub async fn end_marked(
    prefix: &str,
    recorded: &[ProcessIdentity],
    spared: &[(Marker, ProcessIdentity)],
    grace: Duration,
) -> Result<Ended, ProcessError> {
    let marks = spared.iter().map(|(marker, _)| marker.value().to_owned()).collect();
    let mut set = ProcessSet::new(Claim::Marked { prefix: prefix.to_owned(), spared: marks });
    let goes_on =
        |identity: &&ProcessIdentity| spared.iter().any(|(_, keeper)| keeper == *identity);
    for identity in recorded.iter().filter(|identity| !goes_on(identity)) {
        set.include(identity);
    }
    let found = set.signal_all(Signal::TERM)?;
    let deadline = Instant::now() + grace;
    while Instant::now() < deadline && !set.observe()?.is_empty() {
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    let mut ended = found;
    ended.extend(set.end().await?);
    ended.sort();
    ended.dedup();
    Ok(Ended { ended })
}

/// Ends every orphan that this process has adopted and that none of the programs it runs now can have begotten. What ends
/// a run ends such strays too; this is for the time between runs, together with [`crate::process::adoption::reap_adopted`].
///
/// # Errors
/// When the process table cannot be read or a process cannot be ended.
pub async fn end_strays() -> Result<Ended, ProcessError> {
    Ok(Ended { ended: ProcessSet::new(Claim::Strays).end().await? })
}

/// Every living process whose mark begins with `prefix`, and its descendants.
///
/// # Errors
/// When the process table cannot be read.
pub fn find_marked(prefix: &str) -> Result<Vec<ProcessIdentity>, ProcessError> {
    let claim = Claim::Marked { prefix: prefix.to_owned(), spared: Vec::new() };
    let members = ProcessSet::new(claim).observe()?;
    Ok(members.iter().map(|entry| entry.identity()).collect())
}

#[cfg(test)]
mod tests;
