//! Pushing, and pull requests in a repository that has none of its own.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use uuid::Uuid;

use super::GitForge;
use crate::domain::ids::{ItemId, RunId};
use crate::domain::pull_request::PullRequestState;
use crate::forges::bench::{Bench, SEARCH_PATH, git};
use crate::forges::command::GitProgram;
use crate::forges::remote::RemoteSettings;
use crate::forges::{Forge as _, ForgeError, PullRequestWish, Push};

fn run(number: u128) -> RunId {
    RunId(Uuid::from_u128(number))
}

fn settings(bench: &Bench, scratch: &str) -> RemoteSettings {
    RemoteSettings {
        address: bench.remote().to_string_lossy().into_owned(),
        credentials: None,
        scratch: bench.place(scratch),
        git: GitProgram::new(SEARCH_PATH.to_owned(), bench.place("home")),
    }
}

fn forge(bench: &Bench, scratch: &str) -> GitForge {
    GitForge::new(settings(bench, scratch)).unwrap()
}

/// A push of run `number` with one commit.
fn push(bench: &Bench, number: u128) -> Push {
    let head = bench.work(&run(number).to_string(), &bench.first, &format!("{number}.txt"));
    Push {
        run: run(number),
        earlier: Vec::new(),
        repository: bench.local(),
        branch: format!("factory/{number}"),
        head,
        base_commit: bench.first.clone(),
    }
}

fn wish(push: &Push) -> PullRequestWish {
    PullRequestWish {
        run: push.run,
        earlier: Vec::new(),
        item: ItemId::new("demo/1"),
        branch: push.branch.clone(),
        head: push.head.clone(),
        base: "main".to_owned(),
        title: "Add a greeting".to_owned(),
        body: String::new(),
        draft: false,
        reviewers: Vec::new(),
        labels: Vec::new(),
    }
}

