//! The Azure Repos forge and our stand-in before judges that we did not write: Microsoft's own description of the
//! interface, and Microsoft's own client.

use std::process::Command;

use base64::Engine as _;
use enact_factory::domain::pull_request::{CheckState, PullRequestState};
use enact_factory::forges::azure_repos::{AzureForge, AzureForgeSettings};
use enact_factory::forges::{CommitStatus, Forge as _, PullRequestWish};
use enact_factory::http::client::{Client, Request, Settings, Verb};
use serde_json::json;

use super::setting::{push, remote, wish};
use crate::support::azure::process::Process;
use crate::support::azure::pulls::REPOSITORY;
use crate::support::azure::{Azure, FACTORY, ORGANIZATION, PERSON, PROJECT, TOKEN};
use crate::support::bench::Bench;
use crate::support::judges::{prism, python};

const CONTRACT: &str = "azure-devops-git-7.1.json";

#[tokio::test(flavor = "multi_thread")]
async fn what_the_forge_says_and_what_the_stand_in_answers_is_as_microsoft_describes_it() {
    let (azure, bench) = (Azure::start(Process::Agile), Bench::new());
    azure.repository(|pulls| pulls.git = bench.remote());
    let Some(judge) = prism(CONTRACT, azure.base()) else { return };
    let place = (ORGANIZATION, PROJECT, REPOSITORY);
    let settings = AzureForgeSettings {
        base_url: judge.url.clone(),
        // Neither who asks nor who people are is in the description.
        account: Some(FACTORY.to_owned()),
        identities_url: Some(azure.base().to_owned()),
        trusted: vec!["*".to_owned()],
        ..AzureForgeSettings::new(place, TOKEN.to_owned().into(), remote(&bench))
    };
    let forge = AzureForge::new(settings).expect("a forge");
    let push = push(&bench);
    forge.push(&push).await.expect("a push");
    let mut wish =
        PullRequestWish { draft: true, reviewers: vec![PERSON.to_owned()], ..wish(&push.head) };
    let pull = forge.open(&wish).await.expect("a pull request");
    assert_eq!(pull.state, PullRequestState::Open { draft: true });
    let status = CommitStatus {
        commit: push.head.clone(),
        name: "enact-factory/critic".to_owned(),
        state: CheckState::Passed,
        summary: "approved".to_owned(),
        url: Some("https://factory.example/runs/1".to_owned()),
    };
    forge.report(&status).await.expect("a status");
    azure.repository(|pulls| {
        pulls.edit(pull.number, |pull| {
            pull.reviewers[0].1 = 10;
            let comment = json!({
                "id": 1, "author": { "id": "8c8c7d32-6b1b-47f4-b2e9-30b477b5ab3d", "uniqueName": PERSON },
                "content": "Why?", "commentType": "text", "publishedDate": "2026-06-02T00:00:00Z",
            });
            let context = json!({ "filePath": "/a.txt", "rightFileStart": { "line": 3, "offset": 1 } });
            pull.threads.push(
                json!({ "id": 1, "status": "active", "threadContext": context, "comments": [comment] }),
            );
        });
    });
    wish.title = "Add two greetings".to_owned();
    wish.draft = false;
    let again = forge.open(&wish).await.expect("the same");
    assert_eq!((again.number, again.state), (pull.number, PullRequestState::Open { draft: false }));
    let seen = (again.checks.len(), again.reviews.len(), again.threads.len());
    assert_eq!(seen, (1, 1, 1));
    let wrong: Vec<_> = azure.journal().into_iter().filter(|asked| asked.status != 200).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Requests that the description forbids, one or more for every address that the forge uses.
fn forbidden() -> Vec<(&'static str, Request)> {
    let bare = |verb, path: &str| {
        let request = Request::new(verb, "").below(ORGANIZATION).below(PROJECT).below("_apis");
        let request = request.below("git").below("repositories").below(REPOSITORY);
        path.split('/').fold(request, |request, part| request.below(part))
    };
    let versioned = |verb, path: &str| bare(verb, path).query("api-version", "7.1");
    vec![
        ("a search without a version", bare(Verb::Get, "pullrequests")),
        (
            "an unknown status",
            versioned(Verb::Get, "pullrequests").query("searchCriteria.status", "some"),
        ),
        ("a bound that is no number", versioned(Verb::Get, "pullrequests").query("$top", "many")),
        (
            "a title that is no text",
            versioned(Verb::Post, "pullrequests").json(&json!({ "title": 7 })),
        ),
        (
            "a draft that is no draft",
            versioned(Verb::Patch, "pullrequests/11").json(&json!({ "isDraft": "perhaps" })),
        ),
        ("a pull request without a number", versioned(Verb::Get, "pullrequests/one")),
        ("labels without a version", bare(Verb::Get, "pullRequests/11/labels")),
        (
            "a label that is no text",
            versioned(Verb::Post, "pullRequests/11/labels").json(&json!({ "name": 7 })),
        ),
        (
            "a vote that is no number",
            versioned(Verb::Put, "pullRequests/11/reviewers/x").json(&json!({ "vote": "yes" })),
        ),
        ("conversations without a version", bare(Verb::Get, "pullRequests/11/threads")),
        ("work items without a version", bare(Verb::Get, "pullRequests/11/workitems")),
        ("statuses without a version", bare(Verb::Get, "pullRequests/11/statuses")),
        ("refs without a version", bare(Verb::Get, "refs")),
        (
            "the latest, perhaps",
            versioned(Verb::Get, "commits/abc/statuses").query("latestOnly", "perhaps"),
        ),
        (
            "an unknown state",
            versioned(Verb::Post, "commits/abc/statuses").json(&json!({ "state": "neither" })),
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn what_microsofts_description_forbids_is_noticed_at_every_address() {
    let azure = Azure::start(Process::Agile);
    let Some(judge) = prism(CONTRACT, azure.base()) else { return };
    let token = base64::engine::general_purpose::STANDARD.encode(format!(":{TOKEN}"));
    let settings = Settings {
        authorization: Some(format!("Basic {token}").into()),
        ..Settings::new(&judge.url)
    };
    let client = Client::new(settings).expect("a client");
    for (what, request) in forbidden() {
        let reply = client.send(&request).await.expect("an answer");
        let said = reply.text();
        assert!(
            reply.status == 422 && said.contains("stoplight"),
            "{what}: {} {said}",
            reply.status
        );
    }
}

#[test]
fn microsofts_own_client_agrees_with_the_stand_in() {
    let (azure, bench) = (Azure::start(Process::Agile), Bench::new());
    azure.repository(|pulls| pulls.git = bench.remote());
    let Some(python) = python("azure-sdk") else { return };
    let commit = bench.person_commits("feature/x", "a.txt");
    let home = tempfile::tempdir().expect("a directory");
    let script = home.path().join("azure_git_sdk.py");
    std::fs::write(&script, include_str!("azure_git_sdk.py")).expect("a script");
    let said = Command::new(python)
        .arg(&script)
        .arg(format!("{}/{ORGANIZATION}", azure.base()))
        .args([PROJECT, REPOSITORY, "feature/x", &commit, TOKEN])
        .env_clear()
        .env("HOME", home.path())
        .env("AZURE_DEVOPS_CACHE_DIR", home.path())
        .env("NO_PROXY", "127.0.0.1")
        .output()
        .expect("the client");
    let (out, err) = (String::from_utf8_lossy(&said.stdout), String::from_utf8_lossy(&said.stderr));
    assert_eq!(out.trim(), "agreed", "{err}\n{:#?}", azure.journal().last());
}
