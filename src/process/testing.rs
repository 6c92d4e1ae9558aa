//! What the tests of this module share: scripts that are hard to end, and waiting on conditions.

use std::fs;
use std::path::Path;
use std::time::Duration;

use tokio::time::Instant;

use crate::process::process_table;

/// Longer than anything here takes on a busy machine.
const BOUND: Duration = Duration::from_secs(60);

/// Waits until `condition` holds.
pub(super) async fn until(mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + BOUND;
    while !condition() {
        assert!(Instant::now() < deadline, "the condition never came true");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Shell commands that start a process in a session of its own, which ignores SIGTERM and holds the output open, and wait
/// until it has noted its number in the file `name` of the working directory.
pub(super) fn stubborn(name: &str) -> String {
    format!("setsid sh -c '{}' & {}", stubborn_body(name), await_note(name))
}

/// What such a process does.
pub(super) fn stubborn_body(name: &str) -> String {
    format!(
        r#"trap "" TERM INT HUP; echo $$ > {name}.part; mv {name}.part {name}; exec sleep 1000"#
    )
}

/// Shell commands that wait for the note `name`.
pub(super) fn await_note(name: &str) -> String {
    format!("while [ ! -e {name} ]; do sleep 0.01; done;")
}

/// The number noted in the file `name` of `directory`, if it is there yet.
pub(super) fn noted(directory: &Path, name: &str) -> Option<u32> {
    let text = fs::read_to_string(directory.join(name)).ok()?;
    text.trim().parse().ok()
}

/// The number that must have been noted.
pub(super) fn noted_pid(directory: &Path, name: &str) -> u32 {
    noted(directory, name).unwrap()
}

/// Whether there is such a process and it has not ended.
pub(super) fn runs(pid: u32) -> bool {
    process_table::entry(pid).is_some_and(|entry| !entry.zombie)
}
