//! How an item stands, kept at the item for a factory whose log is gone; and who is believed about it.

use serde_json::json;

use super::writing::card;
use super::{Board, story, tracker, wish};
use crate::domain::item_record::ItemStatus;
use crate::domain::run::Outcome;
use crate::domain::standing::Standing;
use crate::domain::work_item::{ItemState, WorkItem};
use crate::fake_azure::process::Process;
use crate::trackers::{Tracker, TrackerUpdate};

/// What the factory notes with update `number`.
fn noted(number: u32, status: ItemStatus) -> Standing {
    let mut standing = Standing::unknown(number, ItemState::Todo);
    standing.status = status;
    standing.spend.attempts = 2;
    standing.last_outcome = Some(Outcome::Cancelled { by: "human:cli:Zo\u{eb} -- <b>".to_owned() });
    standing
}

fn update(id: u64, number: u32, state: ItemState, status: ItemStatus) -> TrackerUpdate {
    let from = if number == 1 { ItemState::Todo } else { ItemState::InProgress };
    let update = TrackerUpdate { from, ..wish(id, number, Some(state)) };
    let standing = Some(Box::new(noted(number, status)));
    TrackerUpdate { standing, ..card(update, false, false) }
}

/// A board with one item that the factory has begun, and another one.
async fn begun() -> (Board, WorkItem, WorkItem) {
    let board = Board::new();
    for title in ["one", "two"] {
        board.azure.create("User Story", &story(title, ItemState::Todo, "text"));
    }
    let first = update(1, 1, ItemState::InProgress, ItemStatus::InFlight);
    board.tracker.update(&first).await.unwrap();
    let items = board.list().await.items;
    (board, items[0].clone(), items[1].clone())
}

/// What a factory that has just begun finds at `item`.
async fn found(board: &Board, item: &WorkItem) -> Option<Standing> {
    let fresh = tracker(&board.azure, |_| ());
    fresh.list().await.unwrap();
    fresh.standing(item).await.unwrap()
}

#[tokio::test]
async fn another_factory_finds_how_an_item_stood_after_the_newest_update() {
    let (board, item, other) = begun().await;
    let expected = Standing { state: ItemState::InProgress, ..noted(1, ItemStatus::InFlight) };
    assert_eq!(found(&board, &item).await, Some(expected));
    let second = update(1, 2, ItemState::InReview, ItemStatus::Done);
    board.tracker.update(&second).await.unwrap();
    let expected = Standing { state: ItemState::InReview, ..noted(2, ItemStatus::Done) };
    assert_eq!(found(&board, &item).await, Some(expected));
    assert_eq!(found(&board, &other).await, None);
}

#[tokio::test]
async fn items_without_comments_are_not_asked_about() {
    let (board, item, other) = begun().await;
    board.azure.forget();
    assert_eq!(board.tracker.standing(&other).await.unwrap(), None);
    assert_eq!(board.azure.journal().len(), 0);
    board.tracker.standing(&item).await.unwrap().unwrap();
    assert!(board.azure.journal().len() <= 2, "{:#?}", board.azure.journal());
}

#[tokio::test]
async fn what_is_not_signed_by_us_changes_nothing() {
    let (board, item, _) = begun().await;
    let ours = board.azure.comments(1).remove(0);
    let changed = ours.text.replace("card 1", "card 9");
    board.azure.rewrite_comment(1, ours.id, &changed);
    assert_eq!(found(&board, &item).await, None, "it was changed");
    let (start, signature) = ours.text.rsplit_once('.').unwrap();
    let forged = format!("{start}.{}{}", "0".repeat(64), &signature[64..]);
    for text in ["**Factory** attempts: 0", &forged] {
        board.azure.rewrite_comment(1, ours.id, text);
        assert_eq!(found(&board, &item).await, None, "{text}");
    }
    board.azure.rewrite_comment(1, ours.id, &ours.text);
    assert!(found(&board, &item).await.is_some());
    let stranger = tracker(&board.azure, |settings| {
        settings.signing_secret = Some("another secret".to_owned().into());
    });
    stranger.list().await.unwrap();
    assert_eq!(stranger.standing(&item).await.unwrap(), None, "it was signed with something else");
}

