//! The tracker against a strict stand-in of the service.

mod adding;
mod keeping;
mod reading;
mod writing;

use std::time::Duration;

use serde_json::{Value, json};

use super::comment::{Signer, Status};
use super::item::number_of;
use super::{AzureDevOpsTracker, AzureSettings};
use crate::domain::ids::{EffectKey, ItemId};
use crate::domain::time::Timestamp;
use crate::domain::work_item::{ItemState, Lane, WorkItem};
use crate::fake_azure::process::Process;
use crate::fake_azure::{Azure, ORGANIZATION, PROJECT, TOKEN};
use crate::trackers::contract::Shelf;
use crate::trackers::{Listing, Tracker, TrackerUpdate};

/// A board and the tracker that looks at it.
pub(crate) struct Board {
    pub(super) tracker: AzureDevOpsTracker,
    pub(super) azure: Azure,
}

impl Board {
    /// An empty board of the Agile process, whose everything is trusted and driven.
    pub(crate) fn new() -> Self {
        Self::with(Process::Agile, |_| ())
    }

    fn with(process: Process, change: impl FnOnce(&mut AzureSettings)) -> Self {
        let azure = Azure::start(process);
        let tracker = tracker(&azure, change);
        Self { tracker, azure }
    }

    async fn list(&self) -> Listing {
        self.tracker.list().await.unwrap()
    }

    async fn only(&self) -> WorkItem {
        let mut listing = self.list().await;
        assert_eq!((listing.items.len(), listing.problems.len()), (1, 0), "{listing:?}");
        listing.items.remove(0)
    }
}

/// A tracker that looks at the board each time it is asked and never waits long.
fn tracker(azure: &Azure, change: impl FnOnce(&mut AzureSettings)) -> AzureDevOpsTracker {
    let mut settings = AzureSettings {
        base_url: azure.base().to_owned(),
        lane: Lane::Autopilot,
        trusted_authors: vec!["*".to_owned()],
        poll: Duration::ZERO,
        patience: Duration::ZERO,
        ..AzureSettings::new(ORGANIZATION, PROJECT, TOKEN.to_owned().into())
    };
    change(&mut settings);
    AzureDevOpsTracker::new(settings).unwrap()
}

fn signer() -> Signer {
    Signer::new(&TOKEN.to_owned().into())
}

/// A wish of the factory, which believes that the item is to be done.
fn wish(id: u64, number: u32, state: Option<ItemState>) -> TrackerUpdate {
    let item = ItemId(format!("azdo/{id}"));
    TrackerUpdate {
        key: EffectKey(format!("work/{item}/update/{number}")),
        item,
        from: ItemState::Todo,
        state,
        entry: format!("update {number}"),
        at: Timestamp(1_780_000_000_000),
        number,
        card: None,
        standing: None,
    }
}

/// What a story of the Agile process has when it is in `state`.
fn story(title: &str, state: ItemState, body: &str) -> Vec<(&'static str, Value)> {
    let (name, tag) = match state {
        ItemState::Todo => ("New", Value::Null),
        ItemState::InProgress => ("Active", Value::Null),
        ItemState::InReview => ("Resolved", Value::Null),
        ItemState::Blocked => ("Active", json!("Blocked")),
        ItemState::Done => ("Closed", Value::Null),
        ItemState::Cancelled => ("Removed", Value::Null),
    };
    let paragraphs = body.split("\n\n").map(|text| format!("<p>{text}</p>")).collect::<String>();
    vec![
        ("System.Title", json!(title)),
        ("System.State", json!(name)),
        ("System.Tags", tag),
        ("System.Description", json!(paragraphs)),
    ]
}

/// The numbers of the items that the contract calls `A`, `A-1`, `B` and `B-2`.
fn number(identifier: &str) -> u64 {
    match identifier {
        "A" => 100,
        "A-1" => 101,
        "B" => 200,
        _ => 202,
    }
}

impl Shelf for Board {
    fn tracker(&self) -> &dyn Tracker {
        &self.tracker
    }

    fn id(&self, identifier: &str) -> ItemId {
        ItemId(format!("azdo/{}", number(identifier)))
    }

    fn write(&self, identifier: &str, title: &str, state: ItemState, body: &str) {
        self.azure.put(number(identifier), "User Story", &story(title, state, body));
    }

    fn damage(&self, identifier: &str) {
        self.azure.edit(number(identifier), &[("System.State", json!("Limbo"))]);
    }

    fn withdraw(&self, identifier: &str) {
        self.azure.delete(number(identifier));
    }

    /// The log as other trackers have it: a comment knows only the beginnings of its keys' hashes.
    fn log(&self, identifier: &str) -> Vec<String> {
        let id = self.id(identifier);
        let mut lines = Vec::new();
        for comment in self.azure.comments(number_of(&id).unwrap()) {
            let number = number(identifier);
            let status = Status::verified(&comment.text, number, &signer()).unwrap();
            let mut keys: Vec<_> = (1..9).map(|it| wish(number, it, None)).collect();
            keys.push(TrackerUpdate {
                key: EffectKey::new("a --> b\n%"),
                ..wish(number, 99, None)
            });
            keys.retain(|update| status.has(update));
            let (_, log) = comment.text.rsplit_once("<ul>").unwrap();
            let shown = log.split("<li>").skip(1).map(|it| it.split_once("</li>").unwrap().0);
            lines.extend(
                shown
                    .zip(keys)
                    .map(|(line, update)| format!("- {line} <!-- factory:{} -->", update.key)),
            );
        }
        lines
    }
}
