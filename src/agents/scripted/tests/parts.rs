//! The engine in this process: what it prints and writes.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::agents::fixtures::{
    self, NOW, PROMPT, assert_caged, command_line, exited, failure, fingerprints, instant, judge,
    killed, used,
};
use crate::agents::scripted::engine::{self, Cue};
use crate::agents::{AgentEvent, AgentSettings, Steering, TurnSummary, adapter};
use crate::domain::agent::{AgentKind, Stage, TurnEnding};
use crate::domain::failure::FailureClass;
use crate::process::speech::Stdin;

const NOTHING: &str = "step = []";

struct Stagehand {
    directory: TempDir,
}

struct Played {
    code: i32,
    output: Vec<u8>,
    events: Vec<AgentEvent>,
    summary: TurnSummary,
}

impl Stagehand {
    fn new(script: &str) -> Self {
        let directory = TempDir::new().expect("a directory");
        fs::write(directory.path().join("script.toml"), script).expect("the script");
        Self { directory }
    }

    fn play(&self, prompt: &str, cue: &Cue) -> Played {
        self.play_told(&engine::as_prompt(prompt), cue)
    }

    fn play_told(&self, told: &str, cue: &Cue) -> Played {
        let mut output = Vec::new();
        let script = self.path("script.toml");
        let code = engine::play(&script, &mut told.as_bytes(), cue, &mut output);
        let text = String::from_utf8_lossy(&output).into_owned();
        let lines: Vec<&str> = text.lines().collect();
        let (events, summary) = judge(AgentKind::Scripted, &lines, exited(code));
        Played { code, output, events, summary }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.directory.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).expect("a file")
    }
}

fn cue(item: &str, stage: Stage, round: u32) -> Cue {
    let session = "the-session".to_owned();
    let (resumes, sessions) = (false, None);
    Cue { item: item.to_owned(), stage, round, session, resumes, sessions, model: None, now: NOW }
}

fn coder() -> Cue {
    cue("DEMO-1", Stage::Coder, 1)
}

fn play(actions: &str) -> Played {
    Stagehand::new(&format!("[[step]]\nactions = [{actions}]")).play("a prompt", &coder())
}

#[test]
fn the_adapter_starts_our_own_program_with_the_turn_in_variables() {
    let own = [
        "ENACT_STAGE",
        "ENACT_ROUND",
        "ENACT_ITEM",
        "ENACT_SESSION",
        "ENACT_MODEL",
        "ENACT_ANSWER_FILE",
        "ENACT_READ_ONLY",
        "ENACT_EFFORT",
    ];
    let settings = fixtures::settings(AgentKind::Scripted);
    let command = command_line(&settings, Stage::Critic);
    assert_caged(&command, &own);
    assert_eq!(command.program, Path::new("/opt/bin/enact-factory"));
    let words = fixtures::arguments(&command);
    assert_eq!(words, ["scripted-agent", "--script", "/scripts/demo.toml"]);
    assert!(command.stdin == Stdin::Open(engine::as_prompt(PROMPT)));
    let read = Cue::from_variables(&command.env, NOW);
    let expected = Cue {
        session: command.env["ENACT_SESSION"].clone(),
        resumes: false,
        sessions: None,
        model: Some("the-model".to_owned()),
        ..cue("DEMO-1", Stage::Critic, 2)
    };
    assert_eq!(read, expected);
    let without = AgentSettings { script: None, ..settings };
    let coder = fixtures::invocation(Stage::Coder);
    assert!(adapter(AgentKind::Scripted).command_line(&without, &coder).is_err());
}

#[test]
fn it_can_be_told_something_while_it_works() {
    let file = "{{script_dir}}/told";
    let hand = Stagehand::new(&format!(
        "[[step]]\nactions = [{{ await_instruction = \"{file}\" }}, {{ answer = \"done\" }}]"
    ));
    let Steering::Send(line) = adapter(AgentKind::Scripted).transcript().steer("turn\nleft") else {
        panic!("it cannot be told");
    };
    assert!(!line.contains('\n'));
    let told = format!("{}{line}\n", engine::as_prompt("a prompt"));
    assert_eq!(hand.play_told(&told, &coder()).code, 0);
    assert_eq!(hand.read("told"), "turn\nleft");
    // Nobody says anything any more.
    assert_eq!(hand.play("a prompt", &coder()).code, engine::CANNOT);
}

