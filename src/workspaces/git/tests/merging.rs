//! Merging without touching anybody's checkout.

use std::fs;

use super::world::{World, commit_all, git, path, read, run, snapshot, write};
use crate::domain::change::Workspace;
use crate::domain::time::Timestamp;
use crate::workspaces::{Advance, Candidate, WorkspaceError, Workspaces, sync_command};

const AT: Timestamp = Timestamp(1_700_000_000_000);

async fn changed(world: &World, number: u128, name: &str, text: &str) -> (Workspace, String) {
    let workspace = world.prepared(number).await;
    write(&path(&workspace), name, text);
    let head = world.workspaces.commit(&workspace, "Work", &[]).await.unwrap().head;
    (workspace, head)
}

async fn candidate(world: &World, workspace: &Workspace, head: &str) -> Candidate {
    world.workspaces.merge_candidate(workspace, head, "Merge it", &[], AT).await.unwrap()
}

async fn merge(world: &World, workspace: &Workspace, head: &str) -> (String, String) {
    let Candidate::Merge { before, commit } = candidate(world, workspace, head).await else {
        panic!("merged already")
    };
    let done = world.workspaces.advance(&world.repository, "main", &before, &commit).await.unwrap();
    assert!(matches!(done, Advance::Done { .. }), "{done:?}");
    (before, commit)
}

#[tokio::test]
async fn a_merge_moves_the_branch_and_leaves_a_dirty_checkout_as_it_is() {
    let world = World::new();
    let repository = &world.repository;
    write(repository, "kept.txt", "kept\n");
    commit_all(repository, "Second");
    let (workspace, head) = changed(&world, 1, "b.txt", "b\n").await;
    write(repository, "a.txt", "staged by a person\n");
    git(repository, &["add", "a.txt"]);
    write(repository, "a.txt", "unstaged by a person\n");
    write(repository, "own.txt", "untracked by a person\n");
    let index = repository.join(".git/index");
    let before = (
        snapshot(repository),
        fs::read(&index).unwrap(),
        fs::read(repository.join(".git/HEAD")).unwrap(),
    );
    let Candidate::Merge { before: old, commit } = candidate(&world, &workspace, &head).await
    else {
        panic!()
    };
    assert_eq!(git(repository, &["rev-parse", "main"]), old);
    let done = world.workspaces.advance(repository, "main", &old, &commit).await.unwrap();
    assert_eq!(done, Advance::Done { checked_out: Some(repository.clone()) });
    let after = (
        snapshot(repository),
        fs::read(&index).unwrap(),
        fs::read(repository.join(".git/HEAD")).unwrap(),
    );
    assert_eq!(after, before);
    assert_eq!(git(repository, &["rev-parse", "main"]), commit);
    assert_eq!(
        git(repository, &["show", "--no-patch", "--format=%P", &commit]),
        format!("{old} {head}")
    );
    assert_eq!(git(repository, &["show", &format!("{commit}:b.txt")]), "b");
    let trailers = git(repository, &["show", "--no-patch", "--format=%(trailers:only)", &commit]);
    assert_eq!(trailers, format!("Factory-Run: {}\nFactory-Head: {head}", run(1)));
    // The command people are told brings the checkout up to date and keeps their changes.
    assert_eq!(
        sync_command(repository, &old),
        format!("git -C '{}' read-tree -m -u {old} HEAD", repository.display())
    );
    git(repository, &["read-tree", "-m", "-u", &old, "HEAD"]);
    assert_eq!(read(repository, "b.txt").as_deref(), Some("b\n"));
    assert_eq!(read(repository, "a.txt").as_deref(), Some("unstaged by a person\n"));
    assert_eq!(read(repository, "own.txt").as_deref(), Some("untracked by a person\n"));
    assert_eq!(git(repository, &["status", "--porcelain"]), "MM a.txt\n?? own.txt");
}

#[tokio::test]
async fn the_same_merge_is_the_same_commit() {
    let world = World::new();
    let (workspace, head) = changed(&world, 1, "b.txt", "b\n").await;
    let trailers = [
        ("Factory-Run".to_owned(), "forged".to_owned()),
        ("Reviewed-by".to_owned(), "critic".to_owned()),
    ];
    let build = || world.workspaces.merge_candidate(&workspace, &head, "Merge", &trailers, AT);
    let (first, second) = (build().await.unwrap(), build().await.unwrap());
    assert_eq!(first, second);
    let Candidate::Merge { commit, .. } = first else { panic!() };
    let text =
        git(&world.repository, &["show", "--no-patch", "--format=%ct%n%(trailers:only)", &commit]);
    assert_eq!(
        text,
        format!("1700000000\nReviewed-by: critic\nFactory-Run: {}\nFactory-Head: {head}", run(1))
    );
}

