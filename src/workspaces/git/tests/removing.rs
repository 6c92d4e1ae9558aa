//! Removing, and taking stock.

use std::fs;
use std::path::PathBuf;

use super::world::{World, commit_all, git, path, run, try_git, write};
use crate::domain::change::Workspace;
use crate::domain::time::Timestamp;
use crate::workspaces::git::record;
use crate::workspaces::{BranchAfter, Candidate, Removed, WorkspaceError, Workspaces};

#[tokio::test]
async fn an_unused_worktree_goes_with_its_branch() {
    let world = World::new();
    let workspace = world.prepared(1).await;
    let removed = world.workspaces.remove(&workspace, run(1)).await.unwrap();
    assert_eq!(removed, Removed { salvaged: None, branch: BranchAfter::Deleted });
    assert!(!path(&workspace).exists());
    assert_eq!(
        git(&world.repository, &["worktree", "list", "--porcelain"]).matches("worktree ").count(),
        1
    );
    assert_eq!(git(&world.repository, &["for-each-ref", "refs/heads/factory", "refs/factory"]), "");
    let again = world.workspaces.remove(&workspace, run(1)).await.unwrap();
    assert_eq!(again, Removed { salvaged: None, branch: BranchAfter::Unknown });
}

#[tokio::test]
async fn work_is_saved_and_commits_keep_their_branch() {
    let world = World::new();
    let workspace = world.prepared(1).await;
    write(&path(&workspace), "b.txt", "committed\n");
    let head = world.workspaces.commit(&workspace, "Work", &[]).await.unwrap().head;
    write(&path(&workspace), "c.txt", "untracked\n");
    let removed = world.workspaces.remove(&workspace, run(1)).await.unwrap();
    assert!(removed.salvaged.is_some());
    assert_eq!(removed.branch, BranchAfter::Kept);
    assert_eq!(git(&world.repository, &["rev-parse", &workspace.branch]), head);
    assert_eq!(world.saved(1, "c.txt").as_deref(), Some("untracked"));
    // The name stays this run's: the next run gets another.
    assert_ne!(world.prepared(2).await.branch, workspace.branch);
    // Merged later, it may go.
    assert!(
        !world.workspaces.delete_branch_if_merged(&world.repository, run(1), "main").await.unwrap()
    );
    git(&world.repository, &["merge", "--quiet", &workspace.branch]);
    assert!(
        world.workspaces.delete_branch_if_merged(&world.repository, run(1), "main").await.unwrap()
    );
    assert!(
        try_git(&world.repository, &["rev-parse", "--verify", "--quiet", &workspace.branch])
            .is_none()
    );
    assert!(
        world.workspaces.delete_branch_if_merged(&world.repository, run(1), "main").await.unwrap()
    );
    assert_eq!(world.saved(1, "c.txt").as_deref(), Some("untracked"));
}

#[tokio::test]
async fn a_merged_branch_goes_with_its_worktree() {
    let world = World::new();
    let workspace = world.prepared(1).await;
    write(&path(&workspace), "b.txt", "b\n");
    let head = world.workspaces.commit(&workspace, "Work", &[]).await.unwrap().head;
    let at = Timestamp(1_700_000_000_000);
    let Candidate::Merge { before, commit } =
        world.workspaces.merge_candidate(&workspace, &head, "Merge", &[], at).await.unwrap()
    else {
        panic!()
    };
    world.workspaces.advance(&world.repository, "main", &before, &commit).await.unwrap();
    let removed = world.workspaces.remove(&workspace, run(1)).await.unwrap();
    assert_eq!(removed, Removed { salvaged: None, branch: BranchAfter::Deleted });
}

