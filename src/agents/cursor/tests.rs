use crate::agents::fixtures::{
    PROMPT, after, arguments, assert_caged, command_line, exited, failure, fingerprints,
    invocation, judge, killed, recorded, settings,
};
use crate::agents::{AgentError, AgentEvent, AgentSettings, FileBody, ProcessEnd, adapter};
use crate::domain::agent::{AgentKind, Stage, TurnEnding};
use crate::domain::failure::FailureClass;
use crate::process::speech::Stdin;

const OWN: &[&str] = &["XDG_CONFIG_HOME", "NODE_OPTIONS"];

fn cursor() -> AgentSettings {
    settings(AgentKind::Cursor)
}

#[test]
fn a_coder_is_trusted_and_forced() {
    let coder = command_line(&cursor(), Stage::Coder);
    assert_caged(&coder, OWN);
    assert!(coder.stdin == Stdin::Closed(PROMPT.to_owned()));
    for word in ["-p", "--trust", "--force"] {
        assert!(arguments(&coder).iter().any(|argument| argument == word), "{word}");
    }
    assert_eq!(after(&coder, "--output-format").as_deref(), Some("stream-json"));
    assert_eq!(after(&coder, "--model").as_deref(), Some("the-model"));
    assert_eq!(after(&coder, "--workspace").as_deref(), Some("/state/worktree"));
    assert_eq!(coder.env["NODE_OPTIONS"], "");
}

#[test]
fn a_critic_needs_the_operators_word_and_gets_the_mode_that_asks() {
    let critic = invocation(Stage::Critic);
    let refused = adapter(AgentKind::Cursor).command_line(&cursor(), &critic).expect_err("refused");
    assert!(matches!(refused, AgentError::ReadOnlyNotEnforced { .. }), "{refused}");
    let vouched = AgentSettings { read_only_enforced: true, ..cursor() };
    let critic = command_line(&vouched, Stage::Critic);
    assert_caged(&critic, OWN);
    assert_eq!(after(&critic, "--mode").as_deref(), Some("ask"));
    assert!(!arguments(&critic).iter().any(|argument| argument == "--force"));
}

#[test]
fn a_login_is_linked_and_another_address_is_refused() {
    let settings = AgentSettings { credentials: Some("/login/auth.json".into()), ..cursor() };
    let line = command_line(&settings, Stage::Coder);
    let [login] = &line.files[..] else { panic!("one file") };
    assert_eq!(login.path.to_str(), Some("/state/home/.config/cursor/auth.json"));
    assert!(login.body == FileBody::LinkTo("/login/auth.json".into()));
    let settings = AgentSettings { base_url: Some("http://h".to_owned()), ..cursor() };
    let coder = invocation(Stage::Coder);
    assert!(adapter(AgentKind::Cursor).command_line(&settings, &coder).is_err());
}

#[test]
fn a_completed_turn_has_text_usage_calls_and_complaints() {
    let lines = recorded(AgentKind::Cursor, "completed");
    let (events, summary) = judge(AgentKind::Cursor, &lines, exited(0));
    assert_eq!(summary.ending, TurnEnding::Completed);
    assert_eq!(summary.text, "Done.");
    assert_eq!(summary.session.as_deref(), Some("5d0f6f0a-6c1d-4f57-9a3c-0c9c6f5f0a11"));
    assert_eq!((summary.model.as_deref(), summary.tool_calls), (Some("Auto"), 3));
    assert_eq!((summary.usage.input_tokens, summary.usage.output_tokens), (14125, 111));
    assert_eq!((summary.usage.cache_read_tokens, summary.usage.cache_write_tokens), (28224, 7));
    assert_eq!(summary.usage.unpriced_calls, 1);
    assert_eq!(fingerprints(&events).len(), 3);
    let complaints: Vec<&str> = events
        .iter()
        .filter_map(|event| match event {
            AgentEvent::ToolFailed { message, .. } => Some(message.as_str()),
            _ => None,
        })
        .collect();
    let expected =
        ["exit code 1: cat: nothing: No such file or directory", "error: File not found"];
    assert_eq!(complaints, expected);
    assert_eq!(events.last(), Some(&AgentEvent::Finished));
    // It may linger after its result.
    assert_eq!(judge(AgentKind::Cursor, &lines, killed(9)).1.ending, TurnEnding::Completed);
}

#[test]
fn what_goes_wrong_is_on_standard_error_or_in_the_result() {
    let rows = [
        ("Error: You've hit your usage limit", "quota"),
        ("Error: 429 Too Many Requests", "throttled"),
        ("Error: Authentication required. Please run 'agent login' (401)", "authentication"),
        ("Workspace Trust Required", "infrastructure"),
        ("Connection failed", "infrastructure"),
    ];
    let lines = recorded(AgentKind::Cursor, "completed");
    for (said, class) in rows {
        let end = ProcessEnd { stderr_tail: said, ..exited(1) };
        let (_, summary) = judge(AgentKind::Cursor, &lines[..4], end);
        assert_eq!(failure(&summary).class.word(), class, "{said}");
        let line = serde_json::json!({ "type": "result", "is_error": true, "result": said });
        let (events, summary) = judge(AgentKind::Cursor, &[line.to_string()], exited(1));
        assert_eq!(failure(&summary).class.word(), class, "{said}");
        assert_eq!(events.last(), Some(&AgentEvent::Finished));
    }
}

#[test]
fn a_stream_that_breaks_off_is_no_success() {
    let lines = recorded(AgentKind::Cursor, "completed");
    let (_, summary) = judge(AgentKind::Cursor, &lines[..lines.len() - 1], exited(0));
    assert_eq!(failure(&summary).class, FailureClass::Infrastructure);
    let read = |line: &str| adapter(AgentKind::Cursor).transcript().line(line);
    for garbage in
        ["", "null", "{", r#"{"type":"result"}"#, r#"{"type":"tool_call","subtype":"x"}"#]
    {
        assert!(!read(garbage).is_empty());
    }
}
