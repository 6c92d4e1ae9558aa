//! Stopping the daemon, and keeping a second one away.

use enact_factory::domain::event::Event;
use enact_factory::domain::run::Interruption;

use crate::support::factory::script::{APPROVE, DONE, Script, Step};
use crate::support::factory::{BOUND, Factory};

/// A coder that leaves half of its work and something running, and hangs; at its second try it is quick.
fn hanging_once(item: &str) -> Script {
    let stubborn = "trap '' TERM HUP INT; touch {{script_dir}}/stubborn; while :; do sleep 1; done";
    Script::new()
        .step(
            Step::coder(item)
                .unless_file("hung")
                .write("half.txt", "half done\n")
                .linger(stubborn)
                .wait_for("stubborn")
                .note("hung")
                .hang(),
        )
        .step(Step::coder(item).write("greeting.txt", "hello\n").answer(DONE))
        .step(Step::critic(item).answer(APPROVE))
}

#[test]
fn sigterm_in_the_middle_of_a_run_leaves_no_process_and_the_run_goes_on_at_the_next_start() {
    let mut factory = Factory::new();
    factory.item("DEMO-13", "", "Add a greeting");
    factory.script(&hanging_once("DEMO-13"));
    factory.start();
    factory.wait_for_file("hung");
    assert!(!factory.survivors().is_empty(), "the agent is at work");
    let ended = factory.sigterm();
    assert_eq!(ended.code(), Some(0), "{ended}");
    assert!(factory.survivors().is_empty(), "{:?}", factory.survivors());
    let interrupted = factory
        .run_events("DEMO-13")
        .into_iter()
        .any(|event| matches!(event, Event::RunInterrupted { cause: Interruption::Shutdown, .. }));
    assert!(interrupted, "{:#?}", factory.run_events("DEMO-13"));
    let picture = factory.picture().expect("status without a daemon");
    assert!(picture.daemon.is_none());
    assert_eq!(picture.item("DEMO-13").status, "in_flight");
    assert_eq!(picture.item("DEMO-13").attempts, 0);

    factory.start();
    let picture = factory.wait_until_done(&["DEMO-13"]);
    assert_eq!(picture.item("DEMO-13").attempts, 0);
    assert_eq!(factory.runs("DEMO-13").len(), 1, "the same run went on");
    let prompts = factory.prompts("DEMO-13", "coder", 1);
    assert!(prompts[1].contains("cut short"), "the coder is told: {}", prompts[1]);
    assert_eq!(factory.repository.on_main("half.txt").as_deref(), Some("half done"));
    assert_eq!(factory.repository.merges_of("DEMO-13"), 1);
    factory.verify_receipts();
}

#[test]
fn a_power_cut_in_the_middle_of_a_turn_is_made_good_at_the_next_start() {
    let mut factory = Factory::new();
    factory.item("DEMO-14", "", "Add a greeting");
    factory.script(&hanging_once("DEMO-14"));
    factory.start();
    factory.wait_for_file("hung");
    factory.power_cut();
    assert!(!factory.survivors().is_empty(), "the dead can end nothing");
    factory.start();
    let picture = factory.wait_until_done(&["DEMO-14"]);
    assert_eq!(picture.item("DEMO-14").attempts, 0);
    assert_eq!(factory.runs("DEMO-14").len(), 1);
    assert!(factory.survivors().is_empty(), "{:?}", factory.survivors());
    let events = factory.run_events("DEMO-14");
    let salvaged = events.iter().find_map(|event| match event {
        Event::TurnInterrupted { salvaged, .. } => Some(salvaged.is_some()),
        _ => None,
    });
    assert_eq!(salvaged, Some(true), "{events:#?}");
    let run = factory.runs("DEMO-14")[0].id;
    let saved =
        factory.repository.git(&["for-each-ref", "--format=%(refname)", "refs/factory/wip"]);
    assert!(saved.contains(&run.to_string()), "{saved}");
    assert_eq!(factory.repository.merges_of("DEMO-14"), 1);
    factory.verify_receipts();
}

#[test]
fn the_same_phase_going_down_twice_waits_for_a_person() {
    let mut factory = Factory::new();
    factory.item("DEMO-15", "", "Add a greeting");
    factory.script(
        &Script::new()
            .step(
                Step::coder("DEMO-15")
                    .unless_file("tame")
                    .run("touch {{script_dir}}/hung-{{session}}")
                    .hang(),
            )
            .step(Step::coder("DEMO-15").write("greeting.txt", "hello\n").answer(DONE))
            .step(Step::critic("DEMO-15").answer(APPROVE)),
    );
    for turn in 1..=2 {
        factory.start();
        factory.until("the coder hangs", BOUND, |factory| {
            (factory.prompts("DEMO-15", "coder", 1).len() == turn).then_some(())
        });
        factory.power_cut();
    }
    factory.start();
    let picture = factory.wait_for(&["DEMO-15"], "waiting_human");
    assert_eq!(picture.item("DEMO-15").question_class.as_deref(), Some("crashed_twice"));
    factory.wait_until_quiet();
    assert!(factory.survivors().is_empty(), "{:?}", factory.survivors());
    factory.touch("tame");
    factory.cli_ok(&["retry", "DEMO-15"]);
    factory.wait_until_done(&["DEMO-15"]);
    assert_eq!(factory.repository.merges_of("DEMO-15"), 1);
}

#[test]
fn a_second_daemon_is_refused_and_told_who_holds_the_directory() {
    let mut factory = Factory::new();
    factory.start();
    let said = factory.cli(&["start"]);
    assert_eq!(said.code, 75, "{said:?}");
    let pid = factory.daemon_pid().to_string();
    assert!(said.err.contains(&pid), "{said:?}");
    assert!(factory.picture().is_some_and(|picture| picture.daemon.is_some()));
    factory.kill9();
    factory.start();
}

#[test]
fn idle_costs_no_agent() {
    let mut factory = Factory::new();
    factory.item("DEMO-16", "lane = \"manual\"", "Nothing for agents");
    factory.start();
    factory.wait_until("the item was looked at", |picture| {
        picture.find("DEMO-16").is_some_and(|item| !item.decision.is_empty())
    });
    assert!(factory.why("DEMO-16").gate("lane").is_some());
    assert!(factory.survivors().is_empty(), "{:?}", factory.survivors());
    assert!(!factory.root().join("prompts").exists());
}
