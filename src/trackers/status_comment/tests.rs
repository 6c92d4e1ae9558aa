//! What counts as our own comment, and what it says after being written, read and written again.

use super::{Place, SigningKey, StatusComment, is_marked, is_outdated, place};
use crate::domain::card::RunCard;
use crate::domain::ids::{EffectKey, ItemId, RunId};
use crate::domain::time::Timestamp;
use crate::domain::work_item::ItemState;
use crate::trackers::TrackerUpdate;

fn item() -> ItemId {
    ItemId::new("github/owner/name#7")
}

fn run(number: u128) -> RunId {
    RunId(uuid::Uuid::from_u128(number))
}

fn key(secret: &str) -> SigningKey {
    SigningKey::derived(&secret.to_owned().into())
}

fn card(of: u128, text: &str) -> RunCard {
    RunCard {
        run: Some(run(of)),
        text: text.to_owned(),
        implementation_complete: true,
        review_passed: false,
        branch: Some("factory/7-a".to_owned()),
        pull_request: None,
        evidence: None,
    }
}

fn update(number: u32, card: Option<RunCard>) -> TrackerUpdate {
    TrackerUpdate {
        item: item(),
        key: EffectKey(format!("work/{}/update/{number}", item())),
        from: ItemState::Todo,
        state: Some(ItemState::InProgress),
        entry: format!("update {number}"),
        at: Timestamp(1_780_000_000_000),
        number,
        card,
        standing: None,
    }
}

fn written(updates: &[TrackerUpdate]) -> StatusComment {
    let mut comment = StatusComment::new(&item(), Some(run(1)));
    updates.iter().for_each(|update| comment.add(update));
    comment
}

#[test]
fn people_read_the_card_two_boxes_and_the_log() {
    let comment =
        written(&[update(1, Some(card(1, "**coding** · attempt 1\n\nChecks:\n- `make`: passed")))]);
    let text = comment.render(&key("secret"));
    let (shown, hidden) = text.split_once("\n\n<!-- enact-factory:status ").unwrap();
    assert_eq!(
        shown,
        "**coding** · attempt 1\n\nChecks:\n- `make`: passed\n\nBranch `factory/7-a`\n\n\
         - [x] implementationComplete\n- [ ] reviewPassed\n\n\
         <details><summary>Log</summary>\n\n\
         - 2026-05-28T20:26:40Z update 1 <!-- factory:work/github/owner/name%237/update/1 -->\n\n</details>"
    );
    assert!(!hidden.contains("secret"));
    assert_eq!(hidden.matches("--").count(), 1, "{hidden}");
}

#[test]
fn what_was_written_is_read_again_whatever_the_tracker_does_to_its_line_endings() {
    let comment =
        written(&[update(1, Some(card(1, "one\n\n- two\n\n- [x] three"))), update(2, None)]);
    let text = comment.render(&key("secret"));
    assert!(is_marked(&text));
    for text in [text.clone(), format!("{text}\n \n"), text.replace('\n', "\r\n")] {
        assert_eq!(
            StatusComment::verified(&text, &item(), &key("secret")).as_ref(),
            Some(&comment)
        );
    }
    assert_eq!(comment.render(&key("secret")), text);
}

#[test]
fn what_is_not_signed_or_was_changed_or_belongs_elsewhere_says_nothing() {
    let text = written(&[update(1, Some(card(1, "text")))]).render(&key("secret"));
    let read = |text: &str| StatusComment::verified(text, &item(), &key("secret"));
    assert!(read(&text).is_some());
    assert_eq!(read(""), None);
    assert_eq!(read(&text.replace("- [ ] reviewPassed", "- [x] reviewPassed")), None);
    assert_eq!(read(&text.replace("\"review_passed\":false", "\"review_passed\":true")), None);
    assert_eq!(read(&text.replace("update 1 ", "update 2 ")), None);
    assert_eq!(read(&format!("Please look:\n{text}")), None);
    assert_eq!(read(&format!("{text}\nthanks")), None);
    assert_eq!(read(text.split(" hmac-sha256=").next().unwrap()), None);
    assert_eq!(StatusComment::verified(&text, &item(), &key("another")), None);
    assert_eq!(
        StatusComment::verified(&text, &ItemId::new("github/owner/name#8"), &key("secret")),
        None
    );
}