fn script(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[tokio::test]
async fn nothing_that_the_repository_configures_decides_over_a_push() {
    let bench = Bench::new();
    let (elsewhere, ran) = (bench.place("elsewhere.git"), bench.place("ran"));
    git(&bench.local(), &["init", "--quiet", "--bare", &elsewhere.to_string_lossy()], b"");
    let (from, to) = (bench.remote(), elsewhere.to_string_lossy().into_owned());
    for key in ["insteadOf", "pushInsteadOf"] {
        let key = format!("url.{to}.{key}");
        git(&bench.local(), &["config", &key, &from.to_string_lossy()], b"");
    }
    script(&bench.local().join(".git/hooks/pre-push"), &format!("touch '{}'", ran.display()));
    script(&bench.local().join(".git/hooks/reference-transaction"), "exit 1");
    let push = push(&bench, 1);
    let before = fs::read(bench.local().join(".git/config")).unwrap();
    forge(&bench, "scratch").push(&push).await.unwrap();
    assert_eq!(bench.head_of(&push.branch).as_ref(), Some(&push.head));
    assert_eq!(git(&elsewhere, &["for-each-ref"], b""), "");
    assert!(!ran.exists());
    assert_eq!(fs::read(bench.local().join(".git/config")).unwrap(), before);
    assert_eq!(git(&bench.local(), &["for-each-ref", "refs/factory"], b""), "");
}

#[tokio::test]
async fn what_cannot_be_pushed_to_or_from_is_said() {
    let bench = Bench::new();
    let good = push(&bench, 1);
    let refused = async |address: String, push: &Push| {
        let settings = RemoteSettings { address, ..settings(&bench, "scratch") };
        let forge = GitForge::new(settings).map_err(|error| error.to_string())?;
        match forge.push(push).await {
            Err(error @ ForgeError::Refused { .. }) => Err(error.to_string()),
            other => Ok(other),
        }
    };
    let local = bench.local().to_string_lossy().into_owned();
    let remote = bench.remote().to_string_lossy().into_owned();
    let check = |found: Result<_, String>, expected: &str| {
        let said = found.unwrap_err();
        assert!(said.contains(expected), "{said}");
    };
    check(refused(local, &good).await, "is not a bare repository");
    check(refused(format!("{remote}x"), &good).await, "there is no directory");
    check(refused("https://user:hush@forge.example/x".to_owned(), &good).await, "a password in it");
    check(refused("ext::sh -c true".to_owned(), &good).await, "no address");
    let bad = Push { branch: "a..b".to_owned(), ..good.clone() };
    check(refused(remote.clone(), &bad).await, "is no name of one");
    let bad = Push { head: "--all".to_owned(), ..good.clone() };
    check(refused(remote.clone(), &bad).await, "is no name of one");
    let shallow = bench.place("shallow");
    let from = format!("file://{remote}");
    bench.person_commits("main", "second.txt");
    let to = shallow.to_string_lossy();
    git(&bench.local(), &["clone", "--quiet", "--depth=1", &from, &to], b"");
    let bad = Push { repository: shallow, ..good };
    check(refused(remote, &bad).await, "is shallow");
}

#[tokio::test]
async fn a_server_that_declines_is_quoted() {
    let bench = Bench::new();
    script(&bench.remote().join("hooks/pre-receive"), "echo 'no factories here' >&2; exit 1");
    let error = forge(&bench, "scratch").push(&push(&bench, 1)).await.unwrap_err();
    assert!(matches!(error, ForgeError::Refused { .. }), "{error:?}");
    let said = error.to_string();
    assert!(
        said.contains("no factories here") && said.contains("pre-receive hook declined"),
        "{said}"
    );
}

#[tokio::test]
async fn what_a_dead_daemon_left_behind_is_no_obstacle() {
    let bench = Bench::new();
    let first = forge(&bench, "scratch");
    let mut push = push(&bench, 1);
    first.push(&push).await.unwrap();
    push.head = bench.work(&push.run.to_string(), &push.head, "next.txt");
    let lock = bench.place("scratch").join(format!("refs/factory/remote/{}.lock", push.run));
    fs::create_dir_all(lock.parent().unwrap()).unwrap();
    fs::write(&lock, "").unwrap();
    let next = forge(&bench, "scratch");
    assert!(!next.push(&push).await.unwrap().already);
    let number = next.open(&wish(&push)).await.unwrap().number;
    // Nor is it one that everything that was known is gone.
    fs::remove_dir_all(bench.place("scratch")).unwrap();
    let again = forge(&bench, "scratch");
    assert!(again.push(&push).await.unwrap().already);
    assert_eq!(again.open(&wish(&push)).await.unwrap().number, number);
}

#[tokio::test]
async fn two_that_offer_at_once_get_two_numbers() {
    let bench = Bench::new();
    let (one, other) = (forge(&bench, "one"), forge(&bench, "other"));
    let (first, second) = (push(&bench, 1), push(&bench, 2));
    one.push(&first).await.unwrap();
    other.push(&second).await.unwrap();
    let (first, second) = (wish(&first), wish(&second));
    let (first, second) = tokio::join!(one.open(&first), other.open(&second));
    let mut numbers = [first.unwrap().number, second.unwrap().number];
    numbers.sort_unstable();
    assert_eq!(numbers, [1, 2]);
}

#[tokio::test]
async fn conflicts_are_told_and_what_is_in_the_base_is_merged() {
    let bench = Bench::new();
    let forge = forge(&bench, "scratch");
    let push = push(&bench, 1);
    forge.push(&push).await.unwrap();
    let pull = forge.open(&wish(&push)).await.unwrap();
    assert_eq!(pull.mergeable, Some(true));
    bench.person_commits("main", "1.txt");
    assert_eq!(forge.read(pull.number).await.unwrap().mergeable, Some(false));
    bench.set_head("main", &push.head);
    bench.delete(&push.branch);
    let read = forge.read(pull.number).await.unwrap();
    let merged = PullRequestState::Merged { commit: None };
    assert_eq!((read.state, read.head), (merged, push.head));
}
