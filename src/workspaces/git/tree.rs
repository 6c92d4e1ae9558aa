//! A run's worktree as git sees it, addressed so that nothing an agent wrote into it decides which repository is meant.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::TempDir;

use super::super::WorkspaceError;
use super::command::{Git, Runner};
use super::places;
use super::record::{self, Record};
use super::repository::{Repository, branch_ref, commit_of, harmless};
use crate::domain::change::Workspace;

/// What git leaves in a worktree's administration while an operation of several steps is under way.
const UNFINISHED: [&str; 13] = [
    "MERGE_HEAD",
    "MERGE_MSG",
    "MERGE_MODE",
    "MERGE_RR",
    "AUTO_MERGE",
    "SQUASH_MSG",
    "CHERRY_PICK_HEAD",
    "REVERT_HEAD",
    "REBASE_HEAD",
    "BISECT_LOG",
    "rebase-merge",
    "rebase-apply",
    "sequencer",
];

/// A prepared workspace: what is on record about it, and its repository.
#[derive(Debug)]
pub(super) struct Place {
    /// Real path of the worktree.
    pub(super) path: PathBuf,
    /// What is on record.
    pub(super) record: Record,
    /// The repository it belongs to.
    pub(super) repository: Repository,
}

impl Place {
    /// Finds what is on record about `workspace`; `None` when nothing is (any more).
    pub(super) async fn find(
        runner: &Arc<Runner>,
        workspace: &Workspace,
    ) -> Result<Option<Self>, WorkspaceError> {
        let root = places::root(runner.root())?;
        let path = match places::contained(&root, Path::new(&workspace.path)) {
            Err(WorkspaceError::NoWorkspace { .. }) => return Ok(None),
            path => path?,
        };
        let Some(record) = record::read::<Record>(&path)? else { return Ok(None) };
        if record.branch != workspace.branch {
            return Err(WorkspaceError::NoWorkspace { path });
        }
        let repository = Repository::shared(runner, &record.common).await?;
        Ok(Some(Self { path, record, repository }))
    }

    /// The same for a workspace that must be there.
    pub(super) async fn open(
        runner: &Arc<Runner>,
        workspace: &Workspace,
    ) -> Result<Self, WorkspaceError> {
        let missing = || WorkspaceError::NoWorkspace { path: PathBuf::from(&workspace.path) };
        Self::find(runner, workspace).await?.ok_or_else(missing)
    }

    /// The full name of the run's branch.
    pub(super) fn branch_ref(&self) -> String {
        branch_ref(&self.record.branch)
    }

    /// The commit of the run's branch.
    pub(super) async fn head(&self) -> Result<String, WorkspaceError> {
        let missing = || WorkspaceError::NoCommit { commit: self.record.branch.clone() };
        self.repository.commit_of(&self.branch_ref()).await?.ok_or_else(missing)
    }
}

/// A worktree that is there.
#[derive(Debug)]
pub(super) struct Tree<'a> {
    /// Whose worktree it is.
    pub(super) place: &'a Place,
    /// Git in the worktree.
    pub(super) git: Git,
    /// What the worktree is on: `HEAD`, or the run's branch where git has forgotten the worktree.
    head_name: String,
    /// The index; absent where git has forgotten the worktree.
    index: Option<PathBuf>,
    /// Git's directory for the worktree, or the folder of worktrees where git has forgotten it.
    scratch: PathBuf,
}

impl<'a> Tree<'a> {
    /// The worktree of `place`.
    pub(super) async fn open(
        runner: &Arc<Runner>,
        place: &'a Place,
    ) -> Result<Self, WorkspaceError> {
        let unregistered = || WorkspaceError::Unregistered { path: place.path.clone() };
        let common = &place.repository.common;
        let admin = places::administration(common, &place.path).ok_or_else(unregistered)?;
        if !place.path.is_dir() {
            return Err(unregistered());
        }
        let git = Self::git(runner, place, &admin).await?;
        let index = Some(admin.join("index"));
        Ok(Self { place, git, head_name: "HEAD".to_owned(), index, scratch: admin })
    }

    /// The files of a worktree that git has forgotten.
    pub(super) async fn forgotten(
        runner: &Arc<Runner>,
        place: &'a Place,
    ) -> Result<Self, WorkspaceError> {
        let git = Self::git(runner, place, &place.repository.common).await?;
        let scratch = place.path.parent().unwrap_or(&place.path).to_owned();
        Ok(Self { place, git, head_name: place.branch_ref(), index: None, scratch })
    }

