use secrecy::SecretString;

use crate::agents::fixtures::{
    PROMPT, after, arguments, assert_caged, command_line, exited, failure, fingerprints, instant,
    invocation, judge, killed, recorded, settings, used,
};
use crate::agents::{
    AgentError, AgentEvent, AgentSettings, FileBody, ProcessEnd, TurnSummary, adapter,
};
use crate::domain::agent::{AgentKind, Stage, TurnEnding};
use crate::domain::failure::FailureClass;

const OWN: &[&str] = &["CODEX_HOME", "TZ"];

/// Not talked to; the conversation has tests of its own.
fn codex() -> AgentSettings {
    AgentSettings { conversation: false, ..settings(AgentKind::Codex) }
}

fn read(name: &str, code: i32) -> (Vec<AgentEvent>, TurnSummary) {
    judge(AgentKind::Codex, &recorded(AgentKind::Codex, name), exited(code))
}

#[test]
fn coder_and_critic_run_in_their_sandboxes() {
    let coder = command_line(&codex(), Stage::Coder);
    assert_caged(&coder, OWN);
    assert_eq!(coder.stdin.text(), Some(PROMPT));
    assert_eq!(after(&coder, "-s").as_deref(), Some("workspace-write"));
    assert_eq!(after(&coder, "-m").as_deref(), Some("the-model"));
    assert_eq!(after(&coder, "-C").as_deref(), Some("/state/worktree"));
    assert_eq!(after(&coder, "-o").as_deref(), Some("/state/turn/answer.md"));
    assert_eq!(
        coder.answer_file.as_deref().and_then(|path| path.to_str()),
        Some("/state/turn/answer.md")
    );
    assert_eq!(arguments(&coder).first().map(String::as_str), Some("exec"));
    assert_eq!(arguments(&coder).last().map(String::as_str), Some("-"));
    assert_eq!(coder.env["CODEX_HOME"], "/state/home/.codex");

    let critic = command_line(&codex(), Stage::Critic);
    assert_caged(&critic, OWN);
    assert_eq!(after(&critic, "-s").as_deref(), Some("read-only"));
}

#[test]
fn an_address_makes_a_provider_with_the_configured_key() {
    let mut settings = AgentSettings { base_url: Some("http://h/v1".to_owned()), ..codex() };
    settings.env.insert("OPENAI_API_KEY".to_owned(), SecretString::from("sk-secret"));
    let words = arguments(&command_line(&settings, Stage::Coder));
    for expected in [
        r#"model_provider="factory""#,
        r#"model_providers.factory.base_url="http://h/v1""#,
        r#"model_providers.factory.env_key="OPENAI_API_KEY""#,
        r#"model_providers.factory.wire_api="responses""#,
    ] {
        assert!(words.iter().any(|word| word == expected), "{expected} in {words:?}");
    }
    assert!(!words.iter().any(|word| word.contains("sk-secret")));
    let plain = arguments(&command_line(&codex(), Stage::Coder));
    assert!(!plain.iter().any(|word| word.contains("model_provider")));
}

#[test]
fn the_key_is_kept_from_what_the_model_has_executed() {
    let words = arguments(&command_line(&codex(), Stage::Coder));
    let policy =
        words.iter().find_map(|word| word.strip_prefix("shell_environment_policy.exclude="));
    let names: Vec<String> = serde_json::from_str(policy.expect("a policy")).expect("a list");
    assert_eq!(names, super::KEYS);
}

#[test]
fn codex_finds_its_home_directory_with_a_configuration_that_says_nothing() {
    let command = command_line(&codex(), Stage::Coder);
    let [configuration] = &command.files[..] else { panic!("one file") };
    assert_eq!(configuration.path.to_str(), Some("/state/home/.codex/config.toml"));
    let FileBody::Text(text) = &configuration.body else { panic!("a text") };
    assert!(text.lines().all(|line| line.starts_with('#')), "{text}");
}

#[test]
fn a_login_is_linked() {
    let settings = AgentSettings { credentials: Some("/login/auth.json".into()), ..codex() };
    let command = command_line(&settings, Stage::Coder);
    let [_, login] = &command.files[..] else { panic!("two files") };
    assert_eq!(login.path.to_str(), Some("/state/home/.codex/auth.json"));
    assert!(login.body == FileBody::LinkTo("/login/auth.json".into()));
}

