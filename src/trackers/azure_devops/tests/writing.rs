//! What is written to an item: once, on the revision it was decided upon, and never over what people wrote.

use serde_json::{Value, json};

use super::{Board, story, wish};
use crate::domain::card::RunCard;
use crate::domain::ids::RunId;
use crate::domain::work_item::ItemState;
use crate::fake_azure::faults::{Fault, Scope};
use crate::fake_azure::process::Process;
use crate::trackers::{Tracker, TrackerError, TrackerUpdate};

pub(super) fn card(update: TrackerUpdate, implemented: bool, reviewed: bool) -> TrackerUpdate {
    let card = RunCard {
        run: Some(RunId(uuid::Uuid::from_u128(7))),
        text: format!("**card {}**", update.number),
        implementation_complete: implemented,
        review_passed: reviewed,
        branch: None,
        pull_request: None,
        evidence: None,
    };
    TrackerUpdate { card: Some(card), ..update }
}

fn board() -> (Board, u64) {
    let board = Board::new();
    let number = board.azure.create("User Story", &story("one", ItemState::Todo, "text"));
    (board, number)
}

fn writes(board: &Board) -> Vec<(String, u16)> {
    let journal = board.azure.journal();
    let writes = journal.iter().filter(|asked| asked.writes());
    writes
        .map(|it| {
            let what = if it.path.contains("/comments") { "comment" } else { "item" };
            (format!("{} {what}", it.method), it.status)
        })
        .collect()
}

#[tokio::test]
async fn a_run_has_one_comment_that_is_edited_in_place() {
    let (board, number) = board();
    let first = card(wish(number, 1, Some(ItemState::InProgress)), false, false);
    board.tracker.update(&first).await.unwrap();
    let mut second = card(wish(number, 2, Some(ItemState::Done)), true, true);
    second.from = ItemState::InProgress;
    board.tracker.update(&second).await.unwrap();
    let comments = board.azure.comments(number);
    assert_eq!(comments.len(), 1);
    assert_eq!(comments[0].version, 2);
    assert!(comments[0].text.contains("<strong>card 2</strong>"), "{}", comments[0].text);
    assert!(comments[0].text.contains("☑ reviewPassed") && !comments[0].text.contains("card 1"));
    assert_eq!(board.azure.states(number), ["New", "Active", "Closed"]);
    assert_eq!(
        board.azure.field(number, "System.Tags"),
        json!("implementationComplete; reviewPassed")
    );
    let expected = ["PATCH item", "POST comment", "PATCH item", "PATCH comment"];
    assert_eq!(writes(&board), expected.map(|it| (it.to_owned(), 200)));
    assert_eq!(board.only().await.labels, Vec::<String>::new());
    let other = TrackerUpdate { card: None, ..wish(number, 3, None) };
    board.tracker.update(&other).await.unwrap();
    assert_eq!(board.azure.comments(number).len(), 1);
}

#[tokio::test]
async fn checkboxes_are_fields_where_the_project_has_them() {
    let board = Board::with(Process::Scrum, |settings| {
        settings.implementation_field = Some("Custom.ImplementationComplete".to_owned());
        settings.review_field = Some("Custom.ReviewPassed".to_owned());
        settings.lane_field = Some("Custom.OperatorLane".to_owned());
    });
    let fields = [("System.Title", json!("one")), ("Custom.OperatorLane", json!("Ralph"))];
    let number = board.azure.create("Product Backlog Item", &fields);
    assert_eq!(board.only().await.lane, crate::domain::work_item::Lane::Ralph);
    board
        .tracker
        .update(&card(wish(number, 1, Some(ItemState::InReview)), true, false))
        .await
        .unwrap();
    assert_eq!(board.azure.field(number, "Custom.ImplementationComplete"), json!(true));
    assert_eq!(board.azure.field(number, "Custom.ReviewPassed"), Value::Null);
    // The type has no state for it.
    assert_eq!(board.azure.field(number, "System.State"), json!("Committed"));
    assert_eq!(board.azure.field(number, "System.Tags"), json!("in-review"));
    assert_eq!(board.only().await.state, ItemState::InReview);
    let mut back = card(wish(number, 2, Some(ItemState::Todo)), false, false);
    back.from = ItemState::InReview;
    board.tracker.update(&back).await.unwrap();
    assert_eq!(board.azure.field(number, "Custom.ImplementationComplete"), json!(false));
    assert_eq!(board.azure.field(number, "System.Tags"), Value::Null);
    assert_eq!(board.only().await.state, ItemState::Todo);
}

