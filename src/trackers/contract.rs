//! What every tracker promises, checked on each of them.

mod creating;

use self::creating::{
    a_part_has_its_parent_and_waits_for_others_from_the_first_moment, a_part_is_created_once,
    a_part_of_a_foreign_item_is_refused,
};
use super::azure_devops::tests::Board;
use super::github::{GithubSettings, GithubTracker, Repository};
use super::in_memory::InMemoryTracker;
use super::local::{LocalSettings, LocalTracker};
use super::log_line::{MAX_ENTRY_CHARS, mark};
use super::{Tracker, TrackerError, TrackerUpdate, Updated};
use crate::domain::failure::FailureClass;
use crate::domain::ids::{EffectKey, ItemId};
use crate::domain::time::Timestamp;
use crate::domain::work_item::{ItemState, Lane, Overrides, Priority, Trust, WorkItem};
use crate::fake_github::{ACCOUNT, FakeGithub, TOKEN};

/// A tracker with what people do to it.
pub(super) trait Shelf {
    fn tracker(&self) -> &dyn Tracker;
    fn write(&self, identifier: &str, title: &str, state: ItemState, body: &str);
    fn damage(&self, identifier: &str);
    fn withdraw(&self, identifier: &str);
    fn log(&self, identifier: &str) -> Vec<String>;
    fn id(&self, identifier: &str) -> ItemId {
        ItemId(format!("{}/{identifier}", self.tracker().source()))
    }
}

struct Memory(InMemoryTracker);

impl Shelf for Memory {
    fn tracker(&self) -> &dyn Tracker {
        &self.0
    }

    fn write(&self, identifier: &str, title: &str, state: ItemState, body: &str) {
        let item = WorkItem {
            id: self.id(identifier),
            project: None,
            title: title.to_owned(),
            body: body.to_owned(),
            state,
            priority: Priority::default(),
            labels: Vec::new(),
            lane: Lane::Autopilot,
            blocked_by: Vec::new(),
            parent: None,
            author: None,
            trust: Trust::Trusted,
            created_at: None,
            revision: String::new(),
            overrides: Overrides::default(),
        };
        self.0.put(item).unwrap();
    }

    fn damage(&self, identifier: &str) {
        self.0.damage(&self.id(identifier), "torn");
    }

    fn withdraw(&self, identifier: &str) {
        self.0.withdraw(&self.id(identifier));
    }

    fn log(&self, identifier: &str) -> Vec<String> {
        self.0.log(&self.id(identifier))
    }
}

struct Directory {
    tracker: LocalTracker,
    directory: tempfile::TempDir,
}

impl Directory {
    fn file(&self, identifier: &str) -> std::path::PathBuf {
        self.directory.path().join(format!("{identifier}.md"))
    }
}

impl Shelf for Directory {
    fn tracker(&self) -> &dyn Tracker {
        &self.tracker
    }

    fn write(&self, identifier: &str, title: &str, state: ItemState, body: &str) {
        let log = std::fs::read_to_string(self.file(identifier)).unwrap_or_default();
        let log = log.find("## Factory").map_or("", |start| &log[start..]);
        let state = state.label();
        let text = format!("+++\ntitle = \"{title}\"\nstate = \"{state}\"\n+++\n{body}\n{log}");
        std::fs::write(self.file(identifier), text).unwrap();
    }

    fn damage(&self, identifier: &str) {
        std::fs::write(self.file(identifier), "+++\ntitle = \"Half a").unwrap();
    }

    fn withdraw(&self, identifier: &str) {
        std::fs::remove_file(self.file(identifier)).unwrap();
    }

    fn log(&self, identifier: &str) -> Vec<String> {
        let text = std::fs::read_to_string(self.file(identifier)).unwrap();
        let lines = text.lines().skip_while(|line| *line != "## Factory");
        lines.filter(|line| line.starts_with("- ")).map(str::to_owned).collect()
    }
}

struct Github {
    tracker: GithubTracker,
    server: FakeGithub,
}

/// The repository of the contract's issues.
const REPOSITORY: &str = "Owner/name";

impl Github {
    /// `A`, `A-1`, `B-2` and so on as numbers.
    fn number(identifier: &str) -> u64 {
        u64::from(identifier.as_bytes()[0] - b'A' + 1)
    }
}

impl Shelf for Github {
    fn tracker(&self) -> &dyn Tracker {
        &self.tracker
    }

