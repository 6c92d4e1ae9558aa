//! Operator lanes on the built program: the rows of the contract's two tables that are about them, on a board and in a
//! directory of files, with a daemon that dies in between.

use std::fs;

use serde_json::{Value, json};

use crate::support::azure::faults::{Fault, Scope};
use crate::support::azure::process::Process;
use crate::support::azure::{Asked, Azure, ORGANIZATION, PROJECT, TEAM, TOKEN};
use crate::support::factory::{BOUND, Factory, Said};

/// The item of the tests on a board.
const ITEM: &str = "azdo/1";

/// A factory with a board that has two items in the lane `ralph`.
fn on_a_board() -> (Factory, Azure) {
    let azure = Azure::start(Process::Agile);
    let mut factory = Factory::new();
    for (name, value) in [
        ("AZDO_ORG", ORGANIZATION),
        ("AZDO_PROJECT", PROJECT),
        ("AZDO_TEAM_ID", TEAM),
        ("AZDO_PAT", TOKEN),
    ] {
        factory.variable(name, value);
    }
    factory.more_config = format!(
        "[azdo]\nbase_url = {:?}\npoll_interval = \"1s\"\ntrusted_authors = [\"@example.org\"]\n",
        azure.base()
    );
    for title in ["Greet the world", "Greet the moon"] {
        let fields = [("System.Title", json!(title)), ("System.Tags", json!("operatorLane:ralph"))];
        azure.create("User Story", &fields);
    }
    (factory, azure)
}

fn object(said: &Said) -> Value {
    serde_json::from_str(&said.out).unwrap_or_else(|error| panic!("{error}: {said:?}"))
}

/// What `lane list --json` says.
fn lanes(factory: &Factory) -> Value {
    object(&factory.cli_ok(&["lane", "list", "--json"]))["lanes"].clone()
}

/// What `lane show <item> --json` says of its lane.
fn lane(factory: &Factory, item: &str) -> Value {
    object(&factory.cli_ok(&["lane", "show", item, "--json"]))["lane"].clone()
}

/// How often the tag was put on the item and taken off it, by the tags that were written.
fn flips(azure: &Azure, tag: &str) -> usize {
    let mut is_set = false;
    let mut flips = 0;
    let journal = azure.journal();
    let patches =
        journal.iter().filter(|it| it.method == "PATCH" && it.path.ends_with("/workitems/1"));
    for patch in patches {
        let operations = patch.body.as_array().cloned().unwrap_or_default();
        for operation in operations.iter().filter(|it| it["path"] == "/fields/System.Tags") {
            let sets = operation["value"].as_str().is_some_and(|tags| tags.contains(tag));
            flips += usize::from(sets != is_set);
            is_set = sets;
        }
    }
    flips
}

fn tags(azure: &Azure) -> String {
    azure.field(1, "System.Tags").as_str().unwrap_or_default().to_owned()
}

/// "Set operatorLane=ralph in AzDO → Sync detects → observe queue entry → proposes …", and "Start Ralph linked to the
/// WorkItem stamps the link (rejects second link to different ID)", and "Ultrawork already linked to X"
#[test]
fn a_lane_on_the_board_is_proposed_with_its_command_and_takes_one_item() {
    let (mut factory, azure) = on_a_board();
    factory.start();
    factory.wait_until("the items are seen", |picture| picture.find("azdo/2").is_some());
    let proposals = lanes(&factory)["proposals"].clone();
    assert_eq!(proposals[0]["command"], "enact-factory lane start ralph 1", "{proposals:#}");
    let why = factory.cli_ok(&["why", ITEM]).out;
    assert!(why.contains("released by: enact-factory lane start ralph 1"), "{why}");
    let status = factory.cli_ok(&["status"]).out;
    assert!(status.contains("enact-factory lane start ralph 1"), "{status}");
    factory.cli_ok(&["lane", "start", "ralph", "1"]);
    let refused = factory.cli(&["lane", "start", "ralph", "2"]);
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.err.contains("ralph already linked to \"1\""), "{refused:?}");
    assert!(refused.err.contains("enact-factory lane unlink ralph"), "{refused:?}");
    factory.cli_ok(&["lane", "start", "ralph", "1"]);
    factory.wait_until_quiet();
    assert_eq!(azure.states(1), ["New", "Active"]);
    factory.kill9();
    factory.start();
    assert_eq!(lane(&factory, ITEM)["phase"], "running");
    assert!(
        factory.logs().contains("lane ralph goes on with azdo/1: running"),
        "{}",
        factory.logs()
    );
    factory.cli_ok(&["lane", "unlink", "ralph"]);
    factory.cli_ok(&["lane", "start", "ralph", "2"]);
    assert_eq!(lane(&factory, "azdo/2")["phase"], "running");
    assert_eq!(factory.all_prompts(), [], "the daemon's own agents were at work");
}

