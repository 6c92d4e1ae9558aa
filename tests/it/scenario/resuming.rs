//! Turns that are cut short and gone on with: in the same conversation where the agent still has it, else with a summary.

use std::fs;
use std::path::PathBuf;

use enact_factory::domain::event::Event;
use enact_factory::domain::failure::FailureClass;
use enact_factory::domain::run::Outcome;

use crate::support::factory::script::{APPROVE, DONE, Script, Step};
use crate::support::factory::{BOUND, Factory};

/// A factory whose coder keeps its conversations.
fn with_sessions() -> Factory {
    let mut factory = Factory::new();
    factory.stage_config.0 = "adapter = \"rememberer\"".to_owned();
    factory.more_config = format!(
        "[agents.rememberer]\nkind = \"scripted\"\nscript = \"{}/script.toml\"\nargs = [\"--sessions\"]\n",
        factory.root().display()
    );
    factory
}

/// Works for a while, and then the usage window is closed for `seconds`.
fn limited(item: &str, seconds: u32) -> Step {
    Step::coder(item)
        .unless_file("limited")
        .note("limited")
        .run("echo half > half.txt")
        .say("The parser is next.")
        .costs(5)
        .act(format!(
            "{{ fail = {{ class = \"quota\", message = \"5-hour limit reached\", in_seconds = {seconds} }} }}"
        ))
}

fn goes_on(step: Step) -> Step {
    save(step.act(String::from("{ save_session = \"{{script_dir}}/session\" }"))).costs(5)
}

fn save(step: Step) -> Step {
    step.act("{ save_prompt = \"{{script_dir}}/second\" }".to_owned())
}

fn resumed(item: &str) -> Step {
    let mut step = Step::coder(item);
    step.condition("resumed = true");
    goes_on(step).write("whole.txt", "whole\n").answer(DONE)
}

/// What a scripted agent saved.
fn saved(factory: &Factory, name: &str) -> String {
    fs::read_to_string(factory.root().join(name)).expect("what the agent saved")
}

/// Kept conversations in the state directory.
fn kept(factory: &Factory) -> Vec<PathBuf> {
    let below = |path: PathBuf| -> Vec<PathBuf> {
        let entries = fs::read_dir(path).map(Iterator::collect::<Vec<_>>).unwrap_or_default();
        entries.into_iter().flatten().map(|entry| entry.path()).collect()
    };
    let turns = below(factory.state().join("runs")).into_iter().flat_map(below);
    turns.map(|turn| turn.join("session")).filter(|session| session.exists()).collect()
}

fn assert_done_at_no_expense(factory: &mut Factory, item: &str) {
    let picture = factory.wait_until_done(&[item]);
    assert_eq!(picture.item(item).attempts, 0);
    assert_eq!(factory.outcomes(item), [Some(Outcome::Succeeded)], "one run");
    assert_eq!(kept(factory), Vec::<PathBuf>::new(), "a conversation outlives its run");
}

#[test]
fn after_a_closed_window_the_agent_goes_on_in_its_conversation() {
    let mut factory = with_sessions();
    factory.item("DEMO-1", "", "Write a parser");
    factory.script(
        &Script::new()
            .step(limited("DEMO-1", 3))
            .step(resumed("DEMO-1"))
            .step(Step::critic("DEMO-1").answer(APPROVE)),
    );
    factory.start();
    factory.wait_until("the run waits", |picture| {
        picture.run_of("DEMO-1").is_some_and(|run| run.waiting.is_some())
    });
    assert_eq!(kept(&factory).len(), 1);
    assert_done_at_no_expense(&mut factory, "DEMO-1");
    let turns = factory.runs("DEMO-1").remove(0).turns;
    assert_eq!((turns[1].resumes, &turns[1].session), (Some(1), &turns[0].session));
    let second = saved(&factory, "second");
    assert!(second.starts_with("# Continue\n"), "{second}");
    assert!(second.contains("5-hour limit reached") && second.contains("DEMO-1"), "{second}");
    assert!(!second.contains("# Your task") && !second.contains("# Handover"), "{second}");
    let session = saved(&factory, "session");
    let (first, rest) = session.split_once("# Continue").expect("both prompts");
    assert!(first.contains("# Your task") && first.contains("Write a parser"), "{first}");
    assert!(rest.contains("# How to end"), "{rest}");
    let shown = factory.cli_ok(&["inspect", "DEMO-1", "--context"]).out;
    assert!(shown.contains("Continue"), "{shown}");
}

