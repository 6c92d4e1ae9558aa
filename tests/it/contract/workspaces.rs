//! What every implementation of `Workspaces` promises.

use std::path::{Path, PathBuf};

use enact_factory::domain::change::Workspace;
use enact_factory::domain::ids::{ProjectId, RunId};
use enact_factory::domain::time::Timestamp;
use enact_factory::workspaces::git::{GitSettings, GitWorkspaces};
use enact_factory::workspaces::in_memory::InMemoryWorkspaces;
use enact_factory::workspaces::{
    Advance, BranchAfter, Candidate, Prepare, WorkspaceError, Workspaces,
};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

const SEARCH_PATH: &str = "/usr/local/bin:/opt/homebrew/bin:/usr/bin:/bin";
const AT: Timestamp = Timestamp(1_700_000_000_000);

/// An implementation, a repository with `a.txt` on `main` and an empty one, and what people and agents do to them.
trait Subject: Send + Sync {
    fn workspaces(&self) -> &dyn Workspaces;
    fn repository(&self) -> PathBuf;
    fn empty_repository(&self) -> PathBuf;
    fn nowhere(&self) -> PathBuf;
    /// Somebody else commits a file to `main`; the answer is the commit.
    fn commit_to_main(&self, file: &str, text: &str) -> String;
    fn tip(&self, branch: &str) -> Option<String>;
    fn file_at(&self, commit: &str, file: &str) -> Option<String>;
    fn message(&self, commit: &str) -> String;
    fn write(&self, workspace: &Workspace, file: &str, text: &str);
    fn read(&self, workspace: &Workspace, file: &str) -> Option<String>;
    /// An agent puts the worktree on another branch.
    fn switch(&self, workspace: &Workspace, branch: &str);
}

fn run(number: u128) -> RunId {
    RunId(Uuid::from_u128(number))
}

fn request(subject: &dyn Subject, number: u128) -> Prepare {
    Prepare {
        run: run(number),
        project: ProjectId::new("app"),
        repository: subject.repository(),
        base_branch: None,
        identifier: "DEMO-1".to_owned(),
        title: "Add a greeting".to_owned(),
        continues: None,
    }
}

async fn prepared(subject: &dyn Subject, number: u128) -> Workspace {
    subject.workspaces().prepare(&request(subject, number)).await.unwrap()
}

async fn changed(
    subject: &dyn Subject,
    number: u128,
    file: &str,
    text: &str,
) -> (Workspace, String) {
    let workspace = prepared(subject, number).await;
    subject.write(&workspace, file, text);
    let head = subject.workspaces().commit(&workspace, "Work", &[]).await.unwrap().head;
    (workspace, head)
}

async fn looking_at_commits(subject: &dyn Subject) {
    let port = subject.workspaces();
    let repository = subject.repository();
    let first = subject.commit_to_main("RULES.md", "one");
    let second = subject.commit_to_main("other.txt", "x");
    let third = subject.commit_to_main("RULES.md", "three");
    assert_eq!(port.base(&repository, None).await.unwrap(), ("main".to_owned(), third.clone()));
    let (workspace, head) = changed(subject, 1, "RULES.md", "of the branch").await;
    let at = async |commit: &str, paths: &[&str], most: u64| {
        let files = port.files_at(&repository, commit, paths, most).await.unwrap();
        files.into_iter().map(|file| (file.path, file.bytes, file.text)).collect::<Vec<_>>()
    };
    let text = |path: &str, text: &str| {
        (path.to_owned(), u64::try_from(text.len()).unwrap(), Some(text.to_owned()))
    };
    assert_eq!(at(&third, &["RULES.md", "nowhere.md"], 100).await, [text("RULES.md", "three")]);
    assert_eq!(at(&workspace.base_commit, &["RULES.md"], 100).await, [text("RULES.md", "three")]);
    assert_eq!(at(&head, &["RULES.md"], 100).await, [text("RULES.md", "of the branch")]);
    assert_eq!(at(&first, &["RULES.md", "other.txt"], 100).await, [text("RULES.md", "one")]);
    assert_eq!(at(&third, &["RULES.md"], 4).await, [("RULES.md".to_owned(), 5, None)]);
    assert_eq!(at(&third, &["RULES"], 100).await, []);
    let versions = async |most| port.versions(&repository, &third, "RULES.md", most).await.unwrap();
    assert_eq!(versions(9).await, [third.clone(), first]);
    assert_eq!(versions(1).await.as_slice(), std::slice::from_ref(&third));
    assert_ne!(second, third);
    let missing = port.files_at(&repository, &"0".repeat(40), &["RULES.md"], 9).await.unwrap_err();
    assert!(matches!(missing, WorkspaceError::NoCommit { .. }), "{missing:?}");
}

