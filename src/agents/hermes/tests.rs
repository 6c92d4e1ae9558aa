use std::path::Path;

use secrecy::SecretString;
use serde_json::Value;

use crate::agents::fixtures::{
    PROMPT, after, arguments, assert_caged, command_line, converse, exited, failure, instant,
    invocation, judge, killed, opening, recorded, replies, settings,
};
use crate::agents::{
    AgentError, AgentEvent, AgentSettings, CommandLine, FileBody, ProcessEnd, Steering, adapter,
};
use crate::domain::agent::{AgentKind, Stage, TurnEnding};
use crate::domain::failure::FailureClass;
use crate::process::agent_process::Signal;
use crate::process::speech::Stdin;

const OWN: &[&str] = &["HERMES_HOME", "HERMES_DISABLE_LAZY_INSTALLS", "HERMES_WRITE_SAFE_ROOT"];

/// Not talked to.
fn hermes() -> AgentSettings {
    AgentSettings { conversation: false, ..settings(AgentKind::Hermes) }
}

fn file<'a>(command: &'a CommandLine, path: &str) -> &'a str {
    let file = command.files.iter().find(|file| file.path == Path::new(path));
    let FileBody::Text(text) = &file.expect("the file").body else { panic!("a text") };
    text
}

fn report(name: &str) -> Option<String> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/agents/hermes");
    Some(std::fs::read_to_string(directory.join(format!("{name}.json"))).expect("a report"))
}

#[test]
fn the_prompt_is_in_a_file_that_the_argument_names() {
    let coder = command_line(&hermes(), Stage::Coder);
    assert_caged(&coder, OWN);
    assert!(coder.stdin == Stdin::Null);
    assert_eq!(file(&coder, "/state/home/task.md"), PROMPT);
    assert!(after(&coder, "-z").expect("a prompt").contains("the file /state/home/task.md\n"));
    assert_eq!(after(&coder, "--usage-file").as_deref(), Some("/state/turn/usage.json"));
    assert_eq!(coder.answer_file.as_deref(), Some(Path::new("/state/turn/usage.json")));
    assert_eq!(coder.env["HERMES_HOME"], "/state/home/.hermes");
    assert_eq!(coder.graceful, Signal::Interrupt);
    assert!(!coder.env.contains_key("HERMES_WRITE_SAFE_ROOT"));
}

#[test]
fn a_critic_has_file_tools_only_and_they_write_nowhere_that_matters() {
    let critic = command_line(&hermes(), Stage::Critic);
    assert_caged(&critic, OWN);
    assert_eq!(after(&critic, "-t").as_deref(), Some("file"));
    assert_eq!(critic.env["HERMES_WRITE_SAFE_ROOT"], "/state/home/tmp");
    for argument in ["-t", "--toolsets=all", "--yolo"] {
        let settings = AgentSettings { args: vec![argument.to_owned()], ..hermes() };
        let critic = invocation(Stage::Critic);
        let refused = adapter(AgentKind::Hermes).command_line(&settings, &critic);
        assert!(matches!(refused, Err(AgentError::ReadOnlyNotEnforced { .. })), "{refused:?}");
    }
    // A variable of the operator's does not open another place.
    let mut settings = hermes();
    settings.env.insert(super::WRITABLE.to_owned(), SecretString::from("/"));
    let critic = command_line(&settings, Stage::Critic);
    assert_eq!(critic.env["HERMES_WRITE_SAFE_ROOT"], "/state/home/tmp");
}

#[test]
fn an_address_is_configured_with_the_key_from_the_environment() {
    let mut settings = AgentSettings { base_url: Some("http://h/v1".to_owned()), ..hermes() };
    settings.env.insert("OPENAI_API_KEY".to_owned(), SecretString::from("sk-secret"));
    let line = command_line(&settings, Stage::Coder);
    let text = file(&line, "/state/home/.hermes/config.yaml");
    let written: Value = serde_json::from_str(text).expect("JSON");
    assert_eq!(written["model"]["base_url"], "http://h/v1");
    assert_eq!(written["model"]["default"], "the-model");
    assert_eq!(written["model"]["api_key"], "${OPENAI_API_KEY}");
    assert!(!text.contains("sk-secret"));
    settings.model = None;
    let coder = invocation(Stage::Coder);
    let refused = adapter(AgentKind::Hermes).command_line(&settings, &coder).expect_err("refused");
    assert!(matches!(refused, AgentError::Missing { .. }), "{refused}");
}

#[test]
fn an_answer_with_a_good_report_completes_the_turn() {
    let end = ProcessEnd { answer: report("completed"), ..exited(0) };
    let (_, summary) = judge(AgentKind::Hermes, &["Done.", "", "hello"], end);
    assert_eq!(summary.ending, TurnEnding::Completed);
    assert_eq!(summary.text, "Done.\n\nhello");
    assert_eq!((summary.usage.input_tokens, summary.usage.output_tokens), (110, 27));
    assert_eq!((summary.usage.cache_read_tokens, summary.usage.unpriced_calls), (20, 1));
    assert_eq!(summary.session.as_deref(), Some("20261120_163648_7bd757"));
    assert_eq!(summary.model.as_deref(), Some("fake-model"));
}

