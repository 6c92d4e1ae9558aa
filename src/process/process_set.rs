//! Everything a run started, and the proof that none of it is left.

use std::collections::BTreeMap;
use std::time::Duration;

use rustix::process::Signal;
use tokio::time::Instant;

use crate::process::ProcessError;
use crate::process::adoption::{self, Key};
use crate::process::identity::ProcessIdentity;
use crate::process::process_table::{self, Entry, ProcessTable};

/// How long repeated SIGKILL may take until the rest is reported as unkillable. A process in an uninterruptible system
/// call dies when that call returns; ten seconds is far beyond any healthy disk.
const END_LIMIT: Duration = Duration::from_secs(10);
/// Pause between two rounds of SIGKILL: first and longest.
const ROUND_PAUSE: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(50));
/// Rounds when there is no time to wait between them (the owner was dropped).
const ROUNDS_AT_ONCE: usize = 50;

/// Which processes belong together.
#[derive(Debug)]
pub(super) struct ProcessSet {
    claim: Claim,
    /// Every member ever seen, living or not: a member stays one when its parent dies or it clears its environment.
    known: BTreeMap<u32, u64>,
}

/// What makes a process a member in the first place.
#[derive(Debug)]
pub(super) enum Claim {
    /// Started by this process: the leader, what carries its mark, and strays.
    Led {
        /// The process that was started; it leads a group.
        leader: Key,
        /// The mark it was given.
        mark: Option<String>,
    },
    /// Left over from an earlier daemon: what carries a mark with this prefix.
    Marked {
        /// Beginning of the mark.
        prefix: String,
        /// Marks that begin with it and do not count.
        spared: Vec<String>,
    },
    /// A process that keeps an agent, everything below it, and what carries their mark.
    Kept {
        /// It; it may have been started by somebody else.
        keeper: Key,
        /// Their mark.
        mark: String,
    },
    /// Adopted orphans that belong to none of the children started here.
    Strays,
}

impl ProcessSet {
    pub(super) fn new(claim: Claim) -> Self {
        let known = match &claim {
            Claim::Led { leader: first, .. } | Claim::Kept { keeper: first, .. } => {
                BTreeMap::from([*first])
            }
            Claim::Marked { .. } | Claim::Strays => BTreeMap::new(),
        };
        Self { claim, known }
    }

    /// Adds a process that is known to belong here, if exactly it still lives.
    pub(super) fn include(&mut self, identity: &ProcessIdentity) {
        let entry = process_table::entry(identity.pid);
        if let Some(entry) = entry.filter(|entry| entry.identity() == *identity) {
            let _previous = self.known.insert(entry.pid, entry.started);
        }
    }

    /// Looks who belongs to the set now; members found once stay known. Worth doing before a parent is ended, because
    /// descent is lost with it.
    pub(super) fn observe(&mut self) -> Result<Vec<Entry>, ProcessError> {
        let table = ProcessTable::read(self.since())?;
        Ok(self.living(&table))
    }

