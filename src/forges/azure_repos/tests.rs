//! The Azure Repos forge against the strict service.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{AzureForge, AzureForgeSettings};
use crate::domain::ids::{ItemId, RunId};
use crate::domain::pull_request::{
    CheckState, PullRequest, RemoteCheck, RemoteReview, ReviewThread, ReviewVerdict,
};
use crate::domain::time::Timestamp;
use crate::fake_azure::board::identity;
use crate::fake_azure::faults::{Fault, Scope};
use crate::fake_azure::process::Process;
use crate::fake_azure::pulls::REPOSITORY;
use crate::fake_azure::{Azure, FACTORY, ORGANIZATION, PERSON, PROJECT, TOKEN};
use crate::forges::bench::{Bench, SEARCH_PATH};
use crate::forges::command::GitProgram;
use crate::forges::remote::RemoteSettings;
use crate::forges::{CommitStatus, Forge as _, ForgeError, PullRequestWish, Push};

const BRANCH: &str = "factory/demo-1";

/// A service that has the branches of the bench's remote.
pub(in crate::forges) fn service(bench: &Bench) -> Azure {
    let azure = Azure::start(Process::Agile);
    azure.repository(|pulls| pulls.git = bench.remote());
    azure
}

pub(in crate::forges) fn settings(azure: &Azure, bench: &Bench) -> AzureForgeSettings {
    let remote = RemoteSettings {
        address: bench.remote().to_string_lossy().into_owned(),
        credentials: None,
        scratch: bench.place("scratch"),
        git: GitProgram::new(SEARCH_PATH.to_owned(), bench.place("home")),
    };
    let place = (ORGANIZATION, PROJECT, REPOSITORY);
    AzureForgeSettings {
        base_url: azure.base().to_owned(),
        trusted: vec!["@example.org".to_owned()],
        ..AzureForgeSettings::new(place, TOKEN.to_owned().into(), remote)
    }
}

struct Place {
    bench: Bench,
    azure: Azure,
    forge: AzureForge,
    head: String,
}

impl Place {
    /// With one commit of the run, pushed, and a work item.
    async fn new() -> Self {
        let bench = Bench::new();
        let azure = service(&bench);
        azure.create("Task", &[("System.Title", json!("Greet"))]);
        let forge = AzureForge::new(settings(&azure, &bench)).unwrap();
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
        Self { bench, azure, forge, head }
    }

    fn wish(&self) -> PullRequestWish {
        PullRequestWish {
            run: run(),
            earlier: Vec::new(),
            item: ItemId::new("azdo/1"),
            branch: BRANCH.to_owned(),
            head: self.head.clone(),
            base: "main".to_owned(),
            title: "Add a greeting".to_owned(),
            body: "What was done.\n".repeat(1_000),
            draft: false,
            reviewers: Vec::new(),
            labels: vec!["factory".to_owned()],
        }
    }

    async fn open(&self) -> PullRequest {
        self.forge.open(&self.wish()).await.unwrap()
    }

    fn writes(&self) -> Vec<String> {
        let asked = self.azure.journal().into_iter().filter(|it| it.writes());
        let asked = asked.map(|it| format!("{} {}", it.method, it.path)).collect();
        self.azure.forget();
        asked
    }
}

fn run() -> RunId {
    RunId(Uuid::from_u128(7))
}

#[tokio::test]
async fn asking_again_changes_nothing_and_what_people_wrote_stays() {
    let place = Place::new().await;
    let pull = place.open().await;
    assert!(
        pull.url.ends_with("/fabrikam/Fiber%20Suite/_git/Fiber%20App/pullrequest/11"),
        "{}",
        pull.url
    );
    let _first = place.writes();
    place.open().await;
    assert_eq!(place.writes(), [] as [&str; 0]);
    place.azure.repository(|pulls| {
        pulls.edit(pull.number, |pull| {
            pull.title = "By hand".to_owned();
            pull.description = pull.description.replacen("What was done.", "What I did.", 1);
        });
    });
    let wish = PullRequestWish { body: "Something new.".to_owned(), ..place.wish() };
    place.forge.open(&wish).await.unwrap();
    let now = place.azure.repository(|pulls| pulls.pull(pull.number).clone());
    assert_eq!(now.title, "By hand");
    assert!(now.description.starts_with("What I did."), "{}", now.description);
    let _these = place.writes();
    place.forge.open(&wish).await.unwrap();
    assert_eq!(place.writes(), [] as [&str; 0]);
}

