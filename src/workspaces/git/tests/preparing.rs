//! Making worktrees and finding them again after a crash at any step.

use std::fs;
use std::os::unix::fs::symlink;

use super::world::{World, commit_all, git, path, read, run, settings, try_git, write};
use crate::domain::ids::ProjectId;
use crate::domain::pull_request::Offer;
use crate::workspaces::git::record::{self, Record};
use crate::workspaces::git::{GitWorkspaces, places};
use crate::workspaces::{Prepare, WorkspaceError, Workspaces};
use tokio_util::sync::CancellationToken;

#[tokio::test]
async fn a_run_gets_a_worktree_outside_the_repository_on_its_own_branch() {
    let world = World::new();
    let workspace = world.prepared(1).await;
    assert_eq!(path(&workspace), world.root().join("app").join(run(1).to_string()));
    assert_eq!(workspace.branch, "factory/DEMO-1-add-a-greeting");
    assert_eq!(workspace.base_branch, "main");
    assert_eq!(workspace.base_commit, git(&world.repository, &["rev-parse", "main"]));
    assert_eq!(
        git(&path(&workspace), &["symbolic-ref", "HEAD"]),
        format!("refs/heads/{}", workspace.branch)
    );
    assert_eq!(git(&path(&workspace), &["status", "--porcelain"]), "");
    assert_eq!(git(&world.repository, &["status", "--porcelain"]), "");
    let mode = fs::metadata(world.root()).unwrap();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&mode.permissions()) & 0o777, 0o700);
}

#[tokio::test]
async fn preparing_again_keeps_all_work() {
    let world = World::new();
    let workspace = world.prepared(1).await;
    write(&path(&workspace), "b.txt", "committed\n");
    let head = world.workspaces.commit(&workspace, "Work", &[]).await.unwrap().head;
    write(&path(&workspace), "a.txt", "changed\n");
    write(&path(&workspace), "c.txt", "untracked\n");
    git(&world.repository, &["commit", "--allow-empty", "--quiet", "-m", "The base moves on"]);
    let again = world.restarted().prepare(&world.request(1)).await.unwrap();
    assert_eq!(again, workspace);
    assert_eq!(world.workspaces.head(&again).await.unwrap(), head);
    assert_eq!(read(&path(&workspace), "a.txt").as_deref(), Some("changed\n"));
    assert_eq!(read(&path(&workspace), "c.txt").as_deref(), Some("untracked\n"));
}

#[tokio::test]
async fn another_run_of_the_same_item_gets_another_branch() {
    let world = World::new();
    let branches = [world.prepared(1).await, world.prepared(2).await, world.prepared(3).await]
        .map(|w| w.branch);
    let first = "factory/DEMO-1-add-a-greeting".to_owned();
    assert_eq!(branches, [first.clone(), format!("{first}-2"), format!("{first}-3")]);
}

#[tokio::test]
async fn a_branch_somebody_made_is_never_reused() {
    let world = World::new();
    git(&world.repository, &["branch", "Factory/demo-1-ADD-a-greeting"]);
    git(&world.repository, &["branch", "factory/DEMO-1-add-a-greeting-2/deeper"]);
    assert_eq!(world.prepared(1).await.branch, "factory/DEMO-1-add-a-greeting-3");
}

#[tokio::test]
async fn a_branch_called_factory_leaves_no_room() {
    let world = World::new();
    git(&world.repository, &["branch", "factory"]);
    let error = world.workspaces.prepare(&world.request(1)).await.unwrap_err();
    assert!(matches!(error, WorkspaceError::NoFreeBranch { .. }), "{error}");
}

/// What is on record after the first step.
fn planned(world: &World, number: u128) -> (std::path::PathBuf, Record) {
    let place = places::of_run(&world.root(), &ProjectId::new("app"), run(number)).unwrap();
    let record = Record {
        format: Record::FORMAT,
        run: run(number),
        common: world.repository.join(".git"),
        branch: "factory/DEMO-1-add-a-greeting".to_owned(),
        base_branch: "main".to_owned(),
        base_commit: git(&world.repository, &["rev-parse", "main"]),
        ready: false,
    };
    record::write(&place, &record).unwrap();
    (place, record)
}