#[test]
fn an_agent_that_cannot_go_on_is_told_what_was_done() {
    let mut factory = Factory::new();
    factory.item("DEMO-2", "", "Write a parser");
    factory.script(
        &Script::new()
            .step(limited("DEMO-2", 3))
            .step(save(Step::coder("DEMO-2")).write("whole.txt", "whole\n").answer(DONE))
            .step(Step::critic("DEMO-2").answer(APPROVE)),
    );
    factory.start();
    assert_done_at_no_expense(&mut factory, "DEMO-2");
    assert_eq!(factory.runs("DEMO-2")[0].turns[1].resumes, None);
    let second = saved(&factory, "second");
    assert!(second.contains("# Your task") && second.contains("Write a parser"), "{second}");
    let handover = second.split("# Handover").nth(1).expect("a handover");
    for told in
        ["stand-in", "1 tool calls", "5-hour limit reached", "half.txt", "The parser is next."]
    {
        assert!(handover.contains(told), "{told} is missing in {handover}");
    }
    let shown = factory.cli_ok(&["inspect", "DEMO-2", "--context"]).out;
    assert!(shown.contains("Handover"), "{shown}");
}

#[test]
fn who_stands_in_for_another_agent_is_told_what_that_had_done() {
    let mut factory = with_sessions();
    factory.more_config.push_str("failover = [\"stand-in\"]\n");
    factory.item("DEMO-5", "", "Write a parser");
    factory.script(
        &Script::new()
            .step(limited("DEMO-5", 3_600))
            .step(save(Step::coder("DEMO-5")).write("whole.txt", "whole\n").answer(DONE))
            .step(Step::critic("DEMO-5").answer(APPROVE)),
    );
    factory.start();
    assert_done_at_no_expense(&mut factory, "DEMO-5");
    let turns = factory.runs("DEMO-5").remove(0).turns;
    assert_eq!((turns[1].agent.as_str(), turns[1].resumes), ("stand-in", None));
    let second = saved(&factory, "second");
    let handover = second.split("# Handover").nth(1).expect("a handover");
    assert!(handover.contains("by agent rememberer") && handover.contains("half.txt"), "{second}");
}

#[test]
fn a_conversation_that_is_gone_costs_no_attempt_and_the_whole_task_is_told_again() {
    let mut factory = with_sessions();
    factory.item("DEMO-3", "", "Write a parser");
    factory.script(
        &Script::new()
            .step(limited("DEMO-3", 8))
            .step(resumed("DEMO-3"))
            .step(save(Step::coder("DEMO-3")).write("whole.txt", "whole\n").answer(DONE))
            .step(Step::critic("DEMO-3").answer(APPROVE)),
    );
    factory.start();
    let conversation = factory.until("it is kept", BOUND, |factory| kept(factory).pop());
    let sessions = conversation.join(".scripted/sessions");
    let files = fs::read_dir(sessions).expect("the sessions").flatten();
    files.for_each(|file| fs::remove_file(file.path()).expect("a session"));
    assert_done_at_no_expense(&mut factory, "DEMO-3");
    let turns = factory.runs("DEMO-3").remove(0).turns;
    let resumes: Vec<_> = turns.iter().map(|turn| turn.resumes).collect();
    assert_eq!(resumes, [None, Some(1), None, None]);
    let gone = turns[1].report.as_ref().and_then(|report| report.failure()).expect("a failure");
    assert_eq!(gone.class, FailureClass::Infrastructure);
    assert!(gone.message.contains("no conversation found"), "{}", gone.message);
    let second = saved(&factory, "second");
    assert!(second.contains("# Your task") && second.contains("# Handover"), "{second}");
    assert!(second.contains("5-hour limit reached"), "{second}");
}

#[test]
fn a_stop_of_the_daemon_or_its_death_in_the_middle_of_a_turn_ends_no_conversation() {
    for dies in [false, true] {
        let mut factory = with_sessions();
        factory.item("DEMO-4", "", "Write a parser");
        let first = Step::coder("DEMO-4")
            .unless_file("began")
            .run("echo half > half.txt")
            .costs(5)
            .note("began")
            .hang();
        factory.script(
            &Script::new()
                .step(first)
                .step(resumed("DEMO-4"))
                .step(Step::critic("DEMO-4").answer(APPROVE)),
        );
        factory.start();
        factory.wait_for_file("began");
        if dies {
            factory.power_cut();
        } else {
            factory.sigterm();
        }
        factory.start();
        assert_done_at_no_expense(&mut factory, "DEMO-4");
        let turns = factory.runs("DEMO-4").remove(0).turns;
        assert_eq!((turns[1].resumes, &turns[1].session), (Some(1), &turns[0].session), "{dies}");
        let second = saved(&factory, "second");
        assert!(second.starts_with("# Continue\n") && second.contains("# Recovery"), "{second}");
        assert!(saved(&factory, "session").contains("# Your task"));
        let interrupted = factory.run_events("DEMO-4");
        let interrupted =
            interrupted.iter().filter(|it| matches!(it, Event::TurnInterrupted { .. }));
        assert_eq!(interrupted.count(), 1);
    }
}
