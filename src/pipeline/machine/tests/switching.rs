//! Another agent for the turns of a stage: when it begins, what it is asked for, and when it is over.

use std::time::Duration;

use super::driver::{Driver, plan, turn_report};
use crate::domain::agent::{Stage, TurnEnding};
use crate::domain::event::Event;
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::provider::{AgentSwitch, SwitchReason};
use crate::domain::run::{Outcome, Phase};
use crate::domain::time::Timestamp;
use crate::pipeline::input::{FinishedTurn, Input, Instead};
use crate::pipeline::machine::MOST_QUOTA_WAITS;

const DAY: Duration = Duration::from_secs(24 * 3600);

fn switch(from: &str, to: &str, reason: SwitchReason) -> AgentSwitch {
    AgentSwitch { from: from.to_owned(), to: to.to_owned(), reason }
}

fn provider(to: &str) -> AgentSwitch {
    let by = "human:cli:ann".to_owned();
    switch("coder-agent", to, SwitchReason::Provider { by })
}

fn failover(from: &str, to: &str, until: Option<Timestamp>) -> AgentSwitch {
    let why = "the window is closed".to_owned();
    switch(from, to, SwitchReason::Failover { why, until })
}

fn own() -> AgentSwitch {
    switch("other", "coder-agent", SwitchReason::Own {})
}

fn give(run: &mut Driver, switch: AgentSwitch) {
    run.feed(Input::AgentSwitched { stage: Stage::Coder, switch });
}

/// The turn under way ends with `class`; whoever can go on at once is `instead`.
fn fails(run: &mut Driver, class: FailureClass, instead: Option<AgentSwitch>) {
    let turn = run.state.turn_in_flight().unwrap().turn;
    let failure = Failure::new(class, "not now");
    let report = turn_report(TurnEnding::Failed { failure }, "");
    let instead = instead.map(Instead::Now);
    let finished = FinishedTurn { turn, report, change: None, tampered: false, instead };
    run.feed(Input::TurnFinished(Box::new(finished)));
}

/// Agent and model that the turns so far were asked for.
fn turns(run: &Driver) -> Vec<(String, Option<String>)> {
    run.state.turns.iter().map(|turn| (turn.agent.clone(), turn.model.clone())).collect()
}

fn asked(agent: &str, model: Option<&str>) -> (String, Option<String>) {
    (agent.to_owned(), model.map(str::to_owned))
}

#[test]
fn the_next_turn_is_the_other_agents_with_its_own_model_and_effort() {
    let mut plan = plan();
    plan.stages.coder.effort = Some("high".to_owned());
    plan.stages.coder.escalate_model = Some("large".to_owned());
    plan.stages.coder.escalate_after_round = 1;
    let mut run = Driver::with(plan);
    give(&mut run, provider("other"));
    let driven = run.state.stage_plan(Stage::Coder).unwrap().into_owned();
    assert_eq!((driven.effort, driven.timeout_ms), (None, 1_800_000));
    run.begin();
    give(&mut run, own());
    assert_eq!(run.last.as_ref().unwrap().ignored, Some("that stage wants no turn now"));
    fails(&mut run, FailureClass::Infrastructure, None);
    give(&mut run, own());
    run.begin();
    assert_eq!(turns(&run), [asked("other", None), asked("coder-agent", Some("large"))]);
    assert!(run.state.switches.is_empty());
    assert_eq!(run.state.plan.stages.coder.agent, "coder-agent");
}

#[test]
fn a_stage_that_is_not_due_is_not_switched() {
    let mut run = Driver::new();
    run.feed(Input::AgentSwitched { stage: Stage::Critic, switch: provider("other") });
    assert!(run.state.switches.is_empty());
    run.coder_done("a").checks(None).approve().deliver();
    run.feed(Input::AgentSwitched { stage: Stage::Coder, switch: provider("other") });
    assert_eq!((run.state.switches.len(), run.outcome()), (0, &Outcome::Succeeded));
}

#[test]
fn whoever_stands_in_goes_on_at_once_and_no_attempt_is_spent() {
    for class in [
        FailureClass::Quota { until: None },
        // Longer than any run waits.
        FailureClass::Quota { until: Some(super::driver::START.after(7 * DAY)) },
        FailureClass::Authentication,
    ] {
        let mut run = Driver::new();
        let began = run.begin().now;
        fails(&mut run, class, Some(failover("coder-agent", "other", None)));
        assert_eq!((run.state.phase, run.state.waiting.clone()), (Phase::Coding, None));
        run.begin();
        assert!(run.now.since(began) < Duration::from_secs(1));
        assert_eq!(turns(&run)[1], asked("other", None));
        run.end(TurnEnding::Completed, "{}", Some(super::driver::change("a")), false);
        run.checks(None).approve().deliver();
        assert_eq!((run.outcome(), run.state.round), (&Outcome::Succeeded, 1));
    }
}

#[test]
fn a_failure_of_the_work_is_nobody_elses_to_make_good() {
    let mut run = Driver::new();
    run.begin();
    fails(&mut run, FailureClass::Agent, Some(failover("coder-agent", "other", None)));
    assert_eq!((run.state.round, run.state.switches.len()), (2, 0));
}

#[test]
fn when_every_window_is_closed_handing_on_has_an_end() {
    let mut run = Driver::new();
    let (mut from, mut to) = ("coder-agent", "other");
    let mut handed_on = 0;
    while run.state.outcome.is_none() && handed_on < 1_000 {
        run.begin();
        fails(&mut run, FailureClass::Quota { until: None }, Some(failover(from, to, None)));
        (from, to) = (to, from);
        handed_on += 1;
    }
    assert_eq!(run.outcome(), &Outcome::WaitingQuota { until: None });
    assert!(handed_on <= MOST_QUOTA_WAITS, "{handed_on}");
    let switches = run.log.iter().filter(|(event, _)| matches!(event, Event::AgentSwitched { .. }));
    assert_eq!(u32::try_from(switches.count()).unwrap() + 1, MOST_QUOTA_WAITS);
}

#[test]
fn whoever_waited_does_not_wait_any_more_when_another_goes_on() {
    let mut run = Driver::new();
    run.begin();
    let until = run.now.after(Duration::from_secs(3600));
    fails(&mut run, FailureClass::Quota { until: Some(until) }, None);
    assert!(run.state.waiting.is_some());
    give(&mut run, failover("coder-agent", "other", Some(until)));
    assert_eq!(run.state.waiting, None);
    assert_eq!(run.state.agent(), Some("other"));
}
