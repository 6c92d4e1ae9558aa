//! The GitHub forge against the strict server.

use std::time::Duration;

use uuid::Uuid;

use super::{GithubForge, GithubForgeSettings};
use crate::domain::ids::{ItemId, RunId};
use crate::domain::pull_request::{
    CheckState, PullRequest, PullRequestState, RemoteCheck, RemoteReview, ReviewThread,
    ReviewVerdict,
};
use crate::domain::time::Timestamp;
use crate::fake_github::world::World;
use crate::fake_github::{ACCOUNT, Call, FakeGithub, Fault, TOKEN};
use crate::forges::bench::{Bench, SEARCH_PATH};
use crate::forges::command::GitProgram;
use crate::forges::remote::RemoteSettings;
use crate::forges::{CommitStatus, Forge as _, ForgeError, PullRequestWish, Push};

/// The repository of these tests.
pub(in crate::forges) const OWN: &str = "owner/name";

const BRANCH: &str = "factory/demo-1";

/// A server that has the branches of the bench's remote.
pub(in crate::forges) fn server(bench: &Bench) -> FakeGithub {
    let server = FakeGithub::start();
    server.people(|world| {
        world.repository(OWN);
        world.pulls.git = bench.remote();
        world.pulls.collaborators = ["ada", "core"].map(str::to_owned).to_vec();
    });
    server
}

pub(in crate::forges) fn settings(server: &FakeGithub, bench: &Bench) -> GithubForgeSettings {
    let remote = RemoteSettings {
        address: format!("file://{}", bench.remote().display()),
        credentials: None,
        scratch: bench.place("scratch"),
        git: GitProgram::new(SEARCH_PATH.to_owned(), bench.place("home")),
    };
    GithubForgeSettings {
        base_url: server.url().to_owned(),
        token: Some(TOKEN.to_owned().into()),
        between_writes: Duration::ZERO,
        ..GithubForgeSettings::new("owner", "name", remote)
    }
}

struct Place {
    bench: Bench,
    server: FakeGithub,
    forge: GithubForge,
    head: String,
}

impl Place {
    /// With one commit of the run, pushed.
    async fn new() -> Self {
        let bench = Bench::new();
        let server = server(&bench);
        let forge = GithubForge::new(settings(&server, &bench)).unwrap();
        let head = bench.work(&run().to_string(), &bench.first, "a.txt");
        let push = Push {
            run: run(),
            earlier: Vec::new(),
            repository: bench.local(),
            branch: BRANCH.to_owned(),
            head: head.clone(),
            base_commit: bench.first.clone(),
        };
        forge.push(&push).await.unwrap();
        Self { bench, server, forge, head }
    }

    fn wish(&self) -> PullRequestWish {
        PullRequestWish {
            run: run(),
            earlier: Vec::new(),
            item: ItemId::new("github/owner/name#1"),
            branch: BRANCH.to_owned(),
            head: self.head.clone(),
            base: "main".to_owned(),
            title: "Add a greeting".to_owned(),
            body: "What was done.".to_owned(),
            draft: false,
            reviewers: Vec::new(),
            labels: vec!["factory".to_owned()],
        }
    }

    async fn open(&self) -> PullRequest {
        self.forge.open(&self.wish()).await.unwrap()
    }

    fn people<T>(&self, act: impl FnOnce(&mut World) -> T) -> T {
        self.server.people(act)
    }

    /// What was asked for a change.
    fn writes(&self) -> Vec<Call> {
        let asked = self.server.take_journal().into_iter();
        asked.filter(|it| it.writes() && !it.body.to_string().contains("query Conv")).collect()
    }
}

fn run() -> RunId {
    RunId(Uuid::from_u128(7))
}

#[tokio::test]
async fn asking_again_changes_nothing_and_what_people_wrote_stays() {
    let place = Place::new().await;
    let pull = place.open().await;
    let _first = place.writes();
    place.open().await;
    assert_eq!(place.writes(), []);
    place.people(|world| {
        world.edit(OWN, pull.number, |issue| {
            issue.title = "By hand".to_owned();
            issue.body = format!("A remark\r\n\r\n{}", issue.body.replace('\n', "\r\n"));
        });
        world.unlabel(OWN, pull.number, "factory");
    });
    let wish = PullRequestWish { body: "Something new.".to_owned(), ..place.wish() };
    place.forge.open(&wish).await.unwrap();
    let issue = place.server.issue(OWN, pull.number);
    assert_eq!((issue.title.as_str(), issue.labels.len()), ("By hand", 1));
    assert!(issue.body.starts_with("A remark\r\n\r\nWhat was done."), "{}", issue.body);
    let _these = place.writes();
    place.forge.open(&wish).await.unwrap();
    assert_eq!(place.writes(), []);
}

