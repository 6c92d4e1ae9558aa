//! Links and files: drawn and attached once.

use super::writing::card;
use super::{Board, ORGANIZATION, story, tracker, wish};
use crate::domain::work_item::ItemState;
use crate::fake_azure::faults::{Fault, Scope};
use crate::fake_azure::pulls::{PROJECT_ID, REPOSITORY_ID};
use crate::trackers::{Tracker, TrackerUpdate};

const BRANCH: &str = "factory/1-greet";

fn board() -> (Board, u64) {
    let board = Board::new();
    let number = board.azure.create("User Story", &story("one", ItemState::Todo, "text"));
    (board, number)
}

/// An update about a run that is offered at `address`.
fn offered(id: u64, number: u32, address: &str) -> TrackerUpdate {
    let mut update = card(wish(id, number, None), true, true);
    let card = update.card.as_mut().unwrap();
    card.branch = Some(BRANCH.to_owned());
    card.pull_request = Some(address.to_owned());
    update
}

fn with_evidence(update: TrackerUpdate, text: &str) -> TrackerUpdate {
    let mut card = update.card.clone().unwrap();
    card.evidence = Some(text.to_owned());
    TrackerUpdate { card: Some(card), ..update }
}

#[tokio::test]
async fn branch_and_pull_request_elsewhere_are_linked_once() {
    let (board, number) = board();
    for update in 1..=3 {
        let update = offered(number, update, "https://github.com/acme/app/pull/7");
        board.tracker.update(&update).await.unwrap();
    }
    let hyperlink = |url: &str| ("Hyperlink".to_owned(), url.to_owned());
    assert_eq!(
        board.azure.relations(number),
        [
            hyperlink("https://github.com/acme/app/pull/7"),
            hyperlink("https://github.com/acme/app/tree/factory/1-greet"),
        ]
    );
    let text = &board.azure.comments(number)[0].text;
    assert!(text.contains("href=\"https://github.com/acme/app/tree/factory/1-greet\""), "{text}");
}

#[tokio::test]
async fn those_of_the_service_itself_are_its_own_kind_of_links() {
    let (board, number) = board();
    let here = format!(
        "{}/{ORGANIZATION}/Fiber%20Suite/_git/Fiber%20App/pullrequest/12",
        board.azure.base()
    );
    for update in 1..=2 {
        board.tracker.update(&offered(number, update, &here)).await.unwrap();
    }
    let place = format!("{PROJECT_ID}%2F{REPOSITORY_ID}");
    let artifact = |rest: String| ("ArtifactLink".to_owned(), format!("vstfs:///Git/{rest}"));
    assert_eq!(
        board.azure.relations(number),
        [
            artifact(format!("PullRequestId/{place}%2F12")),
            artifact(format!("Ref/{place}%2FGBfactory%2F1-greet")),
        ]
    );
    // A repository that may not be read is linked like any page.
    let other = here.replace("/Fiber%20App/", "/secret/");
    board.tracker.update(&offered(number, 3, &other)).await.unwrap();
    assert_eq!(board.azure.relations(number)[2], ("Hyperlink".to_owned(), other));
}

#[tokio::test]
async fn what_is_no_address_is_not_linked() {
    let (board, number) = board();
    board.tracker.update(&offered(number, 1, "javascript:alert(1)")).await.unwrap();
    assert_eq!(board.azure.relations(number), []);
    assert!(!board.azure.comments(number)[0].text.contains("javascript"));
}

#[tokio::test]
async fn the_evidence_of_a_run_is_attached_once() {
    let (board, number) = board();
    for update in 1..=2 {
        let update =
            with_evidence(card(wish(number, update, None), true, true), "# Evidence\n\u{fc}");
        board.tracker.update(&update).await.unwrap();
    }
    let attached = board.azure.attached(number);
    let [(name, text)] = &attached[..] else { panic!("one file: {attached:?}") };
    assert!(name.starts_with("factory-run-") && name.ends_with(".md"), "{name}");
    assert_eq!(text, "# Evidence\n\u{fc}");
    let uploads = board.azure.journal();
    let uploads = uploads.iter().filter(|it| it.path.ends_with("/wit/attachments")).count();
    assert_eq!(uploads, 1);
}

#[tokio::test]
async fn whoever_dies_after_the_upload_leaves_one_attachment_all_the_same() {
    for scope in [Scope::Writes, Scope::Items, Scope::Comments] {
        let (board, number) = board();
        let wish =
            with_evidence(card(wish(number, 1, Some(ItemState::InProgress)), true, true), "text");
        board.azure.fail(scope, 1, Fault::CutAfterwards);
        board.tracker.update(&wish).await.unwrap_err();
        let next = tracker(&board.azure, |_| ());
        next.list().await.unwrap();
        next.update(&wish).await.unwrap();
        assert_eq!(board.azure.attached(number).len(), 1, "{scope:?}");
        assert_eq!(board.azure.comments(number).len(), 1, "{scope:?}");
        assert_eq!(board.azure.states(number), ["New", "Active"]);
    }
}

#[tokio::test]
async fn an_item_with_all_the_links_that_it_may_have_gets_its_comment_all_the_same() {
    let (board, number) = board();
    for link in 0..1000 {
        board.azure.link(number, "Hyperlink", &format!("https://example.org/{link}"));
    }
    let update = offered(number, 1, "https://github.com/acme/app/pull/7");
    let updated = board.tracker.update(&update).await.unwrap();
    assert!(updated.refused.unwrap().contains("it has 1000 already"));
    assert_eq!(board.azure.relations(number).len(), 1000);
    assert_eq!(board.azure.comments(number).len(), 1);
}
