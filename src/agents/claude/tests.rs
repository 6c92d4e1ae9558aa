use serde_json::{Value, json};

use crate::agents::fixtures::{
    PROMPT, after, arguments, assert_caged, command_line, exited, failure, fingerprints, instant,
    invocation, judge, killed, opening, recorded, replies, settings, used,
};
use crate::agents::{
    AgentError, AgentEvent, AgentSettings, FileBody, ProcessEnd, Steering, TurnSummary, adapter,
};
use crate::domain::agent::{AgentKind, Stage, TimeoutKind, TurnEnding};
use crate::domain::failure::FailureClass;
use crate::process::speech::Stdin;

const OWN: &[&str] = &[
    "CLAUDE_CONFIG_DIR",
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC",
    "DISABLE_AUTOUPDATER",
    "CLAUDE_CODE_MAX_RETRIES",
    "API_TIMEOUT_MS",
    "IS_SANDBOX",
    "TZ",
];

/// Not talked to.
fn claude() -> AgentSettings {
    AgentSettings { conversation: false, ..settings(AgentKind::Claude) }
}

fn read(name: &str, code: i32) -> (Vec<AgentEvent>, TurnSummary) {
    judge(AgentKind::Claude, &recorded(AgentKind::Claude, name), exited(code))
}

#[test]
fn a_coder_may_write_and_a_critic_gets_reading_tools_only() {
    let coder = command_line(&claude(), Stage::Coder);
    assert_caged(&coder, OWN);
    assert_eq!(coder.stdin.text(), Some(PROMPT));
    let words = arguments(&coder);
    assert!(words.contains(&"--dangerously-skip-permissions".to_owned()), "{words:?}");
    assert_eq!(after(&coder, "--tools"), None);
    assert_eq!(after(&coder, "--model").as_deref(), Some("the-model"));
    assert_eq!(
        after(&coder, "--session-id").as_deref(),
        Some("11111111-2222-4333-8444-555555555555")
    );

    let critic = command_line(&claude(), Stage::Critic);
    assert_caged(&critic, OWN);
    let words = arguments(&critic);
    assert!(!words.iter().any(|word| word.starts_with("--dangerously")), "{words:?}");
    assert_eq!(after(&critic, "--tools").as_deref(), Some("Read,Grep,Glob"));
    assert_eq!(after(&critic, "--permission-mode").as_deref(), Some("dontAsk"));
    let denied = after(&critic, "--disallowedTools").expect("denied tools");
    for tool in ["Bash", "Edit", "Write", "NotebookEdit"] {
        assert!(denied.split(',').any(|word| word == tool), "{tool} in {denied}");
    }
}

#[test]
fn the_repositorys_settings_and_the_operators_stay_out() {
    let command = command_line(&claude(), Stage::Coder);
    assert_eq!(after(&command, "--setting-sources").as_deref(), Some("user"));
    assert!(arguments(&command).contains(&"--strict-mcp-config".to_owned()));
    assert_eq!(command.env["CLAUDE_CONFIG_DIR"], "/state/home/.claude");
}

#[test]
fn settings_reach_the_command_line() {
    let settings = AgentSettings {
        credentials: Some("/login/.credentials.json".into()),
        base_url: Some("http://gateway".to_owned()),
        max_turns: Some(7),
        args: vec!["--effort".to_owned(), "high".to_owned()],
        ..claude()
    };
    let command = command_line(&settings, Stage::Coder);
    assert_eq!(command.env["ANTHROPIC_BASE_URL"], "http://gateway");
    assert_eq!(after(&command, "--max-turns").as_deref(), Some("7"));
    assert_eq!(after(&command, "--effort").as_deref(), Some("high"));
    let [user_settings, login] = &command.files[..] else { panic!("two files") };
    assert_eq!(user_settings.path.to_str(), Some("/state/home/.claude/settings.json"));
    assert_eq!(login.path.to_str(), Some("/state/home/.claude/.credentials.json"));
    assert!(login.body == FileBody::LinkTo("/login/.credentials.json".into()));
}

#[test]
fn a_stage_says_how_hard_and_how_long_to_think() {
    let settings = AgentSettings { max_turns: Some(7), ..claude() };
    let asked = crate::agents::Invocation {
        effort: Some("high"),
        max_turns: Some(9),
        ..invocation(Stage::Tester)
    };
    let command = adapter(AgentKind::Claude).command_line(&settings, &asked).expect("a command");
    assert_eq!(after(&command, "--effort").as_deref(), Some("high"));
    assert_eq!(after(&command, "--max-turns").as_deref(), Some("9"));
}

