//! Every way a run can end is reached.

use std::time::Duration;

use super::driver::Driver;
use crate::domain::agent::{TimeoutKind, TurnEnding};
use crate::domain::failure::FailureClass;
use crate::domain::run::{Delivery, Outcome, StuckKind};
use crate::domain::time::Timestamp;
use crate::domain::verdict::{Severity, Verdict};
use crate::pipeline::input::Input;

/// Position in the table below. No wildcard: a new outcome does not compile without a row.
fn row(outcome: &Outcome) -> usize {
    match outcome {
        Outcome::Succeeded => 0,
        Outcome::Rejected => 1,
        Outcome::GateNotRun => 2,
        Outcome::AgentFailed => 3,
        Outcome::Stuck { .. } => 4,
        Outcome::TimedOut { .. } => 5,
        Outcome::WaitingQuota { .. } => 6,
        Outcome::WaitingHuman => 7,
        Outcome::Throttled { .. } => 8,
        Outcome::InfraFailed => 9,
        Outcome::Cancelled { .. } => 10,
        Outcome::Superseded => 11,
        Outcome::DeliveryFailed => 12,
    }
}

fn far_from(run: &Driver) -> Option<Timestamp> {
    Some(run.now.after(Duration::from_secs(48 * 3600)))
}

fn last_round() -> Driver {
    let mut plan = super::driver::plan();
    plan.max_rounds = 1;
    Driver::with(plan)
}

#[test]
fn every_outcome_of_the_closed_list_is_reached() {
    let table: [fn(&mut Driver); 13] = [
        |run| {
            run.coder_done("a").checks(None).approve().deliver();
        },
        |run| {
            let why = super::driver::finding(Severity::Major, "no");
            run.coder_done("a").checks(None).critic(Verdict::Reject, &[why]);
        },
        |run| {
            run.coder_done("a").checks(None);
            run.critic_says("").critic_says("").critic_says("");
        },
        |run| {
            run.coder_done("a").checks(None).revise("more");
        },
        |run| {
            run.turn(TurnEnding::Stuck { evidence: "Bash".into() }, "", "a");
        },
        |run| {
            run.turn(TurnEnding::TimedOut { clock: TimeoutKind::Silence }, "", "a");
        },
        |run| {
            run.quota(far_from(run));
        },
        |run| {
            run.turn_fails(FailureClass::ContextOverflow);
        },
        |run| {
            run.turn_fails(FailureClass::Throttled { until: far_from(run) });
        },
        |run| {
            run.infra().infra().infra().infra().infra();
        },
        |run| {
            run.cancel();
        },
        |run| {
            run.feed(Input::Supersede { reason: "closed".to_owned(), settled: false });
        },
        |run| {
            run.coder_done("a").checks(None).approve().fails(FailureClass::Configuration);
        },
    ];
    for (index, play) in table.into_iter().enumerate() {
        let mut run = last_round();
        play(&mut run);
        assert_eq!(row(run.outcome()), index, "{:?}: {}", run.outcome(), run.state.detail);
        assert!(!run.state.detail.is_empty(), "{:?} explains itself", run.outcome());
        assert!(run.state.finished.is_some() && run.state.waiting.is_none());
    }
}

#[test]
fn only_failed_work_spends_an_attempt() {
    let stuck = StuckKind::NoProgress;
    let clock = TimeoutKind::Total;
    let all = [
        (Outcome::Succeeded, false),
        (Outcome::Rejected, true),
        (Outcome::GateNotRun, false),
        (Outcome::AgentFailed, true),
        (Outcome::Stuck { stuck }, true),
        (Outcome::TimedOut { clock }, true),
        (Outcome::WaitingQuota { until: None }, false),
        (Outcome::WaitingHuman, false),
        (Outcome::Throttled { until: None }, false),
        (Outcome::InfraFailed, false),
        (Outcome::Cancelled { by: String::new() }, false),
        (Outcome::Superseded, false),
        (Outcome::DeliveryFailed, false),
    ];
    for (index, (outcome, spends)) in all.into_iter().enumerate() {
        assert_eq!(row(&outcome), index);
        assert_eq!(outcome.spends_attempt(), spends, "{outcome:?}");
    }
}

#[test]
fn an_approved_change_is_offered_again_and_again_until_the_forge_takes_it() {
    let mut run = Driver::new();
    run.state.plan.delivery = Delivery::PullRequest;
    run.coder_done("a").checks(None).approve();
    for class in [
        FailureClass::Infrastructure,
        FailureClass::Throttled { until: None },
        FailureClass::Authentication,
    ] {
        for _ in 0..30 {
            run.fails(class);
            assert!(run.state.waiting.is_some() && run.state.outcome.is_none(), "{class:?}");
        }
    }
    run.deliver();
    assert_eq!(run.state.outcome, Some(Outcome::Succeeded));

    let mut refused = Driver::new();
    refused.state.plan.delivery = Delivery::PullRequest;
    refused.coder_done("a").checks(None).approve().fails(FailureClass::Configuration);
    assert_eq!(refused.state.outcome, Some(Outcome::DeliveryFailed));
}