async fn preparing(subject: &dyn Subject) {
    let port = subject.workspaces();
    let first = prepared(subject, 1).await;
    assert_eq!(first.branch, "factory/DEMO-1-add-a-greeting");
    assert_eq!(
        (first.base_branch.as_str(), Some(&first.base_commit)),
        ("main", subject.tip("main").as_ref())
    );
    assert_eq!(subject.read(&first, "a.txt").as_deref(), Some("one\ntwo\nthree\n"));
    subject.write(&first, "kept", "uncommitted");
    assert_eq!(prepared(subject, 1).await, first);
    assert_eq!(subject.read(&first, "kept").as_deref(), Some("uncommitted"));
    let second = prepared(subject, 2).await;
    assert_eq!(second.branch, "factory/DEMO-1-add-a-greeting-2");
    assert_ne!(second.path, first.path);

    let mut wrong = request(subject, 3);
    wrong.repository = subject.nowhere();
    assert!(matches!(port.prepare(&wrong).await, Err(WorkspaceError::NotARepository { .. })));
    wrong.repository = subject.empty_repository();
    assert!(matches!(port.prepare(&wrong).await, Err(WorkspaceError::NoCommits { .. })));
    let mut wrong = request(subject, 3);
    wrong.base_branch = Some("nope".to_owned());
    assert!(matches!(port.prepare(&wrong).await, Err(WorkspaceError::BaseMissing { .. })));
}

async fn committing(subject: &dyn Subject) {
    let port = subject.workspaces();
    let workspace = prepared(subject, 1).await;
    let nothing = port.commit(&workspace, "Nothing", &[]).await.unwrap();
    assert!(nothing.is_empty() && nothing.head == workspace.base_commit);
    subject.write(&workspace, "a.txt", "one\n2\nthree\n");
    subject.write(&workspace, "b.txt", "b\n");
    let trailers = [("Factory-Run".to_owned(), run(1).to_string())];
    let change = port.commit(&workspace, "Work", &trailers).await.unwrap();
    assert_eq!(change.files, ["a.txt", "b.txt"]);
    assert_eq!((change.insertions, change.deletions), (2, 1));
    assert_eq!(port.head(&workspace).await.unwrap(), change.head);
    assert_eq!(port.measure(&workspace).await.unwrap(), change);
    assert_eq!(port.commit(&workspace, "Again", &[]).await.unwrap(), change);
    let message = subject.message(&change.head);
    assert_eq!(message.trim_end(), format!("Work\n\nFactory-Run: {}", run(1)));
    let diff = port.diff(&workspace, 10_000).await.unwrap();
    assert!(diff.text.contains("-two\n+2\n") && diff.text.contains("+b\n"), "{}", diff.text);
    assert!(diff.left_out.is_empty() && diff.binary.is_empty());
    assert_eq!(port.diff(&workspace, 5).await.unwrap().left_out, ["a.txt", "b.txt"]);
}

async fn the_wrong_branch(subject: &dyn Subject) {
    let port = subject.workspaces();
    let (other, other_head) = changed(subject, 2, "o.txt", "o\n").await;
    port.remove(&other, run(2)).await.unwrap();
    let workspace = prepared(subject, 1).await;
    subject.switch(&workspace, &other.branch);
    subject.write(&workspace, "b.txt", "b\n");
    let error = port.commit(&workspace, "Work", &[]).await.unwrap_err();
    let WorkspaceError::WrongBranch { expected, actual, salvaged } = error else {
        panic!("{error}")
    };
    assert_eq!((expected, actual), (workspace.branch.clone(), other.branch.clone()));
    assert_eq!(subject.file_at(&salvaged.unwrap(), "b.txt").as_deref(), Some("b\n"));
    assert_eq!(subject.tip(&other.branch), Some(other_head));
    assert_eq!(port.head(&workspace).await.unwrap(), workspace.base_commit);
}

