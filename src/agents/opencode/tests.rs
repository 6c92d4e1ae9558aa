use secrecy::SecretString;
use serde_json::{Value, json};

use crate::agents::fixtures::{
    PROMPT, after, arguments, assert_caged, command_line, exited, failure, instant, invocation,
    judge, killed, recorded, settings, used,
};
use crate::agents::{
    AgentError, AgentEvent, AgentSettings, CommandLine, FileBody, ProcessEnd, TurnSummary, adapter,
};
use crate::domain::agent::{AgentKind, Stage, TurnEnding};
use crate::domain::failure::FailureClass;
use crate::process::speech::Stdin;

const OWN: &[&str] = &[
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "XDG_CACHE_HOME",
    "XDG_STATE_HOME",
    "OPENCODE_DISABLE_PROJECT_CONFIG",
    "OPENCODE_DISABLE_DEFAULT_PLUGINS",
    "OPENCODE_DISABLE_CLAUDE_CODE",
    "OPENCODE_DISABLE_AUTOUPDATE",
    "OPENCODE_DISABLE_MODELS_FETCH",
    "OPENCODE_DISABLE_LSP_DOWNLOAD",
];

fn opencode() -> AgentSettings {
    settings(AgentKind::Opencode)
}

fn configuration(command: &CommandLine) -> Value {
    let file = command.files.iter().find(|file| file.path.ends_with("opencode.json"));
    let FileBody::Text(text) = &file.expect("a configuration").body else { panic!("a text") };
    serde_json::from_str(text).expect("JSON")
}

fn read(name: &str, code: i32) -> (Vec<AgentEvent>, TurnSummary) {
    judge(AgentKind::Opencode, &recorded(AgentKind::Opencode, name), exited(code))
}

#[test]
fn a_coder_may_do_everything_and_a_critic_gets_reading_tools_only() {
    let coder = command_line(&opencode(), Stage::Coder);
    assert_caged(&coder, OWN);
    assert!(coder.stdin == Stdin::Closed(PROMPT.to_owned()));
    assert_eq!(arguments(&coder)[..3], ["run", "--format", "json"]);
    assert_eq!(after(&coder, "--dir").as_deref(), Some("/state/worktree"));
    assert_eq!(after(&coder, "--model").as_deref(), Some("the-model"));
    assert!(arguments(&coder).contains(&"--title=DEMO-1 coder".to_owned()));
    let written = configuration(&coder);
    assert_eq!(written["permission"], json!({ "*": "allow", "question": "deny" }));
    assert_eq!((&written["autoupdate"], &written["share"]), (&json!(false), &json!("disabled")));
    assert_eq!(coder.files[0].path.to_str(), Some("/state/home/.config/opencode/opencode.json"));
    assert_eq!(coder.env["XDG_CONFIG_HOME"], "/state/home/.config");

    let vouched = AgentSettings { read_only_enforced: true, ..opencode() };
    let critic = command_line(&vouched, Stage::Critic);
    assert_caged(&critic, OWN);
    let permission = &configuration(&critic)["permission"];
    assert_eq!(permission["*"], "deny");
    let allowed = permission.as_object().expect("an object").iter();
    let allowed: Vec<&str> =
        allowed.filter(|(_, word)| *word == "allow").map(|(name, _)| name.as_str()).collect();
    assert_eq!(allowed, ["read", "glob", "grep", "list"]);
}