#[test]
fn lifting_the_sandbox_is_for_coders_and_the_operators_word() {
    let mut settings = codex();
    settings.args = vec!["--dangerously-bypass-approvals-and-sandbox".to_owned()];
    let coder = command_line(&settings, Stage::Coder);
    assert_eq!(after(&coder, "-s"), None);
    let critic = invocation(Stage::Critic);
    for argument in
        ["--dangerously-bypass-approvals-and-sandbox", "-s", "sandbox_mode=\"danger-full-access\""]
    {
        settings.args = vec![argument.to_owned()];
        let refused =
            adapter(AgentKind::Codex).command_line(&settings, &critic).expect_err("refused");
        assert!(matches!(refused, AgentError::ReadOnlyNotEnforced { .. }), "{refused}");
    }
}

#[test]
fn a_prompt_beyond_the_limit_is_a_context_overflow() {
    let prompt = "ü".repeat(super::PROMPT_LIMIT);
    let mut coder = invocation(Stage::Coder);
    coder.prompt = &prompt;
    assert!(adapter(AgentKind::Codex).command_line(&codex(), &coder).is_ok());
    let prompt = "ü".repeat(super::PROMPT_LIMIT + 1);
    coder.prompt = &prompt;
    let refused = adapter(AgentKind::Codex).command_line(&codex(), &coder).expect_err("refused");
    assert_eq!(refused.to_failure().class, FailureClass::ContextOverflow);
}

#[test]
fn every_recorded_kind_of_line_is_read() {
    let read = |line: &str| adapter(AgentKind::Codex).transcript().line(line);
    let mut lines = recorded(AgentKind::Codex, "kinds");
    lines.retain(|line| read(line) == [AgentEvent::Other]);
    // A failure which `turn.failed` repeats, a remark, a thought, and the beginning of a turn.
    let words = ["prompt is too long", "Falling back", "\"reasoning\"", "\"turn.started\""];
    assert_eq!(lines.len(), words.len(), "{lines:#?}");
    assert!(lines.iter().zip(words).all(|(line, word)| line.contains(word)), "{lines:#?}");
    for garbage in ["", "null", "{", r#"{"type":"turn.completed"}"#, r#"{"type":"item.started"}"#] {
        assert!(!read(garbage).is_empty());
    }
}

#[test]
fn a_completed_turn_has_text_usage_and_the_threads_id() {
    let (events, summary) = read("completed", 0);
    assert_eq!(summary.ending, TurnEnding::Completed);
    assert_eq!(summary.text, "hello");
    assert!(summary.session.is_some());
    assert_eq!(summary.tool_calls, 2);
    // 390 of input include 60 read from the cache and 7 written to it.
    assert_eq!((summary.usage.input_tokens, summary.usage.output_tokens), (323, 81));
    assert_eq!((summary.usage.cache_read_tokens, summary.usage.cache_write_tokens), (60, 7));
    assert_eq!(summary.usage.unpriced_calls, 1);
    assert_eq!(used(&events).input_tokens, 323);
    assert!(matches!(
        &events[..],
        [AgentEvent::Session { .. }, .., AgentEvent::Usage(_), AgentEvent::Finished]
    ));
    let failed = events.iter().find_map(|event| match event {
        AgentEvent::ToolFailed { message, .. } => Some(message.as_str()),
        _ => None,
    });
    assert_eq!(failed, Some("exit code 1: cat: nothing: No such file or directory"));
}

#[test]
fn the_answer_file_is_preferred_when_it_has_something() {
    let lines = recorded(AgentKind::Codex, "completed");
    for (answer, text) in [("from the file", "from the file"), (" \n", "hello")] {
        let end = ProcessEnd { answer: Some(answer.to_owned()), ..exited(0) };
        assert_eq!(judge(AgentKind::Codex, &lines, end).1.text, text);
    }
}

#[test]
fn cumulative_usage_is_counted_once() {
    let mut lines = recorded(AgentKind::Codex, "completed");
    lines.push(lines.last().expect("a line").replace("390", "520").replace("81", "108"));
    let (events, summary) = judge(AgentKind::Codex, &lines, exited(0));
    assert_eq!((summary.usage.input_tokens, summary.usage.output_tokens), (453, 108));
    assert_eq!(used(&events).output_tokens, 108);
}

