//! The daemon is killed at random moments, again and again; what is there in the end is what would have been there anyway.
//!
//! Variables, all optional: `ENACT_FACTORY_CRASH_ROUNDS` is the number of rounds (20), `ENACT_FACTORY_CRASH_SEED` where the
//! moments come from (1), `ENACT_FACTORY_CRASH_JOBS` the rounds under way at once (4). Every round prints its own seed:
//! `ENACT_FACTORY_CRASH_ROUND=<seed>` repeats that one. `ENACT_FACTORY_CRASH_STORY=1` tells the undisturbed round.

mod backlog;
mod ending;
mod moment;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use backlog::{ITEMS, final_status};
use ending::{Ending, assert_nothing_left};
use moment::{How, Moments};

use crate::support::factory::Factory;

/// Rounds without being asked for more.
const ROUNDS: usize = 20;

fn number(variable: &str) -> Option<u64> {
    let value = std::env::var(variable).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{variable} must be a number, not {value:?}")))
}

#[test]
fn a_daemon_killed_at_any_moment_ends_where_an_undisturbed_one_does() {
    let expected = undisturbed();
    println!("undisturbed: {} events, {:?}", expected.events, expected.items);
    let first = number("ENACT_FACTORY_CRASH_SEED").unwrap_or(1).wrapping_mul(1_000_000);
    let seeds: Vec<u64> = match number("ENACT_FACTORY_CRASH_ROUND") {
        Some(seed) => vec![seed],
        None => {
            let rounds = number("ENACT_FACTORY_CRASH_ROUNDS").unwrap_or(ROUNDS as u64);
            (0..rounds).map(|round| first.wrapping_add(round)).collect()
        }
    };
    let jobs =
        usize::try_from(number("ENACT_FACTORY_CRASH_JOBS").unwrap_or(4)).expect("a small number");
    let next = AtomicUsize::new(0);
    let failed: Vec<u64> = std::thread::scope(|scope| {
        let workers: Vec<_> =
            (0..jobs.max(1)).map(|_| scope.spawn(|| work(&seeds, &next, &expected))).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("a worker")).collect()
    });
    assert!(failed.is_empty(), "rounds that ended elsewhere: ENACT_FACTORY_CRASH_ROUND={failed:?}");
}

/// Takes seeds until none is left; those whose rounds failed.
fn work(seeds: &[u64], next: &AtomicUsize, expected: &Ending) -> Vec<u64> {
    let mut failed = Vec::new();
    while let Some(&seed) = seeds.get(next.fetch_add(1, Ordering::Relaxed)) {
        if catch_unwind(AssertUnwindSafe(|| disturbed(seed, expected))).is_err() {
            println!("round {seed} FAILED");
            failed.push(seed);
        }
    }
    failed
}

fn undisturbed() -> Ending {
    let mut factory = backlog::factory();
    factory.start();
    wait_for_the_end(&mut factory);
    if number("ENACT_FACTORY_CRASH_STORY").is_some() {
        tell(&factory);
    }
    assert_nothing_left(&factory, ITEMS);
    Ending::of(&factory, ITEMS)
}

/// Prints what happened when.
fn tell(factory: &Factory) {
    let events = factory.events();
    let first = events.first().map_or(0, |recorded| recorded.at.0);
    for recorded in events {
        let at = recorded.at.0 - first;
        println!("{:>5} {at:>7} ms {} {}", recorded.gseq, recorded.stream, recorded.kind);
    }
}

fn disturbed(seed: u64, expected: &Ending) {
    let began = Instant::now();
    let mut moments = Moments::new(seed);
    let mut factory = backlog::factory();
    let mut story = Vec::new();
    let mut from = 0;
    for how in moments.plan() {
        factory.launch();
        let at = moments.choose(from, expected.events);
        let reached = moment::await_event(&mut factory, at);
        moments.hesitate();
        match how {
            How::Kill => factory.kill9(),
            How::PowerCut => factory.power_cut(),
            How::HandOver => {
                let (said, ended) = factory.hand_over();
                assert_eq!(ended.code(), Some(0), "{ended}: {said:?}");
            }
            How::Terminate => {
                let ended = factory.sigterm();
                assert_eq!(ended.code(), Some(0), "{ended}");
                assert_eq!(factory.survivors(), [], "after an orderly stop");
            }
        }
        story.push(format!("{how:?} at event {reached}"));
        from = reached;
    }
    factory.start();
    wait_for_the_end(&mut factory);
    assert_nothing_left(&factory, ITEMS);
    let ending = Ending::of(&factory, ITEMS);
    assert_eq!(ending.items, expected.items, "round {seed}");
    assert_eq!(ending.tree, expected.tree, "round {seed}");
    println!("round {seed}: {}; {:.1} s", story.join(", "), began.elapsed().as_secs_f32());
}

/// Waits until every item is where it belongs. A run whose phase went down twice waits for a person, who wants it done.
fn wait_for_the_end(factory: &mut Factory) {
    factory.until_sometime("every item is where it belongs", |factory| {
        let picture = factory.picture()?;
        let at_home = ITEMS
            .iter()
            .all(|item| picture.find(item).is_some_and(|found| found.status == final_status(item)));
        for item in ITEMS {
            let parked = picture.find(item).and_then(|found| found.question_class.as_deref());
            if parked == Some("crashed_twice") {
                factory.cli_ok(&["retry", item]);
            }
        }
        (at_home && picture.status.open_effects == 0).then_some(())
    });
}
