//! Mistakes: told with their place and a way out, while everything else goes on.

use std::fs;
use std::os::unix::fs::symlink;

use super::super::{LocalSettings, LocalTracker};
use super::Desk;
use crate::domain::failure::FailureClass;
use crate::domain::ids::ItemId;
use crate::trackers::Tracker;

#[tokio::test]
async fn every_mistake_of_a_file_is_told_with_its_place_and_the_others_go_on() {
    let desk = Desk::new();
    desk.write("good.md", "+++\ntitle = \"Good\"\n+++\n");
    desk.write(
        "bad.md",
        "+++\ntitle = \"é\"\nstat = \"todo\"\nstate = \"redy\"\npriority = \"hihg\"\n\
         lane = \"autopilto\"\nlabels = \"bug\"\nblocked_by = [\"a b\", 3]\nid = \"a/b\"\n\
         parent = \"\"\nzzz = 1\n+++\n",
    );
    let listing = desk.list().await;
    assert_eq!(listing.items.len(), 1);
    assert_eq!(listing.unreadable, [ItemId::new("local/bad")]);
    insta::assert_snapshot!(desk.problems().await, @r#"
    bad.md:3:1: unknown key `stat` (did you mean `state`?)
    bad.md:4:9: `state` cannot be "redy" (it is one of Todo, In Progress, In Review, Blocked, Done, Cancelled)
    bad.md:5:12: `priority` cannot be "hihg" (did you mean "high"?)
    bad.md:6:8: `lane` cannot be "autopilto" (did you mean "autopilot"?)
    bad.md:7:10: `labels` must be a list of texts, found string (write `labels = ["…", "…"]`)
    bad.md:8:15: `blocked_by`: "a b" may only consist of letters, digits, `.`, `_` and `-`
    bad.md:8:22: `blocked_by` must be a list of texts, found integer in it (write `blocked_by = ["…", "…"]`)
    bad.md:9:6: `id` may only consist of letters, digits, `.`, `_` and `-`
    bad.md:10:10: `parent` is empty (give it a value or remove the line)
    bad.md:11:1: unknown key `zzz` (the keys are id, title, state, priority, labels, lane, blocked_by, parent, project, author, created)
    "#);
}

#[tokio::test]
async fn broken_toml_is_told_with_its_line() {
    let desk = Desk::new();
    for (content, expected) in [
        ("+++\ntitle = \"x\nlane = \"none\"\n+++\n", "a.md:2:"),
        ("+++\ntitle = \"x\"\ntitle = \"y\"\n+++\n", "a.md:3:1: duplicate key"),
        ("+++\ntitle = \"x\"\n[table]\n+++\n", "a.md:3:2: unknown key `table`"),
        ("+++\ntitle = \"x\"\n", "a.md:1:1: the front matter that begins here has no end"),
        ("# Just text\n", "a.md:1:1: the first line is not `+++`"),
        ("", "a.md:1:1: the first line is not `+++`"),
        ("+++\n+++\nno title", "a.md:2:1: the item has no title"),
    ] {
        desk.write("a.md", content);
        let problems = desk.problems().await;
        assert!(problems.starts_with(expected), "{content:?}: {problems}");
        assert!(problems.contains('('), "no hint: {problems}");
    }
}

#[tokio::test]
async fn bytes_that_are_not_text_are_told_with_their_line() {
    let desk = Desk::new();
    desk.write("a.md", b"+++\ntitle = \"x\"\n+++\nab\xFFc\n");
    let problems = desk.problems().await;
    assert_eq!(problems, "a.md:4:3: the file is not UTF-8 text here (save it as UTF-8)");
}

#[tokio::test]
async fn a_huge_file_is_reported_and_still_known_by_its_name() {
    let desk = Desk::new();
    let text = format!("+++\nid = \"BIG\"\ntitle = \"x\"\n+++\n{}", "a".repeat(1024 * 1024));
    desk.write("a.md", &text);
    desk.write("b.md", text.repeat(5).replace("BIG", "BIGGER"));
    let listing = desk.list().await;
    assert_eq!(listing.unreadable, [ItemId::new("local/BIG"), ItemId::new("local/BIGGER")]);
    assert!(listing.items.is_empty());
    for problem in &listing.problems {
        assert_eq!(problem.reason, "the file is larger than 96 KiB and was not read");
    }
    assert_eq!(listing.problems.len(), 2);
}

#[tokio::test]
async fn two_files_with_one_identifier_are_both_reported_and_neither_runs() {
    let desk = Desk::new();
    desk.write("a.md", "+++\ntitle = \"x\"\nid = \"b\"\n+++\n");
    desk.write("b.md", "+++\ntitle = \"y\"\n+++\n");
    desk.write("c.md", "+++\ntitle = \"z\"\n+++\n");
    let listing = desk.list().await;
    assert_eq!(listing.items.len(), 1);
    assert_eq!(listing.unreadable, [ItemId::new("local/b")]);
    insta::assert_snapshot!(desk.problems().await, @r#"
    a.md:3:6: the identifier b is also used by b.md; none of them is run (give each file an `id` of its own)
    b.md: the identifier b is also used by a.md; none of them is run (give each file an `id` of its own)
    "#);
    let error = desk.failed_update(&super::wish("b", 1, None)).await;
    assert!(error.to_string().contains("is also used by"), "{error}");
    desk.write("a.md", "+++\ntitle = \"x\"\nid = \"a\"\n+++\n");
    assert_eq!(desk.list().await.items.len(), 3);
}

#[tokio::test]
async fn identifiers_that_cannot_be_names_are_refused() {
    let desk = Desk::new();
    for identifier in ["..", "a/b", "a b", "é", "-", &"x".repeat(129)] {
        desk.write("a.md", format!("+++\ntitle = \"x\"\nid = \"{identifier}\"\n+++\n"));
        let problems = desk.problems().await;
        assert!(problems.starts_with("a.md:3:6: `id` "), "{identifier}: {problems}");
    }
    desk.write("a.md", "+++\ntitle = \"x\"\n+++\n");
    desk.write("my task.md", "+++\ntitle = \"x\"\n+++\n");
    let problems = desk.problems().await;
    assert!(problems.starts_with("my task.md: the file name is no identifier"), "{problems}");
}

#[tokio::test]
async fn links_that_leave_the_directory_are_not_followed() {
    let desk = Desk::new();
    let elsewhere = tempfile::tempdir().unwrap();
    fs::write(elsewhere.path().join("z.md"), "+++\ntitle = \"secret\"\n+++\n").unwrap();
    symlink(elsewhere.path().join("z.md"), desk.path("out.md")).unwrap();
    symlink(elsewhere.path(), desk.path("outside")).unwrap();
    symlink("nowhere", desk.path("dangling.md")).unwrap();
    symlink("nowhere", desk.path("dangling.txt")).unwrap();
    desk.write("a.md", "+++\ntitle = \"x\"\n+++\n");
    symlink("a.md", desk.path("same.md")).unwrap();
    symlink(".", desk.path("loop")).unwrap();
    let listing = desk.list().await;
    assert_eq!(listing.items.len(), 1);
    insta::assert_snapshot!(desk.problems().await, @r#"
    dangling.md: is a link that leads nowhere: No such file or directory (os error 2)
    out.md: is a link that leaves the directory and was not followed (put the file itself here)
    outside: is a link that leaves the directory and was not followed (put the file itself here)
    "#);
}

#[tokio::test]
async fn a_pipe_with_the_name_of_an_item_does_not_hang() {
    let desk = Desk::new();
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    let kind = rustix::fs::FileType::Fifo;
    rustix::fs::mknodat(rustix::fs::CWD, desk.path("a.md"), kind, mode, 0).unwrap();
    assert_eq!(desk.problems().await, "a.md: is not an ordinary file");
}

#[tokio::test]
async fn a_missing_directory_is_a_mistake_of_the_configuration() {
    let desk = Desk::new();
    let tracker = LocalTracker::new(LocalSettings::new(desk.path("absent")));
    let failure = tracker.list().await.unwrap_err().failure();
    assert_eq!(failure.class, FailureClass::Configuration);
    assert!(failure.message.contains("absent: "), "{}", failure.message);
    assert!(failure.message.contains("(create it, or correct the path"), "{}", failure.message);
}
