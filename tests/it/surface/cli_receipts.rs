//! `receipts`.

use serde_json::Value;

use super::factory::{APPROVED, Factory};

fn with_a_finished_task() -> Factory {
    let factory = Factory::with_script(APPROVED);
    factory.run(&["exec", "say hello", "--path", "repository"]).code(0);
    factory
}

/// Changes the database behind the program's back.
fn tamper(factory: &Factory, statement: &str) {
    let database = rusqlite::Connection::open(factory.state().join("factory.db")).unwrap();
    let triggers: Vec<String> = database
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'trigger'")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    for trigger in triggers {
        database.execute_batch(&format!("DROP TRIGGER \"{trigger}\"")).unwrap();
    }
    assert!(database.execute(statement, []).unwrap() > 0, "nothing was changed");
}

#[test]
fn a_log_that_nobody_touched_is_verified_and_its_head_is_an_anchor() {
    let factory = with_a_finished_task();
    let report = factory.json(&["receipts", "verify"]);
    assert_eq!((&report["ok"], &report["problems_found"]), (&true.into(), &0.into()));
    let head = &report["head"];
    let anchor = format!("{}:{}", head["gseq"], head["hash"].as_str().unwrap());
    factory.run(&["exec", "say hello once more", "--path", "repository"]).code(0);
    factory.run(&["receipts", "verify", "--anchor", &anchor]).code(0);
    let forged = format!("{}:{}", head["gseq"], "0".repeat(64));
    factory.run(&["receipts", "verify", "--anchor", &forged]).code(4);
    factory.run(&["receipts", "verify", "--anchor", "nonsense"]).code(64);
}

#[test]
fn an_altered_event_is_an_integrity_failure() {
    let factory = with_a_finished_task();
    tamper(&factory, "UPDATE event SET ts_ms = ts_ms + 1 WHERE gseq = 2");
    let ended = factory.run(&["receipts", "verify"]).code(2);
    let said = String::from_utf8_lossy(&ended.get_output().stdout).into_owned();
    assert!(said.contains("NOT verified") && said.contains("at event 2"), "{said}");
}

#[test]
fn a_derived_row_that_does_not_follow_from_the_log_is_drift() {
    let factory = with_a_finished_task();
    tamper(&factory, "UPDATE run SET outcome = 'rejected'");
    let ended = factory.run(&["receipts", "verify"]).code(3);
    let said = String::from_utf8_lossy(&ended.get_output().stdout).into_owned();
    assert!(said.contains("projection"), "{said}");
    factory.run(&["receipts", "verify", "--chains-only"]).code(0);
}

#[test]
fn list_trace_and_inspect_show_what_is_on_record() {
    let factory = with_a_finished_task();
    let streams = factory.json(&["receipts", "list"]);
    let streams: Vec<&str> =
        streams["streams"].as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
    assert!(streams.contains(&"ops/daemon"), "{streams:?}");
    let item = streams.iter().find(|name| name.starts_with("work/cli/")).unwrap();
    let ended = factory.run(&["receipts", "trace", item, "--json"]).code(0);
    let said = String::from_utf8_lossy(&ended.get_output().stdout).into_owned();
    let events: Vec<Value> = said.lines().map(|it| serde_json::from_str(it).unwrap()).collect();
    assert_eq!(events[0]["type"], "work_item.created");
    assert_eq!(events[0]["actor"], "human:cli:tester");
    let linked = events.windows(2).all(|pair| pair[1]["prev_hash"] == pair[0]["hash"]);
    assert!(linked, "{said}");
    factory.run(&["receipts", "trace", "work/cli/nothing"]).code(1);

    let identifier = item.strip_prefix("work/cli/").unwrap();
    let inspected = factory.json(&["receipts", "inspect", identifier]);
    assert_eq!(inspected["item"]["status"], "done");
    let run = inspected["runs"][0]["id"].as_str().unwrap();
    let short = &run[run.len() - 8..];
    let ended = factory.run(&["receipts", "inspect", short]).code(0);
    let said = String::from_utf8_lossy(&ended.get_output().stdout).into_owned();
    for words in [run, "turn 1", "coder", "critic", "player", "branch factory/task-"] {
        assert!(said.contains(words), "{words} is missing in {said}");
    }
    factory.run(&["receipts", "inspect", "nobody"]).code(1);
}
