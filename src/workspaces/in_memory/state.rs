//! What there is: repositories, worktrees, temporary checkouts.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::super::{Candidate, FoundWorktree, WorkspaceError};
use super::history::{Files, Repository};
use crate::domain::change::Workspace;
use crate::domain::ids::RunId;

/// The directory that worktrees pretend to be in.
pub(super) const ROOT: &str = "/in-memory/worktrees";

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) repositories: BTreeMap<PathBuf, Repository>,
    pub(super) trees: BTreeMap<PathBuf, Tree>,
    /// Repository and commit of each.
    pub(super) checkouts: BTreeMap<PathBuf, (PathBuf, String)>,
}

/// A worktree.
#[derive(Debug, Clone)]
pub(super) struct Tree {
    pub(super) run: RunId,
    pub(super) repository: PathBuf,
    pub(super) workspace: Workspace,
    /// The branch it is on.
    pub(super) on: String,
    pub(super) files: Files,
}

impl State {
    pub(super) fn repository(&mut self, path: &Path) -> Result<&mut Repository, WorkspaceError> {
        let missing = || WorkspaceError::NotARepository { path: path.to_owned() };
        self.repositories.get_mut(path).ok_or_else(missing)
    }

    /// All worktrees and checkouts of a repository, and the people's own.
    pub(super) fn inventory(&self, repository: &Path) -> Vec<FoundWorktree> {
        let found = |path: &Path, branch| FoundWorktree {
            path: path.to_owned(),
            branch,
            run: None,
            workspace: None,
            checkout: false,
            missing: false,
        };
        let trees = self.trees.iter().filter(|(_, tree)| tree.repository == repository).map(
            |(path, tree)| {
                let workspace = Some(tree.workspace.clone());
                FoundWorktree {
                    run: Some(tree.run),
                    workspace,
                    ..found(path, Some(tree.on.clone()))
                }
            },
        );
        let checkouts = self.checkouts.iter().filter(|(_, (owner, _))| owner == repository);
        let checkouts =
            checkouts.map(|(path, _)| FoundWorktree { checkout: true, ..found(path, None) });
        let people = found(repository, None);
        std::iter::once(people).chain(trees).chain(checkouts).collect()
    }

    pub(super) fn tree(&self, workspace: &Workspace) -> Result<Tree, WorkspaceError> {
        let path = PathBuf::from(&workspace.path);
        if !path.starts_with(ROOT) {
            return Err(WorkspaceError::OutsideRoot { path });
        }
        let found = self.trees.get(&path).filter(|tree| tree.workspace.branch == workspace.branch);
        found.cloned().ok_or(WorkspaceError::NoWorkspace { path })
    }

    /// The worktree and its repository.
    pub(super) fn open(
        &mut self,
        workspace: &Workspace,
    ) -> Result<(Tree, &mut Repository), WorkspaceError> {
        let tree = self.tree(workspace)?;
        let repository = self.repository(&tree.repository)?;
        Ok((tree, repository))
    }

    pub(super) fn put_files(&mut self, path: &str, on: String, files: Files) {
        if let Some(tree) = self.trees.get_mut(Path::new(path)) {
            (tree.on, tree.files) = (on, files);
        }
    }
}

impl Repository {
    pub(super) fn tip(&self, branch: &str) -> Result<String, WorkspaceError> {
        let missing = || WorkspaceError::BaseMissing { branch: branch.to_owned() };
        self.branches.get(branch).cloned().ok_or_else(missing)
    }

    pub(super) fn require(&self, commit: &str) -> Result<(), WorkspaceError> {
        match self.commits.contains_key(commit) {
            true => Ok(()),
            false => Err(WorkspaceError::NoCommit { commit: commit.to_owned() }),
        }
    }

    /// Saves files on top of a commit.
    pub(super) fn save(&mut self, run: RunId, parent: &str, files: Files) -> String {
        let message = "Saved by the factory: work in progress\n".to_owned();
        let mut saved = self.add(vec![parent.to_owned()], files.clone(), message.clone());
        if let Some(previous) = self.saved.get(&run).cloned() {
            if self.contains(&previous, &saved) {
                return previous;
            }
            saved = self.add(vec![saved, previous], files, message);
        }
        let _previous = self.saved.insert(run, saved.clone());
        saved
    }

    pub(super) fn salvage(&mut self, tree: &Tree) -> Result<Option<String>, WorkspaceError> {
        let head = self.tip(&tree.on)?;
        Ok((self.files(&head) != tree.files)
            .then(|| self.save(tree.run, &head, tree.files.clone())))
    }

    pub(super) fn earlier_merge(&self, tip: &str, head: &str, tree: &Tree) -> Option<Candidate> {
        let merge = self.first_parents(tip).into_iter().find(|id| {
            self.commits
                .get(id)
                .is_some_and(|commit| commit.parents.iter().skip(1).any(|parent| parent == head))
        });
        if let Some(after) = merge {
            let before =
                self.commits.get(&after).and_then(|commit| commit.parents.first().cloned());
            return Some(Candidate::AlreadyMerged { before: before.unwrap_or_default(), after });
        }
        let before = tree.workspace.base_commit.clone();
        self.contains(tip, head)
            .then(|| Candidate::AlreadyMerged { before, after: head.to_owned() })
    }

    pub(super) fn drop_branch(&mut self, run: RunId, base_branch: &str) -> bool {
        let Some((branch, base)) = self.claims.get(&run).cloned() else { return true };
        if let Some(head) = self.branches.get(&branch) {
            let merged = self.branches.get(base_branch).is_some_and(|tip| self.contains(tip, head));
            if !merged && !self.contains(&base, head) {
                return false;
            }
        }
        let _head = self.branches.remove(&branch);
        let _claim = self.claims.remove(&run);
        true
    }
}

impl Tree {
    /// Fails unless it is that run's.
    pub(super) fn require_run(&self, run: RunId) -> Result<(), WorkspaceError> {
        if self.run == run {
            Ok(())
        } else {
            Err(WorkspaceError::NoWorkspace { path: PathBuf::from(&self.workspace.path) })
        }
    }
}