/// "Advance Ralph running → verifying → Push queue gets { implementationComplete: true } → AzDo shows the checkbox", and
/// "Reviewer approves (lane-local) → completed + reviewPassed: true"
#[test]
fn each_box_on_the_board_flips_once_wherever_the_daemon_is_killed() {
    for (scope, fault) in [
        (Scope::Writes, Fault::Status(503, 0)),
        (Scope::Items, Fault::Held),
        (Scope::Comments, Fault::Held),
    ] {
        let (mut factory, azure) = on_a_board();
        factory.start();
        factory.wait_until("the item is seen", |picture| picture.find(ITEM).is_some());
        factory.cli_ok(&["lane", "start", "ralph", ITEM]);
        factory.wait_until_quiet();
        let mut asked = azure.journal().len();
        let steps: [&[&str]; 2] = [
            &["lane", "advance", ITEM, "verifying", "--evidence", "make test is green"],
            &["lane", "review", ITEM, "approve", "--by", "bob"],
        ];
        for step in steps {
            azure.fail(scope, 10_000, fault);
            factory.cli_ok(step);
            factory.until("the board was asked", BOUND, |_| {
                let journal = azure.journal();
                journal[asked..].iter().any(Asked::writes).then_some(())
            });
            factory.kill9();
            azure.recover();
            factory.start();
            factory.wait_until_quiet();
            asked = azure.journal().len();
        }
        let phase = lane(&factory, ITEM)["phase"].clone();
        assert_eq!(phase, "completed", "{scope:?} {fault:?}");
        assert!(tags(&azure).contains("implementationComplete; reviewPassed"), "{}", tags(&azure));
        assert_eq!(flips(&azure, "implementationComplete"), 1, "{scope:?} {fault:?}");
        assert_eq!(flips(&azure, "reviewPassed"), 1, "{scope:?} {fault:?}");
        assert_eq!(azure.states(1), ["New", "Active", "Closed"]);
        assert_eq!(azure.comments(1).len(), 1);
        let comment = azure.comments(1)[0].text.clone();
        assert!(comment.contains("make test is green"), "{comment}");
        factory.verify_receipts();
        drop(factory);
    }
}

/// "Try to stop with pending gates → Operator stop policy denies, writes a verdict, and the next session-start surfaces
/// the warning"
#[test]
fn a_stop_with_open_gates_is_denied_and_every_start_says_so_until_somebody_has_seen_it() {
    let mut factory = Factory::new();
    factory.item("LOOP-1", "lane = \"ralph\"", "Add one");
    factory.start();
    factory.wait_until("the item is seen", |picture| picture.find("LOOP-1").is_some());
    factory.cli_ok(&["lane", "start", "ralph", "LOOP-1"]);
    factory.wait_until_quiet();
    let denied = factory.cli(&["stop"]);
    assert_eq!(denied.code, 2, "{denied:?}");
    for said in [
        "LOOP-1: implementation-incomplete",
        "LOOP-1: review-not-passed",
        "enact-factory lane advance LOOP-1 verifying",
        "--force --reason",
    ] {
        assert!(denied.err.contains(said), "{said}: {denied:?}");
    }
    let denied = factory.cli(&["lane", "stop", "LOOP-1"]);
    assert_eq!(denied.code, 1, "{denied:?}");
    assert!(factory.sigterm().success(), "a signal is obeyed");
    for _start in 0..2 {
        factory.start();
        let told = |factory: &mut Factory| {
            let said = factory.logs().contains("the daemon was ended by a signal: LOOP-1");
            said.then_some(())
        };
        factory.until("the log says it", BOUND, told);
        let status = factory.cli_ok(&["status"]).out;
        assert!(
            status.contains("was ended by a signal: LOOP-1: implementation-incomplete"),
            "{status}"
        );
        let doctor = factory.cli(&["doctor"]).out;
        assert!(doctor.contains("enact-factory stop-acknowledge"), "{doctor}");
        factory.kill9();
    }
    factory.start();
    factory.cli_ok(&["stop-acknowledge", "--reason", "it goes on tomorrow"]);
    assert_eq!(lanes(&factory)["verdicts"], json!([]));
    let (said, ended) = factory.stop(&["--force", "--reason", "the machine is needed"]);
    assert_eq!((said.code, ended.success()), (0, true), "{said:?}");
    factory.start();
    let status = factory.cli_ok(&["status"]).out;
    assert!(status.contains("stopped the daemon all the same (the machine is needed)"), "{status}");
    factory.cli_ok(&["lane", "advance", "LOOP-1", "verifying", "--evidence", "it is there"]);
    factory.cli_ok(&["lane", "review", "LOOP-1", "approve"]);
    factory.wait_until_quiet();
    assert_eq!(factory.item_state("LOOP-1"), "Done");
    let marks = factory.item_log_marks("LOOP-1");
    let unique: std::collections::BTreeSet<&String> = marks.iter().collect();
    assert_eq!((marks.len(), unique.len()), (3, 3), "{marks:?}");
    let (said, ended) = factory.stop(&[]);
    assert_eq!((said.code, ended.success()), (0, true), "{said:?}");
    assert_eq!(factory.cli(&["stop"]).code, 1);
}

