use crate::domain::item_record::ItemStatus;
use crate::domain::work_item::ItemState;

use super::super::super::fixtures::{
    ask, blocked, child, id, item, policy, reason, record, status, world,
};
use super::check;

fn blocked_by_one(blocker: crate::domain::item_record::ItemRecord) -> (String, Option<String>) {
    let world = world([blocked("DEMO-2", &["DEMO-1"]), blocker]);
    match ask(check, &world, &policy(), "DEMO-2") {
        Some(held) => (held.reason, held.released_by),
        None => (String::new(), None),
    }
}

#[test]
fn only_done_blockers_let_an_item_go() {
    let unlink = Some("no longer name DEMO-1 as a blocker".to_owned());
    let retry = "enact-factory retry DEMO-1, or no longer name it as a blocker".to_owned();
    let waits = |word: &str| format!("waits for DEMO-1 ({word})");
    let tracker = |state| item("DEMO-1", move |record| record.item.state = state);
    let withdrawn = item("DEMO-1", |record| record.present = false);
    let free = (String::new(), None);
    assert_eq!(blocked_by_one(status("DEMO-1", ItemStatus::Done)), free);
    assert_eq!(blocked_by_one(tracker(ItemState::Done)), free);
    assert_eq!(blocked_by_one(record("DEMO-1")), (waits("pending"), None));
    let in_flight = status("DEMO-1", ItemStatus::InFlight);
    assert_eq!(blocked_by_one(in_flight), (waits("in_flight"), None));
    let on_a_branch = item("DEMO-1", |record| {
        record.status = ItemStatus::Done;
        record.in_review = true;
    });
    assert_eq!(blocked_by_one(on_a_branch).0, waits("done"));
    let waiting = status("DEMO-1", ItemStatus::WaitingHuman);
    assert_eq!(blocked_by_one(waiting), (waits("waiting_human"), None));
    let failed = status("DEMO-1", ItemStatus::Failed);
    assert_eq!(blocked_by_one(failed), (waits("failed"), Some(retry)));
    let cancelled = status("DEMO-1", ItemStatus::Cancelled);
    assert_eq!(blocked_by_one(cancelled), (waits("cancelled"), unlink.clone()));
    let given_up = tracker(ItemState::Cancelled);
    assert_eq!(blocked_by_one(given_up), (waits("cancelled"), unlink.clone()));
    assert_eq!(blocked_by_one(withdrawn), (waits("withdrawn"), unlink.clone()));
    assert_eq!(blocked_by_one(record("DEMO-9")), (waits("unknown item"), unlink));
}

#[test]
fn the_end_of_a_chain_is_named() {
    let world = world([
        blocked("DEMO-4", &["DEMO-3"]),
        blocked("DEMO-3", &["DEMO-2"]),
        blocked("DEMO-2", &["DEMO-1"]),
        status("DEMO-1", ItemStatus::Failed),
    ]);
    let held = ask(check, &world, &policy(), "DEMO-4").unwrap();
    assert_eq!(held.reason, "waits for DEMO-3 (pending); in the end for DEMO-1 (failed)");
    assert!(held.released_by.unwrap().starts_with("enact-factory retry DEMO-1"));
    assert_eq!(reason(check, &world, &policy(), "DEMO-2"), "waits for DEMO-1 (failed)");
}

#[test]
fn several_blockers_are_sorted_and_named_once() {
    let world = world([
        blocked("DEMO-4", &["DEMO-3", "DEMO-1", "DEMO-3", "DEMO-2"]),
        status("DEMO-1", ItemStatus::Done),
        record("DEMO-2"),
        record("DEMO-3"),
    ]);
    let text = reason(check, &world, &policy(), "DEMO-4");
    assert_eq!(text, "waits for DEMO-2 (pending), DEMO-3 (pending)");
}

#[test]
fn a_cycle_is_reported_with_its_path_by_every_member() {
    let world = world([
        blocked("DEMO-1", &["DEMO-3"]),
        blocked("DEMO-2", &["DEMO-1"]),
        blocked("DEMO-3", &["DEMO-2"]),
        blocked("DEMO-4", &["DEMO-2"]),
        blocked("DEMO-5", &["DEMO-5"]),
    ]);
    let say = |name| reason(check, &world, &policy(), name);
    assert_eq!(say("DEMO-1"), "waits for itself: DEMO-1 → DEMO-3 → DEMO-2 → DEMO-1");
    assert_eq!(say("DEMO-2"), "waits for itself: DEMO-2 → DEMO-1 → DEMO-3 → DEMO-2");
    assert_eq!(say("DEMO-3"), "waits for itself: DEMO-3 → DEMO-2 → DEMO-1 → DEMO-3");
    assert_eq!(say("DEMO-4"), "waits for DEMO-2 (waits for itself)");
    assert_eq!(say("DEMO-5"), "waits for itself: DEMO-5 → DEMO-5");
}

#[test]
fn a_settled_member_breaks_a_cycle() {
    let mut failed = blocked("DEMO-1", &["DEMO-2"]);
    failed.status = ItemStatus::Failed;
    let world = world([failed, blocked("DEMO-2", &["DEMO-1"])]);
    assert_eq!(reason(check, &world, &policy(), "DEMO-2"), "waits for DEMO-1 (failed)");
}

#[test]
fn a_child_blocked_by_its_own_parent_waits_for_itself() {
    let mut part = child("DEMO-2", "DEMO-1");
    part.item.blocked_by = vec![id("DEMO-1")];
    let world = world([record("DEMO-1"), part]);
    let text = reason(check, &world, &policy(), "DEMO-2");
    assert_eq!(text, "waits for itself: DEMO-2 → DEMO-1 → DEMO-2");
    assert_eq!(reason(check, &world, &policy(), "DEMO-1"), "");
}

#[test]
fn a_child_blocked_by_its_failed_parent_waits_for_that() {
    let mut part = child("DEMO-2", "DEMO-1");
    part.item.blocked_by = vec![id("DEMO-1")];
    let world = world([status("DEMO-1", ItemStatus::Failed), part]);
    assert_eq!(reason(check, &world, &policy(), "DEMO-2"), "waits for DEMO-1 (failed)");
}

#[test]
fn a_long_cycle_is_named_in_part() {
    let name = |number: usize| format!("DEMO-{number:03}");
    let ring = (0..100).map(|number| blocked(&name(number), &[&name((number + 1) % 100)]));
    let world = world(ring);
    let text = reason(check, &world, &policy(), "DEMO-042");
    assert!(text.starts_with("waits for itself: DEMO-042 → DEMO-043 → "), "{text}");
    assert!(text.ends_with("DEMO-049 → … → DEMO-042"), "{text}");
}
