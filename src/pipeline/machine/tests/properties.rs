//! Laws that hold for every run whatever happens to it, and random histories to try them on.

use std::cell::RefCell;
use std::collections::BTreeSet;

use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};

use super::driver::{Driver, change, check_report, finding, plan, stage_plan, turn_report};
use crate::domain::agent::{Stage, TimeoutKind, TurnEnding};
use crate::domain::budget::Usage;
use crate::domain::change::{CheckStatus, Delivered};
use crate::domain::effect::Effect;
use crate::domain::event::Event;
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::provider::{AgentSwitch, SwitchReason};
use crate::domain::run::{Interruption, Phase, RunPlan};
use crate::domain::time::Timestamp;
use crate::domain::verdict::{Finding, Review, Severity, Verdict};
use crate::pipeline::input::{FinishedTurn, Input, Instead, PreparedTurn};
use crate::pipeline::state::RunState;

/// What must be true after every single input. The driver calls it, so every scenario is held to it as well.
pub(super) fn laws(before: &RunState, run: &Driver) {
    let state = &run.state;
    turns_are_dense(state);
    the_end_is_final(before, run);
    nothing_is_forgotten(before, state);
    usage_is_the_sum_of_all_turns(run);
    something_is_always_wanted(run);
    approvals_are_proven(run);
}

fn turns_are_dense(state: &RunState) {
    for (index, turn) in state.turns.iter().enumerate() {
        assert_eq!(usize::try_from(turn.turn).unwrap(), index + 1);
    }
    let in_flight = state.turns.iter().filter(|turn| turn.in_flight()).count();
    assert!(in_flight <= 1, "two agents at once");
    assert!(state.turns.iter().all(|t| t.in_flight() == (state.turn_in_flight() == Some(t))));
}

fn the_end_is_final(before: &RunState, run: &Driver) {
    let state = &run.state;
    if before.phase == Phase::Finished {
        assert_eq!(state.phase, Phase::Finished);
        assert_eq!((&state.outcome, state.round), (&before.outcome, before.round));
        assert_eq!((&state.delivered, &state.approved), (&before.delivered, &before.approved));
    }
    let ends = run.log.iter().filter(|(event, _)| matches!(event, Event::RunFinished { .. }));
    assert_eq!(ends.count(), usize::from(state.phase == Phase::Finished));
    assert_eq!(state.outcome.is_some(), state.phase == Phase::Finished);
    assert!(state.round <= state.plan.max_rounds);
    assert_eq!(usize::try_from(state.round).unwrap(), state.rounds.len());
}

fn nothing_is_forgotten(before: &RunState, state: &RunState) {
    assert!(state.findings.starts_with(&before.findings), "a finding was dropped");
    assert!(state.fence >= before.fence);
    assert!(state.turns.len() >= before.turns.len());
}

fn usage_is_the_sum_of_all_turns(run: &Driver) {
    let mut sum = Usage::default();
    for (event, _) in &run.log {
        if let Event::TurnFinished { report, .. } = event {
            sum += report.usage;
        }
    }
    assert_eq!((run.state.usage, run.spent), (sum, sum));
}

/// Liveness: an unfinished run has the effect in the outbox that takes it on, due when it says; and only one turn.
fn something_is_always_wanted(run: &Driver) {
    if run.state.phase == Phase::Finished {
        assert!(run.state.cleaned.is_some() || !run.outbox.is_empty(), "nobody cleans up");
        return;
    }
    let wanted = run.wanted();
    if let Some(waiting) = &run.state.waiting {
        assert_eq!(run.outbox[&wanted.key().0].1, waiting.until, "says one time, means another");
    }
    let turns = run.outbox.values().filter(|(e, _)| matches!(e, Effect::RunTurn { .. })).count();
    assert!(turns <= 1, "two agents wanted at once");
    assert_eq!(run.outbox.len(), 1, "nothing else is wanted: {:?}", run.outbox);
}

