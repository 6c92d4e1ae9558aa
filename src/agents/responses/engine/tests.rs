//! The agent against a scripted server: every way in which a turn can go.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use secrecy::SecretString;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

mod troubles;

use super::super::protocol::Line;
use super::super::server::{Reply, Server};
use super::super::settings::{Api, Brief, Price};
use super::world::{Pace, World};
use super::{DONE, ENDED, FAILED, UNREAD, run};
use crate::agents::fixtures::{NOW, exited, judge};
use crate::agents::{AgentEvent, TurnSummary};
use crate::domain::agent::{AgentKind, Stage, TurnEnding};
use crate::domain::budget::Usage;
use crate::domain::failure::{Failure, FailureClass};

const DONE_TEXT: &str =
    "{\"summary\": \"did it\", \"no_change_reason\": \"nothing to do\", \"question\": null}";

/// A repository, a server, and what the agent is told.
struct Bench {
    directory: TempDir,
    server: Server,
    brief: Brief,
    cancel: CancellationToken,
}

/// A turn that is over.
struct Turn {
    code: u8,
    lines: Vec<Line>,
    events: Vec<AgentEvent>,
    summary: TurnSummary,
}

impl Bench {
    fn new(replies: Vec<Reply>) -> Self {
        let directory = TempDir::new().expect("a directory");
        let tree = directory.path().join("tree");
        fs::create_dir(&tree).expect("a directory");
        fs::write(tree.join("file"), "first\n").expect("a file");
        git(&tree, &["init", "--quiet", "-b", "main"]);
        git(&tree, &["add", "."]);
        git(
            &tree,
            &["-c", "user.name=t", "-c", "user.email=t@example.invalid", "commit", "-qm", "first"],
        );
        let server = Server::start(replies);
        let brief = Brief {
            version: 1,
            base_url: server.url(),
            api: Api::Responses,
            model: "the-model".to_owned(),
            session: "the-session".to_owned(),
            stage: Stage::Coder,
            read_only: false,
            max_turns: 8,
            context_window: 100_000,
            idle_timeout_ms: 20_000,
            price: None,
        };
        Self { directory, server, brief, cancel: CancellationToken::new() }
    }

    fn with(mut self, change: impl FnOnce(&mut Brief)) -> Self {
        change(&mut self.brief);
        self
    }

    fn critic(self) -> Self {
        self.with(|brief| {
            brief.stage = Stage::Critic;
            brief.read_only = true;
        })
    }

    fn world(&self) -> World<'static> {
        let home = self.directory.path().display().to_string();
        let environment = [("PATH", "/usr/local/bin:/usr/bin:/bin".to_owned()), ("HOME", home)];
        World {
            workspace: self.directory.path().join("tree"),
            environment: environment.map(|(name, value)| (name.to_owned(), value)).into(),
            key: Some(SecretString::from("the-key-4711")),
            instructions: None,
            now: &|| NOW,
            cancel: self.cancel.clone(),
            pace: Pace { broken: Duration::from_millis(2), throttled: Duration::from_millis(2) },
        }
    }

    async fn turn(&self) -> Turn {
        let mut out = Vec::new();
        let code = run(&self.brief, "the task".to_owned(), self.world(), &mut out).await;
        let text = String::from_utf8(out).expect("UTF-8");
        let lines: Vec<&str> = text.lines().collect();
        let (events, summary) = judge(AgentKind::Responses, &lines, exited(i32::from(code)));
        let lines = lines.iter().map(|line| serde_json::from_str(line).expect("a line")).collect();
        Turn { code, lines, events, summary }
    }

    fn file(&self, name: &str) -> String {
        fs::read_to_string(self.directory.path().join("tree").join(name)).unwrap_or_default()
    }

    /// The outputs of the tools in the last request.
    fn last_outputs(&self) -> Vec<String> {
        let bodies = self.server.bodies();
        let items = bodies.last().expect("a request")["input"].as_array().expect("items").clone();
        items.iter().filter_map(|item| item["output"].as_str()).map(str::to_owned).collect()
    }

    /// The last text in the user's name in the last request.
    fn last_word(&self) -> String {
        let bodies = self.server.bodies();
        let items = bodies.last().expect("a request")["input"].as_array().expect("items").clone();
        let words = items.iter().rev().find(|item| item["role"] == "user").expect("a word");
        words["content"][0]["text"].as_str().expect("text").to_owned()
    }
}

