//! Making a worktree, in steps that a crash may separate.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::super::names;
use super::super::{Prepare, WorkspaceError};
use super::command::Runner;
use super::places;
use super::record::{self, Record};
use super::repository::{Repository, branch_ref};
use super::tree::{Place, Tree};
use crate::domain::change::Workspace;
use crate::domain::ids::RunId;
use crate::domain::pull_request::Offer;

/// Tries to find a branch name that nobody takes at the same moment.
const CLAIM_TRIES: usize = 5;

/// The ref that says which branch belongs to a run: its name holds the branch's, it points to the base commit. It is made in
/// one transaction with the branch.
pub(super) fn claim_prefix(run: RunId) -> String {
    format!("refs/factory/run/{run}/")
}

/// The branch that a run has claimed in a repository, and the base commit it claimed it at.
pub(super) async fn claimed(
    repository: &Repository,
    run: RunId,
) -> Result<Option<(String, String)>, WorkspaceError> {
    let prefix = claim_prefix(run);
    let listed = repository
        .git
        .text(&["for-each-ref", "--format=%(objectname) %(refname)", &prefix])
        .await?;
    let first = listed.lines().next().and_then(|line| line.split_once(' '));
    Ok(first.and_then(|(commit, name)| {
        Some((name.strip_prefix(&prefix)?.to_owned(), commit.to_owned()))
    }))
}

/// Makes the worktree that `request` asks for or finds it again. The caller holds the repository's lock.
pub(super) async fn prepare(
    runner: &Arc<Runner>,
    repository: Repository,
    request: &Prepare,
) -> Result<Workspace, WorkspaceError> {
    let root = places::root(runner.root())?;
    if root.starts_with(&repository.top) || root.starts_with(&repository.common) {
        return Err(WorkspaceError::RootInRepository { root, repository: repository.top });
    }
    let path = places::of_run(&root, &request.project, request.run)?;
    let record = match record::read::<Record>(&path)? {
        Some(record) if record.common == repository.common => record,
        Some(_) => return Err(WorkspaceError::Occupied { path }),
        None => plan(&repository, request, &path).await?,
    };
    let mut place = Place { path, record, repository };
    claim(&mut place, request).await?;
    establish(runner, &place).await?;
    if !place.record.ready {
        place.record.ready = true;
        record::write(&place.path, &place.record)?;
    }
    Ok(place.record.workspace(&place.path))
}

/// Decides on base and branch and puts that on record.
async fn plan(
    repository: &Repository,
    request: &Prepare,
    path: &Path,
) -> Result<Record, WorkspaceError> {
    let (base_branch, base_commit) = repository.base(request.base_branch.as_deref()).await?;
    let mut record = Record {
        format: Record::FORMAT,
        run: request.run,
        common: repository.common.clone(),
        branch: String::new(),
        base_branch,
        base_commit,
        ready: false,
    };
    if let Some((branch, commit)) = claimed(repository, request.run).await? {
        // The record is lost, the repository still knows.
        (record.branch, record.base_commit) = (branch, commit);
        record.ready = places::administration(&repository.common, path).is_some();
    } else if let Some(continued) = continued(repository, request).await? {
        record.branch.clone_from(&continued.branch);
        record.base_commit.clone_from(&continued.base_commit);
    } else {
        record.branch = free_branch(repository, request).await?;
    }
    if !record.ready && places::exists(path) {
        return Err(WorkspaceError::Occupied { path: path.to_owned() });
    }
    record::write(path, &record)?;
    Ok(record)
}

/// The branch of an earlier run that the request goes on with, if it is where that run left it and nobody has it checked
/// out.
async fn continued<'a>(
    repository: &Repository,
    request: &'a Prepare,
) -> Result<Option<&'a Offer>, WorkspaceError> {
    let Some(wanted) = &request.continues else { return Ok(None) };
    let at = repository.commit_of(&branch_ref(&wanted.branch)).await?;
    let base = repository.commit_of(&wanted.base_commit).await?;
    let there = at.as_deref() == Some(wanted.head.as_str())
        && base.as_deref() == Some(wanted.base_commit.as_str())
        && elsewhere(repository, &wanted.branch).await?.is_none();
    Ok(there.then_some(wanted))
}

/// The first alternative of the wanted name that no ref is in the way of.
async fn free_branch(repository: &Repository, request: &Prepare) -> Result<String, WorkspaceError> {
    let wanted = names::branch_name(&request.identifier, &request.title);
    let listed =
        repository.git.text(&["for-each-ref", "--format=%(refname)", "refs/heads/"]).await?;
    // Some file systems do not tell upper from lower case.
    let taken: Vec<String> = listed
        .lines()
        .filter_map(|name| Some(name.strip_prefix("refs/heads/")?.to_lowercase()))
        .collect();
    let free = |name: &str| {
        let name = name.to_lowercase();
        !taken.iter().any(|other| {
            *other == name
                || other.starts_with(&format!("{name}/"))
                || name.starts_with(&format!("{other}/"))
        })
    };
    let found = names::alternatives(&wanted).find(|name| free(name));
    found.ok_or(WorkspaceError::NoFreeBranch { branch: wanted })
}