#[test]
fn recorded_failures_are_classified() {
    let rows = [
        ("unauthorized", FailureClass::Authentication),
        ("missing_key", FailureClass::Authentication),
        ("too_many_requests", FailureClass::Throttled { until: None }),
        ("usage_limit", FailureClass::Quota { until: Some(instant("2026-11-20T14:42:00Z")) }),
        ("usage_limit_days", FailureClass::Quota { until: Some(instant("2026-11-22T21:15:00Z")) }),
        ("server_error", FailureClass::Infrastructure),
        ("context_window", FailureClass::ContextOverflow),
    ];
    for (name, class) in rows {
        let (events, summary) = read(name, 1);
        let failure = failure(&summary);
        assert_eq!(failure.class, class, "{name}: {}", failure.message);
        assert_eq!(events.last(), Some(&AgentEvent::Finished), "{name}");
        let limited = events.iter().any(|event| matches!(event, AgentEvent::RateLimited { .. }));
        let limits = ["too_many_requests", "usage_limit", "usage_limit_days"];
        assert_eq!(limited, limits.contains(&name), "{name}");
    }
}

#[test]
fn an_error_inside_json_is_read_for_people() {
    let lines = recorded(AgentKind::Codex, "kinds");
    let line = lines.iter().find(|line| line.contains("turn.failed")).expect("a failed turn");
    let (_, summary) = judge(AgentKind::Codex, &[line], exited(1));
    let failure = failure(&summary);
    assert_eq!(failure.class, FailureClass::ContextOverflow);
    assert_eq!(failure.message, "prompt is too long: fake");
}

#[test]
fn reconnecting_is_neither_an_end_nor_progress() {
    let lines = recorded(AgentKind::Codex, "offline_killed");
    let (events, summary) = judge(AgentKind::Codex, &lines, killed(15));
    let last = events.last().expect("an event");
    assert!(matches!(last, AgentEvent::Retrying { .. }) && !last.is_progress());
    let failure = failure(&summary);
    assert_eq!(failure.class, FailureClass::Infrastructure);
    assert!(failure.message.contains("signal 15"), "{}", failure.message);
    assert_eq!(summary.usage.unpriced_calls, 1);
}

#[test]
fn our_own_stop_wins_over_what_was_read() {
    let end = ProcessEnd { stopped: Some(TurnEnding::Cancelled), ..killed(15) };
    let (_, summary) = judge(AgentKind::Codex, &recorded(AgentKind::Codex, "completed"), end);
    assert_eq!(summary.ending, TurnEnding::Cancelled);
}

#[test]
fn complaints_without_events_are_classified() {
    let noise = "WARNING: proceeding, even though we could not create PATH aliases: no";
    let rows = [
        (
            1,
            "Not inside a trusted directory and --skip-git-repo-check was not specified.",
            FailureClass::Configuration,
        ),
        (2, "error: unexpected argument '--nosuch' found", FailureClass::Configuration),
        (101, "thread 'main' panicked", FailureClass::Infrastructure),
    ];
    for (code, said, class) in rows {
        let stderr = format!("{said}\n{noise}\n");
        let end = ProcessEnd { stderr_tail: &stderr, ..exited(code) };
        let (_, summary) = judge::<&str>(AgentKind::Codex, &[], end);
        let failure = failure(&summary);
        assert_eq!(failure.class, class, "{said}");
        assert!(failure.message.ends_with(said), "{}", failure.message);
    }
}

#[test]
fn a_command_announced_and_then_completed_is_one_call() {
    let (events, _) = read("completed", 0);
    let fingerprints = fingerprints(&events);
    assert_eq!(fingerprints.len(), 2);
    assert_ne!(fingerprints[0], fingerprints[1]);
}

#[test]
fn inside_our_sandbox_codex_has_none_of_its_own() {
    for stage in [Stage::Coder, Stage::Critic] {
        for conversation in [false, true] {
            let settings = AgentSettings { conversation, ..codex() };
            let asked = crate::agents::Invocation { confined: true, ..invocation(stage) };
            let adapter = adapter(AgentKind::Codex);
            let command = adapter.command_line(&settings, &asked).expect("a command");
            let told = command.stdin.text().unwrap_or_default();
            let lifted = arguments(&command).iter().any(|word| word == super::UNSANDBOXED);
            assert_eq!(lifted, !conversation);
            assert_eq!(after(&command, "-s"), None);
            let opening = command.opening.map(|opening| opening.session["sandbox"].clone());
            let full = conversation.then(|| serde_json::json!("danger-full-access"));
            assert_eq!(opening, full, "{told}");
        }
    }
}
