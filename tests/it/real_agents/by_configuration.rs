//! An agent that the factory knows nothing about but its protocol.

use std::sync::PoisonError;

use enact_factory::domain::run::Outcome;

use super::{Cli, HEAVY, Workshop, says};
use crate::support::model_server::{Rule, Script, ToolCall};

#[test]
fn whatever_speaks_the_agent_client_protocol_does_work() {
    let _at_work = HEAVY.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(mut shop) = Workshop::new(Cli::OpencodeByAcp) else { return };
    shop.factory.item("ANY-1", "", "Greet the world");
    let repair = vec![ToolCall::bash("echo second try > ANY-1.txt")];
    shop.server.script(
        Script::new()
            .rule(says::work(
                says::round(says::coder("ANY-1"), 1),
                vec![ToolCall::write("ANY-1.txt", "first try\n")],
            ))
            .rule(says::work(says::round(says::coder("ANY-1"), 2), repair))
            .rule(Rule::new(
                says::round(says::critic("ANY-1"), 1),
                says::objects("REVISE", "nobody lives there", "try again"),
            ))
            .rule(Rule::new(says::critic("ANY-1"), says::approve(0))),
    );
    shop.factory.start();
    shop.factory.wait_until_done(&["ANY-1"]);
    shop.print_turns(&["ANY-1"]);
    assert_eq!(shop.factory.repository.tree()["ANY-1.txt"], "second try");
    assert_eq!(shop.factory.outcomes("ANY-1"), [Some(Outcome::Succeeded)]);
    let runs = shop.factory.runs("ANY-1");
    let calls: Vec<u32> =
        runs[0].turns.iter().filter_map(|turn| Some(turn.report.as_ref()?.tool_calls)).collect();
    assert_eq!(calls, [1, 0, 1, 0]);
    shop.close();
}