#[tokio::test]
async fn a_crash_after_each_step_of_preparing_is_finished() {
    for steps in 0..=4 {
        let world = World::new();
        let (place, record) = planned(&world, 1);
        let text = place.to_string_lossy().into_owned();
        git(&world.repository, &["commit", "--allow-empty", "--quiet", "-m", "The base moves on"]);
        if steps >= 1 {
            git(&world.repository, &["branch", &record.branch, &record.base_commit]);
            let claim = format!("refs/factory/run/{}/{}", run(1), record.branch);
            git(&world.repository, &["update-ref", &claim, &record.base_commit]);
        }
        if steps == 2 {
            // Git was killed after it had made the directory and before it knew of it.
            write(&place, "half", "");
        }
        if steps >= 3 {
            git(&world.repository, &["worktree", "add", "--quiet", &text, &record.branch]);
        }
        if steps == 3 {
            // Git was killed while it wrote the files.
            let admin = world.repository.join(".git/worktrees").join(run(1).to_string());
            fs::write(admin.join("locked"), "initializing").unwrap();
            fs::write(admin.join("index.lock"), "").unwrap();
            fs::remove_file(admin.join("index")).unwrap();
            fs::remove_file(place.join("a.txt")).unwrap();
            fs::remove_file(place.join(".git")).unwrap();
        }
        let workspace = world.prepared(1).await;
        assert_eq!(workspace.branch, record.branch, "after {steps} steps");
        assert_eq!(workspace.base_commit, record.base_commit, "after {steps} steps");
        assert_eq!(git(&place, &["status", "--porcelain"]), "", "after {steps} steps");
        assert_eq!(world.workspaces.head(&workspace).await.unwrap(), record.base_commit);
    }
}

#[tokio::test]
async fn a_branch_taken_between_plan_and_claim_is_left_alone() {
    let world = World::new();
    let (_, record) = planned(&world, 1);
    git(&world.repository, &["commit", "--allow-empty", "--quiet", "-m", "Not ours"]);
    git(&world.repository, &["branch", &record.branch]);
    let theirs = git(&world.repository, &["rev-parse", &record.branch]);
    let workspace = world.prepared(1).await;
    assert_eq!(workspace.branch, format!("{}-2", record.branch));
    assert_eq!(git(&world.repository, &["rev-parse", &record.branch]), theirs);
    assert_eq!(world.prepared(1).await, workspace);
}

#[tokio::test]
async fn a_lost_record_is_found_again_from_the_repository() {
    let world = World::new();
    let workspace = world.prepared(1).await;
    write(&path(&workspace), "c.txt", "untracked\n");
    record::erase(&path(&workspace)).unwrap();
    assert_eq!(world.prepared(1).await, workspace);
    assert_eq!(read(&path(&workspace), "c.txt").as_deref(), Some("untracked\n"));
}

#[tokio::test]
async fn a_deleted_worktree_comes_back_from_its_branch() {
    let world = World::new();
    let workspace = world.prepared(1).await;
    write(&path(&workspace), "b.txt", "committed\n");
    let head = world.workspaces.commit(&workspace, "Work", &[]).await.unwrap().head;
    fs::remove_dir_all(path(&workspace)).unwrap();
    assert_eq!(world.prepared(1).await, workspace);
    assert_eq!(read(&path(&workspace), "b.txt").as_deref(), Some("committed\n"));
    assert_eq!(world.workspaces.head(&workspace).await.unwrap(), head);
}

#[tokio::test]
async fn a_worktree_that_git_forgot_keeps_its_uncommitted_files() {
    let world = World::new();
    let workspace = world.prepared(1).await;
    write(&path(&workspace), "a.txt", "changed\n");
    write(&path(&workspace), "c.txt", "untracked\n");
    fs::remove_dir_all(world.repository.join(".git/worktrees")).unwrap();
    let error = world.workspaces.measure(&workspace).await;
    assert!(error.is_ok(), "the branch is still there");
    let error = world.workspaces.commit(&workspace, "Work", &[]).await.unwrap_err();
    assert!(matches!(error, WorkspaceError::Unregistered { .. }), "{error}");
    assert_eq!(world.prepared(1).await, workspace);
    assert_eq!(git(&path(&workspace), &["status", "--porcelain"]), " M a.txt\n?? c.txt");
    assert_eq!(read(&path(&workspace), "a.txt").as_deref(), Some("changed\n"));
    assert_eq!(read(&path(&workspace), "c.txt").as_deref(), Some("untracked\n"));
}

