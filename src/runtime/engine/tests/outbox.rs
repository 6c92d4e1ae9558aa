//! What is handed out, in which order, and how much at once.

use super::{Bench, Command, Effect, Input, ONE, TWO, TrackerFailure, update_key};

#[test]
fn an_effect_is_handed_out_once() {
    let mut bench = Bench::new(ONE);
    bench.plan();
    assert_eq!(bench.start(), ["prepare A-1", "update 1 A-1"]);
    assert!(bench.start().is_empty());
}

#[test]
fn updates_of_one_item_go_one_by_one_and_in_order_and_do_not_hold_up_others() {
    let mut bench = Bench::new(TWO);
    bench.plan();
    bench.command(Command::Cancel { target: "A-1".to_owned() });
    let started = bench.start();
    assert!(started.contains(&"update 1 A-1".to_owned()), "{started:?}");
    assert!(started.contains(&"update 1 A-2".to_owned()), "{started:?}");
    assert!(!started.contains(&"update 2 A-1".to_owned()), "{started:?}");
    bench.written("A-1", 1, |_| {});
    assert_eq!(bench.start(), ["update 2 A-1"]);
}

#[test]
fn an_update_that_failed_is_tried_again_later_and_later_and_the_next_one_waits_for_it() {
    let mut bench = Bench::new(ONE);
    bench.plan();
    bench.start();
    bench.prepared("A-1");
    bench.command(Command::Cancel { target: "A-1".to_owned() });
    bench.start();
    for pause in [10, 20, 40, 80, 160, 300, 300] {
        let failure =
            TrackerFailure { message: "out of reach".to_owned(), again: true, wait: None };
        let key = update_key("A-1", 1);
        bench.give(Input::TrackerWritten { key, result: Err(failure) });
        assert!(bench.start().is_empty());
        bench.later(pause - 1);
        assert!(bench.start().is_empty());
        bench.later(1);
        assert_eq!(bench.start(), ["update 1 A-1"], "after {pause} s");
    }
}

#[test]
fn an_update_that_will_never_work_makes_room_for_the_next() {
    let mut bench = Bench::new(ONE);
    bench.plan();
    bench.start();
    bench.command(Command::Cancel { target: "A-1".to_owned() });
    let failure = TrackerFailure { message: "read-only".to_owned(), again: false, wait: None };
    let key = update_key("A-1", 1);
    bench.give(Input::TrackerWritten { key, result: Err(failure) });
    assert_eq!(bench.start(), ["update 2 A-1"]);
}

#[test]
fn nothing_of_a_run_overlaps_and_cleaning_up_comes_after_what_is_being_stopped() {
    let mut bench = Bench::new(ONE);
    bench.plan();
    bench.start();
    bench.prepared("A-1");
    bench.written("A-1", 1, |_| {});
    let run = bench.run("A-1");
    assert_eq!(bench.start(), ["turn 1 A-1"]);
    bench.command(Command::Cancel { target: "A-1".to_owned() });
    assert_eq!(bench.start(), ["update 2 A-1"]);
    let key = Effect::RunTurn { run, turn: 1 }.key();
    let handled = bench.engine.give_back(&key, bench.now);
    bench.store(handled);
    assert_eq!(bench.start(), ["clean up A-1"]);
}

#[test]
fn an_effect_that_was_stopped_because_its_run_is_over_is_not_handed_out_for_ever() {
    let mut bench = Bench::new(ONE);
    bench.plan();
    bench.start();
    bench.prepared("A-1");
    bench.start();
    let key = Effect::RunTurn { run: bench.run("A-1"), turn: 1 }.key();
    bench.command(Command::Cancel { target: "A-1".to_owned() });
    let handled = bench.engine.give_back(&key, bench.now);
    bench.store(handled);
    assert!(!bench.engine.is_open(&key));
    assert!(!bench.start().contains(&"turn 1 A-1".to_owned()));
}

#[test]
fn an_effect_that_was_stopped_with_the_daemon_is_still_wanted() {
    let mut bench = Bench::new(ONE);
    bench.plan();
    bench.start();
    let key = Effect::PrepareWorkspace { run: bench.run("A-1") }.key();
    let handled = bench.engine.give_back(&key, bench.now);
    assert!(handled.batch.is_none());
    assert_eq!(bench.start(), ["prepare A-1"]);
    bench.restart();
    assert_eq!(bench.start(), ["prepare A-1", "update 1 A-1"]);
}

#[test]
fn runs_that_come_out_of_a_wait_share_the_slots_of_their_agent() {
    for (slots, together) in [
        ("global = 4", 2),
        ("global = 1", 1),
        ("global = 4, agents = { coder = 1 }", 1),
        ("global = 4, agents = { critic = 1 }", 2),
    ] {
        let policy = "[policy]\nslots = { global = 4 }\n";
        let mut bench = Bench::new(&format!("{policy}{TWO}"));
        bench.plan();
        bench.start();
        for name in ["A-1", "A-2"] {
            bench.prepared(name);
        }
        let text = format!("[policy]\nslots = {{ {slots} }}\n{TWO}");
        let policy = super::Script::parse(&text).unwrap().policy;
        bench.give(Input::Reconfigured { policy: std::sync::Arc::new(policy) });
        let turns: Vec<String> =
            bench.start().into_iter().filter(|started| started.starts_with("turn")).collect();
        assert_eq!(turns.len(), together, "{slots}: {turns:?}");
    }
}

#[test]
fn a_tracker_that_is_out_of_reach_for_half_an_hour_is_told_everything_once_and_in_order() {
    let mut bench = Bench::new(ONE);
    bench.plan();
    bench.start();
    bench.command(Command::Cancel { target: "A-1".to_owned() });
    bench.command(Command::Retry { target: "A-1".to_owned(), note: String::new() });
    let began = bench.now;
    let mut tries = 0;
    while bench.now < began.after(std::time::Duration::from_secs(1800)) {
        tries += 1;
        let message = "out of reach".to_owned();
        // Now and then it says how long it wants to be left alone.
        let wait = (tries % 3 == 0).then_some(std::time::Duration::from_secs(60));
        let result = Err(TrackerFailure { message, again: true, wait });
        bench.give(Input::TrackerWritten { key: super::update_key("A-1", 1), result });
        let started = bench.start();
        assert!(!started.iter().any(|it| it.starts_with("update")), "{started:?}");
        if tries % 4 == 0 {
            bench.restart();
        }
        let due = bench.engine.next_due(bench.now).unwrap();
        assert!(due.since(bench.now) <= std::time::Duration::from_secs(300));
        bench.now = due;
        let started = bench.start();
        assert!(started.contains(&"update 1 A-1".to_owned()), "{started:?}");
        assert!(!started.contains(&"update 2 A-1".to_owned()), "{started:?}");
    }
    assert!((6..60).contains(&tries), "{tries} tries in half an hour");
    let (mut told, mut number) = (Vec::new(), 0);
    while bench.engine.outbox.update_open(&super::id("A-1")) {
        number += 1;
        bench.written("A-1", number, |_| ());
        told.extend(bench.start().into_iter().filter(|it| it.starts_with("update")));
    }
    let expected: Vec<String> = (2..=number).map(|number| format!("update {number} A-1")).collect();
    assert_eq!(told, expected);
    assert!(number >= 3);
}
