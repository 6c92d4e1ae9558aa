//! Two hundred runs at once, without git: throughput against the ideal, and how long the loop keeps others waiting.

use std::time::{Duration, Instant};

use crate::figures::{millis, note, percentile, rounded, setting, spread};
use crate::in_process::{Loop, own_processor, runtime};
use crate::place::{Place, Wanted};

/// Milliseconds that each of the two turns of a run takes.
const AGENT_MS: u64 = 10_000;

/// Runs them all.
pub fn run() {
    let runs = setting("BENCH_CONCURRENT_RUNS", 200);
    let place = Place::new(Wanted { slots: runs, agent_ms: AGENT_MS, poll_ms: 2000 });
    (0..runs).for_each(|number| place.add_item(number));
    let (spent, lags) = runtime().block_on(work(&place, runs));
    let turns = place.turns();
    let first = turns.iter().map(|turn| turn.prompted).min().unwrap_or(0);
    let last = turns.iter().filter_map(|turn| turn.ended).max().unwrap_or(0);
    let wall = last.saturating_sub(first) as f64 / 1e9;
    let ideal = 2.0 * AGENT_MS as f64 / 1e3;
    note(
        &format!("{runs} runs at once, two turns of {} s each", AGENT_MS / 1000),
        &format!("{} s", rounded(wall)),
    );
    note("  throughput against the ideal", &format!("{} %", rounded(100.0 * ideal / wall)));
    note("  turns at work at the same time, most", &most_at_once(&turns).to_string());
    note(
        "  processor time of the daemon per turn",
        &format!("{} ms", rounded(millis(spent) / turns.len() as f64)),
    );
    note("  wait for an answer of the loop", &spread(&lags));
    note("  the longest wait", &format!("{} ms", rounded(percentile(&lags, 1.0))));
}

async fn work(place: &Place, runs: usize) -> (Duration, Vec<f64>) {
    let (before, begun) = (own_processor(), Instant::now());
    let running = Loop::start(place).await;
    let mut lags = Vec::new();
    loop {
        let asked = Instant::now();
        running.handle.why("nothing-of-this-name").await.expect("an answer");
        lags.push(millis(asked.elapsed()));
        tokio::time::sleep(Duration::from_millis(20)).await;
        if lags.len().is_multiple_of(50)
            && place.turns().iter().filter(|turn| turn.ended.is_some()).count() >= 2 * runs
            && running.is_quiet().await
        {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(280), "the runs are not done in time");
    }
    let spent = own_processor() - before;
    running.stop().await;
    (spent, lags)
}

fn most_at_once(turns: &[crate::agent::Turn]) -> usize {
    turns
        .iter()
        .map(|one| {
            turns
                .iter()
                .filter(|other| {
                    other.prompted <= one.prompted && other.ended.is_none_or(|at| at > one.prompted)
                })
                .count()
        })
        .max()
        .unwrap_or(0)
}