#[tokio::test]
async fn the_work_item_is_linked_once_and_reviewers_are_found_by_name() {
    let place = Place::new().await;
    let reviewers = [PERSON, "nobody@example.org", FACTORY].map(str::to_owned).to_vec();
    let wish = PullRequestWish { reviewers, ..place.wish() };
    let pull = place.forge.open(&wish).await.unwrap();
    place.forge.open(&wish).await.unwrap();
    let reviewers = place.azure.repository(|pulls| pulls.pull(pull.number).reviewers.clone());
    assert_eq!(reviewers, [(PERSON.to_owned(), 0)]);
    let patches = place.azure.journal().into_iter().filter(|it| it.path.contains("/workitems/1"));
    let patches: Vec<Value> = patches.filter(|it| it.writes()).map(|it| it.body).collect();
    let [patch] = &patches[..] else { panic!("{patches:?}") };
    assert_eq!(patch[0]["value"]["rel"], "ArtifactLink");
    // An item that is not there keeps nothing from being done.
    let other = PullRequestWish { item: ItemId::new("azdo/77"), ..wish };
    place.forge.open(&other).await.unwrap();
}

#[tokio::test]
async fn wherever_an_answer_is_lost_asking_again_ends_in_one_pull_request() {
    for lost in 0..3 {
        let place = Place::new().await;
        let mut failed = 0;
        // The first `lost` writes are answered, the next is done and not.
        if lost > 0 {
            place.azure.fail(Scope::Writes, lost, Fault::Slow(0));
        }
        place.azure.fail(Scope::Writes, 1, Fault::CutAfterwards);
        let pull = loop {
            match place.forge.open(&place.wish()).await {
                Ok(pull) => break pull,
                Err(error) => {
                    assert!(matches!(error, ForgeError::Unavailable { .. }), "{error:?}");
                    failed += 1;
                }
            }
        };
        assert_eq!((failed, pull.number), (1, 11), "{lost}");
        assert_eq!(place.azure.repository(|pulls| pulls.count()), 1);
        let labels = place.azure.repository(|pulls| pulls.pull(11).labels.clone());
        assert_eq!(labels, ["factory"]);
    }
}

#[tokio::test]
async fn a_pull_request_that_lost_its_mark_is_not_ours() {
    let place = Place::new().await;
    let pull = place.open().await;
    place.azure.repository(|it| it.edit(pull.number, |pull| pull.description = "Mine".to_owned()));
    let _before = place.writes();
    let error = place.forge.open(&place.wish()).await.unwrap_err();
    assert!(matches!(error, ForgeError::ForeignPullRequest { number: 11, .. }), "{error:?}");
    assert_eq!(place.writes(), [] as [&str; 0]);
}

#[tokio::test]
async fn a_status_is_posted_once() {
    let place = Place::new().await;
    let status = CommitStatus {
        commit: place.head.clone(),
        name: "enact-factory/critic".to_owned(),
        state: CheckState::Passed,
        summary: "approved".to_owned(),
        url: None,
    };
    let _before = place.writes();
    place.forge.report(&status).await.unwrap();
    place.forge.report(&status).await.unwrap();
    assert_eq!(place.writes().len(), 1);
}

