//! Committing, measuring, proving that nothing changed, saving and putting back.

use std::fs;

use super::world::{World, commit_all, git, path, read, run, try_git, write};
use crate::workspaces::{WorkspaceError, Workspaces};

fn co_author() -> Vec<(String, String)> {
    vec![
        ("Co-authored-by".to_owned(), "Agent <agent@example.invalid>\nForged: yes".to_owned()),
        ("Factory-Run".to_owned(), run(1).to_string()),
    ]
}

#[tokio::test]
async fn everything_uncommitted_is_committed_with_trailers() {
    let world = World::new();
    let workspace = world.prepared(1).await;
    let at = path(&workspace);
    write(&at, "a.txt", "one\n2\nthree\n");
    write(&at, "new/b.txt", "b\n");
    write(&at, "noise.log", "ignored\n");
    write(&at, "staged.txt", "staged\n");
    git(&at, &["add", "staged.txt"]);
    let change =
        world.workspaces.commit(&workspace, "Add things\n\nBecause.", &co_author()).await.unwrap();
    assert_eq!(change.files, ["a.txt", "new/b.txt", "staged.txt"]);
    assert_eq!((change.insertions, change.deletions), (3, 1));
    assert_eq!(change.head, git(&at, &["rev-parse", "HEAD"]));
    assert_eq!(git(&at, &["status", "--porcelain"]), "");
    assert!(at.join("noise.log").exists());
    let show = |format: &str| git(&at, &["show", "--no-patch", &format!("--format={format}")]);
    assert_eq!(
        show("%an <%ae> %cn <%ce>"),
        "Enact Factory <factory@enact.invalid> Enact Factory <factory@enact.invalid>"
    );
    assert_eq!(show("%s"), "Add things");
    let trailers = show("%(trailers:only)");
    assert!(trailers.contains(&format!("Factory-Run: {}", run(1))), "{trailers}");
    assert_eq!(trailers.lines().filter(|line| line.starts_with("Forged")).count(), 0, "{trailers}");
    assert_eq!(world.workspaces.measure(&workspace).await.unwrap(), change);
    // Nothing new: no new commit.
    assert_eq!(world.workspaces.commit(&workspace, "Again", &[]).await.unwrap(), change);
}

#[tokio::test]
async fn no_change_is_an_empty_change() {
    let world = World::new();
    let workspace = world.prepared(1).await;
    let change = world.workspaces.commit(&workspace, "Nothing", &[]).await.unwrap();
    assert!(change.is_empty());
    assert_eq!(change.head, workspace.base_commit);
}

#[tokio::test]
async fn equal_digests_mean_equal_changes() {
    let world = World::new();
    let (first, second) = (world.prepared(1).await, world.prepared(2).await);
    for workspace in [&first, &second] {
        write(&path(workspace), "b.txt", "same\n");
    }
    let one = world.workspaces.commit(&first, "One", &[]).await.unwrap();
    let two = world.workspaces.commit(&second, "Two", &[]).await.unwrap();
    assert_ne!(one.head, two.head);
    assert_eq!(one.diff_sha256, two.diff_sha256);
    write(&path(&second), "b.txt", "more\n");
    let more = world.workspaces.commit(&second, "Three", &[]).await.unwrap();
    assert_ne!(more.diff_sha256, two.diff_sha256);
}

#[tokio::test]
async fn commits_of_the_agent_itself_count() {
    let world = World::new();
    let workspace = world.prepared(1).await;
    write(&path(&workspace), "b.txt", "b\n");
    let theirs = commit_all(&path(&workspace), "By the agent");
    let change = world.workspaces.commit(&workspace, "Nothing left", &[]).await.unwrap();
    assert_eq!((change.head, change.files), (theirs, vec!["b.txt".to_owned()]));
}