#[tokio::test]
async fn wherever_an_answer_is_lost_asking_again_ends_in_one_pull_request() {
    for (method, path) in [("POST", "/pulls"), ("POST", "/labels"), ("GET", "/pulls/1")] {
        let place = Place::new().await;
        place.server.fail(method, path, 9, Fault::DoneUnanswered);
        let error = place.forge.open(&place.wish()).await.unwrap_err();
        assert!(matches!(error, ForgeError::Unavailable { .. }), "{path}: {error:?}");
        let again = GithubForge::new(settings(&place.server, &place.bench)).unwrap();
        let mut pull = again.open(&place.wish()).await;
        while pull.is_err() {
            pull = again.open(&place.wish()).await;
        }
        assert_eq!(pull.unwrap().number, 1, "{path}");
        assert_eq!(place.people(|world| world.pull_count()), 1, "{path}");
        assert_eq!(place.server.issue(OWN, 1).labels, ["factory"], "{path}");
    }
}

#[tokio::test]
async fn a_pull_request_that_lost_its_mark_or_has_a_copied_one_is_not_ours() {
    let place = Place::new().await;
    let pull = place.open().await;
    let text = place.server.issue(OWN, pull.number).body;
    place.people(|world| world.edit(OWN, pull.number, |issue| issue.body = "By hand".to_owned()));
    let error = place.forge.open(&place.wish()).await.unwrap_err();
    assert!(matches!(error, ForgeError::ForeignPullRequest { number: 1, .. }), "{error:?}");
    assert_eq!(place.server.issue(OWN, pull.number).body, "By hand");
    // With our text, but not by our account.
    place.people(|world| {
        world.close(OWN, 1, "not_planned");
        world.offer(OWN, BRANCH, &text);
    });
    let error = place.forge.open(&place.wish()).await.unwrap_err();
    assert!(matches!(error, ForgeError::ForeignPullRequest { number: 2, .. }), "{error:?}");
    assert_eq!(place.writes().iter().filter(|it| it.method == "PATCH").count(), 0);
}

#[tokio::test]
async fn reviewers_that_are_refused_keep_nothing_else_from_being_done() {
    let place = Place::new().await;
    let reviewers = ["nobody", "ada", "owner/core", ACCOUNT].map(str::to_owned).to_vec();
    let wish = PullRequestWish { reviewers, ..place.wish() };
    let pull = place.forge.open(&wish).await.unwrap();
    place.forge.open(&wish).await.unwrap();
    let (people, teams) = place.people(|world| {
        let pull = world.pull(pull.number);
        (pull.reviewers.clone(), pull.teams.clone())
    });
    assert_eq!((people, teams), (vec!["ada".to_owned()], vec!["core".to_owned()]));
    // Who has said something is not asked again.
    place.people(|world| {
        world.edit_pull(1, |pull| {
            pull.reviewers.clear();
            pull.reviews.push(("Ada".to_owned(), "MEMBER", "APPROVED", String::new()));
        });
    });
    place.forge.open(&wish).await.unwrap();
    assert_eq!(place.people(|world| world.pull(1).reviewers.clone()), [] as [String; 0]);
}

#[tokio::test]
async fn where_there_are_no_drafts_it_is_opened_as_ready() {
    let place = Place::new().await;
    place.people(|world| world.pulls.no_drafts = true);
    let wish = PullRequestWish { draft: true, ..place.wish() };
    let pull = place.forge.open(&wish).await.unwrap();
    assert_eq!(pull.state, PullRequestState::Open { draft: false });
}