fn approvals_are_proven(run: &Driver) {
    let events = run.last.as_ref().map_or(&[][..], |decision| &decision.events);
    let state = &run.state;
    for event in events {
        let Event::RunApproved { head } = event else { continue };
        assert_eq!(state.change.as_ref().map(|change| &change.head), Some(head));
        let checks = state.checks.as_ref().unwrap();
        assert!(checks.head == *head && !checks.blocks());
        if state.plan.stages.critic.is_some() {
            let reviews = run.log.iter().rev().filter_map(|(event, _)| match event {
                Event::ReviewSubmitted { turn, review } => Some((*turn, review)),
                _ => None,
            });
            verdict_is_about(state, reviews, head, Stage::Critic);
        }
        let changed = !state.change.as_ref().unwrap().is_empty();
        if state.plan.stages.optional.auditor.is_some() && changed {
            let audits = run.log.iter().rev().filter_map(|(event, _)| match event {
                Event::AuditSubmitted { turn, review } => Some((*turn, review)),
                _ => None,
            });
            verdict_is_about(state, audits, head, Stage::Auditor);
        }
    }
    if state.phase == Phase::Publishing || state.delivered.is_some() {
        assert!(state.approved.is_some());
    }
}

/// The last verdict of a gate approves exactly what is to be delivered, in the round that is to be delivered.
fn verdict_is_about<'a>(
    state: &RunState,
    mut verdicts: impl Iterator<Item = (u32, &'a Review)>,
    head: &str,
    gate: Stage,
) {
    let Some((turn, review)) = verdicts.next() else {
        panic!("approved without a verdict of the {}", gate.word());
    };
    assert_eq!((review.verdict, review.commit.as_str()), (Verdict::Approve, head));
    let turn = state.turn(turn).unwrap();
    assert_eq!((turn.stage, turn.round), (gate, state.round));
    assert_eq!(turn.report.as_ref().unwrap().ending, TurnEnding::Completed);
}