    async fn git(runner: &Arc<Runner>, place: &Place, admin: &Path) -> Result<Git, WorkspaceError> {
        let bound = runner
            .at(&place.path)
            .with_path("GIT_DIR", admin)
            .with_path("GIT_COMMON_DIR", &place.repository.common)
            .with_path("GIT_WORK_TREE", &place.path);
        harmless(bound).await
    }

    /// What the worktree is on: the full name of a branch, or `None`.
    pub(super) async fn symbolic_head(&self) -> Result<Option<String>, WorkspaceError> {
        let said = self.git.ask(&["symbolic-ref", "--quiet", &self.head_name]).await?;
        Ok(said.succeeded().then(|| said.text()))
    }

    /// The commit the worktree is on; the branch's, then the base, where that is broken.
    pub(super) async fn commit(&self) -> Result<String, WorkspaceError> {
        for name in [&self.head_name, &self.place.branch_ref()] {
            if let Some(commit) = commit_of(&self.git, name).await? {
                return Ok(commit);
            }
        }
        Ok(self.place.record.base_commit.clone())
    }

    /// Removes lock files that a killed git left in what belongs to this run alone. Nobody else works here.
    pub(super) fn unlock(&self) -> Result<(), WorkspaceError> {
        let branch = format!("{}.lock", self.place.branch_ref());
        let locks = [
            self.scratch.join("index.lock"),
            self.scratch.join("HEAD.lock"),
            self.place.repository.common.join(branch),
        ];
        let of_run = if self.index.is_some() { &locks[..] } else { &locks[2..] };
        of_run.iter().try_for_each(|lock| remove_if_there(lock))
    }

    /// Ends merges, rebases and the like that are under way, without changing files, index or branch.
    pub(super) async fn forget_unfinished(&self) -> Result<(), WorkspaceError> {
        if self.index.is_some() {
            for name in UNFINISHED {
                places::clear(&self.scratch.join(name)).await?;
            }
        }
        Ok(())
    }

    /// Drops the index; git makes a new one.
    pub(super) fn drop_index(&self) -> Result<(), WorkspaceError> {
        self.index.as_deref().map_or(Ok(()), remove_if_there)
    }

    /// Makes the worktree's `.git` file say what git's own directory says.
    pub(super) async fn repair_link(&self) -> Result<(), WorkspaceError> {
        let link = self.place.path.join(".git");
        let wanted = format!("gitdir: {}\n", self.scratch.display());
        let is_file = fs::symlink_metadata(&link).is_ok_and(|metadata| metadata.is_file());
        if is_file && fs::read_to_string(&link).is_ok_and(|text| text == wanted) {
            return Ok(());
        }
        places::clear(&link).await?;
        fs::write(&link, wanted).map_err(|source| WorkspaceError::Io {
            action: "write",
            path: link,
            source,
        })
    }

    /// An index to play with, equal to the real one.
    pub(super) async fn scratch_index(&self) -> Result<ScratchIndex, WorkspaceError> {
        let failed =
            |source| WorkspaceError::Io { action: "create", path: self.scratch.clone(), source };
        let folder =
            tempfile::Builder::new().prefix(".index-").tempdir_in(&self.scratch).map_err(failed)?;
        let path = folder.path().join("index");
        let git = self.git.clone().with_path("GIT_INDEX_FILE", &path);
        let copied =
            self.index.as_deref().is_some_and(|index| copy_with_time(index, &path).is_ok());
        if !copied {
            let commit = self.commit().await?;
            git.text(&["read-tree", &commit]).await?;
        }
        Ok(ScratchIndex { git, _folder: folder })
    }
}

/// A copy of an index; gone when dropped.
pub(super) struct ScratchIndex {
    /// Git in the worktree, with this index.
    pub(super) git: Git,
    _folder: TempDir,
}

/// The time matters: git compares a file's contents and not only its size and time when the file is as young as the index.
fn copy_with_time(from: &Path, to: &Path) -> std::io::Result<()> {
    let time = fs::metadata(from)?.modified()?;
    let _bytes = fs::copy(from, to)?;
    fs::File::options().write(true).open(to)?.set_modified(time)
}

fn remove_if_there(path: &Path) -> Result<(), WorkspaceError> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != ErrorKind::NotFound => {
            Err(WorkspaceError::Io { action: "remove", path: path.to_owned(), source })
        }
        Ok(()) | Err(_) => Ok(()),
    }
}
