//! Taking work items when several do it, when people save meanwhile, and when somebody pretends.

use std::time::Duration;

use serde_json::json;
use uuid::Uuid;

use super::{Board, story, tracker};
use crate::domain::ids::{ItemId, RunId};
use crate::domain::time::Timestamp;
use crate::domain::work_item::ItemState;
use crate::fake_azure::process::Process;
use crate::trackers::claim::{Claim, Claimed};
use crate::trackers::{Tracker as _, TrackerError};

fn claim(holder: &str, run: u128) -> Claim {
    let now = Timestamp(1_780_000_000_000);
    Claim {
        item: ItemId::new("azdo/1"),
        run: RunId(Uuid::from_u128(run)),
        holder: holder.to_owned(),
        now,
        until: now.after(Duration::from_secs(1800)),
    }
}

fn is_ours(claimed: &Result<Claimed, TrackerError>) -> bool {
    matches!(claimed, Ok(Claimed::Ours { .. }))
}

async fn board() -> Board {
    let board = Board::new();
    board.azure.create(Process::Agile.story(), &story("Title", ItemState::Todo, "text"));
    assert_eq!(board.only().await.title, "Title");
    board
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_that_ask_at_once_one_gets_it() {
    for round in 0..10 {
        let board = board().await;
        let others = [tracker(&board.azure, |_| ()), tracker(&board.azure, |_| ())];
        let claims = [claim("one", 1), claim("two", 2), claim("three", 3)];
        let (one, two, three) = tokio::join!(
            board.tracker.claim(&claims[0]),
            others[0].claim(&claims[1]),
            others[1].claim(&claims[2]),
        );
        let results = [one, two, three];
        let ours = results.iter().filter(|it| is_ours(it)).count();
        assert_eq!(ours, 1, "round {round}: {results:?}");
        let tags = board.azure.field(1, "System.Tags");
        assert_eq!(tags.as_str().unwrap().matches("factory-lease:").count(), 1, "{tags}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_just_being_read_is_not_taken_for_gone() {
    for _ in 0..10 {
        let board = Board::with(Process::Agile, |settings| settings.poll = Duration::from_secs(60));
        board.azure.create(Process::Agile.story(), &story("Title", ItemState::Todo, "text"));
        let wish = claim("one", 1);
        let (listing, claimed) = tokio::join!(board.tracker.list(), board.tracker.claim(&wish));
        assert_eq!(listing.unwrap().items.len(), 1);
        assert!(is_ours(&claimed), "{claimed:?}");
    }
}

#[tokio::test]
async fn a_tag_that_nobody_of_us_has_signed_takes_nothing_and_is_left_alone() {
    let board = board().await;
    assert!(is_ours(&board.tracker.claim(&claim("one", 1)).await));
    let tag = board.azure.field(1, "System.Tags").as_str().unwrap().to_owned();
    assert_eq!(board.only().await.labels, Vec::<String>::new(), "it is no label");
    board.tracker.release(&claim("one", 1).item, claim("one", 1).run, "one").await.unwrap();
    assert!(board.azure.field(1, "System.Tags").as_str().is_none_or(str::is_empty));
    let later = tag.replace(":178", ":179");
    assert_ne!(tag, later);
    board.azure.edit(1, &[("System.Tags", json!(format!("mine; {later}")))]);
    assert!(is_ours(&board.tracker.claim(&claim("two", 2)).await));
    let tags = board.azure.field(1, "System.Tags");
    assert!(tags.as_str().unwrap().starts_with(&format!("mine; {later}; factory-lease:two:")));
    board.tracker.release(&claim("two", 2).item, claim("two", 2).run, "two").await.unwrap();
    assert_eq!(board.azure.field(1, "System.Tags"), json!(format!("mine; {later}")));
    // Of another item.
    board.azure.create(Process::Agile.story(), &story("Another", ItemState::Todo, "text"));
    board.azure.edit(2, &[("System.Tags", json!(tag))]);
    assert_eq!(board.list().await.items.len(), 2);
    let elsewhere = Claim { item: ItemId::new("azdo/2"), ..claim("two", 2) };
    assert!(is_ours(&board.tracker.claim(&elsewhere).await));
}