#[test]
fn a_conversation_goes_on_by_its_id_and_a_new_one_gets_ours() {
    let fresh = command_line(&claude(), Stage::Coder);
    assert!(after(&fresh, "--session-id").is_some() && after(&fresh, "--resume").is_none());
    let asked = crate::agents::Invocation { resume: Some("session-1"), ..invocation(Stage::Coder) };
    let resumed = adapter(AgentKind::Claude).command_line(&claude(), &asked).expect("a command");
    assert_eq!(after(&resumed, "--resume").as_deref(), Some("session-1"));
    assert_eq!(after(&resumed, "--session-id"), None);
}

#[test]
fn what_earlier_turns_of_a_conversation_used_is_not_counted_again() {
    let tokens = |number: u64| json!({ "input_tokens": number, "output_tokens": 0 });
    let result = |total: u64, dollars: f64| {
        json!({
            "type": "result", "subtype": "success", "is_error": false, "result": "done",
            "usage": tokens(200), "total_cost_usd": dollars,
            "modelUsage": { "a-model": { "inputTokens": total, "outputTokens": 0 } },
        })
    };
    let used = crate::domain::budget::Usage {
        input_tokens: 100,
        cost_micro_usd: 750,
        ..crate::domain::budget::Usage::default()
    };
    // It counts on from where the conversation was; or it does not.
    for result in [result(300, 0.00225), result(200, 0.0015)] {
        let opening = crate::agents::Opening { used, ..opening(false) };
        let mut transcript = adapter(AgentKind::Claude).conversation(opening);
        transcript.line(&result.to_string());
        let usage = transcript.finish(exited(0)).usage;
        assert_eq!((usage.input_tokens, usage.cost_micro_usd), (200, 1_500), "{result}");
    }
}

#[test]
fn arguments_that_widen_a_critics_reach_are_refused_unless_vouched_for() {
    let mut settings = claude();
    settings.args = vec!["--permission-mode=bypassPermissions".to_owned()];
    let critic = invocation(Stage::Critic);
    let refused = adapter(AgentKind::Claude).command_line(&settings, &critic).expect_err("refused");
    assert!(matches!(refused, AgentError::ReadOnlyNotEnforced { .. }), "{refused}");
    assert_eq!(refused.to_failure().class, FailureClass::Configuration);
    settings.read_only_enforced = true;
    assert!(adapter(AgentKind::Claude).command_line(&settings, &critic).is_ok());
}

#[test]
fn a_prompt_beyond_the_limit_is_a_context_overflow() {
    let prompt = "x".repeat(super::PROMPT_LIMIT + 1);
    let mut coder = invocation(Stage::Coder);
    coder.prompt = &prompt;
    let refused = adapter(AgentKind::Claude).command_line(&claude(), &coder).expect_err("refused");
    assert_eq!(refused.to_failure().class, FailureClass::ContextOverflow);
}

#[test]
fn every_recorded_kind_of_line_is_read() {
    let mut transcript = adapter(AgentKind::Claude).transcript();
    let mut understood = 0;
    for line in recorded(AgentKind::Claude, "kinds") {
        let events = transcript.line(&line);
        assert!(!events.is_empty(), "{line}");
        understood += usize::from(events != [AgentEvent::Other]);
    }
    assert!(understood >= 25, "{understood}");
    for garbage in ["", "null", "[]", "{", "\u{FFFD}", r#"{"type":"result"}"#, r#"{"type":7}"#] {
        assert!(!transcript.line(garbage).is_empty());
    }
}

#[test]
fn a_completed_turn_has_text_usage_cost_session_and_model() {
    let (events, summary) = read("completed", 0);
    assert_eq!(summary.ending, TurnEnding::Completed);
    assert_eq!(summary.text, "hello");
    assert_eq!(summary.model.as_deref(), Some("claude-sonnet-4-5"));
    assert!(summary.session.is_some());
    assert_eq!(summary.tool_calls, 2);
    assert_eq!(used(&events), summary.usage);
    assert_eq!((summary.usage.input_tokens, summary.usage.output_tokens), (210, 65));
    assert_eq!((summary.usage.cache_read_tokens, summary.usage.cache_write_tokens), (40, 20));
    assert!(summary.usage.cost_micro_usd > 0 && summary.usage.unpriced_calls == 0);
    assert_eq!(events.last(), Some(&AgentEvent::Finished));
    let failed = events.iter().find_map(|event| match event {
        AgentEvent::ToolFailed { name, .. } => Some(name.as_str()),
        _ => None,
    });
    assert_eq!(failed, Some("Bash"));
}