async fn reading_only(subject: &dyn Subject) {
    let port = subject.workspaces();
    let (workspace, head) = changed(subject, 1, "b.txt", "b\n").await;
    let before = port.fingerprint(&workspace).await.unwrap();
    assert_eq!(port.fingerprint(&workspace).await.unwrap(), before);
    for (file, text) in [("b.txt", "changed\n"), ("new.txt", "new\n")] {
        subject.write(&workspace, file, text);
        assert_ne!(port.fingerprint(&workspace).await.unwrap(), before);
        port.restore(&workspace, &head).await.unwrap();
        assert_eq!(port.fingerprint(&workspace).await.unwrap(), before);
    }
    subject.write(&workspace, "b.txt", "committed\n");
    port.commit(&workspace, "Not mine to do", &[]).await.unwrap();
    assert_ne!(port.fingerprint(&workspace).await.unwrap(), before);
    port.restore(&workspace, &head).await.unwrap();
    assert_eq!(port.fingerprint(&workspace).await.unwrap(), before);
    assert_eq!(subject.read(&workspace, "b.txt").as_deref(), Some("b\n"));
    let unknown = port.restore(&workspace, &"0".repeat(40)).await;
    assert!(matches!(unknown, Err(WorkspaceError::NoCommit { .. })));
}

async fn saving(subject: &dyn Subject) {
    let port = subject.workspaces();
    let (workspace, head) = changed(subject, 1, "b.txt", "b\n").await;
    assert_eq!(port.salvage(&workspace, run(1)).await.unwrap(), None);
    subject.write(&workspace, "b.txt", "more\n");
    let saved = port.salvage(&workspace, run(1)).await.unwrap().unwrap();
    assert_eq!(subject.file_at(&saved, "b.txt").as_deref(), Some("more\n"));
    assert_eq!(port.head(&workspace).await.unwrap(), head);
    assert_eq!(subject.read(&workspace, "b.txt").as_deref(), Some("more\n"));
    assert_eq!(port.salvage(&workspace, run(1)).await.unwrap(), Some(saved));
    assert!(matches!(
        port.salvage(&workspace, run(2)).await,
        Err(WorkspaceError::NoWorkspace { .. })
    ));
}

async fn merging(subject: &dyn Subject) {
    let port = subject.workspaces();
    let repository = subject.repository();
    let (first, first_head) = changed(subject, 1, "b.txt", "b\n").await;
    let (second, second_head) = changed(subject, 2, "c.txt", "c\n").await;
    let candidate = |workspace, head| port.merge_candidate(workspace, head, "Merge", &[], AT);
    let Candidate::Merge { before, commit } = candidate(&first, &first_head).await.unwrap() else {
        panic!()
    };
    assert_eq!(subject.tip("main").as_ref(), Some(&before));
    let message = subject.message(&commit);
    assert!(
        message.contains(&format!("Factory-Run: {}\nFactory-Head: {first_head}", run(1))),
        "{message}"
    );
    let Candidate::Merge { commit: late, .. } = candidate(&second, &second_head).await.unwrap()
    else {
        panic!()
    };

    let checkout = port.checkout(&repository, &commit, "merged").await.unwrap();
    port.discard_checkout(&checkout).await.unwrap();
    port.discard_checkout(&checkout).await.unwrap();
    for _ in 0..2 {
        let done = port.advance(&repository, "main", &before, &commit).await.unwrap();
        assert!(matches!(done, Advance::Done { .. }), "{done:?}");
    }
    let lost = port.advance(&repository, "main", &before, &late).await.unwrap();
    assert_eq!(lost, Advance::Moved { actual: commit.clone() });
    let again = candidate(&first, &first_head).await.unwrap();
    assert_eq!(again, Candidate::AlreadyMerged { before, after: commit.clone() });

    let Candidate::Merge { before, commit: both } = candidate(&second, &second_head).await.unwrap()
    else {
        panic!()
    };
    assert_eq!(before, commit);
    port.advance(&repository, "main", &before, &both).await.unwrap();
    for (file, text) in [("b.txt", "b\n"), ("c.txt", "c\n")] {
        assert_eq!(subject.file_at(&both, file).as_deref(), Some(text));
    }
    let removed = port.remove(&first, run(1)).await.unwrap();
    assert_eq!((removed.salvaged, removed.branch), (None, BranchAfter::Deleted));
    assert_eq!(subject.tip(&first.branch), None);
}