#[test]
fn the_same_key_is_added_once_and_older_updates_replace_nothing() {
    let mut comment =
        written(&[update(1, Some(card(1, "first"))), update(3, Some(card(1, "third")))]);
    let before = comment.clone();
    comment.add(&update(3, Some(card(1, "worded differently"))));
    assert_eq!(comment, before);
    comment.add(&update(2, Some(card(1, "second"))));
    let text = comment.render(&key("secret"));
    assert!(text.starts_with("third\n"), "{text}");
    assert_eq!(comment.number, 3);
    let at = |entry: &str| text.find(entry).unwrap();
    assert!(at("update 1 ") < at("update 2 ") && at("update 2 ") < at("update 3 "));
}

#[test]
fn a_long_life_fits_into_a_comment_and_no_key_is_written_again() {
    let mut comment = StatusComment::new(&item(), Some(run(1)));
    for number in 1..=300 {
        let mut long = update(number, Some(card(1, &"é".repeat(50_000))));
        long.entry = "word ".repeat(100);
        comment.add(&long);
        let text = comment.render(&key("secret"));
        assert!(text.chars().count() < 60_000, "{}", text.chars().count());
        comment = StatusComment::verified(&text, &item(), &key("secret")).unwrap();
    }
    assert!((1..=300).all(|number| comment.has(&update(number, None))));
    assert!(!comment.has(&update(301, None)));
}

#[test]
fn a_card_cannot_end_the_comment_or_forge_its_hidden_part() {
    let forged = written(&[update(9, None)]).render(&key("guessed"));
    let text = format!("a --> b <!-- factory:x -->\n\n<details><summary>Log</summary>\n\n{forged}");
    let comment = written(&[update(1, Some(card(1, &text)))]);
    let rendered = comment.render(&key("secret"));
    assert_eq!(rendered.matches("<!-- enact-factory:status").count(), 1, "{rendered}");
    let read = StatusComment::verified(&rendered, &item(), &key("secret"));
    assert_eq!(read.as_ref(), Some(&comment));
    assert!(!comment.has(&update(9, None)));
}

#[test]
fn an_update_goes_to_the_comment_of_its_run_and_one_without_a_run_to_the_newest() {
    let first = written(&[update(1, Some(card(1, "one"))), update(2, None)]);
    let mut second = StatusComment::new(&item(), Some(run(2)));
    second.add(&update(3, Some(card(2, "two"))));
    let found = [first, second];
    assert_eq!(place(&[], &update(1, None)), Place::New);
    assert_eq!(place(&found, &update(4, None)), Place::Existing(1));
    assert_eq!(place(&found, &update(4, Some(card(1, "late")))), Place::Existing(0));
    assert_eq!(place(&found, &update(4, Some(card(3, "three")))), Place::New);
    assert_eq!(place(&found, &update(2, None)), Place::Written(0));
    assert_eq!(place(&found, &update(3, Some(card(2, "two")))), Place::Written(1));
    assert!(is_outdated(&found, &update(2, None)) && !is_outdated(&found, &update(4, None)));
}

#[test]
fn a_lane_has_a_comment_of_its_own_with_both_boxes() {
    let of_lane = |text: &str| RunCard { run: None, ..card(0, text) };
    let run = written(&[update(1, Some(card(1, "one")))]);
    assert_eq!(place(std::slice::from_ref(&run), &update(2, Some(of_lane("ralph")))), Place::New);
    let mut lane = StatusComment::new(&item(), None);
    lane.add(&update(2, Some(of_lane("**verifying** · lane ralph"))));
    let text = lane.render(&key("secret"));
    assert!(text.contains("- [x] implementationComplete\n- [ ] reviewPassed"), "{text}");
    let read = StatusComment::verified(&text, &item(), &key("secret")).unwrap();
    assert_eq!(read, lane);
    let found = [run, read];
    assert_eq!(place(&found, &update(3, Some(of_lane("ralph")))), Place::Existing(1));
    assert_eq!(place(&found, &update(2, Some(of_lane("ralph")))), Place::Written(1));
    assert_eq!(place(&found, &update(3, Some(card(1, "two")))), Place::Existing(0));
    let silent = StatusComment::new(&item(), None).render(&key("secret"));
    assert!(!silent.contains("reviewPassed"), "{silent}");
}
