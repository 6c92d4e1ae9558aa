//! The GitHub tracker against the strict server.

mod keeping;
mod reading;
mod writing;

use std::time::Duration;

use super::{GithubSettings, GithubTracker, Repository};
use crate::domain::ids::{ItemId, ProjectId};
use crate::domain::work_item::WorkItem;
use crate::fake_github::world::World;
use crate::fake_github::{Call, FakeGithub, TOKEN};
use crate::trackers::Tracker as _;

/// The repository of these tests.
const OWN: &str = "owner/name";

struct Bench {
    server: FakeGithub,
    tracker: GithubTracker,
}

impl Bench {
    fn new() -> Self {
        Self::with(|_| {})
    }

    /// With settings of the test's choice; by default nothing is waited for.
    fn with(change: impl FnOnce(&mut GithubSettings)) -> Self {
        let server = FakeGithub::start();
        server.people(|world| world.repository(OWN));
        let tracker = tracker(&server, change);
        Self { server, tracker }
    }

    fn open(&self, title: &str, body: &str, labels: &[&str]) -> u64 {
        let labels: Vec<&str> = ["ai-factory"].iter().chain(labels).copied().collect();
        self.server.people(|world| world.open(OWN, title, body, &labels))
    }

    fn people<T>(&self, act: impl FnOnce(&mut World) -> T) -> T {
        self.server.people(act)
    }

    async fn items(&self) -> Vec<WorkItem> {
        self.tracker.list().await.unwrap().items
    }

    async fn numbers(&self) -> Vec<String> {
        let items = self.items().await;
        items.iter().map(|item| item.id.identifier().replace("owner/name", "")).collect()
    }

    /// What the next reading asks.
    async fn asked(&self) -> Vec<Call> {
        let _before = self.server.take_journal();
        let _listing = self.tracker.list().await.unwrap();
        self.server.take_journal()
    }
}

fn tracker(server: &FakeGithub, change: impl FnOnce(&mut GithubSettings)) -> GithubTracker {
    let project = Some(ProjectId::new("demo"));
    let mut settings = GithubSettings {
        base_url: server.url().to_owned(),
        token: Some(TOKEN.to_owned().into()),
        every: Duration::ZERO,
        between_writes: Duration::ZERO,
        ..GithubSettings::new(vec![Repository { name: OWN.to_owned(), project }])
    };
    change(&mut settings);
    GithubTracker::new(settings).unwrap()
}

fn id(number: u64) -> ItemId {
    ItemId(format!("github/{OWN}#{number}"))
}
