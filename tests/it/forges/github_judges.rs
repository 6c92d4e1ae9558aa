//! The GitHub forge and our stand-in before judges that we did not write: GitHub's own description of its API, and a
//! stateful GitHub of other people's making.

use std::time::Duration;

use enact_factory::domain::pull_request::{CheckState, PullRequestState};
use enact_factory::forges::github::{GithubForge, GithubForgeSettings};
use enact_factory::forges::{CommitStatus, Forge as _, PullRequestWish};
use enact_factory::http::client::{Client, Request, Settings, Verb};
use serde_json::{Value, json};

use super::setting::{BRANCH, push, remote, wish};
use crate::support::bench::Bench;
use crate::support::github::{ACCOUNT, FakeGithub, Fault, TOKEN};
use crate::support::judges::{emulate, prism};

const CONTRACT: &str = "github-rest-subset.json";
const OWN: &str = "factory-bot/demo";

fn forge(url: &str, bench: &Bench) -> GithubForge {
    let settings = GithubForgeSettings {
        base_url: url.to_owned(),
        token: Some(TOKEN.to_owned().into()),
        between_writes: Duration::ZERO,
        ..GithubForgeSettings::new(ACCOUNT, "demo", remote(bench))
    };
    GithubForge::new(settings).expect("a forge")
}

fn client(url: &str) -> Client {
    let headers = vec![
        ("accept", "application/vnd.github+json".to_owned()),
        ("x-github-api-version", "2022-11-28".to_owned()),
    ];
    let authorization = Some(format!("Bearer {TOKEN}").into());
    Client::new(Settings { authorization, headers, ..Settings::new(url) }).expect("a client")
}

fn below(verb: Verb, path: &str) -> Request {
    Request::new(verb, &format!("repos/{OWN}/{path}"))
}

async fn answer(client: &Client, request: &Request) -> Value {
    let reply = client.send(request).await.expect("an answer");
    assert!(reply.succeeded(), "{request:?}: {}: {}", reply.status, reply.text());
    reply.json().expect("JSON")
}

