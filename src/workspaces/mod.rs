//! Where runs work: one git worktree and one branch per run, and how a branch gets into its base.
//!
//! Responsible for: making, finding again, measuring, saving and removing worktrees; building a merge without touching
//! anybody's checkout; moving the base branch by compare-and-swap. Every operation may be repeated after a crash at any
//! point. Never runs anything the repository or an agent provides (hooks, filters, drivers, monitors), never uses the
//! network, never writes to a checkout or an index it did not make, and never removes anything before it is saved.

use std::path::{Path, PathBuf};

use async_trait::async_trait;

use crate::domain::change::{Change, Workspace};
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::ids::{ProjectId, RunId};
use crate::domain::time::Timestamp;
use crate::process::ProcessError;

pub mod git;
pub mod in_memory;
pub mod names;
mod patch;

/// The trailer that says which run made a commit.
pub const RUN_TRAILER: &str = "Factory-Run";
/// The trailer of a merge that says which head it merged.
pub const HEAD_TRAILER: &str = "Factory-Head";

/// What a worktree is wanted for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepare {
    /// The run that will work in it.
    pub run: RunId,
    /// The project it belongs to: names the folder.
    pub project: ProjectId,
    /// The repository: the top of a checkout, or a bare repository.
    pub repository: PathBuf,
    /// The configured base branch; when absent the repository's own default is resolved.
    pub base_branch: Option<String>,
    /// Human key of the work item: first part of the branch name.
    pub identifier: String,
    /// Title of the work item: second part of the branch name.
    pub title: String,
    /// A branch of an earlier run to go on with, if it still is where that run left it; otherwise a new one is made.
    pub continues: Option<crate::domain::pull_request::Offer>,
}

/// Everything a read-only stage could have changed. Equal fingerprints mean that it changed nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint {
    /// What HEAD points to, and the commit that is.
    pub head: String,
    /// The commit of the run's branch.
    pub branch: String,
    /// Digest of the index, flags included.
    pub index: String,
    /// Digest of all files that are not ignored, untracked ones included.
    pub files: String,
}

/// A diff for reading. Files are in it whole or not at all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DiffText {
    /// The unified diff from base to head of the files that fit.
    pub text: String,
    /// Paths of text files that did not fit, in diff order.
    pub left_out: Vec<String>,
    /// Paths of changed files that are not text, in diff order.
    pub binary: Vec<String>,
}

/// A file as a commit has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileAt {
    /// Its path in the repository.
    pub path: String,
    /// Its length in bytes.
    pub bytes: u64,
    /// Its text; absent when it is longer than was asked for, or no text, or a link.
    pub text: Option<String>,
}

/// How a branch can get into its base.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Candidate {
    /// The base has it already: an earlier try got that far, or people merged it.
    AlreadyMerged {
        /// The base's commit before that merge; the run's base commit when there is no merge of exactly this head.
        before: String,
        /// The merge commit; the head itself when there is no merge of exactly this head.
        after: String,
    },
    /// A merge commit that nothing points to yet.
    Merge {
        /// The base's commit, the first parent.
        before: String,
        /// The merge commit.
        commit: String,
    },
}

/// What became of a wish to move a branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Advance {
    /// The branch is where it should be, by this call or an earlier one.
    Done {
        /// A checkout of the branch. Its files and index were not touched, so it still shows the commit before;
        /// [`sync_command`] brings it up to date.
        checked_out: Option<PathBuf>,
    },
    /// Somebody else moved it first; nothing was changed.
    Moved {
        /// Where it is now.
        actual: String,
    },
}

/// What removing a worktree left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removed {
    /// The commit on `refs/factory/wip/<run>` with what was uncommitted, if anything was.
    pub salvaged: Option<String>,
    /// What became of the run's branch.
    pub branch: BranchAfter,
}

/// What became of a run's branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BranchAfter {
    /// It has commits that the base has not.
    Kept,
    /// Everything in it is in the base.
    Deleted,
    /// The worktree had been removed before; nothing was looked at.
    Unknown,
}

