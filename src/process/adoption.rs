//! Orphans: on Linux this process adopts every descendant whose parent has died, so that none can slip away, and reaps
//! those that end.
//!
//! Which children this process has is a fact about the whole process, so the list of those it started itself is kept
//! process-wide. It tells the adopted from the started: only the former are reaped here, the latter belong to whoever
//! waits for them.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::process::{Pid, WaitOptions};

use crate::process::process_table::{Entry, ProcessTable};

/// Children started by this process and not yet accounted for.
static STARTED: Mutex<Started> = Mutex::new(Started { children: BTreeMap::new() });

/// A process by number and start: numbers alone are reused.
pub(super) type Key = (u32, u64);

struct Started {
    /// Whether somebody still answers for the child and for what it begets.
    children: BTreeMap<Key, bool>,
}

/// Makes this process the parent of every descendant that loses its own, where the system can (Linux). Elsewhere orphans
/// go to the first process and are found by their mark alone.
///
/// # Errors
/// When the system refuses.
pub fn become_subreaper() -> io::Result<()> {
    #[cfg(target_os = "linux")]
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
    Ok(())
}

/// Reaps adopted children that have ended and says how many. Never touches a child that was started here, nor one in our
/// own process group (started behind this module's back).
pub fn reap_adopted() -> usize {
    let mut started = lock();
    let Ok(table) = ProcessTable::read_unmarked() else { return 0 };
    started
        .children
        .retain(|key, attended| *attended || table.get(key.0).is_some_and(|e| e.started == key.1));
    let zombies = table.iter().filter(|entry| entry.zombie && started.adopted(entry));
    let pids = zombies.filter_map(|entry| raw(entry.pid));
    pids.filter(|pid| {
        matches!(rustix::process::waitpid(Some(*pid), WaitOptions::NOHANG), Ok(Some(_)))
    })
    .count()
}

/// Starts a child with `start` and notes it before it can be mistaken for an adopted one.
pub(super) fn note_started<T>(
    start: impl FnOnce() -> io::Result<(T, Key)>,
) -> io::Result<(T, Key)> {
    let mut started = lock();
    let (child, key) = start()?;
    let _previous = started.children.insert(key, true);
    Ok((child, key))
}

/// The child is reaped and nothing of it is left.
pub(super) fn forget(key: Key) {
    let _child = lock().children.remove(&key);
}

/// Nobody waits for the child any more: the async runtime reaps it when it ends.
pub(super) fn abandon(key: Key) {
    if let Some(attended) = lock().children.get_mut(&key) {
        *attended = false;
    }
}

/// Whether the orphan `entry` is nobody's, or nobody's but `own`'s: it was adopted by this process, and no other child that
/// somebody still answers for was there when it started. So an orphan that hides its origin ends with the last run that
/// may have begotten it, or soon after.
pub(super) fn stray(own: Option<Key>, entry: &Entry) -> bool {
    // As the first process of a container every stranger's orphan comes to us as well.
    if own_pid() == 1 {
        return false;
    }
    let started = lock();
    let may_have_begotten =
        |(key, attended): (&Key, &bool)| *attended && Some(*key) != own && key.1 <= entry.started;
    started.adopted(entry) && !started.children.iter().any(may_have_begotten)
}

/// The number of this process.
pub(super) fn own_pid() -> u32 {
    std::process::id()
}

/// A number as the system calls want it.
pub(super) fn raw(pid: u32) -> Option<Pid> {
    i32::try_from(pid).ok().and_then(Pid::from_raw)
}

impl Started {
    fn adopted(&self, entry: &Entry) -> bool {
        entry.parent == own_pid()
            && raw(entry.group) != Some(rustix::process::getpgrp())
            && !self.children.contains_key(&(entry.pid, entry.started))
    }
}

fn lock() -> MutexGuard<'static, Started> {
    STARTED.lock().unwrap_or_else(PoisonError::into_inner)
}
