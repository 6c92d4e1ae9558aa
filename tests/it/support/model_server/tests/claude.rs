//! Claude Code against the server.

use std::path::Path;
use std::time::Duration;

use serde_json::json;
use uuid::Uuid;

use super::super::{Answer, ModelServer, Rule, Script, ToolCall, When, usage};
use super::{Place, Turn, assert_all_answered, isolated, run};
use crate::support::agent_clis;

fn command(binary: &Path, place: &Place, server: &ModelServer) -> tokio::process::Command {
    let mut command = isolated(binary);
    command
        .env("HOME", place.home())
        .env("CLAUDE_CONFIG_DIR", place.home().join(".claude"))
        .env("ANTHROPIC_BASE_URL", server.url())
        .env("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1")
        .env("DISABLE_AUTOUPDATER", "1")
        .env("CLAUDE_CODE_MAX_RETRIES", "2")
        .env("API_TIMEOUT_MS", "600000")
        .env("IS_SANDBOX", "1")
        .args(["-p", "--output-format", "stream-json", "--verbose", "--model", "claude-sonnet-4-5"])
        .args([
            "--setting-sources",
            "user",
            "--strict-mcp-config",
            "--dangerously-skip-permissions",
        ])
        .args(["--max-turns", "50", "--max-budget-usd", "5"]);
    command
}

fn turn(binary: &Path, place: &Place, server: &ModelServer, prompt: &str) -> Turn {
    let mut command = command(binary, place, server);
    command
        .env("ANTHROPIC_API_KEY", "sk-dummy")
        .args(["--session-id", &Uuid::new_v4().to_string()]);
    run(place, command, prompt)
}

#[test]
fn claude_answers_with_the_scripted_text() {
    let Some(claude) = agent_clis::find("claude") else {
        return;
    };
    let (place, server) = (Place::new(), ModelServer::start());
    server.script(Script::new().rule(Rule::new(When::any(), Answer::text("all is well"))));

    let turn = turn(&claude, &place, &server, "How is it going?");

    let result = turn.last("result");
    assert_eq!(
        (turn.code, &result["is_error"], &result["result"]),
        (Some(0), &false.into(), &"all is well".into())
    );
    assert_eq!(result["usage"]["output_tokens"], usage::OUTPUT);
    assert_eq!(result["usage"]["cache_read_input_tokens"], usage::CACHE_READ);
    let [request] = &server.model_calls()[..] else { panic!("{:#?}", server.requests()) };
    assert_eq!(request.prompt(), "How is it going?");
    assert_eq!((request.model().as_str(), request.step()), ("claude-sonnet-4-5", 0));
    assert!(request.system_text().contains("Claude"), "{}", request.system_text());
    assert_eq!(request.header("x-api-key"), Some("<redacted>"));
    assert_eq!(request.session().as_deref(), result["session_id"].as_str());
    assert_eq!(request.working_directory().map(Into::into), Some(place.repository()));
}

