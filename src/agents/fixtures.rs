//! What the adapters' tests share: recorded transcripts, a turn to be done, an end to be judged.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use secrecy::SecretString;

use crate::domain::agent::{AgentKind, ExitEvidence, Stage, TurnEnding};
use crate::domain::budget::Usage;
use crate::domain::failure::Failure;
use crate::domain::time::Timestamp;

use super::responses::settings::ResponsesSettings;
use super::{
    AgentEvent, AgentSettings, CommandLine, Invocation, Opening, ProcessEnd, Transcript,
    TurnSummary, adapter,
};

/// 2026-11-20, 13:41:20 UTC: when the transcripts were recorded.
pub(super) const NOW: Timestamp = Timestamp(1_795_182_080_000);

/// The prompt of [`invocation`].
pub(super) const PROMPT: &str = "the prompt, which belongs on standard input";

/// An instant after [`NOW`] as the number that [`Timestamp`] holds.
pub(super) fn instant(text: &str) -> Timestamp {
    let parsed = chrono::DateTime::parse_from_rfc3339(text).expect("an instant");
    Timestamp(parsed.timestamp_millis())
}

/// The lines of a recorded transcript.
pub(super) fn recorded(kind: AgentKind, name: &str) -> Vec<String> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/agents");
    let path = directory.join(kind.word()).join(format!("{name}.jsonl"));
    let text = std::fs::read_to_string(&path).expect("a recorded transcript");
    text.lines().map(str::to_owned).collect()
}

/// The end of a process that exited with this code.
pub(super) fn exited(code: i32) -> ProcessEnd<'static> {
    ProcessEnd {
        exit: ExitEvidence { code: Some(code), signal: None },
        stderr_tail: "",
        answer: None,
        now: NOW,
        stopped: None,
    }
}

/// The end of a process that a signal ended.
pub(super) fn killed(signal: i32) -> ProcessEnd<'static> {
    ProcessEnd { exit: ExitEvidence { code: None, signal: Some(signal) }, ..exited(0) }
}

/// Reads lines as the output of one process and judges it.
pub(super) fn judge<L: AsRef<str>>(
    kind: AgentKind,
    lines: &[L],
    end: ProcessEnd<'_>,
) -> (Vec<AgentEvent>, TurnSummary) {
    listen(adapter(kind).transcript(), lines, end)
}

/// The opening of a conversation.
pub(super) fn opening(read_only: bool) -> Opening {
    let session = serde_json::json!({ "cwd": "/state/worktree" });
    Opening { session, resume: None, used: Usage::default(), prompt: PROMPT.to_owned(), read_only }
}

/// Reads lines as one side of a conversation and judges it.
pub(super) fn converse<L: AsRef<str>>(
    kind: AgentKind,
    lines: &[L],
    end: ProcessEnd<'_>,
) -> (Vec<AgentEvent>, TurnSummary) {
    listen(adapter(kind).conversation(opening(false)), lines, end)
}

fn listen<L: AsRef<str>>(
    mut transcript: Box<dyn Transcript>,
    lines: &[L],
    end: ProcessEnd<'_>,
) -> (Vec<AgentEvent>, TurnSummary) {
    let events = lines.iter().flat_map(|line| transcript.line(line.as_ref())).collect();
    (events, transcript.finish(end))
}

/// What was answered, as JSON.
pub(super) fn replies(events: &[AgentEvent]) -> Vec<serde_json::Value> {
    let replies = events.iter().filter_map(|event| match event {
        AgentEvent::Reply(line) => Some(serde_json::from_str(line).expect("a line of JSON")),
        _ => None,
    });
    replies.collect()
}

/// The failure of a turn that must have failed.
pub(super) fn failure(summary: &TurnSummary) -> &Failure {
    match &summary.ending {
        TurnEnding::Failed { failure } => failure,
        other => panic!("not a failure: {other:?}"),
    }
}

