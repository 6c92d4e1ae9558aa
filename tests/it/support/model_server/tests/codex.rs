//! Codex against the server.

use std::path::Path;

use super::super::{Answer, ModelServer, Protocol, Rule, Script, ToolCall, When, usage};
use super::{Place, Turn, assert_all_answered, isolated, run};
use crate::support::agent_clis;

/// `codex exec` in the worktree; `resumed` continues a thread.
fn turn(
    binary: &Path,
    place: &Place,
    server: &ModelServer,
    resumed: Option<&str>,
    prompt: &str,
) -> Turn {
    let mut command = isolated(binary);
    let provider = |key: &str, value: &str| format!("model_providers.scripted.{key}={value}");
    command
        .env("HOME", place.home())
        .env("CODEX_HOME", place.home().join(".codex"))
        .env("SCRIPTED_API_KEY", "x")
        .args(["exec", "--json", "-m", "gpt-5.5", "--skip-git-repo-check", "-s", "workspace-write"])
        .arg("-C")
        .arg(place.repository())
        .args(["--disable", "apps", "--disable", "plugins", "-c", r#"model_provider="scripted""#])
        .args(["-c", &provider("name", r#""scripted""#)])
        .args(["-c", &provider("base_url", &format!(r#""{}/v1""#, server.url()))])
        .args(["-c", &provider("env_key", r#""SCRIPTED_API_KEY""#)])
        .args(["-c", &provider("wire_api", r#""responses""#)])
        .args(["-c", &provider("request_max_retries", "1")])
        .args(["-c", &provider("stream_max_retries", "1")])
        .args(["-c", &provider("stream_idle_timeout_ms", "120000")])
        .args(["-c", "analytics.enabled=false", "-c", "check_for_update_on_startup=false"])
        .args(["-c", "feedback.enabled=false"]);
    if let Some(thread) = resumed {
        command.args(["resume", thread]);
    }
    command.arg("-");
    run(place, command, prompt)
}

fn final_text(turn: &Turn) -> String {
    let mut messages =
        turn.of_type("item.completed").into_iter().filter(|e| e["item"]["type"] == "agent_message");
    messages
        .next_back()
        .and_then(|event| event["item"]["text"].as_str())
        .unwrap_or_default()
        .to_owned()
}

#[test]
fn codex_answers_with_the_scripted_text() {
    let Some(codex) = agent_clis::find("codex") else {
        return;
    };
    let (place, server) = (Place::new(), ModelServer::start());
    server
        .script(Script::new().rule(Rule::new(When::model("gpt-5.5"), Answer::text("all is well"))));

    let turn = turn(&codex, &place, &server, None, "How is it going?");

    assert_eq!(
        (turn.code, final_text(&turn).as_str()),
        (Some(0), "all is well"),
        "{:#?}",
        turn.events
    );
    let used = &turn.last("turn.completed")["usage"];
    assert_eq!(used["input_tokens"], usage::FRESH_INPUT + usage::CACHE_WRITE + usage::CACHE_READ);
    assert_eq!(
        (&used["cached_input_tokens"], &used["output_tokens"]),
        (&20.into(), &usage::OUTPUT.into())
    );
    let [request] = &server.model_calls()[..] else { panic!("{:#?}", server.requests()) };
    assert_eq!((request.prompt().as_str(), request.step()), ("How is it going?", 0));
    assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/v1/responses"));
    assert_eq!(request.protocol, Some(Protocol::Responses));
    assert!(request.system_text().contains("Codex"));
    assert_eq!(request.header("authorization"), Some("<redacted>"));
    assert_eq!(request.session().as_deref(), turn.last("thread.started")["thread_id"].as_str());
    assert_eq!(request.working_directory().map(Into::into), Some(place.repository()));
}

#[test]
fn codex_edits_with_tools_and_then_reports() {
    let Some(codex) = agent_clis::find("codex") else {
        return;
    };
    let (place, server) = (Place::new(), ModelServer::start());
    std::fs::write(place.repository().join("old.txt"), "before\n").expect("an existing file");
    let calls = vec![
        ToolCall::write("new/it's.txt", "hello\n\"world\"\n"),
        ToolCall::write("old.txt", "it's after\n"),
        ToolCall::bash("echo from the shell > shell.txt; echo said"),
    ];
    server.script(
        Script::new().rule(
            Rule::new(When::coder(), Answer::Tools(calls))
                .then(Answer::Tools(vec![ToolCall::bash("echo again >> shell.txt")]))
                .then(Answer::text("done")),
        ),
    );

    let turn = turn(&codex, &place, &server, None, "Write the files.");

    assert_eq!((turn.code, final_text(&turn).as_str()), (Some(0), "done"), "{:#?}", turn.events);
    assert_eq!(place.read("new/it's.txt"), "hello\n\"world\"\n", "{:#?}", turn.events);
    assert_eq!(place.read("old.txt"), "it's after\n");
    assert_eq!(place.read("shell.txt"), "from the shell\nagain\n");
    assert_eq!(turn.last("turn.completed")["usage"]["output_tokens"], 3 * usage::OUTPUT);
    let steps: Vec<_> = server
        .model_calls()
        .iter()
        .map(|request| (request.step(), request.answer.clone()))
        .collect();
    assert_eq!(steps, [(0, "tools".to_owned()), (1, "tools".to_owned()), (2, "text".to_owned())]);
    assert!(server.model_calls()[2].tool_results().contains("said"));
}

#[test]
fn codex_resumes_and_the_new_prompt_starts_at_step_zero() {
    let Some(codex) = agent_clis::find("codex") else {
        return;
    };
    let (place, server) = (Place::new(), ModelServer::start());
    let edit = |file: &str, done: &str| {
        (Answer::Tools(vec![ToolCall::write(file, "x\n")]), Answer::text(done))
    };
    let ((first, first_done), (second, second_done)) =
        (edit("one.txt", "one"), edit("two.txt", "two"));
    server.script(
        Script::new()
            .rule(Rule::new(When::any(), first).then(first_done).times(1))
            .rule(Rule::new(When::any(), second).then(second_done)),
    );
    let started = turn(&codex, &place, &server, None, "Go.");
    let thread = started.last("thread.started")["thread_id"].as_str().expect("a thread").to_owned();

    let turn = turn(&codex, &place, &server, Some(&thread), "Go.");

    assert_eq!(final_text(&turn), "two", "{:#?}", turn.events);
    assert_eq!(
        (place.read("one.txt"), place.read("two.txt")),
        ("x\n".to_owned(), "x\n".to_owned())
    );
    let steps: Vec<usize> =
        server.model_calls().iter().map(super::super::RecordedRequest::step).collect();
    assert_eq!(steps, [0, 1, 0, 1]);
}

#[test]
fn codex_reports_failures_of_the_provider() {
    let Some(codex) = agent_clis::find("codex") else {
        return;
    };
    // What Codex says of a status; for a 500 it hides both the status and the provider's message.
    for (code, said) in [(401, "401"), (429, "429"), (500, "high demand")] {
        let (place, server) = (Place::new(), ModelServer::start());
        let failure = Answer::failure(code, "scripted failure");
        server.script(Script::new().rule(Rule::new(When::any(), failure)));
        let turn = turn(&codex, &place, &server, None, "Go.");
        let message = turn.last("turn.failed")["error"]["message"].to_string();
        assert_eq!(turn.code, Some(1), "{code}: {message}");
        assert!(message.contains(said), "{code}: {message}");
    }
}

#[test]
fn codex_reports_a_reached_plan_limit_without_retrying() {
    let Some(codex) = agent_clis::find("codex") else {
        return;
    };
    let (place, server) = (Place::new(), ModelServer::start());
    server.script(
        Script::new().rule(Rule::new(When::any(), Answer::UsageLimit { resets_at: 4_102_444_800 })),
    );
    let turn = turn(&codex, &place, &server, None, "Go.");
    let message = turn.last("turn.failed")["error"]["message"].to_string();
    assert!(message.contains("usage limit") && message.contains("try again at"), "{message}");
    assert_eq!(server.model_calls().len(), 1);
}

#[test]
fn codex_ends_a_turn_without_text_on_an_empty_answer() {
    let Some(codex) = agent_clis::find("codex") else {
        return;
    };
    let (place, server) = (Place::new(), ModelServer::start());
    server.script(Script::new().rule(Rule::new(When::prompt("Say nothing."), Answer::Empty)));
    let turn = turn(&codex, &place, &server, None, "Say nothing.");
    assert_eq!((turn.code, final_text(&turn).as_str()), (Some(0), ""), "{:#?}", turn.events);
    assert_all_answered(&server);
}
