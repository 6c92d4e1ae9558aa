//! A conversation that is cut short, by its provider or by us, goes on afterwards.

use chrono::Utc;
use enact_factory::domain::run::Outcome;

use super::{Cli, Login, Workshop, says};
use crate::support::factory::BOUND;
use crate::support::model_server::{Answer, RecordedRequest, Rule, Script, ToolCall};

/// The limit is reached.
#[expect(clippy::disallowed_methods, reason = "the provider has a clock of its own")]
fn limit() -> Answer {
    Answer::from_request(|_| Answer::UsageLimit { resets_at: Utc::now().timestamp() + 8 })
}

/// After the coder's first tool call comes `obstacle`, and whoever goes on then ends the turn.
fn script(obstacle: Answer) -> Script {
    let found = "echo 'the parser is in src/odd_place.rs'; echo half > half.txt";
    let finds = Answer::Tools(vec![ToolCall::bash(found)]);
    Script::new()
        .rule(says::work(says::goes_on("CUT-1"), vec![ToolCall::write("CUT-1.txt", "made\n")]))
        .rule(Rule::new(says::coder("CUT-1"), finds).then(obstacle))
        .rule(Rule::new(says::critic("CUT-1"), says::approve(0)))
}

/// The item is delivered by one run at no expense, and the model was told what the first turn had found out.
fn assert_gone_on(shop: &mut Workshop) {
    let picture = shop.factory.wait_until_done(&["CUT-1"]);
    shop.print_turns(&["CUT-1"]);
    assert_eq!(picture.item("CUT-1").attempts, 0);
    assert_eq!(shop.factory.outcomes("CUT-1"), [Some(Outcome::Succeeded)], "one run");
    assert_eq!(shop.factory.runs("CUT-1")[0].turns[1].resumes, Some(1));
    let calls = shop.server.model_calls();
    let is_next = |request: &&RecordedRequest| request.prompt().contains("was cut short");
    let next = calls.iter().find(is_next).expect("it goes on");
    assert!(says::is_stage(&next.all_user_text(), "coder"), "{}", next.all_user_text());
    assert!(next.tool_results().contains("src/odd_place.rs"), "{}", next.tool_results());
}

fn goes_on_after_its_limit(cli: Cli) {
    let Some(mut shop) = Workshop::signed_in(cli, Login::Subscription) else { return };
    shop.factory.item("CUT-1", "", "Write a parser");
    shop.server.script(script(limit()));
    shop.factory.start();
    assert_gone_on(&mut shop);
    let turns = shop.factory.runs("CUT-1").remove(0).turns;
    let [first, second] =
        [&turns[0], &turns[1]].map(|turn| turn.report.as_ref().expect("a report"));
    assert_eq!(first.session, second.session);
    assert_eq!((first.tool_calls, second.tool_calls), (1, 1));
    let (input, _) = cli.input_per_call();
    assert_eq!(second.usage.input_tokens, 2 * input, "the calls of this turn alone");
    shop.close();
}

fn goes_on_after_a_stop_of_the_daemon(cli: Cli) {
    let Some(mut shop) = Workshop::new(cli) else { return };
    shop.factory.item("CUT-1", "", "Write a parser");
    shop.server.script(script(Answer::Hang));
    shop.factory.start();
    assert!(shop.server.wait_until(BOUND, |requests| {
        requests.iter().any(|request| request.answer == "hang" && !request.abandoned)
    }));
    assert!(shop.factory.sigterm().success());
    shop.factory.start();
    assert_gone_on(&mut shop);
    shop.close();
}

#[test]
fn claude_code_goes_on_after_its_limit() {
    goes_on_after_its_limit(Cli::Claude);
}

#[test]
fn codex_goes_on_after_its_limit() {
    goes_on_after_its_limit(Cli::Codex);
}

#[test]
fn opencode_goes_on_after_its_limit() {
    let _at_work = super::HEAVY.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    goes_on_after_its_limit(Cli::Opencode);
}

#[test]
fn claude_code_goes_on_after_a_stop_of_the_daemon() {
    goes_on_after_a_stop_of_the_daemon(Cli::Claude);
}

#[test]
fn codex_goes_on_after_a_stop_of_the_daemon() {
    goes_on_after_a_stop_of_the_daemon(Cli::Codex);
}
