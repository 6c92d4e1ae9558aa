use serde_json::{Value, json};

use crate::agents::fixtures::{
    PROMPT, arguments, assert_caged, command_line, converse, exited, failure, fingerprints,
    invocation, killed, opening, recorded, replies, settings,
};
use crate::agents::{AgentError, AgentEvent, AgentSettings, Steering, adapter};
use crate::domain::agent::{AgentKind, Stage, TurnEnding};
use crate::domain::failure::FailureClass;
use crate::process::speech::Stdin;

fn acp() -> AgentSettings {
    settings(AgentKind::Acp)
}

/// Opens a conversation as far as the prompt.
fn opened() -> Vec<String> {
    vec![
        r#"{"jsonrpc":"2.0","id":0,"result":{"protocolVersion":1}}"#.to_owned(),
        r#"{"jsonrpc":"2.0","id":1,"result":{"sessionId":"s-1"}}"#.to_owned(),
    ]
}

fn update(update: &Value) -> String {
    json!({ "method": "session/update", "params": { "sessionId": "s-1", "update": update } })
        .to_string()
}

fn chunk(text: &str) -> String {
    let content = json!({ "type": "text", "text": text });
    update(&json!({ "sessionUpdate": "agent_message_chunk", "content": content }))
}

fn stopped(reason: &str) -> String {
    json!({ "id": 2, "result": { "stopReason": reason } }).to_string()
}

#[test]
fn any_program_is_started_with_its_own_arguments_and_introduced_to() {
    let settings = AgentSettings { args: vec!["--acp".to_owned()], ..acp() };
    let coder = command_line(&settings, Stage::Coder);
    assert_caged(&coder, &[]);
    assert_eq!(arguments(&coder), ["--acp"]);
    let Stdin::Open(first) = &coder.stdin else { panic!("an open input") };
    let first: Value = serde_json::from_str(first).expect("JSON");
    assert_eq!(first["params"]["protocolVersion"], 1);
    assert_eq!(first["params"]["clientCapabilities"]["terminal"], false);
    assert_eq!(coder.opening.expect("an opening").session["cwd"], "/state/worktree");
    let program = AgentSettings { program: None, ..acp() };
    let refused = adapter(AgentKind::Acp).command_line(&program, &invocation(Stage::Coder));
    assert!(matches!(refused, Err(AgentError::Missing { .. })), "{refused:?}");
}

#[test]
fn a_critic_needs_the_operators_word() {
    let critic = invocation(Stage::Critic);
    let refused = adapter(AgentKind::Acp).command_line(&acp(), &critic).expect_err("refused");
    assert!(matches!(refused, AgentError::ReadOnlyNotEnforced { .. }), "{refused}");
    let vouched = AgentSettings { read_only_enforced: true, ..acp() };
    assert!(command_line(&vouched, Stage::Critic).opening.expect("an opening").read_only);
}

#[test]
fn every_recorded_kind_of_line_is_read() {
    for line in recorded(AgentKind::Acp, "kinds") {
        let mut transcript = adapter(AgentKind::Acp).conversation(opening(false));
        assert!(!transcript.line(&line).is_empty(), "{line}");
        transcript.finish(exited(0));
    }
    let mut transcript = adapter(AgentKind::Acp).conversation(opening(false));
    for garbage in ["", "null", "{", "[]", r#"{"id":1,"result":{}}"#, "a log line"] {
        assert!(!transcript.line(garbage).is_empty());
    }
}

#[test]
fn the_answer_is_what_is_said_after_the_last_call() {
    let call = |status: &str, input: &Value| {
        update(&json!({
            "sessionUpdate": "tool_call_update", "toolCallId": "c-1", "status": status,
            "title": "bash", "kind": "execute", "rawInput": input,
            "content": [{ "type": "content", "content": { "type": "text", "text": "no such file" } }],
        }))
    };
    let mut lines = opened();
    lines.extend([chunk("Let me"), chunk(" look.")]);
    lines.extend([call("pending", &json!({})), call("in_progress", &json!({ "command": "ls" }))]);
    lines.extend([call("failed", &json!({ "command": "ls" })), chunk("All"), chunk(" done.")]);
    lines.push(update(&json!({
        "sessionUpdate": "usage_update", "cost": { "amount": 0.25, "currency": "USD" },
    })));
    lines.push(stopped("end_turn"));
    let (events, summary) = converse(AgentKind::Acp, &lines, exited(0));
    assert_eq!(summary.ending, TurnEnding::Completed);
    assert_eq!(summary.text, "All done.");
    assert_eq!((summary.tool_calls, fingerprints(&events).len()), (1, 1));
    assert_eq!((summary.usage.cost_micro_usd, summary.usage.unpriced_calls), (250_000, 0));
    let failed = AgentEvent::ToolFailed { name: "bash".into(), message: "no such file".into() };
    assert!(events.contains(&failed), "{events:?}");
    let said = replies(&events);
    assert_eq!(said[1]["params"]["prompt"][0]["text"], PROMPT);
    // Ended by us because it lingered: complete all the same.
    assert_eq!(converse(AgentKind::Acp, &lines, killed(9)).1.ending, TurnEnding::Completed);
}

