//! One agent stands in for another whose usage window is closed.

use super::affording::{fails, turns};
use super::*;
use crate::domain::agent::Stage;
use crate::domain::failure::FailureClass;

const HOUR: u64 = 3_600;

/// A run of A-1 whose coder's first turn is under way; `rules` are lines of the policy.
fn under_way(rules: &str) -> Bench {
    let mut bench = Bench::new(&format!("[policy]\n{rules}\n{ONE}"));
    bench.plan();
    bench.start();
    bench.prepared("A-1");
    assert_eq!(turns(&mut bench), ["turn 1 A-1"]);
    bench.anchored("A-1", 1);
    bench
}

fn closed(bench: &Bench, seconds: u64) -> FailureClass {
    let until = bench.now.after(std::time::Duration::from_secs(seconds));
    FailureClass::Quota { until: Some(until) }
}

fn agent(bench: &Bench) -> Option<String> {
    bench.engine.run(bench.run("A-1"))?.agent().map(str::to_owned)
}

#[test]
fn the_other_takes_the_next_turn_at_once_and_the_own_agent_is_back_when_its_window_reopens() {
    // Longer than a run ever waits: without somebody to stand in it would end.
    let mut bench = under_way("failover = { coder = [\"other\"] }");
    let week = closed(&bench, 7 * 24 * HOUR);
    fails(&mut bench, "A-1", 1, week);
    assert_eq!(turns(&mut bench), ["turn 2 A-1"]);
    assert_eq!(agent(&bench).as_deref(), Some("other"));
    let view = bench.engine.explain("A-1", bench.now).unwrap().run.unwrap();
    assert_eq!(view.waiting, None);
    let said = &view.switches[0].reason;
    assert!(said.starts_with("other stands in for coder until"), "{said}");
    assert!(said.ends_with("the usage window of agent coder is closed: not now"), "{said}");
    // The next daemon knows it, too.
    bench.restart();
    assert_eq!(turns(&mut bench), ["turn 2 A-1"]);
    assert_eq!(agent(&bench).as_deref(), Some("other"));
    bench.anchored("A-1", 2);
    bench.later(8 * 24 * HOUR);
    fails(&mut bench, "A-1", 2, FailureClass::Infrastructure);
    bench.later(60);
    assert_eq!(turns(&mut bench), ["turn 3 A-1"]);
    assert_eq!(agent(&bench).as_deref(), Some("coder"));
    assert_eq!(bench.engine.item(&id("A-1")).unwrap().spend.attempts, 0);
}

#[test]
fn without_failover_the_run_waits_as_ever() {
    let mut bench = under_way("agents = [\"other\"]");
    let hour = closed(&bench, HOUR);
    fails(&mut bench, "A-1", 1, hour);
    bench.later(60);
    assert_eq!(turns(&mut bench), [""; 0]);
    assert!(bench.engine.run(bench.run("A-1")).unwrap().waiting.is_some());
    bench.later(HOUR);
    assert_eq!(turns(&mut bench), ["turn 2 A-1"]);
    assert_eq!(agent(&bench).as_deref(), Some("coder"));
}

#[test]
fn a_window_that_another_run_found_closed_is_stood_in_for_before_the_turn_begins() {
    let rules = "[policy]\nfailover = { coder = [\"other\"] }";
    let mut bench = Bench::new(&format!("{rules}\n{TWO}"));
    bench.plan();
    bench.start();
    bench.prepared("A-1");
    assert_eq!(turns(&mut bench), ["turn 1 A-1"]);
    bench.anchored("A-1", 1);
    let hour = closed(&bench, HOUR);
    fails(&mut bench, "A-1", 1, hour);
    bench.prepared("A-2");
    let started = turns(&mut bench);
    assert_eq!(started, ["turn 2 A-1", "turn 1 A-2"]);
    let second = bench.engine.run(bench.run("A-2")).unwrap();
    assert_eq!(second.switches[&Stage::Coder].to, "other");
}

