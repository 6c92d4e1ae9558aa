//! Agents that are in the middle of a turn when their daemon is killed.

use enact_factory::domain::agent::TurnEnding;
use enact_factory::domain::event::Event;

use super::{Workshop, says, with_each_cli};
use crate::support::factory::BOUND;
use crate::support::model_server::{Rule, Script, ToolCall};

#[test]
fn a_turn_in_the_middle_goes_on_without_its_daemon_and_ends_under_the_next() {
    with_each_cli(|cli| {
        let Some(mut shop) = Workshop::new(cli) else { return };
        shop.factory.item("STAY-1", "", "Greet the world");
        let root = shop.factory.root().display().to_string();
        let wait = format!(
            "echo begun >> {root}/begun; while [ ! -e {root}/go ]; do sleep 0.2; done; echo made > STAY-1.txt"
        );
        shop.server.script(
            Script::new()
                .rule(says::work(says::coder("STAY-1"), vec![ToolCall::bash(&wait)]))
                .rule(Rule::new(says::critic("STAY-1"), says::approve(0))),
        );
        shop.factory.start();
        shop.factory.wait_for_file("begun");
        shop.factory.kill9();
        shop.factory.start();
        shop.factory.until("the agent is taken over", BOUND, |factory| {
            let events = factory.run_events("STAY-1");
            events.iter().any(|event| matches!(event, Event::RunAdopted { .. })).then_some(())
        });
        shop.factory.touch("go");
        shop.factory.wait_until_done(&["STAY-1"]);
        shop.print_turns(&["STAY-1"]);
        let begun = std::fs::read_to_string(shop.factory.root().join("begun")).expect("a file");
        assert_eq!(begun, "begun\n", "{}: nothing was done twice", cli.name());
        let runs = shop.factory.runs("STAY-1");
        let endings: Vec<Option<TurnEnding>> = runs[0]
            .turns
            .iter()
            .map(|turn| turn.report.as_ref().map(|report| report.ending.clone()))
            .collect();
        assert_eq!(endings, [Some(TurnEnding::Completed), Some(TurnEnding::Completed)]);
        assert_eq!(shop.prompts("STAY-1", "coder").len(), 1, "{}: one session", cli.name());
        shop.close();
    });
}
