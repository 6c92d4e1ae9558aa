//! Writing back: exactly two places of a file, whole or not at all, never over somebody's edit.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::super::replace::{self, Moment, Replaced};
use super::super::{LocalSettings, LocalTracker, lock};
use super::{Desk, line, wish};
use crate::domain::failure::FailureClass;
use crate::domain::work_item::ItemState;
use crate::trackers::{Tracker, TrackerError};

#[tokio::test]
async fn only_the_value_of_the_state_and_the_log_change() {
    let desk = Desk::new();
    let before = "+++\n# who knows\ntitle  =  'x'   # title\nstate='todo' # mine\nlabels = [\n  \"a\", # first\n]\n+++\n\nText  \n\n* list\n";
    desk.write("a.md", before);
    desk.update(&wish("a", 1, Some(ItemState::InProgress))).await;
    let mut second = wish("a", 2, Some(ItemState::InReview));
    second.from = ItemState::InProgress;
    desk.update(&second).await;
    let after = before.replace("'todo'", "'In Review'");
    let log = format!("\n## Factory\n\n{}\n{}\n", line("a", 1), line("a", 2));
    assert_eq!(desk.read("a.md"), format!("{after}{log}"));
    assert_eq!(desk.item().await.body, "Text  \n\n* list");
}

#[tokio::test]
async fn a_missing_state_is_added_at_the_end_of_the_front_matter() {
    let desk = Desk::new();
    desk.write("a.md", "+++\ntitle = \"\"\"x\"\"\"\n\n+++");
    desk.update(&wish("a", 1, Some(ItemState::InProgress))).await;
    let expected = format!(
        "+++\ntitle = \"\"\"x\"\"\"\n\nstate = \"In Progress\"\n+++\n\n## Factory\n\n{}",
        line("a", 1)
    );
    assert_eq!(desk.read("a.md"), expected);
    desk.update(&wish("a", 2, None)).await;
    assert_eq!(desk.read("a.md"), format!("{expected}\n{}", line("a", 2)));
}

#[tokio::test]
async fn carriage_returns_and_the_byte_order_mark_stay() {
    let desk = Desk::new();
    let before = "\u{FEFF}+++\r\ntitle = \"x\"\r\n+++\r\nText\r\n";
    desk.write("a.md", before);
    desk.update(&wish("a", 1, Some(ItemState::Done))).await;
    let expected = format!(
        "\u{FEFF}+++\r\ntitle = \"x\"\r\nstate = \"Done\"\r\n+++\r\nText\r\n\r\n## Factory\r\n\r\n{}\r\n",
        line("a", 1)
    );
    assert_eq!(desk.read("a.md"), expected);
}

#[tokio::test]
async fn what_people_write_below_the_log_is_theirs() {
    let desk = Desk::new();
    desk.write("a.md", "+++\ntitle = \"x\"\n+++\nText\n");
    desk.update(&wish("a", 1, None)).await;
    let before = desk.item().await;
    let text = desk.read("a.md");
    desk.write("a.md", format!("{text}Please also do Y.\n\n## Notes\n\nMore.\n"));
    let after = desk.item().await;
    assert_ne!(after.revision, before.revision);
    assert_eq!(after.body, "Text\n\nPlease also do Y.\n\n## Notes\n\nMore.");
    let updated = desk.update(&wish("a", 2, None)).await;
    assert_eq!(updated.current, after);
    assert!(desk.read("a.md").contains(&format!("{}\n{}\n", line("a", 1), line("a", 2))));
}

#[tokio::test]
async fn mode_and_owner_stay() {
    let desk = Desk::new();
    desk.write("a.md", "+++\ntitle = \"x\"\n+++\n");
    fs::set_permissions(desk.path("a.md"), fs::Permissions::from_mode(0o640)).unwrap();
    // Only root may give files away; for others this changes nothing.
    let given_away = std::os::unix::fs::chown(desk.path("a.md"), Some(12345), Some(12345)).is_ok();
    let before = fs::metadata(desk.path("a.md")).unwrap();
    desk.update(&wish("a", 1, None)).await;
    let after = fs::metadata(desk.path("a.md")).unwrap();
    assert_ne!(before.ino(), after.ino());
    assert_eq!(after.mode() & 0o7777, 0o640);
    assert_eq!((after.uid(), after.gid()), (before.uid(), before.gid()));
    assert_eq!(after.uid() == 12345, given_away);
    assert_eq!(desk.names(), ["a.md"]);
}

