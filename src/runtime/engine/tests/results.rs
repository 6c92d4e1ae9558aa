//! Results that come too late, twice, or from a run that somebody else has taken over.

use crate::domain::run::Interruption;

use super::{Bench, Command, Effect, Input, ItemStatus, ONE, RunInput, wait};
use crate::domain::failure::Failure;
use crate::store::{Store as _, StoreReader as _};

#[test]
fn a_result_counts_once() {
    let mut bench = Bench::new(ONE);
    bench.plan();
    bench.start();
    bench.prepared("A-1");
    let run = bench.run("A-1");
    let failure = Failure::infrastructure("too late");
    let key = Some(Effect::PrepareWorkspace { run }.key());
    let input = RunInput::WorkspaceFailed { failure };
    let again = Input::Run { run, key, settles: true, input };
    let handled = bench.engine.handle(again, bench.now);
    assert_eq!((handled.batch, handled.ignored), (None, Some("the effect was settled before")));
}

#[test]
fn a_result_of_a_run_that_is_over_is_kept_and_changes_nothing() {
    let mut bench = Bench::new(ONE);
    bench.plan();
    bench.start();
    let run = bench.run("A-1");
    bench.command(Command::Cancel { target: "A-1".to_owned() });
    let effect = Effect::PrepareWorkspace { run };
    let failure = Failure::infrastructure("stopped");
    bench.result(&effect, RunInput::WorkspaceFailed { failure });
    assert_eq!(bench.status("A-1"), ItemStatus::Cancelled);
    let events = wait(bench.store.read_stream(&run.stream(), 1, 100)).unwrap();
    let kinds: Vec<&str> = events.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(kinds.last(), Some(&"run.late_result"), "{kinds:?}");
}

#[test]
fn a_result_decided_on_before_somebody_else_took_the_lease_is_refused_by_the_log() {
    let mut bench = Bench::new(ONE);
    bench.plan();
    bench.start();
    let run = bench.run("A-1");
    let stale = {
        let key = Some(Effect::PrepareWorkspace { run }.key());
        let failure = Failure::infrastructure("slow");
        let input = RunInput::WorkspaceFailed { failure };
        bench.engine.handle(Input::Run { run, key, settles: true, input }, bench.now)
    };
    bench.restart();
    let taken = bench.engine.take_over(run, Interruption::Crash, None, bench.now);
    let epoch = taken.batch.as_ref().unwrap().epoch;
    bench.store(taken);
    let mut stale = stale.batch.unwrap();
    // Even if it knew the new epoch, its fence is the old one.
    stale.epoch = epoch;
    let refused = wait(bench.store.append(stale)).unwrap_err();
    assert!(refused.to_string().contains("work/local/A-1"), "{refused}");
}

#[test]
fn fences_only_grow_over_restarts_and_attempts() {
    let mut bench = Bench::new(ONE);
    bench.plan();
    let mut fences = Vec::new();
    for _ in 0..3 {
        fences.push(bench.engine.run(bench.run("A-1")).unwrap().fence);
        bench.restart();
        let run = bench.run("A-1");
        let taken = bench.engine.take_over(run, Interruption::Shutdown, None, bench.now);
        bench.store(taken);
    }
    bench.command(Command::Cancel { target: "A-1".to_owned() });
    bench.command(Command::Retry { target: "A-1".to_owned(), note: String::new() });
    bench.plan();
    fences.push(bench.engine.run(bench.run("A-1")).unwrap().fence);
    assert!(fences.is_sorted_by(|one, next| one < next), "{fences:?}");
}

#[test]
fn a_turn_that_is_cut_short_is_asked_for_again_under_another_number() {
    let mut bench = Bench::new(ONE);
    bench.plan();
    bench.start();
    bench.prepared("A-1");
    bench.start();
    bench.anchored("A-1", 1);
    bench.restart();
    let run = bench.run("A-1");
    let taken = bench.engine.take_over(run, Interruption::Crash, None, bench.now);
    bench.store(taken);
    assert!(bench.start().contains(&"turn 2 A-1".to_owned()));
    assert!(!bench.engine.is_open(&Effect::RunTurn { run, turn: 1 }.key()));
}

#[test]
fn what_an_ended_run_left_open_is_given_up_at_the_next_start() {
    let mut bench = Bench::new(ONE);
    bench.plan();
    bench.start();
    bench.prepared("A-1");
    bench.start();
    let run = bench.run("A-1");
    bench.command(Command::Cancel { target: "A-1".to_owned() });
    bench.restart();
    let dropped = bench.engine.drop_leftovers(bench.now);
    bench.store(dropped);
    assert!(!bench.engine.is_open(&Effect::RunTurn { run, turn: 1 }.key()));
    assert!(bench.start().contains(&"clean up A-1".to_owned()));
}

#[test]
fn a_merge_that_could_not_be_called_back_is_told_to_the_tracker() {
    let mut bench = Bench::new(ONE);
    bench.plan();
    bench.start();
    let run = bench.run("A-1");
    bench.command(Command::Cancel { target: "A-1".to_owned() });
    let merged = crate::domain::change::Delivered::Merge {
        base: "main".to_owned(),
        before: "b".repeat(40),
        after: "a".repeat(40),
        checkout: None,
    };
    let input = RunInput::Delivered { delivered: merged };
    bench.give(Input::Run { run, key: None, settles: false, input });
    assert_eq!(bench.engine.item(&super::id("A-1")).unwrap().updates, 3);
    let effects = wait(bench.store.open_effects()).unwrap();
    let told = effects.iter().any(|row| match &row.effect {
        Effect::UpdateTracker { entry, .. } => entry.contains("merged into main as aaaaaaaaaaaa"),
        _ => false,
    });
    assert!(told);
}
