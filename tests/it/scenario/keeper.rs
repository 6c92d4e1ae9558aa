//! Agents that outlive their daemon.

use std::io::Write as _;
use std::process::{Command, Stdio};

use enact_factory::domain::agent::TurnEnding;
use enact_factory::domain::event::Event;
use enact_factory::domain::failure::FailureClass;

use crate::support::factory::script::{APPROVE, DONE, Script, Step};
use crate::support::factory::{BOUND, Factory};

/// A coder that notes each of its starts and that it is up, and waits for `go`.
fn patient(item: &str) -> Step {
    Step::coder(item)
        .costs(10)
        .run(&format!("echo started >> {{{{script_dir}}}}/starts-{item}"))
        .note(&format!("up-{item}"))
        .wait_for("go")
        .write(&format!("{item}.txt"), "hello\n")
        .answer(DONE)
}

fn starts(factory: &Factory, item: &str) -> usize {
    let path = factory.root().join(format!("starts-{item}"));
    std::fs::read_to_string(path).unwrap_or_default().lines().count()
}

fn count(events: &[Event], what: impl Fn(&Event) -> bool) -> usize {
    events.iter().filter(|event| what(event)).count()
}

fn adopted(events: &[Event]) -> usize {
    count(events, |event| matches!(event, Event::RunAdopted { .. }))
}

/// Every turn began once and ended once, and nothing was interrupted.
fn assert_smooth(factory: &Factory, item: &str, adoptions: usize) {
    let events = factory.run_events(item);
    assert_eq!(starts(factory, item), 1, "{events:#?}");
    assert_eq!(factory.prompts(item, "coder", 1).len(), 1);
    assert_eq!(factory.prompts(item, "critic", 1).len(), 1);
    assert_eq!(adopted(&events), adoptions, "{events:#?}");
    let begun = count(&events, |event| matches!(event, Event::TurnStarted { .. }));
    let ended = count(&events, |event| matches!(event, Event::TurnFinished { .. }));
    assert_eq!((begun, ended), (2, 2), "{events:#?}");
    let cut = count(&events, |event| {
        matches!(event, Event::TurnInterrupted { .. } | Event::RunInterrupted { .. })
    });
    assert_eq!(cut, 0, "{events:#?}");
    assert_eq!(factory.repository.merges_of(item), 1);
}

#[test]
fn agents_go_on_when_their_daemon_is_killed_and_the_next_one_finishes_their_runs() {
    let items = ["DEMO-60", "DEMO-61", "DEMO-62", "DEMO-63"];
    let mut factory = Factory::new();
    factory.more_config = "[slots]\nglobal = 4\nper_project = 4".to_owned();
    let script = items.iter().fold(Script::new(), |script, item| {
        factory.item(item, "", &format!("Do {item}"));
        script.step(patient(item)).step(Step::critic(item).answer(APPROVE))
    });
    factory.script(&script);
    factory.start();
    items.iter().for_each(|item| factory.wait_for_file(&format!("up-{item}")));
    factory.kill9();
    let agents = |factory: &Factory| {
        let found = factory.survivors();
        found.iter().filter(|found| found.command.contains("scripted-agent")).count()
    };
    assert_eq!(agents(&factory), 4, "{:?}", factory.survivors());
    // Fewer slots than agents at work: those that are at work have theirs.
    factory.more_config = "[slots]\nglobal = 2\nper_project = 2".to_owned();
    factory.start();
    assert_eq!(agents(&factory), 4, "{:?}", factory.survivors());
    // Another one goes down before anything has happened.
    factory.kill9();
    factory.start();
    factory.touch("go");
    let picture = factory.wait_until_done(&items);
    for item in items {
        assert_smooth(&factory, item, 2);
        assert_eq!(picture.item(item).attempts, 0);
    }
    assert!(factory.survivors().is_empty(), "{:?}", factory.survivors());
    factory.verify_receipts();
}

#[test]
fn what_an_agent_came_to_while_no_daemon_was_there_is_taken_up_once() {
    let mut factory = Factory::new();
    factory.item("DEMO-64", "", "Add a greeting");
    let critic = Step::critic("DEMO-64").note("judging").wait_for("judge").answer(APPROVE);
    factory.script(&Script::new().step(patient("DEMO-64")).step(critic));
    factory.start();
    factory.wait_for_file("up-DEMO-64");
    factory.kill9();
    factory.touch("go");
    wait_until_gone(&factory);
    factory.start();
    // The same for a stage that may only read: its verdict counts.
    factory.wait_for_file("judging");
    factory.kill9();
    factory.touch("judge");
    wait_until_gone(&factory);
    factory.start();
    factory.wait_until_done(&["DEMO-64"]);
    assert_smooth(&factory, "DEMO-64", 2);
    factory.verify_receipts();
}

fn wait_until_gone(factory: &Factory) {
    factory.busy_until("agent and keeper have gone", || factory.survivors().is_empty());
}

