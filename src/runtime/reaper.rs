//! Removes what nobody needs any more: worktrees of failed runs after their time, temporary checkouts of dead daemons,
//! prompts and transcripts of runs that ended long ago.
//!
//! It compares what git knows with what the log knows, proves that a run is over before it touches its worktree, and
//! everything uncommitted is saved before anything is removed. Worktrees of unknown runs are left alone.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio_util::sync::CancellationToken;

use crate::domain::ids::RunId;
use crate::domain::time::Timestamp;

use super::effects::Ports;
use super::tasks::blocking;

/// How often the reaper looks for what nobody needs any more.
const REAPING: Duration = Duration::from_secs(3600);

/// How much of prompts and transcripts is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    /// How long after a run's end.
    pub time: Duration,
    /// Bytes of all runs together, as far as they are over.
    pub bytes: u64,
}

/// Looks now and from time to time, until `stop`: what has been over for so long, or is more than may be kept, goes.
pub async fn run(ports: &Ports, worktrees: Duration, kept: Kept, stop: &CancellationToken) {
    loop {
        let repositories = repositories(ports).await;
        for run in reap(ports, &repositories, worktrees).await {
            tracing::info!(run.id = %run, "the worktree of a finished run was removed; its time was over");
        }
        for run in forget(ports, kept).await {
            tracing::info!(run.id = %run, "prompts and transcripts of a finished run were removed");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(REAPING) => {}
        }
    }
}

/// Repositories in which runs have worked or may still work.
pub async fn repositories(ports: &Ports) -> BTreeSet<PathBuf> {
    match ports.store.repositories().await {
        Ok(found) => found.into_iter().map(PathBuf::from).collect(),
        Err(error) => {
            tracing::warn!(%error, "nothing is cleaned up: the log does not say which repositories were worked in");
            BTreeSet::new()
        }
    }
}

/// Removes the temporary checkouts that daemons before this one left behind. Only for the start, when none is in use.
pub async fn discard_checkouts(ports: &Ports, repositories: &BTreeSet<PathBuf>) {
    for repository in repositories {
        let Ok(found) = ports.workspaces.inventory(repository).await else { continue };
        for worktree in found.into_iter().filter(|worktree| worktree.checkout) {
            if let Err(error) = ports.workspaces.discard_checkout(&worktree.path).await {
                tracing::warn!(path = %worktree.path.display(), %error, "a temporary checkout could not be removed");
            }
        }
    }
}

/// Removes the worktrees in `repositories` whose runs ended more than `retention` ago; the runs concerned.
pub async fn reap(
    ports: &Ports,
    repositories: &BTreeSet<PathBuf>,
    retention: Duration,
) -> Vec<RunId> {
    let mut removed = Vec::new();
    for repository in repositories {
        let found = match ports.workspaces.inventory(repository).await {
            Ok(found) => found,
            Err(error) => {
                tracing::warn!(repository = %repository.display(), %error, "its worktrees could not be listed");
                continue;
            }
        };
        for worktree in found {
            let (Some(run), Some(workspace)) = (worktree.run, worktree.workspace) else { continue };
            if !is_over(ports, run, retention).await {
                continue;
            }
            match ports.workspaces.remove(&workspace, run).await {
                Ok(_) => removed.push(run),
                Err(error) => {
                    tracing::warn!(run.id = %run, %error, "its worktree could not be removed; tried again later");
                }
            }
        }
    }
    removed
}

async fn is_over(ports: &Ports, run: RunId, retention: Duration) -> bool {
    let now = ports.clock.now();
    match ports.store.load_run(run).await {
        Ok(Some(state)) => {
            state.finished.is_some_and(|at| state.cleaned.is_some() && now.since(at) > retention)
        }
        Ok(None) | Err(_) => false,
    }
}

/// Removes the prompts and transcripts of runs whose time is over, and of the oldest of those that are over while all have
/// more than they may; the runs concerned. What a run that is not over has, and what is no run's, is left alone.
pub async fn forget(ports: &Ports, kept: Kept) -> Vec<RunId> {
    let runs = ports.dirs.runs();
    let Some(Ok(mut records)) = blocking(move || records(&runs)).await else {
        tracing::warn!("the transcripts of old runs could not be listed; tried again later");
        return Vec::new();
    };
    records.sort_by_key(|record| record.newest);
    let mut total: u64 = records.iter().map(|record| record.bytes).sum();
    let (now, mut removed) = (ports.clock.now(), Vec::new());
    for Record { run, path, bytes, newest } in records {
        let is_old = now.since(newest) > kept.time;
        if !is_old && total <= kept.bytes {
            continue;
        }
        let time = if total > kept.bytes { Duration::ZERO } else { kept.time };
        if !is_over(ports, run, time).await {
            continue;
        }
        match blocking(move || fs::remove_dir_all(path)).await {
            Some(Ok(())) => {
                total -= bytes;
                removed.push(run);
            }
            Some(Err(error)) => {
                tracing::warn!(run.id = %run, %error, "its transcripts could not be removed; tried again later");
            }
            None => {}
        }
    }
    removed
}

/// What is kept of the turns of a run.
struct Record {
    run: RunId,
    path: PathBuf,
    bytes: u64,
    /// When its last turn began.
    newest: Timestamp,
}

fn records(runs: &Path) -> io::Result<Vec<Record>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(runs)? {
        let entry = entry?;
        let Some(run) = entry.file_name().to_str().and_then(run_named) else { continue };
        let about = entry.metadata()?;
        if about.is_dir() {
            let (path, newest) = (entry.path(), timestamp(about.modified()?));
            found.push(Record { run, bytes: bytes_below(&path)?, path, newest });
        }
    }
    Ok(found)
}

/// The run that a directory is called after.
fn run_named(name: &str) -> Option<RunId> {
    uuid::Uuid::parse_str(name).ok().map(RunId)
}

/// Bytes of the files below a directory. What goes meanwhile does not count.
fn bytes_below(directory: &Path) -> io::Result<u64> {
    let mut sum = 0;
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        sum += match entry.metadata() {
            Ok(about) if about.is_dir() => bytes_below(&entry.path()).unwrap_or(0),
            Ok(about) => about.len(),
            Err(_) => 0,
        };
    }
    Ok(sum)
}

fn timestamp(time: SystemTime) -> Timestamp {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
