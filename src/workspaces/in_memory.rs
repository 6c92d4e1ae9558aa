//! [`Workspaces`] without a disk, for simulations and tests. Strict: what was not prepared does not exist, and a branch
//! moves only by compare-and-swap.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use sha2::{Digest, Sha256};

use super::names;
use super::names::with_trailers;
use super::patch::fit;
use super::{
    Advance, BranchAfter, Candidate, DiffText, FileAt, Fingerprint, FoundWorktree, HEAD_TRAILER,
    Prepare, RUN_TRAILER, Removed, WorkspaceError, Workspaces,
};
use crate::domain::change::{Change, Workspace};
use crate::domain::ids::RunId;
use crate::domain::time::Timestamp;

mod history;
mod people;
mod state;

use history::Files;
use state::{ROOT, State, Tree};

/// Repositories and worktrees that exist only here.
#[derive(Debug, Default)]
pub struct InMemoryWorkspaces {
    state: Mutex<State>,
}

impl InMemoryWorkspaces {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Workspaces for InMemoryWorkspaces {
    async fn prepare(&self, request: &Prepare) -> Result<Workspace, WorkspaceError> {
        let mut state = self.lock();
        let path = Path::new(ROOT)
            .join(names::project_key(&request.project))
            .join(request.run.to_string());
        if let Some(tree) = state.trees.get(&path) {
            return Ok(tree.workspace.clone());
        }
        let repository = state.repository(&request.repository)?;
        if repository.branches.is_empty() {
            return Err(WorkspaceError::NoCommits { path: request.repository.clone() });
        }
        let base_branch =
            request.base_branch.clone().unwrap_or_else(|| repository.default_branch.clone());
        let tip = repository.tip(&base_branch)?;
        let (branch, base_commit) = match repository.claims.get(&request.run) {
            Some(claim) => claim.clone(),
            None => {
                let wanted = names::branch_name(&request.identifier, &request.title);
                let free = names::alternatives(&wanted)
                    .find(|name| !repository.branches.contains_key(name));
                (free.ok_or(WorkspaceError::NoFreeBranch { branch: wanted })?, tip)
            }
        };
        let _claim = repository.claims.insert(request.run, (branch.clone(), base_commit.clone()));
        let head = repository
            .branches
            .entry(branch.clone())
            .or_insert_with(|| base_commit.clone())
            .clone();
        let files = repository.files(&head);
        let workspace = Workspace {
            path: path.to_string_lossy().into_owned(),
            branch: branch.clone(),
            base_branch,
            base_commit,
        };
        let tree = Tree {
            run: request.run,
            repository: request.repository.clone(),
            workspace: workspace.clone(),
            on: branch,
            files,
        };
        let _none = state.trees.insert(path, tree);
        Ok(workspace)
    }

    async fn head(&self, workspace: &Workspace) -> Result<String, WorkspaceError> {
        let mut state = self.lock();
        let (tree, repository) = state.open(workspace)?;
        repository.tip(&tree.workspace.branch)
    }

    async fn commit(
        &self,
        workspace: &Workspace,
        message: &str,
        trailers: &[(String, String)],
    ) -> Result<Change, WorkspaceError> {
        let mut state = self.lock();
        let (tree, repository) = state.open(workspace)?;
        let expected = tree.workspace.branch.clone();
        if tree.on != expected {
            let salvaged = repository.salvage(&tree)?;
            return Err(WorkspaceError::WrongBranch { expected, actual: tree.on, salvaged });
        }
        let mut head = repository.tip(&expected)?;
        if repository.files(&head) != tree.files {
            head = repository.add(vec![head], tree.files, with_trailers(message, trailers));
            let _previous = repository.branches.insert(expected, head.clone());
        }
        Ok(repository.measure(&tree.workspace.base_commit, &head))
    }

    async fn measure(&self, workspace: &Workspace) -> Result<Change, WorkspaceError> {
        let mut state = self.lock();
        let (tree, repository) = state.open(workspace)?;
        let head = repository.tip(&tree.workspace.branch)?;
        Ok(repository.measure(&tree.workspace.base_commit, &head))
    }

    async fn fingerprint(&self, workspace: &Workspace) -> Result<Fingerprint, WorkspaceError> {
        let mut state = self.lock();
        let (tree, repository) = state.open(workspace)?;
        let digest = |files: &Files| hex::encode(Sha256::digest(format!("{files:?}")));
        let on = repository.tip(&tree.on)?;
        Ok(Fingerprint {
            index: digest(&repository.files(&on)),
            head: format!("refs/heads/{} {on}", tree.on),
            branch: repository.tip(&tree.workspace.branch)?,
            files: digest(&tree.files),
        })
    }

    async fn restore(&self, workspace: &Workspace, head: &str) -> Result<(), WorkspaceError> {
        let mut state = self.lock();
        let (tree, repository) = state.open(workspace)?;
        repository.require(head)?;
        let _saved = repository.salvage(&tree)?;
        let branch = tree.workspace.branch.clone();
        let tip = repository.tip(&branch)?;
        if !repository.contains(head, &tip) {
            let files = repository.files(&tip);
            let _saved = repository.save(tree.run, &tip, files);
        }
        let _previous = repository.branches.insert(branch.clone(), head.to_owned());
        let files = repository.files(head);
        state.put_files(&workspace.path, branch, files);
        Ok(())
    }

