//! The provider says no: the run waits and goes on, and none of it counts as an attempt.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::Utc;
use enact_factory::domain::event::Event;
use enact_factory::domain::failure::FailureClass;
use enact_factory::domain::run::Outcome;
use enact_factory::domain::time::Timestamp;

use super::{Cli, Login, Workshop, says, with_each_cli};
use crate::support::model_server::{Answer, Rule, Script};

/// A used-up limit and a plain 429 for the coder, a 500 for the critic, each once.
#[test]
fn a_provider_that_says_no_is_waited_for() {
    with_each_cli(|cli| {
        let Some(mut shop) = Workshop::signed_in(cli, Login::Subscription) else { return };
        let items = ["LIMIT-1", "SLOW-1", "BROKEN-1"];
        for (item, goal) in
            items.into_iter().zip(["Greet the world", "Greet the moon", "Greet the sun"])
        {
            shop.factory.item(item, "", goal);
        }
        let told = Arc::new(AtomicI64::new(0));
        shop.server.script(script(cli, &told));
        shop.factory.start();
        let waiting = shop.factory.wait_until("the run at the limit waits", |picture| {
            picture.run_of("LIMIT-1").is_some_and(|run| run.waiting.is_some())
        });
        let wait = waiting.run_of("LIMIT-1").and_then(|run| run.waiting.clone()).expect("a wait");
        assert!(wait.reason.contains("limit"), "{wait:?}");
        let picture = shop.factory.wait_until_done(&items);
        shop.print_turns(&items);
        for item in items {
            assert_eq!(picture.item(item).attempts, 0, "{item}");
            assert_eq!(shop.factory.outcomes(item), [Some(Outcome::Succeeded)], "{item}: one run");
            let (class, until) = only_wait(&shop.factory.run_events(item));
            let runs = shop.factory.runs(item);
            // The refused turn is the first of the coder, but the second of the run with the broken critic.
            let refused = if item == "BROKEN-1" { 1 } else { 0 };
            let again = runs[0].turns[refused + 1].started;
            assert!(
                again >= until,
                "{item}: tried again at {again}, not before {until} was promised"
            );
            match (item, class) {
                ("LIMIT-1", FailureClass::Quota { until: Some(reset) }) => {
                    assert!(until >= reset, "waits until {until}, resets at {reset}");
                    let told = Timestamp(told.load(Ordering::Relaxed) * 1000);
                    // The others say only the minute.
                    let exactly = match cli {
                        Cli::Claude | Cli::Opencode | Cli::Responses => 0,
                        Cli::Codex | Cli::Hermes | Cli::Cursor | Cli::Acp | Cli::OpencodeByAcp => {
                            60
                        }
                    };
                    assert!(reset >= told, "the limit resets at {told}, understood as {reset}");
                    let late = reset.since(told).as_secs();
                    assert!(late <= exactly, "the limit resets at {told}, understood as {reset}");
                }
                ("SLOW-1", FailureClass::Throttled { .. })
                | ("BROKEN-1", FailureClass::Infrastructure) => {}
                (item, other) => panic!("{item}: {other:?}"),
            }
        }
        shop.close();
    });
}

fn script(cli: Cli, told: &Arc<AtomicI64>) -> Script {
    let told = Arc::clone(told);
    let tries = cli.tries();
    // It knows that there is no use in trying.
    let tries_at_limit = if cli == Cli::Responses { 1 } else { tries };
    Script::new()
        .rule(
            Rule::new(says::coder("LIMIT-1"), Answer::from_request(move |_| limit(&told)))
                .times(tries_at_limit),
        )
        .rule(says::writes("LIMIT-1"))
        .rule(Rule::new(says::critic("LIMIT-1"), says::approve(0)))
        .rule(Rule::new(says::coder("SLOW-1"), Answer::failure(429, "one at a time")).times(tries))
        .rule(says::writes("SLOW-1"))
        .rule(Rule::new(says::critic("SLOW-1"), says::approve(0)))
        .rule(says::writes("BROKEN-1"))
        .rule(
            Rule::new(says::critic("BROKEN-1"), Answer::failure(500, "out of order")).times(tries),
        )
        .rule(Rule::new(says::critic("BROKEN-1"), says::approve(0)))
}

/// A limit that resets in a few seconds; `told` takes when.
#[expect(clippy::disallowed_methods, reason = "the provider has a clock of its own")]
fn limit(told: &AtomicI64) -> Answer {
    let resets_at = Utc::now().timestamp() + 12;
    told.store(resets_at, Ordering::Relaxed);
    Answer::UsageLimit { resets_at }
}

/// What the only pause of a run was for, and until when; that it also waited for a window which another run had found closed
/// is not counted.
fn only_wait(events: &[Event]) -> (FailureClass, Timestamp) {
    let waits: Vec<(FailureClass, Timestamp)> = events
        .iter()
        .filter_map(|event| match event {
            Event::RunWaiting { failure, .. }
                if failure.message.starts_with("the usage window of agent") =>
            {
                None
            }
            Event::RunWaiting { failure, until } => Some((failure.class, *until)),
            _ => None,
        })
        .collect();
    let [wait] = waits[..] else { panic!("{events:#?}") };
    wait
}
