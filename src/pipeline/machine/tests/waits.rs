//! Waiting: for whom, how long, at whose expense, and when no longer.

use std::time::Duration;

use super::driver::{Driver, change, turn_report};
use crate::domain::agent::TurnEnding;
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::run::{Outcome, Phase};
use crate::pipeline::input::{Input, Settle};

const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn a_closed_usage_window_is_waited_for_and_spends_nothing() {
    let mut run = Driver::new();
    let until = run.now.after(5 * HOUR);
    run.quota(Some(until));
    assert_eq!(run.state.waiting.as_ref().map(|waiting| waiting.until), Some(until));
    assert_eq!((run.state.phase, run.state.round), (Phase::Coding, 1));
    assert!(run.delay() > 4 * HOUR);
    run.coder_done("a").checks(None).approve().deliver();
    assert!(run.now >= until);
    assert_eq!((run.outcome(), run.state.round), (&Outcome::Succeeded, 1));
}

#[test]
fn a_window_that_opens_after_a_day_ends_the_run_and_the_item_waits() {
    let mut run = Driver::new();
    let until = run.now.after(48 * HOUR);
    run.quota(Some(until));
    assert_eq!(run.outcome(), &Outcome::WaitingQuota { until: Some(until) });
    assert!(!run.outcome().spends_attempt());
}

#[test]
fn a_window_that_closed_without_a_time_is_looked_at_again_later() {
    let mut run = Driver::new();
    run.quota(None);
    assert!(run.delay() >= Duration::from_secs(14 * 60));
}

#[test]
fn a_window_that_should_be_open_already_is_not_hammered() {
    let mut run = Driver::new();
    let past = run.now.before(HOUR);
    run.quota(Some(past));
    assert!(run.delay() >= Duration::from_secs(9), "{:?}", run.delay());
    let first = run.delay();
    run.quota(Some(past)).quota(Some(past));
    assert!(run.delay() > 2 * first);
}

#[test]
fn a_window_that_never_opens_ends_the_run() {
    let mut run = Driver::new();
    for _ in 0..100 {
        if run.state.outcome.is_none() {
            run.quota(None);
        }
    }
    assert_eq!(run.outcome(), &Outcome::WaitingQuota { until: None });
    assert!(run.now.since(run.state.started) < 25 * HOUR);
}

#[test]
fn waiting_for_quota_does_not_use_up_the_patience_with_our_own_failures() {
    let mut run = Driver::new();
    for _ in 0..6 {
        run.quota(Some(run.now.after(HOUR)));
    }
    run.infra().infra().infra().infra();
    assert_eq!(run.state.outcome, None);
    run.coder_done("a");
    assert_eq!(run.state.phase, Phase::Checking);
}

#[test]
fn a_throttled_turn_waits_as_long_as_the_provider_asked() {
    let mut run = Driver::new();
    let until = run.now.after(HOUR);
    run.turn_fails(FailureClass::Throttled { until: Some(until) });
    assert_eq!(run.state.waiting.as_ref().map(|waiting| waiting.until), Some(until));
    run.coder_done("a");
    assert_eq!((run.state.phase, run.state.round), (Phase::Checking, 1));
}

#[test]
fn a_throttle_is_never_waited_for_longer_than_a_day() {
    let mut run = Driver::new();
    let until = Some(run.now.after(30 * 24 * HOUR));
    run.turn_fails(FailureClass::Throttled { until });
    assert_eq!(run.outcome(), &Outcome::Throttled { until });
}

#[test]
fn throttled_again_and_again_ends_as_throttled() {
    let mut run = Driver::new();
    for _ in 0..5 {
        run.turn_fails(FailureClass::Throttled { until: None });
    }
    assert_eq!(run.outcome(), &Outcome::Throttled { until: None });
}

#[test]
fn five_failures_on_our_side_end_the_run_and_each_waits_longer() {
    let mut run = Driver::new();
    let mut delays = Vec::new();
    for _ in 0..4 {
        run.turn_fails(FailureClass::Infrastructure);
        delays.push(run.delay().as_secs());
    }
    assert_eq!(delays, [10, 20, 40, 80]);
    run.turn_fails(FailureClass::Infrastructure);
    assert_eq!(run.outcome(), &Outcome::InfraFailed);
}

