//! What trackers say, when it counts, and what people mean by it.

use super::{Bench, Command, Input, ItemState, ItemStatus, ONE, Timestamp, WorkItem};

fn in_progress(item: &mut WorkItem) {
    item.state = ItemState::InProgress;
}

/// A bench with a run on A-1 whose first update is being written.
fn being_told() -> Bench {
    let mut bench = Bench::new(ONE);
    bench.plan();
    bench.start();
    bench
}

#[test]
fn a_reading_says_nothing_of_an_item_that_is_still_to_be_written() {
    let mut bench = being_told();
    bench.later(1);
    bench.items.get_mut("A-1").unwrap().state = ItemState::Blocked;
    bench.read();
    assert_eq!(bench.status("A-1"), ItemStatus::InFlight);
}

#[test]
fn a_reading_that_began_before_our_write_landed_is_stale_and_a_later_one_is_not() {
    let mut bench = being_told();
    let began = bench.now;
    bench.later(5);
    let stale = bench.items.clone();
    bench.written("A-1", 1, in_progress);
    let current = std::mem::replace(&mut bench.items, stale);
    for began in [began, bench.now] {
        bench.read_since(began);
        let state = bench.engine.item(&super::id("A-1")).unwrap().item.state;
        assert_eq!(state, ItemState::InProgress, "the reading of {began} was believed");
    }
    bench.items = current;
    bench.items.get_mut("A-1").unwrap().state = ItemState::Blocked;
    bench.later(1);
    bench.read();
    assert_eq!(bench.status("A-1"), ItemStatus::Pending);
}

#[test]
fn our_own_move_is_not_taken_for_a_persons() {
    let mut bench = being_told();
    bench.command(Command::Cancel { target: "A-1".to_owned() });
    bench.written("A-1", 1, in_progress);
    bench.start();
    bench.written("A-1", 2, |item| item.state = ItemState::Cancelled);
    bench.later(1);
    bench.read();
    assert_eq!(bench.status("A-1"), ItemStatus::Cancelled);
    bench.command(Command::Retry { target: "A-1".to_owned(), note: String::new() });
    bench.start();
    bench.written("A-1", 3, |item| item.state = ItemState::Todo);
    assert_eq!(bench.status("A-1"), ItemStatus::Pending);
}

#[test]
fn a_persons_move_counts_although_it_is_first_seen_when_we_write() {
    for (state, status) in [
        (ItemState::Done, ItemStatus::Cancelled),
        (ItemState::Cancelled, ItemStatus::Cancelled),
        (ItemState::Blocked, ItemStatus::Pending),
        (ItemState::InReview, ItemStatus::InFlight),
        (ItemState::InProgress, ItemStatus::InFlight),
        (ItemState::Todo, ItemStatus::InFlight),
    ] {
        let mut bench = being_told();
        bench.written("A-1", 1, |item| item.state = state);
        assert_eq!(bench.status("A-1"), status, "{state:?}");
    }
}

#[test]
fn a_lane_that_is_taken_away_while_we_write_ends_the_run() {
    let mut bench = being_told();
    bench.written("A-1", 1, |item| {
        item.state = ItemState::InProgress;
        item.lane = crate::domain::work_item::Lane::Manual;
    });
    assert_eq!(bench.status("A-1"), ItemStatus::Pending);
}

#[test]
fn an_item_that_is_missing_once_is_not_gone_and_one_that_is_back_is_wanted_again() {
    let mut bench = being_told();
    bench.written("A-1", 1, in_progress);
    let gone = bench.items.remove("A-1").unwrap();
    bench.later(1);
    bench.read();
    assert_eq!(bench.status("A-1"), ItemStatus::InFlight);
    bench.items.insert("A-1".to_owned(), gone.clone());
    bench.later(1);
    bench.read();
    bench.items.clear();
    for expected in [ItemStatus::InFlight, ItemStatus::Cancelled] {
        bench.later(1);
        bench.read();
        assert_eq!(bench.status("A-1"), expected);
    }
    bench.items.insert("A-1".to_owned(), gone);
    bench.give(Input::TrackerWritten {
        key: super::update_key("A-1", 2),
        result: Err(super::TrackerFailure { message: "gone".to_owned(), again: false, wait: None }),
    });
    bench.later(1);
    bench.read();
    assert_eq!(bench.status("A-1"), ItemStatus::Pending);
}

#[test]
fn an_item_that_cannot_be_read_is_not_gone_and_a_tracker_that_cannot_be_read_says_nothing() {
    let mut bench = being_told();
    for _ in 0..3 {
        let began: Timestamp = bench.later(1);
        let (source, items, problems) = ("local".to_owned(), Vec::new(), Vec::new());
        let unreadable = vec![super::id("A-1")];
        bench.give(Input::Observed {
            source,
            items,
            unreadable,
            problems,
            began,
            standings: [].into(),
        });
        let message = "out of reach".to_owned();
        bench.give(Input::NotObserved { source: "local".to_owned(), message });
    }
    assert_eq!(bench.status("A-1"), ItemStatus::InFlight);
}

#[test]
fn reading_the_same_again_stores_nothing() {
    let mut bench = being_told();
    bench.written("A-1", 1, in_progress);
    bench.later(1);
    let items = bench.items.values().cloned().collect();
    let (source, began) = ("local".to_owned(), bench.now);
    let (unreadable, problems) = (Vec::new(), Vec::new());
    let again =
        Input::Observed { source, items, unreadable, problems, began, standings: [].into() };
    assert!(bench.engine.handle(again, bench.now).batch.is_none());
    assert!(bench.engine.handle(Input::Plan, bench.now).batch.is_none());
}
