//! Coding agents as descriptions plus parsers.
//!
//! Responsible for turning one turn of work into a command line ([`Adapter::command_line`]) and the agent's output lines
//! into [`AgentEvent`]s and a judged [`TurnSummary`] ([`Transcript`]). Never spawns, reads, writes or waits for anything:
//! processes, deadlines and stopping exist once, in `process`. The exceptions are [`probe`], which asks the installed
//! program who it is, and [`scripted::engine`] and [`responses::engine`], which are the agent side of their adapters and
//! run in processes of their own.
//!
//! A new agent is one file here, recorded lines under `tests/fixtures/agents`, and one [`AgentKind`] variant.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::domain::agent::{AgentKind, ExitEvidence, Stage, TurnEnding};
use crate::domain::budget::Usage;
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::time::Timestamp;
use crate::process::agent_process::Signal;
use crate::process::speech::Stdin;

mod acp;
mod classification;
mod claude;
mod codex;
mod command;
mod cursor;
mod environment;
mod fingerprint;
#[cfg(test)]
mod fixtures;
mod hermes;
mod money;
mod opencode;
pub mod probe;
mod reset_time;
pub mod responses;
mod rpc;
pub mod scripted;
mod widening;

/// One configured agent, with everything already resolved: nothing here is looked up again.
#[derive(Debug, Clone)]
pub struct AgentSettings {
    /// The name it is configured under (`[agents.<name>]`).
    pub name: String,
    /// Which adapter drives it.
    pub kind: AgentKind,
    /// The program; `None` leaves it to be found by its usual name on the child's `PATH` (see [`probe::locate`]).
    pub program: Option<PathBuf>,
    /// Model to ask for when the invocation names none.
    pub model: Option<String>,
    /// `command`: the argument template, with `{model}`, `{prompt_file}`, `{workspace}`, `{answer_file}`, `{stage}` and
    /// `{session}`; others: extra arguments, before those that the adapter cannot do without.
    pub args: Vec<String>,
    /// Variables for the child: the allow-list and the configured ones, values already resolved.
    pub env: BTreeMap<String, SecretString>,
    /// The login file to link into the private home: Claude's `.credentials.json`, the `auth.json` of the others.
    pub credentials: Option<PathBuf>,
    /// Another address for the provider's API.
    pub base_url: Option<String>,
    /// Limit on the model calls of one turn, where the agent has such a limit.
    pub max_turns: Option<u32>,
    /// The operator vouches that this agent does not write when told that it is read-only.
    pub read_only_enforced: bool,
    /// Whether its turns are conversations, where the agent has a protocol for them, rather than one prompt each.
    pub conversation: bool,
    /// `scripted`: the script to play.
    pub script: Option<PathBuf>,
    /// `responses`: the server and the model.
    pub responses: responses::settings::ResponsesSettings,
}

/// The directory for temporary files in an agent's home.
pub const TEMPORARY: &str = "tmp";

/// One turn to be done.
#[derive(Debug, Clone, Copy)]
pub struct Invocation<'a> {
    /// What the model is doing.
    pub stage: Stage,
    /// Which coder-critic iteration this belongs to, from 1.
    pub round: u32,
    /// All that the agent is told.
    pub prompt: &'a str,
    /// The model for this turn; overrides the agent's own.
    pub model: Option<&'a str>,
    /// A fresh UUID, used as the agent's session where it lets us choose.
    pub session: &'a str,
    /// The agent's own id of a conversation that it shall go on with, when [`Adapter::session_files`] are in place.
    pub resume: Option<&'a str>,
    /// What earlier turns of that conversation have used, as far as is known.
    pub used: Usage,
    /// Working directory.
    pub workspace: &'a Path,
    /// Private home directory (0700) of this agent, with [`TEMPORARY`] in it. It does not outlive the turn.
    pub home: &'a Path,
    /// Private directory (0700) of this turn, for what is kept of it.
    pub scratch: &'a Path,
    /// How hard the model shall think, in the agent's own word, where it can be told.
    pub effort: Option<&'a str>,
    /// Limit on the model calls of this turn, where the agent has one; overrides the agent's own.
    pub max_turns: Option<u32>,
    /// The agent must not be able to write to the workspace.
    pub read_only: bool,
    /// The operating system confines it, so that it needs no sandbox of its own, nor could have one inside ours.
    pub confined: bool,
    /// The work item, as people call it.
    pub identifier: &'a str,
    /// The variable and value by which every process of this run is found again.
    pub marker: (&'a str, &'a str),
    /// The running `enact-factory` binary, which is also the scripted agent.
    pub own_program: &'a Path,
}

