//! Money that runs out between two turns.

use super::*;
use crate::domain::agent::{ExitEvidence, TurnEnding, TurnReport};
use crate::domain::budget::Usage;
use crate::domain::failure::FailureClass;
use crate::domain::item_record::HumanReason;
use crate::pipeline::input::FinishedTurn;

const HOUR: u64 = 3_600;

/// A turn that came to nothing and cost `cents`.
fn report(cents: u64) -> TurnReport {
    TurnReport {
        ending: TurnEnding::Failed {
            failure: crate::domain::failure::Failure::infrastructure("the network is down"),
        },
        text: String::new(),
        usage: Usage { cost_micro_usd: cents * 10_000, ..Usage::default() },
        session: None,
        model: None,
        exit: ExitEvidence { code: Some(1), signal: None },
        duration_ms: 1,
        leftovers: 0,
        tool_calls: 0,
    }
}

/// Turn `turn` of the item's run is over; it cost `cents` and could not be used.
fn fruitless(bench: &mut Bench, name: &str, turn: u32, cents: u64) {
    bench.anchored(name, turn);
    let report = report(cents);
    let effect = Effect::RunTurn { run: bench.run(name), turn };
    let turn = FinishedTurn { turn, report, change: None, tampered: false, instead: None };
    bench.result(&effect, RunInput::TurnFinished(Box::new(turn)));
}

/// Turn `turn` of the item's run, which was anchored, has failed for a reason of `class`.
pub(super) fn fails(bench: &mut Bench, name: &str, turn: u32, class: FailureClass) {
    fails_at(bench, name, turn, class, 0);
}

/// The same at a cost of so many `cents`.
pub(super) fn fails_at(bench: &mut Bench, name: &str, turn: u32, class: FailureClass, cents: u64) {
    let failure = crate::domain::failure::Failure::new(class, "not now");
    let report = TurnReport { ending: TurnEnding::Failed { failure }, ..report(cents) };
    let effect = Effect::RunTurn { run: bench.run(name), turn };
    let turn = FinishedTurn { turn, report, change: None, tampered: false, instead: None };
    bench.result(&effect, RunInput::TurnFinished(Box::new(turn)));
}

/// A run of A-1 whose first turn cost a dollar, an infrastructure pause later.
fn after_a_dollar(policy: &str) -> Bench {
    let mut bench = Bench::new(&format!("{policy}\n{ONE}"));
    bench.plan();
    bench.start();
    bench.prepared("A-1");
    assert_eq!(bench.start(), ["turn 1 A-1"]);
    fruitless(&mut bench, "A-1", 1, 100);
    bench.later(HOUR);
    bench
}

/// The turns that are started now, in words.
pub(super) fn turns(bench: &mut Bench) -> Vec<String> {
    bench.start().into_iter().filter(|words| words.starts_with("turn")).collect()
}

fn waiting(bench: &Bench) -> Option<(FailureClass, String, Timestamp)> {
    let waiting = bench.engine.run(bench.run("A-1"))?.waiting.clone()?;
    Some((waiting.failure.class, waiting.failure.message, waiting.until))
}

#[test]
fn a_turn_is_started_as_long_as_there_is_money() {
    let mut bench = after_a_dollar("[policy]\nday_budget = { cents = 101 }");
    assert_eq!(turns(&mut bench), ["turn 2 A-1"]);
}

#[test]
fn a_run_waits_for_the_day_to_end_when_its_money_is_spent_and_goes_on_then() {
    let mut bench = after_a_dollar("[policy]\nday_budget = { cents = 100 }");
    assert_eq!(turns(&mut bench), [""; 0]);
    let (class, message, until) = waiting(&bench).unwrap();
    assert_eq!(class, FailureClass::Quota { until: Some(until) });
    assert_eq!(message, "the budget of the day is used up: $1.00 of $1.00");
    assert_eq!((until.utc_day(), until.0 % 86_400_000), (bench.now.utc_day() + 1, 0));
    // Said once, and known to the next daemon.
    let head = wait(bench.store.head()).unwrap().gseq;
    assert_eq!(turns(&mut bench), [""; 0]);
    assert_eq!(wait(bench.store.head()).unwrap().gseq, head);
    bench.restart();
    assert_eq!(turns(&mut bench), [""; 0]);
    bench.now = until;
    assert_eq!(turns(&mut bench), ["turn 2 A-1"]);
}

#[test]
fn a_run_waits_for_its_projects_day_and_for_its_agents_window() {
    let project = "[[project]]\nname = \"demo\"\nday_budget = { cents = 50 }";
    let mut bench = after_a_dollar(project);
    assert_eq!(turns(&mut bench), [""; 0]);
    let (_, message, _) = waiting(&bench).unwrap();
    assert_eq!(message, "the budget of the day of project demo is used up: $1.00 of $0.50");

    let window = "[policy]\nwindow_budget = { window = \"3h\", cents = 100 }";
    let mut bench = after_a_dollar(window);
    assert_eq!(turns(&mut bench), [""; 0]);
    let (_, message, until) = waiting(&bench).unwrap();
    assert!(message.ends_with("for 3 hours is used up: $1.00 of $1.00"), "{message}");
    let spent_at = Timestamp(bench.now.0 - HOUR as i64 * 1_000);
    assert_eq!(until, Timestamp(spent_at.0 + 3 * HOUR as i64 * 1_000 + 1));
    bench.now = until;
    assert_eq!(turns(&mut bench), ["turn 2 A-1"]);
}

