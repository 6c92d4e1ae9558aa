//! What people and agents do to repositories and worktrees in memory, so that a simulation can play them.

use std::path::{Path, PathBuf};

use super::super::WorkspaceError;
use super::InMemoryWorkspaces;
use super::history::{Files, Repository};
use crate::domain::change::Workspace;

impl InMemoryWorkspaces {
    /// Adds a repository with one commit of `files` on `default_branch`; without files it has no commit at all.
    pub fn add_repository(
        &self,
        path: impl Into<PathBuf>,
        default_branch: &str,
        files: &[(&str, &str)],
    ) {
        let mut repository =
            Repository { default_branch: default_branch.to_owned(), ..Repository::default() };
        if !files.is_empty() {
            let commit = repository.add(Vec::new(), collect(files), "First\n".to_owned());
            let _none = repository.branches.insert(default_branch.to_owned(), commit);
        }
        let _replaced = self.lock().repositories.insert(path.into(), repository);
    }

    /// Somebody commits to a branch of the repository itself; the answer is the commit.
    ///
    /// # Errors
    /// When there is no such repository or branch.
    pub fn commit_to(
        &self,
        repository: &Path,
        branch: &str,
        files: &[(&str, &str)],
    ) -> Result<String, WorkspaceError> {
        let mut state = self.lock();
        let repository = state.repository(repository)?;
        let tip = repository.tip(branch)?;
        let mut all = repository.files(&tip);
        all.extend(collect(files));
        let commit = repository.add(vec![tip], all, "Somebody else\n".to_owned());
        let _previous = repository.branches.insert(branch.to_owned(), commit.clone());
        Ok(commit)
    }

    /// The commit of a branch.
    ///
    /// # Errors
    /// When there is no such repository or branch.
    pub fn tip(&self, repository: &Path, branch: &str) -> Result<String, WorkspaceError> {
        self.lock().repository(repository)?.tip(branch)
    }

    /// The message of a commit.
    ///
    /// # Errors
    /// When there is no such repository or commit.
    pub fn message(&self, repository: &Path, commit: &str) -> Result<String, WorkspaceError> {
        let mut state = self.lock();
        let found = state.repository(repository)?.commits.get(commit);
        found
            .map(|found| found.message.clone())
            .ok_or(WorkspaceError::NoCommit { commit: commit.to_owned() })
    }

    /// The text of a file in a commit.
    ///
    /// # Errors
    /// When there is no such repository.
    pub fn file_at(
        &self,
        repository: &Path,
        commit: &str,
        path: &str,
    ) -> Result<Option<String>, WorkspaceError> {
        Ok(self.lock().repository(repository)?.files(commit).remove(path))
    }

    /// Writes a file in a worktree, or deletes it.
    ///
    /// # Errors
    /// When there is no such worktree.
    pub fn write(
        &self,
        workspace: &Workspace,
        path: &str,
        text: Option<&str>,
    ) -> Result<(), WorkspaceError> {
        let mut state = self.lock();
        let mut tree = state.tree(workspace)?;
        match text {
            Some(text) => tree.files.insert(path.to_owned(), text.to_owned()),
            None => tree.files.remove(path),
        };
        state.put_files(&workspace.path, tree.on, tree.files);
        Ok(())
    }

    /// Reads a file in a worktree.
    ///
    /// # Errors
    /// When there is no such worktree.
    pub fn read(
        &self,
        workspace: &Workspace,
        path: &str,
    ) -> Result<Option<String>, WorkspaceError> {
        Ok(self.lock().tree(workspace)?.files.remove(path))
    }

    /// An agent switches a worktree to another branch, keeping the files.
    ///
    /// # Errors
    /// When there is no such worktree or branch.
    pub fn switch(&self, workspace: &Workspace, branch: &str) -> Result<(), WorkspaceError> {
        let mut state = self.lock();
        let (tree, repository) = state.open(workspace)?;
        let _tip = repository.tip(branch)?;
        state.put_files(&workspace.path, branch.to_owned(), tree.files);
        Ok(())
    }
}

fn collect(files: &[(&str, &str)]) -> Files {
    files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
}