#[tokio::test]
async fn a_repository_made_inside_is_committed_as_files() {
    let world = World::new();
    let workspace = world.prepared(1).await;
    let at = path(&workspace);
    for nested in ["unborn", "born", "born/deeper", "linked"] {
        write(&at, &format!("{nested}/f.txt"), "x\n");
        git(&at.join(nested), &["init", "--quiet", "-b", "main"]);
        write(&at, &format!("{nested}/f.log"), "ignored\n");
    }
    commit_all(&at.join("linked"), "Inner");
    commit_all(&at.join("born/deeper"), "Inner");
    git(&at, &["add", "linked"]);
    let change = world.workspaces.commit(&workspace, "Scaffold", &[]).await.unwrap();
    assert_eq!(change.files, ["born/deeper/f.txt", "born/f.txt", "linked/f.txt", "unborn/f.txt"]);
    assert_eq!(git(&at, &["status", "--porcelain"]), "");
}

#[tokio::test]
async fn an_unfinished_merge_is_committed_as_it_is() {
    let world = World::new();
    let workspace = world.prepared(1).await;
    let at = path(&workspace);
    write(&at, "a.txt", "ours\n");
    commit_all(&at, "Ours");
    write(&world.repository, "a.txt", "theirs\n");
    commit_all(&world.repository, "Theirs");
    assert!(try_git(&at, &["merge", "main"]).is_none());
    let change = world.workspaces.commit(&workspace, "Whatever", &[]).await.unwrap();
    assert_eq!(change.files, ["a.txt"]);
    let status = git(&at, &["status"]);
    assert!(!status.contains("merge") && status.contains("nothing to commit"), "{status}");
}

#[tokio::test]
async fn a_worktree_on_another_branch_commits_nothing_and_loses_nothing() {
    let world = World::new();
    let workspace = world.prepared(1).await;
    let at = path(&workspace);
    git(&world.repository, &["checkout", "--quiet", "--detach"]);
    let main = git(&world.repository, &["rev-parse", "main"]);
    for switch in
        [&["checkout", "--quiet", "main"][..], &["checkout", "--quiet", "--detach", "main"]]
    {
        git(&at, switch);
        write(&at, "b.txt", "work\n");
        let error = world.workspaces.commit(&workspace, "Work", &[]).await.unwrap_err();
        let WorkspaceError::WrongBranch { expected, salvaged, .. } = error else {
            panic!("{error}")
        };
        assert_eq!(expected, workspace.branch);
        assert!(salvaged.is_some());
        assert_eq!(world.saved(1, "b.txt").as_deref(), Some("work"));
    }
    assert_eq!(git(&world.repository, &["rev-parse", "main"]), main);
    assert_eq!(world.workspaces.head(&workspace).await.unwrap(), workspace.base_commit);
    world.workspaces.restore(&workspace, &workspace.base_commit).await.unwrap();
    write(&at, "b.txt", "work\n");
    assert!(world.workspaces.commit(&workspace, "Work", &[]).await.is_ok());
}

#[tokio::test]
async fn a_branch_that_is_another_name_for_the_base_is_noticed() {
    let world = World::new();
    let workspace = world.prepared(1).await;
    let main = git(&world.repository, &["rev-parse", "main"]);
    let branch = format!("refs/heads/{}", workspace.branch);
    git(&world.repository, &["symbolic-ref", &branch, "refs/heads/main"]);
    write(&path(&workspace), "b.txt", "work\n");
    let error = world.workspaces.commit(&workspace, "Work", &[]).await.unwrap_err();
    assert!(
        matches!(&error, WorkspaceError::WrongBranch { actual, .. } if actual == "main"),
        "{error}"
    );
    assert_eq!(git(&world.repository, &["rev-parse", "main"]), main);
    world.workspaces.restore(&workspace, &workspace.base_commit).await.unwrap();
    write(&path(&workspace), "b.txt", "work\n");
    world.workspaces.commit(&workspace, "Work", &[]).await.unwrap();
    assert_eq!(git(&world.repository, &["rev-parse", "main"]), main);
}

