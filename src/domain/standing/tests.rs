use super::{Standing, VERSION};
use crate::domain::budget::ItemSpend;
use crate::domain::event::Event;
use crate::domain::failure::FailureClass;
use crate::domain::ids::{ItemId, RunId};
use crate::domain::item_record::{Hold, HumanReason, HumanRequest, ItemRecord, ItemStatus};
use crate::domain::run::Outcome;
use crate::domain::time::Timestamp;
use crate::domain::work_item::{ItemState, Lane, Overrides, Priority, Trust, WorkItem};

const AT: Timestamp = Timestamp(1_780_000_000_000);

fn item(state: ItemState) -> WorkItem {
    WorkItem {
        id: ItemId::new("azdo/1"),
        project: None,
        title: "Greet".to_owned(),
        body: String::new(),
        state,
        priority: Priority::Medium,
        labels: Vec::new(),
        lane: Lane::Autopilot,
        blocked_by: Vec::new(),
        parent: None,
        author: None,
        trust: Trust::Trusted,
        created_at: None,
        revision: "1".to_owned(),
        overrides: Overrides::default(),
    }
}

/// The record of an item that a log has just seen in `state`.
fn fresh(state: ItemState) -> ItemRecord {
    ItemRecord::first(&Event::ItemCreated { item: item(state), standing: None }, AT).unwrap()
}

/// The record of an item that a new log sees for the first time in `state`.
fn restored(state: ItemState, standing: &Standing) -> ItemRecord {
    let standing = Some(Box::new(standing.clone()));
    ItemRecord::first(&Event::ItemCreated { item: item(state), standing }, AT).unwrap()
}

fn spent() -> ItemSpend {
    ItemSpend { attempts: 2, turns: 5, wall_ms: 1_000, ..ItemSpend::default() }
}

fn standing(status: ItemStatus, state: ItemState) -> Standing {
    let run = RunId(uuid::Uuid::from_u128(7));
    Standing {
        status,
        spend: spent(),
        run: (status == ItemStatus::InFlight).then_some(run),
        last_run: Some(run),
        ..Standing::unknown(9, state)
    }
}

#[test]
fn what_is_written_down_is_what_is_found_again() {
    for status in [
        ItemStatus::Pending,
        ItemStatus::WaitingHuman,
        ItemStatus::Done,
        ItemStatus::Failed,
        ItemStatus::Cancelled,
    ] {
        let mut before = fresh(ItemState::InReview);
        before.status = status;
        before.updates = 9;
        before.spend = spent();
        before.infra_failures = 1;
        before.delivery_failures = 2;
        before.in_review = status == ItemStatus::Done;
        before.last_run = Some(RunId(uuid::Uuid::from_u128(7)));
        before.last_outcome = Some(Outcome::Rejected);
        before.hold = Some(Hold {
            class: FailureClass::Agent,
            until: Timestamp(5),
            reason: "it failed".to_owned(),
        });
        before.human = (status == ItemStatus::WaitingHuman).then(|| HumanRequest {
            reason: HumanReason::NeedsInfo,
            question: "which one?".to_owned(),
            since: Timestamp(4),
        });
        let noted = Standing::of(&before, "here");
        let json = serde_json::to_string(&noted).unwrap();
        assert_eq!(serde_json::from_str::<Standing>(&json).unwrap(), noted);
        let after = restored(ItemState::InReview, &noted);
        assert_eq!(after, before);
    }
}

#[test]
fn a_run_that_was_under_way_is_taken_up_again_and_its_attempts_count() {
    let record =
        restored(ItemState::InProgress, &standing(ItemStatus::InFlight, ItemState::InProgress));
    assert_eq!((record.status, record.run), (ItemStatus::Pending, None));
    assert_eq!((record.updates, record.spend), (9, spent()));
    assert_eq!(record.last_run, Some(RunId(uuid::Uuid::from_u128(7))));
}

#[test]
fn what_people_moved_since_is_as_they_want_it() {
    use ItemState::{Blocked, Done, InProgress, InReview, Todo};
    for (before, noted, now, after, is_forgiven) in [
        (ItemStatus::Done, InReview, Todo, ItemStatus::Pending, true),
        (ItemStatus::WaitingHuman, Blocked, InProgress, ItemStatus::Pending, true),
        (ItemStatus::Done, InReview, Done, ItemStatus::Done, false),
        (ItemStatus::Pending, Todo, Done, ItemStatus::Done, false),
        (ItemStatus::InFlight, InProgress, Blocked, ItemStatus::Pending, false),
        (ItemStatus::Pending, Todo, InProgress, ItemStatus::Pending, false),
        // Its state was refused: it says nothing.
        (ItemStatus::Done, InProgress, InProgress, ItemStatus::Done, false),
    ] {
        let record = restored(now, &standing(before, noted));
        let what = format!("{before:?} in {noted:?}, now {now:?}");
        assert_eq!(record.status, after, "{what}");
        assert_eq!(record.spend == ItemSpend::default(), is_forgiven, "{what}");
        assert_eq!(record.updates, 9, "{what}");
    }
}

#[test]
fn long_texts_are_cut() {
    let mut before = fresh(ItemState::Todo);
    before.human = Some(HumanRequest {
        reason: HumanReason::NeedsInfo,
        question: "?".repeat(5_000),
        since: AT,
    });
    let noted = Standing::of(&before, &"x".repeat(5_000));
    assert!(serde_json::to_string(&noted).unwrap().len() < 1_200);
    assert_eq!(noted.version, VERSION);
}
