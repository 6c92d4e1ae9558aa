use serde_json::{Value, json};

use crate::agents::fixtures::{
    PROMPT, arguments, assert_caged, command_line, converse, exited, failure, fingerprints,
    instant, opening, recorded, replies, settings, used,
};
use crate::agents::{AgentEvent, AgentSettings, CommandLine, ProcessEnd, Steering, adapter};
use crate::domain::agent::{AgentKind, Stage, TurnEnding};
use crate::domain::failure::FailureClass;
use crate::process::speech::Stdin;

const OWN: &[&str] = &["CODEX_HOME", "TZ"];

fn session(command: &CommandLine) -> &Value {
    &command.opening.as_ref().expect("an opening").session
}

#[test]
fn the_app_server_is_told_model_and_sandbox_and_not_the_directory_which_it_would_trust() {
    let coder = command_line(&settings(AgentKind::Codex), Stage::Coder);
    assert_caged(&coder, OWN);
    assert_eq!(arguments(&coder)[0], "app-server");
    assert_eq!(
        *session(&coder),
        json!({
            "model": "the-model", "approvalPolicy": "never", "sandbox": "workspace-write",
        })
    );
    let Stdin::Open(first) = &coder.stdin else { panic!("an open input") };
    assert!(first.contains("\"thread/start\"") && !first.contains(PROMPT));
    assert_eq!(first.lines().count(), 3);
    let critic = command_line(&settings(AgentKind::Codex), Stage::Critic);
    assert_eq!(session(&critic)["sandbox"], "read-only");
    assert!(critic.opening.expect("an opening").read_only);
}

#[test]
fn a_thread_goes_on_by_its_id() {
    let settings = settings(AgentKind::Codex);
    let asked = crate::agents::Invocation {
        resume: Some("thread-1"),
        ..crate::agents::fixtures::invocation(Stage::Coder)
    };
    let resumed = adapter(AgentKind::Codex).command_line(&settings, &asked).expect("a command");
    let Stdin::Open(first) = &resumed.stdin else { panic!("an open input") };
    let request: Value = serde_json::from_str(first.lines().last().expect("a line")).expect("JSON");
    assert_eq!(request["method"], "thread/resume");
    assert_eq!(request["params"]["threadId"], "thread-1");
    assert_eq!(request["params"]["sandbox"], "workspace-write");
}

#[test]
fn what_earlier_turns_of_a_thread_used_is_not_counted_again() {
    let usage = |total: u64, last: u64| {
        let count = |number: u64| json!({ "inputTokens": number, "outputTokens": 1 });
        let usage = json!({ "total": count(total), "last": count(last) });
        json!({ "method": "thread/tokenUsage/updated", "params": { "tokenUsage": usage } })
    };
    let opened = json!({ "id": 1, "result": { "thread": { "id": "thread-1" } } });
    let begun = json!({ "id": 2, "result": { "turn": { "id": "turn-1" } } });
    for lines in [
        vec![opened.clone(), usage(100, 40), begun.clone(), usage(130, 30), usage(150, 20)],
        vec![opened, begun, usage(130, 30), usage(150, 20)],
    ] {
        let opening =
            crate::agents::Opening { resume: Some("thread-1".to_owned()), ..opening(false) };
        let mut transcript = adapter(AgentKind::Codex).conversation(opening);
        for line in &lines {
            transcript.line(&line.to_string());
        }
        let summary = transcript.finish(exited(0));
        assert_eq!(summary.usage.input_tokens, 50, "{lines:?}");
    }
}

#[test]
fn arguments_that_only_exec_takes_lead_to_exec() {
    let with = |args: &[&str]| {
        let args = args.iter().map(|word| (*word).to_owned()).collect();
        command_line(&AgentSettings { args, ..settings(AgentKind::Codex) }, Stage::Coder)
    };
    let talked = with(&["-c", "a=1", "--enable", "x"]);
    assert_eq!(arguments(&talked)[0], "app-server");
    assert!(arguments(&talked).ends_with(&[
        "-c".into(),
        "a=1".into(),
        "--enable".into(),
        "x".into()
    ]));
    let unsandboxed = with(&["--dangerously-bypass-approvals-and-sandbox"]);
    assert_eq!(session(&unsandboxed)["sandbox"], "danger-full-access");
    assert!(!arguments(&unsandboxed).iter().any(|word| word.starts_with("--dangerously")));
    assert_eq!(arguments(&with(&["--image", "a.png"]))[0], "exec");
    let silent = AgentSettings { conversation: false, ..settings(AgentKind::Codex) };
    assert_eq!(arguments(&command_line(&silent, Stage::Coder))[0], "exec");
}