#[tokio::test]
async fn commits_on_no_branch_are_saved_too() {
    let world = World::new();
    let workspace = world.prepared(1).await;
    let at = path(&workspace);
    git(&at, &["checkout", "--quiet", "--detach"]);
    write(&at, "b.txt", "work\n");
    let lost = commit_all(&at, "On no branch");
    let saved = world.workspaces.salvage(&workspace, run(1)).await.unwrap().unwrap();
    assert_eq!(git(&world.repository, &["merge-base", &saved, &lost]), lost);
}

#[tokio::test]
async fn a_fingerprint_notices_whatever_changes() {
    let world = World::new();
    let workspace = world.prepared(1).await;
    let at = path(&workspace);
    let before = world.workspaces.fingerprint(&workspace).await.unwrap();
    assert_eq!(world.workspaces.fingerprint(&workspace).await.unwrap(), before);
    write(&at, "noise.log", "ignored\n");
    git(&at, &["status"]);
    assert_eq!(world.workspaces.fingerprint(&workspace).await.unwrap(), before);
    let games: [&dyn Fn(); 9] = [
        &|| write(&at, "a.txt", "one\nTWO\nthree\n"),
        &|| write(&at, "new.txt", ""),
        &|| {
            fs::set_permissions(
                at.join("a.txt"),
                std::os::unix::fs::PermissionsExt::from_mode(0o755),
            )
            .unwrap();
        },
        &|| {
            write(&at, "a.txt", "staged\n");
            git(&at, &["add", "a.txt"]);
            write(&at, "a.txt", "one\ntwo\nthree\n");
        },
        &|| {
            git(&at, &["commit", "--quiet", "--allow-empty", "-m", "Mine"]);
        },
        &|| {
            git(&at, &["checkout", "--quiet", "--detach"]);
        },
        &|| {
            git(&at, &["update-index", "--assume-unchanged", "a.txt"]);
        },
        &|| {
            git(&at, &["symbolic-ref", "HEAD", "refs/heads/unborn"]);
        },
        &|| {
            git(&at, &["rm", "--quiet", "--cached", "a.txt"]);
        },
    ];
    for (number, game) in games.iter().enumerate() {
        game();
        assert_ne!(
            world.workspaces.fingerprint(&workspace).await.unwrap(),
            before,
            "game {number}"
        );
        world.workspaces.restore(&workspace, &workspace.base_commit).await.unwrap();
        assert_eq!(
            world.workspaces.fingerprint(&workspace).await.unwrap(),
            before,
            "after game {number}"
        );
    }
    assert!(at.join("noise.log").exists());
}

#[tokio::test]
async fn hidden_changes_are_found_and_committed() {
    let world = World::new();
    let workspace = world.prepared(1).await;
    let at = path(&workspace);
    for (flag, text) in [("--assume-unchanged", "hidden 1\n"), ("--skip-worktree", "hidden 2\n")] {
        git(&at, &["update-index", flag, "a.txt"]);
        write(&at, "a.txt", text);
        assert_eq!(git(&at, &["status", "--porcelain"]), "");
        let change = world.workspaces.commit(&workspace, "Work", &[]).await.unwrap();
        assert_eq!(change.files, ["a.txt"]);
        assert_eq!(git(&at, &["show", "HEAD:a.txt"]), text.trim());
    }
}

/// Seconds of a file's last change: git compares no finer than that.
fn second(path: &std::path::Path) -> std::time::SystemTime {
    let since = path.metadata().unwrap().modified().unwrap();
    let since = since.duration_since(std::time::UNIX_EPOCH).unwrap();
    std::time::UNIX_EPOCH + std::time::Duration::from_secs(since.as_secs())
}

