//! Getting a branch into its base without touching anybody's checkout.

use super::super::names::with_trailers;
use super::super::{Advance, Candidate, HEAD_TRAILER, RUN_TRAILER, WorkspaceError};
use super::command::split_nul;
use super::prepare::elsewhere;
use super::repository::{Repository, branch_ref};
use super::staging::{commit_tree, paths};
use super::tree::Place;
use crate::domain::time::Timestamp;

/// Commits of the base that are searched for an earlier merge.
const MAX_SEARCH: &str = "--max-count=5000";

/// What a merge commit is to say.
pub(super) struct Wanted<'a> {
    pub(super) head: &'a str,
    pub(super) message: &'a str,
    pub(super) trailers: &'a [(String, String)],
    pub(super) at: Timestamp,
}

/// Builds the merge, or finds that it was made before.
pub(super) async fn candidate(
    place: &Place,
    wanted: &Wanted<'_>,
) -> Result<Candidate, WorkspaceError> {
    let repository = &place.repository;
    let base = &place.record.base_branch;
    let Some(head) = repository.commit_of(wanted.head).await? else {
        return Err(WorkspaceError::NoCommit { commit: wanted.head.to_owned() });
    };
    let Some(before) = repository.base_commit(base).await? else {
        return Err(WorkspaceError::BaseMissing { branch: base.clone() });
    };
    if let Some(done) = earlier_merge(place, &before, &head).await? {
        return Ok(done);
    }
    let tree = merged_tree(repository, &before, &head).await?;
    let run = place.record.run.to_string();
    let ours = [(RUN_TRAILER, run.as_str()), (HEAD_TRAILER, head.as_str())];
    let mut trailers = wanted.trailers.to_vec();
    trailers.retain(|(key, _)| ours.iter().all(|(own, _)| !key.eq_ignore_ascii_case(own)));
    trailers.extend(ours.map(|(key, value)| (key.to_owned(), value.to_owned())));
    let message = with_trailers(wanted.message, &trailers);
    let git = repository.git.clone().dated(wanted.at);
    let commit = commit_tree(&git, &tree, &[&before, &head], &message).await?;
    Ok(Candidate::Merge { before, commit })
}

/// Whether the base has the head: by a merge of exactly that head, by a rewritten copy of that merge, or in any other way.
async fn earlier_merge(
    place: &Place,
    tip: &str,
    head: &str,
) -> Result<Option<Candidate>, WorkspaceError> {
    let start = &place.record.base_commit;
    let run = place.record.run.to_string();
    let format = format!(
        "--format=%H%x00%P%x00%(trailers:key={RUN_TRAILER},valueonly,separator=%x2C)%x00%(trailers:key={HEAD_TRAILER},valueonly,separator=%x2C)"
    );
    let since = format!("^{start}");
    let args = [
        "log",
        "--no-show-signature",
        "--no-patch",
        "--first-parent",
        MAX_SEARCH,
        &format,
        tip,
        &since,
        "--",
    ];
    let log = place.repository.git.bytes(&args).await?.text();
    for line in log.lines() {
        let mut fields = line.split('\0');
        let (Some(commit), Some(parents), Some(of_run), Some(of_head)) =
            (fields.next(), fields.next(), fields.next(), fields.next())
        else {
            continue;
        };
        let mut parents = parents.split(' ');
        let before = parents.next().unwrap_or_default();
        if parents.any(|parent| parent == head) || (of_run == run && of_head == head) {
            return Ok(Some(Candidate::AlreadyMerged {
                before: before.to_owned(),
                after: commit.to_owned(),
            }));
        }
    }
    let contained = place.repository.contains(tip, head).await?;
    Ok(contained
        .then(|| Candidate::AlreadyMerged { before: start.clone(), after: head.to_owned() }))
}

/// The tree of both sides together. The attributes of the base decide how files are merged.
async fn merged_tree(
    repository: &Repository,
    before: &str,
    head: &str,
) -> Result<String, WorkspaceError> {
    let git = repository.git.clone().with("GIT_ATTR_SOURCE", before);
    let said = git
        .ask(&["merge-tree", "--write-tree", "-z", "--name-only", "--no-messages", before, head])
        .await?;
    match said.code() {
        Some(0) => {
            let tree = split_nul(&said.stdout).next().map(super::command::lossy);
            tree.map(|tree| tree.trim().to_owned()).ok_or_else(|| said.error())
        }
        Some(1) => {
            let mut paths = paths(&said.stdout);
            if !paths.is_empty() {
                let _tree = paths.remove(0);
            }
            paths.sort();
            paths.dedup();
            Err(WorkspaceError::Conflict { paths })
        }
        Some(_) | None => Err(said.error()),
    }
}

/// Moves a branch if it is where it is thought to be.
pub(super) async fn advance(
    repository: &Repository,
    branch: &str,
    before: &str,
    after: &str,
) -> Result<Advance, WorkspaceError> {
    let name = branch_ref(branch);
    for commit in [before, after] {
        if repository.commit_of(commit).await?.as_deref() != Some(commit) {
            return Err(WorkspaceError::NoCommit { commit: commit.to_owned() });
        }
    }
    let local = repository.commit_of(&name).await?;
    let Some(current) = repository.base_commit(branch).await? else {
        return Err(WorkspaceError::BaseMissing { branch: branch.to_owned() });
    };
    if local.as_deref() != Some(after) {
        if current != before {
            return Ok(Advance::Moved { actual: current });
        }
        let instruction = match local {
            Some(_) => format!("update {name} {after} {before}\n"),
            // Known from origin only: the local branch starts here.
            None => format!("create {name} {after}\n"),
        };
        let args = ["update-ref", "-m", "factory: merge", "--stdin"];
        let said = repository.git.try_feed(&args, instruction.into_bytes()).await?;
        if !said.succeeded() {
            // Lost a race, or something is really wrong.
            return match repository.commit_of(&name).await? {
                Some(actual) if actual != before => Ok(Advance::Moved { actual }),
                Some(_) | None => Err(said.error()),
            };
        }
    }
    Ok(Advance::Done { checked_out: elsewhere(repository, branch).await? })
}
