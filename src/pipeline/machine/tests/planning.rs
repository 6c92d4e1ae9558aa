//! The planner: an item is divided and the run is over, or it is done in one piece in the same run.

use super::driver::{Driver, stage_plan};
use super::stages::plan_with;
use crate::domain::agent::{Stage, TimeoutKind, TurnEnding};
use crate::domain::epic::DivisionPlan;
use crate::domain::event::Event;
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::run::{Outcome, Phase};
use crate::domain::verdict::StageResult;

const DIVIDED: &str = r#"{"needs_decomposition": true, "reason": "two things", "children": [
    {"title": "b", "description": "do b", "estimated_minutes": 20, "depends_on": [1]},
    {"title": "a", "description": "do a", "estimated_minutes": 20}]}"#;
const WHOLE: &str = r#"{"needs_decomposition": false, "reason": "it is one piece"}"#;

fn with(stages: &[Stage]) -> Driver {
    let mut plan = plan_with(stages);
    plan.stages.optional.planner = Some(stage_plan("planner"));
    plan.division = Some(DivisionPlan {
        estimated_minutes: 90,
        threshold_minutes: 30,
        most_parts: 3,
        approval: false,
    });
    Driver::with(plan)
}

fn failed(class: FailureClass, message: &str) -> TurnEnding {
    TurnEnding::Failed { failure: Failure::new(class, message) }
}

fn kept_whole(run: &Driver) -> &str {
    match &run.state.stage_results[&Stage::Planner] {
        StageResult::Skipped { reason } => reason,
        StageResult::Done { report } => &report.summary,
    }
}

#[test]
fn a_run_whose_planner_divides_ends_without_a_change() {
    let mut run = with(&[Stage::Diagnose]);
    assert_eq!(run.state.phase, Phase::Planning);
    run.says(Stage::Planner, DIVIDED);
    assert_eq!(run.state.outcome, Some(Outcome::Succeeded));
    assert_eq!(run.state.detail, "divided into 2 parts: a; b");
    let division = run.state.division.as_ref().unwrap();
    assert_eq!(division.parts[1].depends_on, [1]);
    assert_eq!((run.state.turns.len(), run.state.change.is_none()), (1, true));
}

#[test]
fn what_is_one_piece_goes_on_in_the_same_run() {
    let mut run = with(&[]);
    run.says(Stage::Planner, WHOLE);
    assert_eq!((run.state.phase, kept_whole(&run)), (Phase::Coding, "it is one piece"));
    run.coder_done("a").checks(None).approve();
    assert_eq!(run.state.phase, Phase::Publishing);
    let mut run = with(&[Stage::Diagnose]);
    run.says(Stage::Planner, WHOLE);
    assert_eq!(run.state.phase, Phase::Diagnosing);
}

#[test]
fn an_answer_that_cannot_be_used_is_asked_for_again_once_with_the_reason() {
    let mut run = with(&[]);
    run.says(Stage::Planner, "I would divide it.");
    assert_eq!((run.state.phase, run.state.outcome.clone()), (Phase::Planning, None));
    run.says(Stage::Planner, DIVIDED);
    let told = run.given(Stage::Planner);
    assert!(!told[0].contains("could not be used"), "{}", told[0]);
    assert!(told[1].contains("could not be used"), "{}", told[1]);
    assert!(told[1].contains("holds no JSON object with `needs_decomposition`"), "{}", told[1]);
    assert!(run.state.division.is_some());

    let mut run = with(&[]);
    run.says(Stage::Planner, "I would divide it.").says(Stage::Planner, "As I said.");
    assert_eq!(run.state.phase, Phase::Coding);
    assert!(kept_whole(&run).starts_with("the planner's answer cannot be used: "));
}

#[test]
fn whatever_becomes_of_the_planner_the_item_is_done() {
    let mut run = with(&[]);
    run.begin().end(failed(FailureClass::Agent, "no such model"), "", None, false);
    assert_eq!(run.state.phase, Phase::Coding);
    assert!(kept_whole(&run).contains("no such model"));
    let mut run = with(&[]);
    run.begin().end(TurnEnding::TimedOut { clock: TimeoutKind::Total }, "", None, false);
    assert_eq!((run.state.phase, kept_whole(&run)), (Phase::Coding, "the planner ran out of time"));
    let mut run = with(&[]);
    run.begin().end(failed(FailureClass::Quota { until: None }, "closed"), "", None, false);
    assert_eq!(run.state.phase, Phase::Planning, "what only the provider can cure is waited for");
    assert!(run.state.waiting.is_some());
}

#[test]
fn the_planner_is_told_the_item_between_fences_and_its_limits() {
    let mut run = with(&[]);
    run.begin();
    let told = run.given(Stage::Planner)[0];
    for said in ["<<<UNTRUSTED goal", "90 minutes", "at most 3 parts", "needs_decomposition"] {
        assert!(told.contains(said), "{said} is missing in {told}");
    }
    assert!(told.contains("change nothing: no file"), "{told}");
}

#[test]
fn a_planner_that_was_cut_short_is_asked_again() {
    let mut run = with(&[]);
    run.begin().crash();
    assert_eq!((run.state.phase, run.state.turn_in_flight().is_none()), (Phase::Planning, true));
    run.says(Stage::Planner, DIVIDED);
    let submitted = run.log.iter().filter(|(it, _)| matches!(it, Event::DivisionSubmitted { .. }));
    assert_eq!(submitted.count(), 1);
}
