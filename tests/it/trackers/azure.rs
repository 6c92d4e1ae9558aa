//! Work items on an Azure DevOps board, from the item to the merged change and back.

use std::collections::BTreeSet;
use std::fs;

use serde_json::{Value, json};

use crate::support::azure::faults::{Fault, Scope};
use crate::support::azure::process::Process;
use crate::support::azure::{Azure, ORGANIZATION, PROJECT, TEAM, TOKEN};
use crate::support::factory::script::{DONE, Script, Step, verdict};
use crate::support::factory::{BOUND, Factory};

/// An approval that speaks of the item's criterion.
const APPROVE: &str = r#"{"nonce": "{{nonce}}", "verdict": "APPROVE", "commit": "{{commit}}", "findings": [],
    "criteria": [{"criterion": 1, "met": true, "evidence": "a.txt:1"}]}"#;

/// The item of every test; the first of its board.
const ITEM: &str = "azdo/1";

/// A factory that takes its items from a board of `process`, with one item on it.
fn factory(process: Process) -> (Factory, Azure) {
    let azure = Azure::start(process);
    let mut factory = Factory::new();
    factory.variable("AZDO_ORG", ORGANIZATION);
    factory.variable("AZDO_PROJECT", PROJECT);
    factory.variable("AZDO_TEAM_ID", TEAM);
    factory.variable("AZDO_PAT", TOKEN);
    factory.more_config = format!(
        "[azdo]\nbase_url = {:?}\npoll_interval = \"1s\"\ntrusted_authors = [\"@example.org\"]\n",
        azure.base()
    );
    let fields = [
        ("System.Title", json!("Greet the world")),
        ("System.Description", json!("<p>Say <b>hello</b>.</p>")),
        (
            "Microsoft.VSTS.Common.AcceptanceCriteria",
            json!("<ul><li>There is a greeting</li></ul>"),
        ),
        ("System.Tags", json!("operatorLane:autopilot")),
    ];
    azure.create(process.story(), &fields);
    (factory, azure)
}

/// A coder that does it, and a critic that approves.
fn at_once() -> Script {
    let coder = Step::coder("1").write("a.txt", "1\n").answer(DONE);
    Script::new().step(coder).step(Step::critic("1").answer(APPROVE))
}

/// A coder that is at work until `go` exists, and a critic that approves.
fn waiting_for_go() -> Script {
    let coder = Step::coder("1").note("began").wait_for("go").write("a.txt", "1\n").answer(DONE);
    Script::new().step(coder).step(Step::critic("1").answer(APPROVE))
}

/// The states that the board has shown, the only comment, and the two checkboxes.
fn assert_done_once(factory: &Factory, azure: &Azure, states: &[&str]) {
    assert_eq!(azure.states(1), states);
    let comments = azure.comments(1);
    assert_eq!(comments.len(), 1, "{comments:#?}");
    assert!(comments[0].text.contains("☑ reviewPassed"), "{}", comments[0].text);
    let log = comments[0].text.rsplit_once("<ul>").expect("a log").1;
    let lines: Vec<&str> = log.split("<li>").skip(1).collect();
    let distinct: BTreeSet<&&str> = lines.iter().collect();
    assert_eq!(lines.len(), distinct.len(), "a log line was doubled: {lines:?}");
    let tags = azure.field(1, "System.Tags");
    let tags = tags.as_str().expect("tags");
    assert!(tags.contains("implementationComplete") && tags.contains("reviewPassed"), "{tags}");
    assert!(tags.contains("operatorLane:autopilot"), "{tags}");
    assert_eq!(factory.repository.merged_log().len(), 1);
    factory.verify_receipts();
}

/// Nothing below the state directory and nothing in the logs holds the token.
fn assert_secret(factory: &Factory) {
    fn holds(path: &std::path::Path) -> bool {
        let Ok(kind) = fs::symlink_metadata(path) else { return false };
        if kind.is_dir() {
            let entries = fs::read_dir(path).into_iter().flatten().flatten();
            return entries.map(|entry| entry.path()).any(|path| holds(&path));
        }
        let bytes = if kind.is_file() { fs::read(path).unwrap_or_default() } else { Vec::new() };
        bytes.windows(TOKEN.len()).any(|window| window == TOKEN.as_bytes())
    }
    assert!(!factory.logs().contains(TOKEN), "the token is in the log");
    assert!(!holds(&factory.state()), "the token is in the state directory");
}