/// An epic in the lane `team` with a part in each of two repositories.
fn epic() -> Factory {
    let mut factory = Factory::new();
    factory.another_project("web", "");
    factory.item("EPIC-1", "lane = \"team\"", "Both");
    factory.item("PART-1", "lane = \"manual\"\nparent = \"EPIC-1\"\nproject = \"demo\"", "One");
    factory.item("PART-2", "lane = \"manual\"\nparent = \"EPIC-1\"\nproject = \"web\"", "Other");
    factory
}

/// "Reviewer approves (cross-repo Epic) → canAutoClose guard fires → deferred ledger entry → status stays review →
/// acknowledge_close { …, operatorOverrideReason }", and "Cross-repo Epic stuck at status: review"
#[test]
fn an_epic_across_repositories_stays_in_review_until_its_close_is_acknowledged() {
    let mut factory = epic();
    factory.start();
    factory.wait_until("the parts are seen", |picture| picture.find("PART-2").is_some());
    factory.cli_ok(&["lane", "start", "team", "EPIC-1"]);
    factory.cli_ok(&["lane", "advance", "EPIC-1", "verifying", "--evidence", "both are merged"]);
    factory.cli_ok(&["lane", "review", "EPIC-1", "approve"]);
    factory.wait_until_quiet();
    factory.kill9();
    factory.start();
    assert_eq!(factory.item_state("EPIC-1"), "In Review");
    assert_eq!(lane(&factory, "EPIC-1")["phase"], "review");
    let ledger = object(&factory.cli_ok(&["lane", "ledger", "--json"]))["ledger"].clone();
    assert_eq!(ledger[0]["gate"], "close-deferred", "{ledger:#}");
    assert!(ledger[0]["reason"].as_str().is_some_and(|it| it.contains("2 repositories")));
    let why = factory.cli_ok(&["why", "EPIC-1"]).out;
    assert!(why.contains("enact-factory acknowledge-close EPIC-1"), "{why}");
    assert_eq!(factory.cli(&["stop"]).code, 2);
    assert_eq!(factory.cli(&["acknowledge-close", "EPIC-1"]).code, 64, "a reason is needed");
    factory.cli_ok(&["acknowledge-close", "EPIC-1", "--reason", "both are live"]);
    factory.wait_until_quiet();
    assert_eq!(factory.item_state("EPIC-1"), "Done");
    assert!(factory.item_file("EPIC-1").contains("both are live"));
    assert_eq!(lane(&factory, "EPIC-1")["phase"], "completed");
    let ledger = object(&factory.cli_ok(&["lane", "ledger", "--json"]))["ledger"].clone();
    assert_eq!(ledger, json!([]));
    factory.verify_receipts();
}

/// "closure-evidence-missing blocker fires repeatedly → Cross-repo Epic closed without acknowledgment → acknowledge_close,
/// or stop_acknowledge for the session"
#[test]
fn an_epic_that_was_closed_without_a_word_is_a_blocker_at_every_start() {
    let mut factory = epic();
    factory.start();
    factory.wait_until("the parts are seen", |picture| picture.find("PART-2").is_some());
    let file =
        factory.item_file("EPIC-1").replace("lane = \"team\"", "lane = \"team\"\nstate = \"Done\"");
    fs::write(factory.item_path("EPIC-1"), file).expect("the item");
    factory.wait_until("the close is seen", |picture| picture.item("EPIC-1").status == "cancelled");
    let gate = |factory: &Factory| lanes(factory)["ledger"][0]["gate"].clone();
    assert_eq!(gate(&factory), "closure-evidence-missing");
    assert_eq!(factory.cli(&["stop"]).code, 2);
    factory.cli_ok(&["stop-acknowledge"]);
    assert_eq!(gate(&factory), Value::Null);
    let (said, _) = factory.stop(&[]);
    assert_eq!(said.code, 0, "{said:?}");
    factory.start();
    assert_eq!(gate(&factory), "closure-evidence-missing");
    factory.until("the log says it", BOUND, |factory| {
        factory.logs().contains("closure-evidence-missing: it spans 2 repositories").then_some(())
    });
    factory.cli_ok(&["acknowledge-close", "EPIC-1", "--reason", "both are live"]);
    assert_eq!(gate(&factory), Value::Null);
    factory.wait_until_quiet();
    let (said, _) = factory.stop(&[]);
    assert_eq!(said.code, 0, "{said:?}");
}

/// A task on the command line has a daemon of its own for a while: that it ends is no stop.
#[test]
fn a_daemon_for_one_task_leaves_no_verdict_behind() {
    let mut factory = Factory::new();
    factory.item("LOOP-1", "lane = \"ralph\"", "Add one");
    factory.start();
    factory.wait_until("the item is seen", |picture| picture.find("LOOP-1").is_some());
    factory.cli_ok(&["lane", "start", "ralph", "LOOP-1"]);
    factory.wait_until_quiet();
    factory.kill9();
    let path = factory.repository.path.to_string_lossy().into_owned();
    let _whatever = factory.cli(&["exec", "Say hello", "--path", &path, "--timeout", "1"]);
    assert_eq!(lanes(&factory)["verdicts"], json!([]));
    assert_eq!(lane(&factory, "LOOP-1")["phase"], "running");
}