#[tokio::test]
async fn a_deleted_branch_starts_again_at_the_base_with_the_files_as_they_were() {
    let world = World::new();
    let workspace = world.prepared(1).await;
    write(&path(&workspace), "b.txt", "kept\n");
    world.workspaces.commit(&workspace, "Work", &[]).await.unwrap();
    git(&world.repository, &["update-ref", "-d", &format!("refs/heads/{}", workspace.branch)]);
    assert_eq!(world.prepared(1).await, workspace);
    let change = world.workspaces.commit(&workspace, "Again", &[]).await.unwrap();
    assert_eq!(change.files, ["b.txt"]);
}

#[tokio::test]
async fn repositories_of_the_same_name_do_not_meet() {
    let world = World::new();
    let other = world.dir.path().join("elsewhere/app");
    fs::create_dir_all(&other).unwrap();
    git(&other, &["init", "--quiet", "--initial-branch=main"]);
    write(&other, "other.txt", "other\n");
    commit_all(&other, "First");
    let mut requests = [world.request(1), world.request(2)];
    for (request, repository) in requests.iter_mut().zip([&world.repository, &other]) {
        request.project = ProjectId::new(repository.to_string_lossy());
        request.repository.clone_from(repository);
    }
    let first = world.workspaces.prepare(&requests[0]).await.unwrap();
    let second = world.workspaces.prepare(&requests[1]).await.unwrap();
    assert_ne!(path(&first).parent(), path(&second).parent());
    assert_eq!(first.branch, second.branch);
    assert!(path(&second).join("other.txt").exists() && !path(&first).join("other.txt").exists());
    // The same run number in another repository is a mistake, not a second worktree.
    requests[0].repository = other;
    let error = world.workspaces.prepare(&requests[0]).await.unwrap_err();
    assert!(matches!(error, WorkspaceError::Occupied { .. }), "{error}");
}

#[tokio::test]
async fn something_else_at_the_place_is_not_removed() {
    let world = World::new();
    let place = places::of_run(&world.root(), &ProjectId::new("app"), run(1)).unwrap();
    write(&place, "precious", "x");
    let error = world.workspaces.prepare(&world.request(1)).await.unwrap_err();
    assert!(matches!(error, WorkspaceError::Occupied { .. }), "{error}");
    assert_eq!(read(&place, "precious").as_deref(), Some("x"));
}

#[tokio::test]
async fn a_link_out_of_the_root_is_refused() {
    let world = World::new();
    let outside = world.dir.path().join("outside");
    fs::create_dir(&outside).unwrap();
    symlink(&outside, world.root().join("app")).unwrap();
    let error = world.workspaces.prepare(&world.request(1)).await.unwrap_err();
    assert!(matches!(error, WorkspaceError::OutsideRoot { .. }), "{error}");
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
}

#[tokio::test]
async fn a_root_inside_the_repository_is_refused() {
    let world = World::new();
    let mut settings = settings(world.dir.path());
    settings.root = world.repository.join("worktrees");
    let workspaces = GitWorkspaces::new(settings, CancellationToken::new()).unwrap();
    let error = workspaces.prepare(&world.request(1)).await.unwrap_err();
    assert!(matches!(error, WorkspaceError::RootInRepository { .. }), "{error}");
}

#[tokio::test]
async fn odd_names_and_linked_paths_work() {
    let world = World::new();
    let odd = world.dir.path().join("-o dd ünï 'q'");
    fs::rename(&world.repository, &odd).unwrap();
    let link = world.dir.path().join("link");
    symlink(&odd, &link).unwrap();
    let mut request = world.request(1);
    request.repository = link;
    request.project = ProjectId::new("-rf ünï");
    request.identifier = "--upload-pack=x".to_owned();
    request.title = "Größe; $(touch x)".to_owned();
    let workspace = world.workspaces.prepare(&request).await.unwrap();
    assert_eq!(workspace.branch, "factory/upload-pack-x-gr-e-touch-x");
    for name in ["-f", "sp ace", "ünï.txt", "new\nline", ":(exclude)x"] {
        write(&path(&workspace), name, "x\n");
    }
    let change = world.workspaces.commit(&workspace, "-m\n--amend", &[]).await.unwrap();
    assert_eq!(change.files, ["-f", ":(exclude)x", "new\nline", "sp ace", "ünï.txt"]);
    assert_eq!((change.insertions, change.deletions), (5, 0));
    let diff = world.workspaces.diff(&workspace, 10_000).await.unwrap();
    assert!(diff.text.contains("ünï.txt") && diff.left_out.is_empty(), "{diff:?}");
}

