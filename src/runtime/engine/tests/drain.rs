//! Flushing what trackers are still to be told, and what was given up.

use std::time::Duration;

use super::super::drain::Drained;
use super::{Bench, Command, Input, ONE, TWO, TrackerFailure, update_key};

fn out_of_reach() -> TrackerFailure {
    TrackerFailure { message: "out of reach".to_owned(), again: true, wait: None }
}

fn fails(bench: &mut Bench, name: &str, number: u32, failure: TrackerFailure) {
    let key = update_key(name, number);
    bench.give(Input::TrackerWritten { key, result: Err(failure) });
}

fn begin(bench: &mut Bench, parked: bool) {
    let (handled, _id) = bench.engine.begin_drain(parked, "human:cli:ann", bench.now);
    bench.store(handled);
}

fn finished(bench: &mut Bench) -> Drained {
    let mut finished = bench.engine.finished_drains();
    assert_eq!(finished.len(), 1);
    finished.remove(0).1
}

/// A bench whose A-1 was cancelled and has two updates, the first of which has failed.
fn failing() -> Bench {
    let mut bench = Bench::new(ONE);
    bench.plan();
    bench.start();
    bench.command(Command::Cancel { target: "A-1".to_owned() });
    fails(&mut bench, "A-1", 1, out_of_reach());
    assert!(!bench.start().contains(&"update 1 A-1".to_owned()));
    bench
}

#[test]
fn a_drain_does_not_wait_for_a_back_off_and_writes_the_updates_of_an_item_in_order() {
    let mut bench = failing();
    begin(&mut bench, false);
    assert!(bench.engine.finished_drains().is_empty());
    assert!(bench.start().contains(&"update 1 A-1".to_owned()));
    bench.written("A-1", 1, |_| {});
    assert_eq!(bench.start(), ["update 2 A-1"]);
    assert!(bench.engine.finished_drains().is_empty());
    bench.written("A-1", 2, |_| {});
    assert_eq!(finished(&mut bench), Drained { drained: 2, ..Drained::default() });
}

#[test]
fn what_stands_behind_an_update_that_fails_is_not_tried() {
    let mut bench = failing();
    begin(&mut bench, false);
    bench.start();
    fails(&mut bench, "A-1", 1, out_of_reach());
    let drained = finished(&mut bench);
    let errors: Vec<&str> = drained.errors.iter().map(|it| it.error.as_str()).collect();
    assert_eq!(errors, ["out of reach", "not tried: update 1 of the item comes first"]);
    assert_eq!(drained.drained, 0);
    assert!(drained.errors.iter().all(|it| it.hint.contains("drain")), "{drained:?}");
}

#[test]
fn a_pause_that_the_service_asked_for_is_kept() {
    let mut bench = failing();
    bench.later(20);
    bench.start();
    let wait = Some(Duration::from_secs(600));
    let message = "wants to be left alone".to_owned();
    fails(&mut bench, "A-1", 1, TrackerFailure { message, again: true, wait });
    begin(&mut bench, false);
    assert!(bench.start().is_empty());
    let drained = finished(&mut bench);
    assert!(drained.errors[0].error.contains("wants to be left alone"), "{drained:?}");
    bench.later(601);
    begin(&mut bench, false);
    assert!(bench.start().contains(&"update 1 A-1".to_owned()));
}

#[test]
fn what_was_given_up_is_listed_with_its_reason_and_comes_back_when_asked_for() {
    let mut bench = Bench::new(TWO);
    bench.plan();
    bench.start();
    bench.written("A-2", 1, |_| {});
    let message = "TF401320: no such state".to_owned();
    fails(&mut bench, "A-1", 1, TrackerFailure { message, again: false, wait: None });
    for restarted in [false, true] {
        if restarted {
            bench.restart();
        }
        begin(&mut bench, false);
        let drained = finished(&mut bench);
        assert_eq!((drained.drained, drained.errors.len()), (0, 0), "{drained:?}");
        assert_eq!(drained.parked[0].error, "TF401320: no such state");
        assert!(drained.parked[0].hint.contains("--parked"));
        let writes = bench.engine.status(bench.now).writes;
        assert!(writes.len() == 1 && writes[0].parked, "{writes:?}");
        assert_eq!(bench.engine.explain("A-2", bench.now).unwrap().writes, []);
        assert_eq!(bench.engine.explain("A-1", bench.now).unwrap().writes, writes);
    }
    begin(&mut bench, true);
    assert!(bench.start().contains(&"update 1 A-1".to_owned()));
    bench.restart();
    assert!(bench.start().contains(&"update 1 A-1".to_owned()), "what came back is on record");
    bench.written("A-1", 1, |_| {});
    assert_eq!(bench.engine.status(bench.now).writes, []);
    begin(&mut bench, true);
    assert_eq!(finished(&mut bench), Drained::default());
}

#[test]
fn what_came_back_is_not_written_at_the_same_time_as_a_newer_update() {
    let mut bench = Bench::new(ONE);
    bench.plan();
    bench.start();
    let message = "refused".to_owned();
    fails(&mut bench, "A-1", 1, TrackerFailure { message, again: false, wait: None });
    bench.command(Command::Cancel { target: "A-1".to_owned() });
    assert!(bench.start().contains(&"update 2 A-1".to_owned()));
    begin(&mut bench, true);
    assert!(!bench.start().contains(&"update 1 A-1".to_owned()));
    bench.written("A-1", 2, |_| {});
    assert!(bench.start().contains(&"update 1 A-1".to_owned()));
    bench.written("A-1", 1, |_| {});
    assert_eq!(finished(&mut bench).drained, 2);
}

#[test]
fn updates_of_an_item_that_is_gone_are_neither_listed_nor_brought_back() {
    let mut bench = Bench::new(ONE);
    bench.plan();
    bench.start();
    let message = "gone".to_owned();
    fails(&mut bench, "A-1", 1, TrackerFailure { message, again: false, wait: None });
    bench.items.clear();
    for _ in 0..2 {
        bench.later(1);
        bench.read();
    }
    let key = update_key("A-1", 2);
    if bench.engine.is_open(&key) {
        bench.start();
        let message = "gone".to_owned();
        fails(&mut bench, "A-1", 2, TrackerFailure { message, again: false, wait: None });
    }
    begin(&mut bench, true);
    assert_eq!(finished(&mut bench), Drained::default());
}