#[test]
fn repeated_equal_tool_calls_have_equal_fingerprints() {
    let (events, _) = read("max_turns", 1);
    let fingerprints = fingerprints(&events);
    assert!(fingerprints.len() >= 3, "{fingerprints:?}");
    assert!(fingerprints.iter().all(|one| *one == fingerprints[0]), "{fingerprints:?}");
}

#[test]
fn recorded_failures_are_classified() {
    let rows = [
        ("max_turns", FailureClass::Agent),
        ("refusal", FailureClass::Agent),
        ("unauthorized", FailureClass::Authentication),
        ("not_logged_in", FailureClass::Authentication),
        ("too_many_requests", FailureClass::Throttled { until: None }),
        ("throttled_subscription", FailureClass::Throttled { until: None }),
        ("usage_limit", FailureClass::Quota { until: Some(instant("2026-11-20T14:41:16Z")) }),
        ("server_error", FailureClass::Infrastructure),
        ("prompt_too_long", FailureClass::ContextOverflow),
        ("model_not_found", FailureClass::Configuration),
    ];
    for (name, class) in rows {
        let (events, summary) = read(name, 1);
        let failure = failure(&summary);
        assert_eq!(failure.class, class, "{name}: {}", failure.message);
        assert!(!failure.message.is_empty(), "{name}");
        assert_eq!(used(&events), summary.usage, "{name}");
        let limited = events.iter().any(|event| matches!(event, AgentEvent::RateLimited { .. }));
        let limits = ["too_many_requests", "throttled_subscription", "usage_limit"];
        assert_eq!(limited, limits.contains(&name), "{name}");
    }
}

/// The one recorded line whose content contains `part`.
fn kind(part: &str) -> String {
    let lines = recorded(AgentKind::Claude, "kinds");
    lines.into_iter().find(|line| line.contains(part)).expect("a recorded line")
}