#[tokio::test]
async fn a_hidden_change_of_the_same_second_and_size_is_found() {
    let world = World::new();
    let workspace = world.prepared(1).await;
    let at = path(&workspace);
    for round in 0..20 {
        write(&at, "a.txt", &format!("{round:02} seen\n"));
        world.workspaces.commit(&workspace, "Seen", &[]).await.unwrap();
        let recorded = second(&at.join("a.txt"));
        git(&at, &["update-index", "--skip-worktree", "a.txt"]);
        let hidden = format!("{round:02} hide\n");
        write(&at, "a.txt", &hidden);
        if second(&at.join("a.txt")) != recorded {
            continue;
        }
        // Looking at the state in a later second writes the index anew; from then on git believes what it has noted.
        let probe = world.dir.path().join("probe");
        while std::fs::write(&probe, "").is_ok() && second(&probe) == recorded {}
        assert_eq!(git(&at, &["status", "--porcelain"]), "");
        world.workspaces.commit(&workspace, "Hidden", &[]).await.unwrap();
        assert_eq!(git(&at, &["show", "HEAD:a.txt"]), hidden.trim());
        return;
    }
    panic!("twenty times in a row, two changes were not in the same second");
}

#[tokio::test]
async fn restoring_keeps_what_it_takes_away() {
    let world = World::new();
    let workspace = world.prepared(1).await;
    let at = path(&workspace);
    write(&at, "b.txt", "good\n");
    let head = world.workspaces.commit(&workspace, "Good", &[]).await.unwrap().head;
    write(&at, "b.txt", "bad\n");
    commit_all(&at, "Bad");
    write(&at, "c.txt", "worse\n");
    git(&at, &["init", "--quiet", "nested"]);
    write(&at, "nested/d.txt", "nested\n");
    fs::write(at.join(".git"), "gitdir: /nonexistent\n").unwrap();
    world.workspaces.restore(&workspace, &head).await.unwrap();
    assert_eq!(world.workspaces.head(&workspace).await.unwrap(), head);
    assert_eq!(git(&at, &["status", "--porcelain"]), "");
    assert_eq!(read(&at, "b.txt").as_deref(), Some("good\n"));
    assert!(!at.join("c.txt").exists() && !at.join("nested").exists());
    assert_eq!(world.saved(1, "b.txt").as_deref(), Some("bad"));
    assert_eq!(world.saved(1, "c.txt").as_deref(), Some("worse"));
    assert_eq!(world.saved(1, "nested/d.txt").as_deref(), Some("nested"));
}

#[tokio::test]
async fn restoring_writes_no_file_that_is_as_it_should_be() {
    let world = World::new();
    let workspace = world.prepared(1).await;
    let at = path(&workspace);
    let long_ago = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
    let file = fs::File::options().write(true).open(at.join("a.txt")).unwrap();
    file.set_modified(long_ago).unwrap();
    let modified = || fs::metadata(at.join("a.txt")).unwrap().modified().unwrap();
    let base = workspace.base_commit.clone();
    world.workspaces.restore(&workspace, &base).await.unwrap();
    assert_eq!(modified(), long_ago);
    write(&at, "c.txt", "untracked\n");
    git(&at, &["commit", "--quiet", "--allow-empty", "-m", "Mine"]);
    world.workspaces.restore(&workspace, &base).await.unwrap();
    assert_eq!(modified(), long_ago);
    assert!(!at.join("c.txt").exists());
    // An index that cannot be read is made again.
    fs::write(world.repository.join(format!(".git/worktrees/{}/index", run(1))), "garbage")
        .unwrap();
    world.workspaces.restore(&workspace, &base).await.unwrap();
    assert_eq!(git(&at, &["status", "--porcelain"]), "");
}

#[tokio::test]
async fn a_broken_index_does_not_stop_a_commit() {
    let world = World::new();
    let workspace = world.prepared(1).await;
    fs::write(world.repository.join(format!(".git/worktrees/{}/index", run(1))), "garbage")
        .unwrap();
    write(&path(&workspace), "b.txt", "b\n");
    let change = world.workspaces.commit(&workspace, "Work", &[]).await.unwrap();
    assert_eq!(change.files, ["b.txt"]);
}

