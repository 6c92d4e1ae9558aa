//! What the agent prints: one JSON object per line, told apart by `event`. Version 1; see `docs/agents/responses.md`.
//!
//! A line of an unknown event, or with further fields, is no error: a reader ignores what it does not know.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::domain::budget::Usage;
use crate::domain::failure::Failure;

/// What the agent is told on standard input, one JSON object per line: the prompt first, instructions while it works.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Told {
    /// The task.
    Prompt(String),
    /// Something that came to the operator's mind since.
    Instruction(String),
}

/// The version in the first line.
pub(super) const VERSION: u32 = 1;

/// One line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "event")]
pub(super) enum Line {
    /// First line.
    Session { version: u32, id: String, model: String },
    /// Something is still going on: bytes from the model, or a tool at work.
    Working { on: String },
    /// The model says something.
    Text { text: String },
    /// The model calls a tool.
    Call { id: String, tool: String, arguments: Value },
    /// What came of it; `output` is cut, the model got all `bytes` of it.
    Result { id: String, tool: String, failed: bool, bytes: u64, output: String },
    /// What one model call used.
    Usage { usage: Usage },
    /// A model call is repeated after `wait_ms`.
    Retrying { attempt: u32, wait_ms: u64, message: String },
    /// The conversation was shortened, in estimated tokens.
    Compacted { before: u64, after: u64, shortened: u32, dropped: u32 },
    /// The agent said something to the model by itself: `no_edit`, `empty`, `cut_off`, `final`.
    Nudge { why: String },
    /// An instruction was given to the model.
    Instructed { text: String },
    /// The turn is over.
    End { text: String, failure: Option<Failure> },
}
