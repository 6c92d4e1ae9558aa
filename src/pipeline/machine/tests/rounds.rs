//! Rounds: what leads to another one, what it is told, and when there are no more.

use super::driver::{Driver, TURN_USAGE, change, check_report, finding, plan};
use crate::domain::agent::{Stage, TimeoutKind, TurnEnding};
use crate::domain::budget::Usage;
use crate::domain::change::{CheckStatus, Delivered};
use crate::domain::effect::Effect;
use crate::domain::event::Event;
use crate::domain::failure::FailureClass;
use crate::domain::run::{Outcome, Phase, StuckKind};
use crate::domain::verdict::{Severity, Verdict};
use crate::pipeline::input::Input;

fn timed_out() -> TurnEnding {
    TurnEnding::TimedOut { clock: TimeoutKind::Total }
}

#[test]
fn approved_at_once() {
    let mut run = Driver::new();
    run.coder_done("a").checks(None).approve();
    assert_eq!(run.state.approved.as_deref(), Some(change("a").head.as_str()));
    run.deliver();
    assert_eq!(run.outcome(), &Outcome::Succeeded);
    assert_eq!(run.state.round, 1);
    assert_eq!(run.outbox.len(), 1, "only the clean-up is left to do");
    run.feed(Input::CleanedUp { kept: false, salvaged: None });
    assert_eq!(run.state.cleaned, Some(false));
}

#[test]
fn revised_then_approved_costs_the_sum_of_four_calls() {
    let mut run = Driver::new();
    run.coder_done("a").checks(None).revise("says bye").coder_done("b").checks(None).approve();
    run.deliver();
    assert_eq!((run.outcome(), run.state.round), (&Outcome::Succeeded, 2));
    let mut sum = Usage::default();
    for _ in 0..4 {
        sum += TURN_USAGE;
    }
    assert_eq!(run.state.usage, sum);
}

#[test]
fn revised_for_ever_ends_after_three_rounds_and_every_round_is_told_what_was_wrong() {
    let mut run = Driver::new();
    run.coder_done("a").checks(None).revise("flaw one");
    run.coder_done("b").checks(None).revise("flaw two");
    run.coder_done("c").checks(None).revise("flaw three");
    assert_eq!(run.outcome(), &Outcome::AgentFailed);
    assert_eq!((run.turns_of(Stage::Coder), run.turns_of(Stage::Critic)), (3, 3));
    let coder = run.given(Stage::Coder);
    assert!(!coder[0].contains("flaw"));
    assert!(coder[1].contains("flaw one") && coder[1].contains("undo: flaw one"));
    assert!(coder[2].contains("flaw one") && coder[2].contains("flaw two"));
    let open: Vec<&str> =
        run.state.findings.iter().map(|raised| raised.finding.problem.as_str()).collect();
    assert_eq!(open, ["flaw one", "flaw two", "flaw three"], "the next run inherits all of them");
    assert!(run.state.detail.contains("round 3 of 3"), "{}", run.state.detail);
}

#[test]
fn rejected_ends_after_one_round() {
    let mut run = Driver::new();
    let why = finding(Severity::Blocker, "the task asks for a back door");
    run.coder_done("a").checks(None).critic(Verdict::Reject, std::slice::from_ref(&why));
    assert_eq!((run.outcome(), run.state.round), (&Outcome::Rejected, 1));
    assert!(run.state.detail.contains("back door"));
    assert_eq!(run.state.findings[0].finding, why);
}

#[test]
fn a_rejection_that_only_names_unmet_criteria_still_says_why() {
    let mut run = Driver::new();
    run.coder_done("a").checks(None);
    let mut answer = run.ask_critic(Verdict::Reject);
    answer.unmet = vec![2];
    run.critic_answers(&answer);
    assert_eq!(run.outcome(), &Outcome::Rejected);
    assert!(run.state.detail.contains("exits with 0"), "{}", run.state.detail);
    assert_eq!(run.state.findings.len(), 1);
}

#[test]
fn findings_of_an_earlier_run_are_in_the_first_prompt() {
    let mut run = Driver::fresh(plan(), vec![finding(Severity::Major, "left from before")]);
    run.workspace().coder_done("a");
    assert!(run.given(Stage::Coder)[0].contains("left from before"));
}