#[test]
fn permission_is_given_by_the_stage_and_by_the_narrowest_option() {
    let ask = |kind: &str, read_only: bool| {
        let options = json!([
            { "optionId": "ever", "kind": "allow_always" }, { "optionId": "now", "kind": "allow_once" },
            { "optionId": "no", "kind": "reject_once" },
        ]);
        let line = json!({
            "jsonrpc": "2.0", "id": 7, "method": "session/request_permission",
            "params": { "options": options, "toolCall": { "kind": kind } },
        });
        let mut transcript = adapter(AgentKind::Acp).conversation(opening(read_only));
        let events = transcript.line(&line.to_string());
        let [reply] = &replies(&events)[..] else { panic!("one reply") };
        assert_eq!(reply["id"], 7);
        reply["result"]["outcome"]["optionId"].clone()
    };
    assert_eq!(ask("edit", false), "now");
    assert_eq!(ask("execute", false), "now");
    assert_eq!(ask("read", true), "now");
    for kind in ["edit", "execute", "delete", "move", "fetch", "other"] {
        assert_eq!(ask(kind, true), "no", "{kind}");
    }
    let files = json!({ "id": "f", "method": "fs/write_text_file", "params": {} }).to_string();
    let events = adapter(AgentKind::Acp).conversation(opening(false)).line(&files);
    assert_eq!(replies(&events)[0]["error"]["code"], -32601);
}

#[test]
fn endings_and_errors_are_classified() {
    let error = |error: Value| json!({ "id": 2, "error": error }).to_string();
    let rows = [
        (stopped("refusal"), "agent"),
        (stopped("max_tokens"), "agent"),
        (stopped("max_turn_requests"), "agent"),
        (stopped("cancelled"), "infrastructure"),
        (error(json!({ "code": -32000, "message": "Authentication required" })), "authentication"),
        (
            error(json!({ "code": -32603, "message": "Internal error: invalid x-api-key" })),
            "authentication",
        ),
        (
            error(
                json!({ "code": -32603, "message": "Internal error", "data": { "errorKind": "rate_limit" } }),
            ),
            "throttled",
        ),
        (
            error(json!({ "code": -32603, "message": "no", "data": { "http_status_code": 429 } })),
            "throttled",
        ),
        (error(json!({ "code": -32603, "message": "Internal error" })), "infrastructure"),
    ];
    for (line, class) in rows {
        let lines = [opened(), vec![line.clone()]].concat();
        let (events, summary) = converse(AgentKind::Acp, &lines, exited(0));
        assert_eq!(failure(&summary).class.word(), class, "{line}");
        assert_eq!(events.last(), Some(&AgentEvent::Finished), "{line}");
    }
    let refused = r#"{"id":1,"error":{"code":-32000,"message":"Authentication required"}}"#;
    let (events, summary) = converse(AgentKind::Acp, &[refused], exited(0));
    assert_eq!(failure(&summary).class, FailureClass::Authentication);
    assert_eq!(events.last(), Some(&AgentEvent::Finished));
    let (_, summary) = converse(AgentKind::Acp, &opened(), exited(0));
    assert_eq!(failure(&summary).class, FailureClass::Infrastructure);
}

#[test]
fn a_refusal_in_place_of_an_answer_is_a_failure_and_prose_about_one_is_not() {
    let said = |text: &str| {
        let lines = [opened(), vec![chunk(text), stopped("end_turn")]].concat();
        converse(AgentKind::Acp, &lines, exited(0)).1
    };
    for (text, class) in [
        ("exceeded retry limit, last status: 429 Too Many Requests", "throttled"),
        ("HTTP 401: invalid x-api-key", "authentication"),
        ("You've hit your 5-hour limit · resets 11:43am (UTC)", "quota"),
        ("Connection error.", "infrastructure"),
    ] {
        assert_eq!(failure(&said(text)).class.word(), class, "{text}");
    }
    for text in ["The HTTP 429 handler works.", "Done.\n\nIt answers HTTP 401 now.", ""] {
        assert_eq!(said(text).ending, TurnEnding::Completed, "{text}");
    }
}

#[test]
fn the_protocol_has_no_way_to_steer_but_one_to_cancel() {
    let mut transcript = adapter(AgentKind::Acp).conversation(opening(false));
    assert_eq!(transcript.interrupt(), None);
    for line in opened() {
        transcript.line(&line);
    }
    assert_eq!(transcript.steer("x"), Steering::NextTurn);
    let cancel: Value =
        serde_json::from_str(&transcript.interrupt().expect("a line")).expect("JSON");
    assert_eq!(
        (&cancel["method"], &cancel["params"]["sessionId"]),
        (&json!("session/cancel"), &json!("s-1"))
    );
}