#[test]
fn an_item_that_has_spent_its_own_budget_is_given_to_a_person_who_may_let_it_go_on() {
    let mut bench = after_a_dollar("[policy]\nitem_budget = { turns = 1 }");
    let run = bench.run("A-1");
    assert_eq!(turns(&mut bench), [""; 0]);
    assert_eq!(bench.status("A-1"), ItemStatus::WaitingHuman);
    let human = bench.engine.item(&id("A-1")).unwrap().human.clone().unwrap();
    assert_eq!(human.reason, HumanReason::PolicyBudget);
    assert_eq!(human.question, "its budget is used up: 1 of 1 turns");
    assert!(!bench.engine.is_open(&Effect::RunTurn { run, turn: 2 }.key()));
    assert_eq!(bench.engine.item(&id("A-1")).unwrap().spend.attempts, 0);
}

#[test]
fn one_run_that_finds_a_window_closed_spares_the_others_the_way() {
    let mut bench = Bench::new(TWO);
    bench.plan();
    bench.start();
    bench.prepared("A-1");
    bench.prepared("A-2");
    assert_eq!(turns(&mut bench), ["turn 1 A-1", "turn 1 A-2"]);
    let until = bench.now.after(std::time::Duration::from_secs(2 * HOUR));
    bench.anchored("A-1", 1);
    let class = FailureClass::Quota { until: Some(until) };
    let failure = crate::domain::failure::Failure::new(class, "limit reached");
    let report = TurnReport { ending: TurnEnding::Failed { failure }, ..report(0) };
    let run = bench.run("A-1");
    let turn = FinishedTurn { turn: 1, report, change: None, tampered: false, instead: None };
    let input = RunInput::TurnFinished(Box::new(turn));
    bench.result(&Effect::RunTurn { run, turn: 1 }, input);
    // The other one fails for a reason of its own and would be tried again in a moment.
    fruitless(&mut bench, "A-2", 1, 0);
    bench.later(60);
    for _ in 0..2 {
        assert_eq!(turns(&mut bench), [""; 0]);
        let other = bench.engine.run(bench.run("A-2")).unwrap().waiting.clone().unwrap();
        assert_eq!(other.until, until);
        let said = "the usage window of agent coder is closed: limit reached";
        assert_eq!(other.failure.message, said);
        // The next daemon knows it, too.
        bench.restart();
    }
    bench.now = until;
    assert_eq!(turns(&mut bench).len(), 2);
}

#[test]
fn a_run_that_waits_for_money_goes_on_when_the_operator_raises_the_budget() {
    let mut bench = after_a_dollar("[policy]\nday_budget = { cents = 100 }");
    assert_eq!(turns(&mut bench), [""; 0]);
    let mut richer = bench.policy.clone();
    richer.day_budget.cost_micro_usd = Some(2_000_000);
    let before = std::mem::replace(&mut bench.policy, richer.clone());
    // At once, and also when the daemon was started again meanwhile.
    bench.give(Input::Reconfigured { policy: Arc::new(before) });
    assert_eq!(turns(&mut bench), [""; 0]);
    bench.restart();
    assert_eq!(turns(&mut bench), ["turn 2 A-1"]);
    bench.restart();
    bench.give(Input::Reconfigured { policy: Arc::new(richer) });
    assert_eq!(turns(&mut bench), ["turn 2 A-1"]);
}

#[test]
fn a_run_whose_own_agent_was_refused_waits_whether_it_was_told_for_how_long_or_not() {
    for known in [true, false] {
        let mut bench = Bench::new(ONE);
        bench.plan();
        bench.start();
        bench.prepared("A-1");
        assert_eq!(turns(&mut bench), ["turn 1 A-1"]);
        bench.anchored("A-1", 1);
        let reset = bench.now.after(std::time::Duration::from_secs(HOUR));
        let class = FailureClass::Quota { until: known.then_some(reset) };
        let failure = crate::domain::failure::Failure::new(class, "limit reached");
        let report = TurnReport { ending: TurnEnding::Failed { failure }, ..report(0) };
        let run = bench.run("A-1");
        let turn = FinishedTurn { turn: 1, report, change: None, tampered: false, instead: None };
        bench.result(&Effect::RunTurn { run, turn: 1 }, RunInput::TurnFinished(Box::new(turn)));
        bench.engine.closed_windows.clear();
        assert_eq!(turns(&mut bench), [""; 0], "{known}");
        bench.now = bench.engine.run(run).unwrap().waiting.clone().unwrap().until;
        assert_eq!(turns(&mut bench), ["turn 2 A-1"], "{known}");
    }
}
