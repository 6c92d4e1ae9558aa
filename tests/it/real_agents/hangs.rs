//! Agents that do not come back, and daemons that go away: no process stays behind.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use enact_factory::domain::agent::{TimeoutKind, TurnEnding};
use enact_factory::domain::run::Interruption;

use serde_json::json;

use super::{Cli, Workshop, says, with_each_cli};
use crate::support::factory::{BOUND, Factory};
use crate::support::model_server::{Answer, Gate, RecordedRequest, Rule, Script, ToolCall, When};

/// Starts a process in a session of its own, and then the model hangs.
fn lingers_and_hangs(cli: Cli, when: When) -> Rule {
    let start = "setsid sleep 1000 </dev/null >/dev/null 2>&1 & echo started";
    let call = match cli {
        Cli::Claude
        | Cli::Opencode
        | Cli::Cursor
        | Cli::Acp
        | Cli::Responses
        | Cli::OpencodeByAcp => ToolCall::bash(start),
        // It has its own way of starting what goes on.
        Cli::Hermes => {
            ToolCall::named("terminal", json!({ "command": "sleep 1000", "background": true }))
        }
        // It ends what a command leaves behind, but goes on while the command runs.
        Cli::Codex => ToolCall::named(
            "exec_command",
            json!({ "cmd": format!("{start}; wait"), "yield_time_ms": 500 }),
        ),
    };
    Rule::new(when, Answer::Tools(vec![call])).then(Answer::Hang)
}

/// Process ids of the lingering commands.
fn lingering(factory: &Factory) -> BTreeSet<u32> {
    let found = factory.survivors().into_iter().filter(|it| it.command.starts_with("sleep 1000"));
    found.map(|it| it.pid).collect()
}

fn wait_for_lingering(cli: Cli, factory: &mut Factory) -> BTreeSet<u32> {
    if cli == Cli::Responses {
        // It ends by itself whatever its commands leave behind.
        return BTreeSet::new();
    }
    factory.until("a process lingers", BOUND, |factory| {
        Some(lingering(factory)).filter(|found| !found.is_empty())
    })
}

fn is_hanging(request: &RecordedRequest) -> bool {
    request.answer == "hang" && !request.abandoned
}

#[test]
fn a_hanging_agent_is_ended_with_what_it_started() {
    with_each_cli(|cli| {
        let Some(mut shop) = Workshop::new(cli) else { return };
        // More rounds than needed: on a very busy machine a turn that works may run out of time, too.
        shop.factory.autonomous_config = "max_iterations = 6".to_owned();
        // Some take seconds to start when others work, too.
        let timeout_ms = if cli.is_light() { 12_000 } else { 40_000 };
        let coder = &mut shop.factory.stage_config.0;
        *coder = format!("{coder}timeout_ms = {timeout_ms}\n");
        shop.factory.item("HANG-1", "", "Greet the world");
        let seen = Arc::new(AtomicBool::new(false));
        let hang = Arc::clone(&seen);
        let hang = When::holds(move |_| !hang.load(Ordering::Relaxed));
        shop.server.script(
            Script::new()
                .rule(lingers_and_hangs(cli, says::coder("HANG-1").and(hang)))
                .rule(says::writes("HANG-1"))
                .rule(Rule::new(says::critic("HANG-1"), says::approve(0))),
        );
        shop.factory.start();
        let lingered = wait_for_lingering(cli, &mut shop.factory);
        assert!(shop.server.wait_until(BOUND, |requests| requests.iter().any(is_hanging)));
        seen.store(true, Ordering::Relaxed);
        let hanging = shop.factory.runs("HANG-1")[0].turns.len() - 1;
        let report = shop.factory.until("the hanging turn is ended", BOUND, |factory| {
            factory.runs("HANG-1")[0].turns[hanging].report.clone()
        });
        let left = lingering(&shop.factory);
        assert!(cli != Cli::Responses || left.is_empty(), "{left:?}");
        assert!(left.is_disjoint(&lingered), "what it started is ended with it: {left:?}");
        assert!(shop.server.wait_until(BOUND, |requests| !requests.iter().any(is_hanging)));
        shop.factory.wait_until_done(&["HANG-1"]);
        shop.print_turns(&["HANG-1"]);
        assert_eq!(report.ending, TurnEnding::TimedOut { clock: TimeoutKind::Total });
        assert!((timeout_ms..timeout_ms + 48_000).contains(&report.duration_ms), "{report:?}");
        let told = shop.prompts("HANG-1", "coder");
        assert!(told[hanging + 1].contains("ended because it took too long"), "{told:#?}");
        shop.close();
    });
}

