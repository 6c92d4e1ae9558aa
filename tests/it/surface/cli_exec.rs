//! `run` and `exec` on a real repository with the scripted agent.

use std::process::Stdio;
use std::time::Instant;

use serde_json::Value;

use super::factory::{APPROVED, Factory, Talk, eventually, signal};

const REJECTED: &str = r#"
[[step]]
stage = "coder"
actions = [
  { write = { path = "hello.txt", text = "hello\n" } },
  { answer = '{"summary": "Wrote it."}' },
]
[[step]]
stage = "critic"
actions = [
  { answer = '{"nonce": "{{nonce}}", "verdict": "REJECT", "commit": "{{commit}}", "findings": [{"severity": "blocker", "file": "hello.txt", "line": 1, "problem": "not wanted"}], "criteria": []}' },
]
"#;

const HANGS: &str = r#"
[[step]]
actions = [ { write = { path = "hello.txt", text = "hello\n" } }, { linger = "sleep 600" }, "hang" ]
"#;

fn result_of(stdout: &[u8]) -> Value {
    serde_json::from_slice(stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(stdout)))
}

#[test]
fn exec_succeeds_with_zero_and_leaves_the_change_on_its_branch() {
    let factory = Factory::with_script(APPROVED);
    let ended = factory.run(&["exec", "say hello", "--path", "repository", "--json"]).code(0);
    let result = result_of(&ended.get_output().stdout);
    assert_eq!(result["success"], true);
    assert_eq!(result["outcome"], "succeeded");
    assert_eq!(result["delivered"]["kind"], "branch");
    assert_eq!(result["usage"]["cost_micro_usd"], 5000, "the cost of both turns: {result}");
    assert_eq!(result["turns"], 2);
    assert_eq!(result["summary"], "Wrote hello.txt.");
    let branch = result["branch"].as_str().unwrap();
    assert_eq!(factory.git(&["show", &format!("{branch}:hello.txt")]), "hello");
    assert_eq!(factory.git(&["status", "--porcelain"]), "", "the checkout was touched");
    factory.run(&["receipts", "verify"]).code(0);
    assert!(Talk::to(&factory.state()).is_none(), "the process was a daemon only for its task");
}

#[test]
fn exec_in_plain_words_says_what_came_of_it() {
    let factory = Factory::with_script(APPROVED);
    let ended =
        factory.run(&["exec", "say hello", "--path", "repository", "--executor-only"]).code(0);
    let said = String::from_utf8_lossy(&ended.get_output().stdout).into_owned();
    for words in ["succeeded", "delivered on branch factory/task-", "1 round, 1 turn, ", "$0.0040"]
    {
        assert!(said.contains(words), "{words} is missing in {said}");
    }
}

#[test]
fn exec_fails_with_one_and_says_what_is_open() {
    let factory = Factory::with_script(REJECTED);
    let ended = factory.run(&["exec", "say hello", "--path", "repository"]).code(1);
    let said = String::from_utf8_lossy(&ended.get_output().stdout).into_owned();
    assert!(said.contains("rejected") && said.contains("hello.txt:1: not wanted"), "{said}");
    assert!(said.contains("enact-factory retry task-"), "{said}");
}

#[test]
fn exec_times_out_with_two_and_the_work_is_cancelled_with_its_processes() {
    let factory = Factory::with_script(HANGS);
    let begun = Instant::now();
    let arguments = ["exec", "say hello", "--path", "repository", "--timeout", "2", "--json"];
    let ended = factory.run(&arguments).code(2);
    assert!(begun.elapsed() < super::factory::PATIENCE, "took {:?}", begun.elapsed());
    let result = result_of(&ended.get_output().stdout);
    assert_eq!(result["outcome"], "timed out after 2 s");
    let status = factory.json(&["status"]);
    assert_eq!(status["status"]["items"][0]["status"], "cancelled", "{status}");
    assert_eq!(status["status"]["runs"].as_array().unwrap().len(), 0);
    let run = result["run"].as_str().unwrap();
    let survivors = marked_processes(run);
    assert!(survivors.is_empty(), "still running: {survivors:?}");
}

/// Processes that carry a run's mark in their environment.
fn marked_processes(run: &str) -> Vec<u32> {
    let Ok(listing) = std::fs::read_dir("/proc") else { return Vec::new() };
    let processes = listing.flatten().filter_map(|it| it.file_name().to_str()?.parse().ok());
    let is_marked = |process: &u32| {
        std::fs::read(format!("/proc/{process}/environ"))
            .is_ok_and(|bytes| String::from_utf8_lossy(&bytes).contains(run))
    };
    processes.filter(is_marked).collect()
}

#[test]
fn exec_uses_the_running_daemon_and_local_does_not() {
    let factory = Factory::with_script(APPROVED);
    let daemon = factory.start();
    let ended = factory.run(&["exec", "say hello", "--path", "repository", "--json"]).code(0);
    let result = result_of(&ended.get_output().stdout);
    let status = factory.json(&["status"]);
    assert_eq!(status["daemon"]["process"], daemon.process());
    assert_eq!(status["status"]["items"][0]["id"], result["item"]);
    let local = factory.run(&["exec", "say it again", "--path", "repository", "--local", "--json"]);
    local.code(0);
    let after = factory.json(&["status"]);
    assert_eq!(after["status"]["items"].as_array().unwrap().len(), 1, "{after}");
    assert!(factory.state().join("local/factory.db").is_file());
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn several_at_once_without_a_daemon_all_end_well() {
    let factory = Factory::with_script(APPROVED);
    let arguments = |text: &'static str| ["exec", text, "--path", "repository", "--json"];
    let texts = ["say hello", "say hello to Ann", "say hello to Bob"];
    let children: Vec<_> = texts
        .map(|text| {
            let mut command = factory.command(&arguments(text));
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        })
        .into_iter()
        .collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{output:?}");
        assert_eq!(result_of(&output.stdout)["success"], true);
    }
    factory.run(&["receipts", "verify"]).code(0);
}