#[tokio::test]
async fn every_process_takes_every_state() {
    for process in Process::ALL {
        let board = Board::with(process, |_| ());
        let number = board.azure.create(process.story(), &[("System.Title", json!("one"))]);
        let mut from = ItemState::Todo;
        let states =
            [ItemState::InProgress, ItemState::Blocked, ItemState::InReview, ItemState::Cancelled];
        for (index, state) in
            states.into_iter().chain([ItemState::Todo, ItemState::Done]).enumerate()
        {
            let mut update = wish(number, u32::try_from(index).unwrap() + 1, Some(state));
            update.from = from;
            let updated = board.tracker.update(&update).await.unwrap();
            // Without a category for it, given up is done with a tag; CMMI has no other way.
            assert_eq!(
                (updated.state_skipped, updated.current.state),
                (None, state),
                "{process:?}"
            );
            assert_eq!(board.only().await, updated.current);
            from = state;
        }
    }
}

#[tokio::test]
async fn an_update_that_comes_while_the_board_is_read_for_the_first_time_is_not_lost() {
    let board = Board::with(Process::Agile, |settings| {
        settings.poll = std::time::Duration::from_secs(3600);
    });
    let number = board.azure.create("Task", &[("System.Title", json!("one"))]);
    let update = wish(number, 1, Some(ItemState::InProgress));
    let (listed, written) = tokio::join!(board.tracker.list(), board.tracker.update(&update));
    assert_eq!(listed.unwrap().items.len(), 1);
    assert_eq!(written.unwrap().current.state, ItemState::InProgress);
}

#[tokio::test]
async fn what_people_took_off_the_board_is_left_alone() {
    let board =
        Board::with(Process::Agile, |settings| settings.filter.tags = vec!["ai".to_owned()]);
    let fields = [("System.Title", json!("one")), ("System.Tags", json!("ai"))];
    let number = board.azure.create("Task", &fields);
    board.tracker.update(&wish(number, 1, Some(ItemState::InProgress))).await.unwrap();
    board.azure.edit(number, &[("System.Tags", json!("mine"))]);
    assert_eq!(board.list().await.items, []);
    board.azure.forget();
    let mut update = wish(number, 2, Some(ItemState::Done));
    update.from = ItemState::InProgress;
    let error = board.tracker.update(&update).await.unwrap_err();
    assert!(matches!(error, TrackerError::UnknownItem { .. }), "{error}");
    assert_eq!((writes(&board), board.list().await.items), (Vec::new(), Vec::new()));
}

#[tokio::test]
async fn an_edit_between_reading_and_writing_is_decided_upon() {
    let (board, number) = board();
    board.azure.edit_before_next_patch(number, &[("System.Title", json!("edited"))]);
    let updated =
        board.tracker.update(&wish(number, 1, Some(ItemState::InProgress))).await.unwrap();
    assert_eq!(
        (updated.current.title.as_str(), updated.current.state),
        ("edited", ItemState::InProgress)
    );
    board.azure.edit_before_next_patch(number, &[("System.State", json!("Removed"))]);
    let mut second = wish(number, 2, Some(ItemState::Done));
    second.from = ItemState::InProgress;
    let updated = board.tracker.update(&second).await.unwrap();
    assert_eq!(updated.state_skipped, Some(ItemState::Cancelled));
    assert_eq!(board.azure.states(number), ["New", "Active", "Removed"]);
    assert_eq!(board.azure.comments(number).len(), 1);
    let refused: Vec<u16> =
        writes(&board).iter().map(|(_, status)| *status).filter(|it| *it != 200).collect();
    assert_eq!(refused, [412, 412]);
}

#[tokio::test]
async fn an_item_that_keeps_changing_is_given_up_and_nothing_is_said() {
    let (board, number) = board();
    board.azure.fail(Scope::Items, 9, Fault::Raced);
    let error =
        board.tracker.update(&wish(number, 1, Some(ItemState::InProgress))).await.unwrap_err();
    assert!(matches!(error, TrackerError::Conflict { attempts: 5, .. }), "{error}");
    assert_eq!(board.azure.comments(number).len(), 0);
    board.azure.recover();
    assert!(
        !board.tracker.update(&wish(number, 1, Some(ItemState::InProgress))).await.unwrap().already
    );
}

