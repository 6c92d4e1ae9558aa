//! Removing worktrees and branches, and taking stock of them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::super::{BranchAfter, FoundWorktree, Removed, WorkspaceError};
use super::command::{Runner, lossy};
use super::places;
use super::prepare::{claim_prefix, claimed, drop_worktree, elsewhere};
use super::record::{self, CheckoutRecord, Record};
use super::repository::{Repository, branch_ref};
use super::tree::{Place, Tree};
use crate::domain::ids::RunId;

/// A worktree as git lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) path: PathBuf,
    /// Short name of the branch.
    pub(super) branch: Option<String>,
}

/// All worktrees of a repository.
pub(super) async fn worktrees(repository: &Repository) -> Result<Vec<Listed>, WorkspaceError> {
    let said = repository.git.bytes(&["worktree", "list", "--porcelain", "-z"]).await?;
    Ok(parse(&said.stdout))
}

/// Reads the list: attributes end with NUL, worktrees with an empty attribute.
fn parse(output: &[u8]) -> Vec<Listed> {
    let mut all: Vec<Listed> = Vec::new();
    for attribute in output.split(|byte| *byte == 0) {
        let attribute = lossy(attribute);
        if let Some(path) = attribute.strip_prefix("worktree ") {
            all.push(Listed { path: PathBuf::from(path), branch: None });
        } else if let Some(name) = attribute.strip_prefix("branch ")
            && let Some(last) = all.last_mut()
        {
            last.branch = Some(name.strip_prefix("refs/heads/").unwrap_or(name).to_owned());
        }
    }
    all
}

/// Takes stock.
pub(super) async fn inventory(
    runner: &Arc<Runner>,
    repository: &Repository,
) -> Result<Vec<FoundWorktree>, WorkspaceError> {
    let root = places::root(runner.root())?;
    let found = worktrees(repository).await?.into_iter().map(|listed| {
        let run = places::run_at(&root, &listed.path);
        let record = run.and_then(|_| record::read::<Record>(&listed.path).ok().flatten());
        FoundWorktree {
            run,
            workspace: record.map(|record| record.workspace(&listed.path)),
            checkout: places::is_checkout(&root, &listed.path),
            missing: !places::exists(&listed.path),
            branch: listed.branch,
            path: listed.path,
        }
    });
    Ok(found.collect())
}

/// Saves, then removes the worktree, the branch when it holds nothing, and the record last: it is what a second try goes by.
pub(super) async fn remove(runner: &Arc<Runner>, place: &Place) -> Result<Removed, WorkspaceError> {
    let known = places::administration(&place.repository.common, &place.path).is_some();
    let salvaged = match (place.path.is_dir(), known) {
        (true, true) => {
            let tree = Tree::open(runner, place).await?;
            tree.unlock()?;
            tree.salvage(None).await?
        }
        // It never was complete, so nobody worked in it.
        (true, false) if !place.record.ready => None,
        (true, false) => Tree::forgotten(runner, place).await?.salvage(None).await?,
        (false, _) => None,
    };
    drop_worktree(&place.repository, &place.path).await?;
    let gone = drop_branch(&place.repository, place.record.run, &place.record.base_branch).await?;
    record::erase(&place.path)?;
    Ok(Removed { salvaged, branch: if gone { BranchAfter::Deleted } else { BranchAfter::Kept } })
}

/// Deletes a run's branch and the claim to it if all its commits are in the base. Says whether it is gone.
pub(super) async fn drop_branch(
    repository: &Repository,
    run: RunId,
    base_branch: &str,
) -> Result<bool, WorkspaceError> {
    let Some((branch, base)) = claimed(repository, run).await? else { return Ok(true) };
    let name = branch_ref(&branch);
    let claim = format!("{}{branch}", claim_prefix(run));
    let mut transaction = vec![format!("delete {claim} {base}\n")];
    if let Some(head) = repository.commit_of(&name).await? {
        let merged = match repository.base_commit(base_branch).await? {
            Some(tip) => repository.contains(&tip, &head).await?,
            None => false,
        };
        if !(merged || head == base || repository.contains(&base, &head).await?) {
            return Ok(false);
        }
        if elsewhere(repository, &branch).await?.is_some() {
            return Ok(false);
        }
        transaction.push(format!("delete {name} {head}\n"));
    }
    repository
        .git
        .feed(&["update-ref", "--no-deref", "--stdin"], transaction.concat().into_bytes())
        .await?;
    Ok(true)
}

/// Makes a temporary checkout, in place of the one before.
pub(super) async fn checkout(
    runner: &Arc<Runner>,
    repository: &Repository,
    commit: &str,
    label: &str,
) -> Result<PathBuf, WorkspaceError> {
    let root = places::root(runner.root())?;
    let path = places::of_checkout(&root, &repository.common, label)?;
    let Some(commit) = repository.commit_of(commit).await? else {
        return Err(WorkspaceError::NoCommit { commit: commit.to_owned() });
    };
    record::write(&path, &CheckoutRecord { common: repository.common.clone() })?;
    drop_worktree(repository, &path).await?;
    let text = path.to_string_lossy();
    let reason = "enact-factory checkout";
    let args =
        ["worktree", "add", "--quiet", "--detach", "--lock", "--reason", reason, &text, &commit];
    repository.git.text(&args).await?;
    Ok(path)
}

/// The repository a temporary checkout was made from; `None` when there is no such checkout (any more).
pub(super) fn checkout_owner(
    root: &Path,
    path: &Path,
) -> Result<Option<(PathBuf, PathBuf)>, WorkspaceError> {
    let path = match places::contained(root, path) {
        Err(WorkspaceError::NoWorkspace { .. }) => return Ok(None),
        path => path?,
    };
    if !places::is_checkout(root, &path) {
        return Err(WorkspaceError::OutsideRoot { path });
    }
    Ok(record::read::<CheckoutRecord>(&path)?.map(|record| (path, record.common)))
}

/// Removes a temporary checkout.
pub(super) async fn discard(repository: &Repository, path: &Path) -> Result<(), WorkspaceError> {
    drop_worktree(repository, path).await?;
    record::erase(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_worktrees_is_read() {
        let output = b"worktree /a\nb\0HEAD 1\0branch refs/heads/main\0\0worktree /c\0HEAD 2\0detached\0\0worktree /d\0bare\0\0";
        let all = parse(output);
        assert_eq!(all.len(), 3);
        assert_eq!(
            (all[0].path.as_path(), all[0].branch.as_deref()),
            (Path::new("/a\nb"), Some("main"))
        );
        assert_eq!((&all[1].branch, &all[2].branch), (&None, &None));
    }
}