    async fn diff(
        &self,
        workspace: &Workspace,
        max_bytes: usize,
    ) -> Result<DiffText, WorkspaceError> {
        let mut state = self.lock();
        let (tree, repository) = state.open(workspace)?;
        let head = repository.tip(&tree.workspace.branch)?;
        Ok(fit(repository.patches(&tree.workspace.base_commit, &head), max_bytes))
    }

    async fn salvage(
        &self,
        workspace: &Workspace,
        run: RunId,
    ) -> Result<Option<String>, WorkspaceError> {
        let mut state = self.lock();
        let (tree, repository) = state.open(workspace)?;
        tree.require_run(run)?;
        repository.salvage(&tree)
    }

    async fn merge_candidate(
        &self,
        workspace: &Workspace,
        head: &str,
        message: &str,
        trailers: &[(String, String)],
        at: Timestamp,
    ) -> Result<Candidate, WorkspaceError> {
        let mut state = self.lock();
        let (tree, repository) = state.open(workspace)?;
        repository.require(head)?;
        let before = repository.tip(&tree.workspace.base_branch)?;
        if let Some(done) = repository.earlier_merge(&before, head, &tree) {
            return Ok(done);
        }
        let files =
            repository.merged(&before, head).map_err(|paths| WorkspaceError::Conflict { paths })?;
        let mut trailers = trailers.to_vec();
        trailers.push((RUN_TRAILER.to_owned(), tree.run.to_string()));
        trailers.push((HEAD_TRAILER.to_owned(), head.to_owned()));
        let message = with_trailers(&format!("{message}\n\nDate: {at}"), &trailers);
        let commit = repository.add(vec![before.clone(), head.to_owned()], files, message);
        Ok(Candidate::Merge { before, commit })
    }

    async fn files_at(
        &self,
        repository: &Path,
        commit: &str,
        paths: &[&str],
        max_bytes: u64,
    ) -> Result<Vec<FileAt>, WorkspaceError> {
        let mut state = self.lock();
        let repository = state.repository(repository)?;
        repository.require(commit)?;
        Ok(repository.files_at(commit, paths, max_bytes))
    }

    async fn versions(
        &self,
        repository: &Path,
        commit: &str,
        path: &str,
        most: usize,
    ) -> Result<Vec<String>, WorkspaceError> {
        let mut state = self.lock();
        let repository = state.repository(repository)?;
        repository.require(commit)?;
        Ok(repository.versions(commit, path, most))
    }

    async fn base(
        &self,
        repository: &Path,
        configured: Option<&str>,
    ) -> Result<(String, String), WorkspaceError> {
        let mut state = self.lock();
        let repository = state.repository(repository)?;
        let branch = configured.unwrap_or(&repository.default_branch).to_owned();
        let tip = repository.tip(&branch)?;
        Ok((branch, tip))
    }

    async fn checkout(
        &self,
        repository: &Path,
        commit: &str,
        label: &str,
    ) -> Result<PathBuf, WorkspaceError> {
        let mut state = self.lock();
        state.repository(repository)?.require(commit)?;
        let path = Path::new(ROOT).join(".checkouts").join(names::folder_key(label));
        let _replaced =
            state.checkouts.insert(path.clone(), (repository.to_owned(), commit.to_owned()));
        Ok(path)
    }

    async fn discard_checkout(&self, path: &Path) -> Result<(), WorkspaceError> {
        if !path.starts_with(Path::new(ROOT).join(".checkouts")) {
            return Err(WorkspaceError::OutsideRoot { path: path.to_owned() });
        }
        let _gone = self.lock().checkouts.remove(path);
        Ok(())
    }

    async fn advance(
        &self,
        repository: &Path,
        branch: &str,
        before: &str,
        after: &str,
    ) -> Result<Advance, WorkspaceError> {
        let mut state = self.lock();
        let repository = state.repository(repository)?;
        repository.require(before)?;
        repository.require(after)?;
        let actual = repository.tip(branch)?;
        if actual != before && actual != after {
            return Ok(Advance::Moved { actual });
        }
        let _previous = repository.branches.insert(branch.to_owned(), after.to_owned());
        Ok(Advance::Done { checked_out: None })
    }

    async fn remove(&self, workspace: &Workspace, run: RunId) -> Result<Removed, WorkspaceError> {
        let mut state = self.lock();
        let (tree, repository) = match state.open(workspace) {
            Err(WorkspaceError::NoWorkspace { .. }) => {
                return Ok(Removed { salvaged: None, branch: BranchAfter::Unknown });
            }
            opened => opened?,
        };
        tree.require_run(run)?;
        let salvaged = repository.salvage(&tree)?;
        let gone = repository.drop_branch(run, &tree.workspace.base_branch);
        let _tree = state.trees.remove(Path::new(&workspace.path));
        Ok(Removed {
            salvaged,
            branch: if gone { BranchAfter::Deleted } else { BranchAfter::Kept },
        })
    }

    async fn delete_branch_if_merged(
        &self,
        repository: &Path,
        run: RunId,
        base_branch: &str,
    ) -> Result<bool, WorkspaceError> {
        let mut state = self.lock();
        if state.trees.values().any(|tree| tree.run == run) {
            return Ok(false);
        }
        Ok(state.repository(repository)?.drop_branch(run, base_branch))
    }

    async fn inventory(&self, repository: &Path) -> Result<Vec<FoundWorktree>, WorkspaceError> {
        let mut state = self.lock();
        let _known = state.repository(repository)?;
        Ok(state.inventory(repository))
    }
}
