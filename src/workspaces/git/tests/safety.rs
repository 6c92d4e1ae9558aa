//! Nothing that a repository or an agent brings along is executed or believed.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::world::{World, commit_all, git, path, run, settings, write};
use crate::domain::time::Timestamp;
use crate::workspaces::git::GitWorkspaces;
use crate::workspaces::{Advance, Candidate, WorkspaceError, Workspaces};
use tokio_util::sync::CancellationToken;

const HOOKS: [&str; 12] = [
    "pre-commit",
    "prepare-commit-msg",
    "commit-msg",
    "post-commit",
    "post-checkout",
    "post-merge",
    "post-rewrite",
    "post-index-change",
    "reference-transaction",
    "pre-auto-gc",
    "update",
    "fsmonitor-watchman",
];

fn script(path: &Path, proof: &Path) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, format!("#!/bin/sh\necho \"$0\" >> '{}'\ncat\nexit 0\n", proof.display()))
        .unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// Plants everything we know that git might run.
fn plant(world: &World, proof: &Path) {
    let hooks = world.repository.join(".git/hooks");
    for hook in HOOKS {
        script(&hooks.join(hook), proof);
    }
    let evil = world.dir.path().join("evil.sh");
    script(&evil, proof);
    let evil = evil.to_string_lossy();
    let more = world.dir.path().join("more.config");
    fs::write(
        &more,
        format!("[filter \"a=b.c\"]\n\tclean = {evil}\n\tsmudge = {evil}\n\trequired = true\n"),
    )
    .unwrap();
    let settings = [
        ("core.fsmonitor", evil.as_ref()),
        ("core.hooksPath", hooks.to_str().unwrap()),
        ("core.pager", evil.as_ref()),
        ("core.editor", evil.as_ref()),
        ("core.sshCommand", evil.as_ref()),
        ("core.alternateRefsCommand", evil.as_ref()),
        ("diff.external", evil.as_ref()),
        ("diff.planted.command", evil.as_ref()),
        ("diff.planted.textconv", evil.as_ref()),
        ("filter.planted.clean", evil.as_ref()),
        ("filter.planted.smudge", evil.as_ref()),
        ("filter.planted.required", "true"),
        ("filter.longer.process", evil.as_ref()),
        ("merge.planted.driver", evil.as_ref()),
        ("merge.default", "planted"),
        ("hook.planted.command", evil.as_ref()),
        ("hook.planted.event", "reference-transaction"),
        ("gpg.program", evil.as_ref()),
        ("commit.gpgSign", "true"),
        ("log.showSignature", "true"),
        ("trailer.factory-run.command", evil.as_ref()),
        ("credential.helper", evil.as_ref()),
        ("pager.diff-tree", evil.as_ref()),
        ("alias.add", "!false"),
        ("include.path", more.to_str().unwrap()),
    ];
    for (key, value) in settings {
        git(&world.repository, &["config", key, value]);
    }
    fs::create_dir_all(world.repository.join(".git/info")).unwrap();
    fs::write(
        world.repository.join(".git/info/attributes"),
        "a.txt filter=planted diff=planted merge=planted\nb.txt filter=a=b.c diff=planted\n*.bin filter=longer\n",
    )
    .unwrap();
}

#[tokio::test]
async fn planted_programs_do_not_run() {
    let world = World::new();
    let proof = world.dir.path().join("proof");
    write(&world.repository, "x.bin", "x\n");
    commit_all(&world.repository, "Second");
    plant(&world, &proof);
    // The trap is a real one.
    let _any = super::world::try_git(&world.repository, &["status"]);
    assert!(proof.exists());
    fs::remove_file(&proof).unwrap();

    let workspace = world.prepared(1).await;
    let at = path(&workspace);
    write(&at, "a.txt", "one\n2\nthree\n");
    write(&at, "b.txt", "b\n");
    write(&at, "y.bin", "y\n");
    world.workspaces.fingerprint(&workspace).await.unwrap();
    world.workspaces.salvage(&workspace, run(1)).await.unwrap().unwrap();
    let head = world.workspaces.commit(&workspace, "Work", &[]).await.unwrap().head;
    let diff = world.workspaces.diff(&workspace, 100_000).await.unwrap();
    assert!(diff.text.contains("+2"), "{}", diff.text);
    write(&at, "a.txt", "gone\n");
    world.workspaces.restore(&workspace, &head).await.unwrap();
    let at_base =
        world.workspaces.checkout(&world.repository, &workspace.base_commit, "x").await.unwrap();
    world.workspaces.discard_checkout(&at_base).await.unwrap();
    let when = Timestamp(0);
    let Candidate::Merge { before, commit } =
        world.workspaces.merge_candidate(&workspace, &head, "Merge", &[], when).await.unwrap()
    else {
        panic!()
    };
    let advance =
        world.workspaces.advance(&world.repository, "main", &before, &commit).await.unwrap();
    assert!(matches!(advance, Advance::Done { .. }));
    world.workspaces.inventory(&world.repository).await.unwrap();
    world.workspaces.prepare(&world.request(1)).await.unwrap();
    world.workspaces.remove(&workspace, run(1)).await.unwrap();
    assert!(!proof.exists(), "{}", fs::read_to_string(&proof).unwrap_or_default());
}