#[test]
fn when_the_one_who_stands_in_is_closed_as_well_the_first_to_reopen_goes_on() {
    let mut bench = under_way("failover = { coder = [\"other\"] }");
    let two_hours = closed(&bench, 2 * HOUR);
    fails(&mut bench, "A-1", 1, two_hours);
    bench.start();
    bench.anchored("A-1", 2);
    let five_hours = closed(&bench, 5 * HOUR);
    fails(&mut bench, "A-1", 2, five_hours);
    bench.later(60);
    assert_eq!(turns(&mut bench), [""; 0], "everybody is closed");
    bench.later(2 * HOUR);
    assert_eq!(turns(&mut bench), ["turn 3 A-1"]);
    assert_eq!(agent(&bench).as_deref(), Some("coder"));
}

#[test]
fn a_run_does_not_end_for_a_window_that_is_closed_for_days_when_another_reopens_sooner() {
    let mut bench = under_way("failover = { coder = [\"other\"] }");
    let two_hours = closed(&bench, 2 * HOUR);
    fails(&mut bench, "A-1", 1, two_hours);
    turns(&mut bench);
    bench.anchored("A-1", 2);
    let week = closed(&bench, 7 * 24 * HOUR);
    fails(&mut bench, "A-1", 2, week);
    let waiting = bench.engine.run(bench.run("A-1")).unwrap().waiting.clone().unwrap();
    assert_eq!(waiting.until, bench.now.after(std::time::Duration::from_secs(2 * HOUR)));
    bench.now = waiting.until;
    assert_eq!(turns(&mut bench), ["turn 3 A-1"]);
    assert_eq!(agent(&bench).as_deref(), Some("coder"));
}

#[test]
fn a_window_that_closed_without_a_time_is_left_alone_for_a_while() {
    let mut bench = under_way("failover = { coder = [\"other\"] }");
    fails(&mut bench, "A-1", 1, FailureClass::Quota { until: None });
    for turn in 2..5 {
        assert_eq!(turns(&mut bench), [format!("turn {turn} A-1")]);
        assert_eq!(agent(&bench).as_deref(), Some("other"), "turn {turn}");
        bench.anchored("A-1", turn);
        fails(&mut bench, "A-1", turn, FailureClass::Infrastructure);
        bench.later(60);
        bench.restart();
    }
    bench.later(HOUR);
    bench.start();
    assert_eq!(agent(&bench).as_deref(), Some("coder"));
}

#[test]
fn a_new_run_starts_with_the_one_who_stands_in_instead_of_being_held() {
    let rules = "[policy]\nslots = { global = 1 }\nfailover = { coder = [\"other\"] }";
    let mut bench = Bench::new(&format!("{rules}\n{TWO}"));
    bench.plan();
    bench.start();
    bench.prepared("A-1");
    bench.start();
    bench.anchored("A-1", 1);
    let hour = closed(&bench, HOUR);
    fails(&mut bench, "A-1", 1, hour);
    bench.command(Command::Cancel { target: "A-1".to_owned() });
    bench.plan();
    assert_eq!(bench.status("A-2"), ItemStatus::InFlight);
}

#[test]
fn money_that_nobody_has_is_waited_for_by_everybody() {
    let mut bench = under_way("failover = { coder = [\"other\"] }\nday_budget = { cents = 1 }");
    let hour = closed(&bench, HOUR);
    super::affording::fails_at(&mut bench, "A-1", 1, hour, 1);
    assert_eq!(turns(&mut bench), [""; 0]);
    let waiting = bench.engine.run(bench.run("A-1")).unwrap().waiting.clone().unwrap();
    assert!(waiting.failure.message.starts_with("the budget of the day"), "{waiting:?}");
}