async fn conflicts(subject: &dyn Subject) {
    let port = subject.workspaces();
    let (workspace, head) = changed(subject, 1, "a.txt", "ours\n").await;
    let main = subject.commit_to_main("a.txt", "theirs\n");
    let error = port.merge_candidate(&workspace, &head, "Merge", &[], AT).await.unwrap_err();
    assert!(matches!(&error, WorkspaceError::Conflict { paths } if paths == &["a.txt"]), "{error}");
    assert_eq!(subject.tip("main"), Some(main));
}

async fn removing(subject: &dyn Subject) {
    let port = subject.workspaces();
    let repository = subject.repository();
    let (workspace, head) = changed(subject, 1, "b.txt", "b\n").await;
    subject.write(&workspace, "c.txt", "untracked\n");
    let found = port.inventory(&repository).await.unwrap();
    let ours: Vec<_> = found.iter().filter(|found| found.run.is_some()).collect();
    assert_eq!(ours.len(), 1);
    assert_eq!((ours[0].run, ours[0].workspace.as_ref()), (Some(run(1)), Some(&workspace)));
    assert_eq!(ours[0].branch.as_deref(), Some(workspace.branch.as_str()));
    assert!(!port.delete_branch_if_merged(&repository, run(1), "main").await.unwrap());
    let removed = port.remove(&workspace, run(1)).await.unwrap();
    assert_eq!(removed.branch, BranchAfter::Kept);
    assert_eq!(
        subject.file_at(&removed.salvaged.unwrap(), "c.txt").as_deref(),
        Some("untracked\n")
    );
    assert_eq!(subject.tip(&workspace.branch), Some(head));
    let again = port.remove(&workspace, run(1)).await.unwrap();
    assert_eq!((again.salvaged, again.branch), (None, BranchAfter::Unknown));
    assert!(matches!(port.head(&workspace).await, Err(WorkspaceError::NoWorkspace { .. })));
    assert!(!port.delete_branch_if_merged(&repository, run(1), "main").await.unwrap());
    let outside = Workspace { path: "/somewhere/else".to_owned(), ..workspace };
    assert!(matches!(port.remove(&outside, run(1)).await, Err(WorkspaceError::OutsideRoot { .. })));
    let error = port.discard_checkout(Path::new("/somewhere/else")).await;
    assert!(matches!(error, Err(WorkspaceError::OutsideRoot { .. })));

    let unused = prepared(subject, 2).await;
    let removed = port.remove(&unused, run(2)).await.unwrap();
    assert_eq!((removed.salvaged, removed.branch), (None, BranchAfter::Deleted));
}

macro_rules! contract {
    ($implementation:ident, $make:path) => {
        mod $implementation {
            contract!(@ $make: preparing, committing, the_wrong_branch, reading_only, saving, merging, conflicts, removing, looking_at_commits);
        }
    };
    (@ $make:path: $($case:ident),+) => {
        $(#[tokio::test]
        async fn $case() {
            super::$case(&$make()).await;
        })+
    };
}

contract!(in_memory, super::InMemory::new);
contract!(git, super::Git::new);

struct InMemory {
    port: InMemoryWorkspaces,
}

impl InMemory {
    fn new() -> Self {
        let port = InMemoryWorkspaces::default();
        port.add_repository("/app", "main", &[("a.txt", "one\ntwo\nthree\n")]);
        port.add_repository("/empty", "main", &[]);
        Self { port }
    }
}