    /// SIGKILL to every member, again and again until the table shows none; returns whom it took.
    pub(super) async fn end(&mut self) -> Result<Vec<ProcessIdentity>, ProcessError> {
        let deadline = Instant::now() + END_LIMIT;
        let mut pause = ROUND_PAUSE.0;
        let mut ended = BTreeMap::new();
        loop {
            let mut living = self.observe()?;
            // A process that forks while the table is read may be missed once; not in a second reading.
            if living.is_empty() && !ended.is_empty() {
                living = self.observe()?;
            }
            if living.is_empty() {
                let _reaped = if ended.is_empty() { 0 } else { adoption::reap_adopted() };
                return Ok(ended.into_values().collect());
            }
            if Instant::now() >= deadline {
                let survivors = living.iter().map(Entry::identity).collect();
                return Err(ProcessError::Survivors { survivors });
            }
            for entry in &living {
                if signal(entry, Signal::KILL) {
                    let _previous = ended.insert((entry.pid, entry.started), entry.identity());
                }
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(ROUND_PAUSE.1);
        }
    }

    /// As [`Self::end`], without waiting and without proof: for when the owner was dropped.
    pub(super) fn kill_at_once(&mut self) {
        for _ in 0..ROUNDS_AT_ONCE {
            let Ok(living) = self.observe() else { return };
            if living.is_empty() {
                return;
            }
            for entry in &living {
                let _gone = signal(entry, Signal::KILL);
            }
            std::thread::yield_now();
        }
    }

    /// Sends `wanted` to every living member, and says who that is.
    pub(super) fn signal_all(
        &mut self,
        wanted: Signal,
    ) -> Result<Vec<ProcessIdentity>, ProcessError> {
        let living = self.observe()?;
        let signalled = living.iter().filter(|entry| signal(entry, wanted));
        Ok(signalled.map(Entry::identity).collect())
    }

    /// The living members according to `table`.
    pub(super) fn living(&mut self, table: &ProcessTable) -> Vec<Entry> {
        // A parent may have a higher number than its child, so look until nothing new is found.
        loop {
            let before = self.known.len();
            for entry in table.iter() {
                if !self.known_as(entry.pid, table) && self.belongs(entry, table) {
                    let _reused = self.known.insert(entry.pid, entry.started);
                }
            }
            if self.known.len() == before {
                break;
            }
        }
        let members =
            table.iter().filter(|entry| self.known.get(&entry.pid) == Some(&entry.started));
        members.filter(|entry| !entry.zombie).cloned().collect()
    }

    fn belongs(&self, entry: &Entry, table: &ProcessTable) -> bool {
        if entry.pid == adoption::own_pid() || entry.pid <= 1 {
            return false;
        }
        // Session and group outlive the process they are named after, and keep its number from being reused.
        let related = [entry.parent, entry.group, entry.session]
            .into_iter()
            .any(|pid| self.known_as(pid, table));
        related
            || match &self.claim {
                Claim::Led { leader, mark } => {
                    let marked = mark.is_some() && *mark == entry.mark;
                    (marked && entry.started >= leader.1) || adoption::stray(Some(*leader), entry)
                }
                Claim::Marked { prefix, spared } => entry
                    .mark
                    .as_ref()
                    .is_some_and(|mark| mark.starts_with(prefix) && !spared.contains(mark)),
                Claim::Kept { mark, .. } => entry.mark.as_ref() == Some(mark),
                Claim::Strays => adoption::stray(None, entry),
            }
    }

    /// Whether `pid` is that of a member and not of a later process with the same number.
    fn known_as(&self, pid: u32, table: &ProcessTable) -> bool {
        let Some(started) = self.known.get(&pid) else { return false };
        table.get(pid).is_none_or(|entry| entry.started == *started)
    }

    fn since(&self) -> u64 {
        match &self.claim {
            Claim::Led { leader: first, .. } | Claim::Kept { keeper: first, .. } => first.1,
            Claim::Marked { .. } => 0,
            // Nothing is found by its mark.
            Claim::Strays => u64::MAX,
        }
    }
}

/// Signals exactly the process that `entry` describes, and says whether that was possible: it may be gone, or not ours to
/// signal, which shows in the next reading of the table.
#[cfg(target_os = "linux")]
fn signal(entry: &Entry, wanted: Signal) -> bool {
    use rustix::io::Errno;
    use rustix::process::{PidfdFlags, pidfd_open, pidfd_send_signal};
    let Some(pid) = adoption::raw(entry.pid) else { return false };
    // The descriptor pins the process, so that the number cannot change hands between the look and the signal.
    match pidfd_open(pid, PidfdFlags::empty()) {
        Ok(pinned) => is_still(entry) && pidfd_send_signal(pinned, wanted).is_ok(),
        // Kernels before 5.3, and sandboxes that forbid what they do not know.
        Err(Errno::NOSYS | Errno::PERM) => signal_by_number(entry, wanted),
        Err(_) => false,
    }
}

/// Signals the process that `entry` describes, and says whether that was possible.
#[cfg(not(target_os = "linux"))]
fn signal(entry: &Entry, wanted: Signal) -> bool {
    signal_by_number(entry, wanted)
}

/// As far as this system lets us tell whose number it is.
fn signal_by_number(entry: &Entry, wanted: Signal) -> bool {
    let pid = adoption::raw(entry.pid).filter(|_| is_still(entry));
    pid.is_some_and(|pid| rustix::process::kill_process(pid, wanted).is_ok())
}

fn is_still(entry: &Entry) -> bool {
    process_table::entry(entry.pid).is_some_and(|now| now.started == entry.started)
}

#[cfg(test)]
mod tests;