#[test]
fn an_address_makes_a_provider_that_takes_its_key_from_the_environment() {
    let mut settings = AgentSettings { base_url: Some("http://h/v1".to_owned()), ..opencode() };
    settings.env.insert("OPENAI_API_KEY".to_owned(), SecretString::from("sk-secret"));
    let line = command_line(&settings, Stage::Coder);
    assert_eq!(after(&line, "--model").as_deref(), Some("factory/the-model"));
    let written = configuration(&line);
    assert_eq!(written["enabled_providers"], json!(["factory"]));
    let options = &written["provider"]["factory"]["options"];
    assert_eq!(
        (&options["baseURL"], &options["apiKey"]),
        (&json!("http://h/v1"), &json!("{env:OPENAI_API_KEY}"))
    );
    assert!(written["provider"]["factory"]["models"]["the-model"].is_object());
    assert!(!written.to_string().contains("sk-secret"));
    settings.model = None;
    let refused = adapter(AgentKind::Opencode)
        .command_line(&settings, &invocation(Stage::Coder))
        .expect_err("refused");
    assert!(matches!(refused, AgentError::Missing { .. }), "{refused}");
}

#[test]
fn a_critic_needs_the_operators_word_because_the_repositorys_plugins_run() {
    let critic = invocation(Stage::Critic);
    let refused = adapter(AgentKind::Opencode).command_line(&opencode(), &critic);
    assert!(matches!(refused, Err(AgentError::ReadOnlyNotEnforced { .. })), "{refused:?}");
}

#[test]
fn a_login_is_linked() {
    let settings = AgentSettings { credentials: Some("/login/auth.json".into()), ..opencode() };
    let line = command_line(&settings, Stage::Coder);
    let [_, login] = &line.files[..] else { panic!("two files") };
    assert_eq!(login.path.to_str(), Some("/state/home/.local/share/opencode/auth.json"));
    assert!(login.body == FileBody::LinkTo("/login/auth.json".into()));
}

#[test]
fn every_recorded_kind_of_line_is_read() {
    let read = |line: &str| adapter(AgentKind::Opencode).transcript().line(line);
    for line in recorded(AgentKind::Opencode, "kinds") {
        assert!(matches!(&read(&line)[0], AgentEvent::Session { .. }), "{line}");
    }
    for garbage in ["", "null", "{", r#"{"type":"step_finish"}"#, r#"{"type":"tool_use"}"#] {
        assert!(!read(garbage).is_empty());
    }
}

#[test]
fn a_completed_turn_has_its_last_text_and_the_sum_of_its_steps() {
    let (events, summary) = read("completed", 0);
    assert_eq!(summary.ending, TurnEnding::Completed);
    assert_eq!(summary.text, "I will write the file.");
    assert!(summary.session.as_deref().is_some_and(|id| id.starts_with("ses_")));
    assert_eq!(summary.tool_calls, 1);
    assert_eq!((summary.usage.input_tokens, summary.usage.output_tokens), (200, 72));
    assert_eq!((summary.usage.cache_read_tokens, summary.usage.cache_write_tokens), (40, 20));
    assert_eq!((summary.usage.cost_micro_usd, summary.usage.unpriced_calls), (1768, 0));
    assert_eq!(used(&events), summary.usage);
    assert_eq!(events.last(), Some(&AgentEvent::Finished));
    // It lingers, and is ended by us: the turn was complete all the same.
    let lines = recorded(AgentKind::Opencode, "completed");
    assert_eq!(judge(AgentKind::Opencode, &lines, killed(9)).1.ending, TurnEnding::Completed);
    let (_, crashed) = judge(AgentKind::Opencode, &lines, exited(1));
    assert_eq!(failure(&crashed).class, FailureClass::Infrastructure);
}

#[test]
fn a_stop_with_a_call_in_it_is_not_the_end() {
    let mut lines = recorded(AgentKind::Opencode, "completed");
    lines.truncate(4);
    let stop = lines.pop().expect("a line").replace("\"tool-calls\"", "\"stop\"");
    let mut transcript = adapter(AgentKind::Opencode).transcript();
    for line in &lines {
        transcript.line(line);
    }
    assert!(!transcript.line(&stop).contains(&AgentEvent::Finished));
}

