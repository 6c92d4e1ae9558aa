//! What people read when a tracker fails.

use std::io;
use std::path::PathBuf;

use super::in_memory::InMemoryTracker;
use super::{ItemProblem, Tracker, TrackerError};
use crate::domain::failure::FailureClass;

#[test]
fn a_read_only_directory_asks_for_permission_on_the_directory() {
    let error = TrackerError::Write {
        action: "write the temporary file",
        path: PathBuf::from("/items/.a.md.factory-tmp"),
        source: io::Error::from(io::ErrorKind::PermissionDenied),
    };
    let failure = error.failure();
    assert_eq!(failure.class, FailureClass::Configuration);
    assert_eq!(
        failure.message,
        "cannot write the temporary file /items/.a.md.factory-tmp: permission denied (the user the \
         factory runs as needs read, write and search permission on the directory, not only on the \
         files)"
    );
}

#[test]
fn a_full_disk_is_tried_again() {
    let source = io::Error::from(io::ErrorKind::StorageFull);
    let error = TrackerError::write("write the temporary file", &PathBuf::from("x"), source);
    assert_eq!(error.failure().class, FailureClass::Infrastructure);
}

#[test]
fn a_problem_reads_like_a_compiler_message() {
    let mut problem = ItemProblem {
        file: PathBuf::from("items/a.md"),
        line: Some(3),
        column: Some(9),
        reason: "unknown key `stat`".to_owned(),
        hint: Some("did you mean `state`?".to_owned()),
    };
    let text = "items/a.md:3:9: unknown key `stat` (did you mean `state`?)";
    assert_eq!(problem.to_string(), text);
    problem.line = None;
    problem.column = None;
    problem.hint = None;
    assert_eq!(problem.to_string(), "items/a.md: unknown key `stat`");
}

#[tokio::test]
async fn a_refused_call_fails_once() {
    let tracker = InMemoryTracker::new("memory");
    tracker.refuse_next("the network is down");
    let error = tracker.list().await.unwrap_err();
    assert_eq!(error.failure().class, FailureClass::Infrastructure);
    assert_eq!(error.to_string(), "the tracker memory is out of reach: the network is down");
    assert!(tracker.list().await.is_ok());
}