#[test]
fn single_recorded_results_are_classified() {
    let rows = [
        (r#""terminal_reason":"budget_exhausted""#, FailureClass::Agent),
        (r#""terminal_reason":"image_error""#, FailureClass::ContextOverflow),
        (r#""terminal_reason":"aborted_tools""#, FailureClass::Infrastructure),
        ("No conversation found", FailureClass::Infrastructure),
    ];
    for (part, class) in rows {
        let (_, summary) = judge(AgentKind::Claude, &[kind(part)], exited(1));
        assert_eq!(failure(&summary).class, class, "{part}");
    }
    let cut = [
        kind(r#""error":"max_output_tokens""#),
        kind(r#""terminal_reason":"api_error""#)
            .replace(r#""api_error_status":401"#, r#""api_error_status":null"#),
    ];
    let (_, summary) = judge(AgentKind::Claude, &cut, exited(1));
    assert_eq!(failure(&summary).class, FailureClass::Agent);
}

#[test]
fn all_models_of_a_turn_are_summed() {
    let (events, summary) = judge(AgentKind::Claude, &[kind("budget_exhausted")], exited(1));
    assert_eq!((summary.usage.input_tokens, summary.usage.output_tokens), (1400, 364));
    assert_eq!(summary.usage.cost_micro_usd, 10_269);
    assert_eq!(used(&events), summary.usage);
}

#[test]
fn success_with_is_error_is_no_success() {
    let (_, summary) = read("unauthorized", 0);
    assert!(matches!(summary.ending, TurnEnding::Failed { .. }));
    assert_eq!(summary.text, "");
}

#[test]
fn a_process_that_ends_without_a_result_is_infrastructure_and_its_usage_counts() {
    let mut lines = recorded(AgentKind::Claude, "completed");
    lines.pop();
    let (events, summary) = judge(AgentKind::Claude, &lines, killed(9));
    let failure = failure(&summary);
    assert_eq!(failure.class, FailureClass::Infrastructure);
    assert!(failure.message.contains("signal 9"), "{}", failure.message);
    assert_eq!(used(&events).input_tokens, 210);
    assert_eq!(summary.usage.unpriced_calls, 1);
    // An interrupt while it waits for the model gives exit code 0 and no result.
    let (_, interrupted) = judge(AgentKind::Claude, &lines[..1], exited(0));
    assert!(matches!(interrupted.ending, TurnEnding::Failed { .. }));
}

#[test]
fn our_own_stop_wins_over_what_was_read() {
    let stopped = TurnEnding::TimedOut { clock: TimeoutKind::Total };
    for name in ["completed", "server_error"] {
        let end = ProcessEnd { stopped: Some(stopped.clone()), ..killed(15) };
        let lines = recorded(AgentKind::Claude, name);
        let (_, summary) = judge(AgentKind::Claude, &lines, end);
        assert_eq!(summary.ending, stopped);
    }
}

#[test]
fn complaints_before_any_output_are_classified() {
    let rows = [
        (
            "--dangerously-skip-permissions cannot be used with root/sudo privileges for security reasons",
            FailureClass::Configuration,
        ),
        ("error: unknown option '--nosuch'", FailureClass::Configuration),
        ("Error: piped stdin input exceeds 10MB", FailureClass::ContextOverflow),
        ("Error: Session ID 1 is already in use.", FailureClass::Infrastructure),
    ];
    for (said, class) in rows {
        let end = ProcessEnd { stderr_tail: said, ..exited(1) };
        let (_, summary) = judge::<&str>(AgentKind::Claude, &[], end);
        assert_eq!(failure(&summary).class, class, "{said}");
        assert!(failure(&summary).message.contains(&said[..20]));
    }
}

#[test]
fn words_of_the_model_are_not_taken_for_the_providers() {
    let mut lines = recorded(AgentKind::Claude, "completed");
    let said = "I hit your usage limit: 429 Too Many Requests, not logged in";
    let last = lines.last_mut().expect("a result");
    *last = last.replace(r#""result":"hello""#, &format!(r#""result":"{said}""#));
    let (events, summary) = judge(AgentKind::Claude, &lines, exited(0));
    assert_eq!((summary.ending, summary.text.as_str()), (TurnEnding::Completed, said));
    assert!(!events.iter().any(|event| matches!(event, AgentEvent::RateLimited { .. })));
}

#[test]
fn retries_are_no_sign_of_progress() {
    let (events, _) = read("server_error", 1);
    let retry = events.iter().find(|event| matches!(event, AgentEvent::Retrying { .. }));
    assert!(retry.is_some_and(|event| !event.is_progress()), "{events:?}");
}

#[test]
fn in_a_conversation_the_prompt_is_the_first_message_and_more_may_follow() {
    let coder = command_line(&settings(AgentKind::Claude), Stage::Coder);
    assert_caged(&coder, OWN);
    assert_eq!(after(&coder, "--input-format").as_deref(), Some("stream-json"));
    let Stdin::Open(first) = &coder.stdin else { panic!("an open input") };
    assert_eq!(first.lines().count(), 1);
    let message: Value = serde_json::from_str(first).expect("JSON");
    assert_eq!(
        (&message["type"], &message["message"]["content"]),
        (&json!("user"), &json!(PROMPT))
    );

    let opening = coder.opening.expect("an opening");
    let mut transcript = adapter(AgentKind::Claude).conversation(opening);
    let Steering::Send(line) = transcript.steer("use the moon\nand the sun") else {
        panic!("a line")
    };
    assert_eq!(line.lines().count(), 1);
    assert!(line.contains("use the moon\\nand the sun"));
    assert!(transcript.interrupt().expect("a line").contains("\"interrupt\""));
    for line in recorded(AgentKind::Claude, "completed") {
        transcript.line(&line);
    }
    assert_eq!(transcript.steer("too late"), Steering::NextTurn);
    assert_eq!(transcript.interrupt(), None);
    assert_eq!(transcript.finish(exited(0)).ending, TurnEnding::Completed);
}

#[test]
fn whoever_is_not_talked_to_cannot_be_steered() {
    let mut transcript = adapter(AgentKind::Claude).transcript();
    assert!(matches!(transcript.steer("x"), Steering::Unsupported { .. }));
    assert_eq!(transcript.interrupt(), None);
}

#[test]
fn a_request_to_use_a_tool_is_answered_by_the_stage() {
    let asked = |tool: &str, read_only: bool| {
        let line = json!({
            "type": "control_request", "request_id": "q-1",
            "request": { "subtype": "can_use_tool", "tool_name": tool, "input": { "a": 1 } },
        });
        let opening = opening(read_only);
        let events = adapter(AgentKind::Claude).conversation(opening).line(&line.to_string());
        let [reply] = &replies(&events)[..] else { panic!("one reply: {events:?}") };
        assert_eq!(reply["response"]["request_id"], "q-1");
        reply["response"]["response"]["behavior"].clone()
    };
    assert_eq!(asked("Write", false), "allow");
    assert_eq!(asked("Read", true), "allow");
    assert_eq!(asked("Write", true), "deny");
    assert_eq!(asked("Bash", true), "deny");
}