#[tokio::test]
async fn bare_shallow_and_sha256_repositories_work() {
    let world = World::new();
    git(&world.repository, &["commit", "--allow-empty", "--quiet", "-m", "Second"]);
    let url = format!("file://{}", world.repository.display());
    git(world.dir.path(), &["clone", "--quiet", "--bare", &url, "bare.git"]);
    git(world.dir.path(), &["clone", "--quiet", "--depth=1", &url, "shallow"]);
    let mut kinds = vec!["bare.git", "shallow"];
    if try_git(
        world.dir.path(),
        &["init", "--quiet", "--object-format=sha256", "-b", "main", "long"],
    )
    .is_some()
    {
        write(&world.dir.path().join("long"), "a.txt", "x\n");
        commit_all(&world.dir.path().join("long"), "First");
        kinds.push("long");
    }
    for (number, kind) in kinds.into_iter().enumerate() {
        let mut request = world.request(number as u128);
        request.repository = world.dir.path().join(kind);
        let workspace = world.workspaces.prepare(&request).await.unwrap();
        assert_eq!(workspace.base_branch, "main", "{kind}");
        write(&path(&workspace), "b.txt", "x\n");
        let change = world.workspaces.commit(&workspace, "Work", &[]).await.unwrap();
        assert_eq!(change.files, ["b.txt"], "{kind}");
        world.workspaces.remove(&workspace, request.run).await.unwrap();
    }
}

#[tokio::test]
async fn a_locked_administration_of_a_killed_agent_is_no_obstacle() {
    let world = World::new();
    let workspace = world.prepared(1).await;
    let admin = world.repository.join(".git/worktrees").join(run(1).to_string());
    fs::write(admin.join("index.lock"), "").unwrap();
    fs::write(admin.join("HEAD.lock"), "").unwrap();
    fs::write(
        world.repository.join(".git/refs/heads").join(format!("{}.lock", workspace.branch)),
        "",
    )
    .unwrap();
    write(&path(&workspace), "b.txt", "x\n");
    let change = world.workspaces.commit(&workspace, "Work", &[]).await.unwrap();
    assert_eq!(change.files, ["b.txt"]);
}

#[tokio::test]
async fn many_runs_of_one_repository_at_once_all_get_their_worktree() {
    let world = World::new();
    let requests: Vec<_> = (1..=6).map(|number| world.request(number)).collect();
    let [a, b, c, d, e, f] = &requests[..] else { unreachable!() };
    let w = &world.workspaces;
    let made = tokio::join!(
        w.prepare(a),
        w.prepare(b),
        w.prepare(c),
        w.prepare(d),
        w.prepare(e),
        w.prepare(f)
    );
    let made = [made.0, made.1, made.2, made.3, made.4, made.5].map(Result::unwrap);
    let branches: std::collections::BTreeSet<_> =
        made.iter().map(|workspace| &workspace.branch).collect();
    assert_eq!(branches.len(), 6);
}

#[tokio::test]
async fn a_run_goes_on_with_a_branch_that_is_where_an_earlier_run_left_it_and_with_no_other() {
    for moved in [false, true] {
        let world = World::new();
        let first = world.prepared(1).await;
        write(&path(&first), "b.txt", "work\n");
        let head = world.workspaces.commit(&first, "Work", &[]).await.unwrap().head;
        world.workspaces.remove(&first, run(1)).await.unwrap();
        if moved {
            let tree = format!("{head}^{{tree}}");
            let args = ["commit-tree", "-p", &head, "-m", "By hand", &tree];
            let by_hand = git(&world.repository, &args);
            git(&world.repository, &["branch", "--force", &first.branch, &by_hand]);
        }
        let offer = Offer {
            run: run(1),
            earlier: Vec::new(),
            project: ProjectId::new("app"),
            forge: "git".to_owned(),
            number: 1,
            url: "https://forge.example/1".to_owned(),
            branch: first.branch.clone(),
            base_commit: first.base_commit.clone(),
            head: head.clone(),
        };
        git(&world.repository, &["commit", "--allow-empty", "--quiet", "-m", "The base moves on"]);
        let request = Prepare { continues: Some(offer), ..world.request(2) };
        let second = world.workspaces.prepare(&request).await.unwrap();
        if moved {
            assert_eq!(second.branch, format!("{}-2", first.branch));
            continue;
        }
        assert_eq!((&second.branch, &second.base_commit), (&first.branch, &first.base_commit));
        assert_eq!(world.workspaces.head(&second).await.unwrap(), head);
        assert_eq!(read(&path(&second), "b.txt").as_deref(), Some("work\n"));
        assert_eq!(world.restarted().prepare(&request).await.unwrap(), second);
    }
}