#[tokio::test]
async fn a_comment_copied_to_another_item_changes_nothing_there() {
    let (board, _, other) = begun().await;
    board.azure.copy_comment(1, 0, 2);
    assert_eq!(found(&board, &other).await, None);
    board.tracker.update(&update(2, 1, ItemState::InProgress, ItemStatus::InFlight)).await.unwrap();
    assert_eq!(board.azure.comments(2).len(), 2);
}

#[tokio::test]
async fn a_comment_that_somebody_else_copied_changes_nothing() {
    let (board, item, _) = begun().await;
    board.azure.copy_comment(1, 0, 1);
    let second = update(1, 2, ItemState::InReview, ItemStatus::Done);
    board.tracker.update(&second).await.unwrap();
    assert_eq!(found(&board, &item).await.unwrap().updates, 2);
    // Another board, whose only comment that looks like ours is of somebody else.
    let elsewhere = Board::with(Process::Agile, |_| ());
    elsewhere.azure.create("User Story", &story("one", ItemState::InReview, "text"));
    elsewhere.azure.comment(1, &board.azure.comments(1)[0].text);
    let item = elsewhere.only().await;
    assert_eq!(found(&elsewhere, &item).await, None);
    elsewhere
        .tracker
        .update(&update(1, 1, ItemState::InProgress, ItemStatus::InFlight))
        .await
        .unwrap();
    assert_eq!(elsewhere.azure.comments(1).len(), 2);
}

#[tokio::test]
async fn a_run_that_nobody_knows_any_more_leaves_its_comment_to_the_next_one() {
    let (board, _, _) = begun().await;
    let mut next = update(1, 2, ItemState::InProgress, ItemStatus::InFlight);
    let run = crate::domain::ids::RunId(uuid::Uuid::from_u128(8));
    next.card.as_mut().unwrap().run = Some(run);
    next.standing.as_mut().unwrap().run = Some(run);
    // The standing of the first one names no run, so it does not speak of a run that was under way.
    board.tracker.update(&next).await.unwrap();
    assert_eq!(board.azure.comments(1).len(), 2);
    let mut third = update(1, 3, ItemState::InProgress, ItemStatus::InFlight);
    third.card.as_mut().unwrap().run = Some(crate::domain::ids::RunId(uuid::Uuid::from_u128(9)));
    board.tracker.update(&third).await.unwrap();
    let comments = board.azure.comments(1);
    assert_eq!(comments.len(), 2);
    assert!(comments[1].text.contains("update 2") && comments[1].text.contains("update 3"));
    assert!(
        comments[1].text.contains(&crate::domain::ids::RunId(uuid::Uuid::from_u128(9)).short())
    );
}

#[tokio::test]
async fn a_state_that_the_process_forbids_does_not_keep_the_rest_from_being_written() {
    let board = Board::new();
    let number = board.azure.create("User Story", &story("one", ItemState::Todo, "text"));
    board.azure.forbid(&["Active", "Closed"]);
    let first = card(wish(number, 1, Some(ItemState::InProgress)), true, false);
    let updated = board.tracker.update(&first).await.unwrap();
    let refused = updated.refused.unwrap();
    assert!(refused.starts_with("its state was not set to In Progress: TF401320"), "{refused}");
    assert_eq!((updated.current.state, updated.state_skipped), (ItemState::Todo, None));
    assert_eq!(board.azure.states(number), ["New"]);
    assert_eq!(board.azure.field(number, "System.Tags"), json!("implementationComplete"));
    let comments = board.azure.comments(number);
    assert_eq!(comments.len(), 1);
    assert!(comments[0].text.contains("TF401320"), "{}", comments[0].text);
    let again = board.tracker.update(&first).await.unwrap();
    assert!(again.already && again.refused.is_none());
    board.azure.forbid(&[]);
    let second = card(wish(number, 2, Some(ItemState::Done)), true, true);
    let updated = board.tracker.update(&second).await.unwrap();
    assert_eq!((updated.refused, updated.current.state), (None, ItemState::Done));
    assert_eq!(board.azure.comments(number).len(), 1);
}
