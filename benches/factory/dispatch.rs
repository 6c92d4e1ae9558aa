//! From a work item's file to the agent's prompt, on a daemon with its usual settings and real git.

use std::time::Duration;

use enact_factory::domain::event::Event;
use enact_factory::store::StoreReader as _;
use enact_factory::store::envelope::Recorded;
use enact_factory::store::sqlite::SqliteReader;

use crate::agent;
use crate::daemon::Daemon;
use crate::figures::{note, setting, spread};
use crate::in_process::runtime;
use crate::place::{Place, Wanted, until};

/// The usual time between two looks at the work items.
const POLL_MS: u64 = 2000;

/// Writes items at changing phases of the poll and follows each to its prompt.
pub fn run() {
    let samples = setting("BENCH_DISPATCH_ITEMS", 20);
    let place = Place::new(Wanted { slots: 4, agent_ms: 0, poll_ms: POLL_MS });
    let daemon = Daemon::start(&place);
    let mut written = Vec::new();
    for number in 0..samples {
        written.push(agent::now());
        place.add_item(number);
        let item = format!("BENCH-{number}");
        until("the item is done", || {
            place
                .turns()
                .iter()
                .any(|turn| turn.item == item && turn.stage == "critic" && turn.ended.is_some())
        });
        // Seven is no divisor of the poll's period: the phases spread over it.
        std::thread::sleep(Duration::from_millis(137 * (number as u64 % 7) + 200));
    }
    let log = read_log(&place);
    let turns = place.turns();
    let mut spans = Spans::default();
    for (number, written) in written.into_iter().enumerate() {
        let item = format!("BENCH-{number}");
        let first = turns.iter().find(|turn| turn.item == item).expect("a turn");
        let stream = format!("work/local/{item}");
        let seen = at(&log, |it| {
            it.stream.as_str() == stream
                && matches!(it.event.known(), Some(Event::ItemCreated { .. }))
        });
        let run = log
            .iter()
            .find(|it| matches!(it.event.known(), Some(Event::RunStarted { item: of, .. }) if of.identifier() == item))
            .expect("a run");
        let ready = at(&log, |it| {
            it.stream == run.stream
                && matches!(it.event.known(), Some(Event::WorkspaceReady { .. }))
        });
        let (written, prompted) = (written as f64 / 1e6, first.prompted as f64 / 1e6);
        spans.all.push(prompted - written);
        spans.poll.push(seen - written);
        spans.worktree.push(ready - run.at.0 as f64);
        spans.rest.push(prompted - seen);
    }
    drop(daemon);
    note(&format!("item written → prompt read, poll every {POLL_MS} ms"), &spread(&spans.all));
    note("  of which until the poll saw it", &spread(&spans.poll));
    note("  seen → prompt read", &spread(&spans.rest));
    note("  of which making the worktree (git)", &spread(&spans.worktree));
}

#[derive(Default)]
struct Spans {
    all: Vec<f64>,
    poll: Vec<f64>,
    worktree: Vec<f64>,
    rest: Vec<f64>,
}

/// The whole log of a place.
pub fn read_log(place: &Place) -> Vec<Recorded> {
    let reader = SqliteReader::open_reader(&place.path("state/factory.db")).expect("a log");
    runtime().block_on(reader.read_all(0, usize::MAX)).expect("a log")
}

fn at(log: &[Recorded], wanted: impl Fn(&Recorded) -> bool) -> f64 {
    log.iter().find(|it| wanted(it)).expect("an event").at.0 as f64
}