#[test]
fn no_change_without_a_reason_is_not_success() {
    let mut run = Driver::new();
    run.coder_done("");
    assert_eq!((run.state.phase, run.state.round), (Phase::Coding, 2));
    run.coder_done("").coder_done("");
    assert_eq!(run.outcome(), &Outcome::Stuck { stuck: StuckKind::NoProgress });
    assert_eq!(run.turns_of(Stage::Critic), 0);
    assert!(run.given(Stage::Coder)[1].contains("did not say why"));
}

#[test]
fn no_change_with_a_reason_that_the_critic_confirms_delivers_nothing() {
    let mut run = Driver::new();
    run.coder_says("", r#"{"no_change_reason": "it already greets"}"#);
    assert_eq!(run.state.phase, Phase::Critiquing, "no checks for nothing");
    run.approve();
    assert_eq!(run.outcome(), &Outcome::Succeeded);
    assert_eq!(run.state.delivered, Some(Delivered::Nothing));
    assert!(run.given(Stage::Critic)[0].contains("it already greets"));
}

#[test]
fn no_change_with_a_reason_that_the_critic_doubts_is_another_round() {
    let mut run = Driver::new();
    run.coder_says("", r#"{"no_change_reason": "it already greets"}"#).revise("it does not");
    assert_eq!((run.state.phase, run.state.round), (Phase::Coding, 2));
    assert!(run.state.approved.is_none());
}

#[test]
fn no_change_with_a_reason_and_no_critic_asks_a_person() {
    let mut plan = plan();
    plan.stages.critic = None;
    let mut run = Driver::with(plan);
    run.coder_says("", r#"{"no_change_reason": "it already greets"}"#);
    assert_eq!(run.outcome(), &Outcome::WaitingHuman);
    assert!(run.state.detail.contains("it already greets"));
}

#[test]
fn a_question_asks_a_person() {
    let mut run = Driver::new();
    run.coder_says("", r#"{"summary": "", "question": "Which greeting?"}"#);
    assert_eq!(run.outcome(), &Outcome::WaitingHuman);
    assert!(run.state.detail.contains("Which greeting?"));
}

#[test]
fn without_critic_and_checks_the_diff_alone_is_delivered() {
    let mut plan = plan();
    plan.stages.critic = None;
    plan.checks.clear();
    let mut run = Driver::with(plan);
    run.coder_done("a").deliver();
    assert_eq!((run.outcome(), run.state.turns.len()), (&Outcome::Succeeded, 1));
}

#[test]
fn failing_checks_lead_to_another_round_with_their_output_and_without_asking_the_critic() {
    let mut run = Driver::new();
    run.coder_done("a").checks(Some("assertion failed: hello"));
    assert_eq!((run.state.phase, run.state.round), (Phase::Coding, 2));
    run.coder_done("b");
    assert_eq!(run.turns_of(Stage::Critic), 0);
    let told = run.given(Stage::Coder)[1];
    assert!(told.contains("assertion failed: hello") && told.contains("`make test` fails"));
    run.checks(None).approve().deliver();
    assert_eq!(run.outcome(), &Outcome::Succeeded);
}

#[test]
fn checks_that_time_out_block_and_checks_that_failed_before_do_not() {
    let mut run = Driver::new();
    run.coder_done("a").check_status(CheckStatus::TimedOut, "…");
    assert_eq!((run.state.phase, run.state.round), (Phase::Coding, 2));
    run.coder_done("b").check_status(CheckStatus::AlreadyFailing, "old trouble").approve();
    assert_eq!(run.state.phase, Phase::Publishing);
    assert!(run.given(Stage::Critic)[0].contains("old trouble"));
}

#[test]
fn checks_that_fail_in_the_last_round_end_the_run_with_the_command_named() {
    let mut plan = plan();
    plan.max_rounds = 1;
    let mut run = Driver::with(plan);
    run.coder_done("a").checks(Some("boom"));
    assert_eq!(run.outcome(), &Outcome::AgentFailed);
    assert!(run.state.detail.contains("checks fail: make test"), "{}", run.state.detail);
    assert_eq!(run.state.findings[0].finding.file, None, "a command is not a path");
}

#[test]
fn checks_of_another_commit_do_not_count_and_the_checks_are_run_again() {
    let mut run = Driver::new();
    run.coder_done("a");
    let report = check_report(&change("other").head, CheckStatus::Passed, "ok");
    run.feed(Input::ChecksFinished { execution: 1, report });
    assert_eq!(run.state.phase, Phase::Checking);
    assert!(run.state.checks.is_none());
    assert!(matches!(run.wait(), Effect::RunChecks { .. }));
    run.checks(None);
    assert_eq!(run.state.phase, Phase::Critiquing);
}

#[test]
fn checks_of_an_earlier_execution_change_nothing() {
    let mut run = Driver::new();
    run.coder_done("a").checks(Some("boom")).coder_done("a");
    let report = check_report(&change("a").head, CheckStatus::Passed, "ok");
    run.feed(Input::ChecksFinished { execution: 1, report });
    assert_eq!(run.state.phase, Phase::Checking, "passed before the round began: proves nothing");
    let failure = crate::domain::failure::Failure::infrastructure("late");
    run.feed(Input::ChecksFailed { execution: 1, failure });
    assert!(run.state.waiting.is_none());
}

#[test]
fn a_coder_that_runs_out_of_time_gets_another_round_and_keeps_its_work() {
    let mut run = Driver::new();
    run.turn(timed_out(), "", "half");
    assert_eq!((run.state.phase, run.state.round), (Phase::Coding, 2));
    assert_eq!(run.state.change, Some(change("half")));
    run.coder_done("whole");
    assert!(run.given(Stage::Coder)[1].contains("took too long"));
}

#[test]
fn a_coder_that_runs_out_of_time_in_the_last_round_timed_out() {
    let mut run = Driver::new();
    run.coder_done("a").checks(None).revise("one").coder_done("b").checks(None).revise("two");
    run.turn(TurnEnding::TimedOut { clock: TimeoutKind::Silence }, "", "c");
    assert_eq!(run.outcome(), &Outcome::TimedOut { clock: TimeoutKind::Silence });
}

#[test]
fn a_coder_that_fails_by_itself_gets_another_round_with_the_reason() {
    let mut run = Driver::new();
    run.turn_fails(FailureClass::Agent);
    assert_eq!((run.state.phase, run.state.round), (Phase::Coding, 2));
    run.coder_done("a");
    assert!(run.given(Stage::Coder)[1].contains("The previous turn failed: the turn broke"));
}

#[test]
fn a_tool_loop_is_stuck_at_once() {
    let mut run = Driver::new();
    run.turn(TurnEnding::Stuck { evidence: "Bash called 12 times".into() }, "", "a");
    assert_eq!(run.outcome(), &Outcome::Stuck { stuck: StuckKind::RepeatedToolCall });
    assert!(run.state.detail.contains("Bash called 12 times"));
}

#[test]
fn three_rounds_with_the_same_diff_are_stuck() {
    let mut plan = plan();
    plan.max_rounds = 6;
    let mut run = Driver::with(plan);
    run.coder_done("a").checks(None).revise("one").coder_done("a").checks(None).revise("two");
    run.coder_done("a").checks(None).revise("three");
    assert_eq!(run.outcome(), &Outcome::Stuck { stuck: StuckKind::NoProgress });
    assert_eq!(run.state.findings.len(), 3, "what the last round found is kept as well");
}

#[test]
fn three_rounds_with_the_same_failing_check_are_stuck() {
    let mut plan = plan();
    plan.max_rounds = 6;
    let mut run = Driver::with(plan);
    run.coder_done("a").checks(Some("failed in 1.2s at /tmp/x/y/main.rs:3"));
    run.coder_done("b").checks(Some("failed in 0.7s at /tmp/z/y/main.rs:9"));
    run.coder_done("c").checks(Some("failed in 2.0s at /tmp/q/y/main.rs:4"));
    assert_eq!(run.outcome(), &Outcome::Stuck { stuck: StuckKind::RepeatedError });
}

#[test]
fn the_same_demand_three_times_is_ping_pong() {
    let mut plan = plan();
    plan.max_rounds = 6;
    let mut run = Driver::with(plan);
    for diff in ["a", "b", "c"] {
        run.coder_done(diff).checks(None).revise("rename it");
    }
    assert_eq!(run.outcome(), &Outcome::Stuck { stuck: StuckKind::VerdictPingPong });
}

#[test]
fn a_coder_that_is_slow_but_moves_on_is_not_accused_of_ping_pong() {
    let mut plan = plan();
    plan.max_rounds = 6;
    let mut run = Driver::with(plan);
    for diff in ["a", "b", "c", "d"] {
        run.turn(timed_out(), "", diff);
    }
    assert_eq!((run.state.outcome.as_ref(), run.state.round), (None, 5));
}

#[test]
fn the_model_is_escalated_from_the_configured_round_on() {
    let mut plan = plan();
    plan.stages.coder.escalate_model = Some("large".to_owned());
    plan.stages.coder.escalate_after_round = 2;
    let mut run = Driver::with(plan);
    run.coder_done("a").checks(None).revise("one").coder_done("b").checks(None);
    let coder: Vec<_> = run
        .state
        .turns
        .iter()
        .filter(|turn| turn.stage == Stage::Coder)
        .map(|turn| (turn.round, turn.model.as_deref(), turn.escalated))
        .collect();
    assert_eq!(coder, [(1, Some("small"), false), (2, Some("large"), true)]);
    assert!(run.state.turns.iter().all(|turn| turn.stage == Stage::Coder || !turn.escalated));
}

#[test]
fn a_conflict_fails_the_delivery_and_not_the_work() {
    let mut run = Driver::new();
    run.coder_done("a").checks(None).approve().fails(FailureClass::Agent);
    assert_eq!(run.outcome(), &Outcome::DeliveryFailed);
    assert!(run.state.approved.is_some() && run.state.delivered.is_none());
    assert!(matches!(run.last_event(), Event::RunFinished { .. }));
}

#[test]
fn a_delivery_that_fails_on_our_side_is_tried_again_a_bounded_number_of_times() {
    let mut run = Driver::new();
    run.coder_done("a").checks(None).approve().infra().infra().deliver();
    assert_eq!(run.outcome(), &Outcome::Succeeded);
    let mut run = Driver::new();
    run.coder_done("a").checks(None).approve();
    for _ in 0..4 {
        run.infra();
        assert_eq!(run.state.phase, Phase::Publishing);
    }
    run.infra();
    assert_eq!(run.outcome(), &Outcome::DeliveryFailed);
}

#[test]
fn a_late_failure_of_an_earlier_delivery_does_not_disturb_the_next() {
    let mut run = Driver::new();
    run.coder_done("a").checks(None).approve().infra();
    let before = run.state.clone();
    let failure = crate::domain::failure::Failure::new(FailureClass::Agent, "late");
    run.feed(Input::DeliveryFailed { execution: 1, failure });
    assert_eq!(run.state, before);
}

#[test]
fn a_goal_that_people_change_counts_from_the_next_turn_on_and_the_coder_is_told_what_it_was() {
    let mut run = Driver::new();
    run.coder_done("a").checks(None);
    let body = "Say hallo too.\n\n## Acceptance criteria\n- [ ] prints hallo\n".to_owned();
    run.feed(Input::GoalChanged { title: "Greet in German".to_owned(), body });
    run.revise("does not print hallo");
    let critics = &run.given(Stage::Critic)[0];
    assert!(critics.contains("1. prints hallo") && !critics.contains("prints hello"), "{critics}");
    run.coder_done("b");
    let coders = &run.given(Stage::Coder)[1];
    assert!(coders.contains("# The goal has changed") && coders.contains("Greet the caller"));
    assert!(coders.contains("Greet in German"), "{coders}");
    run.checks(None).revise("still not").coder_done("c");
    assert!(!run.given(Stage::Coder)[2].contains("# The goal has changed"), "it was told once");
}

#[test]
fn a_goal_changed_during_a_turn_is_told_to_the_next_coder_and_back_again_is_no_change() {
    let mut run = Driver::new();
    run.begin();
    let german = || Input::GoalChanged { title: "Greet in German".to_owned(), body: String::new() };
    run.feed(german());
    run.end(TurnEnding::Completed, r#"{"summary": "done"}"#, Some(change("a")), false);
    run.checks(None).revise("x").coder_done("b");
    assert!(run.given(Stage::Coder)[1].contains("# The goal has changed"));
    let mut run = Driver::new();
    let before = (run.state.plan.title.clone(), run.state.plan.body.clone());
    run.feed(german());
    run.feed(Input::GoalChanged { title: before.0, body: before.1 });
    assert_eq!(run.state.changed_goal, None);
}