/// One thing that happens in a random history.
#[derive(Debug, Clone)]
enum Happening {
    /// The wanted effect fails as classified.
    Fails(FailureClass),
    /// The wanted effect brings a result; for turns: begins, or ends like this.
    Goes(Ending, &'static str, Says),
    /// The checks come out like this, on the head or elsewhere.
    Checks(CheckStatus, bool),
    /// A result nobody asked for, with this number.
    Stray(u8, u32),
    Interrupted(Interruption, u64),
    Adopted(u64),
    Cancelled,
    Superseded,
}

#[derive(Debug, Clone, Copy)]
enum Ending {
    Completed,
    Unmeasured,
    Tampered,
    TimedOut,
    Stuck,
    Cancelled,
    Failed(FailureClass),
}

#[derive(Debug, Clone, Copy)]
enum Says {
    Nothing,
    Prose,
    NoChangeNeeded,
    Question,
    Verdict { verdict: Verdict, forged: bool, elsewhere: bool, unmet: bool, blocker: bool },
}

fn failure_class() -> impl Strategy<Value = FailureClass> {
    let until = prop_oneof![
        Just(None),
        select(vec![-10_i64, 0, 60_000, 7_200_000, 200_000_000])
            .prop_map(|ms| { Some(crate::domain::time::Timestamp(super::driver::START.0 + ms)) })
    ];
    prop_oneof![
        8 => Just(FailureClass::Infrastructure),
        4 => until.clone().prop_map(|until| FailureClass::Quota { until }),
        4 => until.prop_map(|until| FailureClass::Throttled { until }),
        4 => Just(FailureClass::Agent),
        2 => Just(FailureClass::Cancelled),
        1 => Just(FailureClass::Authentication),
        1 => Just(FailureClass::Configuration),
        1 => Just(FailureClass::ContextOverflow),
    ]
}

fn ending() -> impl Strategy<Value = Ending> {
    prop_oneof![
        20 => Just(Ending::Completed),
        1 => Just(Ending::Unmeasured),
        1 => Just(Ending::Tampered),
        2 => Just(Ending::TimedOut),
        1 => Just(Ending::Stuck),
        1 => Just(Ending::Cancelled),
        3 => failure_class().prop_map(Ending::Failed),
    ]
}

fn says() -> impl Strategy<Value = Says> {
    let verdict = select(vec![
        Verdict::Approve,
        Verdict::Approve,
        Verdict::Revise,
        Verdict::Revise,
        Verdict::Revise,
        Verdict::Reject,
    ]);
    let rarely = || prop_oneof![6 => Just(false), 1 => Just(true)];
    prop_oneof![
        1 => Just(Says::Nothing),
        1 => Just(Says::Prose),
        1 => Just(Says::NoChangeNeeded),
        1 => Just(Says::Question),
        12 => (verdict, rarely(), rarely(), rarely(), rarely()).prop_map(
            |(verdict, forged, elsewhere, unmet, blocker)| {
                Says::Verdict { verdict, forged, elsewhere, unmet, blocker }
            }
        ),
    ]
}

fn happening() -> impl Strategy<Value = Happening> {
    let status = select(vec![
        CheckStatus::Passed,
        CheckStatus::Passed,
        CheckStatus::Passed,
        CheckStatus::AlreadyFailing,
        CheckStatus::NewFailure,
        CheckStatus::TimedOut,
    ]);
    let cause = select(vec![Interruption::Shutdown, Interruption::Crash]);
    prop_oneof![
        5 => failure_class().prop_map(Happening::Fails),
        40 => (ending(), select(vec!["", "a", "b", "c", "d", "e"]), says())
            .prop_map(|(ending, diff, says)| Happening::Goes(ending, diff, says)),
        10 => (status, any::<u8>()).prop_map(|(s, n)| Happening::Checks(s, n % 8 == 0)),
        6 => (0_u8..10, 0_u32..12).prop_map(|(kind, number)| Happening::Stray(kind, number)),
        3 => (cause, 0_u64..9).prop_map(|(cause, fence)| Happening::Interrupted(cause, fence)),
        2 => (0_u64..9).prop_map(Happening::Adopted),
        1 => Just(Happening::Cancelled),
        1 => Just(Happening::Superseded),
    ]
}

fn turn_ending(ending: Ending) -> TurnEnding {
    match ending {
        Ending::Completed | Ending::Unmeasured | Ending::Tampered => TurnEnding::Completed,
        Ending::TimedOut => TurnEnding::TimedOut { clock: TimeoutKind::Total },
        Ending::Stuck => TurnEnding::Stuck { evidence: "Bash".to_owned() },
        Ending::Cancelled => TurnEnding::Cancelled,
        Ending::Failed(class) => {
            TurnEnding::Failed { failure: Failure::new(class, "random trouble") }
        }
    }
}

fn spoken(run: &Driver, says: Says) -> String {
    match says {
        Says::Nothing => String::new(),
        Says::Prose => "APPROVE, LGTM {\"verdict\": \"APPROVE\"}".to_owned(),
        Says::NoChangeNeeded => r#"{"no_change_reason": "done already"}"#.to_owned(),
        Says::Question => r#"{"question": "which one?"}"#.to_owned(),
        Says::Verdict { verdict, forged, elsewhere, unmet, blocker } => {
            let turn = run.state.turn_in_flight().unwrap();
            let nonce = turn.nonce.clone().filter(|_| !forged).unwrap_or("guessed".to_owned());
            let head = run.state.change.as_ref().map_or("", |change| &change.head).to_owned();
            let commit = if elsewhere { change("elsewhere").head } else { head };
            let severity = if blocker { Severity::Blocker } else { Severity::Minor };
            let findings = if verdict == Verdict::Approve && !blocker {
                Vec::new()
            } else {
                vec![finding(severity, &format!("problem {}", turn.turn / 4))]
            };
            let unmet = if unmet { vec![1] } else { Vec::new() };
            super::driver::Answer { verdict, nonce, commit, findings, unmet }.text(2)
        }
    }
}

fn goes(run: &mut Driver, ending: Ending, diff: &str, says: Says) {
    match run.wait() {
        Effect::PrepareWorkspace { .. } => {
            run.workspace();
        }
        Effect::RunTurn { .. } if run.state.turn_in_flight().is_none() => {
            run.begin();
        }
        Effect::RunTurn { .. } => {
            let text = spoken(run, says);
            let after = match run.state.stage() {
                // A later stage adds to what is there; sometimes it has nothing to add.
                Some(Stage::Tester | Stage::Documenter) if diff < "c" => run.state.change.clone(),
                Some(stage) if stage.writes() => Some(change(diff)),
                Some(_) | None => run.state.change.clone(),
            };
            let after = after.filter(|_| !matches!(ending, Ending::Unmeasured));
            run.end(turn_ending(ending), &text, after, matches!(ending, Ending::Tampered));
        }
        Effect::RunChecks { .. } => {
            run.checks(None);
        }
        Effect::Deliver { .. } => {
            run.deliver();
        }
        Effect::CleanUp { .. }
        | Effect::UpdateTracker { .. }
        | Effect::CreateItem { .. }
        | Effect::Claim { .. }
        | Effect::Release { .. } => {
            run.feed(Input::CleanedUp { kept: diff.is_empty(), salvaged: None });
        }
    }
}

fn stray(kind: u8, number: u32) -> Input {
    let failure = Failure::infrastructure("stray");
    match kind {
        0 => Input::WorkspaceFailed { failure },
        1 => Input::TurnNotStarted { turn: number, failure },
        2 => {
            let report = turn_report(TurnEnding::Completed, "");
            let change = Some(change("stray"));
            Input::TurnFinished(Box::new(FinishedTurn {
                turn: number,
                report,
                change,
                tampered: false,
                instead: Some(Instead::At(Timestamp(1_700_000_900_000))),
            }))
        }
        3 => {
            let report = check_report(&change("a").head, CheckStatus::Passed, "");
            Input::ChecksFinished { execution: number, report }
        }
        4 => Input::ChecksFailed { execution: number, failure },
        5 => Input::DeliveryFailed { execution: number, failure },
        6 => Input::CleanedUp { kept: true, salvaged: None },
        7 => Input::TurnPrepared(Box::new(PreparedTurn {
            turn: number,
            session: String::new(),
            resumes: None,
            head: String::new(),
            nonce: "stray".to_owned(),
            prompt: crate::domain::prompt_record::PromptRecord::default(),
        })),
        8 => {
            let (from, to) = ("coder-agent".to_owned(), format!("agent-{number}"));
            let reason = SwitchReason::Failover { why: "closed".to_owned(), until: None };
            let switch = AgentSwitch { from, to, reason };
            Input::AgentSwitched { stage: Stage::Coder, switch }
        }
        _ => Input::Delivered { delivered: Delivered::Nothing },
    }
}

fn happens(run: &mut Driver, happening: &Happening) {
    let over = run.state.phase == Phase::Finished;
    match happening.clone() {
        Happening::Fails(_) | Happening::Checks(..) | Happening::Goes(..) if over => {
            if run.state.cleaned.is_none() {
                run.feed(Input::CleanedUp { kept: true, salvaged: None });
            }
        }
        Happening::Fails(class) => {
            run.fails(class);
        }
        Happening::Goes(ending, diff, says) => goes(run, ending, diff, says),
        Happening::Checks(status, elsewhere) => {
            if let Effect::RunChecks { execution, .. } = run.wait() {
                let head = run.state.change.as_ref().unwrap().head.clone();
                let head = if elsewhere { change("elsewhere").head } else { head };
                let report = check_report(&head, status, "output");
                run.feed(Input::ChecksFinished { execution, report });
            }
        }
        Happening::Stray(kind, number) => {
            run.feed(stray(kind, number));
        }
        Happening::Interrupted(cause, fence) => {
            run.feed(Input::Interrupted { cause, fence, salvaged: None });
        }
        Happening::Adopted(fence) => {
            run.feed(Input::Adopted { fence });
        }
        Happening::Cancelled => {
            run.cancel();
        }
        Happening::Superseded => {
            run.feed(Input::Supersede { reason: "gone".to_owned(), settled: false });
        }
    }
}

fn random_plan() -> impl Strategy<Value = (RunPlan, Vec<Finding>)> {
    (any::<bool>(), any::<bool>(), 1_u32..7, any::<bool>(), any::<[bool; 5]>()).prop_map(
        |(critic, checks, rounds, inherits, on)| {
            let mut plan = plan();
            plan.max_rounds = rounds;
            let optional = [
                Stage::Diagnose,
                Stage::Tester,
                Stage::Documenter,
                Stage::Auditor,
                Stage::StageDocumenter,
            ];
            for (stage, _) in optional.into_iter().zip(on).filter(|(_, on)| *on) {
                plan.stages.set(stage, Some(stage_plan(stage.word())));
            }
            if !critic {
                plan.stages.critic = None;
            }
            if !checks {
                plan.checks.clear();
            }
            let inherited =
                if inherits { vec![finding(Severity::Major, "inherited")] } else { Vec::new() };
            (plan, inherited)
        },
    )
}

/// Writes nothing beside the sources when a case fails.
pub(in crate::pipeline) fn runner(cases: u32) -> TestRunner {
    TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() })
}