#[test]
fn a_recorded_conversation_is_held_and_counted() {
    let lines = recorded(AgentKind::Codex, "talk_completed");
    let (events, summary) = converse(AgentKind::Codex, &lines, exited(0));
    assert_eq!(summary.ending, TurnEnding::Completed);
    assert_eq!(summary.text, r#"Done: ["do it", "also say moon"]"#);
    assert!(summary.session.is_some());
    assert_eq!((summary.model.as_deref(), summary.tool_calls), (Some("gpt-5.5"), 1));
    // 260 of input include 40 read from the cache; the second report repeats the first.
    assert_eq!((summary.usage.input_tokens, summary.usage.output_tokens), (220, 54));
    assert_eq!((summary.usage.cache_read_tokens, summary.usage.unpriced_calls), (40, 1));
    assert_eq!(used(&events).output_tokens, 54);
    assert_eq!(fingerprints(&events).len(), 1);
    let failed = events.iter().any(|event| {
        matches!(event, AgentEvent::ToolFailed { message, .. } if message.starts_with("exit code 1: cat"))
    });
    assert!(failed, "{events:?}");
    let [asked] = &replies(&events)[..] else { panic!("one reply") };
    assert_eq!(asked["method"], "turn/start");
    assert_eq!(asked["params"]["input"][0]["text"], PROMPT);
    assert_eq!(asked["params"]["threadId"].as_str(), summary.session.as_deref());
    assert_eq!(events.last(), Some(&AgentEvent::Finished));
}

#[test]
fn a_running_turn_is_steered_and_interrupted_by_its_ids() {
    let lines = recorded(AgentKind::Codex, "talk_completed");
    let mut transcript = adapter(AgentKind::Codex).conversation(opening(false));
    assert_eq!(transcript.steer("too early"), Steering::NextTurn);
    assert_eq!(transcript.interrupt(), None);
    let over = lines.iter().position(|line| line.contains("turn/completed")).expect("an end");
    for line in &lines[..over] {
        transcript.line(line);
    }
    let Steering::Send(line) = transcript.steer("use the moon") else { panic!("a line") };
    let sent: Value = serde_json::from_str(&line).expect("JSON");
    assert_eq!(sent["method"], "turn/steer");
    assert_eq!(sent["params"]["input"][0]["text"], "use the moon");
    let started: Value = lines
        .iter()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .find(|line: &Value| line["method"] == "turn/started")
        .expect("a turn");
    assert_eq!(sent["params"]["expectedTurnId"], started["params"]["turn"]["id"]);
    let line = transcript.interrupt().expect("a line");
    let interrupt: Value = serde_json::from_str(&line).expect("JSON");
    assert_eq!(interrupt["method"], "turn/interrupt");
    assert_ne!(interrupt["id"], sent["id"]);
    transcript.line(&lines[over]);
    assert_eq!(transcript.steer("too late"), Steering::NextTurn);
    assert_eq!(transcript.interrupt(), None);
}

#[test]
fn recorded_failures_are_classified() {
    let rows = [
        ("talk_unauthorized", FailureClass::Authentication),
        ("talk_usage_limit", FailureClass::Quota { until: Some(instant("2026-11-20T17:21:00Z")) }),
        ("talk_server_error", FailureClass::Infrastructure),
        ("talk_interrupted", FailureClass::Infrastructure),
    ];
    for (name, class) in rows {
        let (events, summary) =
            converse(AgentKind::Codex, &recorded(AgentKind::Codex, name), exited(0));
        let failure = failure(&summary);
        assert_eq!(failure.class, class, "{name}: {}", failure.message);
        assert_eq!(events.last(), Some(&AgentEvent::Finished), "{name}");
    }
}

#[test]
fn a_closed_window_tells_when_it_opens() {
    let limits = json!({ "method": "account/rateLimits/updated", "params": { "rateLimits": {
        "primary": { "usedPercent": 100, "resetsAt": 1_795_190_000, "windowDurationMins": 300 },
        "secondary": { "usedPercent": 40, "resetsAt": 1_795_700_000 },
    } } });
    let mut lines = recorded(AgentKind::Codex, "talk_usage_limit");
    let failed = lines.iter().position(|line| line.contains("systemError")).expect("a failure");
    lines.insert(failed, limits.to_string());
    let (_, summary) = converse(AgentKind::Codex, &lines, exited(0));
    let until = Some(instant("2026-11-20T15:53:20Z"));
    assert_eq!(failure(&summary).class, FailureClass::Quota { until });
}

#[test]
fn a_retry_is_neither_an_end_nor_progress() {
    let line = json!({ "method": "error", "params": {
        "error": { "message": "Reconnecting... 2/5" }, "willRetry": true, "threadId": "t", "turnId": "u",
    } });
    let (events, summary) = converse(AgentKind::Codex, &[line.to_string()], exited(1));
    assert!(matches!(&events[..], [AgentEvent::Retrying { .. }]));
    assert!(failure(&summary).message.contains("Reconnecting"), "{summary:?}");
}

#[test]
fn what_it_asks_is_answered_by_the_stage() {
    for (read_only, decision) in [(false, "accept"), (true, "decline")] {
        for method in ["item/commandExecution/requestApproval", "item/fileChange/requestApproval"] {
            let line = json!({ "id": "q-1", "method": method, "params": {} }).to_string();
            let events = adapter(AgentKind::Codex).conversation(opening(read_only)).line(&line);
            let [reply] = &replies(&events)[..] else { panic!("one reply: {events:?}") };
            assert_eq!(
                (&reply["id"], &reply["result"]["decision"]),
                (&json!("q-1"), &json!(decision))
            );
        }
    }
    let line = json!({ "id": 9, "method": "item/tool/requestUserInput", "params": {} });
    let events = adapter(AgentKind::Codex).conversation(opening(false)).line(&line.to_string());
    assert_eq!(replies(&events)[0]["error"]["code"], -32601);
}

#[test]
fn a_version_without_an_app_server_is_a_matter_of_configuration() {
    let said = "error: unrecognized subcommand 'app-server'\n";
    let end = ProcessEnd { stderr_tail: said, ..exited(2) };
    let (_, summary) = converse::<&str>(AgentKind::Codex, &[], end);
    let failure = failure(&summary);
    assert_eq!(failure.class, FailureClass::Configuration);
    assert!(failure.message.contains("conversation = false"), "{}", failure.message);
}
