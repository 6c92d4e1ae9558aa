//! Resident memory of the daemon: idle, and with fifty runs under way.

use crate::daemon::Daemon;
use crate::figures::{Limit, check, setting};
use crate::place::{Place, Wanted, until};

/// Measures both.
pub fn run() {
    let runs = setting("BENCH_MEMORY_RUNS", 50);
    let place = Place::new(Wanted { slots: runs, agent_ms: 3_600_000, poll_ms: 2000 });
    let daemon = Daemon::start(&place);
    std::thread::sleep(std::time::Duration::from_secs(2));
    check("resident memory, idle", daemon.resident(), "MiB", Limit::AtMost(60.0));
    (0..runs).for_each(|number| place.add_item(number));
    until("all agents have their prompts", || place.turns().len() >= runs);
    check(
        &format!("resident memory, {runs} runs under way"),
        daemon.resident(),
        "MiB",
        Limit::AtMost(150.0),
    );
}
