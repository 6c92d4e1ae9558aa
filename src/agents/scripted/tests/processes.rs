//! The engine in a process of its own, where it crashes, hangs and leaves things behind.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::agents::fixtures::{NOW, failure, judge};
use crate::agents::scripted::engine::{self, Cue};
use crate::agents::{ProcessEnd, TurnSummary};
use crate::domain::agent::AgentKind;
use crate::domain::failure::FailureClass;
use crate::process::capture::{Capture, Captured};
use crate::process::identity::{self, ProcessIdentity};
use crate::process::marker;

/// Names the script to [`stage_door`].
const SCRIPT: &str = "SCRIPT_TO_PLAY";

/// Not a test of its own: the entry for the processes that the other tests start from this same binary.
#[test]
#[expect(clippy::disallowed_methods, reason = "tells the child process from an ordinary test run")]
fn stage_door() {
    let Some(script) = std::env::var_os(SCRIPT) else { return };
    let cue = Cue::from_variables(&BTreeMap::new(), NOW);
    let told = engine::as_prompt("a prompt");
    let code = engine::play(Path::new(&script), &mut told.as_bytes(), &cue, &mut std::io::stdout());
    std::process::exit(code);
}

struct Place {
    directory: TempDir,
}

impl Place {
    fn new(actions: &str) -> Self {
        let directory = TempDir::new().expect("a directory");
        let script = format!("[[step]]\nactions = [{actions}]");
        std::fs::write(directory.path().join("script.toml"), script).expect("the script");
        Self { directory }
    }

    async fn run(&self, timeout: Duration) -> Captured {
        let directory = self.directory.path();
        let script = directory.join("script.toml").to_string_lossy().into_owned();
        let mark = format!("test-{}", directory.file_name().expect("a name").to_string_lossy());
        let env = [
            ("PATH", "/usr/local/bin:/usr/bin:/bin".to_owned()),
            (SCRIPT, script),
            (marker::VARIABLE, mark),
        ];
        let entry = "agents::scripted::tests::processes::stage_door";
        let capture = Capture {
            program: std::env::current_exe().expect("this binary"),
            args: ["--exact", entry, "--nocapture"].map(Into::into).into(),
            cwd: directory.to_owned(),
            env: env.map(|(name, value)| (name.to_owned(), value)).into(),
            stdin: None,
            timeout,
            max_output: 1 << 20,
        };
        capture.run(&CancellationToken::new()).await.expect("it runs")
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.directory.path().join(name)).expect("a file")
    }
}

const PATIENCE: Duration = Duration::from_secs(60);

fn summary(captured: &Captured) -> TurnSummary {
    let text = String::from_utf8_lossy(&captured.stdout).into_owned();
    let lines: Vec<&str> = text.lines().collect();
    let stderr = String::from_utf8_lossy(&captured.stderr).into_owned();
    let end = ProcessEnd {
        exit: captured.exit,
        stderr_tail: &stderr,
        answer: None,
        now: NOW,
        stopped: None,
    };
    judge(AgentKind::Scripted, &lines, end).1
}

#[tokio::test]
async fn a_crash_ends_the_process_by_that_signal() {
    for (word, number) in [("KILL", 9), ("SEGV", 11), ("ABRT", 6), ("TERM", 15)] {
        let place = Place::new(&format!("{{ say = 'before' }}, {{ crash = '{word}' }}"));
        let captured = place.run(PATIENCE).await;
        assert_eq!(captured.exit.signal, Some(number), "{captured:?}");
        let summary = summary(&captured);
        assert_eq!(failure(&summary).class, FailureClass::Infrastructure);
        assert_eq!(summary.text, "before");
    }
}

#[tokio::test]
async fn one_that_hangs_ends_at_sigterm_and_one_that_ignores_it_does_not() {
    let obedient = Place::new("{ say = 'x' }, { wait = 1 }, 'hang'");
    let captured = obedient.run(Duration::from_secs(1)).await;
    assert_eq!((captured.timed_out, captured.exit.signal), (true, Some(15)));

    let stubborn = Place::new(
        "'ignore_terminate', { run = 'kill -TERM $PPID; kill -TERM $PPID' }, { answer = 'still here' }",
    );
    let captured = stubborn.run(PATIENCE).await;
    assert_eq!(captured.exit.code, Some(0), "{captured:?}");
    assert_eq!(summary(&captured).text, "still here");
}

#[tokio::test]
async fn what_lingers_is_alive_after_the_turn_in_a_session_of_its_own() {
    let place = Place::new(
        r#"
        { linger = "echo $$ > pid.part; mv pid.part pid; exec sleep 1000" },
        { run = "while [ ! -e pid ]; do sleep 0.01; done; kill -0 $(cat pid) && echo alive > seen" },
        { answer = "done" },
        "#,
    );
    let captured = place.run(PATIENCE).await;
    assert_eq!(captured.exit.code, Some(0), "{captured:?}");
    assert_eq!(summary(&captured).text, "done");
    assert_eq!(place.read("seen"), "alive\n");
    // The mark in its environment is how it was found and ended; its own group was not the agent's.
    let pid: u32 = place.read("pid").trim().parse().expect("a number");
    let left = ProcessIdentity::of(pid).filter(identity::alive);
    assert_eq!(left, None);
}