#[test]
fn an_item_on_a_board_becomes_a_merged_change_and_a_done_item_with_one_comment() {
    for (process, states) in [
        (Process::Agile, ["New", "Active", "Closed"]),
        (Process::Inherited, ["Idea", "Under way", "Shipped"]),
    ] {
        let (mut factory, azure) = factory(process);
        let coder = Step::coder("1").run("env > env.txt").write("a.txt", "1\n").answer(DONE);
        factory.script(&Script::new().step(coder).step(Step::critic("1").answer(APPROVE)));
        factory.start();
        factory.wait_until_done(&[ITEM]);
        assert_done_once(&factory, &azure, &states);
        let [prompt] = &factory.prompts("1", "coder", 1)[..] else { panic!("one prompt") };
        assert!(prompt.contains("Greet the world") && prompt.contains("There is a greeting"));
        let environment = factory.repository.on_main("env.txt").expect("the agent's environment");
        assert!(!environment.contains("AZDO") && !environment.contains(TOKEN), "{environment}");
        assert_secret(&factory);
        let said = factory.cli_ok(&["doctor", "--json"]).out;
        assert!(said.contains("the token is taken"), "{said}");
    }
}

#[test]
fn a_crash_between_any_two_writes_ends_with_one_comment_and_the_right_state() {
    for scope in [Scope::Items, Scope::Comments] {
        for at_the_end in [false, true] {
            let (mut factory, azure) = factory(Process::Agile);
            factory.script(&waiting_for_go());
            if at_the_end {
                factory.start();
                factory.wait_for_file("began");
                factory.until("the run is shown", BOUND, |factory| {
                    let quiet = factory.picture()?.status.open_effects == 1;
                    (quiet && azure.comments(1).len() == 1).then_some(())
                });
                azure.fail(scope, 1, Fault::Held);
                azure.forget();
                factory.touch("go");
            } else {
                azure.fail(scope, 1, Fault::Held);
                factory.launch();
            }
            factory.until("a write has been done and is not answered", BOUND, |_| {
                let is_held = |path: &str| path.contains("/comments") == (scope == Scope::Comments);
                let journal = azure.journal();
                journal.iter().any(|it| it.writes() && is_held(&it.path)).then_some(())
            });
            factory.kill9();
            azure.recover();
            factory.touch("go");
            factory.start();
            factory.wait_until_done(&[ITEM]);
            assert_done_once(&factory, &azure, &["New", "Active", "Closed"]);
        }
    }
}

#[test]
fn a_storm_of_refusals_loses_nothing_and_doubles_nothing() {
    let (mut factory, azure) = factory(Process::Scrum);
    factory.script(&waiting_for_go());
    azure.fail(Scope::Everything, 3, Fault::Status(429, 1));
    factory.start();
    factory.wait_for_file("began");
    azure.fail(Scope::Writes, 1, Fault::Status(429, 1));
    azure.fail(Scope::Items, 1, Fault::Status(503, 0));
    azure.fail(Scope::Comments, 1, Fault::CutAfterwards);
    azure.fail(Scope::Everything, 2, Fault::Slow(1));
    factory.touch("go");
    factory.wait_until_done(&[ITEM]);
    assert_done_once(&factory, &azure, &["New", "Committed", "Done"]);
}

#[test]
fn a_wrong_token_is_reported_once_with_what_to_do_and_the_right_one_goes_on() {
    let (mut factory, azure) = factory(Process::Basic);
    factory.script(&at_once());
    factory.variable("AZDO_PAT", "a-token-that-has-expired-01");
    factory.start();
    factory.until("several readings have failed", BOUND, |_| {
        (azure.journal().len() > 5).then_some(())
    });
    let said = factory.cli_ok(&["status"]).out;
    assert_eq!(said.matches("Work Items (Read & write)").count(), 1, "{said}");
    let log = factory.logs();
    assert_eq!(log.matches("Work Items (Read & write)").count(), 1, "{log}");
    assert!(!log.contains("a-token-that-has-expired-01"));
    let doctor = factory.cli(&["doctor"]);
    assert!(doctor.code == 1 && doctor.out.contains("AZDO_PAT"), "{doctor:?}");
    assert!(factory.sigterm().success());
    factory.variable("AZDO_PAT", TOKEN);
    factory.start();
    factory.wait_until_done(&[ITEM]);
    assert_eq!(azure.states(1), ["To Do", "Doing", "Done"]);
}