/// A process to be started, complete: nothing is inherited.
#[derive(Clone, PartialEq, Eq)]
pub struct CommandLine {
    /// What to execute: an absolute path, or a name to be found on the `PATH` in [`CommandLine::env`].
    pub program: PathBuf,
    /// Arguments; never the prompt or a secret.
    pub args: Vec<OsString>,
    /// The whole environment.
    pub env: BTreeMap<String, String>,
    /// What it reads. Only what stays open can be steered and answered.
    pub stdin: Stdin,
    /// How the conversation goes on after that, if it is one; for [`Adapter::conversation`].
    pub opening: Option<Opening>,
    /// Files to put in place first (0600, missing parents 0700).
    pub files: Vec<PrivateFile>,
    /// File that will hold the final text, to be handed to [`Transcript::finish`].
    pub answer_file: Option<PathBuf>,
    /// How to ask the agent to stop.
    pub graceful: Signal,
}

impl fmt::Debug for CommandLine {
    /// Without prompt, file contents and values of variables: they may hold secrets.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("CommandLine")
            .field("program", &self.program)
            .field("args", &self.args)
            .field("env", &self.env.keys().collect::<Vec<_>>())
            .field("stdin_bytes", &self.stdin.text().map(str::len))
            .field("files", &self.files.iter().map(|file| &file.path).collect::<Vec<_>>())
            .field("answer_file", &self.answer_file)
            .field("graceful", &self.graceful)
            .finish()
    }
}

/// What is said in a conversation once the agent has answered the first lines, and what it is answered.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opening {
    /// Parameters of the request that opens the session, as the protocol wants them.
    pub session: serde_json::Value,
    /// The agent's own id of a conversation that it goes on with.
    #[serde(default)]
    pub resume: Option<String>,
    /// What earlier turns of that conversation have used, as far as is known.
    #[serde(default)]
    pub used: Usage,
    /// All that the agent is told.
    pub prompt: String,
    /// Whether it is refused what is more than reading when it asks.
    pub read_only: bool,
}

impl fmt::Debug for Opening {
    /// Without the prompt.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = (self.prompt.len(), self.read_only);
        formatter.debug_tuple("Opening").field(&shown).finish()
    }
}

/// A file that only the agent's user may read.
#[derive(Clone, PartialEq, Eq)]
pub struct PrivateFile {
    /// Where, absolute.
    pub path: PathBuf,
    /// What.
    pub body: FileBody,
}

/// What a [`PrivateFile`] consists of.
#[derive(Clone, PartialEq, Eq)]
pub enum FileBody {
    /// This text.
    Text(String),
    /// A symbolic link to this file, replacing what is there.
    LinkTo(PathBuf),
}

/// What an output line meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AgentEvent {
    /// The agent named its session.
    Session {
        /// Its id.
        id: String,
        /// The model it uses, if it says so.
        model: Option<String>,
    },
    /// The model said something to people.
    Text(String),
    /// The model called a tool.
    ToolCall {
        /// The tool.
        name: String,
        /// Equal for equal calls: a hash over the name and the arguments, whatever the order of their keys.
        fingerprint: String,
    },
    /// A tool call failed or was refused. Agents count this as success, so look at the diff.
    ToolFailed {
        /// The tool, when known.
        name: String,
        /// Its complaint, at most [`MESSAGE_LIMIT`] characters.
        message: String,
    },
    /// Tokens and money used since the last such event.
    Usage(Usage),
    /// The provider refuses further calls for now.
    RateLimited {
        /// [`FailureClass::Throttled`] or [`FailureClass::Quota`].
        class: FailureClass,
    },
    /// The agent repeats a failed model call. Not a sign of progress: one agent does this for ever when offline.
    Retrying {
        /// What failed.
        message: String,
    },
    /// The agent asked something: this line is the answer, to be written to its standard input at once.
    Reply(String),
    /// The turn is over; the process may linger and can be ended.
    Finished,
    /// Nothing of interest, or not understood.
    Other,
}