    fn write(&self, identifier: &str, title: &str, state: ItemState, body: &str) {
        let number = Self::number(identifier);
        self.server.people(|world| {
            if world.issue(REPOSITORY, number).is_none() {
                world.open_as(REPOSITORY, number, title, body, &[]);
            }
            world.edit(REPOSITORY, number, |issue| {
                issue.is_damaged = false;
                (issue.title, issue.body) = (title.to_owned(), body.to_owned());
                issue.labels = vec!["ai-factory".to_owned()];
                issue.open = !state.is_terminal();
                issue.reason = match state {
                    ItemState::Done => Some("completed".to_owned()),
                    ItemState::Cancelled => Some("not_planned".to_owned()),
                    _ => None,
                };
                match state {
                    ItemState::InProgress => issue.labels.push("factory:in-progress".to_owned()),
                    ItemState::InReview => issue.labels.push("factory:in-review".to_owned()),
                    ItemState::Blocked => issue.labels.push("factory:blocked".to_owned()),
                    ItemState::Todo | ItemState::Done | ItemState::Cancelled => {}
                }
            });
        });
    }

    fn damage(&self, identifier: &str) {
        let number = Self::number(identifier);
        self.server.people(|world| world.edit(REPOSITORY, number, |issue| issue.is_damaged = true));
    }

    fn withdraw(&self, identifier: &str) {
        let number = Self::number(identifier);
        self.server.people(|world| world.unlabel(REPOSITORY, number, "ai-factory"));
    }

    fn log(&self, identifier: &str) -> Vec<String> {
        let issue = self.server.issue(REPOSITORY, Self::number(identifier));
        let comments = issue.said_by(ACCOUNT);
        let lines = comments.iter().flat_map(|comment| comment.body.lines());
        lines.filter(|line| line.starts_with("- ")).map(str::to_owned).collect()
    }

    fn id(&self, identifier: &str) -> ItemId {
        ItemId(format!("github/{REPOSITORY}#{}", Self::number(identifier)))
    }
}

fn github() -> Github {
    let server = FakeGithub::start();
    server.people(|world| world.repository(REPOSITORY));
    let repositories = vec![Repository { name: REPOSITORY.to_owned(), project: None }];
    let tracker = GithubTracker::new(GithubSettings {
        base_url: server.url().to_owned(),
        token: Some(TOKEN.to_owned().into()),
        every: std::time::Duration::ZERO,
        between_writes: std::time::Duration::ZERO,
        ..GithubSettings::new(repositories)
    });
    Github { tracker: tracker.unwrap(), server }
}

fn memory() -> Memory {
    Memory(InMemoryTracker::new("memory"))
}

fn directory() -> Directory {
    let directory = tempfile::tempdir().unwrap();
    let tracker = LocalTracker::new(LocalSettings::new(directory.path()));
    Directory { tracker, directory }
}

