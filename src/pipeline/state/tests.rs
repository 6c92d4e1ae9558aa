use proptest::prelude::{Strategy, any};
use proptest::sample::Index;

use super::*;
use crate::domain::verdict::{Severity, Verdict};
use crate::pipeline::input::Input;
use crate::pipeline::machine::tests::driver::{Driver, START, TURN_USAGE, finding, plan};
use crate::pipeline::machine::tests::properties::runner;
use crate::pipeline::machine::tests::stages::plan_with;

/// Runs that between them have seen every kind of event a run can have.
fn eventful() -> Vec<Driver> {
    let mut smooth = Driver::fresh(plan(), vec![finding(Severity::Note, "inherited")]);
    smooth.infra().workspace().coder_done("a").infra().checks(None).revise("one");
    smooth.begin().crash().coder_done("b").checks(None).critic_says("no verdict").approve();
    smooth.infra().deliver();
    smooth.feed(Input::CleanedUp { kept: false, salvaged: None });
    let mut stopped = Driver::new();
    stopped.begin().cancel();
    stopped.feed(Input::Delivered { delivered: Delivered::Nothing });
    let mut whole = Driver::with(plan_with(&[Stage::Diagnose, Stage::Tester, Stage::Auditor]));
    let done = r#"{"summary": "did it"}"#;
    whole.says(Stage::Diagnose, done).coder_done("a").checks(None).approve();
    whole.writes(Stage::Tester, "ab", done).checks(None).approve();
    whole.audit(Verdict::Approve, &[]).deliver();
    vec![smooth, stopped, whole]
}

#[test]
fn only_the_first_event_makes_a_run() {
    assert!(RunState::first(&Event::RunApproved { head: String::new() }, START).is_none());
    let state = Driver::fresh(plan(), vec![finding(Severity::Note, "inherited")]).state;
    assert_eq!((state.round, state.rounds.len(), state.phase), (1, 1, Phase::Preparing));
    assert_eq!(state.current_findings().count(), 1, "an earlier run's findings come first");
}

#[test]
fn a_stored_state_reads_back_as_it_was() {
    for run in eventful() {
        let text = serde_json::to_string(&run.state).unwrap();
        let read: RunState = serde_json::from_str(&text).unwrap();
        assert_eq!(read, run.state);
    }
}

#[test]
fn a_state_never_holds_what_agents_said_in_full() {
    for run in eventful() {
        let text = serde_json::to_string(&run.state).unwrap();
        assert!(!text.contains("I read the diff"), "texts are in the log and on disk");
    }
}

#[test]
fn findings_of_the_last_round_are_to_be_answered_and_older_ones_stay_answered() {
    let mut run = Driver::fresh(plan(), vec![finding(Severity::Note, "inherited")]);
    run.workspace().coder_done("a").checks(None).revise("one");
    run.coder_done("b").checks(None).revise("two");
    let problems = |list: Vec<&Finding>| -> Vec<String> {
        list.into_iter().map(|finding| finding.problem.clone()).collect()
    };
    assert_eq!(problems(run.state.current_findings().collect()), ["two"]);
    assert_eq!(problems(run.state.earlier_findings().collect()), ["inherited", "one"]);
}

/// Any events in any order, even of another run's past: a fold has no right to refuse.
#[test]
fn no_sequence_of_events_makes_the_fold_fail() {
    let known: Vec<Event> =
        eventful().into_iter().flat_map(|run| run.log).map(|(event, _)| event).collect();
    let kinds: std::collections::BTreeSet<String> = known
        .iter()
        .map(|event| serde_json::to_value(event).unwrap()["type"].as_str().unwrap().to_owned())
        .collect();
    assert!(kinds.len() >= 17, "{kinds:?}");
    let numbers = [0_u32, 1, 2, 3, u32::MAX];
    let choice = (any::<Index>(), any::<Index>()).prop_map(move |(event, number)| {
        renumbered(event.get(&known).clone(), numbers[number.index(numbers.len())])
    });
    let tried = runner(500).run(&proptest::collection::vec(choice, 0..40), |events| {
        let mut state = Driver::new().state;
        for event in &events {
            state.evolve(event, START);
        }
        let in_flight = state.turns.iter().filter(|turn| turn.in_flight()).count();
        assert!(state.turn_in_flight().is_none() || in_flight > 0);
        let _total = (state.recovering(), state.next_turn(), state.turn(0), state.turn(u32::MAX));
        assert!(state.current_findings().count() <= state.findings.len());
        Ok(())
    });
    if let Err(error) = tried {
        panic!("{error}");
    }
}

fn renumbered(event: Event, number: u32) -> Event {
    match event {
        Event::TurnFinished { report, change, tampered, .. } => {
            Event::TurnFinished { turn: number, report, change, tampered }
        }
        Event::TurnInterrupted { cause, salvaged, .. } => {
            Event::TurnInterrupted { turn: number, cause, salvaged }
        }
        Event::RevisionRequested { findings, .. } => {
            Event::RevisionRequested { round: number, findings }
        }
        Event::ChecksFinished { report, .. } => Event::ChecksFinished { execution: number, report },
        other => other,
    }
}

#[test]
fn sums_of_usage_saturate_instead_of_wrapping() {
    let mut usage = Usage { input_tokens: u64::MAX, ..Usage::default() };
    usage += TURN_USAGE;
    assert_eq!(usage.input_tokens, u64::MAX);
    assert_eq!(usage.billed_tokens(), u64::MAX);
}
