//! How an issue stands, kept at the issue for a factory whose log is gone; and who is believed about it.

use super::writing::update;
use super::{Bench, OWN, id, tracker};
use crate::domain::ids::RunId;
use crate::domain::item_record::ItemStatus;
use crate::domain::standing::Standing;
use crate::domain::work_item::ItemState;
use crate::fake_github::ACCOUNT;
use crate::trackers::{Tracker as _, TrackerUpdate};

fn run(number: u128) -> RunId {
    RunId(uuid::Uuid::from_u128(number))
}

/// An update of run `of`, which is under way with it.
fn noted(number: u32, of: u128) -> TrackerUpdate {
    let mut standing = Standing::unknown(number, ItemState::Todo);
    standing.status = ItemStatus::InFlight;
    standing.run = Some(run(of));
    standing.spend.attempts = 2;
    standing.holder = "--> <!-- -->".to_owned();
    let from = if number == 1 { ItemState::Todo } else { ItemState::InProgress };
    let mut update = update(number, from, ItemState::InProgress);
    update.card.as_mut().unwrap().run = Some(run(of));
    TrackerUpdate { standing: Some(Box::new(standing)), ..update }
}

async fn begun() -> Bench {
    let bench = Bench::new();
    bench.open("one", "", &[]);
    bench.open("two", "", &[]);
    bench.tracker.update(&noted(1, 1)).await.unwrap();
    bench
}

/// What a factory that has just begun finds at issue `number`.
async fn found(bench: &Bench, number: u64) -> Option<Standing> {
    let fresh = tracker(&bench.server, |_| {});
    let items = fresh.list().await.unwrap().items;
    let item = items.iter().find(|item| item.id == id(number)).unwrap();
    fresh.standing(item).await.unwrap()
}

#[tokio::test]
async fn another_factory_finds_how_an_issue_stood_after_the_newest_update() {
    let bench = begun().await;
    let standing = found(&bench, 1).await.unwrap();
    assert_eq!((standing.updates, standing.spend.attempts), (1, 2));
    assert_eq!((standing.state, standing.run), (ItemState::InProgress, Some(run(1))));
    bench.tracker.update(&noted(2, 1)).await.unwrap();
    assert_eq!(found(&bench, 1).await.unwrap().updates, 2);
    assert_eq!(found(&bench, 2).await, None);
    assert_eq!(bench.server.issue(OWN, 1).said_by(ACCOUNT).len(), 1);
}

#[tokio::test]
async fn issues_without_comments_are_not_asked_about() {
    let bench = begun().await;
    let items = bench.items().await;
    let other = items.iter().find(|item| item.id == id(2)).unwrap();
    let _before = bench.server.take_journal();
    assert_eq!(bench.tracker.standing(other).await.unwrap(), None);
    assert_eq!(bench.server.take_journal().len(), 0);
}

#[tokio::test]
async fn comments_that_are_not_ours_change_nothing() {
    let bench = begun().await;
    let text = bench.server.issue(OWN, 1).said_by(ACCOUNT)[0].body.clone();
    let rewrite = |body: &str| {
        bench.people(|world| world.edit(OWN, 1, |issue| issue.comments[0].body = body.to_owned()));
    };
    // By us, and unsigned, changed, or signed with something else.
    let (before, signature) = text.rsplit_once("hmac-sha256=").unwrap();
    let forged = format!("{before}hmac-sha256={}{}", "0".repeat(64), &signature[64..]);
    let changed = text.replace("card 1", "card 9");
    for body in ["**Factory** attempts 0", &forged, &changed] {
        rewrite(body);
        assert_eq!(found(&bench, 1).await, None, "{body}");
    }
    // Of another item.
    bench.people(|world| world.comment(OWN, 2, ACCOUNT, &text));
    assert_eq!(found(&bench, 2).await, None);
    // Word for word ours, by somebody else.
    rewrite(&text);
    assert!(found(&bench, 1).await.is_some());
    bench.people(|world| {
        world.edit(OWN, 1, |issue| issue.comments[0].author = "stranger".to_owned());
    });
    assert_eq!(found(&bench, 1).await, None);
}

#[tokio::test]
async fn a_run_that_nobody_knows_any_more_leaves_its_comment_to_the_next_one() {
    let bench = begun().await;
    let fresh = tracker(&bench.server, |_| {});
    fresh.update(&noted(2, 2)).await.unwrap();
    let issue = bench.server.issue(OWN, 1);
    let said = issue.said_by(ACCOUNT);
    assert_eq!(said.len(), 1);
    assert!(said[0].body.starts_with("card 2"), "{}", said[0].body);
    assert_eq!(said[0].body.matches("Z update ").count(), 2, "{}", said[0].body);
    let standing = found(&bench, 1).await.unwrap();
    assert_eq!((standing.updates, standing.run), (2, Some(run(2))));
}

#[tokio::test]
async fn branch_and_evidence_stand_in_the_comment() {
    let bench = begun().await;
    let mut update = noted(2, 1);
    let card = update.card.as_mut().unwrap();
    card.branch = Some("factory/1-greet".to_owned());
    card.evidence = Some(format!("### Checks\n</details><!-- x -->{}", "\u{fc}".repeat(70_000)));
    bench.tracker.update(&update).await.unwrap();
    let text = bench.server.issue(OWN, 1).said_by(ACCOUNT)[0].body.clone();
    assert!(text.contains("Branch `factory/1-greet`") && !text.contains("/tree/"));
    let mut update = noted(3, 1);
    let card = update.card.as_mut().unwrap();
    card.branch = Some("factory/1-greet".to_owned());
    card.pull_request = Some("https://github.com/owner/name/pull/3".to_owned());
    card.evidence = Some(format!("### Checks\n</details><!-- x -->{}", "\u{fc}".repeat(70_000)));
    bench.tracker.update(&update).await.unwrap();
    let text = bench.server.issue(OWN, 1).said_by(ACCOUNT)[0].body.clone();
    assert!(text.contains("(https://github.com/owner/name/tree/factory/1-greet)"));
    assert!(text.contains("<details><summary>Evidence</summary>\n\n### Checks"));
    assert_eq!(text.matches("</details>").count(), 2);
    assert!(text.chars().count() < 65_536, "{}", text.chars().count());
    assert_eq!(found(&bench, 1).await.unwrap().updates, 3);
}
