//! `SIGKILL` with runs under way: how long until the next daemon goes on with all of them.

use enact_factory::domain::event::Event;
use serde_json::json;

use crate::daemon::{Daemon, ask};
use crate::dispatch::read_log;
use crate::figures::{Limit, check};
use crate::place::{Place, Wanted, until};

/// With ten runs, and with fifty.
pub fn run() {
    for runs in [10, 50] {
        kill_with(runs);
    }
}

fn kill_with(runs: usize) {
    let place = Place::new(Wanted { slots: runs, agent_ms: 3_600_000, poll_ms: 500 });
    let daemon = Daemon::start(&place);
    (0..runs).for_each(|number| place.add_item(number));
    until("all agents have their prompts", || place.turns().len() >= runs);
    let before = place.turns();
    daemon.kill();
    let next = Daemon::start(&place);
    let running = ask(&place, &json!({ "kind": "status" }))
        .map(|status| status.to_string().matches("\"run\":").count());
    let survivors = before.iter().filter(|turn| lives(turn.process)).count();
    assert_eq!(survivors, runs, "agents that did not outlive their daemon");
    let adopted = read_log(&place)
        .iter()
        .filter(|it| matches!(it.event.known(), Some(Event::RunAdopted { .. })))
        .count();
    assert_eq!(adopted, runs, "runs that were not accounted for; status {running:?}");
    let what = format!("SIGKILL with {runs} runs → all go on under the next daemon");
    check(&what, next.ready_after.as_secs_f64(), "s", Limit::AtMost(5.0));
    assert_eq!(place.turns().len(), runs, "an agent was started again");
}

/// Zombies do not count: whoever adopts them here may be slow to notice.
fn lives(process: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
    state.is_some_and(|state| state != 'Z')
}