#[tokio::test]
async fn a_merge_that_happened_before_a_crash_is_found_again() {
    let world = World::new();
    let (workspace, head) = changed(&world, 1, "b.txt", "b\n").await;
    let (before, commit) = merge(&world, &workspace, &head).await;
    let found = Candidate::AlreadyMerged { before: before.clone(), after: commit.clone() };
    assert_eq!(candidate(&world, &workspace, &head).await, found);
    // The same step again changes nothing.
    let again =
        world.workspaces.advance(&world.repository, "main", &before, &commit).await.unwrap();
    assert!(matches!(again, Advance::Done { .. }));
    // Also when the base has moved on since, and after a restart.
    let (other, other_head) = changed(&world, 2, "c.txt", "c\n").await;
    merge(&world, &other, &other_head).await;
    let restarted = world.restarted();
    assert_eq!(
        restarted.merge_candidate(&workspace, &head, "Merge it", &[], AT).await.unwrap(),
        found
    );
    assert_eq!(git(&world.repository, &["rev-list", "--count", "--merges", "main"]), "2");
}

#[tokio::test]
async fn a_rewritten_merge_is_found_by_its_trailers() {
    let world = World::new();
    let (workspace, head) = changed(&world, 1, "b.txt", "b\n").await;
    let (before, commit) = merge(&world, &workspace, &head).await;
    let tree = git(&world.repository, &["rev-parse", &format!("{commit}^{{tree}}")]);
    let message = git(&world.repository, &["show", "--no-patch", "--format=%B", &commit]);
    let squashed = git(&world.repository, &["commit-tree", &tree, "-p", &before, "-m", &message]);
    git(&world.repository, &["update-ref", "refs/heads/main", &squashed]);
    let found = candidate(&world, &workspace, &head).await;
    assert_eq!(found, Candidate::AlreadyMerged { before, after: squashed });
}

#[tokio::test]
async fn a_branch_that_people_took_by_themselves_is_merged_already() {
    let world = World::new();
    let (workspace, head) = changed(&world, 1, "b.txt", "b\n").await;
    git(&world.repository, &["merge", "--quiet", "--ff-only", &workspace.branch]);
    let found = candidate(&world, &workspace, &head).await;
    assert_eq!(found, Candidate::AlreadyMerged { before: workspace.base_commit, after: head });
}

#[tokio::test]
async fn a_conflict_names_the_paths_and_moves_nothing() {
    let world = World::new();
    let (workspace, head) = changed(&world, 1, "a.txt", "ours\n").await;
    write(&world.repository, "a.txt", "theirs\n");
    let main = commit_all(&world.repository, "Theirs");
    let error =
        world.workspaces.merge_candidate(&workspace, &head, "Merge", &[], AT).await.unwrap_err();
    assert!(matches!(&error, WorkspaceError::Conflict { paths } if paths == &["a.txt"]), "{error}");
    assert_eq!(git(&world.repository, &["rev-parse", "main"]), main);
}

#[tokio::test]
async fn union_attributes_of_the_base_are_honoured() {
    let world = World::new();
    write(&world.repository, ".gitattributes", "CHANGES merge=union\n");
    write(&world.repository, "CHANGES", "start\n");
    commit_all(&world.repository, "Second");
    let (workspace, head) = changed(&world, 1, "CHANGES", "start\nours\n").await;
    write(&world.repository, "CHANGES", "start\ntheirs\n");
    commit_all(&world.repository, "Theirs");
    let (_, commit) = merge(&world, &workspace, &head).await;
    let text = git(&world.repository, &["show", &format!("{commit}:CHANGES")]);
    assert!(text.contains("ours") && text.contains("theirs"), "{text}");
}

