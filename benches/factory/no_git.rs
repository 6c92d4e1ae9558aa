//! Worktrees that cost nothing: plain directories and made-up commits, so that what is left is the daemon's own work.

use std::fs;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use enact_factory::domain::change::{Change, Workspace};
use enact_factory::domain::ids::RunId;
use enact_factory::domain::time::Timestamp;
use enact_factory::workspaces::{
    Advance, BranchAfter, Candidate, DiffText, FileAt, Fingerprint, FoundWorktree, Prepare,
    Removed, WorkspaceError, Workspaces,
};

/// Commit that every run starts from.
const BASE: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

/// Commit that every coder makes.
const HEAD: &str = "cccccccccccccccccccccccccccccccccccccccc";

/// Worktrees below `root`.
pub struct NoGit {
    pub root: PathBuf,
}

fn change() -> Change {
    Change {
        head: HEAD.to_owned(),
        files: vec!["work.txt".to_owned()],
        insertions: 1,
        deletions: 0,
        diff_sha256: "d".repeat(64),
    }
}

#[async_trait]
impl Workspaces for NoGit {
    async fn prepare(&self, request: &Prepare) -> Result<Workspace, WorkspaceError> {
        let path = self.root.join(request.run.to_string());
        fs::create_dir_all(&path).expect("a directory");
        Ok(Workspace {
            path: path.display().to_string(),
            branch: format!("factory/{}", request.identifier),
            base_branch: "main".to_owned(),
            base_commit: BASE.to_owned(),
        })
    }

    async fn head(&self, _: &Workspace) -> Result<String, WorkspaceError> {
        Ok(HEAD.to_owned())
    }

    async fn commit(
        &self,
        _: &Workspace,
        _: &str,
        _: &[(String, String)],
    ) -> Result<Change, WorkspaceError> {
        Ok(change())
    }

    async fn measure(&self, _: &Workspace) -> Result<Change, WorkspaceError> {
        Ok(change())
    }

    async fn fingerprint(&self, workspace: &Workspace) -> Result<Fingerprint, WorkspaceError> {
        Ok(Fingerprint {
            head: HEAD.to_owned(),
            branch: workspace.branch.clone(),
            index: String::new(),
            files: String::new(),
        })
    }

    async fn files_at(
        &self,
        _: &Path,
        _: &str,
        _: &[&str],
        _: u64,
    ) -> Result<Vec<FileAt>, WorkspaceError> {
        Ok(Vec::new())
    }

    async fn versions(
        &self,
        _: &Path,
        _: &str,
        _: &str,
        _: usize,
    ) -> Result<Vec<String>, WorkspaceError> {
        Ok(Vec::new())
    }

    async fn base(&self, _: &Path, _: Option<&str>) -> Result<(String, String), WorkspaceError> {
        Ok(("main".to_owned(), BASE.to_owned()))
    }

    async fn restore(&self, _: &Workspace, _: &str) -> Result<(), WorkspaceError> {
        Ok(())
    }

    async fn diff(&self, _: &Workspace, _: usize) -> Result<DiffText, WorkspaceError> {
        Ok(DiffText { text: "+done\n".to_owned(), ..DiffText::default() })
    }

    async fn salvage(&self, _: &Workspace, _: RunId) -> Result<Option<String>, WorkspaceError> {
        Ok(None)
    }

    async fn merge_candidate(
        &self,
        _: &Workspace,
        _: &str,
        _: &str,
        _: &[(String, String)],
        _: Timestamp,
    ) -> Result<Candidate, WorkspaceError> {
        Err(WorkspaceError::Cancelled)
    }

    async fn checkout(&self, _: &Path, _: &str, _: &str) -> Result<PathBuf, WorkspaceError> {
        Err(WorkspaceError::Cancelled)
    }

    async fn discard_checkout(&self, _: &Path) -> Result<(), WorkspaceError> {
        Ok(())
    }

    async fn advance(
        &self,
        _: &Path,
        _: &str,
        _: &str,
        _: &str,
    ) -> Result<Advance, WorkspaceError> {
        Err(WorkspaceError::Cancelled)
    }

    async fn remove(&self, _: &Workspace, _: RunId) -> Result<Removed, WorkspaceError> {
        Ok(Removed { salvaged: None, branch: BranchAfter::Kept })
    }

    async fn delete_branch_if_merged(
        &self,
        _: &Path,
        _: RunId,
        _: &str,
    ) -> Result<bool, WorkspaceError> {
        Ok(true)
    }

    async fn inventory(&self, _: &Path) -> Result<Vec<FoundWorktree>, WorkspaceError> {
        Ok(Vec::new())
    }
}
