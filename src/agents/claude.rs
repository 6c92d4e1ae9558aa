//! Claude Code in print mode with stream-JSON output, and with stream-JSON input where it is talked to (verified with
//! 2.1.329).

use std::ffi::OsString;
use std::path::Path;

use crate::domain::agent::AgentKind;

use crate::process::agent_process::Signal;
use crate::process::speech::Stdin;

use super::environment::{self, Own};
use super::{
    Adapter, AgentError, AgentSettings, Capabilities, CommandLine, FileBody, Invocation, Opening,
    PrivateFile, QuotaSource, ReadOnly, Transcript, UsageReporting, widening,
};

mod result;
mod transcript;

#[cfg(test)]
mod tests;

/// Piped input that the program takes, in bytes; it ends with an error above.
const PROMPT_LIMIT: usize = 10_000_000;

/// All that a reviewer needs; nothing in it writes or executes.
const READING_TOOLS: &str = "Read,Grep,Glob";

/// Denied to a reviewer in addition to not being offered: withholding a tool alone has been worked around before.
const WRITING_TOOLS: &str =
    "Bash,Edit,Write,NotebookEdit,Task,Agent,Workflow,Skill,Monitor,WebFetch,WebSearch";

/// Tools that outlive the turn, leave the worktree or wait for a person.
const UNATTENDED_TOOLS: &str = "AskUserQuestion,CronCreate,CronDelete,EnterWorktree,ExitWorktree,\
    PushNotification,RemoteTrigger,ScheduleWakeup,SendMessage,Workflow";

/// Beginnings of arguments that could give a reviewer more than [`READING_TOOLS`].
const WIDENING: &[&str] = &[
    "--permission",
    "--dangerously",
    "--allow",
    "--tools",
    "--mcp",
    "--plugin",
    "--setting",
    "--agent",
    "--add-dir",
];

/// The Claude Code adapter.
pub(super) struct Claude;

impl Adapter for Claude {
    fn kind(&self) -> AgentKind {
        AgentKind::Claude
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            steer: true,
            approve: true,
            resume: true,
            usage: UsageReporting::Absolute,
            cost: true,
            read_only: ReadOnly::Enforced,
            quota_source: QuotaSource::Event,
            session_chosen_by_us: true,
        }
    }

    fn command_line(
        &self,
        settings: &AgentSettings,
        invocation: &Invocation<'_>,
    ) -> Result<CommandLine, AgentError> {
        if invocation.prompt.len() > PROMPT_LIMIT {
            return Err(AgentError::PromptTooLarge {
                agent: settings.name.clone(),
                size: invocation.prompt.len(),
                limit: PROMPT_LIMIT,
                unit: "bytes",
            });
        }
        if invocation.read_only {
            widening::refuse(settings, WIDENING)?;
        }
        let config = invocation.home.join(".claude");
        let fixed = [("CLAUDE_CONFIG_DIR", config.to_string_lossy().into_owned())];
        let base_url: Vec<_> =
            settings.base_url.iter().map(|url| ("ANTHROPIC_BASE_URL", url.as_str())).collect();
        let defaults = [DEFAULTS, &base_url].concat();
        let own = Own { defaults: &defaults, fixed: &fixed };
        let (stdin, opening) = if settings.conversation {
            (Stdin::Open(transcript::user_message(invocation.prompt)), Some(opening(invocation)))
        } else {
            (Stdin::Closed(invocation.prompt.to_owned()), None)
        };
        Ok(CommandLine {
            program: settings.program.clone().unwrap_or_else(|| "claude".into()),
            args: arguments(settings, invocation),
            env: environment::build(settings, invocation, &own),
            stdin,
            opening,
            files: files(settings, &config),
            answer_file: None,
            graceful: Signal::Terminate,
        })
    }

    /// Only in a conversation: there it is known what earlier turns used, which its results count in.
    fn session_files(&self, settings: &AgentSettings) -> &'static [&'static str] {
        if settings.conversation { &[".claude/projects"] } else { &[] }
    }

    fn transcript(&self) -> Box<dyn Transcript> {
        Box::<transcript::ClaudeTranscript>::default()
    }

    fn conversation(&self, opening: Opening) -> Box<dyn Transcript> {
        Box::new(transcript::ClaudeTranscript::talking(&opening))
    }
}

/// The session is opened by arguments, and the prompt is the first line already.
fn opening(invocation: &Invocation<'_>) -> Opening {
    let session = serde_json::Value::Null;
    let (prompt, used, read_only) = (String::new(), invocation.used, invocation.read_only);
    Opening { session, resume: None, used, prompt, read_only }
}

/// Quiet, and failing early enough for our own back-off to take over. `IS_SANDBOX` lets root skip permissions.
const DEFAULTS: &[(&str, &str)] = &[
    ("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1"),
    ("DISABLE_AUTOUPDATER", "1"),
    ("CLAUDE_CODE_MAX_RETRIES", "4"),
    ("API_TIMEOUT_MS", "600000"),
    ("IS_SANDBOX", "1"),
    ("TZ", "UTC"),
];

/// The settings undo what an earlier turn may have put there to run in the next one.
fn files(settings: &AgentSettings, config: &Path) -> Vec<PrivateFile> {
    let user_settings = FileBody::Text(r#"{"disableAllHooks":true}"#.to_owned());
    let login = settings.credentials.clone().map(FileBody::LinkTo);
    [("settings.json", Some(user_settings)), (".credentials.json", login)]
        .into_iter()
        .filter_map(|(name, body)| Some(PrivateFile { path: config.join(name), body: body? }))
        .collect()
}

fn arguments(settings: &AgentSettings, invocation: &Invocation<'_>) -> Vec<OsString> {
    let mut args: Vec<OsString> = settings.args.iter().map(OsString::from).collect();
    let mut add = |words: &[&str]| args.extend(words.iter().map(OsString::from));
    add(&["-p", "--output-format", "stream-json", "--verbose"]);
    if settings.conversation {
        add(&["--input-format", "stream-json"]);
    }
    if let Some(model) = invocation.model.or(settings.model.as_deref()) {
        add(&["--model", model]);
    }
    match invocation.resume {
        Some(session) => add(&["--resume", session]),
        None => add(&["--session-id", invocation.session]),
    }
    // The repository's own settings would run its hooks before the first model call.
    add(&["--setting-sources", "user", "--strict-mcp-config"]);
    if let Some(effort) = invocation.effort {
        add(&["--effort", effort]);
    }
    if let Some(turns) = invocation.max_turns.or(settings.max_turns) {
        add(&["--max-turns", &turns.to_string()]);
    }
    if invocation.read_only {
        add(&["--permission-mode", "dontAsk", "--tools", READING_TOOLS]);
        add(&["--allowedTools", READING_TOOLS, "--disallowedTools", WRITING_TOOLS]);
    } else {
        add(&["--dangerously-skip-permissions", "--disallowedTools", UNATTENDED_TOOLS]);
    }
    args
}