#[tokio::test]
async fn an_edit_saved_at_the_last_moment_survives_and_is_decided_upon() {
    let saves = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&saves);
    let desk = Desk::observed(move |directory, moment| {
        if moment == Moment::BeforeSwap && counter.fetch_add(1, Ordering::SeqCst) == 0 {
            let edited = "+++\ntitle = \"x\"\nstate = \"Cancelled\"\n+++\nChanged my mind.\n";
            fs::write(directory.join("a.md"), edited).unwrap();
        }
    });
    desk.write("a.md", "+++\ntitle = \"x\"\n+++\nText\n");
    let updated = desk.update(&wish("a", 1, Some(ItemState::InProgress))).await;
    assert_eq!(updated.state_skipped, Some(ItemState::Cancelled));
    assert_eq!(updated.current.body, "Changed my mind.");
    let text = desk.read("a.md");
    assert!(text.contains("state = \"Cancelled\"") && text.contains(&line("a", 1)), "{text}");
    assert_eq!(desk.names(), ["a.md"]);
    assert_eq!(saves.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn an_editor_that_replaces_the_file_at_the_last_moment_wins() {
    let desk = Desk::observed(|directory, _| {
        if !directory.join("done").exists() {
            fs::write(directory.join("a.tmp"), "+++\ntitle = \"new\"\n+++\n").unwrap();
            fs::rename(directory.join("a.tmp"), directory.join("a.md")).unwrap();
            fs::write(directory.join("done"), "").unwrap();
        }
    });
    desk.write("a.md", "+++\ntitle = \"old\"\n+++\n");
    let updated = desk.update(&wish("a", 1, Some(ItemState::InProgress))).await;
    assert_eq!(updated.current.title, "new");
    assert_eq!(desk.item().await, updated.current);
}

#[tokio::test]
async fn a_file_that_never_rests_is_given_up_with_the_newest_version_in_place() {
    let saves = AtomicU32::new(0);
    let desk = Desk::observed(move |directory, _| {
        let number = saves.fetch_add(1, Ordering::SeqCst);
        fs::write(directory.join("a.md"), format!("+++\ntitle = \"{number}\"\n+++\n")).unwrap();
    });
    desk.write("a.md", "+++\ntitle = \"x\"\n+++\n");
    let error = desk.failed_update(&wish("a", 1, None)).await;
    // Saved once before each swap and once before the first was undone.
    assert!(matches!(error, TrackerError::Overtaken { .. }), "{error}");
    assert_eq!(error.failure().class, FailureClass::Infrastructure);
    assert_eq!(desk.read("a.md"), "+++\ntitle = \"1\"\n+++\n");
    assert_eq!(desk.read("a.md.kept-1"), "+++\ntitle = \"0\"\n+++\n");
    assert_eq!(desk.names(), ["a.md", "a.md.kept-1"]);
}

#[tokio::test]
async fn a_file_saved_again_and_again_is_a_conflict() {
    let saves = AtomicU32::new(0);
    let desk = Desk::observed(move |directory, moment| {
        if moment == Moment::BeforeSwap {
            let number = saves.fetch_add(1, Ordering::SeqCst);
            fs::write(directory.join("a.md"), format!("+++\ntitle = \"{number}\"\n+++\n")).unwrap();
        }
    });
    desk.write("a.md", "+++\ntitle = \"x\"\n+++\n");
    let error = desk.failed_update(&wish("a", 1, None)).await;
    assert!(matches!(error, TrackerError::Conflict { attempts: 5, .. }), "{error}");
    assert_eq!(desk.read("a.md"), "+++\ntitle = \"4\"\n+++\n");
    assert_eq!(desk.names(), ["a.md"]);
}

#[tokio::test]
async fn a_file_deleted_at_the_last_moment_stays_deleted() {
    let desk = Desk::observed(|directory, _| fs::remove_file(directory.join("a.md")).unwrap());
    desk.write("a.md", "+++\ntitle = \"x\"\n+++\n");
    let error = desk.failed_update(&wish("a", 1, None)).await;
    assert!(matches!(error, TrackerError::Unreadable { .. }), "{error}");
    assert!(desk.names().is_empty());
}

#[tokio::test]
async fn a_file_torn_at_the_last_moment_is_left_torn() {
    let desk = Desk::observed(|directory, moment| {
        if moment == Moment::BeforeSwap {
            fs::write(directory.join("a.md"), "+++\nti").unwrap();
        }
    });
    desk.write("a.md", "+++\ntitle = \"x\"\n+++\n");
    let error = desk.failed_update(&wish("a", 1, None)).await;
    assert!(matches!(error, TrackerError::Unreadable { .. }), "{error}");
    assert_eq!(desk.read("a.md"), "+++\nti");
}

#[test]
fn without_a_swap_the_comparison_comes_before_the_rename() {
    let desk = Desk::new();
    desk.write("a.md", "old");
    desk.write("new", "new");
    let (path, temporary) = (desk.path("a.md"), desk.path("new"));
    assert_eq!(replace::rename(&path, &temporary, b"other").unwrap(), Replaced::Changed);
    assert_eq!(desk.names(), ["a.md", "new"]);
    assert_eq!(replace::rename(&path, &temporary, b"old").unwrap(), Replaced::Done);
    assert_eq!((desk.read("a.md").as_str(), desk.names().len()), ("new", 1));
}

#[tokio::test]
async fn a_leftover_of_a_crash_is_ignored_and_replaced() {
    let desk = Desk::new();
    desk.write("a.md", "+++\ntitle = \"x\"\n+++\n");
    desk.write(".a.md.factory-tmp", "+++\ntitle = \"hal");
    fs::set_permissions(desk.path(".a.md.factory-tmp"), fs::Permissions::from_mode(0o000)).unwrap();
    assert_eq!(desk.item().await.title, "x");
    desk.update(&wish("a", 1, None)).await;
    assert_eq!(desk.names(), ["a.md"]);
}

#[tokio::test]
async fn a_refused_write_leaves_the_file_and_says_where() {
    let desk = Desk::new();
    let before = "+++\ntitle = \"x\"\n+++\n";
    desk.write("a.md", before);
    // A directory in the way refuses root as well.
    desk.write(".a.md.factory-tmp/in-the-way", "");
    let failure = desk.failed_update(&wish("a", 1, None)).await.failure();
    assert!(failure.message.contains(".a.md.factory-tmp: "), "{}", failure.message);
    assert_eq!(desk.read("a.md"), before);
}

#[tokio::test]
async fn a_read_only_directory_is_a_mistake_of_the_configuration() {
    let desk = Desk::new();
    desk.write("a.md", "+++\ntitle = \"x\"\n+++\n");
    fs::set_permissions(desk.directory.path(), fs::Permissions::from_mode(0o500)).unwrap();
    let root = fs::write(desk.path("probe"), "").is_ok();
    let result = desk.tracker.update(&wish("a", 1, None)).await;
    fs::set_permissions(desk.directory.path(), fs::Permissions::from_mode(0o700)).unwrap();
    match result {
        Ok(updated) => assert!(root && !updated.already),
        Err(error) => {
            assert!(!root, "{error}");
            let failure = error.failure();
            assert_eq!(failure.class, FailureClass::Configuration);
            assert!(failure.message.contains("permission on the directory"), "{}", failure.message);
        }
    }
}

#[tokio::test]
async fn another_process_that_is_writing_is_waited_for_by_trying_again() {
    let desk = Desk::new();
    desk.write("a.md", "+++\ntitle = \"x\"\n+++\n");
    let lock = super::super::lock(desk.directory.path()).unwrap();
    let error = desk.failed_update(&wish("a", 1, None)).await;
    assert!(matches!(error, TrackerError::Busy { .. }), "{error}");
    assert_eq!(error.failure().class, FailureClass::Infrastructure);
    drop(lock);
    assert!(!desk.update(&wish("a", 1, None)).await.already);
}

#[tokio::test]
async fn an_update_is_remembered_by_the_file_itself() {
    let desk = Desk::new();
    desk.write("a.md", "+++\ntitle = \"x\"\n+++\n");
    let first = desk.update(&wish("a", 1, Some(ItemState::InProgress))).await;
    let restarted = LocalTracker::new(LocalSettings::new(desk.directory.path()));
    let second = restarted.update(&wish("a", 1, Some(ItemState::InProgress))).await.unwrap();
    assert!(second.already);
    assert_eq!(second.current, first.current);
}

#[tokio::test]
async fn a_log_that_would_make_the_file_unreadable_is_not_written() {
    let desk = Desk::new();
    let mut text = "+++\ntitle = \"x\"\n+++\n\n## Factory\n\n".to_owned();
    let mut number = 10;
    while text.len() + 100 < 4 * 1024 * 1024 {
        text.push_str(&line("a", number));
        text.push('\n');
        number += 1;
    }
    desk.write("a.md", &text);
    assert_eq!(desk.item().await.body, "");
    let mut last = wish("a", 1, None);
    last.entry = "x".repeat(400);
    let error = desk.failed_update(&last).await;
    assert!(matches!(error, TrackerError::Unwritable { .. }), "{error}");
    assert_eq!(desk.read("a.md"), text);
}

#[tokio::test]
async fn concurrent_updates_of_one_item_all_arrive_once() {
    let desk = Desk::new();
    desk.write("a.md", "+++\ntitle = \"x\"\n+++\n");
    let wishes: Vec<_> = (1..=5).map(|number| wish("a", number, None)).collect();
    let (one, two, three, four, five, again) = tokio::join!(
        desk.update(&wishes[0]),
        desk.update(&wishes[1]),
        desk.update(&wishes[2]),
        desk.update(&wishes[3]),
        desk.update(&wishes[4]),
        desk.update(&wishes[0]),
    );
    let already = [one, two, three, four, five, again].iter().filter(|done| done.already).count();
    assert_eq!(already, 1);
    assert_eq!(desk.read("a.md").matches("<!-- factory:").count(), 5);
}

#[test]
fn a_child_that_is_just_being_started_does_not_keep_the_directory_locked() {
    let desk = Desk::new();
    let held = lock(desk.directory.path()).unwrap().unwrap();
    // What a child has of ours between fork and exec.
    let inherited = held.0.try_clone().unwrap();
    drop(held);
    assert!(lock(desk.directory.path()).is_ok());
    drop(inherited);
}
