//! Worktrees by the `git` command.
//!
//! What an agent can write must not decide what git does here. So every call names the repository explicitly instead of
//! finding it from the worktree; hooks, filters, merge drivers, monitors, signing, transports, replacement objects and the
//! user's own configuration are off ([`command`], [`repository`]); what is known about a worktree is kept beside it, not in
//! it ([`record`]). Needs git 2.38 or later (`merge-tree --write-tree`).

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use super::{
    Advance, BranchAfter, Candidate, DiffText, FileAt, Fingerprint, FoundWorktree, Prepare,
    Removed, WorkspaceError, Workspaces,
};
use crate::domain::change::{Change, Workspace};
use crate::domain::ids::RunId;
use crate::domain::time::Timestamp;

mod command;
mod contents;
mod measure;
mod merge;
mod places;
mod prepare;
mod record;
mod removal;
mod repository;
mod staging;
mod tree;

#[cfg(test)]
mod tests;

use command::Runner;
use repository::Repository;
use tree::{Place, Tree};

/// How git is called and where worktrees go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitSettings {
    /// The program; without a slash it is looked up in `search_path`.
    pub program: PathBuf,
    /// `PATH` for git.
    pub search_path: String,
    /// `HOME` for git: a private directory of ours, made if need be, in which nobody configures anything.
    pub home: PathBuf,
    /// The directory for worktrees, made if need be; must not be inside a repository it is used for.
    pub root: PathBuf,
    /// Name of author and committer. Default: `Enact Factory`.
    pub author_name: String,
    /// Address of author and committer. Default: `factory@enact.invalid`.
    pub author_email: String,
    /// How long one git command may take. Default: 10 minutes, which a checkout of a very large repository needs.
    pub timeout: Duration,
    /// How many git commands may run at once. Default: 8.
    pub concurrency: usize,
}

impl GitSettings {
    /// The defaults for worktrees under `root`.
    #[must_use]
    pub fn new(root: PathBuf, home: PathBuf, search_path: String) -> Self {
        Self {
            program: PathBuf::from("git"),
            search_path,
            home,
            root,
            author_name: "Enact Factory".to_owned(),
            author_email: "factory@enact.invalid".to_owned(),
            timeout: Duration::from_secs(600),
            concurrency: 8,
        }
    }
}

/// [`Workspaces`] in real repositories.
#[derive(Debug)]
pub struct GitWorkspaces {
    runner: Arc<Runner>,
    /// One lock per repository, by the real path of its shared directory: git's own lock files make the loser fail.
    locks: Mutex<HashMap<PathBuf, Arc<Semaphore>>>,
}

impl GitWorkspaces {
    /// Worktrees as `settings` say; git is stopped when `cancel` is.
    ///
    /// # Errors
    /// When the directories cannot be made.
    pub fn new(settings: GitSettings, cancel: CancellationToken) -> Result<Self, WorkspaceError> {
        places::make_private(&settings.home)?;
        let _real = places::root(&settings.root)?;
        Ok(Self {
            runner: Arc::new(Runner::new(settings, cancel)),
            locks: Mutex::new(HashMap::new()),
        })
    }

    /// What `git --version` says.
    ///
    /// # Errors
    /// When git cannot be run.
    pub async fn version(&self) -> Result<String, WorkspaceError> {
        self.runner.at(self.runner.root()).text(&["--version"]).await
    }

    /// Waits for the right to write to a repository.
    async fn hold(&self, common: &Path) -> Result<OwnedSemaphorePermit, WorkspaceError> {
        let semaphore = {
            let mut locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(
                locks.entry(common.to_owned()).or_insert_with(|| Arc::new(Semaphore::new(1))),
            )
        };
        tokio::select! {
            () = self.runner.cancel().cancelled() => Err(WorkspaceError::Cancelled),
            permit = semaphore.acquire_owned() => permit.map_err(|_| WorkspaceError::Cancelled),
        }
    }

    async fn open(&self, repository: &Path) -> Result<Repository, WorkspaceError> {
        Repository::open(&self.runner, repository).await
    }

    async fn place(&self, workspace: &Workspace) -> Result<Place, WorkspaceError> {
        Place::open(&self.runner, workspace).await
    }
}

#[async_trait]
impl Workspaces for GitWorkspaces {
    async fn prepare(&self, request: &Prepare) -> Result<Workspace, WorkspaceError> {
        let repository = self.open(&request.repository).await?;
        let _held = self.hold(&repository.common).await?;
        prepare::prepare(&self.runner, repository, request).await
    }

    async fn head(&self, workspace: &Workspace) -> Result<String, WorkspaceError> {
        self.place(workspace).await?.head().await
    }

    async fn commit(
        &self,
        workspace: &Workspace,
        message: &str,
        trailers: &[(String, String)],
    ) -> Result<Change, WorkspaceError> {
        let place = self.place(workspace).await?;
        let _held = self.hold(&place.repository.common).await?;
        let tree = Tree::open(&self.runner, &place).await?;
        tree.commit_all(message, trailers).await?;
        measure::measure(&place.repository.git, &place.record.base_commit, &place.head().await?)
            .await
    }