/// The sum of all usage events.
pub(super) fn used(events: &[AgentEvent]) -> Usage {
    let mut sum = Usage::default();
    for event in events {
        if let AgentEvent::Usage(usage) = event {
            sum += *usage;
        }
    }
    sum
}

/// Fingerprints of all tool calls.
pub(super) fn fingerprints(events: &[AgentEvent]) -> Vec<&str> {
    let calls = events.iter().filter_map(|event| match event {
        AgentEvent::ToolCall { fingerprint, .. } => Some(fingerprint.as_str()),
        _ => None,
    });
    calls.collect()
}

/// An agent with a key.
pub(super) fn settings(kind: AgentKind) -> AgentSettings {
    let env = [("PATH", "/opt/bin:/usr/bin"), ("THE_KEY", "secret-value"), ("HOME", "/operator")];
    AgentSettings {
        name: kind.word().to_owned(),
        kind,
        program: Some(PathBuf::from("/opt/bin/agent")),
        model: Some("the-model".to_owned()),
        args: Vec::new(),
        env: env.map(|(name, value)| (name.to_owned(), SecretString::from(value))).into(),
        credentials: None,
        base_url: None,
        max_turns: None,
        read_only_enforced: false,
        conversation: true,
        script: Some(PathBuf::from("/scripts/demo.toml")),
        responses: ResponsesSettings::default(),
    }
}

/// A turn: a coder's, or a critic's that may only read.
pub(super) fn invocation(stage: Stage) -> Invocation<'static> {
    Invocation {
        stage,
        round: 2,
        prompt: PROMPT,
        model: None,
        session: "11111111-2222-4333-8444-555555555555",
        resume: None,
        used: Usage::default(),
        workspace: Path::new("/state/worktree"),
        home: Path::new("/state/home"),
        scratch: Path::new("/state/turn"),
        effort: None,
        max_turns: None,
        read_only: stage == Stage::Critic,
        confined: false,
        identifier: "DEMO-1",
        marker: ("FACTORY_RUN", "run-1"),
        own_program: Path::new("/opt/bin/enact-factory"),
    }
}

/// The command line of a turn that must be possible.
pub(super) fn command_line(settings: &AgentSettings, stage: Stage) -> CommandLine {
    let adapter = adapter(settings.kind);
    adapter.command_line(settings, &invocation(stage)).expect("a command line")
}

/// The arguments as text.
pub(super) fn arguments(command: &CommandLine) -> Vec<String> {
    command.args.iter().map(|argument| argument.to_string_lossy().into_owned()).collect()
}

/// The value after an argument.
pub(super) fn after(command: &CommandLine, flag: &str) -> Option<String> {
    let arguments = arguments(command);
    let position = arguments.iter().position(|argument| argument == flag)?;
    arguments.get(position + 1).cloned()
}

/// What every adapter's process must have and must not have.
pub(super) fn assert_caged(command: &CommandLine, own: &[&str]) {
    let fixed: BTreeMap<&str, &str> = [
        ("HOME", "/state/home"),
        ("PWD", "/state/worktree"),
        ("TMPDIR", "/state/home/tmp"),
        ("PATH", "/opt/bin:/usr/bin"),
        ("LANG", "C.UTF-8"),
        ("LC_ALL", "C.UTF-8"),
        ("TERM", "dumb"),
        ("FACTORY_RUN", "run-1"),
        ("THE_KEY", "secret-value"),
    ]
    .into();
    for (name, value) in &fixed {
        assert_eq!(command.env.get(*name).map(String::as_str), Some(*value), "{name}");
    }
    for name in command.env.keys() {
        assert!(
            fixed.contains_key(name.as_str()) || own.contains(&name.as_str()),
            "{name} is nobody's"
        );
    }
    for argument in arguments(command) {
        assert!(!argument.contains(PROMPT) && !argument.contains("secret-value"), "{argument}");
    }
    let shown = format!("{command:?}");
    assert!(!shown.contains("secret-value") && !shown.contains(PROMPT), "{shown}");
}