#[tokio::test]
async fn a_crash_while_removing_is_finished() {
    for step in 0..3 {
        let world = World::new();
        let workspace = world.prepared(1).await;
        write(&path(&workspace), "c.txt", "untracked\n");
        let text = path(&workspace).to_string_lossy().into_owned();
        if step >= 0 {
            world.workspaces.salvage(&workspace, run(1)).await.unwrap();
        }
        if step >= 1 {
            fs::remove_dir_all(&text).unwrap();
        }
        if step >= 2 {
            git(&world.repository, &["worktree", "remove", "--force", "--force", &text]);
        }
        let removed = world.restarted().remove(&workspace, run(1)).await.unwrap();
        assert_eq!(removed.branch, BranchAfter::Deleted, "step {step}");
        assert_eq!(world.saved(1, "c.txt").as_deref(), Some("untracked"));
        assert!(!record::beside(&path(&workspace)).exists());
        assert_eq!(world.workspaces.inventory(&world.repository).await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn an_interrupted_prepare_can_be_removed() {
    let world = World::new();
    let workspace = world.prepared(1).await;
    let mut half: record::Record = record::read(&path(&workspace)).unwrap().unwrap();
    half.ready = false;
    record::write(&path(&workspace), &half).unwrap();
    fs::remove_dir_all(world.repository.join(".git/worktrees")).unwrap();
    let removed = world.workspaces.remove(&workspace, run(1)).await.unwrap();
    assert_eq!(removed, Removed { salvaged: None, branch: BranchAfter::Deleted });
}

#[tokio::test]
async fn a_forgotten_or_tampered_worktree_is_saved_and_removed() {
    for tamper in 0..3 {
        let world = World::new();
        let workspace = world.prepared(1).await;
        let at = path(&workspace);
        write(&at, "c.txt", "untracked\n");
        match tamper {
            0 => fs::remove_dir_all(world.repository.join(".git/worktrees")).unwrap(),
            1 => {
                fs::write(
                    at.join(".git"),
                    format!("gitdir: {}/.git\n", world.repository.display()),
                )
                .unwrap();
            }
            _ => {
                fs::remove_file(at.join(".git")).unwrap();
                git(&at, &["init", "--quiet"]);
                commit_all(&at, "My own repository now");
            }
        }
        write(&at, "cache/read-only", "x\n");
        fs::set_permissions(at.join("cache"), std::os::unix::fs::PermissionsExt::from_mode(0o500))
            .unwrap();
        let removed = world.workspaces.remove(&workspace, run(1)).await.unwrap();
        assert!(removed.salvaged.is_some(), "tamper {tamper}");
        assert!(!at.exists());
        assert_eq!(world.saved(1, "c.txt").as_deref(), Some("untracked"), "tamper {tamper}");
        assert_eq!(git(&world.repository, &["rev-parse", "HEAD"]), workspace.base_commit);
        assert_eq!(git(&world.repository, &["status", "--porcelain"]), "");
    }
}

#[tokio::test]
async fn nothing_outside_the_root_is_ever_removed() {
    let world = World::new();
    let workspace = world.prepared(1).await;
    let root = world.root();
    let precious = world.dir.path().join("precious/thing");
    write(&precious, "file", "x");
    record::write(&precious, &record::read::<record::Record>(&path(&workspace)).unwrap().unwrap())
        .unwrap();
    std::os::unix::fs::symlink(&precious, root.join("app").join(run(9).to_string())).unwrap();
    std::os::unix::fs::symlink(precious.parent().unwrap(), root.join("linked")).unwrap();
    let wrong: [PathBuf; 8] = [
        precious.clone(),
        world.repository.clone(),
        root.clone(),
        root.join("app"),
        root.join("app").join(run(9).to_string()),
        root.join("linked/thing"),
        root.join("app/../../precious/thing"),
        PathBuf::from("relative/thing"),
    ];
    for path in wrong {
        let workspace =
            Workspace { path: path.to_string_lossy().into_owned(), ..workspace.clone() };
        let error = world.workspaces.remove(&workspace, run(1)).await.unwrap_err();
        assert!(matches!(error, WorkspaceError::OutsideRoot { .. }), "{error}");
        let error = world.workspaces.discard_checkout(&path).await.unwrap_err();
        assert!(matches!(error, WorkspaceError::OutsideRoot { .. }), "{error}");
    }
    assert!(precious.join("file").exists() && path(&workspace).exists());
    // A run's worktree is no temporary checkout, and one run's is not another's.
    assert!(world.workspaces.discard_checkout(&path(&workspace)).await.is_err());
    assert!(world.workspaces.remove(&workspace, run(2)).await.is_err());
    assert!(path(&workspace).exists());
}

#[tokio::test]
async fn a_vanished_repository_stops_the_removal() {
    let world = World::new();
    let workspace = world.prepared(1).await;
    write(&path(&workspace), "c.txt", "untracked\n");
    fs::rename(&world.repository, world.dir.path().join("moved")).unwrap();
    let error = world.workspaces.remove(&workspace, run(1)).await.unwrap_err();
    assert!(matches!(error, WorkspaceError::NotARepository { .. }), "{error}");
    assert!(path(&workspace).join("c.txt").exists());
}

#[tokio::test]
async fn temporary_checkouts_are_fresh_and_detached() {
    let world = World::new();
    let first = git(&world.repository, &["rev-parse", "HEAD"]);
    write(&world.repository, "b.txt", "b\n");
    let second = commit_all(&world.repository, "Second");
    let at =
        world.workspaces.checkout(&world.repository, &first, "run 1/merge base").await.unwrap();
    assert!(at.starts_with(world.root()) && !at.join("b.txt").exists());
    assert_eq!(git(&at, &["rev-parse", "HEAD"]), first);
    assert!(try_git(&at, &["symbolic-ref", "-q", "HEAD"]).is_none());
    write(&at, "left-over.log", "x");
    let again =
        world.workspaces.checkout(&world.repository, &second, "run 1/merge base").await.unwrap();
    assert_eq!(again, at);
    assert!(at.join("b.txt").exists() && !at.join("left-over.log").exists());
    let found = world.workspaces.inventory(&world.repository).await.unwrap();
    assert!(found.iter().any(|found| found.path == at && found.checkout && found.run.is_none()));
    world.workspaces.discard_checkout(&at).await.unwrap();
    world.workspaces.discard_checkout(&at).await.unwrap();
    assert!(!at.exists());
    assert_eq!(world.workspaces.inventory(&world.repository).await.unwrap().len(), 1);
    let error = world.workspaces.checkout(&world.repository, "no-such", "x").await.unwrap_err();
    assert!(matches!(error, WorkspaceError::NoCommit { .. }), "{error}");
}

#[tokio::test]
async fn the_inventory_tells_ours_from_theirs() {
    let world = World::new();
    let workspace = world.prepared(1).await;
    let gone = world.prepared(2).await;
    fs::remove_dir_all(path(&gone)).unwrap();
    let own = world.dir.path().canonicalize().unwrap().join("own");
    git(&world.repository, &["worktree", "add", "--quiet", "-b", "mine", &own.to_string_lossy()]);
    let found = world.workspaces.inventory(&world.repository).await.unwrap();
    let of =
        |path: &std::path::Path| found.iter().find(|found| found.path == path).unwrap().clone();
    assert_eq!(found.len(), 4);
    assert_eq!(of(&world.repository).branch.as_deref(), Some("main"));
    assert_eq!((of(&own).run, of(&own).branch.as_deref()), (None, Some("mine")));
    let ours = of(&path(&workspace));
    assert_eq!((ours.run, ours.workspace, ours.missing), (Some(run(1)), Some(workspace), false));
    assert!(of(&path(&gone)).missing && of(&path(&gone)).run == Some(run(2)));
    // People's own stale worktrees are not pruned by us.
    fs::remove_dir_all(&own).unwrap();
    world.workspaces.remove(&gone, run(2)).await.unwrap();
    assert_eq!(world.workspaces.inventory(&world.repository).await.unwrap().len(), 3);
}