#[test]
fn a_daemon_that_is_asked_to_stop_leaves_no_process() {
    with_each_cli(|cli| {
        let Some(mut shop) = Workshop::new(cli) else { return };
        shop.factory.item("GONE-1", "", "Greet the world");
        let write = vec![ToolCall::write("GONE-1.txt", "made\n")];
        shop.server.script(
            Script::new()
                // Some go on in the same conversation.
                .rule(says::work(says::goes_on("GONE-1"), write))
                .rule(lingers_and_hangs(cli, says::coder("GONE-1")).times(1))
                .rule(says::writes("GONE-1"))
                .rule(Rule::new(says::critic("GONE-1"), says::approve(0))),
        );
        shop.factory.start();
        wait_for_lingering(cli, &mut shop.factory);
        assert!(shop.server.wait_until(BOUND, |requests| requests.iter().any(is_hanging)));
        let status = shop.factory.sigterm();
        assert!(status.success(), "{status}");
        assert_eq!(shop.factory.survivors(), [], "after SIGTERM");

        shop.factory.start();
        let picture = shop.factory.wait_until_done(&["GONE-1"]);
        shop.print_turns(&["GONE-1"]);
        assert_eq!(picture.item("GONE-1").attempts, 0);
        let runs = shop.factory.runs("GONE-1");
        assert_eq!(runs.len(), 1, "the run goes on where it was");
        let ends: Vec<Option<Interruption>> =
            runs[0].turns.iter().map(|turn| turn.interrupted).collect();
        assert_eq!(ends, [Some(Interruption::Shutdown), None, None]);
        shop.close();
    });
}

#[test]
fn a_daemon_that_is_killed_finds_its_agent_at_work() {
    with_each_cli(|cli| {
        let Some(mut shop) = Workshop::new(cli) else { return };
        shop.factory.item("BACK-1", "", "Greet the world");
        let gate = Gate::closed();
        let done = Answer::Held(gate.clone(), Box::new(Answer::text(says::DONE)));
        let write = vec![ToolCall::write("BACK-1.txt", "made\n")];
        shop.server.script(
            Script::new()
                .rule(Rule::new(says::coder("BACK-1"), Answer::Tools(write)).then(done))
                .rule(Rule::new(says::critic("BACK-1"), says::approve(0))),
        );
        shop.factory.start();
        let held = |requests: &[RecordedRequest]| requests.iter().any(|it| it.answer == "held");
        assert!(shop.server.wait_until(BOUND, held));
        shop.factory.kill9();
        let before: BTreeSet<u32> = shop.factory.survivors().iter().map(|it| it.pid).collect();
        assert!(!before.is_empty(), "the agent goes on");
        shop.factory.start();
        gate.open();
        let picture = shop.factory.wait_until_done(&["BACK-1"]);
        shop.print_turns(&["BACK-1"]);
        assert_eq!(picture.item("BACK-1").attempts, 0);
        let runs = shop.factory.runs("BACK-1");
        let ends: Vec<Option<Interruption>> =
            runs[0].turns.iter().map(|turn| turn.interrupted).collect();
        assert_eq!(ends, [None, None], "coder and critic, each once");
        let calls = shop.calls("BACK-1", "coder");
        assert_eq!(calls.len(), 2, "nothing was started again");
        assert_eq!(shop.factory.repository.tree()["BACK-1.txt"], "made");
        shop.close();
    });
}