#[test]
fn an_agent_whose_keeper_is_killed_is_ended_and_its_turn_repeated() {
    let mut factory = Factory::new();
    factory.item("DEMO-65", "", "Add a greeting");
    let linger = "trap '' TERM HUP INT; touch {{script_dir}}/stubborn; while :; do sleep 1; done";
    factory.script(
        &Script::new()
            .step(
                Step::coder("DEMO-65")
                    .unless_file("hung")
                    .linger(linger)
                    .wait_for("stubborn")
                    .note("hung")
                    .hang(),
            )
            .step(Step::coder("DEMO-65").write("greeting.txt", "hello\n").answer(DONE))
            .step(Step::critic("DEMO-65").answer(APPROVE)),
    );
    factory.start();
    factory.wait_for_file("hung");
    assert_eq!(factory.kill_keepers(), 1);
    factory.until("nothing of the agent is left", BOUND, |factory| {
        factory.survivors().is_empty().then_some(())
    });
    let picture = factory.wait_until_done(&["DEMO-65"]);
    assert_eq!(picture.item("DEMO-65").attempts, 0);
    let events = factory.run_events("DEMO-65");
    let failed = count(&events, |event| {
        matches!(event, Event::TurnFinished { report, .. }
            if matches!(&report.ending, TurnEnding::Failed { failure } if failure.class == FailureClass::Infrastructure))
    });
    assert_eq!(failed, 1, "{events:#?}");
    assert_eq!(factory.repository.merges_of("DEMO-65"), 1);
    factory.verify_receipts();
}

#[test]
fn an_agent_that_no_daemon_comes_back_to_is_ended_and_nothing_of_it_is_lost() {
    let mut factory = Factory::new();
    factory.more_config = "[keeper]\norphan_grace = \"2s\"".to_owned();
    factory.item("DEMO-66", "", "Add a greeting");
    let first =
        Step::coder("DEMO-66").unless_file("hung").costs(10).write("half.txt", "half done\n");
    factory.script(
        &Script::new()
            .step(first.note("hung").hang())
            .step(Step::coder("DEMO-66").write("greeting.txt", "hello\n").answer(DONE))
            .step(Step::critic("DEMO-66").answer(APPROVE)),
    );
    factory.start();
    factory.wait_for_file("hung");
    factory.kill9();
    wait_until_gone(&factory);
    factory.start();
    let picture = factory.wait_until_done(&["DEMO-66"]);
    assert_eq!(picture.item("DEMO-66").attempts, 0);
    assert_eq!(factory.turn_usages("DEMO-66")[0].cost_micro_usd, 10);
    assert_eq!(factory.repository.on_main("half.txt").as_deref(), Some("half done"));
    let events = factory.run_events("DEMO-66");
    let said = events.iter().find_map(|event| match event {
        Event::TurnFinished { report, .. } => match &report.ending {
            TurnEnding::Failed { failure } => Some(failure.message.clone()),
            _ => None,
        },
        _ => None,
    });
    assert_eq!(said.as_deref(), Some("no daemon came back for 2 s, so the agent was ended"));
    factory.verify_receipts();
}

#[test]
fn a_daemon_that_hands_over_leaves_its_agents_to_the_next() {
    let mut factory = Factory::new();
    factory.item("DEMO-67", "", "Add a greeting");
    let critic = Step::critic("DEMO-67").answer(APPROVE);
    factory.script(&Script::new().step(patient("DEMO-67")).step(critic));
    factory.start();
    factory.wait_for_file("up-DEMO-67");
    let (said, ended) = factory.hand_over();
    assert!(said.out.contains("\"agents\": 1"), "{said:?}");
    assert_eq!(ended.code(), Some(0), "{ended}");
    assert!(!factory.survivors().is_empty());
    assert_eq!(factory.cli(&["hand-over"]).code, 1);
    factory.start();
    assert!(factory.logs().contains("1 agent of them went on without it"), "{}", factory.logs());
    factory.touch("go");
    factory.wait_until_done(&["DEMO-67"]);
    assert_smooth(&factory, "DEMO-67", 1);
    factory.verify_receipts();
}

#[test]
fn cancelling_a_run_ends_an_agent_that_was_taken_over() {
    let mut factory = Factory::new();
    factory.item("DEMO-68", "", "Add a greeting");
    factory.script(&Script::new().step(patient("DEMO-68")));
    factory.start();
    factory.wait_for_file("up-DEMO-68");
    factory.kill9();
    factory.start();
    factory.until("the agent is taken over", BOUND, |factory| {
        (adopted(&factory.run_events("DEMO-68")) == 1).then_some(())
    });
    factory.cli_ok(&["cancel", "DEMO-68"]);
    factory.wait_for(&["DEMO-68"], "cancelled");
    factory.wait_until_quiet();
    assert!(factory.survivors().is_empty(), "{:?}", factory.survivors());
    assert_eq!(factory.turn_usages("DEMO-68")[0].cost_micro_usd, 10);
}

#[test]
fn a_keeper_without_its_whole_assignment_starts_nothing() {
    let factory = Factory::new();
    let assignment =
        r#"{"agent": "command", "program": "touch", "args": [{"Unix": [115]}], "cwd": "/"#;
    let mut keeper = Command::new(env!("CARGO_BIN_EXE_enact-factory"))
        .arg("keeper")
        .current_dir(factory.root())
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("a keeper");
    keeper.stdin.take().expect("its input").write_all(assignment.as_bytes()).expect("half of it");
    let said = keeper.wait_with_output().expect("its end");
    assert_eq!(said.status.code(), Some(1));
    let error = String::from_utf8_lossy(&said.stderr).into_owned();
    assert!(error.contains("no whole assignment came"), "{error}");
    assert!(factory.survivors().is_empty(), "{:?}", factory.survivors());
}
