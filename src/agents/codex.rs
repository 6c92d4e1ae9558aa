//! Codex (verified with 0.169.0): its app server, which is talked to, or `exec --json`.

use std::ffi::OsString;
use std::path::Path;

use serde_json::json;

use crate::domain::agent::AgentKind;

use crate::process::agent_process::Signal;
use crate::process::speech::Stdin;

use super::environment::{self, Own};
use super::{
    Adapter, AgentError, AgentSettings, Capabilities, CommandLine, FileBody, Invocation, Opening,
    PrivateFile, QuotaSource, ReadOnly, Transcript, UsageReporting, widening,
};

mod conversation;
mod transcript;

#[cfg(test)]
mod tests;

/// Prompt that the program takes, in characters; it ends with `input_too_large` above.
const PROMPT_LIMIT: usize = 1_048_576;

/// Beginnings of arguments and settings that could lift the read-only sandbox.
const WIDENING: &[&str] = &[
    "--dangerously",
    "--sandbox",
    "-s",
    "--approve",
    "--trust",
    "--yolo",
    "--profile",
    "-p",
    "--add-dir",
    "--enable",
    "sandbox",
    "approval",
    "mcp_servers",
    "permissions",
    "profile",
    "projects",
    "hooks",
    "notify",
];

/// Settings for every turn: no side traffic, and none of [`KEYS`] in the environment of what the model has executed.
const CONFIGURATION: &[&str] = &[
    "analytics.enabled=false",
    "check_for_update_on_startup=false",
    "feedback.enabled=false",
    r#"shell_environment_policy.exclude=["CODEX_API_KEY","OPENAI_API_KEY"]"#,
];

/// Names under which the program or people keep its key; the first that is set is the one to send.
const KEYS: &[&str] = &["CODEX_API_KEY", "OPENAI_API_KEY"];

/// The Codex adapter.
pub(super) struct Codex;

impl Adapter for Codex {
    fn kind(&self) -> AgentKind {
        AgentKind::Codex
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            steer: true,
            approve: true,
            resume: true,
            usage: UsageReporting::Cumulative,
            cost: false,
            read_only: ReadOnly::Enforced,
            quota_source: QuotaSource::Event,
            session_chosen_by_us: false,
        }
    }

    fn command_line(
        &self,
        settings: &AgentSettings,
        invocation: &Invocation<'_>,
    ) -> Result<CommandLine, AgentError> {
        let size = invocation.prompt.chars().count();
        if size > PROMPT_LIMIT {
            return Err(AgentError::PromptTooLarge {
                agent: settings.name.clone(),
                size,
                limit: PROMPT_LIMIT,
                unit: "characters",
            });
        }
        if invocation.read_only {
            widening::refuse(settings, WIDENING)?;
        }
        let home = invocation.home.join(".codex");
        // Its usage-limit sentence names a local time and nothing else: with this it is UTC.
        let fixed = [("CODEX_HOME", home.to_string_lossy().into_owned()), ("TZ", "UTC".to_owned())];
        let own = Own { defaults: &[], fixed: &fixed };
        let line = CommandLine {
            program: settings.program.clone().unwrap_or_else(|| "codex".into()),
            args: Vec::new(),
            env: environment::build(settings, invocation, &own),
            stdin: Stdin::Null,
            opening: None,
            files: files(settings, &home),
            answer_file: None,
            graceful: Signal::Terminate,
        };
        Ok(if settings.conversation && settings_only(&settings.args) {
            talking(line, settings, invocation)
        } else {
            executing(line, settings, invocation)
        })
    }

    /// Only in a conversation: what `exec` counts as used is the sum over all turns of a thread.
    fn session_files(&self, settings: &AgentSettings) -> &'static [&'static str] {
        let talking = settings.conversation && settings_only(&settings.args);
        if talking { &[".codex/sessions"] } else { &[] }
    }

    fn transcript(&self) -> Box<dyn Transcript> {
        Box::<transcript::CodexTranscript>::default()
    }

    fn conversation(&self, opening: Opening) -> Box<dyn Transcript> {
        Box::new(conversation::CodexConversation::new(opening))
    }
}

/// Lifts the sandbox.
const UNSANDBOXED: &str = "--dangerously-bypass-approvals-and-sandbox";

/// Whether the operator's arguments are such as the app server takes: settings, features, and the one that is a parameter
/// there.
fn settings_only(args: &[String]) -> bool {
    let mut args = args.iter();
    while let Some(argument) = args.next() {
        match argument.as_str() {
            "-c" | "--config" | "--enable" | "--disable" => _ = args.next(),
            UNSANDBOXED => {}
            _ => return false,
        }
    }
    true
}

/// What Codex's own sandbox lets it do.
#[derive(Clone, Copy)]
enum Access {
    /// There is none: the operator has lifted it, or ours is around it. Inside ours its own cannot be set up.
    Full,
    /// Reading.
    ReadOnly,
    /// Writing in the worktree.
    Workspace,
}

fn access(settings: &AgentSettings, invocation: &Invocation<'_>) -> Access {
    let lifted = settings.args.iter().any(|argument| argument == UNSANDBOXED);
    match (invocation.confined, invocation.read_only) {
        (true, _) => Access::Full,
        (false, true) => Access::ReadOnly,
        (false, false) if lifted => Access::Full,
        (false, false) => Access::Workspace,
    }
}