impl Subject for InMemory {
    fn workspaces(&self) -> &dyn Workspaces {
        &self.port
    }
    fn repository(&self) -> PathBuf {
        PathBuf::from("/app")
    }
    fn empty_repository(&self) -> PathBuf {
        PathBuf::from("/empty")
    }
    fn nowhere(&self) -> PathBuf {
        PathBuf::from("/nowhere")
    }
    fn commit_to_main(&self, file: &str, text: &str) -> String {
        self.port.commit_to(&self.repository(), "main", &[(file, text)]).unwrap()
    }
    fn tip(&self, branch: &str) -> Option<String> {
        self.port.tip(&self.repository(), branch).ok()
    }
    fn file_at(&self, commit: &str, file: &str) -> Option<String> {
        self.port.file_at(&self.repository(), commit, file).unwrap()
    }
    fn message(&self, commit: &str) -> String {
        self.port.message(&self.repository(), commit).unwrap()
    }
    fn write(&self, workspace: &Workspace, file: &str, text: &str) {
        self.port.write(workspace, file, Some(text)).unwrap();
    }
    fn read(&self, workspace: &Workspace, file: &str) -> Option<String> {
        self.port.read(workspace, file).unwrap()
    }
    fn switch(&self, workspace: &Workspace, branch: &str) {
        self.port.switch(workspace, branch).unwrap();
    }
}

struct Git {
    dir: TempDir,
    port: GitWorkspaces,
}

impl Git {
    fn new() -> Self {
        let dir = TempDir::new().unwrap();
        for name in ["app", "empty"] {
            let folder = dir.path().join(name);
            std::fs::create_dir(&folder).unwrap();
            git(&folder, &["init", "--quiet", "--initial-branch=main"]);
        }
        let settings = GitSettings::new(
            dir.path().join("worktrees"),
            dir.path().join("home"),
            SEARCH_PATH.to_owned(),
        );
        let port = GitWorkspaces::new(settings, CancellationToken::new()).unwrap();
        let subject = Self { dir, port };
        subject.commit_to_main("a.txt", "one\ntwo\nthree\n");
        subject
    }

    fn show(&self, what: &[&str]) -> Option<String> {
        let output = output(&self.repository(), what);
        output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
    }
}

impl Subject for Git {
    fn workspaces(&self) -> &dyn Workspaces {
        &self.port
    }
    fn repository(&self) -> PathBuf {
        self.dir.path().join("app")
    }
    fn empty_repository(&self) -> PathBuf {
        self.dir.path().join("empty")
    }
    fn nowhere(&self) -> PathBuf {
        self.dir.path().join("nowhere")
    }
    fn commit_to_main(&self, file: &str, text: &str) -> String {
        std::fs::write(self.repository().join(file), text).unwrap();
        git(&self.repository(), &["add", "--all"]);
        git(&self.repository(), &["commit", "--quiet", "-m", "Somebody else"]);
        self.tip("main").unwrap()
    }
    fn tip(&self, branch: &str) -> Option<String> {
        let name = format!("refs/heads/{branch}");
        self.show(&["rev-parse", "--verify", "--quiet", &name]).map(|text| text.trim().to_owned())
    }
    fn file_at(&self, commit: &str, file: &str) -> Option<String> {
        self.show(&["show", &format!("{commit}:{file}")])
    }
    fn message(&self, commit: &str) -> String {
        self.show(&["show", "--no-patch", "--format=%B", commit]).unwrap()
    }
    fn write(&self, workspace: &Workspace, file: &str, text: &str) {
        std::fs::write(Path::new(&workspace.path).join(file), text).unwrap();
    }
    fn read(&self, workspace: &Workspace, file: &str) -> Option<String> {
        std::fs::read_to_string(Path::new(&workspace.path).join(file)).ok()
    }
    fn switch(&self, workspace: &Workspace, branch: &str) {
        git(Path::new(&workspace.path), &["checkout", "--quiet", branch]);
    }
}

fn git(folder: &Path, args: &[&str]) {
    let output = output(folder, args);
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
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