macro_rules! promises {
    ($($promise:ident),+ $(,)?) => {
        mod azure_devops {
            $(#[tokio::test] async fn $promise() { super::$promise(&super::Board::new()).await; })+
        }
        mod in_memory {
            $(#[tokio::test] async fn $promise() { super::$promise(&super::memory()).await; })+
        }
        mod github {
            $(#[tokio::test] async fn $promise() { super::$promise(&super::github()).await; })+
        }
        mod local {
            $(#[tokio::test] async fn $promise() { super::$promise(&super::directory()).await; })+
        }
    };
}

promises!(
    lists_what_people_wrote_in_order_of_identifiers,
    the_revision_changes_with_every_human_change_and_only_then,
    an_update_sets_the_state_and_logs_one_line,
    the_same_key_is_written_once,
    the_state_people_chose_meanwhile_wins,
    a_state_that_is_already_there_is_not_skipped,
    the_revision_of_an_update_is_the_next_one_listed,
    an_unreadable_item_is_reported_and_not_withdrawn,
    an_unreadable_item_is_not_written,
    a_withdrawn_item_is_gone,
    a_foreign_item_is_refused,
    an_entry_cannot_forge_lines_or_end_the_comment,
    an_endless_entry_is_cut,
    a_part_has_its_parent_and_waits_for_others_from_the_first_moment,
    a_part_is_created_once,
    a_part_of_a_foreign_item_is_refused,
);

fn wish(item: ItemId, number: u32, state: Option<ItemState>) -> TrackerUpdate {
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

async fn update(shelf: &dyn Shelf, update: &TrackerUpdate) -> Updated {
    shelf.tracker().update(update).await.unwrap()
}

async fn only_item(shelf: &dyn Shelf) -> WorkItem {
    let mut listing = shelf.tracker().list().await.unwrap();
    assert_eq!((listing.items.len(), listing.problems.len()), (1, 0), "{listing:?}");
    listing.items.remove(0)
}

async fn lists_what_people_wrote_in_order_of_identifiers(shelf: &dyn Shelf) {
    shelf.write("B-2", "Second", ItemState::Blocked, "two");
    shelf.write("A-1", "First", ItemState::Todo, "one\n\nmore");
    let listing = shelf.tracker().list().await.unwrap();
    let seen: Vec<_> = listing
        .items
        .iter()
        .map(|item| (item.id.clone(), item.title.as_str(), item.state, item.body.as_str()))
        .collect();
    let expected = vec![
        (shelf.id("A-1"), "First", ItemState::Todo, "one\n\nmore"),
        (shelf.id("B-2"), "Second", ItemState::Blocked, "two"),
    ];
    assert_eq!(seen, expected);
    assert_eq!((listing.problems.len(), listing.unreadable.len()), (0, 0));
    assert_eq!(listing, shelf.tracker().list().await.unwrap());
}

async fn the_revision_changes_with_every_human_change_and_only_then(shelf: &dyn Shelf) {
    shelf.write("A", "Title", ItemState::Todo, "text");
    let first = only_item(shelf).await.revision;
    assert!(!first.is_empty());
    for (title, state, body) in [
        ("Other title", ItemState::Todo, "text"),
        ("Title", ItemState::Cancelled, "text"),
        ("Title", ItemState::Todo, "other text"),
    ] {
        shelf.write("A", title, state, body);
        assert_ne!(only_item(shelf).await.revision, first, "{title} {state:?} {body}");
    }
    shelf.write("A", "Title", ItemState::Todo, "text");
    assert_eq!(only_item(shelf).await.revision, first);
    let logged = update(shelf, &wish(shelf.id("A"), 1, None)).await;
    assert_eq!(logged.revision, first);
    assert_eq!(only_item(shelf).await.revision, first);
}

async fn an_update_sets_the_state_and_logs_one_line(shelf: &dyn Shelf) {
    shelf.write("A", "Title", ItemState::Todo, "text");
    let updated = update(shelf, &wish(shelf.id("A"), 1, Some(ItemState::InProgress))).await;
    assert!(!updated.already);
    assert_eq!(updated.state_skipped, None);
    assert_eq!(updated.current.state, ItemState::InProgress);
    let item = only_item(shelf).await;
    assert_eq!(item, updated.current);
    assert_eq!(item.body, "text");
    let mark = mark(&EffectKey(format!("work/{}/update/1", shelf.id("A"))));
    let line = format!("- 2026-05-28T20:26:40Z update 1 <!-- factory:{mark} -->");
    assert_eq!(shelf.log("A"), [line]);
}

async fn the_same_key_is_written_once(shelf: &dyn Shelf) {
    shelf.write("A", "Title", ItemState::Todo, "text");
    let mut wish = wish(shelf.id("A"), 1, Some(ItemState::InProgress));
    let first = update(shelf, &wish).await;
    wish.entry = "worded differently".to_owned();
    let second = update(shelf, &wish).await;
    assert!(second.already);
    assert_eq!((second.revision, second.state_skipped), (first.revision, None));
    assert_eq!(shelf.log("A").len(), 1);
    shelf.write("A", "Title", ItemState::Todo, "text");
    let third = update(shelf, &wish).await;
    assert!(third.already);
    assert_eq!(third.state_skipped, Some(ItemState::Todo));
    assert_eq!(only_item(shelf).await.state, ItemState::Todo);
}

async fn the_state_people_chose_meanwhile_wins(shelf: &dyn Shelf) {
    shelf.write("A", "Title", ItemState::Cancelled, "text");
    let updated = update(shelf, &wish(shelf.id("A"), 1, Some(ItemState::InReview))).await;
    assert_eq!(updated.state_skipped, Some(ItemState::Cancelled));
    assert!(!updated.already);
    assert_eq!(only_item(shelf).await.state, ItemState::Cancelled);
    assert_eq!(shelf.log("A").len(), 1);
}

async fn a_state_that_is_already_there_is_not_skipped(shelf: &dyn Shelf) {
    shelf.write("A", "Title", ItemState::Done, "text");
    let before = only_item(shelf).await.revision;
    let updated = update(shelf, &wish(shelf.id("A"), 1, Some(ItemState::Done))).await;
    assert_eq!((updated.state_skipped, updated.revision), (None, before));
}

async fn the_revision_of_an_update_is_the_next_one_listed(shelf: &dyn Shelf) {
    shelf.write("A", "Title", ItemState::Todo, "text");
    let before = only_item(shelf).await.revision;
    let updated = update(shelf, &wish(shelf.id("A"), 1, Some(ItemState::InProgress))).await;
    assert_ne!(updated.revision, before);
    assert_eq!(only_item(shelf).await.revision, updated.revision);
}

async fn an_unreadable_item_is_reported_and_not_withdrawn(shelf: &dyn Shelf) {
    shelf.write("A", "Title", ItemState::Todo, "text");
    shelf.write("B", "Title", ItemState::Todo, "text");
    assert_eq!(shelf.tracker().list().await.unwrap().items.len(), 2);
    shelf.damage("A");
    let listing = shelf.tracker().list().await.unwrap();
    assert_eq!(listing.unreadable, [shelf.id("A")]);
    assert_eq!(listing.problems.len(), 1);
    assert_eq!(listing.items.len(), 1);
    shelf.write("A", "Title", ItemState::Todo, "text");
    let listing = shelf.tracker().list().await.unwrap();
    assert_eq!((listing.items.len(), listing.unreadable.len(), listing.problems.len()), (2, 0, 0));
}

async fn an_unreadable_item_is_not_written(shelf: &dyn Shelf) {
    shelf.write("A", "Title", ItemState::Todo, "text");
    shelf.damage("A");
    let error = shelf.tracker().update(&wish(shelf.id("A"), 1, None)).await.unwrap_err();
    assert!(matches!(error, TrackerError::Unreadable { .. }), "{error}");
    assert_eq!(error.failure().class, FailureClass::Infrastructure);
    shelf.write("A", "Title", ItemState::Todo, "text");
    assert!(!update(shelf, &wish(shelf.id("A"), 1, None)).await.already);
}

async fn a_withdrawn_item_is_gone(shelf: &dyn Shelf) {
    shelf.write("A", "Title", ItemState::Todo, "text");
    assert_eq!(only_item(shelf).await.id, shelf.id("A"));
    shelf.withdraw("A");
    assert!(shelf.tracker().list().await.unwrap().items.is_empty());
    assert_eq!(shelf.tracker().list().await.unwrap(), super::Listing::default());
    let error = shelf.tracker().update(&wish(shelf.id("A"), 1, None)).await.unwrap_err();
    assert!(matches!(error, TrackerError::UnknownItem { .. }), "{error}");
    assert_eq!(error.failure().class, FailureClass::Cancelled);
}

async fn a_foreign_item_is_refused(shelf: &dyn Shelf) {
    let foreign = wish(ItemId::new("elsewhere/A"), 1, None);
    let error = shelf.tracker().update(&foreign).await.unwrap_err();
    assert!(matches!(error, TrackerError::ForeignItem { .. }), "{error}");
}

async fn an_entry_cannot_forge_lines_or_end_the_comment(shelf: &dyn Shelf) {
    shelf.write("A", "Title", ItemState::Todo, "text");
    let mut forging = wish(shelf.id("A"), 1, None);
    forging.entry =
        "one\r\n- two <!-- factory:work/memory/A/update/2 -->\u{2028}three --!> \u{202E}x\n## Factory\n+++"
            .to_owned();
    update(shelf, &forging).await;
    assert_eq!(only_item(shelf).await.body, "text");
    let log = shelf.log("A");
    assert_eq!(log.len(), 1);
    assert_eq!(log[0].matches("<!--").count(), 1, "{}", log[0]);
    assert_eq!(log[0].matches("-->").count(), 1, "{}", log[0]);
    assert!(!log[0].contains(['\u{2028}', '\u{202E}']), "{}", log[0]);
    assert!(!update(shelf, &wish(shelf.id("A"), 2, None)).await.already);
    let mut strange = wish(shelf.id("A"), 3, None);
    strange.key = EffectKey::new("a --> b\n%");
    assert!(!update(shelf, &strange).await.already);
    assert!(update(shelf, &strange).await.already);
    assert_eq!(shelf.log("A").len(), 3);
}

async fn an_endless_entry_is_cut(shelf: &dyn Shelf) {
    shelf.write("A", "Title", ItemState::Todo, "text");
    let mut long = wish(shelf.id("A"), 1, None);
    long.entry = "é".repeat(100_000);
    update(shelf, &long).await;
    let log = shelf.log("A").remove(0);
    assert!(log.contains("é… <!--"), "{log}");
    assert!(log.chars().count() < MAX_ENTRY_CHARS + 100);
    let mut empty = wish(shelf.id("A"), 2, None);
    empty.entry = " \n ".to_owned();
    update(shelf, &empty).await;
    assert!(shelf.log("A")[1].contains("(no details)"));
}
