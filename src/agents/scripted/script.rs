//! The script file: which actions answer which turn.
//!
//! ```toml
//! [[step]]                        # the first step that fits the turn is played
//! item = "DEMO-1"                 # all conditions are optional
//! stage = "coder"
//! round = 1
//! when_prompt_contains = "hello"
//! unless_file = "{{script_dir}}/crashed"
//! actions = [
//!   { write = { path = "src/hello.txt", text = "hello\n" } },
//!   { usage = { input_tokens = 1200, output_tokens = 80, cost_micro_usd = 4000 } },
//!   { answer = "Wrote src/hello.txt." },
//! ]
//! ```
//!
//! A step depends on the turn and on files alone, so the same script gives the same answers in any order and after any
//! crash. Texts and paths may contain `{{item}}`, `{{stage}}`, `{{round}}`, `{{session}}`, `{{script_dir}}`, and
//! `{{nonce}}` and `{{commit}}` out of the prompt.

use serde::Deserialize;

use crate::domain::agent::Stage;

/// A parsed script.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    /// The model that the agent claims to use.
    #[serde(default)]
    pub model: Option<String>,
    /// Steps, in order of precedence.
    #[serde(rename = "step")]
    pub steps: Vec<Step>,
}

/// What to do in the turns that fit.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Only for this work item.
    #[serde(default)]
    pub item: Option<String>,
    /// Only in this stage.
    #[serde(default)]
    pub stage: Option<Stage>,
    /// Only in this round.
    #[serde(default)]
    pub round: Option<u32>,
    /// Only in a turn that goes on with an earlier conversation, or only in one that does not.
    #[serde(default)]
    pub resumed: Option<bool>,
    /// Only when the prompt contains this text.
    #[serde(default)]
    pub when_prompt_contains: Option<String>,
    /// Only when this file exists.
    #[serde(default)]
    pub when_file: Option<String>,
    /// Only when this file does not exist.
    #[serde(default)]
    pub unless_file: Option<String>,
    /// What to do, in order; the turn then ends well, unless an action ended it otherwise.
    #[serde(default)]
    pub actions: Vec<Action>,
}

/// One thing that the agent does.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Action {
    /// Writes a file, with its directories.
    Write(Content),
    /// Appends to a file.
    Append(Content),
    /// Deletes a file.
    Delete(String),
    /// Writes the prompt that this turn was given to a file, with its directories.
    SavePrompt(String),
    /// Writes all prompts that this conversation was given, over its turns, to a file, with its directories.
    SaveSession(String),
    /// Runs a shell command and waits for it; a failure is reported as a failed tool call and ends nothing.
    Run(String),
    /// The model says something.
    Say(String),
    /// The final text.
    Answer(String),
    /// Prints a line verbatim.
    Print(String),
    /// Prints this many bytes that are neither JSON nor UTF-8, on one line.
    Garbage(usize),
    /// Prints one valid line with a text of this many bytes.
    LongLine(usize),
    /// Reports tool calls, all equal.
    Tool(Tool),
    /// Reports a failed tool call.
    FailTool(FailTool),
    /// Reports what a model call used.
    Usage(Spent),
    /// Reports a repeated model call.
    Retry(String),
    /// Waits until it is told something, and writes that to a file, with its directories.
    AwaitInstruction(String),
    /// Waits silently for this many milliseconds.
    Wait(u64),
    /// Leaves a shell command running in a session of its own, with the output of this process closed.
    Linger(String),
    /// The same, but it keeps the output of this process open.
    LingerHoldingOutput(String),
    /// Waits until it is killed.
    Hang,
    /// Pays no attention to `SIGTERM` from now on.
    IgnoreTerminate,
    /// Ends at once with this exit code and no result.
    Exit(i32),
    /// Ends at once by a signal to itself (`KILL`, `SEGV`, `ABRT`, `TERM`).
    Crash(Signal),
    /// Ends the turn with a failure.
    Fail(Fail),
}

/// A file and its text.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Content {
    /// Path, relative to the working directory.
    pub path: String,
    /// Text.
    pub text: String,
}

/// Tool calls.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tool {
    /// The tool.
    pub name: String,
    /// Its arguments, as text.
    #[serde(default)]
    pub arguments: String,
    /// How often.
    #[serde(default = "once")]
    pub times: u32,
}

fn once() -> u32 {
    1
}

/// A failed tool call.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FailTool {
    /// The tool.
    pub name: String,
    /// Its complaint.
    pub message: String,
    /// How often.
    #[serde(default = "once")]
    pub times: u32,
}

/// What a model call used.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spent {
    /// Fresh input tokens.
    #[serde(default)]
    pub input_tokens: u64,
    /// Output tokens.
    #[serde(default)]
    pub output_tokens: u64,
    /// Input tokens read from the cache.
    #[serde(default)]
    pub cache_read_tokens: u64,
    /// Input tokens written to the cache.
    #[serde(default)]
    pub cache_write_tokens: u64,
    /// Millionths of a dollar; without it the call counts as unpriced.
    #[serde(default)]
    pub cost_micro_usd: Option<u64>,
}

/// How the agent ends itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Signal {
    /// `SIGKILL`.
    Kill,
    /// `SIGSEGV`.
    Segv,
    /// `SIGABRT`.
    Abrt,
    /// `SIGTERM`.
    Term,
}

/// A failed turn.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fail {
    /// The failure's class.
    pub class: Class,
    /// Its message.
    #[serde(default)]
    pub message: String,
    /// For `throttled` and `quota`: seconds from now until calls are accepted again.
    #[serde(default)]
    pub in_seconds: Option<u64>,
    /// The same as an instant, in seconds since the epoch.
    #[serde(default)]
    pub until: Option<i64>,
}

/// Words for the failure classes that a provider can cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// The agent failed.
    Agent,
    /// A 5xx or the network.
    Infrastructure,
    /// A 429.
    Throttled,
    /// A used-up usage window.
    Quota,
    /// A 401.
    Authentication,
    /// A wrong model.
    Configuration,
    /// A prompt that does not fit.
    ContextOverflow,
}
