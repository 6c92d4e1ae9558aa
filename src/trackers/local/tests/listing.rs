//! Reading: what becomes an item, and what is no change.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::super::{LocalSettings, LocalTracker};
use super::Desk;
use crate::domain::failure::FailureClass;
use crate::domain::ids::{ItemId, ProjectId};
use crate::domain::time::Timestamp;
use crate::domain::work_item::{ItemState, Lane, Priority, Trust};
use crate::trackers::Tracker;

#[tokio::test]
async fn every_key_is_read() {
    let desk = Desk::new();
    desk.write(
        "x.md",
        r#"+++
id = "DEMO-1"
title = "  Fix  the parser "
state = "in_progress"
priority = "High"
labels = [" Bug", "bug", "", "UI"]
lane = "ralph"
blocked_by = ["DEMO-0", "github/owner/name#7", "DEMO-0"]
parent = "EPIC-1"
project = "site"
author = "Ann"
created = 2026-01-02T03:04:05+01:00
+++

# Heading

Do it.
"#,
    );
    let item = desk.item().await;
    assert_eq!(item.id, ItemId::new("local/DEMO-1"));
    assert_eq!(item.title, "Fix the parser");
    assert_eq!(item.state, ItemState::InProgress);
    assert_eq!(item.priority, Priority::High);
    assert_eq!(item.labels, ["bug", "ui"]);
    assert_eq!(item.lane, Lane::Ralph);
    let blockers = [ItemId::new("local/DEMO-0"), ItemId::new("github/owner/name#7")];
    assert_eq!(item.blocked_by, blockers);
    assert_eq!(item.parent, Some(ItemId::new("local/EPIC-1")));
    assert_eq!(item.project, Some(ProjectId::new("site")));
    assert_eq!(item.author.as_deref(), Some("Ann"));
    assert_eq!(item.created_at, Some(Timestamp(1_767_319_445_000)));
    assert_eq!(item.trust, Trust::Trusted);
    assert_eq!(item.body, "# Heading\n\nDo it.");
}

#[tokio::test]
async fn what_is_left_out_comes_from_the_file_and_the_settings() {
    let desk = Desk::new();
    desk.write("DEMO-2.md", "+++\n+++\ntext\n```\n# code\n```\n# Learn C# #\n");
    let settings = LocalSettings {
        directory: desk.directory.path().to_owned(),
        default_lane: Lane::Manual,
        default_project: Some(ProjectId::new("site")),
        trust: Trust::Untrusted,
        shared: false,
    };
    let tracker = LocalTracker::new(settings);
    assert_eq!(tracker.source(), "local");
    let item = tracker.list().await.unwrap().items.remove(0);
    assert_eq!(item.id, ItemId::new("local/DEMO-2"));
    assert_eq!(item.title, "Learn C#");
    assert_eq!((item.lane, item.trust), (Lane::Manual, Trust::Untrusted));
    assert_eq!(item.project, Some(ProjectId::new("site")));
    assert_eq!((item.state, item.priority), (ItemState::Todo, Priority::Medium));
    assert_eq!(item.created_at, None);
}

#[tokio::test]
async fn dates_may_be_written_in_several_ways() {
    let desk = Desk::new();
    for (written, expected) in [
        ("2026-01-02", 1_767_312_000_000),
        ("2026-01-02T00:00:01", 1_767_312_001_000),
        ("\"2026-01-02T01:00:00+01:00\"", 1_767_312_000_000),
    ] {
        desk.write("a.md", format!("+++\ntitle = \"x\"\ncreated = {written}\n+++\n"));
        assert_eq!(desk.item().await.created_at, Some(Timestamp(expected)), "{written}");
    }
    for written in ["12:00:00", "\"yesterday\"", "7", "\"2026-02-30\""] {
        desk.write("a.md", format!("+++\ntitle = \"x\"\ncreated = {written}\n+++\n"));
        let problems = desk.problems().await;
        assert!(problems.starts_with("a.md:3:11: `created` is not a date (write"), "{problems}");
    }
}

#[tokio::test]
async fn a_byte_order_mark_and_carriage_returns_are_no_mistake() {
    let desk = Desk::new();
    desk.write("a.md", "\u{FEFF}+++\r\ntitle = \"x\"\r\n+++\r\none\r\n\r\ntwo\r\n");
    let item = desk.item().await;
    assert_eq!((item.title.as_str(), item.body.as_str()), ("x", "one\n\ntwo"));
    desk.write("a.md", "\u{FEFF}+++\r\ntitle = \"x\"\r\nlane = 3\r\n+++\r\n");
    let problems = desk.problems().await;
    assert!(problems.starts_with("a.md:3:8: `lane` must be text in quotes, found integer"));
}