#[test]
fn an_item_that_a_person_closes_on_the_board_stops_its_run() {
    let (mut factory, azure) = factory(Process::Agile);
    factory.script(&waiting_for_go());
    factory.start();
    factory.wait_for_file("began");
    factory.until("the item is active", BOUND, |factory| {
        let quiet = factory.picture()?.status.open_effects == 1;
        (quiet && azure.field(1, "System.State") == json!("Active")).then_some(())
    });
    azure.edit(1, &[("System.State", json!("Closed"))]);
    factory.wait_until("the run is over", |picture| picture.status.runs.is_empty());
    factory.wait_until_quiet();
    assert_eq!(azure.states(1), ["New", "Active", "Closed"]);
    assert_eq!(factory.repository.merged_log(), []);
    assert!(factory.survivors().is_empty(), "{:?}", factory.survivors());
    let picture = factory.picture().expect("a picture");
    assert_eq!(picture.item(ITEM).last_outcome.as_deref(), Some("superseded"));
}

#[test]
fn an_item_that_leaves_the_board_stops_its_run() {
    let (mut factory, azure) = factory(Process::Agile);
    factory.more_config.push_str("area_paths = [\"Fiber Suite/Web\"]\n");
    azure.edit(1, &[("System.AreaPath", json!("Fiber Suite\\Web"))]);
    factory.script(&waiting_for_go());
    factory.start();
    factory.wait_for_file("began");
    azure.edit(1, &[("System.AreaPath", json!("Fiber Suite\\Elsewhere"))]);
    factory.wait_until("the run is over", |picture| picture.status.runs.is_empty());
    factory.wait_until_quiet();
    azure.forget();
    factory.until("the board was read again", BOUND, |_| (azure.journal().len() > 4).then_some(()));
    assert!(azure.journal().iter().all(|asked| !asked.writes()), "{:#?}", azure.journal());
    let picture = factory.picture().expect("a picture");
    assert!(picture.status.runs.is_empty(), "{picture:#?}");
    assert_eq!(factory.repository.merged_log(), []);
}

#[test]
fn an_edit_on_the_board_reaches_the_next_round() {
    let (mut factory, azure) = factory(Process::Agile);
    let reading = Step::critic("1").round(1).note("reading").wait_for("go");
    factory.script(
        &Script::new()
            .step(Step::coder("1").round(1).write("a.txt", "1\n").answer(DONE))
            .step(reading.answer(&verdict("REVISE", "says hello only")))
            .step(Step::coder("1").write("a.txt", "2\n").answer(DONE))
            .step(Step::critic("1").answer(APPROVE)),
    );
    factory.start();
    factory.wait_for_file("reading");
    factory.wait_until("only the critic is at work", |picture| picture.status.open_effects == 1);
    azure.edit(1, &[("System.Title", json!("Greet in two languages"))]);
    azure.forget();
    factory.until("the board was read again", BOUND, |_| {
        let readings =
            azure.journal().iter().filter(|it| it.path.ends_with("/workitemsbatch")).count();
        (readings > 1).then_some(())
    });
    factory.touch("go");
    factory.wait_until_done(&[ITEM]);
    let [coder] = &factory.prompts("1", "coder", 2)[..] else { panic!("one coder") };
    assert!(coder.contains("Greet in two languages"), "{coder}");
    assert_done_once(&factory, &azure, &["New", "Active", "Closed"]);
}

#[test]
fn an_item_of_a_stranger_waits_for_an_approval() {
    let (mut factory, azure) = factory(Process::Agile);
    azure.edit(
        1,
        &[(
            "System.CreatedBy",
            json!({ "displayName": "ada@example.org", "uniqueName": "eve@evil.example" }),
        )],
    );
    factory.script(&at_once());
    factory.start();
    factory.until("it waits for an approval", BOUND, |factory| {
        factory.picture()?.find(ITEM)?;
        factory.why(ITEM).gate("trust").map(|_| ())
    });
    assert_eq!(azure.field(1, "System.Tags"), json!("operatorLane:autopilot"));
    assert_eq!(azure.states(1), ["New"]);
    factory.cli_ok(&["approve", ITEM]);
    factory.wait_until_done(&[ITEM]);
    assert_ne!(azure.field(1, "System.State"), Value::Null);
}

#[test]
fn variables_that_are_missing_are_named_all_at_once() {
    let mut factory = Factory::new();
    factory.more_config = "[azdo]\nenabled = true\n".to_owned();
    factory.configure();
    let said = factory.cli(&["validate"]);
    assert_ne!(said.code, 0);
    for name in ["AZDO_ORG", "AZDO_PROJECT", "AZDO_PAT", "AZDO_TEAM_ID"] {
        assert!(said.err.contains(name) || said.out.contains(name), "{name}: {said:?}");
    }
}