/// The judge is awake: what is wrong in a request to each endpoint that the forge uses is found.
async fn refuses_what_is_wrong(judge: &Client) {
    let wrong = [
        below(Verb::Get, "pulls").query("state", "neither"),
        below(Verb::Get, "pulls").query("per_page", "many"),
        below(Verb::Post, "pulls").json(&json!({ "title": "no ends" })),
        below(Verb::Post, "pulls").json(&json!({ "head": "a", "base": "b", "draft": "perhaps" })),
        below(Verb::Get, "pulls/x"),
        below(Verb::Patch, "pulls/1").json(&json!({ "state": "neither" })),
        below(Verb::Patch, "pulls/1").json(&json!({ "title": 7 })),
        below(Verb::Get, "pulls/1/reviews").query("per_page", "many"),
        below(Verb::Post, "pulls/1/requested_reviewers").json(&json!({ "reviewers": "ada" })),
        below(Verb::Post, "issues/1/labels").json(&json!({ "labels": 7 })),
        below(Verb::Get, "commits/abc/check-runs").query("filter", "some"),
        below(Verb::Get, "commits/abc/status").query("per_page", "many"),
        below(Verb::Post, "statuses/abc").json(&json!({ "state": "neither" })),
        below(Verb::Post, "statuses/abc").json(&json!({ "state": "success", "context": 7 })),
    ];
    for request in wrong {
        let reply = judge.send(&request).await.expect("an answer");
        assert_eq!(reply.status, 422, "{request:?}: {}", reply.text());
        assert!(reply.text().contains("prism"), "{}", reply.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_contract_agrees_with_the_forge_and_our_stand_in() {
    let bench = Bench::new();
    let server = FakeGithub::start();
    server.people(|world| {
        world.repository(OWN);
        world.pulls.git = bench.remote();
        world.pulls.collaborators = ["ada", "core"].map(str::to_owned).to_vec();
    });
    let Some(judge) = prism(CONTRACT, server.url()) else { return };
    let forge = forge(&judge.url, &bench);
    let push = push(&bench);
    forge.push(&push).await.expect("a push");
    let status = |state| CommitStatus {
        commit: push.head.clone(),
        name: "enact-factory/critic".to_owned(),
        state,
        summary: "approved".to_owned(),
        url: Some("https://factory.example/runs/1".to_owned()),
    };
    for state in [CheckState::Pending, CheckState::Passed] {
        forge.report(&status(state)).await.expect("a status");
    }
    server.people(|world| {
        let runs = [("build", "completed", Some("success")), ("lint", "queued", None)];
        let runs = runs.map(|(name, status, conclusion)| (name.to_owned(), status, conclusion));
        world.pulls.checks.insert(push.head.clone(), runs.to_vec());
    });
    let reviewers = ["ada", "owner/core", "nobody"].map(str::to_owned).to_vec();
    let mut wish = PullRequestWish { reviewers, ..wish(&push.head) };
    let pull = forge.open(&wish).await.expect("a pull request");
    assert_eq!(pull.state, PullRequestState::Open { draft: false });
    assert_eq!(pull.checks.len(), 3, "{:?}", pull.checks);
    server.people(|world| {
        world.edit_pull(pull.number, |pull| {
            let said = ("ada".to_owned(), "MEMBER", "APPROVED", "Good.".to_owned());
            pull.reviews.push(said);
        });
    });
    wish.title = "Add two greetings".to_owned();
    let again = forge.open(&wish).await.expect("the same");
    assert_eq!((again.number, again.reviews.len()), (pull.number, 1));
    assert_eq!(server.issue(OWN, pull.number).title, "Add two greetings");
    let wrong: Vec<_> = server.journal().into_iter().filter(|it| it.status >= 400).collect();
    // The stand-in refused one reviewer, as it should.
    assert_eq!(wrong.iter().map(|it| it.status).collect::<Vec<_>>(), [422, 422], "{wrong:#?}");
    server.people(|world| world.close(OWN, pull.number, "not_planned"));
    let closed = forge.read(pull.number).await.expect("it");
    assert_eq!(closed.state, PullRequestState::Closed);
    let judge = client(&judge.url);
    refuses_what_is_wrong(&judge).await;
    let twice = json!({ "title": "x", "head": "not-there", "base": "main" });
    let reply = judge.send(&below(Verb::Post, "pulls").json(&twice)).await.expect("an answer");
    assert_eq!(reply.status, 422, "{}", reply.text());
    assert!(!reply.text().contains("prism"), "refused by the stand-in: {}", reply.text());
}

/// Where a request can hardly be wrong, an answer can.
#[tokio::test(flavor = "multi_thread")]
async fn answers_that_the_contract_forbids_are_noticed() {
    let bench = Bench::new();
    let server = FakeGithub::start();
    server.people(|world| {
        world.repository(OWN);
        world.pulls.git = bench.remote();
    });
    let Some(judge) = prism(CONTRACT, server.url()) else { return };
    let judge = client(&judge.url);
    let user = Request::new(Verb::Get, "user");
    let repository = Request::new(Verb::Get, &format!("repos/{OWN}"));
    let branch = below(Verb::Get, "git/ref").below("heads/main");
    for (request, end) in [(user, "/user"), (repository, "/demo"), (branch, "main")] {
        let _good = answer(&judge, &request).await;
        // A broken answer is asked for again.
        server.fail("GET", end, 3, Fault::Answer(200, Vec::new(), "{}".to_owned()));
        let reply = judge.send(&request).await.expect("an answer");
        assert_eq!(reply.status, 500, "{request:?}: {}", reply.text());
        assert!(reply.text().contains("prism"), "{}", reply.text());
    }
}

#[test]
fn a_github_of_other_peoples_making_agrees_with_the_forge() {
    let seed = format!(
        "tokens:\n  {TOKEN}:\n    login: {ACCOUNT}\n    scopes: [repo, user]\n\
         github:\n  users:\n    - login: {ACCOUNT}\n  repos:\n    - owner: {ACCOUNT}\n      name: demo\n      auto_init: true\n"
    );
    let Some(server) = emulate(&seed) else { return };
    let Some(judge) = prism(CONTRACT, &server.url) else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let hand = client(&server.url);
        let main = answer(&hand, &below(Verb::Get, "git/ref/heads/main")).await;
        let made = json!({ "ref": format!("refs/heads/{BRANCH}"), "sha": main["object"]["sha"] });
        let _ref = answer(&hand, &below(Verb::Post, "git/refs").json(&made)).await;
        // It has no git over HTTP, so what would be pushed is written by its interface.
        let file = json!({ "message": "Work", "content": "YQo=", "branch": BRANCH });
        let file = below(Verb::Put, "contents/a.txt").json(&file);
        let head = answer(&hand, &file).await["commit"]["sha"].as_str().expect("it").to_owned();

        // A label without a description is against the contract in a list of pull requests; people describe theirs.
        for name in ["factory", "reviewed"] {
            let label = json!({ "name": name, "color": "ededed", "description": "by the factory" });
            let _label = answer(&hand, &below(Verb::Post, "labels").json(&label)).await;
        }

        let bench = Bench::new();
        let forge = forge(&judge.url, &bench);
        let mut wish = wish(&head);
        let pull = forge.open(&wish).await.expect("a pull request");
        assert_eq!((pull.branch.as_str(), pull.base.as_str()), (BRANCH, "main"));
        assert_eq!((&pull.head, &pull.state), (&head, &PullRequestState::Open { draft: false }));
        wish.title = "Add two greetings".to_owned();
        wish.labels.push("reviewed".to_owned());
        assert_eq!(forge.open(&wish).await.expect("the same").number, pull.number);
        let all = answer(&hand, &below(Verb::Get, "pulls").query("state", "all")).await;
        assert_eq!(all.as_array().expect("a list").len(), 1);
        let it = answer(&hand, &below(Verb::Get, "pulls").below(&pull.number)).await;
        assert_eq!(it["title"], "Add two greetings");
        let labels = it["labels"].as_array().expect("labels").iter().map(|it| &it["name"]);
        assert_eq!(labels.collect::<Vec<_>>(), ["factory", "reviewed"]);
        let merge = below(Verb::Put, "pulls").below(&pull.number).below("merge");
        let _merged = answer(&hand, &merge.json(&json!({}))).await;
        let merged = forge.open(&wish).await.expect("the same");
        assert!(matches!(merged.state, PullRequestState::Merged { commit: Some(_) }), "{merged:?}");
    });
}