#[test]
fn claude_edits_with_tools_and_then_reports() {
    let Some(claude) = agent_clis::find("claude") else {
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

    let turn = turn(&claude, &place, &server, "Write the files.");

    let result = turn.last("result");
    assert_eq!((turn.code, &result["result"]), (Some(0), &"done".into()), "{:#?}", turn.events);
    assert_eq!(place.read("new/it's.txt"), "hello\n\"world\"\n");
    assert_eq!(place.read("old.txt"), "it's after\n");
    assert_eq!(place.read("shell.txt"), "from the shell\nagain\n");
    assert_eq!(result["usage"]["output_tokens"], 3 * usage::OUTPUT);
    let steps: Vec<_> = server
        .model_calls()
        .iter()
        .map(|request| (request.step(), request.answer.clone()))
        .collect();
    assert_eq!(steps, [(0, "tools".to_owned()), (1, "tools".to_owned()), (2, "text".to_owned())]);
    assert!(server.model_calls()[2].tool_results().contains("said"));
}

#[test]
fn claude_resumes_and_the_new_prompt_starts_at_step_zero() {
    let Some(claude) = agent_clis::find("claude") else {
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
    let session = turn(&claude, &place, &server, "Go.").last("result")["session_id"].clone();

    let mut resumed = command(&claude, &place, &server);
    resumed
        .env("ANTHROPIC_API_KEY", "sk-dummy")
        .args(["--resume", session.as_str().expect("a session")]);
    let turn = run(&place, resumed, "Go.");

    assert_eq!(turn.last("result")["result"], "two", "{:#?}", turn.events);
    assert_eq!(
        (place.read("one.txt"), place.read("two.txt")),
        ("x\n".to_owned(), "x\n".to_owned())
    );
    let steps: Vec<usize> =
        server.model_calls().iter().map(super::super::RecordedRequest::step).collect();
    assert_eq!(steps, [0, 1, 0, 1]);
}

#[test]
fn claude_reports_failures_of_the_provider() {
    let Some(claude) = agent_clis::find("claude") else {
        return;
    };
    for code in [401_u16, 429, 500] {
        let (place, server) = (Place::new(), ModelServer::start());
        server.script(
            Script::new().rule(Rule::new(When::any(), Answer::failure(code, "scripted failure"))),
        );
        let turn = turn(&claude, &place, &server, "Go.");
        let result = turn.last("result");
        assert_eq!((turn.code, &result["is_error"]), (Some(1), &true.into()), "{code}: {result}");
        assert_eq!(result["api_error_status"], code, "{result}");
    }
}

#[test]
fn claude_recovers_when_a_retry_succeeds() {
    let Some(claude) = agent_clis::find("claude") else {
        return;
    };
    let (place, server) = (Place::new(), ModelServer::start());
    server.script(
        Script::new()
            .rule(Rule::new(When::any(), Answer::failure(500, "once")).times(1))
            .rule(Rule::new(When::any(), Answer::text("fine"))),
    );
    let turn = turn(&claude, &place, &server, "Go.");
    assert_eq!(turn.last("result")["result"], "fine", "{:#?}", turn.events);
    let answers: Vec<String> =
        server.model_calls().into_iter().map(|request| request.answer).collect();
    assert_eq!(answers, ["status 500", "text"]);
}

#[test]
fn claude_with_a_subscription_reports_when_its_limit_resets() {
    let Some(claude) = agent_clis::find("claude") else {
        return;
    };
    let (place, server) = (Place::new(), ModelServer::start());
    let resets_at = 4_102_444_800; // The year 2100: always ahead.
    server.script(Script::new().rule(Rule::new(When::any(), Answer::UsageLimit { resets_at })));

    let mut command = command(&claude, &place, &server);
    command.env("CLAUDE_CODE_OAUTH_TOKEN", "sk-ant-oat01-dummy");
    let turn = run(&place, command, "Go.");

    assert_eq!(turn.code, Some(1));
    let limit = &turn.last("rate_limit_event")["rate_limit_info"];
    assert_eq!(
        (&limit["status"], &limit["resetsAt"]),
        (&"rejected".into(), &resets_at.into()),
        "{limit}"
    );
    assert_eq!(server.model_calls()[0].header("authorization"), Some("<redacted>"));
}

#[test]
fn claude_gives_structured_output_by_calling_its_tool() {
    let Some(claude) = agent_clis::find("claude") else {
        return;
    };
    let (place, server) = (Place::new(), ModelServer::start());
    let verdict = json!({ "verdict": "APPROVE" });
    let calls = vec![ToolCall::named("StructuredOutput", verdict.clone())];
    server.script(
        Script::new().rule(Rule::new(When::any(), Answer::Tools(calls)).then(Answer::text("done"))),
    );
    let schema =
        r#"{"type":"object","properties":{"verdict":{"type":"string"}},"required":["verdict"]}"#;
    let mut command = command(&claude, &place, &server);
    command.env("ANTHROPIC_API_KEY", "sk-dummy").args(["--json-schema", schema]);
    let turn = run(&place, command, "Judge.");
    assert_eq!(turn.last("result")["structured_output"], verdict, "{:#?}", turn.events);
}

#[test]
fn claude_ends_a_turn_without_text_on_an_empty_answer() {
    let Some(claude) = agent_clis::find("claude") else {
        return;
    };
    let (place, server) = (Place::new(), ModelServer::start());
    server.script(Script::new().rule(Rule::new(When::prompt("Say nothing."), Answer::Empty)));
    let turn = turn(&claude, &place, &server, "Say nothing.");
    assert_all_answered(&server);
    let result = turn.last("result");
    assert_eq!((turn.code, &result["result"]), (Some(0), &"".into()), "{result}");
}

#[test]
fn claude_killed_while_the_server_hangs_is_seen_to_leave() {
    let Some(claude) = agent_clis::find("claude") else {
        return;
    };
    let (place, server) = (Place::new(), ModelServer::start());
    server.script(Script::new().rule(Rule::new(When::any(), Answer::Hang)));
    let mut command = command(&claude, &place, &server);
    command.env("ANTHROPIC_API_KEY", "sk-dummy").arg("Go.").current_dir(place.repository());
    command
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .kill_on_drop(true);
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let mut child = command.spawn().expect("the CLI starts");
        let bound = Duration::from_secs(60);
        assert!(server.wait_until(bound, |requests| {
            requests.iter().any(|request| request.answer == "hang")
        }));
        child.kill().await.expect("killing the CLI");
        assert!(
            server
                .wait_until(bound, |requests| { requests.iter().all(|request| request.abandoned) })
        );
    });
}
