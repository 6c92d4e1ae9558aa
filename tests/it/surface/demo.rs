//! `demo`: the built program, judged from outside by what it leaves behind.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use super::factory::{Factory, PATIENCE, eventually, signal};

/// The demo with its directory inside the factory's.
fn demo(factory: &Factory, more: &[&str]) -> Command {
    let directory = factory.path("demo");
    let arguments = [&["demo", "--dir", directory.to_str().unwrap()], more].concat();
    let mut command = factory.command(&arguments);
    // What is meant for the user's own factory must not reach the demo's.
    command.env("ENACT_FACTORY_DAEMON__STATE_DIR", factory.path("another-state"));
    command
}

fn git(repository: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git").arg("-C").arg(repository).args(arguments).output().unwrap();
    assert!(output.status.success(), "git {arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn text(output: &Output) -> String {
    let (out, errors) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    format!("{out}{errors}")
}

/// Processes that carry the mark of a run of this state directory.
fn marked(state: &Path) -> Vec<String> {
    let instance = fs::read_to_string(state.join("instance-id")).unwrap();
    let prefix = enact_factory::process::marker::instance_prefix(instance.trim());
    let found = enact_factory::process::recovery::find_marked(&prefix).unwrap();
    found.iter().map(|identity| identity.pid.to_string()).collect()
}

#[test]
fn the_demo_leaves_what_it_says_it_leaves() {
    let factory = Factory::empty();
    let output =
        assert_cmd::Command::from_std(demo(&factory, &[])).timeout(PATIENCE * 5).output().unwrap();
    let said = text(&output);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("The agent is scripted: no model, no account, no cost."), "{said}");
    assert!(said.contains("kill -9"), "{said}");
    assert!(!factory.path("another-state").exists(), "an override reached the demo's daemon");

    let root = factory.path("demo");
    let repository = root.join("greeter");
    let merged = git(&repository, &["log", "--first-parent", "--merges", "--format=%s", "main"]);
    let mut merged: Vec<&str> =
        merged.lines().filter_map(|subject| subject.split(':').next()).collect();
    merged.sort_unstable();
    let wanted = [1, 2, 4, 5, 7].map(|number| format!("Merge DEMO-{number}"));
    assert_eq!(merged, wanted, "{said}");
    let greeting = git(&repository, &["show", "main:greet.sh"]);
    assert!(greeting.contains("Hello") && greeting.contains("\"${@:-world}\""), "{greeting}");
    let tests = git(&repository, &["show", "main:tests/count.sh"]);
    assert!(tests.contains("count.sh -l"), "the rejected change is in, or the revised is not");

    for (number, state) in [
        (1, "Done"),
        (2, "Done"),
        (3, "Blocked"),
        (4, "Done"),
        (5, "Done"),
        (6, "Todo"),
        (7, "Done"),
    ] {
        let item = fs::read_to_string(root.join(format!("work-items/DEMO-{number}.md"))).unwrap();
        let written = item.lines().find_map(|line| line.strip_prefix("state = "));
        assert_eq!(written.unwrap_or("\"Todo\"").trim_matches('"'), state, "{item}");
        assert_eq!(item.contains("## Factory"), number != 6, "{item}");
    }

    assert_eq!(marked(&root.join("state")), Vec::<String>::new());
    let config = root.join("config.toml");
    let ask = |words: &[&str]| -> Value {
        factory.json(&[&["--config", config.to_str().unwrap()], words].concat())
    };
    let held = ask(&["why", "DEMO-6"]);
    assert!(held.to_string().contains("\"lane\""), "{held}");
    factory.run(&["--config", config.to_str().unwrap(), "receipts", "verify"]).code(0);
}

#[test]
fn an_interrupted_demo_leaves_no_process() {
    let factory = Factory::empty();
    let mut child =
        demo(&factory, &[]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let root = factory.path("demo");
    eventually("an agent is at work", || root.join("marks/agent-at-work").exists());
    signal(&child, rustix::process::Signal::TERM);
    let mut ended = None;
    eventually("the demo has ended", || {
        ended = child.try_wait().unwrap();
        ended.is_some()
    });
    assert_eq!(ended.and_then(|status| status.code()), Some(130));
    assert_eq!(marked(&root.join("state")), Vec::<String>::new());
    let daemon = fs::read_to_string(root.join("state/daemon.lock")).unwrap_or_default();
    let lock = fs::File::open(root.join("state/daemon.lock")).unwrap();
    eventually("the daemon is gone", || lock.try_lock().is_ok());
    assert!(daemon.contains("process"), "{daemon}");
}

#[test]
fn a_directory_with_something_in_it_is_left_alone() {
    let factory = Factory::empty();
    fs::create_dir(factory.path("demo")).unwrap();
    fs::write(factory.path("demo/mine.txt"), "mine").unwrap();
    let output = demo(&factory, &[]).output().unwrap();
    assert_eq!(output.status.code(), Some(64), "{}", text(&output));
    assert_eq!(fs::read_dir(factory.path("demo")).unwrap().count(), 1);
}

#[test]
fn a_real_agent_that_is_not_there_is_not_asked_to_work() {
    let factory = Factory::empty();
    let output = demo(&factory, &["--agent", "claude"]).env("PATH", "/nowhere").output().unwrap();
    let said = text(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("claude is not in the PATH"), "{said}");
    assert!(!factory.path("demo").exists(), "nothing was begun");
}
