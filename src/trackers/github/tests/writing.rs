//! What is written, in which order, and what happens when that is interrupted.

use super::{Bench, OWN, id, tracker};
use crate::domain::card::RunCard;
use crate::domain::failure::FailureClass;
use crate::domain::ids::{EffectKey, RunId};
use crate::domain::time::Timestamp;
use crate::domain::work_item::ItemState;
use crate::fake_github::world::Fate;
use crate::fake_github::{ACCOUNT, Fault};
use crate::trackers::{Tracker as _, TrackerError, TrackerUpdate};

fn card(run: u128, text: &str, implemented: bool, reviewed: bool) -> RunCard {
    RunCard {
        run: Some(RunId(uuid::Uuid::from_u128(run))),
        text: text.to_owned(),
        implementation_complete: implemented,
        review_passed: reviewed,
        branch: None,
        pull_request: None,
        evidence: None,
    }
}

pub(super) fn update(number: u32, from: ItemState, to: ItemState) -> TrackerUpdate {
    TrackerUpdate {
        item: id(1),
        key: EffectKey(format!("work/{}/update/{number}", id(1))),
        from,
        state: Some(to),
        entry: format!("update {number}"),
        at: Timestamp(1_780_000_000_000),
        number,
        card: Some(card(1, &format!("card {number}"), false, false)),
        standing: None,
    }
}

const TODO: ItemState = ItemState::Todo;
const IN_PROGRESS: ItemState = ItemState::InProgress;

fn writes(bench: &Bench) -> Vec<String> {
    let calls = bench.server.take_journal().into_iter().filter(super::Call::writes);
    calls
        .map(|call| format!("{} {}", call.method, call.path.replace("/repos/owner/name", "")))
        .collect()
}

#[tokio::test]
async fn a_life_is_three_labels_one_comment_and_a_closed_issue() {
    let bench = Bench::with(|settings| {
        settings.labels.implementation_complete = Some("implemented".to_owned());
    });
    bench.open("Title", "", &["bug"]);
    let states = [IN_PROGRESS, IN_PROGRESS, ItemState::InReview, ItemState::Done];
    let (mut from, mut number) = (TODO, 0);
    for state in states {
        number += 1;
        let mut update = update(number, from, state);
        update.card = Some(card(1, &format!("card {number}"), number > 1, number > 2));
        let updated = bench.tracker.update(&update).await.unwrap();
        assert_eq!(
            (updated.current.state, updated.already, updated.state_skipped),
            (state, false, None)
        );
        assert_eq!(updated.current, bench.items().await[0]);
        let issue = bench.server.issue(OWN, 1);
        let expected: &[&str] = match number {
            1 => &["ai-factory", "bug", "factory:in-progress"],
            2 => &["ai-factory", "bug", "factory:in-progress", "implemented"],
            3 => &["ai-factory", "bug", "factory:in-review", "implemented"],
            _ => &["ai-factory", "bug", "implemented"],
        };
        assert_eq!(issue.label_names(), expected);
        let said = issue.said_by(ACCOUNT);
        assert_eq!(said.len(), 1);
        assert!(said[0].body.starts_with(&format!("card {number}\n")), "{}", said[0].body);
        from = state;
    }
    let issue = bench.server.issue(OWN, 1);
    assert_eq!((issue.open, issue.reason.as_deref()), (false, Some("completed")));
    let text = &issue.said_by(ACCOUNT)[0].body;
    assert!(text.contains("- [x] implementationComplete\n- [x] reviewPassed\n"), "{text}");
    assert_eq!(text.matches("Z update ").count(), 4, "{text}");
}