impl Turn {
    #[track_caller]
    fn failure(&self) -> &Failure {
        assert_eq!(self.code, FAILED);
        match &self.summary.ending {
            TurnEnding::Failed { failure } => failure,
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    fn completed(&self) -> &str {
        assert_eq!(
            (self.code, &self.summary.ending),
            (DONE, &TurnEnding::Completed),
            "{:?}",
            self.lines
        );
        &self.summary.text
    }

    fn retries(&self) -> usize {
        self.lines.iter().filter(|line| matches!(line, Line::Retrying { .. })).count()
    }

    fn nudges(&self) -> Vec<&str> {
        let nudges = self.lines.iter().filter_map(|line| match line {
            Line::Nudge { why } => Some(why.as_str()),
            _ => None,
        });
        nudges.collect()
    }
}

#[expect(clippy::disallowed_methods, reason = "a test prepares a repository")]
fn git(tree: &Path, args: &[&str]) {
    let status =
        std::process::Command::new("git").args(args).current_dir(tree).status().expect("git");
    assert!(status.success());
}

fn shell(command: &str) -> Reply {
    Reply::calls(&[("shell", json!({ "command": command }))])
}

fn write(path: &str, content: &str) -> Reply {
    Reply::calls(&[("write_file", json!({ "path": path, "content": content }))])
}

#[tokio::test]
async fn a_coder_works_until_it_is_done() {
    let replies = vec![
        Reply::calls(&[("read_file", json!({ "path": "file" })), ("list", json!({}))]),
        write("new", "made\n"),
        Reply::text("Done."),
    ];
    let bench = Bench::new(replies);
    let turn = bench.turn().await;
    assert_eq!(turn.completed(), "Done.");
    assert_eq!(bench.file("new"), "made\n");
    assert_eq!(
        (turn.summary.session.as_deref(), turn.summary.tool_calls),
        (Some("the-session"), 3)
    );
    assert_eq!(turn.summary.model.as_deref(), Some("the-model"));
    let requests = bench.server.requests();
    assert_eq!(requests.len(), 3);
    for request in &requests {
        assert!(request.head.starts_with("POST /v1/responses HTTP/1.1"), "{}", request.head);
        assert!(request.head.to_lowercase().contains("authorization: bearer the-key-4711"));
        assert!(!request.body.to_string().contains("the-key-4711"));
    }
    assert_eq!(requests[0].body["input"][0]["content"][0]["text"], "the task");
    assert!(bench.last_outputs()[0].contains("    1\tfirst"));
    let expected = Usage {
        input_tokens: 180,
        cache_read_tokens: 120,
        output_tokens: 30,
        unpriced_calls: 3,
        ..Usage::default()
    };
    assert_eq!(turn.summary.usage, expected);
}

#[tokio::test]
async fn verdicts_are_passed_on_whatever_they_are() {
    for verdict in ["APPROVE", "REVISE", "REJECT"] {
        let text = format!("Here.\n```json\n{{\"verdict\": \"{verdict}\"}}\n```");
        let replies = vec![
            Reply::calls(&[("git", json!({ "args": ["status", "--short"] }))]),
            Reply::text(&text),
        ];
        let bench = Bench::new(replies).critic();
        let turn = bench.turn().await;
        assert_eq!(turn.completed(), text);
        assert_eq!(bench.last_outputs(), ["(no output)"]);
    }
}

#[tokio::test]
async fn a_critic_cannot_write() {
    let replies = vec![
        Reply::calls(&[
            ("shell", json!({ "command": "echo x > file" })),
            ("write_file", json!({ "path": "file", "content": "x" })),
        ]),
        Reply::text("verdict"),
    ];
    let bench = Bench::new(replies).critic();
    let turn = bench.turn().await;
    turn.completed();
    assert_eq!(bench.file("file"), "first\n");
    assert!(
        bench
            .last_outputs()
            .iter()
            .all(|output| output.starts_with("denied: this turn may only read"))
    );
    let offered = bench.server.bodies()[0]["tools"].to_string();
    assert!(!offered.contains("write_file") && !offered.contains("shell\""), "{offered}");
    let failed =
        turn.events.iter().filter(|event| matches!(event, AgentEvent::ToolFailed { .. })).count();
    assert_eq!(failed, 2);
}

#[tokio::test]
async fn malformed_arguments_are_answered_and_the_turn_goes_on() {
    let replies = vec![
        Reply::calls(&[("write_file", json!("{\"path\": \"a\", \"conte"))]),
        write("a", "b"),
        Reply::text("Done."),
    ];
    let bench = Bench::new(replies);
    bench.turn().await.completed();
    assert_eq!(bench.file("a"), "b");
    let outputs = bench.last_outputs();
    assert!(
        outputs[0].contains("the arguments of write_file cannot be understood: they are no JSON"),
        "{outputs:?}"
    );
}

#[tokio::test]
async fn what_tools_print_reaches_the_model_bounded_and_readable() {
    let replies =
        vec![shell("seq 1 1000000"), shell("printf 'a\\377b'; exit 4"), Reply::text(DONE_TEXT)];
    let bench = Bench::new(replies);
    let turn = bench.turn().await;
    turn.completed();
    let outputs = bench.last_outputs();
    assert!(
        outputs[0].len() < 33_000 && outputs[0].contains("bytes left out]"),
        "{}",
        outputs[0].len()
    );
    assert!(outputs[0].ends_with("1000000\n"));
    assert!(
        outputs[1].starts_with("exit code 4") && outputs[1].contains("a\u{FFFD}b"),
        "{}",
        outputs[1]
    );
    let longest =
        turn.lines.iter().map(|line| serde_json::to_string(line).expect("JSON").len()).max();
    assert!(longest < Some(5000), "{longest:?}");
    assert!(!turn.events.iter().any(|event| matches!(event, AgentEvent::ToolFailed { .. })));
}

#[tokio::test]
async fn a_coder_that_did_nothing_is_asked_why_once() {
    let bench = Bench::new(vec![Reply::text("I am done.")]);
    let turn = bench.turn().await;
    assert_eq!((turn.completed(), turn.nudges()), ("I am done.", vec!["no_edit"]));
    assert!(bench.last_word().contains("nothing in the worktree has changed"));

    let reasons = ["{\"no_change_reason\": \"it is there\"}", "{\"question\": \"which?\"}"];
    for reason in reasons {
        assert_eq!(Bench::new(vec![Reply::text(reason)]).turn().await.nudges(), [""; 0]);
    }
    let looked = Bench::new(vec![shell("ls"), Reply::text("Done.")]).turn().await;
    assert_eq!(looked.nudges(), ["no_edit"]);
    let edited = Bench::new(vec![shell("echo x >> file"), Reply::text("Done.")]).turn().await;
    assert_eq!(edited.nudges(), [""; 0]);
    assert_eq!(Bench::new(vec![Reply::text("verdict")]).critic().turn().await.nudges(), [""; 0]);
}

#[tokio::test]
async fn when_the_steps_are_used_up_there_is_one_more_for_the_answer() {
    let replies = vec![write("a", "1"), write("b", "2"), Reply::text("half done")];
    let bench = Bench::new(replies).with(|brief| brief.max_turns = 2);
    let turn = bench.turn().await;
    assert_eq!((turn.completed(), turn.nudges()), ("half done", vec!["final"]));
    let bodies = bench.server.bodies();
    let choices: Vec<&Value> = bodies.iter().map(|body| &body["tool_choice"]).collect();
    assert_eq!(choices, ["auto", "auto", "none"]);
    assert!(bench.last_word().contains("All 2 steps of this turn are used up"));

    let bench = Bench::new(vec![shell("true")]).with(|brief| brief.max_turns = 1);
    assert_eq!(bench.turn().await.failure().class, FailureClass::Agent);
}

#[tokio::test]
async fn an_answer_that_is_cut_off_is_continued() {
    let response = json!({
        "status": "incomplete", "incomplete_details": { "reason": "max_output_tokens" },
        "output": [{ "type": "message", "content": [{ "text": "the first ha" }] }],
    });
    let cut = Reply::stream(&[json!({ "type": "response.incomplete", "response": response })]);
    let bench = Bench::new(vec![cut, Reply::text(DONE_TEXT)]);
    let turn = bench.turn().await;
    assert_eq!((turn.completed(), turn.nudges()), (DONE_TEXT, vec!["cut_off"]));
}

#[tokio::test]
async fn a_long_conversation_is_shortened_and_goes_on() {
    let mut replies: Vec<Reply> =
        (0..16).map(|number| shell(&format!("seq {number}000 {number}999"))).collect();
    replies.push(Reply::text(DONE_TEXT));
    let bench = Bench::new(replies).with(|brief| {
        brief.max_turns = 20;
        brief.context_window = 6000;
    });
    let turn = bench.turn().await;
    turn.completed();
    assert!(turn.lines.iter().any(|line| matches!(line, Line::Compacted { .. })));
    for body in bench.server.bodies() {
        let items = body["input"].as_array().expect("items").clone();
        let ids = |kind: &str| -> Vec<String> {
            let of_kind = items.iter().filter(|item| item["type"] == kind);
            of_kind.map(|item| item["call_id"].to_string()).collect()
        };
        assert_eq!(ids("function_call"), ids("function_call_output"));
        assert_eq!(items[0]["content"][0]["text"], "the task");
    }
    let outputs = bench.last_outputs();
    assert!(outputs.last().expect("outputs").ends_with("15999\n"), "the newest stays");
    assert!(outputs[0].contains("left out to save room"), "{}", outputs[0]);
}

#[tokio::test]
async fn money_is_counted_to_the_micro_dollar() {
    let price = Price { input: 2_000_000, cached_input: 500_000, output: 8_000_000 };
    let bench = Bench::new(vec![shell("true"), Reply::text(DONE_TEXT)])
        .with(|brief| brief.price = Some(price));
    let turn = bench.turn().await;
    let usage = turn.summary.usage;
    // Each answer: 60 fresh, 40 cached, 10 out.
    assert_eq!((usage.cost_micro_usd, usage.unpriced_calls), (2 * (60 * 2 + 20 + 10 * 8), 0));
}

#[tokio::test]
async fn chat_completions_work_alike() {
    let call = json!({ "index": 0, "id": "c", "type": "function",
                       "function": { "name": "write_file", "arguments": "{\"path\":\"new\",\"content\":\"x\"}" } });
    let chunk = |delta: Value, finish: Option<&str>| json!({ "choices": [{ "index": 0, "delta": delta, "finish_reason": finish }] });
    let usage = json!({ "choices": [], "usage": { "prompt_tokens": 11, "completion_tokens": 3 } });
    let whole =
        json!({ "choices": [{ "message": { "content": "Done." }, "finish_reason": "stop" }] });
    let replies = vec![
        Reply::stream(&[
            chunk(json!({ "tool_calls": [call] }), None),
            chunk(json!({}), Some("tool_calls")),
            usage,
        ]),
        Reply::json(200, &whole),
    ];
    let bench = Bench::new(replies).with(|brief| brief.api = Api::Chat);
    let turn = bench.turn().await;
    assert_eq!((turn.completed(), bench.file("new")), ("Done.", "x".to_owned()));
    assert!(bench.server.requests()[0].head.starts_with("POST /v1/chat/completions"));
    let usage = turn.summary.usage;
    assert_eq!((usage.input_tokens, usage.output_tokens, usage.unpriced_calls), (11, 3, 2));
    let bodies = bench.server.bodies();
    let roles: Vec<&Value> =
        bodies[1]["messages"].as_array().expect("messages").iter().map(|it| &it["role"]).collect();
    assert_eq!(roles, ["system", "user", "assistant", "tool"]);
}

#[tokio::test]
async fn what_people_say_meanwhile_is_heard_before_the_next_step_and_at_the_end() {
    let (say, instructions) = tokio::sync::mpsc::channel(8);
    say.send("before".to_owned()).await.expect("room");
    let place = TempDir::new().expect("a directory");
    let said = place.path().join("said");
    let replies = vec![
        write("a", "1"),
        Reply::text("Done.").after(said.clone()),
        Reply::text("Really done."),
    ];
    let bench = Bench::new(replies);
    let world = World { instructions: Some(instructions), ..bench.world() };
    let mut out = Vec::new();
    let talk = async {
        while bench.server.requests().len() < 2 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        say.send("at the end".to_owned()).await.expect("room");
        fs::write(&said, "").expect("a file");
    };
    let (code, ()) = tokio::join!(run(&bench.brief, "the task".to_owned(), world, &mut out), talk);
    assert_eq!(code, DONE);
    let bodies = bench.server.bodies();
    let first = bodies[0]["input"][0]["content"][0]["text"].as_str().expect("text").to_owned();
    assert!(first.starts_with("the task") && first.ends_with("before"), "{first}");
    assert_eq!(bodies.len(), 3, "what was said while the model ended is answered");
    assert!(bench.last_word().ends_with("at the end"));
    let printed = String::from_utf8_lossy(&out).into_owned();
    assert_eq!(printed.matches("\"event\":\"instructed\"").count(), 2);
    assert!(printed.contains("Really done."));
}

#[tokio::test]
async fn a_turn_that_is_asked_to_end_ends_what_it_runs() {
    let bench = Bench::new(vec![shell("echo $$ > pid; sleep 600")]);
    let cancel = bench.cancel.clone();
    let pid = bench.directory.path().join("tree/pid");
    let canceller = async {
        while fs::read_to_string(&pid).unwrap_or_default().trim().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        cancel.cancel();
    };
    let (turn, ()) = tokio::join!(bench.turn(), canceller);
    assert_eq!(turn.code, ENDED);
    let TurnEnding::Failed { failure } = &turn.summary.ending else { panic!("{:?}", turn.summary) };
    assert_eq!(failure.class, FailureClass::Cancelled);
    let process = format!("/proc/{}", bench.file("pid").trim());
    assert!(!Path::new(&process).join("exe").exists());
}

/// An output that nobody reads.
struct Closed;

impl Write for Closed {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_turn_that_nobody_reads_ends() {
    let bench = Bench::new(vec![shell("echo x > never")]);
    let code = run(&bench.brief, "the task".to_owned(), bench.world(), &mut Closed).await;
    assert_eq!((code, bench.file("never").as_str()), (UNREAD, ""));
    assert_eq!(bench.server.requests().len(), 0);
}

#[tokio::test]
async fn a_worktree_that_is_not_there_is_told() {
    let bench = Bench::new(vec![Reply::text("")]);
    let mut out = Vec::new();
    let mut world = bench.world();
    world.workspace = "/nowhere/at/all".into();
    world.environment = BTreeMap::new();
    assert_eq!(run(&bench.brief, String::new(), world, &mut out).await, FAILED);
    assert!(String::from_utf8_lossy(&out).contains("no worktree"));
}
