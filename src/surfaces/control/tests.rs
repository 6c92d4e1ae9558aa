use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncWriteExt as _, BufReader, duplex};

use super::lines::{Incoming, read_line};
use super::place;
use super::views::{HeldView, WaitingView};
use super::wire::{Envelope, EventView, PROTOCOL, Request};
use crate::domain::command::Command;
use crate::domain::event::Event;
use crate::domain::time::Timestamp;

#[tokio::test]
async fn a_line_that_comes_in_parts_is_whole_even_when_reading_was_given_up_in_between() {
    let (mut near, far) = duplex(64);
    let mut reader = BufReader::new(far);
    let mut buffer = Vec::new();
    near.write_all(b"one ").await.unwrap();
    let wait = Duration::from_millis(20);
    let early = tokio::time::timeout(wait, read_line(&mut reader, &mut buffer, 100)).await;
    assert!(early.is_err(), "there is no whole line yet");
    near.write_all(b"line\nnext\n").await.unwrap();
    for expected in ["one line", "next"] {
        let line = read_line(&mut reader, &mut buffer, 100).await.unwrap();
        assert_eq!(line, Incoming::Line(expected.as_bytes().to_vec()));
    }
    drop(near);
    assert_eq!(read_line(&mut reader, &mut buffer, 100).await.unwrap(), Incoming::End);
}

#[tokio::test]
async fn a_line_without_end_is_not_kept() {
    let mut reader = BufReader::new(&[b'x'; 1000][..]);
    let mut buffer = Vec::new();
    assert_eq!(read_line(&mut reader, &mut buffer, 100).await.unwrap(), Incoming::TooLong);
    assert!(buffer.len() <= 100);
}

#[test]
fn requests_look_as_documented() {
    let request = Request::Submit { command: Command::Pause, actor: "human:cli:ann".to_owned() };
    let envelope = Envelope { protocol: PROTOCOL, request };
    let written = serde_json::to_value(&envelope).unwrap();
    let documented = json!({
        "protocol": 1,
        "request": {
            "kind": "submit", "command": { "command": "pause" }, "actor": "human:cli:ann"
        }
    });
    assert_eq!(written, documented);
    assert_eq!(serde_json::from_value::<Envelope>(documented).unwrap(), envelope);
}

#[test]
fn times_are_text_with_milliseconds_and_come_back_the_same() {
    let until = Timestamp(1_790_000_000_123);
    let waiting = WaitingView { reason: "quota".to_owned(), until };
    let written = serde_json::to_value(&waiting).unwrap();
    assert_eq!(written["until"], "2026-09-21T14:13:20.123Z");
    assert_eq!(serde_json::from_value::<WaitingView>(written).unwrap(), waiting);
    let held = |until| HeldView {
        gate: "pace".to_owned(),
        reason: String::new(),
        until,
        released_by: None,
    };
    for held in [held(None), held(Some(until))] {
        let written = serde_json::to_value(&held).unwrap();
        assert_eq!(serde_json::from_value::<HeldView>(written).unwrap(), held);
    }
}

#[test]
fn events_come_out_as_they_went_in_and_unknown_ones_stay_unknown() {
    let view = |kind: &str, data| EventView {
        gseq: 1,
        stream: "ops/daemon".to_owned(),
        seq: 1,
        at: Timestamp(0),
        kind: kind.to_owned(),
        actor: "human:cli:ann".to_owned(),
        data,
    };
    let paused = view("ops.paused", Some(json!({ "by": "human:cli:ann" })));
    assert_eq!(paused.event(), Some(Event::Paused { by: "human:cli:ann".to_owned() }));
    assert_eq!(view("ops.danced", Some(json!({}))).event(), None);
    assert_eq!(view("ops.paused", None).event(), None);
}

#[test]
fn a_short_path_has_its_socket_inside_and_a_long_one_elsewhere() {
    let temporary = tempfile::Builder::new().prefix("s").tempdir_in("/tmp").unwrap();
    let root = temporary.path();
    assert_eq!(place::claim(root, root).unwrap(), root.join("control.sock"));
    assert_eq!(place::find(root), root.join("control.sock"));
    let long = root.join("x".repeat(100));
    std::fs::create_dir(&long).unwrap();
    let elsewhere = place::claim(&long, root).unwrap();
    assert!(elsewhere.starts_with(root) && !elsewhere.starts_with(&long), "{elsewhere:?}");
    assert_eq!(place::find(&long), elsewhere);
    let directory = elsewhere.parent().unwrap();
    assert_eq!(directory.metadata().unwrap().permissions().mode() & 0o777, 0o700);
}

#[test]
fn a_directory_that_others_prepared_is_not_used_for_the_socket() {
    let temporary = tempfile::Builder::new().prefix("s").tempdir_in("/tmp").unwrap();
    let long = temporary.path().join("x".repeat(100));
    std::fs::create_dir(&long).unwrap();
    let directory = place::claim(&long, temporary.path()).unwrap().parent().unwrap().to_owned();
    std::fs::set_permissions(&directory, std::fs::Permissions::from_mode(0o755)).unwrap();
    let error = place::claim(&long, temporary.path()).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::PermissionDenied);
    std::fs::remove_dir(&directory).unwrap();
    let target = temporary.path().join("target");
    std::fs::create_dir(&target).unwrap();
    std::os::unix::fs::symlink(&target, &directory).unwrap();
    place::claim(&long, temporary.path()).unwrap_err();
}

#[test]
fn what_lies_at_the_sockets_place_is_removed() {
    let temporary = tempfile::Builder::new().prefix("s").tempdir_in("/tmp").unwrap();
    let stale = temporary.path().join("control.sock");
    std::fs::File::create(&stale).unwrap().write_all(b"stale").unwrap();
    place::claim(temporary.path(), temporary.path()).unwrap();
    assert!(!stale.exists());
}
