//! A repository with commits of the factory, and a bare one elsewhere that they are pushed to, with what people do there.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// Where programs are looked up.
pub const SEARCH_PATH: &str = "/usr/local/bin:/opt/homebrew/bin:/usr/bin:/bin";

/// The repositories; they go with the value.
pub struct Bench {
    directory: TempDir,
    /// The first commit, which both have on `main`.
    pub first: String,
}

impl Bench {
    /// Both with one commit on `main`.
    pub fn new() -> Self {
        let directory = TempDir::new().expect("a directory");
        let mut bench = Self { directory, first: String::new() };
        std::fs::create_dir(bench.local()).expect("a directory");
        git(&bench.local(), &["init", "--quiet", "--initial-branch=main"], b"");
        let tree = git(&bench.local(), &["mktree"], b"");
        bench.first = git(&bench.local(), &["commit-tree", &tree, "-m", "First"], b"");
        git(&bench.local(), &["update-ref", "refs/heads/main", &bench.first], b"");
        let (from, to) = (text(&bench.local()), text(&bench.remote()));
        git(bench.directory.path(), &["clone", "--quiet", "--bare", &from, &to], b"");
        bench
    }

    /// Where commits are made.
    pub fn local(&self) -> PathBuf {
        self.directory.path().join("local")
    }

    /// Where they are pushed to.
    pub fn remote(&self) -> PathBuf {
        self.directory.path().join("remote.git")
    }

    /// A place for something of that name.
    pub fn place(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A commit of `run` on top of another, with one more file.
    pub fn work(&self, run: &str, parent: &str, file: &str) -> String {
        commit(&self.local(), parent, file, &format!("Work\n\nFactory-Run: {run}\n"))
    }

    /// A commit of a person at the end of a branch of the remote, which is made from `main` if need be.
    pub fn person_commits(&self, branch: &str, file: &str) -> String {
        let parent = self.head_of(branch).or_else(|| self.head_of("main")).expect("a commit");
        let commit = commit(&self.remote(), &parent, file, "By hand\n");
        self.set_head(branch, &commit);
        commit
    }

    /// A person merges a branch of the remote into another; the merge.
    pub fn person_merges(&self, branch: &str, base: &str) -> String {
        let (head, onto) = (self.head_of(branch).expect("it"), self.head_of(base).expect("it"));
        let tree = git(&self.remote(), &["merge-tree", "--write-tree", &onto, &head], b"");
        let args = ["commit-tree", &tree, "-p", &onto, "-p", &head, "-m", "Merge"];
        let merge = git(&self.remote(), &args, b"");
        self.set_head(base, &merge);
        merge
    }

    /// Puts a branch of the remote somewhere.
    pub fn set_head(&self, branch: &str, commit: &str) {
        git(&self.remote(), &["update-ref", &format!("refs/heads/{branch}"), commit], b"");
    }

    /// Deletes a branch of the remote.
    pub fn delete(&self, branch: &str) {
        git(&self.remote(), &["update-ref", "-d", &format!("refs/heads/{branch}")], b"");
    }

    /// The end of a branch of the remote.
    pub fn head_of(&self, branch: &str) -> Option<String> {
        let refs = git(&self.remote(), &["for-each-ref", "--format=%(objectname) %(refname)"], b"");
        let wanted = format!("refs/heads/{branch}");
        let found = refs.lines().filter_map(|line| line.split_once(' '));
        found.filter(|(_, name)| *name == wanted).map(|(commit, _)| commit.to_owned()).next()
    }
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn commit(repository: &Path, parent: &str, file: &str, message: &str) -> String {
    let blob = git(repository, &["hash-object", "-w", "--stdin"], message.as_bytes());
    let tree = git(repository, &["ls-tree", parent], b"");
    let tree = format!("{tree}\n100644 blob {blob}\t{file}\n");
    let tree = git(repository, &["mktree"], tree.trim_start().as_bytes());
    git(repository, &["commit-tree", &tree, "-p", parent], message.as_bytes())
}

/// Git as people call it; it must succeed.
#[expect(
    clippy::disallowed_methods,
    reason = "plays people, who do not go through the process port"
)]
pub fn git(directory: &Path, args: &[&str], input: &[u8]) -> String {
    let mut child = Command::new("git")
        .args(args)
        .current_dir(directory)
        .env_clear()
        .env("PATH", SEARCH_PATH)
        .env("HOME", "/nonexistent")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_AUTHOR_NAME", "Somebody")
        .env("GIT_AUTHOR_EMAIL", "somebody@example.invalid")
        .env("GIT_COMMITTER_NAME", "Somebody")
        .env("GIT_COMMITTER_EMAIL", "somebody@example.invalid")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("git");
    child.stdin.take().expect("an input").write_all(input).expect("input");
    let output = child.wait_with_output().expect("git");
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
}