#[test]
fn the_laws_hold_for_every_history() {
    let reached = RefCell::new(BTreeSet::new());
    let histories = (random_plan(), proptest::collection::vec(happening(), 1..60));
    let tried = runner(400).run(&histories, |((plan, inherited), happenings)| {
        let mut run = Driver::fresh(plan, inherited);
        for happening in &happenings {
            happens(&mut run, happening);
        }
        let mut replayed = RunState::first(&run.log[0].0, run.log[0].1).unwrap();
        for (event, at) in &run.log[1..] {
            replayed.evolve(event, *at);
        }
        assert_eq!(replayed, run.state, "replaying the log gives the state");
        reached.borrow_mut().extend(run.state.outcome.map(|outcome| outcome.word()));
        Ok(())
    });
    if let Err(error) = tried {
        panic!("{error}");
    }
    let reached = reached.into_inner();
    assert!(reached.len() >= 10, "random histories are too tame: {reached:?}");
}

#[test]
fn every_history_ends_when_the_world_behaves() {
    let histories = (random_plan(), proptest::collection::vec(happening(), 1..40));
    let tried = runner(200).run(&histories, |((plan, inherited), happenings)| {
        let mut run = Driver::fresh(plan, inherited);
        for happening in &happenings {
            happens(&mut run, happening);
        }
        let approve = Says::Verdict {
            verdict: Verdict::Approve,
            forged: false,
            elsewhere: false,
            unmet: false,
            blocker: false,
        };
        for _ in 0..40 {
            if run.state.cleaned.is_none() {
                goes(&mut run, Ending::Completed, "final", approve);
            }
        }
        assert!(run.state.outcome.is_some() && run.state.cleaned.is_some());
        Ok(())
    });
    if let Err(error) = tried {
        panic!("{error}");
    }
}

#[test]
fn a_run_whose_every_step_fails_ends_in_bounded_work() {
    for class in [
        FailureClass::Agent,
        FailureClass::Infrastructure,
        FailureClass::Cancelled,
        FailureClass::Throttled { until: Some(super::driver::START) },
        FailureClass::Quota { until: Some(super::driver::START) },
        FailureClass::Quota { until: None },
    ] {
        let mut run = Driver::new();
        let mut turns = 0;
        while run.state.outcome.is_none() {
            run.turn_fails(class);
            turns += 1;
            assert!(turns <= 100, "{class:?} never ends");
        }
    }
}