/// A worktree that git knows of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundWorktree {
    /// Where it is, or was.
    pub path: PathBuf,
    /// Short name of the branch it has checked out.
    pub branch: Option<String>,
    /// The run it belongs to; absent for people's own worktrees and for [`Workspaces::checkout`]s.
    pub run: Option<RunId>,
    /// The run's workspace as it was prepared, when that is on record.
    pub workspace: Option<Workspace>,
    /// Whether it is a temporary checkout made by [`Workspaces::checkout`].
    pub checkout: bool,
    /// Whether its directory is gone.
    pub missing: bool,
}

/// Why a workspace operation did not work.
#[derive(Debug, thiserror::Error)]
pub enum WorkspaceError {
    /// Nothing there, or no git repository.
    #[error("not a git repository: {}", path.display())]
    NotARepository {
        /// The configured path.
        path: PathBuf,
    },
    /// A directory somewhere inside a repository.
    #[error("{} is inside the repository {}, not its top", path.display(), top.display())]
    NotTheTop {
        /// The configured path.
        path: PathBuf,
        /// The repository around it.
        top: PathBuf,
    },
    /// A sub-module of another repository.
    #[error("{} is a sub-module of {}", path.display(), parent.display())]
    SubModule {
        /// The configured path.
        path: PathBuf,
        /// The repository around it.
        parent: PathBuf,
    },
    /// A repository without a commit.
    #[error("{} has no commits yet", path.display())]
    NoCommits {
        /// The configured path.
        path: PathBuf,
    },
    /// The wanted base branch is not there.
    #[error("there is no branch `{branch}`, neither local nor of origin")]
    BaseMissing {
        /// The configured or recorded branch.
        branch: String,
    },
    /// Nothing says which branch is the base.
    #[error("no base branch could be found: configure one")]
    BaseUnresolved,
    /// A path that leads out of the directory for worktrees.
    #[error("{} is not inside the directory for worktrees", path.display())]
    OutsideRoot {
        /// The offending path.
        path: PathBuf,
    },
    /// The directory for worktrees is inside the repository.
    #[error("the directory for worktrees {} is inside the repository {}", root.display(), repository.display())]
    RootInRepository {
        /// The directory for worktrees.
        root: PathBuf,
        /// The repository.
        repository: PathBuf,
    },
    /// Something that is not ours is where the worktree should be.
    #[error("{} is taken by something else", path.display())]
    Occupied {
        /// Where the worktree should be.
        path: PathBuf,
    },
    /// Somebody has the run's branch checked out.
    #[error("branch `{branch}` is checked out at {}", path.display())]
    BranchInUse {
        /// The run's branch.
        branch: String,
        /// The other worktree.
        path: PathBuf,
    },
    /// No free name for the run's branch.
    #[error("no free branch name like `{branch}`")]
    NoFreeBranch {
        /// The first name tried.
        branch: String,
    },
    /// The worktree is not on the run's branch, so nothing was committed; what was uncommitted is saved.
    #[error("the worktree is on `{actual}` instead of `{expected}`")]
    WrongBranch {
        /// The run's branch.
        expected: String,
        /// What HEAD is; `detached at <commit>` when on no branch.
        actual: String,
        /// The commit on `refs/factory/wip/<run>` that holds what was uncommitted.
        salvaged: Option<String>,
    },
    /// Nothing is known about this workspace: it was never prepared here, or is removed.
    #[error("no workspace at {}", path.display())]
    NoWorkspace {
        /// The path asked for.
        path: PathBuf,
    },
    /// Git no longer knows the worktree; preparing it again repairs that.
    #[error("git does not know the worktree {}", path.display())]
    Unregistered {
        /// Its path.
        path: PathBuf,
    },
    /// Head and base changed the same places.
    #[error("conflict with the base in {}", paths.join(", "))]
    Conflict {
        /// The paths, sorted.
        paths: Vec<String>,
    },
    /// Not a commit of this repository.
    #[error("no commit `{commit}`")]
    NoCommit {
        /// What was asked for.
        commit: String,
    },
    /// The repository's configuration cannot be made harmless.
    #[error("the repository's git configuration cannot be made safe: {reason}")]
    UnsafeConfiguration {
        /// What is wrong with it.
        reason: String,
    },
    /// Git said no.
    #[error("git {command} failed: {message}")]
    Git {
        /// The sub-command.
        command: String,
        /// Exit code, if it exited.
        code: Option<i32>,
        /// The last lines it wrote to standard error.
        message: String,
    },
    /// Git took too long.
    #[error("git {command} took too long")]
    TimedOut {
        /// The sub-command.
        command: String,
    },
    /// Git said more than is kept.
    #[error("git {command} said too much")]
    TooMuchOutput {
        /// The sub-command.
        command: String,
    },
    /// We are shutting down.
    #[error("cancelled")]
    Cancelled,
    /// Git could not be run.
    #[error("git could not be run")]
    Process(#[source] ProcessError),
    /// The file system said no.
    #[error("could not {action} {}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// With what.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

impl WorkspaceError {
    /// Who must act, in the terms that drive retries.
    #[must_use]
    pub fn class(&self) -> FailureClass {
        match self {
            Self::NotARepository { .. }
            | Self::NotTheTop { .. }
            | Self::SubModule { .. }
            | Self::NoCommits { .. }
            | Self::BaseMissing { .. }
            | Self::BaseUnresolved
            | Self::OutsideRoot { .. }
            | Self::RootInRepository { .. }
            | Self::Occupied { .. }
            | Self::BranchInUse { .. }
            | Self::NoFreeBranch { .. }
            | Self::UnsafeConfiguration { .. } => FailureClass::Configuration,
            Self::WrongBranch { .. } | Self::Conflict { .. } => FailureClass::Agent,
            Self::Cancelled => FailureClass::Cancelled,
            Self::NoWorkspace { .. }
            | Self::Unregistered { .. }
            | Self::NoCommit { .. }
            | Self::Git { .. }
            | Self::TimedOut { .. }
            | Self::TooMuchOutput { .. }
            | Self::Process(_)
            | Self::Io { .. } => FailureClass::Infrastructure,
        }
    }
}

impl From<&WorkspaceError> for Failure {
    /// The error with all its sources as one sentence.
    fn from(error: &WorkspaceError) -> Self {
        let mut message = error.to_string();
        let mut source = std::error::Error::source(error);
        while let Some(cause) = source {
            message.push_str(": ");
            message.push_str(&cause.to_string());
            source = cause.source();
        }
        Self::new(error.class(), message)
    }
}

/// Worktrees and what is done with them. Paths in a [`Workspace`] are those that [`Workspaces::prepare`] answered with.
/// No agent may be running in a workspace while one of these is called on it.
#[async_trait]
pub trait Workspaces: Send + Sync {
    /// Makes the run's worktree on its own branch `factory/<identifier>-<slug>`, or finds it again and repairs what a
    /// crash left half done. Work in a worktree that was ready is kept, committed or not. A branch name that is taken by
    /// anything but this run gets `-2`, `-3`…
    ///
    /// The base is the configured branch, else where `origin/HEAD` points, else the branch the repository is on, else
    /// `init.defaultBranch`, `main` or `master`; a local branch goes before the one of `origin`.
    async fn prepare(&self, request: &Prepare) -> Result<Workspace, WorkspaceError>;

    /// The commit of the run's branch.
    async fn head(&self, workspace: &Workspace) -> Result<String, WorkspaceError>;

    /// Commits everything that is uncommitted and not ignored, if anything is, and measures the branch. Nested
    /// repositories are committed as plain files. Refuses, after saving, when the worktree is not on the run's branch.
    async fn commit(
        &self,
        workspace: &Workspace,
        message: &str,
        trailers: &[(String, String)],
    ) -> Result<Change, WorkspaceError>;

    /// What the run's branch changes, from its base commit to its head.
    async fn measure(&self, workspace: &Workspace) -> Result<Change, WorkspaceError>;

    /// A digest of everything a stage that may only read could have changed.
    async fn fingerprint(&self, workspace: &Workspace) -> Result<Fingerprint, WorkspaceError>;

    /// Puts branch, index and files back to `head`, after saving what was there instead as [`Workspaces::salvage`] does.
    /// Ignored files stay.
    async fn restore(&self, workspace: &Workspace, head: &str) -> Result<(), WorkspaceError>;

    /// The diff from base commit to head in at most `max_bytes`, whole files only.
    async fn diff(
        &self,
        workspace: &Workspace,
        max_bytes: usize,
    ) -> Result<DiffText, WorkspaceError>;

    /// The files of `commit` at `paths`, sorted by path; a path of a directory means all files in and below it. What is not
    /// there is not in the answer. Nothing but the commit is read: no checkout, no filters.
    async fn files_at(
        &self,
        repository: &Path,
        commit: &str,
        paths: &[&str],
        max_bytes: u64,
    ) -> Result<Vec<FileAt>, WorkspaceError>;

    /// The commits in the history of `commit` that changed `path`, newest first, at most `most`.
    async fn versions(
        &self,
        repository: &Path,
        commit: &str,
        path: &str,
        most: usize,
    ) -> Result<Vec<String>, WorkspaceError>;

    /// The base branch of a repository as [`Workspaces::prepare`] finds it, and its commit.
    async fn base(
        &self,
        repository: &Path,
        configured: Option<&str>,
    ) -> Result<(String, String), WorkspaceError>;

    /// Saves what is uncommitted (staged, unstaged and untracked) as a commit on `refs/factory/wip/<run>` without
    /// touching branch, index or files. The answer is that commit, `None` when there was nothing to save. What was saved
    /// before stays reachable from it; saving the same again makes no new commit.
    async fn salvage(
        &self,
        workspace: &Workspace,
        run: RunId,
    ) -> Result<Option<String>, WorkspaceError>;

    /// Builds the merge of `head` into the base branch in the object store; moves nothing. The trailers `Factory-Run` and
    /// `Factory-Head` are added. `at` is the date of the merge commit: the same arguments give the same commit.
    async fn merge_candidate(
        &self,
        workspace: &Workspace,
        head: &str,
        message: &str,
        trailers: &[(String, String)],
        at: Timestamp,
    ) -> Result<Candidate, WorkspaceError>;

    /// A fresh temporary checkout of `commit`, on no branch. `label` names it: the same label replaces the one before.
    async fn checkout(
        &self,
        repository: &Path,
        commit: &str,
        label: &str,
    ) -> Result<PathBuf, WorkspaceError>;

    /// Removes a temporary checkout with everything in it. Removing it again is no error.
    async fn discard_checkout(&self, path: &Path) -> Result<(), WorkspaceError>;

    /// Moves `branch` from `before` to `after` if it is still at `before`. Checkouts of it are not touched.
    async fn advance(
        &self,
        repository: &Path,
        branch: &str,
        before: &str,
        after: &str,
    ) -> Result<Advance, WorkspaceError>;

    /// Saves what is uncommitted, then removes the worktree, and the branch if it holds nothing that the base has not.
    /// Removing it again is no error.
    async fn remove(&self, workspace: &Workspace, run: RunId) -> Result<Removed, WorkspaceError>;

    /// Deletes the branch that a removed run left behind if everything in it is in `base_branch` by now. Says whether
    /// the run has no branch any more.
    async fn delete_branch_if_merged(
        &self,
        repository: &Path,
        run: RunId,
        base_branch: &str,
    ) -> Result<bool, WorkspaceError>;

    /// All worktrees of a repository, people's own included.
    async fn inventory(&self, repository: &Path) -> Result<Vec<FoundWorktree>, WorkspaceError>;
}

/// The command that brings a checkout up to date after its branch was moved from `before`, keeping local changes; it
/// refuses where they would be overwritten.
#[must_use]
pub fn sync_command(checkout: &Path, before: &str) -> String {
    let quoted = checkout.display().to_string().replace('\'', r"'\''");
    format!("git -C '{quoted}' read-tree -m -u {before} HEAD")
}