#[test]
fn the_first_step_that_fits_is_played() {
    let hand = Stagehand::new(
        r#"
        model = "puppet-1"
        [[step]]
        item = "DEMO-2"
        actions = [{ answer = "two" }]
        [[step]]
        stage = "critic"
        when_prompt_contains = "magic"
        actions = [{ answer = "magic critic" }]
        [[step]]
        stage = "critic"
        round = 2
        actions = [{ answer = "critic, round {{round}}" }]
        [[step]]
        when_file = "{{script_dir}}/flag"
        actions = [{ answer = "flagged" }]
        [[step]]
        unless_file = "{{script_dir}}/done"
        actions = [{ write = { path = "{{script_dir}}/done", text = "" } }, { answer = "once" }]
        [[step]]
        actions = [{ answer = "any" }]
        "#,
    );
    let text = |prompt: &str, cue: &Cue| hand.play(prompt, cue).summary.text;
    assert_eq!(text("", &cue("DEMO-2", Stage::Critic, 2)), "two");
    assert_eq!(text("some magic", &cue("X", Stage::Critic, 2)), "magic critic");
    assert_eq!(text("", &cue("X", Stage::Critic, 2)), "critic, round 2");
    assert_eq!(text("", &cue("X", Stage::Critic, 1)), "once");
    assert_eq!(text("", &coder()), "any");
    fs::write(hand.path("flag"), "").expect("a flag");
    assert_eq!(text("", &coder()), "flagged");
    assert_eq!(hand.play("", &coder()).summary.model.as_deref(), Some("puppet-1"));
}

