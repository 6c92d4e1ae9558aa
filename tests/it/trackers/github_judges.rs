//! The tracker and our stand-in before judges that we did not write: GitHub's own description of its API, and a stateful
//! GitHub of other people's making.

use std::time::Duration;

use enact_factory::domain::card::RunCard;
use enact_factory::domain::ids::{EffectKey, ItemId, RunId};
use enact_factory::domain::time::Timestamp;
use enact_factory::domain::work_item::ItemState;
use enact_factory::http::client::{Client, Request, Settings, Verb};
use enact_factory::trackers::github::{GithubSettings, GithubTracker, Repository};
use enact_factory::trackers::{Tracker as _, TrackerUpdate};
use serde_json::{Value, json};

use crate::support::github::{ACCOUNT, FakeGithub, TOKEN};
use crate::support::judges::{emulate, prism};

const CONTRACT: &str = "github-rest-subset.json";
const OWN: &str = "factory-bot/demo";

fn tracker(url: &str) -> GithubTracker {
    let repositories = vec![Repository { name: OWN.to_owned(), project: None }];
    GithubTracker::new(GithubSettings {
        base_url: url.to_owned(),
        token: Some(TOKEN.to_owned().into()),
        every: Duration::ZERO,
        between_writes: Duration::ZERO,
        ..GithubSettings::new(repositories)
    })
    .expect("a tracker")
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

fn update(number: u32, from: ItemState, to: ItemState) -> TrackerUpdate {
    let item = ItemId(format!("github/{OWN}#2"));
    TrackerUpdate {
        key: EffectKey(format!("work/{item}/update/{number}")),
        item,
        from,
        state: Some(to),
        entry: format!("update {number}"),
        at: Timestamp(1_780_000_000_000),
        number,
        card: Some(RunCard {
            run: Some(RunId(uuid::Uuid::from_u128(7))),
            text: format!("card {number}"),
            implementation_complete: number > 1,
            review_passed: false,
            branch: None,
            pull_request: None,
            evidence: None,
        }),
        standing: None,
    }
}

/// A whole life of the second issue, which waits for the first; every request and every answer is looked at by `judge`.
async fn live(judge: &str, server: &Client) {
    let tracker = tracker(judge);
    let listing = tracker.list().await.expect("a listing");
    assert_eq!(listing.problems, []);
    let [item] = &listing.items[..] else { panic!("one item: {listing:?}") };
    assert_eq!((item.title.as_str(), item.state), ("Second", ItemState::Todo));
    assert_eq!(item.blocked_by, [ItemId(format!("github/{OWN}#1"))]);
    let states =
        [ItemState::InProgress, ItemState::InReview, ItemState::InProgress, ItemState::Done];
    let (mut from, mut number) = (ItemState::Todo, 0);
    for state in states {
        number += 1;
        let updated = tracker.update(&update(number, from, state)).await.expect("a write");
        assert_eq!((updated.current.state, updated.already), (state, false));
        let again = tracker.update(&update(number, from, state)).await.expect("nothing to write");
        assert!(again.already);
        assert_eq!(tracker.list().await.expect("a listing").items[0].state, state);
        from = state;
    }
    let issue: Value = answer(server, &below(Verb::Get, "issues/2")).await;
    assert_eq!((&issue["state"], &issue["state_reason"]), (&json!("closed"), &json!("completed")));
    let labels = issue["labels"].as_array().expect("labels");
    assert_eq!(labels.iter().map(|it| &it["name"]).collect::<Vec<_>>(), ["ai-factory"]);
    let comments: Value = answer(server, &below(Verb::Get, "issues/2/comments")).await;
    let comments = comments.as_array().expect("comments");
    assert_eq!(comments.len(), 1, "{comments:#?}");
    assert!(comments[0]["body"].as_str().expect("a text").starts_with("card 4\n"));
    assert_eq!(comments[0]["user"]["login"], ACCOUNT);
}

async fn answer(client: &Client, request: &Request) -> Value {
    let reply = client.send(request).await.expect("an answer");
    assert!(reply.succeeded(), "{}: {}", reply.status, reply.text());
    reply.json().expect("JSON")
}

/// The judge is awake: what is wrong in a request to each endpoint that the tracker uses is found.
async fn refuses_what_is_wrong(judge: &Client) {
    let wrong = [
        below(Verb::Get, "issues").query("state", "neither"),
        below(Verb::Get, "issues").query("since", "yesterday"),
        below(Verb::Get, "issues").query("per_page", "many"),
        below(Verb::Get, "issues/x"),
        below(Verb::Patch, "issues/2").json(&json!({ "state": "neither" })),
        below(Verb::Patch, "issues/2").json(&json!({ "state_reason": "because" })),
        below(Verb::Get, "issues/2/comments").query("per_page", "many"),
        below(Verb::Post, "issues/2/comments").json(&json!({ "text": "no body" })),
        below(Verb::Patch, "issues/comments/1").json(&json!({})),
        below(Verb::Post, "issues/2/labels").json(&json!({ "labels": 7 })),
        below(Verb::Delete, "issues/x/labels/a"),
        below(Verb::Get, "issues/2/dependencies/blocked_by").query("per_page", "many"),
    ];
    for request in wrong {
        let reply = judge.send(&request).await.expect("an answer");
        assert_eq!(reply.status, 422, "{request:?}: {}", reply.text());
        assert!(reply.text().contains("prism"), "{}", reply.text());
    }
}

fn block_on(future: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(future);
}

#[test]
fn a_github_of_other_peoples_making_and_the_contract_agree_with_the_tracker() {
    let seed = format!(
        "tokens:\n  {TOKEN}:\n    login: {ACCOUNT}\n    scopes: [repo, user]\n\
         github:\n  users:\n    - login: {ACCOUNT}\n  repos:\n    - owner: {ACCOUNT}\n      name: demo\n      auto_init: true\n"
    );
    let Some(server) = emulate(&seed) else { return };
    let Some(judge) = prism(CONTRACT, &server.url) else { return };
    block_on(async {
        let hand = client(&server.url);
        let first = json!({ "title": "First" });
        let second =
            json!({ "title": "Second", "body": "Blocked by #1", "labels": ["ai-factory"] });
        for issue in [first, second] {
            let _made = answer(&hand, &below(Verb::Post, "issues").json(&issue)).await;
        }
        live(&judge.url, &hand).await;
        refuses_what_is_wrong(&client(&judge.url)).await;
    });
}

#[test]
fn the_contract_agrees_with_our_stand_in() {
    let server = FakeGithub::start();
    server.people(|world| {
        world.repository(OWN);
        world.open(OWN, "First", "", &[]);
        world.open(OWN, "Second", "text", &["ai-factory"]);
        world.edit(OWN, 2, |issue| issue.blocked_by = vec![(OWN.to_owned(), 1)]);
        world.comment(OWN, 1, "someone", "hello");
        world.close(OWN, 1, "not_planned");
    });
    let Some(judge) = prism(CONTRACT, server.url()) else { return };
    block_on(async {
        live(&judge.url, &client(server.url())).await;
        refuses_what_is_wrong(&client(&judge.url)).await;
        let wanted = [("issues/9", 404), ("issues/1", 200), ("issues/1/comments", 200)];
        for (path, status) in wanted {
            let reply = client(&judge.url).send(&below(Verb::Get, path)).await.expect("an answer");
            assert_eq!(reply.status, status, "{path}: {}", reply.text());
        }
    });
}
