//! A conversation that is cut short by its provider goes on when that lets it.

use chrono::Utc;
use enact_factory::domain::run::Outcome;

use super::{Cli, Workshop, says};
use crate::real_agents::Login;
use crate::support::model_server::{Answer, Rule, Script, ToolCall, When};

/// The limit is reached after the first tool call.
#[expect(clippy::disallowed_methods, reason = "the provider has a clock of its own")]
fn script() -> Script {
    let limit =
        Answer::from_request(|_| Answer::UsageLimit { resets_at: Utc::now().timestamp() + 8 });
    let found =
        vec![ToolCall::bash("echo 'the parser is in src/odd_place.rs'; echo half > half.txt")];
    let goes_on = When::prompt("Your turn at work item LIMIT-1 was cut short");
    Script::new()
        .rule(says::work(goes_on, vec![ToolCall::write("LIMIT-1.txt", "made\n")]))
        .rule(Rule::new(says::coder("LIMIT-1"), Answer::Tools(found)).then(limit))
        .rule(Rule::new(says::critic("LIMIT-1"), says::approve(0)))
}

fn goes_on_in_the_same_conversation(cli: Cli) {
    let Some(mut shop) = Workshop::signed_in(cli, Login::Subscription) else { return };
    shop.factory.item("LIMIT-1", "", "Write a parser");
    shop.server.script(script());
    shop.factory.start();
    let picture = shop.factory.wait_until_done(&["LIMIT-1"]);
    shop.print_turns(&["LIMIT-1"]);
    assert_eq!(picture.item("LIMIT-1").attempts, 0);
    assert_eq!(shop.factory.outcomes("LIMIT-1"), [Some(Outcome::Succeeded)], "one run");
    let turns = shop.factory.runs("LIMIT-1").remove(0).turns;
    assert_eq!(turns[1].resumes, Some(1));
    let [first, second] =
        [&turns[0], &turns[1]].map(|turn| turn.report.as_ref().expect("a report"));
    assert_eq!(first.session, second.session);
    assert_eq!((first.tool_calls, second.tool_calls), (1, 1));
    let calls = shop.server.model_calls();
    let again = calls.iter().find(|it| it.prompt().contains("was cut short")).expect("it goes on");
    assert!(says::is_stage(&again.all_user_text(), "coder"), "{}", again.all_user_text());
    assert!(again.tool_results().contains("src/odd_place.rs"), "{}", again.tool_results());
    let (input, _) = cli.input_per_call();
    assert_eq!(second.usage.input_tokens, 2 * input, "the calls of this turn alone");
    shop.close();
}

#[test]
fn claude_code_goes_on_after_its_limit() {
    goes_on_in_the_same_conversation(Cli::Claude);
}

#[test]
fn codex_goes_on_after_its_limit() {
    goes_on_in_the_same_conversation(Cli::Codex);
}

#[test]
fn opencode_goes_on_after_its_limit() {
    let _at_work = super::HEAVY.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    goes_on_in_the_same_conversation(Cli::Opencode);
}
