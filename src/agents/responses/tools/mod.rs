//! What the model may do, one file per tool.
//!
//! Tools work in the worktree and nowhere else ([`confine`]); their outputs are bounded and say what was left out;
//! whatever goes wrong in one of them is an answer to the model and no end of the turn. In a read-only turn the tools
//! that write are neither offered nor carried out.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::conversation::Call;

mod apply_patch;
mod confine;
mod git;
mod list;
mod read_file;
mod search;
mod shell;
mod write_file;

#[cfg(test)]
mod tests;

/// A tool as the model is told of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Spec {
    /// Its name.
    pub(super) name: &'static str,
    /// What it does and how.
    pub(super) description: String,
    /// JSON schema of its arguments.
    pub(super) parameters: Value,
}

/// What came of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Outcome {
    /// The answer to the model.
    pub(super) output: String,
    /// Whether the call could not be carried out; that a command exits with an error is no such failure.
    pub(super) failed: bool,
    /// What it may have done to the worktree.
    pub(super) effect: Effect,
}

/// What a call may have done to the worktree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// Nothing.
    None,
    /// It changed files.
    Edited,
    /// Nobody knows: a command ran.
    Unknown,
}

/// Why a call could not be carried out, for the model to read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
struct Complaint(String);

impl Complaint {
    fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    fn io(doing: &str, path: &str, error: &io::Error) -> Self {
        Self(format!("{path} cannot be {doing}: {error}"))
    }
}

/// What every tool works with.
#[derive(Debug)]
struct Bench {
    /// The worktree.
    place: confine::Place,
    /// The whole environment of every program that is started. The provider's key is not in it.
    environment: BTreeMap<String, String>,
    /// Most bytes of an output.
    most: usize,
    /// Ends programs when the turn is to end.
    cancel: CancellationToken,
}

/// The tools of one turn.
#[derive(Debug)]
pub(super) struct Toolbox {
    bench: Bench,
    tools: Vec<Tool>,
    specs: Vec<Spec>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tool {
    Shell,
    Git,
    ReadFile,
    List,
    Search,
    ApplyPatch,
    WriteFile,
}

const WRITING: &[Tool] =
    &[Tool::Shell, Tool::ReadFile, Tool::List, Tool::Search, Tool::ApplyPatch, Tool::WriteFile];

const READING: &[Tool] = &[Tool::Git, Tool::ReadFile, Tool::List, Tool::Search];

impl Toolbox {
    /// The tools for work in `workspace`, with outputs of at most `most` bytes.
    ///
    /// # Errors
    /// When the worktree is not there.
    pub(super) fn new(
        workspace: &Path,
        environment: BTreeMap<String, String>,
        read_only: bool,
        most: usize,
        cancel: CancellationToken,
    ) -> io::Result<Self> {
        let place = confine::Place::new(workspace)?;
        let tools = if read_only { READING } else { WRITING }.to_vec();
        let specs = tools.iter().map(|tool| tool.spec()).collect();
        Ok(Self { bench: Bench { place, environment, most, cancel }, tools, specs })
    }

    /// The tools as the model is told of them.
    pub(super) fn specs(&self) -> &[Spec] {
        &self.specs
    }

    /// Carries a call out.
    pub(super) async fn call(&self, call: &Call) -> Outcome {
        let Some(tool) = Tool::called(&call.name) else {
            return refusal(format!(
                "there is no tool {:?}; there are {}",
                call.name,
                self.names()
            ));
        };
        // Not offering a tool is not enough: models call what they know from elsewhere.
        if !self.tools.contains(&tool) {
            return refusal(format!(
                "denied: this turn may only read, and {} can write; there are {}",
                call.name,
                self.names()
            ));
        }
        let done = match tool.arguments(call) {
            Ok(arguments) => tool.carry_out(&self.bench, arguments).await,
            Err(complaint) => Err(complaint),
        };
        match done {
            Ok((output, effect)) => Outcome { output, failed: false, effect },
            Err(Complaint(output)) => Outcome { output, failed: true, effect: Effect::None },
        }
    }

