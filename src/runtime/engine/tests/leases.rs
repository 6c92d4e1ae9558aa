//! Items that are taken in their tracker before anything is done, and what happens when others have them.

use std::time::Duration;

use super::{Bench, Command, Effect, Input, ItemState, ItemStatus, Leasing, ONE, Timestamp, id};
use crate::domain::lease::Rival;
use crate::domain::run::Outcome;
use crate::runtime::engine::TrackerFailure;
use crate::trackers::claim::Claimed;

const SPAN: Duration = Duration::from_secs(1800);

/// A bench whose items are taken before they are worked on.
fn shared() -> Bench {
    let mut bench = Bench::new(ONE);
    lease(&mut bench);
    bench
}

fn lease(bench: &mut Bench) {
    bench.engine.identity.leasing = Leasing { sources: ["local".to_owned()].into(), span: SPAN };
}

/// A bench with a run that has A-1 and is to make its worktree; its first update is written.
fn at_work() -> Bench {
    let mut bench = shared();
    bench.plan();
    assert_eq!(bench.start(), ["claim 1 A-1"]);
    assert_eq!(bench.start(), Vec::<String>::new(), "nothing before the answer");
    ours(&mut bench, 1, 0);
    assert_eq!(bench.start(), ["prepare A-1", "update 1 A-1"]);
    bench.written("A-1", 1, |item| item.state = ItemState::InProgress);
    bench
}

fn answered(bench: &mut Bench, number: u32, result: Result<(Timestamp, Claimed), TrackerFailure>) {
    let key = Effect::Claim { run: bench.run("A-1"), number }.key();
    bench.give(Input::Claimed { key, result });
}

fn ours(bench: &mut Bench, number: u32, updates: u32) {
    let current = Box::new(bench.items["A-1"].clone());
    let until = bench.now.after(SPAN);
    answered(bench, number, Ok((until, Claimed::Ours { updates, current })));
}

fn taken(bench: &mut Bench, number: u32) {
    let rival = Rival { holder: "factory-other".to_owned(), until: bench.now.after(SPAN) };
    answered(bench, number, Ok((bench.now, Claimed::Taken(rival))));
}

fn unreachable() -> TrackerFailure {
    TrackerFailure { message: "out of reach".to_owned(), again: true, wait: None }
}

fn renew(bench: &mut Bench) {
    let handled = bench.engine.renew_claims(bench.now);
    bench.store(handled);
}

#[test]
fn an_item_that_another_has_is_held_until_then_costs_nothing_and_is_asked_for_again() {
    let mut bench = shared();
    bench.plan();
    bench.start();
    taken(&mut bench, 1);
    let record = bench.engine.item(&id("A-1")).unwrap();
    assert_eq!((record.status, record.spend.attempts), (ItemStatus::Pending, 0));
    assert_eq!(record.last_outcome, Some(Outcome::Superseded));
    assert_eq!(record.updates, 0, "whoever has it tells of it");
    assert!(bench.engine.starts.is_empty(), "nothing was started");
    bench.plan();
    let why = bench.engine.explain("A-1", bench.now).unwrap();
    let text = format!("factory-other has it in its tracker until {}", bench.now.after(SPAN));
    assert_eq!((why.held[0].gate, &why.held[0].reason), ("cooldown", &text));
    assert_eq!(why.held[0].until, Some(bench.now.after(SPAN)));
    assert_eq!(bench.start(), ["clean up A-1"]);
    bench.later(1801);
    bench.plan();
    assert_eq!(bench.start(), ["claim 1 A-1"]);
}

#[test]
fn while_the_tracker_is_out_of_reach_nothing_is_begun_and_everything_is_when_it_is_back() {
    let mut bench = shared();
    bench.plan();
    bench.start();
    let began = bench.now;
    while bench.now < began.after(Duration::from_secs(1800)) {
        answered(&mut bench, 1, Err(unreachable()));
        assert_eq!(bench.start(), Vec::<String>::new());
        bench.restart();
        lease(&mut bench);
        let next = bench.engine.next_due(bench.now).unwrap();
        assert!(next.since(bench.now) <= Duration::from_secs(300));
        bench.now = next;
        assert_eq!(bench.start(), ["claim 1 A-1"]);
    }
    answered(&mut bench, 1, Err(unreachable()));
    assert_eq!(bench.start(), Vec::<String>::new());
    bench.later(1);
    bench.read();
    assert_eq!(bench.start(), ["claim 1 A-1"], "it answers again");
    ours(&mut bench, 1, 0);
    assert_eq!(bench.start(), ["prepare A-1", "update 1 A-1"]);
}