#[tokio::test]
async fn a_planted_merge_driver_is_a_conflict_not_a_silent_choice() {
    let world = World::new();
    let proof = world.dir.path().join("proof");
    let workspace = world.prepared(1).await;
    write(&path(&workspace), "a.txt", "ours\n");
    let head = world.workspaces.commit(&workspace, "Work", &[]).await.unwrap().head;
    write(&world.repository, "a.txt", "theirs\n");
    commit_all(&world.repository, "Theirs");
    plant(&world, &proof);
    let error = world
        .workspaces
        .merge_candidate(&workspace, &head, "Merge", &[], Timestamp(0))
        .await
        .unwrap_err();
    assert!(matches!(&error, WorkspaceError::Conflict { paths } if paths == &["a.txt"]), "{error}");
    assert!(!proof.exists(), "{}", fs::read_to_string(&proof).unwrap_or_default());
}

#[tokio::test]
async fn configuration_of_the_worktree_alone_is_made_harmless_too() {
    let world = World::new();
    let proof = world.dir.path().join("proof");
    let workspace = world.prepared(1).await;
    let at = path(&workspace);
    let evil = world.dir.path().join("evil.sh");
    script(&evil, &proof);
    git(&world.repository, &["config", "extensions.worktreeConfig", "true"]);
    git(&at, &["config", "--worktree", "filter.planted.clean", &evil.to_string_lossy()]);
    git(&at, &["config", "--worktree", "core.fsmonitor", &evil.to_string_lossy()]);
    write(&at, ".gitattributes", "*.txt filter=planted\n");
    write(&at, "b.txt", "b\n");
    let change = world.workspaces.commit(&workspace, "Work", &[]).await.unwrap();
    assert_eq!(change.files, [".gitattributes", "b.txt"]);
    assert!(!proof.exists());
}

#[tokio::test]
async fn a_git_file_that_points_elsewhere_is_not_believed() {
    let world = World::new();
    let workspace = world.prepared(1).await;
    let at = path(&workspace);
    let main = git(&world.repository, &["rev-parse", "main"]);
    fs::write(at.join(".git"), format!("gitdir: {}/.git\n", world.repository.display())).unwrap();
    write(&at, "b.txt", "b\n");
    let change = world.workspaces.commit(&workspace, "Work", &[]).await.unwrap();
    assert_eq!(change.files, ["b.txt"]);
    assert_eq!(git(&world.repository, &["rev-parse", "main"]), main);
    assert_eq!(git(&world.repository, &["rev-parse", &workspace.branch]), change.head);
    world.prepared(1).await;
    assert_eq!(git(&at, &["symbolic-ref", "--short", "HEAD"]), workspace.branch);
}

#[tokio::test]
async fn replaced_objects_do_not_change_what_is_shown() {
    let world = World::new();
    let workspace = world.prepared(1).await;
    let at = path(&workspace);
    write(&at, "b.txt", "malicious\n");
    world.workspaces.commit(&workspace, "Work", &[]).await.unwrap();
    write(&at, "harmless", "harmless\n");
    let harmless = git(&at, &["hash-object", "-w", "harmless"]);
    let blob = git(&at, &["rev-parse", "HEAD:b.txt"]);
    git(&at, &["replace", &blob, &harmless]);
    assert_eq!(git(&at, &["show", "HEAD:b.txt"]), "harmless");
    let diff = world.workspaces.diff(&workspace, 10_000).await.unwrap();
    assert!(diff.text.contains("+malicious"), "{}", diff.text);
}

#[tokio::test]
async fn cancellation_ends_it() {
    let world = World::new();
    let cancel = CancellationToken::new();
    let workspaces = GitWorkspaces::new(settings(world.dir.path()), cancel.clone()).unwrap();
    cancel.cancel();
    let error = workspaces.prepare(&world.request(1)).await.unwrap_err();
    assert!(matches!(error, WorkspaceError::Cancelled), "{error}");
}

#[tokio::test]
async fn a_slow_git_is_ended() {
    let world = World::new();
    let slow = world.dir.path().join("slow-git");
    fs::write(&slow, "#!/bin/sh\nsleep 600\n").unwrap();
    fs::set_permissions(&slow, fs::Permissions::from_mode(0o755)).unwrap();
    let mut settings = settings(world.dir.path());
    settings.program = slow;
    settings.timeout = std::time::Duration::from_millis(50);
    let workspaces = GitWorkspaces::new(settings, CancellationToken::new()).unwrap();
    let error = workspaces.prepare(&world.request(1)).await.unwrap_err();
    assert!(matches!(error, WorkspaceError::TimedOut { .. }), "{error}");
}

#[tokio::test]
async fn the_version_is_known_and_a_missing_git_is_a_typed_error() {
    let world = World::new();
    assert!(world.workspaces.version().await.unwrap().starts_with("git version"));
    let mut settings = settings(world.dir.path());
    settings.program = "no-such-git".into();
    let workspaces = GitWorkspaces::new(settings, CancellationToken::new()).unwrap();
    let error = workspaces.version().await.unwrap_err();
    assert!(matches!(error, WorkspaceError::Process(_)), "{error}");
}