#[test]
fn run_tells_each_step_in_plain_lines() {
    let factory = Factory::with_script(APPROVED);
    let ended = factory.run(&["run", "say hello", "-p", "repository"]).code(0);
    let said = String::from_utf8_lossy(&ended.get_output().stdout).into_owned();
    let steps = [
        "task task-",
        "attempt 1 in ",
        "branch factory/task-",
        "round 1: coder begins (player",
        "coder done: 1 file, +1 −0",
        "round 1: critic begins (player",
        "verdict APPROVE, 0 findings",
        "delivered on branch",
        "succeeded",
    ];
    let mut rest = said.as_str();
    for step in steps {
        let (_, after) = rest.split_once(step).unwrap_or_else(|| panic!("{step} in {said}"));
        rest = after;
    }
    assert!(!said.contains('\x1b'), "escape sequences without a terminal: {said:?}");
}

#[test]
fn run_as_json_is_one_object_per_line_with_the_result_last() {
    let factory = Factory::with_script(APPROVED);
    let ended = factory.run(&["run", "say hello", "-p", "repository", "--json"]).code(0);
    let said = String::from_utf8_lossy(&ended.get_output().stdout).into_owned();
    let lines: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (last, events) = lines.split_last().unwrap();
    assert_eq!((&last["kind"], &last["success"]), (&"result".into(), &true.into()));
    assert!(events.iter().all(|line| line["kind"] == "event"));
    assert_eq!(events[0]["event"]["type"], "work_item.created");
    let numbers: Vec<u64> =
        events.iter().map(|line| line["event"]["gseq"].as_u64().unwrap()).collect();
    assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
}

#[test]
fn an_interrupted_run_keeps_its_work_and_continues_with_the_next_daemon() {
    let script = r#"
[[step]]
stage = "coder"
unless_file = "{{script_dir}}/go"
actions = [ { write = { path = "hello.txt", text = "hel" } }, { write = { path = "{{script_dir}}/begun", text = "" } }, "hang" ]
"#;
    let factory = Factory::with_script(&format!("{script}{APPROVED}"));
    let mut command = factory.command(&["run", "say hello", "-p", "repository"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    eventually("the coder is at work", || factory.path("begun").exists());
    signal(&child, rustix::process::Signal::INT);
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(130), "{said}");
    assert!(said.contains("the work is kept"), "{said}");
    let status = factory.json(&["status"]);
    assert_eq!(status["status"]["items"][0]["status"], "in_flight", "{status}");
    std::fs::write(factory.path("go"), "").unwrap();
    let daemon = factory.start();
    eventually("the task is done", || {
        factory.json(&["status"])["status"]["items"][0]["status"] == "done"
    });
    let status = factory.json(&["status"]);
    assert_eq!(status["status"]["items"][0]["attempts"], 0, "{status}");
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn interrupting_twice_ends_at_once() {
    let factory = Factory::with_script(
        "[[step]]\nactions = [ \"ignore_terminate\", { write = { path = \"{{script_dir}}/begun\", text = \"\" } }, \"hang\" ]\n",
    );
    let mut command = factory.command(&["run", "say hello", "-p", "repository"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    eventually("the coder is at work", || factory.path("begun").exists());
    signal(&child, rustix::process::Signal::INT);
    let begun = Instant::now();
    let mut ended = None;
    eventually("the process has ended", || {
        ended = child.try_wait().unwrap();
        if ended.is_none() {
            signal(&child, rustix::process::Signal::INT);
        }
        ended.is_some()
    });
    assert_eq!(ended.unwrap().code(), Some(130));
    assert!(begun.elapsed().as_secs() < 5, "took {:?}", begun.elapsed());
    let instance = std::fs::read_to_string(factory.state().join("instance-id")).unwrap();
    eventually("nothing is left", || marked_processes(instance.trim()).is_empty());
}

#[test]
fn a_task_that_cannot_start_says_why_instead_of_waiting_for_ever() {
    let factory = Factory::with_script(APPROVED);
    factory.run(&["exec", "first", "--path", "repository"]).code(0);
    factory.run(&["pause"]).code(0);
    let ended = factory.run(&["exec", "say hello", "--path", "repository"]).code(1);
    let said = String::from_utf8_lossy(&ended.get_output().stderr).into_owned();
    assert!(
        said.contains("cannot start: paused") && said.contains("enact-factory resume"),
        "{said}"
    );
}

#[test]
fn mistakes_are_found_before_anything_is_started() {
    let factory = Factory::with_script(APPROVED);
    let ended = factory.run(&["exec", "x", "--path", "home"]).code(1);
    assert!(
        String::from_utf8_lossy(&ended.get_output().stderr).contains("not in a git repository")
    );
    let ended = factory.run(&["exec", "x", "--path", "nowhere"]).code(1);
    assert!(String::from_utf8_lossy(&ended.get_output().stderr).contains("--path"));
    factory.run(&["exec", "  ", "--path", "repository"]).code(64);
    assert!(!factory.state().exists());
}