/// Makes the branch and the claim to it together, unless this run has done so before.
async fn claim(place: &mut Place, request: &Prepare) -> Result<(), WorkspaceError> {
    for _ in 0..CLAIM_TRIES {
        if let Some((branch, commit)) = claimed(&place.repository, request.run).await? {
            if branch != place.record.branch {
                place.record.branch = branch;
                record::write(&place.path, &place.record)?;
            }
            return recreate_branch(place, &commit).await;
        }
        let Record { branch, base_commit, .. } = &place.record;
        let claim = format!("{}{branch}", claim_prefix(request.run));
        let name = branch_ref(branch);
        let continues = request.continues.as_ref().filter(|it| it.branch == *branch);
        let branch = match continues {
            Some(continued) => format!("verify {name} {}", continued.head),
            None => format!("create {name} {base_commit}"),
        };
        let transaction = format!("{branch}\ncreate {claim} {base_commit}\n");
        let said = place
            .repository
            .git
            .try_feed(
                &["update-ref", "-m", "factory: prepare", "--stdin"],
                transaction.into_bytes(),
            )
            .await?;
        if said.succeeded() {
            return Ok(());
        }
        let other = free_branch(&place.repository, request).await?;
        if other == place.record.branch {
            return Err(said.error());
        }
        place.record.branch = other;
        record::write(&place.path, &place.record)?;
    }
    Err(WorkspaceError::NoFreeBranch { branch: place.record.branch.clone() })
}

/// A claimed branch that somebody deleted starts again at its base: the files in the worktree still are what they were.
async fn recreate_branch(place: &Place, base: &str) -> Result<(), WorkspaceError> {
    let name = place.branch_ref();
    if place.repository.commit_of(&name).await?.is_none() {
        let transaction = format!("create {name} {base}\n").into_bytes();
        place.repository.git.feed(&["update-ref", "--stdin"], transaction).await?;
    }
    Ok(())
}

/// Brings the worktree about. One that was ready may hold work and is repaired; any other is made from scratch.
async fn establish(runner: &Arc<Runner>, place: &Place) -> Result<(), WorkspaceError> {
    let known = places::administration(&place.repository.common, &place.path).is_some();
    let there = place.path.is_dir();
    match (place.record.ready, known, there) {
        (true, true, true) => {
            let tree = Tree::open(runner, place).await?;
            tree.unlock()?;
            tree.repair_link().await
        }
        (true, false, true) => {
            let saved = Tree::forgotten(runner, place).await?.salvage(None).await?;
            add(place).await?;
            match saved {
                Some(saved) => Tree::open(runner, place).await?.unpack(&saved).await,
                None => Ok(()),
            }
        }
        (_, _, false) | (false, _, true) => add(place).await,
    }
}

/// Removes whatever is left of an earlier try, then makes the worktree.
async fn add(place: &Place) -> Result<(), WorkspaceError> {
    drop_worktree(&place.repository, &place.path).await?;
    if let Some(path) = elsewhere(&place.repository, &place.record.branch).await? {
        return Err(WorkspaceError::BranchInUse { branch: place.record.branch.clone(), path });
    }
    let reason = format!("enact-factory run {}", place.record.run);
    let path = place.path.to_string_lossy();
    place
        .repository
        .git
        .text(&[
            "worktree",
            "add",
            "--quiet",
            "--lock",
            "--reason",
            &reason,
            &path,
            &place.record.branch,
        ])
        .await?;
    Ok(())
}

/// Where a branch is checked out.
pub(super) async fn elsewhere(
    repository: &Repository,
    branch: &str,
) -> Result<Option<PathBuf>, WorkspaceError> {
    let all = super::removal::worktrees(repository).await?;
    Ok(all
        .into_iter()
        .find(|found| found.branch.as_deref() == Some(branch))
        .map(|found| found.path))
}

/// Removes a worktree of ours with its files and git's knowledge of it, in whatever state they are.
pub(super) async fn drop_worktree(
    repository: &Repository,
    path: &Path,
) -> Result<(), WorkspaceError> {
    places::clear(path).await?;
    if let Some(admin) = places::administration(&repository.common, path) {
        // Twice forced: it is locked against people's `git worktree prune`.
        let text = path.to_string_lossy();
        let said = repository.git.ask(&["worktree", "remove", "--force", "--force", &text]).await?;
        if !said.succeeded() {
            // Half made or tampered with, so git refuses; nothing else is in there.
            places::clear(&admin).await?;
        }
    }
    Ok(())
}
