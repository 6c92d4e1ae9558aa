//! What the scripted agent reads and prints: one JSON object per line.

use serde::{Deserialize, Serialize};

use crate::domain::budget::Usage;
use crate::domain::failure::Failure;

/// One line that it reads: first the prompt, then whatever it is told while it works.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Told {
    /// What to do.
    Prompt(String),
    /// What to do differently.
    Instruction(String),
}

/// One line that it prints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "event")]
pub(super) enum Line {
    /// First line.
    Session { id: String, model: Option<String> },
    /// The model says something.
    Text { text: String },
    /// The model calls a tool.
    Tool { name: String, arguments: String },
    /// That failed.
    ToolFailed { name: String, message: String },
    /// What one step used.
    Usage { usage: Usage },
    /// A model call is repeated.
    Retrying { message: String },
    /// The turn is over.
    Result { text: String, failure: Option<Failure> },
}
