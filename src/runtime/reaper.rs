//! Removes what nobody needs any more: worktrees of failed runs after their time, temporary checkouts of dead daemons.
//!
//! It compares what git knows with what the log knows, proves that a run is over before it touches its worktree, and
//! everything uncommitted is saved before anything is removed. Worktrees of unknown runs are left alone.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use crate::domain::ids::RunId;

use super::effects::Ports;

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