#[tokio::test]
async fn staged_unstaged_and_untracked_work_is_saved_and_nothing_is_touched() {
    let world = World::new();
    let workspace = world.prepared(1).await;
    let at = path(&workspace);
    assert_eq!(world.workspaces.salvage(&workspace, run(1)).await.unwrap(), None);
    write(&at, "a.txt", "staged\n");
    git(&at, &["add", "a.txt"]);
    write(&at, "a.txt", "unstaged\n");
    write(&at, "c.txt", "untracked\n");
    let admin = world.repository.join(".git/worktrees").join(run(1).to_string());
    let before = (super::world::snapshot(&at), fs::read(admin.join("index")).unwrap());
    let saved = world.workspaces.salvage(&workspace, run(1)).await.unwrap().unwrap();
    assert_eq!((super::world::snapshot(&at), fs::read(admin.join("index")).unwrap()), before);
    assert_eq!(world.workspaces.head(&workspace).await.unwrap(), workspace.base_commit);
    let show = |name: &str| try_git(&world.repository, &["show", name]);
    assert_eq!(show(&format!("{saved}:a.txt")).as_deref(), Some("unstaged"));
    assert_eq!(show(&format!("{saved}:c.txt")).as_deref(), Some("untracked"));
    assert_eq!(show(&format!("{saved}^2:a.txt")).as_deref(), Some("staged"));
    assert_eq!(
        git(&world.repository, &["rev-parse", &format!("refs/factory/wip/{}", run(1))]),
        saved
    );
    // The same again is the same commit; something else keeps what was saved before.
    assert_eq!(world.workspaces.salvage(&workspace, run(1)).await.unwrap(), Some(saved.clone()));
    write(&at, "c.txt", "more\n");
    let more = world.workspaces.salvage(&workspace, run(1)).await.unwrap().unwrap();
    assert_ne!(more, saved);
    assert_eq!(git(&world.repository, &["merge-base", &more, &saved]), saved);
    assert_eq!(world.workspaces.salvage(&workspace, run(1)).await.unwrap(), Some(more));
    assert!(world.workspaces.salvage(&workspace, run(2)).await.is_err());
}

#[tokio::test]
async fn a_diff_has_whole_files_and_names_the_rest() {
    let world = World::new();
    write(&world.repository, "old.txt", &"line\n".repeat(50));
    std::os::unix::fs::symlink("a.txt", world.repository.join("link")).unwrap();
    commit_all(&world.repository, "More");
    let workspace = world.prepared(1).await;
    let at = path(&workspace);
    write(&at, "a.txt", "one\ntwo\ndiff --git a/x b/x\nthree\n");
    write(&at, "big.txt", &"long line\n".repeat(500));
    fs::write(at.join("picture"), [0, 159, 146, 150]).unwrap();
    fs::rename(at.join("old.txt"), at.join("renamed.txt")).unwrap();
    fs::remove_file(at.join("link")).unwrap();
    write(&at, "link", "now a file\n");
    write(&at, "zz.txt", "small\n");
    world.workspaces.commit(&workspace, "Work", &[]).await.unwrap();
    let diff = world.workspaces.diff(&workspace, 2_000).await.unwrap();
    assert_eq!(diff.left_out, ["big.txt"]);
    assert_eq!(diff.binary, ["picture"]);
    assert!(diff.text.contains("+diff --git a/x b/x"), "{}", diff.text);
    assert!(diff.text.contains("rename to renamed.txt"), "{}", diff.text);
    assert!(diff.text.contains("+now a file") && diff.text.contains("+small"), "{}", diff.text);
    assert!(!diff.text.contains("long line"));
    let whole = world.workspaces.diff(&workspace, 1_000_000).await.unwrap();
    assert!(whole.left_out.is_empty() && whole.text.contains("long line"));
    assert_eq!(world.workspaces.diff(&workspace, 0).await.unwrap().text, "");
}