impl AgentEvent {
    /// Whether this line proves that the turn is getting somewhere, so that the silence clock may start again.
    #[must_use]
    pub fn is_progress(&self) -> bool {
        !matches!(self, Self::Retrying { .. })
    }
}

/// Longest message of a failure or a failed tool call, in characters.
pub const MESSAGE_LIMIT: usize = 400;

/// What is known when the process has ended and its output is read to the end.
#[derive(Debug, Clone)]
pub struct ProcessEnd<'a> {
    /// How the process ended.
    pub exit: ExitEvidence,
    /// The last lines of standard error.
    pub stderr_tail: &'a str,
    /// Content of [`CommandLine::answer_file`], if it was asked for and is there.
    pub answer: Option<String>,
    /// The present, for messages such as "try again in 3 hours".
    pub now: Timestamp,
    /// The ending that we imposed before the agent reported [`AgentEvent::Finished`]; it wins over anything read.
    pub stopped: Option<TurnEnding>,
}

/// A judged turn: what a transcript adds to what the process layer knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TurnSummary {
    /// The judgement.
    pub ending: TurnEnding,
    /// The agent's final text, at most [`classification::TEXT_LIMIT`] bytes (the end is kept: answers come last).
    pub text: String,
    /// Everything that was used, at least the sum of all [`AgentEvent::Usage`].
    pub usage: Usage,
    /// The agent's session.
    pub session: Option<String>,
    /// The model that the agent says it used.
    pub model: Option<String>,
    /// Tool calls.
    pub tool_calls: u32,
}

/// What an agent can do, as this adapter drives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// A running turn can be given further instructions.
    pub steer: bool,
    /// It can ask us before it uses a tool.
    pub approve: bool,
    /// A session can be continued by its id.
    pub resume: bool,
    /// What its usage reports count.
    pub usage: UsageReporting,
    /// It reports money.
    pub cost: bool,
    /// Who guarantees that a read-only turn is read-only.
    pub read_only: ReadOnly,
    /// Where the end of a quota window is learnt from.
    pub quota_source: QuotaSource,
    /// The session id is ours, so that it is known before the process starts.
    pub session_chosen_by_us: bool,
}

/// What the numbers in an agent's usage reports count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UsageReporting {
    /// The whole run.
    Absolute,
    /// One step each.
    PerStep,
    /// The session so far, over all its turns.
    Cumulative,
    /// There are none.
    None,
}

/// Who guarantees that a read-only turn is read-only. It is verified by git afterwards in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadOnly {
    /// The agent, by the flags that the adapter gives it.
    Enforced,
    /// The operator ([`AgentSettings::read_only_enforced`]); refused otherwise.
    Vouched,
}

/// Where the end of a quota window is learnt from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuotaSource {
    /// An output line with an instant in it.
    Event,
    /// A sentence for people.
    Text,
    /// Nowhere.
    None,
}

/// How one kind of agent is invoked and understood. Pure.
pub trait Adapter: Send + Sync {
    /// Which agent this is.
    fn kind(&self) -> AgentKind;

    /// What it can do.
    fn capabilities(&self) -> Capabilities;

    /// The process that does the turn.
    ///
    /// # Errors
    ///
    /// When the turn cannot be done as asked with these settings; see [`AgentError`].
    fn command_line(
        &self,
        settings: &AgentSettings,
        invocation: &Invocation<'_>,
    ) -> Result<CommandLine, AgentError>;

    /// Where an agent with these settings keeps its conversations, below its home: files, or directories with all that is
    /// in them. Nothing when it cannot go on with one.
    fn session_files(&self, _settings: &AgentSettings) -> &'static [&'static str] {
        &[]
    }

    /// A parser for the output of one process that is not talked to.
    fn transcript(&self) -> Box<dyn Transcript>;

    /// A parser for the output of one process whose conversation opens like this.
    fn conversation(&self, _opening: Opening) -> Box<dyn Transcript> {
        self.transcript()
    }
}

