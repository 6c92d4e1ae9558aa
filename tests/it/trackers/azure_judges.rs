//! The tracker and our stand-in before judges that we did not write: Microsoft's own description of the interface, and
//! Microsoft's own client.

use std::process::Command;
use std::time::Duration;

use base64::Engine as _;
use enact_factory::domain::card::RunCard;
use enact_factory::domain::ids::{EffectKey, ItemId, RunId};
use enact_factory::domain::time::Timestamp;
use enact_factory::domain::work_item::ItemState;
use enact_factory::http::client::{Client, Request, Settings, Verb};
use enact_factory::trackers::azure_devops::{AzureDevOpsTracker, AzureSettings};
use enact_factory::trackers::{Tracker as _, TrackerUpdate};
use serde_json::{Value, json};

use crate::support::azure::process::Process;
use crate::support::azure::{Azure, ORGANIZATION, PROJECT, TEAM, TOKEN};
use crate::support::judges::{prism, python};

const CONTRACT: &str = "azure-devops-wit-7.1.json";

fn update(number: u32, from: ItemState, to: ItemState) -> TrackerUpdate {
    let item = ItemId::new("azdo/1");
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
            text: format!("**card {number}**"),
            implementation_complete: number > 1,
            review_passed: false,
            branch: None,
            pull_request: None,
            evidence: None,
        }),
        standing: None,
    }
}

#[tokio::test]
async fn what_the_tracker_says_and_what_the_stand_in_answers_is_as_microsoft_describes_it() {
    let azure = Azure::start(Process::Agile);
    let Some(judge) = prism(CONTRACT, azure.base()) else { return };
    let before = azure.create("Task", &[("System.Title", json!("Elsewhere"))]);
    let number = azure.create("User Story", &[("System.Title", json!("Under judgement"))]);
    assert_eq!((before, number), (1, 2));
    let page = format!("{}/_apis/wit/workItems/{number}", azure.base());
    azure.link(1, "System.LinkTypes.Dependency-Reverse", &page);
    let mut settings = AzureSettings {
        base_url: judge.url.clone(),
        team: Some(TEAM.to_owned()),
        poll: Duration::ZERO,
        ..AzureSettings::new(ORGANIZATION, PROJECT, TOKEN.to_owned().into())
    };
    settings.filter.types = vec!["Task".to_owned()];
    let tracker = AzureDevOpsTracker::new(settings).expect("a tracker");
    let listing = tracker.list().await.expect("a listing");
    assert_eq!((listing.items.len(), listing.problems.len()), (1, 0), "{listing:?}");
    let states = [ItemState::Todo, ItemState::InProgress, ItemState::InReview, ItemState::Done];
    for (index, pair) in states.windows(2).enumerate() {
        let number = u32::try_from(index).expect("a small number") + 1;
        let updated = tracker.update(&update(number, pair[0], pair[1])).await.expect("an update");
        assert_eq!((updated.state_skipped, updated.current.state), (None, pair[1]));
    }
    assert_eq!(tracker.list().await.expect("a listing").items[0].state, ItemState::Done);
    assert_eq!(azure.comments(1).len(), 1);
    let wrong = azure.journal().into_iter().filter(|asked| asked.status != 200).count();
    assert_eq!(wrong, 0, "{:#?}", azure.journal());
}

fn request(verb: Verb, path: &[&str]) -> Request {
    let request = Request::new(verb, "").below(ORGANIZATION).below(PROJECT).below("_apis");
    path.iter().fold(request.below("wit"), |request, part| request.below(*part))
}

fn patch(operations: &Value) -> Request {
    let body = operations.to_string().into_bytes();
    let request = request(Verb::Patch, &["workitems", "1"]).query("api-version", "7.1");
    request.body("application/json-patch+json", body)
}

/// Requests that the description forbids, one or more for every address that the tracker uses. If one of them were let
/// through, the test above would prove nothing about that address.
fn forbidden() -> Vec<(&'static str, Request)> {
    let wiql = || request(Verb::Search, &["wiql"]).query("api-version", "7.1");
    let batch = || request(Verb::Search, &["workitemsbatch"]).query("api-version", "7.1");
    let comments = |verb| request(verb, &["workItems", "1", "comments"]);
    let preview = |request: Request| request.query("api-version", "7.1-preview.4");
    vec![
        ("types without a version", request(Verb::Get, &["workitemtypes"])),
        ("states without a version", request(Verb::Get, &["workitemtypes", "Task", "states"])),
        ("a query that is no text", wiql().json(&json!({ "query": 7 }))),
        ("a bound that is no number", wiql().query("$top", "many").json(&json!({ "query": "x" }))),
        ("numbers that are none", batch().json(&json!({ "ids": ["one"] }))),
        ("an unknown policy", batch().json(&json!({ "ids": [1], "errorPolicy": "ignore" }))),
        (
            "an item without a number",
            request(Verb::Get, &["workitems", "one"]).query("api-version", "7.1"),
        ),
        ("an unknown operation", patch(&json!([{ "op": "put", "path": "/rev", "value": 1 }]))),
        ("operations that are no list", patch(&json!({ "op": "test" }))),
        ("comments without a version", comments(Verb::Get)),
        ("a comment that is no text", preview(comments(Verb::Post)).json(&json!({ "text": 7 }))),
        (
            "an edit that is no text",
            preview(comments(Verb::Patch).below(&7)).json(&json!({ "text": 7 })),
        ),
    ]
}

#[tokio::test]
async fn what_microsofts_description_forbids_is_noticed_at_every_address() {
    let azure = Azure::start(Process::Agile);
    let Some(judge) = prism(CONTRACT, azure.base()) else { return };
    azure.create("Task", &[("System.Title", json!("Under judgement"))]);
    let token = base64::engine::general_purpose::STANDARD.encode(format!(":{TOKEN}"));
    let settings = Settings {
        authorization: Some(format!("Basic {token}").into()),
        ..Settings::new(&judge.url)
    };
    let client = Client::new(settings).expect("a client");
    let known = request(Verb::Get, &["workitemtypes"]).query("api-version", "7.1");
    assert_eq!(client.send(&known).await.expect("an answer").status, 200);
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
    for process in [Process::Agile, Process::Scrum, Process::Basic] {
        let azure = Azure::start(process);
        let Some(python) = python("azure-sdk") else { return };
        let home = tempfile::tempdir().expect("a directory");
        let script = home.path().join("azure_sdk.py");
        std::fs::write(&script, include_str!("azure_sdk.py")).expect("a script");
        let said = Command::new(python)
            .arg(&script)
            .arg(format!("{}/{ORGANIZATION}", azure.base()))
            .args([PROJECT, TEAM, process.story(), TOKEN])
            .env_clear()
            .env("HOME", home.path())
            .env("AZURE_DEVOPS_CACHE_DIR", home.path())
            .env("NO_PROXY", "127.0.0.1")
            .output()
            .expect("the client");
        let (out, err) =
            (String::from_utf8_lossy(&said.stdout), String::from_utf8_lossy(&said.stderr));
        assert_eq!(out.trim(), "agreed", "{process:?}: {err}\n{:#?}", azure.journal().last());
    }
}