#[tokio::test]
async fn a_lost_race_changes_nothing_and_says_where_the_branch_is() {
    let world = World::new();
    let (workspace, head) = changed(&world, 1, "b.txt", "b\n").await;
    let Candidate::Merge { before, commit } = candidate(&world, &workspace, &head).await else {
        panic!()
    };
    write(&world.repository, "c.txt", "c\n");
    let theirs = commit_all(&world.repository, "Faster");
    let lost = world.workspaces.advance(&world.repository, "main", &before, &commit).await.unwrap();
    assert_eq!(lost, Advance::Moved { actual: theirs.clone() });
    assert_eq!(git(&world.repository, &["rev-parse", "main"]), theirs);
    let (second_before, _) = merge(&world, &workspace, &head).await;
    assert_eq!(second_before, theirs);
}

#[tokio::test]
async fn two_runs_merging_at_once_both_end_up_in_the_base() {
    let world = World::new();
    let (first, first_head) = changed(&world, 1, "b.txt", "b\n").await;
    let (second, second_head) = changed(&world, 2, "c.txt", "c\n").await;
    let deliver = async |workspace: &Workspace, head: &str| {
        for _ in 0..3 {
            let Candidate::Merge { before, commit } = candidate(&world, workspace, head).await
            else {
                return;
            };
            let advance = world
                .workspaces
                .advance(&world.repository, "main", &before, &commit)
                .await
                .unwrap();
            if matches!(advance, Advance::Done { .. }) {
                return;
            }
        }
        panic!("never merged");
    };
    tokio::join!(deliver(&first, &first_head), deliver(&second, &second_head));
    let files = git(&world.repository, &["ls-tree", "--name-only", "main"]);
    assert_eq!(files, ".gitignore\na.txt\nb.txt\nc.txt");
    assert_eq!(git(&world.repository, &["rev-list", "--count", "--merges", "main"]), "2");
}

#[tokio::test]
async fn a_base_known_from_origin_only_gets_a_local_branch() {
    let world = World::new();
    let main = git(&world.repository, &["rev-parse", "main"]);
    git(&world.repository, &["update-ref", "refs/remotes/origin/trunk", &main]);
    git(
        &world.repository,
        &["symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/trunk"],
    );
    let (workspace, head) = changed(&world, 1, "b.txt", "b\n").await;
    assert_eq!(workspace.base_branch, "trunk");
    let Candidate::Merge { before, commit } = candidate(&world, &workspace, &head).await else {
        panic!()
    };
    let done =
        world.workspaces.advance(&world.repository, "trunk", &before, &commit).await.unwrap();
    assert_eq!(done, Advance::Done { checked_out: None });
    assert_eq!(git(&world.repository, &["rev-parse", "refs/heads/trunk"]), commit);
}

#[tokio::test]
async fn unknown_commits_and_branches_are_typed_errors() {
    let world = World::new();
    let (workspace, head) = changed(&world, 1, "b.txt", "b\n").await;
    let zero = "0".repeat(40);
    let error =
        world.workspaces.merge_candidate(&workspace, &zero, "x", &[], AT).await.unwrap_err();
    assert!(matches!(error, WorkspaceError::NoCommit { .. }), "{error}");
    for (before, after) in [(&zero, &head), (&head, &zero)] {
        let error =
            world.workspaces.advance(&world.repository, "main", before, after).await.unwrap_err();
        assert!(matches!(error, WorkspaceError::NoCommit { .. }), "{error}");
    }
    let error =
        world.workspaces.advance(&world.repository, "nope", &head, &head).await.unwrap_err();
    assert!(matches!(error, WorkspaceError::BaseMissing { .. }), "{error}");
}

#[tokio::test]
async fn a_merge_works_from_a_bare_repository() {
    let world = World::new();
    let url = world.repository.to_string_lossy();
    git(world.dir.path(), &["clone", "--quiet", "--bare", &url, "bare.git"]);
    let mut request = world.request(1);
    request.repository = world.dir.path().join("bare.git");
    let workspace = world.workspaces.prepare(&request).await.unwrap();
    write(&path(&workspace), "b.txt", "b\n");
    let head = world.workspaces.commit(&workspace, "Work", &[]).await.unwrap().head;
    let Candidate::Merge { before, commit } = candidate(&world, &workspace, &head).await else {
        panic!()
    };
    let done =
        world.workspaces.advance(&request.repository, "main", &before, &commit).await.unwrap();
    assert!(matches!(done, Advance::Done { .. }));
    assert_eq!(git(&request.repository, &["rev-parse", "main"]), commit);
}