#[test]
fn what_is_ours_is_renewed_at_half_time_while_work_goes_on() {
    let mut bench = at_work();
    renew(&mut bench);
    assert_eq!(bench.start(), Vec::<String>::new());
    assert_eq!(bench.engine.next_claim(), Some(bench.now.after(SPAN / 2)));
    bench.later(900);
    renew(&mut bench);
    renew(&mut bench);
    assert_eq!(bench.start(), ["claim 2 A-1"], "although the worktree is being made");
    bench.prepared("A-1");
    assert_eq!(bench.start(), ["turn 1 A-1"], "although it is being renewed");
    ours(&mut bench, 2, 1);
    let lease = bench.engine.run(bench.run("A-1")).unwrap().lease.unwrap();
    assert_eq!((lease.number, lease.until), (2, bench.now.after(SPAN)));
    assert_eq!(bench.start(), Vec::<String>::new());
}

#[test]
fn a_lease_that_has_lapsed_holds_up_what_comes_next_until_it_is_renewed() {
    let mut bench = at_work();
    bench.later(900);
    renew(&mut bench);
    bench.start();
    answered(&mut bench, 2, Err(unreachable()));
    bench.later(1000);
    assert_eq!(bench.start(), ["claim 2 A-1"]);
    bench.prepared("A-1");
    assert_eq!(bench.start(), Vec::<String>::new(), "no agent is started");
    bench.restart();
    lease(&mut bench);
    assert_eq!(bench.start(), ["claim 2 A-1"], "nor after a restart");
    ours(&mut bench, 2, 1);
    assert_eq!(bench.start(), ["turn 1 A-1"]);
}

#[test]
fn a_lease_that_was_lost_ends_the_run() {
    let mut bench = at_work();
    bench.prepared("A-1");
    bench.start();
    bench.anchored("A-1", 1);
    bench.later(2000);
    renew(&mut bench);
    assert_eq!(bench.start(), ["claim 2 A-1"]);
    let run = bench.run("A-1");
    taken(&mut bench, 2);
    let record = bench.engine.item(&id("A-1")).unwrap();
    assert_eq!(record.last_outcome, Some(Outcome::Superseded));
    assert!(record.hold.is_some() && record.spend.attempts == 0);
    assert_eq!(bench.engine.run(run).unwrap().outcome, Some(Outcome::Superseded));
    assert_eq!(bench.start(), ["update 2 A-1"], "it says so; the agent is still being stopped");
}

#[test]
fn an_item_is_given_back_when_everything_was_said_of_it_and_taken_again_only_then() {
    let mut bench = at_work();
    bench.command(Command::Cancel { target: "A-1".to_owned() });
    assert_eq!(bench.start(), ["update 2 A-1"], "its worktree is still being made");
    let run = bench.engine.item(&id("A-1")).unwrap().last_run.unwrap();
    bench.prepared_late(run);
    assert_eq!(bench.start(), ["clean up A-1"]);
    bench.command(Command::Retry { target: "A-1".to_owned(), note: String::new() });
    bench.plan();
    bench.written("A-1", 2, |item| item.state = ItemState::Cancelled);
    assert_eq!(bench.start(), ["update 3 A-1"]);
    bench.written("A-1", 3, |item| item.state = ItemState::Todo);
    bench.plan();
    assert_eq!(bench.start(), ["release A-1"]);
    let key = Effect::Release { run }.key();
    bench.give(Input::Released { key: key.clone(), result: Err(unreachable()) });
    bench.later(400);
    assert_eq!(bench.start(), ["release A-1"]);
    bench.give(Input::Released { key, result: Ok(()) });
    bench.plan();
    assert_eq!(bench.start(), ["claim 1 A-1"]);
}

#[test]
fn what_is_found_settled_when_it_is_ours_is_given_back_without_a_word() {
    for state in [ItemState::InReview, ItemState::Done, ItemState::Blocked] {
        let mut bench = shared();
        bench.plan();
        bench.start();
        bench.items.get_mut("A-1").unwrap().state = state;
        ours(&mut bench, 1, 3);
        let record = bench.engine.item(&id("A-1")).unwrap();
        assert!(record.run.is_none() && record.spend.attempts == 0, "{state:?}: {record:?}");
        assert_eq!(record.updates, 0, "nothing was told");
        assert_eq!(bench.start(), ["clean up A-1", "release A-1"], "{state:?}");
    }
}

#[test]
fn updates_come_after_those_of_whoever_had_it_before() {
    let mut bench = shared();
    bench.plan();
    bench.start();
    ours(&mut bench, 1, 7);
    assert_eq!(bench.start(), ["prepare A-1", "update 8 A-1"]);
}
