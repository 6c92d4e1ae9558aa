//! From starting the program to its first answer: with nothing on record, and with many finished runs.

use std::fs;

use crate::daemon::Daemon;
use crate::figures::{Limit, check, note, percentile, rounded};
use crate::place::{Place, Wanted};
use crate::store;

/// Measures both, five times each.
pub fn run() {
    let (empty, _) = start(None);
    note("first answer, empty log, median of 5", &format!("{} s", rounded(empty)));
    let past = store::past();
    let (full, resident) = start(Some(past));
    let what = format!("first answer, {} finished runs, median of 5", store::runs());
    check(&what, full, "s", Limit::AtMost(0.5));
    note("  resident memory then", &format!("{} MiB", rounded(resident)));
}

/// Median seconds until the first answer, and MiB resident after it.
fn start(past: Option<&store::Past>) -> (f64, f64) {
    let place = Place::new(Wanted { slots: 4, agent_ms: 0, poll_ms: 2000 });
    let text = fs::read_to_string(place.path("config.toml")).expect("the configuration");
    // Without its items: otherwise the daemon would find that all of them are gone.
    let text = text.replace("[local]\ndirectory = \"items\"\nproject = \"bench\"\n", "");
    fs::write(place.path("config.toml"), text).expect("the configuration");
    fs::create_dir(place.path("state")).expect("a directory");
    if let Some(past) = past {
        let _bytes = fs::copy(past.database(), place.path("state/factory.db")).expect("a copy");
    }
    let mut resident = 0.0;
    let spans: Vec<f64> = (0..5)
        .map(|_| {
            let daemon = Daemon::start(&place);
            resident = daemon.resident();
            daemon.ready_after.as_secs_f64()
        })
        .collect();
    (percentile(&spans, 0.5), resident)
}