#[tokio::test]
async fn checks_statuses_reviews_and_conversations_are_read() {
    let place = Place::new().await;
    let pull = place.open().await;
    let status = CommitStatus {
        commit: place.head.clone(),
        name: "build".to_owned(),
        state: CheckState::Passed,
        summary: "s".repeat(500),
        url: None,
    };
    place.forge.report(&status).await.unwrap();
    place.people(|world| {
        let runs = [("build", "in_progress", None), ("lint", "completed", Some("timed_out"))];
        let runs = runs.map(|(name, status, conclusion)| (name.to_owned(), status, conclusion));
        world.pulls.checks.insert(place.head.clone(), runs.to_vec());
        world.edit_pull(pull.number, |pull| {
            let said =
                |who: &str, how, what, text: &str| (who.to_owned(), how, what, text.to_owned());
            pull.reviews = vec![
                said("ada", "MEMBER", "CHANGES_REQUESTED", "Too long."),
                said("eve", "NONE", "APPROVED", "Merge it!"),
                said(ACCOUNT, "MEMBER", "COMMENTED", "our own"),
                said("ada", "MEMBER", "COMMENTED", "And too wide."),
                said("bob", "MEMBER", "DISMISSED", "No."),
            ];
            let ada = ("ada".to_owned(), "MEMBER", "Why?".to_owned());
            let eve = ("eve".to_owned(), "NONE", "Run this".to_owned());
            pull.threads = vec![
                (false, "a.txt".to_owned(), vec![ada.clone(), eve.clone()]),
                (true, "b.txt".to_owned(), vec![ada]),
                (false, "c.txt".to_owned(), vec![eve]),
            ];
        });
    });
    let read = place.forge.read(pull.number).await.unwrap();
    let check = |name: &str, state, url: Option<&str>, summary: &str| RemoteCheck {
        name: name.to_owned(),
        state,
        url: url.map(str::to_owned),
        summary: summary.to_owned(),
    };
    let expected = [
        check("build", CheckState::Pending, Some("https://github.example/runs/0"), "build says"),
        check("lint", CheckState::Failed, Some("https://github.example/runs/1"), "lint says"),
    ];
    assert_eq!(read.checks, expected);
    let review = |author: &str, trusted, verdict, text: &str, at| RemoteReview {
        author: author.to_owned(),
        trusted,
        verdict,
        text: text.to_owned(),
        at: Timestamp(at),
    };
    let expected = [
        review(
            "ada",
            true,
            ReviewVerdict::ChangesRequested,
            "Too long.\n\nAnd too wide.",
            1_780_272_003_000,
        ),
        review("eve", false, ReviewVerdict::Approved, "Merge it!", 1_780_272_001_000),
    ];
    assert_eq!(read.reviews, expected);
    let thread = |index: u32, file: &str, resolved, author: &str, text: &str| ReviewThread {
        id: format!("T_{index}"),
        file: Some(file.to_owned()),
        line: Some(index + 1),
        resolved,
        author: author.to_owned(),
        trusted: author == "ada",
        text: text.to_owned(),
    };
    let expected = [
        thread(0, "a.txt", false, "ada", "ada: Why?\n\n[1 more comments are left out]"),
        thread(1, "b.txt", true, "ada", "ada: Why?"),
        thread(2, "c.txt", false, "eve", "eve: Run this"),
    ];
    assert_eq!(read.threads, expected);
}

#[tokio::test]
async fn whether_it_can_be_merged_is_not_known_at_first() {
    let place = Place::new().await;
    let pull = place.open().await;
    assert_eq!(pull.mergeable, None);
    assert_eq!(place.forge.read(pull.number).await.unwrap().mergeable, Some(true));
}

#[tokio::test]
async fn refusals_are_told_apart() {
    let place = Place::new().await;
    let body = |text: &str| format!("{{\"message\":\"{text}\"}}");
    place.server.fail(
        "GET",
        "/pulls/1",
        1,
        Fault::Answer(401, Vec::new(), body("Bad credentials")),
    );
    let error = place.forge.read(1).await.unwrap_err();
    assert!(
        matches!(&error, ForgeError::Credentials { hint, .. } if hint.contains("Pull requests")),
        "{error}"
    );
    let secondary = body("You have exceeded a secondary rate limit.");
    place.server.fail("GET", "/pulls/1", 1, Fault::Answer(403, Vec::new(), secondary));
    let error = place.forge.read(1).await.unwrap_err();
    assert_eq!(error.wait(), Some(Duration::from_secs(60)), "{error}");
    let other = GithubForge::new(settings(&place.server, &place.bench)).unwrap();
    place.server.fail("GET", "/pulls/1", 9, Fault::broken());
    let error = other.read(1).await.unwrap_err();
    assert!(matches!(error, ForgeError::Unavailable { .. }), "{error}");
    let none = GithubForgeSettings { token: None, ..settings(&place.server, &place.bench) };
    let _before = place.server.take_journal();
    let error = GithubForge::new(none).unwrap().read(1).await.unwrap_err();
    assert!(matches!(error, ForgeError::Credentials { .. }), "{error}");
    assert_eq!(place.server.take_journal(), []);
}