#[test]
fn an_error_that_looks_like_an_answer_is_a_failure() {
    let quota = FailureClass::Quota { until: Some(instant("2026-11-20T15:42:00Z")) };
    let rows = [
        ("API call failed after 1 retries: HTTP 429: no", FailureClass::Throttled { until: None }),
        ("API call failed after 3 retries: HTTP 401: bad key", FailureClass::Authentication),
        ("API call failed after 3 retries: HTTP 500: fake", FailureClass::Infrastructure),
        ("HTTP 429: You've hit your usage limit. try again at 3:41 PM.", quota),
        ("Connection error.", FailureClass::Infrastructure),
    ];
    for (said, class) in rows {
        let end = ProcessEnd { answer: report("failed"), ..exited(0) };
        let (_, summary) = judge(AgentKind::Hermes, &[said], end);
        assert_eq!(failure(&summary).class, class, "{said}");
    }
}

#[test]
fn without_a_report_nothing_is_complete() {
    for end in [exited(0), killed(9)] {
        let (_, summary) = judge(AgentKind::Hermes, &["Done."], end);
        assert_eq!(failure(&summary).class, FailureClass::Infrastructure);
    }
    let unfinished =
        report("completed").map(|text| text.replace("\"completed\": true", "\"completed\": false"));
    let end = ProcessEnd { answer: unfinished, ..exited(0) };
    let (_, summary) = judge(AgentKind::Hermes, &["I was not done"], end);
    assert_eq!(failure(&summary).class, FailureClass::Agent);
    let end = ProcessEnd { stopped: Some(TurnEnding::Cancelled), ..exited(130) };
    assert_eq!(judge(AgentKind::Hermes, &["x"], end).1.ending, TurnEnding::Cancelled);
}

#[test]
fn a_coder_is_talked_to_and_a_critic_is_not() {
    let talked = settings(AgentKind::Hermes);
    let coder = command_line(&talked, Stage::Coder);
    assert_caged(&coder, OWN);
    assert_eq!(arguments(&coder), ["acp"]);
    let Stdin::Open(first) = &coder.stdin else { panic!("an open input") };
    assert!(first.contains("\"initialize\"") && !first.contains(PROMPT));
    let opening = coder.opening.expect("an opening");
    assert_eq!(opening.session["cwd"], "/state/worktree");
    assert_eq!((opening.prompt.as_str(), opening.read_only), (PROMPT, false));
    let critic = command_line(&talked, Stage::Critic);
    assert!(critic.stdin == Stdin::Null && critic.opening.is_none());
    assert_eq!(after(&critic, "-t").as_deref(), Some("file"));
}

#[test]
fn a_recorded_conversation_is_held_and_paid_for() {
    let lines = recorded(AgentKind::Acp, "hermes_completed");
    let (events, summary) = converse(AgentKind::Hermes, &lines, exited(0));
    assert_eq!(summary.ending, TurnEnding::Completed);
    assert_eq!(summary.text.trim(), "Done: hello");
    // Of 260 tokens of input 40 came from the cache.
    assert_eq!((summary.usage.input_tokens, summary.usage.output_tokens), (220, 54));
    assert_eq!((summary.usage.cache_read_tokens, summary.tool_calls), (40, 1));
    let said = replies(&events);
    let methods: Vec<&Value> = said.iter().map(|line| &line["method"]).collect();
    assert_eq!(methods[..2], ["session/new", "session/prompt"]);
    assert_eq!(said[1]["params"]["prompt"][0]["text"], PROMPT);
    assert_eq!(said[2]["result"]["outcome"]["optionId"], "allow_once");
    assert_eq!(events.last(), Some(&AgentEvent::Finished));
}

#[test]
fn a_refusal_of_the_provider_that_looks_like_an_answer_is_a_failure() {
    let lines = recorded(AgentKind::Acp, "hermes_too_many_requests");
    let (_, summary) = converse(AgentKind::Hermes, &lines, exited(0));
    assert_eq!(failure(&summary).class, FailureClass::Throttled { until: None });
}

#[test]
fn a_running_turn_takes_instructions_and_its_receipt_is_no_answer() {
    let lines = recorded(AgentKind::Acp, "hermes_completed");
    let mut transcript = adapter(AgentKind::Hermes).conversation(opening(false));
    assert_eq!(transcript.steer("later"), Steering::NextTurn);
    assert_eq!(transcript.interrupt(), None);
    for line in &lines[..3] {
        transcript.line(line);
    }
    let Steering::Send(line) = transcript.steer("use the moon") else { panic!("a line") };
    let sent: Value = serde_json::from_str(&line).expect("JSON");
    assert_eq!(sent["params"]["prompt"][0]["text"], "/steer use the moon");
    assert!(transcript.interrupt().expect("a line").contains("session/cancel"));
    let receipt = r#"{"method":"session/update","params":{"update":{"sessionUpdate":"agent_message_chunk","content":{"type":"text","text":"⏩ Steer queued for the active turn: x"}}}}"#;
    assert_eq!(transcript.line(receipt), [AgentEvent::Other]);
    let answered = format!(r#"{{"id":{},"result":{{"stopReason":"end_turn"}}}}"#, sent["id"]);
    assert_eq!(transcript.line(&answered), [AgentEvent::Other]);
    for line in &lines[3..] {
        transcript.line(line);
    }
    assert_eq!(transcript.steer("too late"), Steering::NextTurn);
    assert_eq!(transcript.finish(exited(0)).text.trim(), "Done: hello");
}