#[test]
fn a_critic_can_answer_with_the_nonce_and_the_commit_of_its_prompt() {
    let prompt = "Review.\nNonce: n-42\nCommit: 0123abcd\nNonce: forged in the diff\n";
    let hand = Stagehand::new(
        r#"
        [[step]]
        actions = [{ answer = '{"nonce":"{{nonce}}","commit":"{{commit}}","item":"{{item}}"}' }]
        "#,
    );
    let played = hand.play(prompt, &cue("DEMO-7", Stage::Critic, 1));
    assert_eq!(played.code, 0);
    assert_eq!(played.summary.ending, TurnEnding::Completed);
    assert_eq!(played.summary.text, r#"{"nonce":"n-42","commit":"0123abcd","item":"DEMO-7"}"#);
}

#[test]
fn files_are_written_appended_deleted_and_commands_run() {
    let hand = Stagehand::new(
        r#"
        [[step]]
        actions = [
          { write = { path = "{{script_dir}}/new/a.txt", text = "{{item}}\n" } },
          { append = { path = "{{script_dir}}/new/a.txt", text = "more\n" } },
          { write = { path = "{{script_dir}}/gone.txt", text = "" } },
          { delete = "{{script_dir}}/gone.txt" },
          { run = "echo shell >> '{{script_dir}}/new/a.txt'" },
          { run = "echo reason >&2; exit 3" },
        ]
        "#,
    );
    let played = hand.play("", &coder());
    assert_eq!(played.summary.ending, TurnEnding::Completed);
    assert_eq!(hand.read("new/a.txt"), "DEMO-1\nmore\nshell\n");
    assert!(!hand.path("gone.txt").exists());
    assert_eq!(played.summary.tool_calls, 2);
    let failed = AgentEvent::ToolFailed {
        name: "shell".to_owned(),
        message: "exit status: 3: reason".to_owned(),
    };
    assert!(played.events.contains(&failed), "{:?}", played.events);
}

#[test]
fn every_call_counts_towards_usage() {
    let played = play(
        r"{ usage = { input_tokens = 10, output_tokens = 2, cache_read_tokens = 5, cost_micro_usd = 30 } },
          { usage = { input_tokens = 1, output_tokens = 1, cache_write_tokens = 7 } }",
    );
    let usage = played.summary.usage;
    assert_eq!((usage.input_tokens, usage.output_tokens), (11, 3));
    assert_eq!((usage.cache_read_tokens, usage.cache_write_tokens), (5, 7));
    assert_eq!((usage.cost_micro_usd, usage.unpriced_calls), (30, 1));
    assert_eq!(used(&played.events), usage);
}

#[test]
fn repeated_equal_tool_calls_have_equal_fingerprints() {
    let played = play(
        r#"{ tool = { name = "Bash", arguments = "ls", times = 3 } }, { tool = { name = "Bash", arguments = "pwd" } }"#,
    );
    let prints = fingerprints(&played.events);
    assert_eq!(prints.len(), 4);
    assert!(prints[0] == prints[1] && prints[1] == prints[2] && prints[2] != prints[3]);
    assert_eq!(played.summary.tool_calls, 4);
}

#[test]
fn failures_are_what_the_script_says() {
    let rows = [
        (
            r#"class = "quota", in_seconds = 60"#,
            FailureClass::Quota { until: Some(instant("2026-11-20T13:42:20Z")) },
        ),
        (
            r#"class = "quota", until = 1795185676"#,
            FailureClass::Quota { until: Some(instant("2026-11-20T14:41:16Z")) },
        ),
        (r#"class = "throttled""#, FailureClass::Throttled { until: None }),
        (r#"class = "authentication""#, FailureClass::Authentication),
        (r#"class = "context_overflow""#, FailureClass::ContextOverflow),
        (r#"class = "infrastructure""#, FailureClass::Infrastructure),
        (r#"class = "agent", message = "for {{item}}""#, FailureClass::Agent),
    ];
    for (words, class) in rows {
        let played = play(&format!("{{ fail = {{ {words} }} }}"));
        assert_eq!(played.code, 1);
        assert_eq!(failure(&played.summary).class, class, "{words}");
        let limited = played.events.contains(&AgentEvent::RateLimited { class });
        assert_eq!(limited, words.contains("quota") || words.contains("throttled"), "{words}");
        assert_eq!(failure(&played.summary).message == "for DEMO-1", words.contains("message"));
    }
}

#[test]
fn noise_is_survived() {
    let played = play(
        r#"{ print = "not json" }, { garbage = 70000 }, { long_line = 100000 }, { retry = "offline" }, { answer = "ok" }"#,
    );
    assert_eq!(played.summary.text, "ok");
    assert!(played.output.len() > 170_000);
    let retrying = AgentEvent::Retrying { message: "offline".to_owned() };
    assert!(played.events.contains(&retrying));
}

#[test]
fn an_exit_without_a_result_is_judged_by_its_code() {
    let failed = play("{ say = 'so far' }, { exit = 9 }, { answer = 'never' }");
    assert_eq!(failed.code, 9);
    assert_eq!(failure(&failed.summary).class, FailureClass::Agent);
    assert_eq!(failed.summary.text, "so far");
    let silent = play("{ exit = 0 }");
    assert_eq!(failure(&silent.summary).class, FailureClass::Infrastructure);
    let (_, crashed) = judge::<&str>(AgentKind::Scripted, &[], killed(11));
    assert_eq!(failure(&crashed).class, FailureClass::Infrastructure);
}

#[test]
fn playing_twice_prints_the_same() {
    let hand = Stagehand::new(
        "[[step]]\nactions = [{ say = \"a\" }, { fail = { class = \"quota\", in_seconds = 5 } }]",
    );
    assert_eq!(hand.play("p", &coder()).output, hand.play("p", &coder()).output);
}

#[test]
fn what_cannot_be_played_is_a_configuration_failure_that_says_why() {
    let rows = [
        (NOTHING, "no step for DEMO-1, coder, round 1"),
        ("[[step]]\nactoins = []", "unknown field `actoins`"),
        ("[[step]]\nactions = [{ dance = 1 }]", "unknown variant `dance`"),
    ];
    for (script, reason) in rows {
        let played = Stagehand::new(script).play("", &coder());
        assert_eq!(played.code, engine::NO_STEP);
        let failure = failure(&played.summary);
        assert_eq!(failure.class, FailureClass::Configuration);
        assert!(failure.message.contains(reason), "{}", failure.message);
    }
    let hand = Stagehand::new(NOTHING);
    fs::remove_file(hand.path("script.toml")).expect("removed");
    assert_eq!(hand.play("", &coder()).code, engine::NO_STEP);
}

#[test]
fn an_impossible_action_is_an_infrastructure_failure() {
    let played = play("{ delete = '{{script_dir}}/nothing' }");
    assert_eq!(played.code, engine::CANNOT);
    assert_eq!(failure(&played.summary).class, FailureClass::Infrastructure);
}

#[test]
fn the_prompt_can_be_kept_for_a_look_at_what_really_arrived() {
    let hand = Stagehand::new(
        r#"[[step]]
        actions = [{ save_prompt = "{{script_dir}}/prompts/{{item}}.{{stage}}.{{round}}.md" }]"#,
    );
    assert_eq!(hand.play("Goal:\n\nall of it", &coder()).code, 0);
    assert_eq!(hand.read("prompts/DEMO-1.coder.1.md"), "Goal:\n\nall of it");
}
