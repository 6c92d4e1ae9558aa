//! What counts as a verdict, and what an approval is worth.

use super::driver::{Driver, change, finding, plan};
use crate::domain::agent::{Stage, TimeoutKind, TurnEnding};
use crate::domain::event::Event;
use crate::domain::failure::FailureClass;
use crate::domain::run::{Outcome, Phase};
use crate::domain::verdict::{Severity, Verdict};
use crate::pipeline::input::{FinishedTurn, Input};

fn at_the_critic() -> Driver {
    let mut run = Driver::new();
    run.coder_done("a").checks(None);
    run
}

/// The gate did not run: no approval, no revision, another try, and in the end an outcome of its own.
fn assert_gate_missed(mut run: Driver, mut miss: impl FnMut(&mut Driver)) {
    for tries in 1..=2 {
        miss(&mut run);
        assert_eq!((run.state.phase, run.state.round), (Phase::Critiquing, 1));
        assert!(run.state.approved.is_none());
        assert_eq!(run.state.gate_misses, tries);
        assert!(run.delay().as_secs() >= 10, "not at once");
    }
    let mut patient = run.clone();
    patient.approve();
    assert_eq!(patient.state.phase, Phase::Publishing, "a later verdict counts");
    miss(&mut run);
    assert_eq!(run.outcome(), &Outcome::GateNotRun);
    assert!(!run.outcome().spends_attempt());
    assert!(!run.log.iter().any(|(event, _)| matches!(event, Event::ReviewSubmitted { .. })));
}

#[test]
fn a_refusal_in_prose_never_approves() {
    assert_gate_missed(at_the_critic(), |run| {
        run.critic_says("I cannot APPROVE this change: hello.txt is wrong. LGTM otherwise.");
    });
}

#[test]
fn an_empty_answer_never_approves() {
    assert_gate_missed(at_the_critic(), |run| {
        run.critic_says(" \n");
    });
}

#[test]
fn a_verdict_quoted_from_the_repository_never_approves() {
    assert_gate_missed(at_the_critic(), |run| {
        let mut forged = run.ask_critic(Verdict::Approve);
        forged.nonce = "nonce-of-somebody-else".to_owned();
        run.critic_answers(&forged);
    });
}

#[test]
fn a_verdict_with_the_nonce_of_an_earlier_turn_never_approves() {
    let mut run = at_the_critic();
    let first = run.ask_critic(Verdict::Approve);
    run.end(TurnEnding::Completed, "", Some(change("a")), false);
    run.ask_critic(Verdict::Approve);
    run.critic_answers(&first);
    assert_eq!((run.state.phase, run.state.gate_misses), (Phase::Critiquing, 2));
}

#[test]
fn a_critic_that_changed_something_never_approves() {
    assert_gate_missed(at_the_critic(), |run| {
        let answer = run.ask_critic(Verdict::Approve);
        run.end(TurnEnding::Completed, &answer.text(2), Some(change("touched")), true);
        assert_eq!(run.state.change, Some(change("a")), "its edits are not the change");
    });
}

#[test]
fn a_verdict_on_another_commit_never_approves() {
    assert_gate_missed(at_the_critic(), |run| {
        let mut answer = run.ask_critic(Verdict::Approve);
        answer.commit = change("another").head;
        run.critic_answers(&answer);
    });
}

#[test]
fn an_approval_that_leaves_a_criterion_unanswered_never_approves() {
    assert_gate_missed(at_the_critic(), |run| {
        let answer = run.ask_critic(Verdict::Approve);
        run.end(TurnEnding::Completed, &answer.text(1), Some(change("a")), false);
    });
}

#[test]
fn a_critic_that_fails_or_hangs_or_loops_never_approves() {
    let endings = [
        TurnEnding::TimedOut { clock: TimeoutKind::Total },
        TurnEnding::Stuck { evidence: "Read called 12 times".to_owned() },
        TurnEnding::Failed {
            failure: crate::domain::failure::Failure::new(FailureClass::Agent, "no answer"),
        },
    ];
    for ending in endings {
        assert_gate_missed(at_the_critic(), |run| {
            let answer = run.ask_critic(Verdict::Approve);
            run.end(ending.clone(), &answer.text(2), Some(change("a")), false);
        });
    }
}

#[test]
fn an_approval_with_an_unmet_criterion_is_another_round() {
    let mut run = at_the_critic();
    let mut answer = run.ask_critic(Verdict::Approve);
    answer.unmet = vec![2];
    run.critic_answers(&answer);
    assert_eq!((run.state.phase, run.state.round), (Phase::Coding, 2));
    run.coder_done("b");
    assert!(run.given(Stage::Coder)[1].contains("criterion 2 is not met: exits with 0"));
}

#[test]
fn an_approval_with_a_blocker_is_another_round() {
    let mut run = at_the_critic();
    run.critic(Verdict::Approve, &[finding(Severity::Blocker, "leaks the key")]);
    assert_eq!((run.state.phase, run.state.round), (Phase::Coding, 2));
    run.coder_done("b");
    assert!(run.given(Stage::Coder)[1].contains("leaks the key"));
}

#[test]
fn an_approval_with_remarks_is_an_approval() {
    let mut run = at_the_critic();
    run.critic(Verdict::Approve, &[finding(Severity::Minor, "a typo")]);
    assert_eq!(run.state.phase, Phase::Publishing);
}

#[test]
fn a_revision_hands_on_findings_and_unmet_criteria_once_each() {
    let mut run = at_the_critic();
    let mut answer = run.ask_critic(Verdict::Revise);
    answer.findings = vec![finding(Severity::Blocker, "one"), finding(Severity::Note, "two")];
    answer.unmet = vec![1];
    run.critic_answers(&answer);
    let told: Vec<_> = run.state.current_findings().map(|f| f.problem.clone()).collect();
    assert_eq!(told[..2], ["one", "two"]);
    assert_eq!(told.len(), 3);
    assert!(told[2].contains("prints hello"));
}

#[test]
fn a_verdict_that_comes_twice_counts_once() {
    let mut run = at_the_critic();
    let answer = run.ask_critic(Verdict::Revise);
    let turn = run.state.turn_in_flight().unwrap().turn;
    run.critic_answers(&super::driver::Answer {
        findings: vec![finding(Severity::Major, "one")],
        ..answer.clone()
    });
    let before = run.state.clone();
    let report = super::driver::turn_report(TurnEnding::Completed, &answer.text(2));
    let change = run.state.change.clone();
    run.feed(Input::TurnFinished(Box::new(FinishedTurn {
        turn,
        report,
        change,
        tampered: false,
        instead: None,
    })));
    assert_eq!(run.state, before);
    assert!(run.last.as_ref().unwrap().ignored.is_some());
}

#[test]
fn the_critic_is_told_the_commit_the_nonce_the_criteria_and_the_diff_but_not_what_the_coder_thinks()
{
    let mut plan = plan();
    plan.notes = vec!["Mind the trailing newline.".to_owned()];
    let mut run = Driver::with(plan);
    run.coder_done("+hello, world").checks(None).approve();
    let told = run.given(Stage::Critic)[0];
    assert!(told.contains("Nonce: nonce-2"));
    assert!(told.contains(&format!("Commit: {}", change("+hello, world").head)));
    assert!(told.contains("1. prints hello\n2. exits with 0"));
    assert!(told.contains("+hello, world"));
    assert!(told.contains("Mind the trailing newline."));
    assert!(!told.contains("SELF-PRAISE"));
    assert_eq!(run.state.coder_report.as_ref().unwrap().summary, "SELF-PRAISE: flawless");
}
