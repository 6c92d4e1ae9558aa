//! The adapter: what is started, and how its lines are judged.

use serde_json::{Value, json};

use secrecy::SecretString;

use super::settings::{Api, Brief, Price, context_window};
use crate::agents::fixtures::{
    self, PROMPT, after, assert_caged, command_line, exited, failure, judge, killed, used,
};
use crate::agents::{
    AgentError, AgentEvent, AgentSettings, CommandLine, FileBody, ReadOnly, Steering, adapter,
};
use crate::domain::agent::{AgentKind, Stage, TurnEnding};
use crate::domain::budget::Usage;
use crate::domain::failure::FailureClass;
use crate::process::speech::Stdin;

const KIND: AgentKind = AgentKind::Responses;

fn settings() -> AgentSettings {
    let mut settings = AgentSettings {
        base_url: Some("http://127.0.0.1:1".to_owned()),
        ..fixtures::settings(KIND)
    };
    settings.responses.key = Some(SecretString::from("secret-value".to_owned()));
    let price = Price { input: 1, cached_input: 2, output: 3 };
    settings.responses.prices = [("the-model".to_owned(), price)].into();
    settings
}

fn brief(command: &CommandLine) -> Brief {
    let [file] = &command.files[..] else { panic!("one file") };
    assert_eq!(Some(file.path.display().to_string()), after(command, "--brief"));
    let FileBody::Text(text) = &file.body else { panic!("a text") };
    assert!(!text.contains("secret-value") && !text.contains(PROMPT), "{text}");
    serde_json::from_str(text).expect("a brief")
}

#[test]
fn the_agent_is_this_program_and_the_key_is_only_in_its_environment() {
    let command = command_line(&settings(), Stage::Coder);
    assert_caged(&command, &["ENACT_RESPONSES_API_KEY"]);
    assert_eq!(command.env["ENACT_RESPONSES_API_KEY"], "secret-value");
    assert_eq!(command.program.to_string_lossy(), "/opt/bin/enact-factory");
    let Stdin::Open(told) = &command.stdin else { panic!("it can be told more") };
    assert_eq!(told, &format!("{{\"prompt\":{PROMPT:?}}}\n"));
    let mut transcript = adapter(KIND).transcript();
    let line = Steering::Send("{\"instruction\":\"left\\nor right\"}".to_owned());
    assert_eq!(transcript.steer("left\nor right"), line);
    let expected = Brief {
        version: 1,
        base_url: "http://127.0.0.1:1".to_owned(),
        api: Api::Responses,
        model: "the-model".to_owned(),
        session: "11111111-2222-4333-8444-555555555555".to_owned(),
        stage: Stage::Coder,
        read_only: false,
        max_turns: 80,
        context_window: 32_768,
        idle_timeout_ms: 120_000,
        price: Some(Price { input: 1, cached_input: 2, output: 3 }),
    };
    assert_eq!(brief(&command), expected);
}

#[test]
fn a_critic_is_held_to_reading_and_settings_are_passed_on() {
    let mut settings = settings();
    settings.max_turns = Some(7);
    settings.model = None;
    settings.responses.key = None;
    settings.responses.api = Api::Chat;
    settings.responses.context_window = Some(5000);
    let command = command_line(&settings, Stage::Critic);
    assert!(!command.env.contains_key("ENACT_RESPONSES_API_KEY"));
    let brief = brief(&command);
    assert!(brief.read_only);
    assert_eq!((brief.api, brief.max_turns, brief.context_window), (Api::Chat, 7, 5000));
    assert_eq!((brief.model.as_str(), brief.price), ("auto", None));
    assert_eq!(adapter(KIND).capabilities().read_only, ReadOnly::Enforced);
    settings.base_url = None;
    let refused = adapter(KIND).command_line(&settings, &fixtures::invocation(Stage::Coder));
    let missing = AgentError::Missing { agent: "responses".to_owned(), what: "a base_url" };
    assert_eq!(refused.expect_err("no server"), missing);
}

#[test]
fn known_models_have_their_window_and_others_a_small_one() {
    for (model, window) in
        [("gpt-4.1-mini", 1_000_000), ("gpt-4o", 128_000), ("gpt-5.1", 272_000), ("qwen3", 32_768)]
    {
        assert_eq!(context_window(model), window, "{model}");
    }
}

fn lines(lines: &[Value]) -> Vec<String> {
    lines.iter().map(Value::to_string).collect()
}

#[test]
fn lines_become_events() {
    let usage = |input: u64| {
        json!({ "event": "usage", "usage": {
            "input_tokens": input, "output_tokens": 1, "cache_read_tokens": 0, "cache_write_tokens": 0,
            "cost_micro_usd": 5, "unpriced_calls": 0 } })
    };
    let lines = lines(&[
        json!({ "event": "session", "version": 1, "id": "s", "model": "m" }),
        usage(3),
        json!({ "event": "text", "text": "hm" }),
        json!({ "event": "call", "id": "c", "tool": "shell", "arguments": { "command": "ls" } }),
        json!({ "event": "working", "on": "shell" }),
        json!({ "event": "result", "id": "c", "tool": "shell", "failed": true, "bytes": 2, "output": "no\nway" }),
        json!({ "event": "retrying", "attempt": 1, "wait_ms": 5, "message": "status 500" }),
        json!({ "event": "of_a_later_version" }),
        usage(4),
        json!({ "event": "end", "text": "answer", "failure": null }),
    ]);
    let (events, summary) = judge(KIND, &lines, exited(0));
    assert_eq!(events[0], AgentEvent::Session { id: "s".to_owned(), model: Some("m".to_owned()) });
    assert_eq!(events[2], AgentEvent::Text("hm".to_owned()));
    assert!(matches!(&events[3], AgentEvent::ToolCall { name, .. } if name == "shell"));
    assert_eq!(events[4], AgentEvent::Other);
    let failed = AgentEvent::ToolFailed { name: "shell".to_owned(), message: "no way".to_owned() };
    assert_eq!(events[5], failed);
    assert!(!events[6].is_progress() && events[4].is_progress());
    assert_eq!(events[7], AgentEvent::Other);
    assert_eq!(events[9], AgentEvent::Finished);
    let expected =
        Usage { input_tokens: 7, output_tokens: 2, cost_micro_usd: 10, ..Usage::default() };
    assert_eq!((summary.usage, used(&events)), (expected, expected));
    assert_eq!((summary.ending, summary.text.as_str()), (TurnEnding::Completed, "answer"));
    assert_eq!((summary.tool_calls, summary.model.as_deref()), (1, Some("m")));
}

#[test]
fn a_process_without_an_end_failed_for_our_own_reasons() {
    let said = lines(&[json!({ "event": "text", "text": "so far" })]);
    let (_, summary) = judge(KIND, &said, killed(9));
    assert_eq!(failure(&summary).class, FailureClass::Infrastructure);
    assert_eq!(summary.text, "so far");
    for (code, class) in [
        (0, FailureClass::Infrastructure),
        (101, FailureClass::Infrastructure),
        (64, FailureClass::Configuration),
    ] {
        let (_, summary) = judge(KIND, &said, exited(code));
        assert_eq!(failure(&summary).class, class, "{code}");
    }
    let (_, summary) = judge(KIND, &["garbage \u{FFFD}"], exited(1));
    assert_eq!(failure(&summary).class, FailureClass::Infrastructure);
}