#[test]
fn who_stands_in_has_slots_of_its_own() {
    let rules = "failover = { coder = [\"other\"] }\nslots = { agents = { other = 1 } }";
    let mut bench = Bench::new(&format!("[policy]\n{rules}\n{TWO}"));
    bench.plan();
    bench.start();
    for name in ["A-1", "A-2"] {
        bench.prepared(name);
    }
    bench.start();
    bench.anchored("A-1", 1);
    bench.anchored("A-2", 1);
    let hour = closed(&bench, HOUR);
    fails(&mut bench, "A-1", 1, hour);
    fails(&mut bench, "A-2", 1, hour);
    assert_eq!(turns(&mut bench), ["turn 2 A-1"], "the other's one slot is taken");
}

#[test]
fn another_stands_in_while_an_agent_is_not_let_in_and_one_run_tries_it_when_somebody_signed_in() {
    let rules = "[policy]\nfailover = { coder = [\"other\"] }";
    let mut bench = Bench::new(&format!("{rules}\n{TWO}"));
    bench.plan();
    bench.start();
    for name in ["A-1", "A-2"] {
        bench.prepared(name);
    }
    assert_eq!(turns(&mut bench), ["turn 1 A-1", "turn 1 A-2"]);
    bench.anchored("A-1", 1);
    bench.anchored("A-2", 1);
    fails(&mut bench, "A-1", 1, FailureClass::Authentication);
    fails(&mut bench, "A-2", 1, FailureClass::Authentication);
    assert_eq!(turns(&mut bench), ["turn 2 A-1", "turn 2 A-2"]);
    let of = |bench: &Bench, name: &str| {
        let state = bench.engine.run(bench.run(name)).unwrap();
        state.agent().map(str::to_owned).unwrap()
    };
    assert_eq!((of(&bench, "A-1"), of(&bench, "A-2")), ("other".to_owned(), "other".to_owned()));
    let said = bench.engine.status(bench.now).runs[0].switches[0].reason.clone();
    assert_eq!(said, "other stands in for coder: agent coder is not let in: not now");
    assert_eq!(
        bench.engine.status(bench.now).refused_agents.len(),
        1,
        "a person is told all the same"
    );
    bench.anchored("A-1", 2);
    bench.anchored("A-2", 2);
    bench.later(60);
    bench.command(Command::AgentOk { agent: "coder".to_owned() });
    fails(&mut bench, "A-1", 2, FailureClass::Infrastructure);
    fails(&mut bench, "A-2", 2, FailureClass::Infrastructure);
    bench.later(60);
    // One finds out, the other goes on with whoever stands in instead of waiting for that.
    assert_eq!(turns(&mut bench), ["turn 3 A-1", "turn 3 A-2"]);
    assert_eq!((of(&bench, "A-1"), of(&bench, "A-2")), ("coder".to_owned(), "other".to_owned()));
    assert_eq!(bench.engine.item(&id("A-1")).unwrap().spend.attempts, 0);
}

#[test]
fn a_new_run_starts_with_whoever_stands_in_for_an_agent_that_is_not_let_in() {
    let mut bench = under_way("failover = { coder = [\"other\"] }");
    fails(&mut bench, "A-1", 1, FailureClass::Authentication);
    let mut more = bench.items["A-1"].clone();
    more.id = id("A-2");
    "Something else".clone_into(&mut more.title);
    bench.items.insert("A-2".to_owned(), more);
    bench.read();
    bench.plan();
    assert_eq!(bench.status("A-2"), ItemStatus::InFlight);
}

#[test]
fn without_failover_an_agent_that_is_not_let_in_is_waited_for_until_another_provider_is_chosen() {
    let mut bench = under_way("agents = [\"other\"]");
    fails(&mut bench, "A-1", 1, FailureClass::Authentication);
    bench.later(60);
    assert_eq!(turns(&mut bench), [""; 0]);
    bench.command(Command::SetProvider { provider: Some("other".to_owned()) });
    assert_eq!(turns(&mut bench), ["turn 2 A-1"]);
    assert_eq!(agent(&bench).as_deref(), Some("other"));
}