#[test]
fn recorded_failures_are_classified() {
    let quota = FailureClass::Quota { until: Some(instant("2026-11-30T00:53:19Z")) };
    let rows = [
        ("unauthorized", 1, FailureClass::Authentication),
        ("usage_limit", 1, quota),
        ("server_error", 1, FailureClass::Infrastructure),
        ("too_long", 1, FailureClass::ContextOverflow),
        ("filtered", 1, FailureClass::Agent),
        ("cut_off", 0, FailureClass::Agent),
        ("refused_call", 0, FailureClass::Agent),
        ("misunderstood", 0, FailureClass::Infrastructure),
        ("unknown_model", 1, FailureClass::Infrastructure),
    ];
    for (name, code, class) in rows {
        let (events, summary) = read(name, code);
        let failure = failure(&summary);
        assert_eq!(failure.class, class, "{name}: {}", failure.message);
        assert!(!events.contains(&AgentEvent::Finished), "{name}");
        let limited = events.iter().any(|event| matches!(event, AgentEvent::RateLimited { .. }));
        assert_eq!(limited, name == "usage_limit", "{name}");
    }
}

#[test]
fn a_provider_that_names_a_time_is_asked_then() {
    let line = json!({ "type": "error", "error": { "name": "APIError", "data": {
        "message": "slow down", "statusCode": 429, "responseHeaders": { "retry-after": "90" },
    } } });
    let (_, summary) = judge(AgentKind::Opencode, &[line.to_string()], exited(1));
    let until = Some(instant("2026-11-20T13:42:50Z"));
    assert_eq!(failure(&summary).class, FailureClass::Throttled { until });
}

#[test]
fn asking_again_after_every_answer_is_no_progress() {
    let (events, _) = read("misunderstood", 0);
    let after_first: Vec<&AgentEvent> = events.iter().skip(2).collect();
    assert!(after_first.iter().all(|event| !event.is_progress()), "{events:?}");
}

#[test]
fn silence_and_our_own_stop_are_told_apart() {
    let stderr = "Error: Session not found\n";
    let end = ProcessEnd { stderr_tail: stderr, ..exited(1) };
    let (_, summary) = judge::<&str>(AgentKind::Opencode, &[], end);
    assert!(failure(&summary).message.ends_with("Session not found"), "{summary:?}");
    let end = ProcessEnd { stopped: Some(TurnEnding::Cancelled), ..killed(15) };
    let (_, summary) = judge(AgentKind::Opencode, &recorded(AgentKind::Opencode, "completed"), end);
    assert_eq!(summary.ending, TurnEnding::Cancelled);
}

#[test]
fn a_prompt_beyond_the_limit_is_a_context_overflow() {
    let prompt = "x".repeat(super::PROMPT_LIMIT + 1);
    let mut coder = invocation(Stage::Coder);
    coder.prompt = &prompt;
    let refused =
        adapter(AgentKind::Opencode).command_line(&opencode(), &coder).expect_err("refused");
    assert_eq!(refused.to_failure().class, FailureClass::ContextOverflow);
}

#[test]
fn a_confined_one_may_be_the_critic() {
    let settings = AgentSettings { read_only_enforced: false, ..settings(AgentKind::Opencode) };
    let asked = |confined| {
        let asked = crate::agents::Invocation { confined, ..invocation(Stage::Critic) };
        adapter(AgentKind::Opencode).command_line(&settings, &asked).map(|_| ())
    };
    assert!(matches!(asked(false), Err(AgentError::ReadOnlyNotEnforced { .. })));
    assert_eq!(asked(true), Ok(()));
}

#[test]
fn a_conversation_goes_on_by_its_id() {
    let asked = crate::agents::Invocation { resume: Some("ses_1"), ..invocation(Stage::Coder) };
    let settings = settings(AgentKind::Opencode);
    let resumed = adapter(AgentKind::Opencode).command_line(&settings, &asked).expect("a command");
    assert!(arguments(&resumed).join(" ").contains("--session ses_1"));
    assert!(!arguments(&command_line(&settings, Stage::Coder)).contains(&"--session".to_owned()));
}