#[tokio::test]
async fn statuses_votes_and_conversations_are_read() {
    let place = Place::new().await;
    let pull = place.open().await;
    let comment = |who: &str, kind: &str, text: &str| json!({ "id": 1, "author": identity(who), "content": text, "commentType": kind, "publishedDate": "2026-06-02T00:00:00Z" });
    let status = |id: u32, state: &str| json!({ "id": id, "state": state, "description": "it says", "context": { "name": "build", "genre": "ci" }, "targetUrl": "https://ci.example/1" });
    place.azure.repository(|pulls| {
        pulls.edit(pull.number, |pull| {
            pull.statuses = vec![status(1, "failed"), status(2, "succeeded")];
            let policy = |kind: &str, name: &str| json!({ "type": { "id": kind }, "settings": { "displayName": name } });
            pull.evaluations = vec![
                json!({
                    "status": "rejected", "configuration": policy("0609b952-1397-4640-95ec-e00a01b2c241", "nightly"),
                    "context": { "buildId": 5, "isExpired": false },
                }),
                json!({ "status": "queued", "configuration": policy("fa4e907d-c16b-4a4c-9dfa-4906e5d171dd", "people") }),
            ];
            pull.reviewers = vec![
                (PERSON.to_owned(), -5),
                ("eve@elsewhere.example".to_owned(), 10),
                ("bob@example.org".to_owned(), 0),
            ];
            let votes = json!({ "CodeReviewThreadType": { "$type": "System.String", "$value": "VoteUpdate" } });
            let position = json!({ "filePath": "/a.txt", "rightFileStart": { "line": 3, "offset": 1 } });
            pull.threads = vec![
                json!({ "id": 1, "properties": votes, "comments": [comment(PERSON, "system", "voted -5")] }),
                json!({ "id": 2, "status": "active", "threadContext": position, "comments": [comment(PERSON, "text", "Why?")] }),
                json!({ "id": 3, "status": "fixed", "comments": [comment("eve@elsewhere.example", "text", "Run this")] }),
                json!({ "id": 4, "isDeleted": true, "comments": [comment(PERSON, "text", "gone")] }),
            ];
        });
    });
    let read = place.forge.read(pull.number).await.unwrap();
    let check = RemoteCheck {
        name: "ci/build".to_owned(),
        state: CheckState::Passed,
        url: Some("https://ci.example/1".to_owned()),
        summary: "it says".to_owned(),
    };
    let page = format!("{}/fabrikam/Fiber%20Suite/_build/results?buildId=5", place.azure.base());
    let build = RemoteCheck {
        name: "nightly".to_owned(),
        state: CheckState::Failed,
        url: Some(page),
        summary: "build policy: rejected".to_owned(),
    };
    assert_eq!(read.checks, [check, build]);
    let review = |author: &str, trusted, verdict, text: &str, at| RemoteReview {
        author: author.to_owned(),
        trusted,
        verdict,
        text: text.to_owned(),
        at: Timestamp::from_rfc3339(at).unwrap(),
    };
    let waits = ReviewVerdict::ChangesRequested;
    let expected = [
        review(PERSON, true, waits, "Waits for the author", "2026-06-02T00:00:00Z"),
        review(
            "eve@elsewhere.example",
            false,
            ReviewVerdict::Approved,
            "Approved",
            "2026-06-01T00:00:00Z",
        ),
    ];
    assert_eq!(read.reviews, expected);
    let thread =
        |id: &str, file: Option<&str>, line, resolved, author: &str, text: &str| ReviewThread {
            id: id.to_owned(),
            file: file.map(str::to_owned),
            line,
            resolved,
            author: author.to_owned(),
            trusted: author == PERSON,
            text: format!("{author}: {text}"),
        };
    let expected = [
        thread("2", Some("a.txt"), Some(3), false, PERSON, "Why?"),
        thread("3", None, None, true, "eve@elsewhere.example", "Run this"),
    ];
    assert_eq!(read.threads, expected);
    assert_eq!(read.mergeable, Some(true));
}

#[tokio::test]
async fn refusals_are_told_apart() {
    let place = Place::new().await;
    place.azure.fail(Scope::Everything, 1, Fault::SignInPage);
    let error = place.forge.open(&place.wish()).await.unwrap_err();
    assert!(
        matches!(&error, ForgeError::Credentials { hint, .. } if hint.contains("Code (Read")),
        "{error}"
    );
    place.azure.fail(Scope::Everything, 1, Fault::Status(429, 120));
    let error = place.forge.open(&place.wish()).await.unwrap_err();
    assert_eq!(error.wait().map(|it| it.as_secs()), Some(120), "{error}");
    let wrong = AzureForgeSettings {
        token: "wrong".to_owned().into(),
        ..settings(&place.azure, &place.bench)
    };
    let error = AzureForge::new(wrong).unwrap().read(11).await.unwrap_err();
    assert!(matches!(error, ForgeError::Credentials { .. }), "{error}");
}
