//! Agents that fail in other ways than by bad work.

use std::fs;

use enact_factory::domain::agent::TurnEnding;
use enact_factory::domain::event::Event;
use enact_factory::domain::failure::FailureClass;
use enact_factory::domain::time::Timestamp;

use crate::support::factory::script::{APPROVE, DONE, Script, Step};
use crate::support::factory::{BOUND, Factory};

#[test]
fn a_used_up_usage_window_is_waited_for_and_spends_no_attempt() {
    let mut factory = Factory::new();
    factory.item("DEMO-10", "", "Add a greeting");
    let limit = "{ fail = { class = \"quota\", message = \"You've hit your usage limit\", in_seconds = 14 } }";
    factory.script(
        &Script::new()
            .step(
                Step::coder("DEMO-10").unless_file("limited").note("limited").act(limit.to_owned()),
            )
            .step(Step::coder("DEMO-10").write("greeting.txt", "hello\n").answer(DONE))
            .step(Step::critic("DEMO-10").answer(APPROVE)),
    );
    factory.start();
    let picture = factory.wait_until("the run waits", |picture| {
        picture.run_of("DEMO-10").is_some_and(|run| run.waiting.is_some())
    });
    let waiting = picture.run_of("DEMO-10").and_then(|run| run.waiting.clone()).expect("a wait");
    assert!(waiting.reason.contains("usage limit"), "{waiting:?}");
    let why = factory.why("DEMO-10").explanation;
    assert_eq!(why.run.and_then(|run| run.waiting).map(|it| it.until), Some(waiting.until));
    let picture = factory.wait_until_done(&["DEMO-10"]);
    assert_eq!(picture.item("DEMO-10").attempts, 0);
    let run = factory.runs("DEMO-10").remove(0);
    let reset = reset_of(&factory, "DEMO-10");
    assert_eq!(run.turns[0].report.as_ref().and_then(|report| report.exit.code), Some(1));
    assert!(run.turns[1].started >= reset, "the next call came after the reset");
    assert_eq!(run.turns.len(), 3, "nothing was tried in between");
    assert_eq!(run.attempt, 1);
}

fn reset_of(factory: &Factory, item: &str) -> Timestamp {
    let reset = |event: Event| match event {
        Event::TurnFinished { report, .. } => match report.ending {
            TurnEnding::Failed { failure } => match failure.class {
                FailureClass::Quota { until } => until,
                _ => None,
            },
            _ => None,
        },
        _ => None,
    };
    factory.run_events(item).into_iter().find_map(reset).expect("a reset time")
}

#[test]
fn a_coder_that_hangs_is_killed_at_its_deadline_with_grandchildren_in_sessions_of_their_own() {
    let mut factory = Factory::new();
    factory.stage_config.0 = "timeout_ms = 4000".to_owned();
    factory.item("DEMO-11", "", "Add a greeting");
    let stubborn = "trap '' TERM HUP INT; echo $$ > {{script_dir}}/stubborn.part; \
                    mv {{script_dir}}/stubborn.part {{script_dir}}/stubborn; while :; do sleep 1; done";
    let held = "trap '' TERM HUP INT; echo $$ > {{script_dir}}/holding; while :; do sleep 1; done";
    factory.script(
        &Script::new()
            .step(
                Step::coder("DEMO-11")
                    .round(1)
                    .linger(stubborn)
                    .act(format!("{{ linger_holding_output = {held:?} }}"))
                    .wait_for("stubborn")
                    .wait_for("holding")
                    .write("half.txt", "half done\n")
                    .hang(),
            )
            .step(
                Step::coder("DEMO-11")
                    .wait_for("go-on")
                    .write("greeting.txt", "hello\n")
                    .answer(DONE),
            )
            .step(Step::critic("DEMO-11").answer(APPROVE)),
    );
    factory.start();
    factory.wait_until("the second round begins", |picture| {
        picture.run_of("DEMO-11").is_some_and(|run| run.round == 2)
    });
    for name in ["stubborn", "holding"] {
        let pid = fs::read_to_string(factory.root().join(name)).expect("its number");
        let pid: u32 = pid.trim().parse().expect("a number");
        let survivors = factory.survivors();
        assert!(!survivors.iter().any(|found| found.pid == pid), "{name} lives: {survivors:?}");
    }
    let events = factory.run_events("DEMO-11");
    let timed_out = events.iter().any(|event| {
        matches!(event, Event::TurnFinished { report, .. } if matches!(report.ending, TurnEnding::TimedOut { .. }))
    });
    assert!(timed_out, "{events:#?}");
    factory.touch("go-on");
    let picture = factory.wait_until_done(&["DEMO-11"]);
    assert_eq!(picture.item("DEMO-11").attempts, 0, "a later round made it good");
    assert!(factory.survivors().is_empty(), "{:?}", factory.survivors());
}

#[test]
fn an_agent_that_crashes_is_held_against_the_round_and_what_it_left_running_is_ended() {
    let mut factory = Factory::new();
    factory.item("DEMO-12", "", "Add a greeting");
    factory.script(
        &Script::new()
            .step(
                Step::coder("DEMO-12")
                    .unless_file("crashed")
                    .note("crashed")
                    .linger("echo $$ > {{script_dir}}/left; while :; do sleep 1; done")
                    .wait_for("left")
                    .act("{ crash = \"SEGV\" }".to_owned()),
            )
            .step(Step::coder("DEMO-12").write("greeting.txt", "hello\n").answer(DONE))
            .step(Step::critic("DEMO-12").answer(APPROVE)),
    );
    factory.start();
    factory.until("the first turn is over", BOUND, |factory| {
        let events = factory.run_events("DEMO-12");
        events.iter().any(|event| matches!(event, Event::TurnFinished { .. })).then_some(())
    });
    let left = fs::read_to_string(factory.root().join("left")).expect("its number");
    let left: u32 = left.trim().parse().expect("a number");
    assert!(!factory.survivors().iter().any(|found| found.pid == left));
    factory.wait_until_done(&["DEMO-12"]);
    assert_eq!(factory.repository.merges_of("DEMO-12"), 1);
}