#[tokio::test]
async fn hidden_files_backups_and_other_endings_are_ignored() {
    let desk = Desk::new();
    for name in [
        ".x.swp",
        "x.md~",
        ".#x.md",
        "#x.md#",
        "x~.md",
        ".hidden.md",
        ".git/y.md",
        "notes.txt",
        ".x.md.factory-tmp",
        "x.md.kept-1",
    ] {
        desk.write(name, "+++\nbroken");
    }
    desk.write("x.MD", "+++\ntitle = \"x\"\n+++\n");
    assert_eq!(desk.item().await.id, ItemId::new("local/x"));
}

#[tokio::test]
async fn directories_are_walked_three_levels_down() {
    let desk = Desk::new();
    desk.write("one/two/three/a.md", "+++\ntitle = \"x\"\n+++\n");
    desk.write("one/two/three/four/b.md", "+++\ntitle = \"x\"\n+++\n");
    let listing = desk.list().await;
    assert_eq!(listing.items.len(), 1);
    let problems = desk.problems().await;
    let expected = "one/two/three/four: the directory is more than 3 levels down and was not read";
    assert_eq!(problems, expected);
}

#[tokio::test]
async fn unchanged_files_are_read_no_more_than_twice() {
    let desk = Desk::new();
    for number in 0..50 {
        desk.write(&format!("{number}.md"), "+++\ntitle = \"x\"\n+++\n");
    }
    for _ in 0..10 {
        assert_eq!(desk.list().await.items.len(), 50);
    }
    let reads = || desk.tracker.shared.catalogue().reads();
    assert_eq!(reads(), 100);
    desk.write("7.md", "+++\ntitle = \"y\"\n+++\n");
    assert_eq!(desk.list().await.items.iter().filter(|item| item.title == "y").count(), 1);
    assert_eq!(reads(), 101);
}

#[tokio::test]
async fn a_file_that_is_missing_for_a_moment_is_not_withdrawn() {
    let desk = Desk::new();
    desk.write("a.md", "+++\ntitle = \"x\"\n+++\n");
    let before = desk.list().await;
    fs::rename(desk.path("a.md"), desk.path("a.md~")).unwrap();
    let between = desk.list().await;
    assert_eq!((between.items.len(), between.unreadable), (0, vec![ItemId::new("local/a")]));
    let error = desk.failed_update(&super::wish("a", 1, None)).await;
    assert_eq!(error.failure().class, FailureClass::Infrastructure);
    fs::rename(desk.path("a.md~"), desk.path("a.md")).unwrap();
    assert_eq!(desk.list().await, before);
}

#[tokio::test]
async fn a_renamed_file_keeps_its_item() {
    let desk = Desk::new();
    desk.write("a.md", "+++\nid = \"A\"\ntitle = \"x\"\n+++\n");
    let before = desk.list().await;
    fs::create_dir(desk.path("later")).unwrap();
    fs::rename(desk.path("a.md"), desk.path("later/b.md")).unwrap();
    assert_eq!(desk.list().await, before);
    assert!(!desk.update(&super::wish("A", 1, None)).await.already);
}

#[tokio::test]
async fn a_torn_file_keeps_the_identifier_it_had() {
    let desk = Desk::new();
    desk.write("a.md", "+++\nid = \"A\"\ntitle = \"x\"\n+++\n");
    assert_eq!(desk.item().await.id, ItemId::new("local/A"));
    desk.write("a.md", "");
    assert_eq!(desk.list().await.unreadable, [ItemId::new("local/A")]);
    let fresh = LocalTracker::new(LocalSettings::new(desk.directory.path()));
    desk.write("a.md", "+++\nid = 'A' \ntitle = \"x\n+++\n");
    assert_eq!(fresh.list().await.unwrap().unreadable, [ItemId::new("local/A")]);
}

#[tokio::test]
async fn a_directory_that_cannot_be_read_withdraws_nothing() {
    let desk = Desk::new();
    desk.write("sub/a.md", "+++\ntitle = \"x\"\n+++\n");
    assert_eq!(desk.list().await.items.len(), 1);
    fs::set_permissions(desk.path("sub"), fs::Permissions::from_mode(0o000)).unwrap();
    let readable_anyway = fs::read_dir(desk.path("sub")).is_ok();
    for _ in 0..3 {
        let listing = desk.list().await;
        let known = listing.items.len() + listing.unreadable.len();
        assert_eq!(known, 1);
        // Root reads everything.
        assert_eq!(listing.problems.is_empty(), readable_anyway);
    }
    fs::set_permissions(desk.path("sub"), fs::Permissions::from_mode(0o700)).unwrap();
    assert_eq!(desk.list().await.items.len(), 1);
}
