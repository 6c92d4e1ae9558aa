//! What the daemon itself costs per agent turn, with an agent that answers at once.

use std::time::{Duration, Instant};

use crate::agent::Turn;
use crate::daemon::Daemon;
use crate::figures::{Limit, check, millis, note, percentile, rounded, setting, spread};
use crate::in_process::{Loop, own_processor, runtime};
use crate::place::{Place, Wanted, until};

const ONE_BY_ONE: Wanted = Wanted { slots: 1, agent_ms: 0, poll_ms: 2000 };

/// Items one after the other, two turns each: first without git, then with.
pub fn run() {
    without_git(setting("BENCH_OVERHEAD_ITEMS", 50));
    with_git(setting("BENCH_OVERHEAD_GIT_ITEMS", 10));
}

fn without_git(items: usize) {
    let place = Place::new(ONE_BY_ONE);
    (0..items).for_each(|number| place.add_item(number));
    let (processor, wall) = runtime().block_on(async {
        let (before, begun) = (own_processor(), Instant::now());
        let running = Loop::start(&place).await;
        while place.turns().iter().filter(|turn| turn.ended.is_some()).count() < 2 * items
            || !running.is_quiet().await
        {
            assert!(begun.elapsed() < Duration::from_secs(240), "the items are not done in time");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let spent = (own_processor() - before, begun.elapsed());
        running.stop().await;
        spent
    });
    let turns = place.turns();
    let (within, between) = gaps(&turns);
    let each = millis(processor) / count(turns.len());
    check("processor time of the daemon per turn, no git", each, "ms", Limit::AtMost(20.0));
    check(
        "wall from a turn's end to the next prompt, p50, no git",
        percentile(&within, 0.5),
        "ms",
        Limit::AtMost(30.0),
    );
    note("  the same, spread", &spread(&within));
    note("  from an item's last turn to the next item's prompt", &spread(&between));
    note("  wall per item of two turns", &format!("{} ms", rounded(millis(wall) / count(items))));
    note(
        "  one fsync'd commit on this disk, for comparison",
        &format!("{} ms", rounded(one_commit(&place))),
    );
}

fn with_git(items: usize) {
    let place = Place::new(ONE_BY_ONE);
    (0..items).for_each(|number| place.add_item(number));
    let daemon = Daemon::start(&place);
    let before = daemon.processor();
    until("all items are done", || {
        place.turns().iter().filter(|turn| turn.ended.is_some()).count() >= 2 * items
    });
    let after = daemon.processor();
    let turns = place.turns();
    let (within, between) = gaps(&turns);
    let each = |spent: f64| format!("{} ms", rounded(spent * 1000.0 / count(turns.len())));
    note("processor time of the daemon per turn, with git", &each(after.own - before.own));
    note("  of git and the agents", &each(after.children - before.children));
    note("wall from a turn's end to the next prompt, with git", &spread(&within));
    note("  from an item's last turn to the next item's prompt", &spread(&between));
}

/// Milliseconds between the end of one turn and the prompt of the next: within items, and from item to item.
fn gaps(turns: &[Turn]) -> (Vec<f64>, Vec<f64>) {
    let (mut within, mut between) = (Vec::new(), Vec::new());
    for pair in turns.windows(2) {
        let Some(ended) = pair[0].ended else { continue };
        let gap = count(usize::try_from(pair[1].prompted.saturating_sub(ended)).unwrap_or(0)) / 1e6;
        if pair[0].item == pair[1].item { within.push(gap) } else { between.push(gap) }
    }
    (within, between)
}

/// Milliseconds of one synchronous write of a page, median: what each durable step costs at least.
fn one_commit(place: &Place) -> f64 {
    use std::io::Write as _;
    let mut file = std::fs::File::create(place.path("fsync")).expect("a file");
    let spans: Vec<f64> = (0..50)
        .map(|_| {
            let begun = Instant::now();
            file.write_all(&[0; 4096]).expect("written");
            file.sync_data().expect("synchronised");
            millis(begun.elapsed())
        })
        .collect();
    percentile(&spans, 0.5)
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn count(number: usize) -> f64 {
    number as f64
}