/// Reads the output of one agent process. Pure; never fails on a line it does not understand.
pub trait Transcript: Send {
    /// Takes one line of standard output, without its end.
    fn line(&mut self, line: &str) -> Vec<AgentEvent>;

    /// How to give the running turn further instructions. Asked once for each; a line that is to be sent is written as it
    /// is.
    fn steer(&mut self, _text: &str) -> Steering {
        Steering::Unsupported {
            reason: "this agent takes no instructions during a turn".to_owned(),
        }
    }

    /// The line that asks the running turn to stop, where the protocol has one. The agent then gets its grace before it
    /// is signalled.
    fn interrupt(&mut self) -> Option<String> {
        None
    }

    /// Judges the turn. The exit code is evidence, not the verdict.
    fn finish(self: Box<Self>, end: ProcessEnd<'_>) -> TurnSummary;
}

/// What became of an instruction for a running turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Steering {
    /// This line carries it; to be written to the agent's standard input now.
    Send(String),
    /// The agent can take it, but not in this turn.
    NextTurn,
    /// It cannot be given.
    Unsupported {
        /// Why, for people.
        reason: String,
    },
}

/// Why a turn cannot be started.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AgentError {
    /// The operator's own arguments could undo what makes the turn read-only, or nothing makes it so.
    #[error("agent {agent} cannot be held to reading only: {reason}")]
    ReadOnlyNotEnforced {
        /// Configured name.
        agent: String,
        /// What stands against it.
        reason: String,
    },
    /// The agent refuses prompts of this size.
    #[error("a prompt of {size} {unit} is more than the {limit} that agent {agent} takes")]
    PromptTooLarge {
        /// Configured name.
        agent: String,
        /// Size of the prompt.
        size: usize,
        /// The agent's limit.
        limit: usize,
        /// What is counted.
        unit: &'static str,
    },
    /// Something without which there is no command line is not configured.
    #[error("agent {agent} needs {what}")]
    Missing {
        /// Configured name.
        agent: String,
        /// What is missing.
        what: &'static str,
    },
}

impl AgentError {
    /// The failure as it drives retry and escalation.
    #[must_use]
    pub fn to_failure(&self) -> Failure {
        let class = match self {
            Self::PromptTooLarge { .. } => FailureClass::ContextOverflow,
            Self::ReadOnlyNotEnforced { .. } | Self::Missing { .. } => FailureClass::Configuration,
        };
        Failure::new(class, self.to_string())
    }
}

/// Everything an agent of this kind said to people, read again from the journal of a finished turn.
#[must_use]
pub fn said(kind: AgentKind, journal: &str, now: Timestamp) -> String {
    let mut transcript = adapter(kind).transcript();
    let mut said = String::new();
    for event in journal.lines().flat_map(|line| transcript.line(line)) {
        if let AgentEvent::Text(text) = event {
            said.push_str(&text);
            said.push('\n');
        }
    }
    let stopped = Some(TurnEnding::Completed);
    let exit = ExitEvidence::default();
    let end = ProcessEnd { exit, stderr_tail: "", answer: None, now, stopped };
    said.push_str(&transcript.finish(end).text);
    said
}

/// The adapter for a kind of agent.
#[must_use]
pub fn adapter(kind: AgentKind) -> &'static dyn Adapter {
    match kind {
        AgentKind::Claude => &claude::Claude,
        AgentKind::Codex => &codex::Codex,
        AgentKind::Opencode => &opencode::Opencode,
        AgentKind::Cursor => &cursor::Cursor,
        AgentKind::Hermes => &hermes::Hermes,
        AgentKind::Acp => &acp::Acp,
        AgentKind::Command => &command::Command,
        AgentKind::Scripted => &scripted::Scripted,
        AgentKind::Responses => &responses::Responses,
    }
}

/// Why nothing would keep an agent from writing in a stage that only reads; nothing when its turns can be kept read-only.
/// `confined`: whether the operating system confines agents.
#[must_use]
pub fn unfit_to_judge(settings: &AgentSettings, confined: bool) -> Option<String> {
    widening::unfit_to_judge(adapter(settings.kind), settings, confined)
}

/// What an agent of this kind can do, as its adapter drives it.
#[must_use]
pub fn capabilities(kind: AgentKind) -> Capabilities {
    adapter(kind).capabilities()
}
