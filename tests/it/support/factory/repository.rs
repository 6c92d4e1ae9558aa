//! The git repository that a factory works on, as a person would look at it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A repository with a checkout of `main`.
pub(crate) struct Repository {
    /// Its checkout.
    pub(crate) path: PathBuf,
    home: PathBuf,
}

/// A merge on the base branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Merge {
    /// The merge commit.
    pub(crate) commit: String,
    /// Its subject line.
    pub(crate) subject: String,
    /// The runs whose commits it brought in, by their trailers.
    pub(crate) runs: Vec<String>,
}

impl Repository {
    /// Makes one with a `README.md` and a check that passes.
    pub(super) fn create(path: &Path, home: &Path) -> Self {
        fs::create_dir(path).expect("a directory");
        let repository = Self { path: path.to_owned(), home: home.to_owned() };
        repository.git(&["init", "--quiet", "--initial-branch=main"]);
        repository.commit("Begin", &[("README.md", "# A project\n"), ("check.sh", "exit 0\n")]);
        repository
    }

    /// Runs git in the checkout; the output without the last line break.
    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        let output = Command::new("git")
            .args(["-c", "user.name=A Person", "-c", "user.email=person@example.com"])
            .args(arguments)
            .current_dir(&self.path)
            .env("HOME", &self.home)
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env_remove("GIT_DIR")
            .env_remove("GIT_WORK_TREE")
            .env_remove("GIT_INDEX_FILE")
            .output()
            .expect("git");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "git {arguments:?}: {errors}");
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }

    /// Writes files and commits everything in the checkout.
    pub(crate) fn commit(&self, message: &str, files: &[(&str, &str)]) {
        for (name, text) in files {
            let path = self.path.join(name);
            fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
            fs::write(path, text).expect("a file");
        }
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", message]);
    }

    /// The commit that `main` is at.
    pub(crate) fn tip(&self) -> String {
        self.git(&["rev-parse", "refs/heads/main"])
    }

    /// A file on `main`.
    pub(crate) fn on_main(&self, file: &str) -> Option<String> {
        let files = self.git(&["ls-tree", "-r", "--name-only", "refs/heads/main"]);
        files
            .lines()
            .any(|name| name == file)
            .then(|| self.git(&["show", &format!("refs/heads/main:{file}")]))
    }

    /// Every file on `main` and its text.
    pub(crate) fn tree(&self) -> BTreeMap<String, String> {
        let files = self.git(&["ls-tree", "-r", "--name-only", "refs/heads/main"]);
        let text = |name: &str| self.git(&["show", &format!("refs/heads/main:{name}")]);
        files.lines().map(|name| (name.to_owned(), text(name))).collect()
    }

    /// The merges on `main`, oldest first.
    pub(crate) fn merged_log(&self) -> Vec<Merge> {
        let log = self.git(&[
            "log",
            "--first-parent",
            "--merges",
            "--reverse",
            "--format=%H %s",
            "refs/heads/main",
        ]);
        let merge = |line: &str| {
            let (commit, subject) = line.split_once(' ')?;
            let range = format!("{commit}^1..{commit}^2");
            let format = "--format=%(trailers:key=Factory-Run,valueonly)";
            let runs = self.git(&["log", format, &range]);
            let mut runs: Vec<String> =
                runs.lines().filter(|run| !run.is_empty()).map(str::to_owned).collect();
            runs.dedup();
            Some(Merge { commit: commit.to_owned(), subject: subject.to_owned(), runs })
        };
        log.lines().filter_map(merge).collect()
    }

    /// How often an item was merged.
    pub(crate) fn merges_of(&self, item: &str) -> usize {
        let start = format!("Merge {item}:");
        self.merge_subjects().iter().filter(|subject| subject.starts_with(&start)).count()
    }

    /// The subject lines of the merges on `main`.
    pub(crate) fn merge_subjects(&self) -> Vec<String> {
        let range = ["log", "--first-parent", "--merges", "--format=%s", "refs/heads/main"];
        self.git(&range).lines().map(str::to_owned).collect()
    }

    /// Everything a person would miss if it changed: each file of the checkout and the index, byte for byte.
    pub(crate) fn checkout(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut files = BTreeMap::new();
        gather(&self.path, &mut files);
        for name in ["index", "HEAD", "config"] {
            let path = self.path.join(".git").join(name);
            let bytes = fs::read(&path).expect("a file of git");
            files.insert(path, bytes);
        }
        files
    }

    /// Git's list of worktrees besides the checkout.
    pub(crate) fn worktrees(&self) -> Vec<String> {
        let list = self.git(&["worktree", "list", "--porcelain"]);
        let paths = list.lines().filter_map(|line| line.strip_prefix("worktree "));
        paths.filter(|path| Path::new(path) != self.path).map(str::to_owned).collect()
    }
}

fn gather(directory: &Path, files: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for entry in fs::read_dir(directory).expect("a directory").flatten() {
        let path = entry.path();
        if path.file_name().is_some_and(|name| name == ".git") {
            continue;
        }
        if path.is_dir() {
            gather(&path, files);
        } else {
            let bytes = fs::read(&path).expect("a file");
            files.insert(path, bytes);
        }
    }
}