#[test]
fn progress_makes_failures_on_our_side_forgotten() {
    let mut run = Driver::fresh(super::driver::plan(), Vec::new());
    run.infra().infra().infra().infra().workspace();
    run.infra().infra().infra().infra().coder_done("a");
    run.infra().infra().infra().infra().checks(None);
    run.infra().infra().infra().infra().approve().deliver();
    assert_eq!(run.outcome(), &Outcome::Succeeded);
}

#[test]
fn what_never_began_is_tried_again_as_the_same_effect() {
    let mut run = Driver::new();
    run.infra();
    assert!(matches!(run.last.as_ref().unwrap().settle, Settle::Retry { .. }));
    assert_eq!((run.state.turns.len(), run.state.next_turn()), (0, 1));
}

#[test]
fn a_turn_whose_process_could_not_be_spawned_after_it_was_recorded_is_tried_again() {
    let mut run = Driver::new();
    run.begin();
    let failure = Failure::infrastructure("no such program");
    run.feed(Input::TurnNotStarted { turn: 1, failure });
    assert!(run.state.turn_in_flight().is_none());
    assert_eq!((run.state.phase, run.state.infra_failures), (Phase::Coding, 1));
    run.coder_done("a");
    assert_eq!(run.state.turns.len(), 2);
}

#[test]
fn a_turn_that_git_could_not_measure_is_tried_again() {
    let mut run = Driver::new();
    run.begin().end(TurnEnding::Completed, "", None, false);
    assert_eq!((run.state.phase, run.state.round), (Phase::Coding, 1));
    assert!(run.state.waiting.is_some());
}

#[test]
fn what_only_a_person_can_put_right_asks_one() {
    for class in [FailureClass::Configuration, FailureClass::ContextOverflow] {
        let mut run = Driver::new();
        run.turn_fails(class);
        assert_eq!(run.outcome(), &Outcome::WaitingHuman);
        let mut run = Driver::new();
        run.coder_done("a").fails(class);
        assert_eq!(run.outcome(), &Outcome::WaitingHuman);
    }
}

#[test]
fn a_run_whose_agent_is_not_let_in_waits_in_its_place_and_spends_nothing() {
    let mut run = Driver::new();
    run.turn_fails(FailureClass::Authentication);
    let waiting = run.state.waiting.clone().expect("a wait");
    assert_eq!(waiting.failure.class, FailureClass::Authentication);
    assert_eq!((run.state.phase, run.state.round, run.state.infra_failures), (Phase::Coding, 1, 0));
    run.coder_done("a").checks(None);
    run.turn_fails(FailureClass::Authentication);
    assert_eq!((run.state.phase, run.state.gate_misses), (Phase::Critiquing, 0));
    run.approve().deliver();
    assert_eq!((run.outcome(), run.state.round), (&Outcome::Succeeded, 1));
}

#[test]
fn an_agent_that_is_never_let_in_is_a_matter_for_people_in_the_end() {
    let mut run = Driver::new();
    for _ in 0..100 {
        if run.state.outcome.is_none() {
            run.turn_fails(FailureClass::Authentication);
        }
    }
    assert_eq!(run.outcome(), &Outcome::WaitingHuman);
    assert_eq!(run.state.turns.len(), 20);
}

#[test]
fn a_critic_on_a_closed_window_waits_without_missing_its_gate() {
    let mut run = Driver::new();
    run.coder_done("a").checks(None);
    run.quota(Some(run.now.after(HOUR)));
    assert_eq!((run.state.phase, run.state.gate_misses), (Phase::Critiquing, 0));
    run.approve();
    assert_eq!(run.state.phase, Phase::Publishing);
}

#[test]
fn a_stale_failure_to_make_the_worktree_changes_nothing() {
    let mut run = Driver::new();
    let before = run.state.clone();
    run.feed(Input::WorkspaceFailed { failure: Failure::infrastructure("late") });
    assert_eq!(run.state, before);
    run.coder_done("a");
    let before = run.state.clone();
    run.feed(Input::TurnNotStarted { turn: 2, failure: Failure::infrastructure("never wanted") });
    assert_eq!(run.state, before, "the checks are under way, no turn is wanted");
}

#[test]
fn a_coder_stopped_from_outside_is_started_again() {
    let mut run = Driver::new();
    run.turn(TurnEnding::Cancelled, "", "half");
    assert_eq!((run.state.phase, run.state.round), (Phase::Coding, 1));
    assert_eq!(run.state.change, Some(change("half")));
    assert_eq!(
        run.state.turns[0].report.as_ref().unwrap().usage,
        turn_report(TurnEnding::Cancelled, "").usage
    );
}