#[tokio::test]
async fn each_run_has_a_comment_of_its_own_and_what_is_said_without_a_run_goes_to_the_newest() {
    let bench = Bench::new();
    bench.open("Title", "", &[]);
    let mut second = update(2, IN_PROGRESS, IN_PROGRESS);
    second.card = Some(card(2, "second run", false, false));
    let mut third = update(3, IN_PROGRESS, TODO);
    third.card = None;
    for update in [&update(1, TODO, IN_PROGRESS), &second, &third] {
        bench.tracker.update(update).await.unwrap();
    }
    let issue = bench.server.issue(OWN, 1);
    let said = issue.said_by(ACCOUNT);
    assert_eq!(said.len(), 2);
    assert!(said[0].body.starts_with("card 1") && said[1].body.starts_with("second run"));
    assert!(said[1].body.contains("update 3 <!--"), "{}", said[1].body);
    assert_eq!(issue.label_names(), ["ai-factory"]);
}

#[tokio::test]
async fn wherever_a_write_breaks_asking_again_ends_in_one_comment_and_the_right_labels() {
    // Every write of this update, unanswered once, with another process going on from there.
    for broken in 0..3 {
        let bench = Bench::new();
        bench.open("Title", "", &["factory:in-progress"]);
        let (method, path) = [
            ("POST", "/issues/1/labels"),
            ("DELETE", "/labels/factory:in-progress"),
            ("POST", "/issues/1/comments"),
        ][broken];
        bench.server.fail(method, path, 1, Fault::DoneUnanswered);
        let wish = update(1, IN_PROGRESS, ItemState::InReview);
        let error = bench.tracker.update(&wish).await.unwrap_err();
        assert_eq!(error.failure().class, FailureClass::Infrastructure, "{error}");
        let next = tracker(&bench.server, |_| {});
        let updated = next.update(&wish).await.unwrap();
        assert_eq!(updated.already, broken == 2);
        assert_eq!((updated.current.state, updated.state_skipped), (ItemState::InReview, None));
        let issue = bench.server.issue(OWN, 1);
        assert_eq!(issue.label_names(), ["ai-factory", "factory:in-review"]);
        assert_eq!(issue.said_by(ACCOUNT).len(), 1);
    }
}

#[tokio::test]
async fn a_closing_that_broke_off_is_finished_with_its_labels() {
    let bench = Bench::new();
    bench.open("Title", "", &["factory:in-review"]);
    bench.server.fail("PATCH", "/issues/1", 1, Fault::DoneUnanswered);
    let wish = update(1, ItemState::InReview, ItemState::Done);
    assert!(bench.tracker.update(&wish).await.is_err());
    assert_eq!(bench.server.issue(OWN, 1).label_names(), ["ai-factory", "factory:in-review"]);
    let updated = bench.tracker.update(&wish).await.unwrap();
    assert_eq!((updated.current.state, updated.state_skipped), (ItemState::Done, None));
    assert_eq!(bench.server.issue(OWN, 1).label_names(), ["ai-factory"]);
}

#[tokio::test]
async fn only_what_we_signed_ourselves_counts_as_our_comment() {
    let bench = Bench::new();
    bench.open("Title", "", &[]);
    let wish = update(1, TODO, IN_PROGRESS);
    bench.tracker.update(&wish).await.unwrap();
    let own = bench.server.issue(OWN, 1).said_by(ACCOUNT)[0].body.clone();
    // Taken over by somebody else, it is theirs.
    bench.people(|world| {
        world.edit(OWN, 1, |issue| issue.comments.clear());
        world.comment(OWN, 1, "mallory", &own);
    });
    assert!(!bench.tracker.update(&wish).await.unwrap().already);
    let issue = bench.server.issue(OWN, 1);
    assert_eq!(
        (issue.said_by("mallory")[0].body.as_str(), issue.said_by(ACCOUNT).len()),
        (own.as_str(), 1)
    );
    // Changed by somebody, it is left alone.
    bench.people(|world| {
        world.edit(OWN, 1, |issue| {
            issue.comments[1].body = own.replace("card 1", "card 1, approved");
        });
    });
    assert!(!bench.tracker.update(&wish).await.unwrap().already);
    let issue = bench.server.issue(OWN, 1);
    assert_eq!(issue.said_by(ACCOUNT).len(), 2);
    assert!(issue.said_by(ACCOUNT)[0].body.starts_with("card 1, approved"));
    assert!(bench.tracker.update(&wish).await.unwrap().already);
}

