//! What can be done without a daemon.

use super::factory::{APPROVED, Factory};

/// A factory with one local item on record and no daemon running.
fn with_item(more: &str) -> Factory {
    let factory = Factory::with_script(APPROVED);
    let items = factory.path("items");
    std::fs::create_dir(&items).unwrap();
    std::fs::write(items.join("A-1.md"), "+++\ntitle = \"First\"\n+++\nDo it.\n").unwrap();
    let repository = factory.path("repository").display().to_string();
    factory.configure(&format!(
        "[local]\ndirectory = \"items\"\n[[projects]]\nname = \"demo\"\npath = \"{repository}\"\n{more}"
    ));
    let daemon = factory.start();
    super::factory::eventually("the item is on record", || {
        factory.json(&["status"])["status"]["items"][0]["id"] == "local/A-1"
    });
    assert_eq!(daemon.stop(), Some(0));
    factory
}

#[test]
fn status_says_that_nothing_is_on_record_and_what_to_do() {
    let factory = Factory::with_script(APPROVED);
    let ended = factory.run(&["status"]).code(1);
    let said = String::from_utf8_lossy(&ended.get_output().stderr).into_owned();
    assert!(said.contains("nothing on record") && said.contains("enact-factory start"), "{said}");
    assert!(!factory.state().exists(), "looking must not make a state directory");
}

#[test]
fn status_and_why_read_the_record_when_no_daemon_runs_and_say_so() {
    let factory = with_item("");
    let ended = factory.run(&["status"]).code(0);
    let said = String::from_utf8_lossy(&ended.get_output().stdout).into_owned();
    assert!(said.contains("no daemon is running"), "{said}");
    assert!(said.contains("A-1") && said.contains("First"), "{said}");
    assert!(said.contains("autonomous work is switched off"), "{said}");
    let status = factory.json(&["status"]);
    assert!(status["daemon"].is_null());
    let why = factory.json(&["why", "a-1"]);
    assert_eq!(why["daemon"], false);
    assert_eq!(why["explanation"]["held"][0]["gate"], "autonomy");
    let ended = factory.run(&["why", "B-2"]).code(1);
    assert!(String::from_utf8_lossy(&ended.get_output().stderr).contains("`B-2`"));
}

#[test]
fn an_approval_without_a_daemon_is_on_record_and_starts_nothing() {
    let factory = with_item("[autonomous]\nenabled = true\napproval = true\n");
    let waits = factory.json(&["why", "A-1"]);
    assert_eq!(waits["explanation"]["held"][0]["gate"], "approval", "{waits}");
    let ended = factory.run(&["approve", "A-1"]).code(0);
    let output = ended.get_output();
    assert!(String::from_utf8_lossy(&output.stdout).contains("local/A-1: approved"));
    assert!(String::from_utf8_lossy(&output.stderr).contains("no daemon is running"));
    let after = factory.json(&["status"]);
    assert_eq!(after["status"]["items"][0]["status"], "pending");
    assert_eq!(after["status"]["runs"].as_array().unwrap().len(), 0, "{after}");
    let trace = factory.run(&["receipts", "trace", "work/local/A-1"]).code(0);
    let said = String::from_utf8_lossy(&trace.get_output().stdout).into_owned();
    assert!(
        said.contains("work_item.approval_given") && said.contains("human:cli:tester"),
        "{said}"
    );
    factory.run(&["receipts", "verify"]).code(0);
    let daemon = factory.start();
    super::factory::eventually("the approved item is done", || {
        factory.json(&["status"])["status"]["items"][0]["status"] == "done"
    });
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn pause_cancel_and_retry_without_a_daemon_are_on_record() {
    let factory = with_item("");
    factory.run(&["pause"]).code(0);
    assert_eq!(factory.json(&["status"])["status"]["paused_by"], "human:cli:tester");
    factory.run(&["resume"]).code(0);
    assert!(factory.json(&["status"])["status"]["paused_by"].is_null());
    factory.run(&["cancel", "A-1"]).code(0);
    assert_eq!(factory.json(&["status"])["status"]["items"][0]["status"], "cancelled");
    let again = factory.run(&["cancel", "A-1"]).code(1);
    assert!(String::from_utf8_lossy(&again.get_output().stderr).contains("cancelled already"));
    let reply = factory.json(&["retry", "A-1", "--note", "once more"]);
    assert_eq!((&reply["accepted"], &reply["daemon"]), (&true.into(), &false.into()));
    assert_eq!(factory.json(&["status"])["status"]["items"][0]["status"], "pending");
    let ended = factory.run(&["heartbeat"]).code(1);
    assert!(String::from_utf8_lossy(&ended.get_output().stderr).contains("no daemon is running"));
}