    /// Whether the worktree differs from its last commit; `None` when git cannot tell.
    pub(super) async fn is_changed(&self) -> Option<bool> {
        git::is_changed(&self.bench).await
    }

    fn names(&self) -> String {
        let names: Vec<&str> = self.tools.iter().map(|tool| tool.name()).collect();
        names.join(", ")
    }
}

fn refusal(output: String) -> Outcome {
    Outcome { output, failed: true, effect: Effect::None }
}

impl Tool {
    const ALL: [Self; 7] = [
        Self::Shell,
        Self::Git,
        Self::ReadFile,
        Self::List,
        Self::Search,
        Self::ApplyPatch,
        Self::WriteFile,
    ];

    fn called(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tool| tool.name() == name)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Shell => "shell",
            Self::Git => "git",
            Self::ReadFile => "read_file",
            Self::List => "list",
            Self::Search => "search",
            Self::ApplyPatch => "apply_patch",
            Self::WriteFile => "write_file",
        }
    }

    fn spec(self) -> Spec {
        let (description, required, properties) = match self {
            Self::Shell => shell::describe(),
            Self::Git => git::describe(),
            Self::ReadFile => read_file::describe(),
            Self::List => list::describe(),
            Self::Search => search::describe(),
            Self::ApplyPatch => apply_patch::describe(),
            Self::WriteFile => write_file::describe(),
        };
        let parameters = json!({
            "type": "object",
            "properties": properties,
            "required": required,
            "additionalProperties": false,
        });
        Spec { name: self.name(), description, parameters }
    }

    /// The arguments as an object: free-form text is the one argument of the one tool that takes it.
    fn arguments(self, call: &Call) -> Result<Value, Complaint> {
        if call.free_form && self == Self::ApplyPatch {
            return Ok(json!({ "patch": call.arguments }));
        }
        let text = if call.arguments.trim().is_empty() { "{}" } else { &call.arguments };
        match serde_json::from_str::<Value>(text) {
            Ok(value @ Value::Object(_)) => Ok(value),
            Ok(_) => Err(self.misunderstood("they are no JSON object")),
            Err(error) => Err(self.misunderstood(&format!("they are no JSON: {error}"))),
        }
    }

    fn misunderstood(self, why: &str) -> Complaint {
        let wanted = &self.spec().parameters["properties"];
        Complaint(format!(
            "the arguments of {} cannot be understood: {why}; expected {wanted}",
            self.name()
        ))
    }

    fn read<T: DeserializeOwned>(self, arguments: Value) -> Result<T, Complaint> {
        serde_json::from_value(arguments).map_err(|error| self.misunderstood(&error.to_string()))
    }

    async fn carry_out(
        self,
        bench: &Bench,
        arguments: Value,
    ) -> Result<(String, Effect), Complaint> {
        match self {
            Self::Shell => Ok((shell::run(bench, self.read(arguments)?).await?, Effect::Unknown)),
            Self::Git => Ok((git::run(bench, &self.read(arguments)?).await?, Effect::None)),
            Self::ReadFile => Ok((read_file::run(bench, &self.read(arguments)?)?, Effect::None)),
            Self::List => Ok((list::run(bench, &self.read(arguments)?)?, Effect::None)),
            Self::Search => Ok((search::run(bench, &self.read(arguments)?).await?, Effect::None)),
            Self::ApplyPatch => {
                Ok((apply_patch::run(bench, &self.read(arguments)?)?, Effect::Edited))
            }
            Self::WriteFile => {
                Ok((write_file::run(bench, &self.read(arguments)?)?, Effect::Edited))
            }
        }
    }
}

/// A tool's description, its required arguments, and the schema of all of them.
type Description = (String, Vec<&'static str>, Value);

/// The first and the last part of a text of more than `most` bytes, cut between characters, with what is missing.
pub(super) fn bounded(text: String, most: usize) -> String {
    if text.len() <= most {
        return text;
    }
    let start = (0..=most / 2).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let wanted = text.len() - most / 2;
    let end = (wanted..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
    format!("{}\n[{} bytes left out]\n{}", &text[..start], end - start, &text[end..])
}