#[tokio::test]
async fn a_late_update_takes_nothing_back() {
    let bench = Bench::new();
    bench.open("Title", "", &[]);
    bench.tracker.update(&update(2, TODO, ItemState::Done)).await.unwrap();
    let late = bench.tracker.update(&update(1, ItemState::Done, IN_PROGRESS)).await.unwrap();
    assert_eq!(late.state_skipped, Some(ItemState::Done));
    let issue = bench.server.issue(OWN, 1);
    assert!(!issue.open && issue.label_names() == ["ai-factory"]);
    assert!(issue.said_by(ACCOUNT)[0].body.starts_with("card 2"));
}

#[tokio::test]
async fn what_people_closed_stays_closed_and_loses_our_label() {
    let bench = Bench::new();
    bench.open("Title", "", &["factory:in-progress"]);
    bench.people(|world| world.close(OWN, 1, "not_planned"));
    let updated = bench.tracker.update(&update(1, IN_PROGRESS, ItemState::InReview)).await.unwrap();
    assert_eq!(updated.state_skipped, Some(ItemState::Cancelled));
    let issue = bench.server.issue(OWN, 1);
    assert!(!issue.open && issue.label_names() == ["ai-factory"], "{issue:?}");
}

#[tokio::test]
async fn what_was_taken_away_from_us_loses_our_labels_and_is_left_alone() {
    let bench = Bench::new();
    bench.open("Title", "", &["factory:in-progress"]);
    assert_eq!(bench.numbers().await, ["#1"]);
    bench.people(|world| world.unlabel(OWN, 1, "ai-factory"));
    let error =
        bench.tracker.update(&update(1, IN_PROGRESS, ItemState::InReview)).await.unwrap_err();
    assert!(matches!(error, TrackerError::UnknownItem { .. }), "{error}");
    assert_eq!(writes(&bench), ["DELETE /issues/1/labels/factory:in-progress"]);
    for fate in [Fate::Deleted, Fate::Transferred] {
        bench.people(|world| world.vanish(OWN, 1, fate));
        let error = bench.tracker.update(&update(1, IN_PROGRESS, TODO)).await.unwrap_err();
        assert!(matches!(error, TrackerError::UnknownItem { .. }), "{error}");
    }
}

#[tokio::test]
async fn an_account_that_may_only_read_is_told_which_permission_is_missing() {
    let bench = Bench::new();
    bench.open("Title", "", &[]);
    bench.people(|world| world.read_only = true);
    let error = bench.tracker.update(&update(1, TODO, IN_PROGRESS)).await.unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, TrackerError::Credentials { .. }), "{error}");
    assert!(
        text.contains("it may not put a label on") && text.contains("here it wants issues=write"),
        "{text}"
    );
}

#[tokio::test]
async fn what_the_service_finds_wrong_is_not_tried_again() {
    let bench = Bench::with(|settings| settings.labels.in_progress = "x".repeat(51));
    bench.open("Title", "", &[]);
    let error = bench.tracker.update(&update(1, TODO, IN_PROGRESS)).await.unwrap_err();
    assert_eq!(error.failure().class, FailureClass::Configuration);
    assert_eq!(
        error.to_string(),
        "the tracker github refuses to put a label on: Validation Failed: Label name invalid (status 422)"
    );
}

#[tokio::test]
async fn a_storm_of_limits_loses_nothing() {
    let bench = Bench::new();
    bench.open("Title", "", &[]);
    bench.server.fail("POST", "/issues/1/comments", 2, Fault::limited(0));
    let wish = update(1, TODO, IN_PROGRESS);
    for _ in 0..2 {
        let error = bench.tracker.update(&wish).await.unwrap_err();
        assert!(matches!(error, TrackerError::Limited { .. }), "{error}");
    }
    assert!(!bench.tracker.update(&wish).await.unwrap().already);
    assert_eq!(bench.server.issue(OWN, 1).said_by(ACCOUNT).len(), 1);
}
