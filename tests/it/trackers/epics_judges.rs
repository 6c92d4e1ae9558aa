//! Parts of items before judges that we did not write: what is asked and answered when one is created is as the services
//! describe it, and the judges are awake at those addresses.

use std::time::Duration;

use base64::Engine as _;
use enact_factory::domain::ids::{EffectKey, ItemId};
use enact_factory::domain::time::Timestamp;
use enact_factory::domain::work_item::{ItemState, Lane, Priority, Trust};
use enact_factory::http::client::{Client, Request, Settings, Verb};
use enact_factory::trackers::azure_devops::{AzureDevOpsTracker, AzureSettings};
use enact_factory::trackers::github::{GithubSettings, GithubTracker, Repository};
use enact_factory::trackers::{NewItem, Tracker};
use serde_json::{Value, json};

use crate::support::azure::process::Process;
use crate::support::azure::{Azure, ORGANIZATION, PROJECT, TOKEN as AZURE_TOKEN};
use crate::support::github::{ACCOUNT, FakeGithub, TOKEN};
use crate::support::judges::{emulate, prism};

const OWN: &str = "factory-bot/demo";

fn part(parent: &ItemId, number: u32, blocked_by: Vec<ItemId>) -> NewItem {
    NewItem {
        parent: parent.clone(),
        number,
        key: EffectKey(format!("work/{parent}/part/x/{number}")),
        title: format!("Part {number}"),
        body: "Say hello.\n\n## Acceptance criteria\n\n- it does".to_owned(),
        priority: Priority::High,
        lane: Lane::Manual,
        project: None,
        blocked_by,
        author: None,
        trust: Trust::Untrusted,
        at: Timestamp(1_780_000_000_000),
        since: None,
    }
}

/// Two parts of an item, each asked for twice.
async fn create(tracker: &dyn Tracker, parent: &ItemId) {
    let first = tracker.create(&part(parent, 1, Vec::new())).await.expect("a part");
    let second = tracker.create(&part(parent, 2, vec![first.id.clone()])).await.expect("a part");
    for (number, created) in [(1, &first), (2, &second)] {
        let again = tracker.create(&part(parent, number, Vec::new())).await.expect("the same");
        assert_eq!(again.id, created.id, "part {number} was created twice");
        assert_eq!((created.parent.as_ref(), created.state), (Some(parent), ItemState::Todo));
        assert_eq!((created.trust, created.lane), (Trust::Untrusted, Lane::Manual));
    }
    assert_eq!(second.blocked_by, [first.id]);
}

fn issues(url: &str) -> GithubTracker {
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

fn below(path: &str) -> Request {
    Request::new(Verb::Post, &format!("repos/{OWN}/{path}"))
}

async fn refuses_what_is_wrong(judge: &Client) {
    let wrong = [
        below("issues").json(&json!({ "body": "no title" })),
        below("issues").json(&json!({ "title": "x", "labels": 7 })),
        below("issues").json(&json!({ "title": "x", "assignees": "ann" })),
        below("issues/1/sub_issues").json(&json!({})),
        below("issues/1/sub_issues").json(&json!({ "sub_issue_id": "first" })),
        below("issues/x/sub_issues").json(&json!({ "sub_issue_id": 1 })),
    ];
    for request in wrong {
        let reply = judge.send(&request).await.expect("an answer");
        assert_eq!(reply.status, 422, "{request:?}: {}", reply.text());
        assert!(reply.text().contains("prism"), "{}", reply.text());
    }
}

#[tokio::test]
async fn githubs_description_agrees_with_how_parts_are_created_and_with_our_stand_in() {
    let server = FakeGithub::start();
    server.people(|world| {
        world.repository(OWN);
        world.open(OWN, "Parent", "text", &["ai-factory"]);
    });
    let Some(judge) = prism("github-rest-subset.json", server.url()) else { return };
    create(&issues(&judge.url), &ItemId(format!("github/{OWN}#1"))).await;
    assert_eq!(server.issue(OWN, 2).parent, Some((OWN.to_owned(), 1)));
    assert_eq!(server.people(|world| world.issues(OWN).count()), 3);
    refuses_what_is_wrong(&client(&judge.url)).await;
}

#[test]
fn a_github_of_other_peoples_making_has_each_part_once() {
    let seed = format!(
        "tokens:\n  {TOKEN}:\n    login: {ACCOUNT}\n    scopes: [repo, user]\n\
         github:\n  users:\n    - login: {ACCOUNT}\n  repos:\n    - owner: {ACCOUNT}\n      name: demo\n      auto_init: true\n"
    );
    let Some(server) = emulate(&seed) else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let hand = client(&server.url);
        let parent = below("issues").json(&json!({ "title": "Parent", "labels": ["ai-factory"] }));
        assert!(hand.send(&parent).await.expect("an answer").succeeded());
        create(&issues(&server.url), &ItemId(format!("github/{OWN}#1"))).await;
        let all = Request::new(Verb::Get, &format!("repos/{OWN}/issues"));
        let listed: Value = hand.send(&all).await.expect("an answer").json().expect("JSON");
        assert_eq!(listed.as_array().map(Vec::len), Some(3), "{listed:#}");
    });
}

#[tokio::test]
async fn microsofts_description_agrees_with_how_parts_are_created_and_with_our_stand_in() {
    let azure = Azure::start(Process::Agile);
    let Some(judge) = prism("azure-devops-wit-7.1.json", azure.base()) else { return };
    azure.create("User Story", &[("System.Title", json!("Parent"))]);
    let settings = AzureSettings {
        base_url: judge.url.clone(),
        poll: Duration::ZERO,
        ..AzureSettings::new(ORGANIZATION, PROJECT, AZURE_TOKEN.to_owned().into())
    };
    let tracker = AzureDevOpsTracker::new(settings).expect("a tracker");
    create(&tracker, &ItemId::new("azdo/1")).await;
    assert_eq!(azure.numbers(), [1, 2, 3]);
    let token = base64::engine::general_purpose::STANDARD.encode(format!(":{AZURE_TOKEN}"));
    let authorization = Some(format!("Basic {token}").into());
    let settings = Settings { authorization, ..Settings::new(&judge.url) };
    let client = Client::new(settings).expect("a client");
    let address = || {
        let request = Request::new(Verb::Post, "").below(ORGANIZATION).below(PROJECT);
        request.below("_apis").below("wit").below("workitems").below("$User Story")
    };
    let body = |operations: Value| operations.to_string().into_bytes();
    let kind = "application/json-patch+json";
    let title = json!([{ "op": "add", "path": "/fields/System.Title", "value": "x" }]);
    let put = json!([{ "op": "put", "path": "/fields/System.Title", "value": "x" }]);
    let wrong = [
        ("no version", address().body(kind, body(title.clone()))),
        ("an unknown operation", address().query("api-version", "7.1").body(kind, body(put))),
        ("no list", address().query("api-version", "7.1").body(kind, body(title[0].clone()))),
    ];
    for (what, request) in wrong {
        let reply = client.send(&request).await.expect("an answer");
        assert_eq!(reply.status, 422, "{what}: {}", reply.text());
    }
    assert_eq!(azure.numbers(), [1, 2, 3]);
}
