//! What goes wrong beside the verdicts and the provider's moods: keys, arguments, bytes, and a sudden death.

use enact_factory::domain::agent::{Stage, TurnEnding};
use enact_factory::domain::event::Event;
use enact_factory::domain::failure::FailureClass;
use enact_factory::domain::run::Outcome;

use super::{AGENT_SECRET, Cli, Workshop, says, with_each_cli};
use crate::support::factory::BOUND;
use crate::support::model_server::{Answer, Rule, Script, ToolCall};

/// A megabyte on one line, and a half of something that is no text.
#[test]
fn long_lines_and_broken_bytes_are_only_output() {
    with_each_cli(|cli| {
        let Some(mut shop) = Workshop::new(cli) else { return };
        shop.factory.item("LONG-1", "", "Greet the world");
        shop.factory.item("BYTES-1", "", "Greet the moon");
        // OpenCode leaves before its reader has taken what does not fit into a pipe of a megabyte.
        let times = if cli == Cli::Opencode { 150_000 } else { 210_000 };
        let long = format!("{}\n{}", "long ".repeat(times), says::DONE);
        let bytes = "printf 'caf\\303 \\377\\376\\n'; echo 'made' > BYTES-1.txt";
        let write = vec![ToolCall::write("LONG-1.txt", "made\n")];
        shop.server.script(
            Script::new()
                .rule(
                    Rule::new(says::coder("LONG-1"), Answer::Tools(write)).then(Answer::text(long)),
                )
                .rule(Rule::new(says::critic("LONG-1"), says::approve(0)))
                .rule(says::work(says::coder("BYTES-1"), vec![ToolCall::bash(bytes)]))
                .rule(Rule::new(says::critic("BYTES-1"), says::approve(0))),
        );
        shop.factory.start();
        shop.factory.wait_until_done(&["LONG-1", "BYTES-1"]);
        shop.print_turns(&["LONG-1", "BYTES-1"]);
        for item in ["LONG-1", "BYTES-1"] {
            assert_eq!(shop.factory.outcomes(item), [Some(Outcome::Succeeded)], "{item}");
            assert_eq!(shop.factory.repository.tree()[&format!("{item}.txt")], "made");
        }
        // The report stands at the end of the long answer.
        let reported = shop.factory.run_events("LONG-1").into_iter().any(|event| {
            matches!(event, Event::CoderReported { report, .. } if report.summary == "did it")
        });
        assert!(reported, "{}: the end of an answer is kept", cli.name());
        shop.close();
    });
}

/// A key that is refused is a matter for people, and nothing of it is spent or shown: its item waits where it is.
#[test]
fn a_refused_key_is_a_matter_for_people() {
    with_each_cli(|cli| {
        let Some(mut shop) = Workshop::new(cli) else { return };
        shop.factory.item("KEY-1", "", "Greet the world");
        let refused = Answer::failure(401, "invalid x-api-key");
        shop.server.script(Script::new().rule(Rule::new(says::coder("KEY-1"), refused)));
        shop.factory.start();
        let picture = shop
            .factory
            .wait_until("somebody is told", |picture| !picture.status.refused_agents.is_empty());
        shop.print_turns(&["KEY-1"]);
        assert_eq!(picture.item("KEY-1").attempts, 0);
        assert_eq!(picture.item("KEY-1").question_class, None);
        let refused = &picture.status.refused_agents[0];
        assert_eq!(refused.name, cli.name());
        assert!(!refused.reason.contains(AGENT_SECRET), "{}", refused.reason);
        let waiting = picture.run_of("KEY-1").and_then(|run| run.waiting.clone()).expect("a wait");
        assert!(waiting.reason.contains("sign it in"), "{}", waiting.reason);
        let runs = shop.factory.runs("KEY-1");
        let report = runs[0].turns[0].report.as_ref().expect("a report");
        let TurnEnding::Failed { failure } = &report.ending else { panic!("{report:?}") };
        assert_eq!(failure.class, FailureClass::Authentication, "{}", failure.message);
        assert!(!failure.message.contains(AGENT_SECRET), "{}", failure.message);
        shop.close();
    });
}

/// It ends before it has read anything of a prompt that is larger than a pipe.
#[test]
fn an_agent_that_refuses_its_arguments_is_told_apart_from_bad_work() {
    with_each_cli(|cli| {
        if cli == Cli::Responses {
            // It is this program itself, and is never given any arguments but its own.
            return;
        }
        let Some(mut shop) = Workshop::new(cli) else { return };
        let table = format!("[agents.{}]\n", cli.name());
        let args = format!("{table}args = [\"--nosuch\"]\n");
        // Codex has arguments already.
        let without: Vec<&str> =
            shop.factory.more_config.lines().filter(|line| !line.starts_with("args")).collect();
        shop.factory.more_config = without.join("\n").replace(table.trim(), args.trim());
        shop.factory.more_config.push('\n');
        let names = "somebody else\n".repeat(6_000);
        shop.factory.item("ARG-1", "", &format!("Greet everybody\n\n{names}"));
        shop.server.script(Script::new());
        shop.factory.start();
        let report = shop.factory.until("the first turn has ended", BOUND, |factory| {
            let runs = factory.runs("ARG-1");
            runs.first()?.turns.first()?.report.clone()
        });
        shop.print_turns(&["ARG-1"]);
        let TurnEnding::Failed { failure } = &report.ending else { panic!("{report:?}") };
        assert_ne!(failure.class, FailureClass::Agent, "{}", failure.message);
        assert!(shop.server.model_calls().is_empty());
        shop.close();
    });
}

/// Somebody, perhaps the system short of memory, kills the agent while the model thinks.
#[test]
fn an_agent_that_is_killed_is_done_again() {
    with_each_cli(|cli| {
        let Some(mut shop) = Workshop::new(cli) else { return };
        shop.factory.item("KILL-1", "", "Greet the world");
        shop.server.script(
            Script::new()
                .rule(Rule::new(says::coder("KILL-1"), Answer::Hang).times(1))
                .rule(says::writes("KILL-1"))
                .rule(Rule::new(says::critic("KILL-1"), says::approve(0))),
        );
        shop.factory.start();
        assert!(shop.server.wait_until(BOUND, |requests| {
            requests.iter().any(|request| request.answer == "hang" && !request.abandoned)
        }));
        let mut victims = shop.factory.survivors();
        victims.retain(|found| cli.is_run_by(&found.command));
        assert!(!victims.is_empty(), "{:#?}", shop.factory.survivors());
        for victim in &victims {
            victim.kill();
        }
        shop.factory.wait_until_done(&["KILL-1"]);
        shop.print_turns(&["KILL-1"]);
        let runs = shop.factory.runs("KILL-1");
        assert_eq!(runs.len(), 1, "the run goes on where it was");
        let killed = &runs[0].turns[0];
        assert_eq!(killed.stage, Stage::Coder);
        let report = killed.report.as_ref().expect("a report");
        let TurnEnding::Failed { failure } = &report.ending else { panic!("{report:?}") };
        assert_eq!(failure.class, FailureClass::Infrastructure, "{}", failure.message);
        assert_eq!(shop.factory.outcomes("KILL-1"), [Some(Outcome::Succeeded)]);
        shop.close();
    });
}