#[tokio::test]
async fn after_an_answer_that_never_came_nothing_is_done_twice() {
    for scope in [Scope::Items, Scope::Comments] {
        let (board, number) = board();
        board.azure.fail(scope, 1, Fault::CutAfterwards);
        let update = card(wish(number, 1, Some(ItemState::InProgress)), false, false);
        let error = board.tracker.update(&update).await.unwrap_err();
        assert!(matches!(error, TrackerError::Unavailable { .. }), "{error}");
        let updated = board.tracker.update(&update).await.unwrap();
        assert_eq!(updated.already, scope == Scope::Comments);
        assert_eq!(updated.current.state, ItemState::InProgress);
        assert_eq!((board.azure.comments(number).len(), board.azure.states(number).len()), (1, 2));
    }
}

#[tokio::test]
async fn comments_that_only_look_like_ours_change_nothing_and_stay_as_they_are() {
    let (board, number) = board();
    let first = card(wish(number, 1, None), false, false);
    board.tracker.update(&first).await.unwrap();
    let ours = board.azure.comments(number).remove(0);
    // One that was copied to another item, and our own after somebody wrote into it.
    let other = board.azure.create("User Story", &story("two", ItemState::Todo, ""));
    let copy = board.azure.comment(other, &ours.text);
    assert!(
        !board.tracker.update(&card(wish(other, 1, None), false, false)).await.unwrap().already
    );
    let comments = board.azure.comments(other);
    assert_eq!((comments.len(), comments[0].id, &comments[0].text), (2, copy, &ours.text));
    board.azure.rewrite_comment(number, ours.id, &ours.text.replace("card 1", "card 9"));
    board.tracker.update(&card(wish(number, 2, None), false, false)).await.unwrap();
    let comments = board.azure.comments(number);
    assert_eq!(comments.len(), 2);
    assert!(comments[0].text.contains("card 9") && comments[0].version == 1);
}

#[tokio::test]
async fn what_an_older_update_wants_does_not_undo_a_newer_one() {
    let (board, number) = board();
    board.tracker.update(&card(wish(number, 5, None), true, true)).await.unwrap();
    board.tracker.update(&card(wish(number, 4, None), false, false)).await.unwrap();
    assert_eq!(
        board.azure.field(number, "System.Tags"),
        json!("implementationComplete; reviewPassed")
    );
    let comments = board.azure.comments(number);
    assert!(comments.len() == 1 && comments[0].text.contains("card 5"));
}

#[tokio::test]
async fn a_rule_of_the_process_that_forbids_it_is_said_with_its_code() {
    let board = Board::with(Process::Agile, |settings| {
        settings.review_field = Some("Custom.NotThere".to_owned());
    });
    let number = board.azure.create("User Story", &story("one", ItemState::Todo, "text"));
    let update = card(wish(number, 1, Some(ItemState::InProgress)), true, true);
    let updated = board.tracker.update(&update).await.unwrap();
    let text = updated.refused.unwrap();
    assert!(text.starts_with("its checkboxes were not set: TF51535"), "{text}");
    assert!(text.contains("Custom.NotThere"), "{text}");
    // Everything else is there.
    assert_eq!(board.azure.states(number), ["New", "Active"]);
    assert!(board.azure.comments(number)[0].text.contains("TF51535"));
}

#[tokio::test]
async fn a_busy_service_is_left_alone_and_the_write_is_not_lost() {
    let (board, number) = board();
    board.azure.fail(Scope::Comments, 1, Fault::Status(429, 1));
    let update = wish(number, 1, Some(ItemState::InProgress));
    let error = board.tracker.update(&update).await.unwrap_err();
    assert_eq!(error.wait(), Some(std::time::Duration::from_secs(1)), "{error}");
    // As long as it asked for.
    tokio::time::sleep(error.wait().unwrap()).await;
    let updated = board.tracker.update(&update).await.unwrap();
    assert_eq!((updated.already, board.azure.comments(number).len()), (false, 1));
}