/// The app server, told what thread to open.
fn talking(
    mut line: CommandLine,
    settings: &AgentSettings,
    invocation: &Invocation<'_>,
) -> CommandLine {
    let sandbox = match access(settings, invocation) {
        Access::Full => "danger-full-access",
        Access::ReadOnly => "read-only",
        Access::Workspace => "workspace-write",
    };
    // Without the directory, which the process is started in: a thread that names the one it may write in makes the
    // project there a trusted one, and then the repository's own servers are started.
    let session = json!({
        "model": invocation.model.or(settings.model.as_deref()),
        "approvalPolicy": "never",
        "sandbox": sandbox,
    });
    let (prompt, read_only) = (invocation.prompt.to_owned(), invocation.read_only);
    let resume = invocation.resume.map(str::to_owned);
    let opening = Opening { session, resume, used: invocation.used, prompt, read_only };
    line.args = vec!["app-server".into(), "--disable".into(), "apps".into()];
    line.args.extend(["--disable".into(), "plugins".into()]);
    line.args.extend(configuration(settings));
    if let Some(effort) = invocation.effort {
        let effort = serde_json::Value::from(effort);
        line.args.extend(["-c".into(), format!("model_reasoning_effort={effort}").into()]);
    }
    let own = settings.args.iter().filter(|argument| *argument != UNSANDBOXED);
    line.args.extend(own.map(OsString::from));
    line.stdin = Stdin::Open(conversation::beginning(&opening));
    line.opening = Some(opening);
    line
}

/// One prompt, one turn, one answer.
fn executing(
    mut line: CommandLine,
    settings: &AgentSettings,
    invocation: &Invocation<'_>,
) -> CommandLine {
    let answer_file = invocation.scratch.join("answer.md");
    line.args = arguments(settings, invocation, &answer_file);
    line.stdin = Stdin::Closed(invocation.prompt.to_owned());
    line.answer_file = Some(answer_file);
    line
}

/// Our settings, as arguments.
fn configuration(settings: &AgentSettings) -> Vec<OsString> {
    let fixed = CONFIGURATION.iter().map(|setting| (*setting).to_owned());
    let provider = settings.base_url.iter().flat_map(|url| provider(url, settings));
    fixed.chain(provider).flat_map(|setting| ["-c".into(), setting.into()]).collect()
}

/// The program refuses to start unless its directory is there, hence always a file in it; that it says nothing undoes
/// what an earlier turn may have put there.
fn files(settings: &AgentSettings, home: &Path) -> Vec<PrivateFile> {
    let configuration = FileBody::Text("# The settings are on the command line.\n".to_owned());
    let login = settings.credentials.clone().map(FileBody::LinkTo);
    [("config.toml", Some(configuration)), ("auth.json", login)]
        .into_iter()
        .filter_map(|(name, body)| Some(PrivateFile { path: home.join(name), body: body? }))
        .collect()
}

fn arguments(
    settings: &AgentSettings,
    invocation: &Invocation<'_>,
    answer_file: &Path,
) -> Vec<OsString> {
    let mut args: Vec<OsString> = vec!["exec".into()];
    let mut add = |words: &[&str]| args.extend(words.iter().map(OsString::from));
    add(&["--json", "--skip-git-repo-check", "--ignore-rules"]);
    add(&["--disable", "apps", "--disable", "plugins"]);
    if let Some(model) = invocation.model.or(settings.model.as_deref()) {
        add(&["-m", model]);
    }
    if let Some(effort) = invocation.effort {
        add(&["-c", &format!("model_reasoning_effort={}", serde_json::Value::from(effort))]);
    }
    match access(settings, invocation) {
        Access::Full => add(&[UNSANDBOXED]),
        Access::ReadOnly => add(&["-s", "read-only"]),
        Access::Workspace => add(&["-s", "workspace-write"]),
    }
    args.extend(configuration(settings));
    let own = settings.args.iter().filter(|argument| *argument != UNSANDBOXED);
    args.extend(own.map(OsString::from));
    args.extend(["-C".into(), invocation.workspace.into()]);
    args.extend(["-o".into(), answer_file.into(), "-".into()]);
    args
}

/// A provider of our own at `url`: the built-in one ignores addresses from the environment.
fn provider(url: &str, settings: &AgentSettings) -> Vec<String> {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let set = |key: &str, value: &str| format!("model_providers.factory.{key}={value}");
    let mut provider = vec![
        "model_provider=\"factory\"".to_owned(),
        set("name", "\"factory\""),
        set("base_url", &quoted(url)),
        set("wire_api", "\"responses\""),
        set("request_max_retries", "2"),
        set("stream_max_retries", "3"),
        set("stream_idle_timeout_ms", "120000"),
    ];
    match KEYS.iter().find(|key| settings.env.contains_key(**key)) {
        Some(key) => provider.push(set("env_key", &quoted(key))),
        None if settings.credentials.is_some() => {
            provider.push(set("requires_openai_auth", "true"));
        }
        None => {}
    }
    provider
}
