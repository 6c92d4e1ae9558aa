//! A repository, a directory for worktrees, and git as people use it.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::domain::change::Workspace;
use crate::domain::ids::{ProjectId, RunId};
use crate::workspaces::git::{GitSettings, GitWorkspaces};
use crate::workspaces::{Prepare, Workspaces};

const SEARCH_PATH: &str = "/usr/local/bin:/opt/homebrew/bin:/usr/bin:/bin";

/// Everything a test needs.
pub(super) struct World {
    pub(super) dir: TempDir,
    pub(super) repository: PathBuf,
    pub(super) workspaces: GitWorkspaces,
}

impl World {
    /// A repository `app` with one commit on `main`: `a.txt` and `.gitignore`, which ignores `*.log`.
    pub(super) fn new() -> Self {
        let world = Self::empty();
        write(&world.repository, "a.txt", "one\ntwo\nthree\n");
        write(&world.repository, ".gitignore", "*.log\n");
        commit_all(&world.repository, "First");
        world
    }

    /// A repository without a commit.
    pub(super) fn empty() -> Self {
        let dir = TempDir::new().unwrap();
        let repository = dir.path().join("app");
        fs::create_dir(&repository).unwrap();
        git(&repository, &["init", "--quiet", "--initial-branch=main"]);
        let repository = repository.canonicalize().unwrap();
        let workspaces =
            GitWorkspaces::new(settings(dir.path()), CancellationToken::new()).unwrap();
        Self { dir, repository, workspaces }
    }

    /// A daemon started again on the same directories.
    pub(super) fn restarted(&self) -> GitWorkspaces {
        GitWorkspaces::new(settings(self.dir.path()), CancellationToken::new()).unwrap()
    }

    pub(super) fn root(&self) -> PathBuf {
        self.dir.path().join("worktrees").canonicalize().unwrap()
    }

    pub(super) fn request(&self, number: u128) -> Prepare {
        Prepare {
            run: run(number),
            project: ProjectId::new("app"),
            repository: self.repository.clone(),
            base_branch: None,
            identifier: "DEMO-1".to_owned(),
            title: "Add a greeting".to_owned(),
            continues: None,
        }
    }

    pub(super) async fn prepared(&self, number: u128) -> Workspace {
        self.workspaces.prepare(&self.request(number)).await.unwrap()
    }

    /// What the run left in the ref for saved work, as text of one file.
    pub(super) fn saved(&self, number: u128, path: &str) -> Option<String> {
        let name = format!("refs/factory/wip/{}:{path}", run(number));
        try_git(&self.repository, &["show", &name])
    }
}

pub(super) fn settings(dir: &Path) -> GitSettings {
    GitSettings::new(dir.join("worktrees"), dir.join("home"), SEARCH_PATH.to_owned())
}

pub(super) fn run(number: u128) -> RunId {
    RunId(Uuid::from_u128(number))
}

pub(super) fn path(workspace: &Workspace) -> PathBuf {
    PathBuf::from(&workspace.path)
}

pub(super) fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

pub(super) fn read(folder: &Path, name: &str) -> Option<String> {
    fs::read_to_string(folder.join(name)).ok()
}

pub(super) fn commit_all(folder: &Path, message: &str) -> String {
    git(folder, &["add", "--all"]);
    git(folder, &["commit", "--quiet", "--message", message]);
    git(folder, &["rev-parse", "HEAD"])
}

/// Git as people and agents call it; it must succeed.
pub(super) fn git(folder: &Path, args: &[&str]) -> String {
    let output = output(folder, args);
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
}

/// The same; `None` when it fails.
pub(super) fn try_git(folder: &Path, args: &[&str]) -> Option<String> {
    let output = output(folder, args);
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
}

#[expect(
    clippy::disallowed_methods,
    reason = "plays people and agents, who do not go through the process port"
)]
fn output(folder: &Path, args: &[&str]) -> std::process::Output {
    std::process::Command::new("git")
        .args(args)
        .current_dir(folder)
        .env_clear()
        .env("PATH", SEARCH_PATH)
        .env("HOME", "/nonexistent")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_AUTHOR_NAME", "Somebody")
        .env("GIT_AUTHOR_EMAIL", "somebody@example.invalid")
        .env("GIT_COMMITTER_NAME", "Somebody")
        .env("GIT_COMMITTER_EMAIL", "somebody@example.invalid")
        .output()
        .unwrap()
}

/// Name, mode and content of every file below `folder`, links unresolved: equal means untouched byte for byte.
pub(super) fn snapshot(folder: &Path) -> Vec<(PathBuf, u32, Vec<u8>)> {
    use std::os::unix::fs::PermissionsExt;
    let mut all = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let metadata = fs::symlink_metadata(&path).unwrap();
            if metadata.is_dir() {
                if path.file_name().unwrap() != ".git" {
                    folders.push(path);
                }
            } else if metadata.is_file() {
                all.push((path.clone(), metadata.permissions().mode(), fs::read(&path).unwrap()));
            }
        }
    }
    all.sort();
    all
}
