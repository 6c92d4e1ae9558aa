use super::*;
use crate::domain::agent::Stage;
use crate::pipeline::input::Input;
use crate::pipeline::machine::tests::driver::{Driver, turn_report};

fn failed(class: FailureClass) -> TurnEnding {
    TurnEnding::Failed { failure: Failure::new(class, "it did not go on") }
}

fn quota() -> TurnEnding {
    failed(FailureClass::Quota { until: None })
}

/// A run in the round's first coder turn, which ended like this after some tool calls.
fn after(ending: TurnEnding) -> Driver {
    let mut run = Driver::new();
    run.turn(ending, "", "half");
    run
}

fn number(record: Option<&TurnRecord>) -> Option<u32> {
    record.map(|record| record.turn)
}

/// The turn in flight goes on with the conversation of `turn`.
fn resumes(run: &mut Driver, turn: u32) {
    run.begin();
    run.state.turns.last_mut().unwrap().resumes = Some(turn);
}

/// The turn in flight ends like this, without any sign of life.
fn ends_lifeless(run: &mut Driver, ending: TurnEnding) {
    let turn = run.state.turn_in_flight().unwrap().turn;
    let report = TurnReport { ending, ..TurnReport::not_started(Failure::infrastructure("")) };
    let (change, tampered) = (None, false);
    run.feed(Input::TurnFinished(Box::new(crate::pipeline::input::FinishedTurn {
        turn,
        report,
        change,
        tampered,
        instead: None,
    })));
}

#[test]
fn what_only_had_to_wait_is_continued_and_what_failed_by_itself_is_not() {
    for ending in [
        quota(),
        failed(FailureClass::Throttled { until: None }),
        failed(FailureClass::Authentication),
        TurnEnding::Cancelled,
    ] {
        let run = after(ending.clone());
        assert_eq!(number(continued(&run.state)), Some(1), "{ending:?}");
        assert_eq!(number(cut_short(&run.state)), Some(1), "{ending:?}");
    }
    let run = after(failed(FailureClass::Infrastructure));
    assert_eq!(number(continued(&run.state)), None);
    assert_eq!(number(cut_short(&run.state)), Some(1));
    let run = after(failed(FailureClass::Agent));
    assert_eq!((number(continued(&run.state)), number(cut_short(&run.state))), (None, None));
}

#[test]
fn a_turn_that_was_refused_before_it_did_anything_leaves_nothing_to_go_on_with() {
    let mut run = Driver::new();
    run.begin();
    ends_lifeless(&mut run, quota());
    assert_eq!((number(continued(&run.state)), number(cut_short(&run.state))), (None, None));
}

#[test]
fn an_interrupted_turn_is_continued_though_nobody_saw_its_end() {
    let mut run = Driver::new();
    run.begin().crash();
    assert_eq!(number(continued(&run.state)), Some(1));
    assert_eq!(number(cut_short(&run.state)), Some(1));
}

#[test]
fn another_stage_round_or_agent_does_not_go_on_with_it() {
    let mut run = after(quota());
    run.state.plan.stages.coder.agent = "somebody-else".to_owned();
    assert_eq!(number(continued(&run.state)), None);
    assert_eq!(number(cut_short(&run.state)), Some(1), "who takes over is told");
    let mut run = after(quota());
    run.coder_done("a").checks(None);
    assert_eq!(run.state.stage(), Some(Stage::Critic));
    assert_eq!((number(continued(&run.state)), number(cut_short(&run.state))), (None, None));
}

#[test]
fn a_conversation_that_is_refused_again_is_kept_and_one_that_is_gone_is_given_up() {
    let mut run = after(quota());
    resumes(&mut run, 1);
    ends_lifeless(&mut run, quota());
    assert_eq!(number(continued(&run.state)), Some(2));
    assert_eq!(number(cut_short(&run.state)), Some(1));
    for ending in [
        failed(FailureClass::Agent),
        failed(FailureClass::ContextOverflow),
        failed(FailureClass::Configuration),
        TurnEnding::TimedOut { clock: TimeoutKind::Silence },
    ] {
        let mut run = after(quota());
        resumes(&mut run, 1);
        ends_lifeless(&mut run, ending.clone());
        let failure = run.state.turns[1].report.as_ref().unwrap().failure().unwrap();
        assert_eq!(failure.class, FailureClass::Infrastructure, "{ending:?}");
        assert!(failure.message.starts_with("the conversation could not be continued"));
        assert_eq!((run.state.round, run.state.outcome.as_ref()), (1, None), "no attempt is spent");
        assert_eq!(number(continued(&run.state)), None, "{ending:?}");
        assert_eq!(number(cut_short(&run.state)), Some(1), "{ending:?}");
    }
}

#[test]
fn a_conversation_has_used_what_all_its_turns_have() {
    let mut run = after(quota());
    let one = run.state.turns[0].report.as_ref().unwrap().usage;
    resumes(&mut run, 1);
    run.end(quota(), "", None, false);
    let mut two = one;
    two += one;
    assert_eq!(used(&run.state, &run.state.turns[1]), two);
    run.state.turns[1].resumes = None;
    assert_eq!(used(&run.state, &run.state.turns[1]), one);
}

#[test]
fn what_a_continued_conversation_did_is_judged_like_any_other_turn() {
    let mut run = after(quota());
    resumes(&mut run, 1);
    let report = turn_report(failed(FailureClass::Agent), "");
    assert_eq!(judged(&run.state, 2, report.clone()), report);
}
