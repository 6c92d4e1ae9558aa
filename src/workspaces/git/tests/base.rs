//! Which branch is the base, and what is no repository.

use std::fs;

use super::world::{World, commit_all, git, try_git, write};
use crate::workspaces::{WorkspaceError, Workspaces};

async fn base(world: &World, configured: Option<&str>) -> Result<(String, String), String> {
    let mut request = world.request(1);
    request.base_branch = configured.map(str::to_owned);
    match world.workspaces.prepare(&request).await {
        Ok(workspace) => Ok((workspace.base_branch, workspace.base_commit)),
        Err(error) => Err(error.to_string()),
    }
}

#[tokio::test]
async fn the_configured_base_goes_first_and_must_exist() {
    let world = World::new();
    git(&world.repository, &["branch", "develop"]);
    let commit = git(&world.repository, &["rev-parse", "develop"]);
    assert_eq!(base(&world, Some("develop")).await, Ok(("develop".to_owned(), commit)));
    let world = World::new();
    assert_eq!(
        base(&world, Some("nope")).await,
        Err("there is no branch `nope`, neither local nor of origin".to_owned())
    );
    // A tag, a commit or a revision expression is no branch.
    git(&world.repository, &["tag", "v1"]);
    for name in ["v1", "HEAD", "main~0", "--all"] {
        assert!(base(&world, Some(name)).await.is_err(), "{name}");
    }
}

#[tokio::test]
async fn the_default_of_origin_goes_before_the_branch_people_are_on() {
    let world = World::new();
    git(&world.repository, &["branch", "trunk"]);
    git(&world.repository, &["checkout", "--quiet", "-b", "mine"]);
    git(&world.repository, &["update-ref", "refs/remotes/origin/trunk", "trunk"]);
    git(
        &world.repository,
        &["symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/trunk"],
    );
    assert_eq!(base(&world, None).await.unwrap().0, "trunk");
}

#[tokio::test]
async fn a_base_known_from_origin_only_starts_there() {
    let world = World::new();
    git(&world.repository, &["checkout", "--quiet", "-b", "other"]);
    let commit = commit_all_empty(&world);
    git(&world.repository, &["update-ref", "refs/remotes/origin/trunk", &commit]);
    git(
        &world.repository,
        &["symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/trunk"],
    );
    assert_eq!(base(&world, None).await.unwrap(), ("trunk".to_owned(), commit));
}

fn commit_all_empty(world: &World) -> String {
    git(&world.repository, &["commit", "--allow-empty", "--quiet", "-m", "Ahead"]);
    git(&world.repository, &["rev-parse", "HEAD"])
}

#[tokio::test]
async fn a_dangling_default_of_origin_is_passed_over() {
    let world = World::new();
    git(
        &world.repository,
        &["symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/gone"],
    );
    git(&world.repository, &["checkout", "--quiet", "-b", "work"]);
    assert_eq!(base(&world, None).await.unwrap().0, "work");
}

#[tokio::test]
async fn looking_at_a_run_does_not_make_it_a_base() {
    let world = World::new();
    git(&world.repository, &["checkout", "--quiet", "-b", "factory/OTHER-1"]);
    assert_eq!(base(&world, None).await.unwrap().0, "main");
}

#[tokio::test]
async fn a_detached_head_falls_back_to_the_usual_names() {
    for (name, configured) in [("main", None), ("master", None), ("stem", Some("stem"))] {
        let world = World::new();
        git(&world.repository, &["branch", "-m", "main", name]);
        if let Some(configured) = configured {
            git(&world.repository, &["config", "init.defaultBranch", configured]);
        }
        git(&world.repository, &["checkout", "--quiet", "--detach"]);
        assert_eq!(base(&world, None).await.unwrap().0, name);
    }
    let world = World::new();
    git(&world.repository, &["branch", "-m", "main", "odd"]);
    git(&world.repository, &["checkout", "--quiet", "--detach"]);
    assert_eq!(
        base(&world, None).await,
        Err("no base branch could be found: configure one".to_owned())
    );
}

#[tokio::test]
async fn an_unborn_head_beside_other_branches_is_no_obstacle() {
    let world = World::new();
    git(&world.repository, &["checkout", "--quiet", "--orphan", "unborn"]);
    assert_eq!(base(&world, None).await.unwrap().0, "main");
}

#[tokio::test]
async fn a_repository_without_commits_says_so() {
    let world = World::empty();
    for configured in [None, Some("main".to_owned())] {
        let mut request = world.request(1);
        request.base_branch = configured;
        let error = world.workspaces.prepare(&request).await.unwrap_err();
        assert!(matches!(error, WorkspaceError::NoCommits { .. }), "{error}");
    }
}

#[tokio::test]
async fn what_is_no_repository_is_refused_by_name() {
    let world = World::new();
    let plain = world.dir.path().join("plain");
    fs::create_dir(&plain).unwrap();
    write(&plain, "file", "x");
    write(&world.repository, "deep/er/file", "x");
    for wrong in [plain.clone(), plain.join("file"), plain.join("missing")] {
        let mut request = world.request(1);
        request.repository = wrong;
        let error = world.workspaces.prepare(&request).await.unwrap_err();
        assert!(matches!(error, WorkspaceError::NotARepository { .. }), "{error}");
    }
    let mut request = world.request(1);
    request.repository = world.repository.join("deep/er");
    let error = world.workspaces.prepare(&request).await.unwrap_err();
    assert!(
        matches!(&error, WorkspaceError::NotTheTop { top, .. } if *top == world.repository),
        "{error}"
    );
}

#[tokio::test]
async fn a_submodule_is_refused_and_one_inside_is_no_obstacle() {
    let world = World::new();
    let inner = world.dir.path().join("inner");
    git(world.dir.path(), &["init", "--quiet", "-b", "main", "inner"]);
    write(&inner, "i.txt", "x\n");
    commit_all(&inner, "Inner");
    let url = inner.to_string_lossy();
    git(
        &world.repository,
        &["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", &url, "sub"],
    );
    commit_all(&world.repository, "With a sub-module");
    let mut request = world.request(1);
    request.repository = world.repository.join("sub");
    let error = world.workspaces.prepare(&request).await.unwrap_err();
    assert!(matches!(error, WorkspaceError::SubModule { .. }), "{error}");
    let workspace = world.prepared(2).await;
    write(&super::world::path(&workspace), "b.txt", "x\n");
    let change = world.workspaces.commit(&workspace, "Work", &[]).await.unwrap();
    assert_eq!(change.files, ["b.txt"]);
    assert!(world.workspaces.remove(&workspace, request_run(2)).await.is_ok());
    assert!(try_git(&world.repository, &["rev-parse", "HEAD:sub"]).is_some());
}

fn request_run(number: u128) -> crate::domain::ids::RunId {
    super::world::run(number)
}