    async fn measure(&self, workspace: &Workspace) -> Result<Change, WorkspaceError> {
        let place = self.place(workspace).await?;
        measure::measure(&place.repository.git, &place.record.base_commit, &place.head().await?)
            .await
    }

    async fn fingerprint(&self, workspace: &Workspace) -> Result<Fingerprint, WorkspaceError> {
        let place = self.place(workspace).await?;
        Tree::open(&self.runner, &place).await?.fingerprint().await
    }

    async fn restore(&self, workspace: &Workspace, head: &str) -> Result<(), WorkspaceError> {
        let place = self.place(workspace).await?;
        let _held = self.hold(&place.repository.common).await?;
        Tree::open(&self.runner, &place).await?.restore(head).await
    }

    async fn diff(
        &self,
        workspace: &Workspace,
        max_bytes: usize,
    ) -> Result<DiffText, WorkspaceError> {
        let place = self.place(workspace).await?;
        let head = place.head().await?;
        measure::diff(&place.repository.git, &place.record.base_commit, &head, max_bytes).await
    }

    async fn salvage(
        &self,
        workspace: &Workspace,
        run: RunId,
    ) -> Result<Option<String>, WorkspaceError> {
        let place = self.place(workspace).await?;
        require_run(&place, run)?;
        let _held = self.hold(&place.repository.common).await?;
        let tree = Tree::open(&self.runner, &place).await?;
        tree.unlock()?;
        tree.salvage(None).await
    }

    async fn files_at(
        &self,
        repository: &Path,
        commit: &str,
        paths: &[&str],
        max_bytes: u64,
    ) -> Result<Vec<FileAt>, WorkspaceError> {
        let repository = self.open(repository).await?;
        contents::files_at(&repository.git, commit, paths, max_bytes).await
    }

    async fn versions(
        &self,
        repository: &Path,
        commit: &str,
        path: &str,
        most: usize,
    ) -> Result<Vec<String>, WorkspaceError> {
        let repository = self.open(repository).await?;
        contents::versions(&repository.git, commit, path, most).await
    }

    async fn base(
        &self,
        repository: &Path,
        configured: Option<&str>,
    ) -> Result<(String, String), WorkspaceError> {
        self.open(repository).await?.base(configured).await
    }

    async fn merge_candidate(
        &self,
        workspace: &Workspace,
        head: &str,
        message: &str,
        trailers: &[(String, String)],
        at: Timestamp,
    ) -> Result<Candidate, WorkspaceError> {
        let place = self.place(workspace).await?;
        let _held = self.hold(&place.repository.common).await?;
        merge::candidate(&place, &merge::Wanted { head, message, trailers, at }).await
    }

    async fn checkout(
        &self,
        repository: &Path,
        commit: &str,
        label: &str,
    ) -> Result<PathBuf, WorkspaceError> {
        let repository = self.open(repository).await?;
        let _held = self.hold(&repository.common).await?;
        removal::checkout(&self.runner, &repository, commit, label).await
    }

    async fn discard_checkout(&self, path: &Path) -> Result<(), WorkspaceError> {
        let root = places::root(self.runner.root())?;
        let Some((path, common)) = removal::checkout_owner(&root, path)? else { return Ok(()) };
        let _held = self.hold(&common).await?;
        let repository = Repository::shared(&self.runner, &common).await?;
        removal::discard(&repository, &path).await
    }

    async fn advance(
        &self,
        repository: &Path,
        branch: &str,
        before: &str,
        after: &str,
    ) -> Result<Advance, WorkspaceError> {
        let repository = self.open(repository).await?;
        let _held = self.hold(&repository.common).await?;
        merge::advance(&repository, branch, before, after).await
    }

    async fn remove(&self, workspace: &Workspace, run: RunId) -> Result<Removed, WorkspaceError> {
        let Some(place) = Place::find(&self.runner, workspace).await? else {
            return Ok(Removed { salvaged: None, branch: BranchAfter::Unknown });
        };
        require_run(&place, run)?;
        let _held = self.hold(&place.repository.common).await?;
        removal::remove(&self.runner, &place).await
    }

    async fn delete_branch_if_merged(
        &self,
        repository: &Path,
        run: RunId,
        base_branch: &str,
    ) -> Result<bool, WorkspaceError> {
        let repository = self.open(repository).await?;
        let _held = self.hold(&repository.common).await?;
        removal::drop_branch(&repository, run, base_branch).await
    }

    async fn inventory(&self, repository: &Path) -> Result<Vec<FoundWorktree>, WorkspaceError> {
        removal::inventory(&self.runner, &self.open(repository).await?).await
    }
}

fn require_run(place: &Place, run: RunId) -> Result<(), WorkspaceError> {
    if place.record.run == run {
        Ok(())
    } else {
        Err(WorkspaceError::NoWorkspace { path: place.path.clone() })
    }
}
