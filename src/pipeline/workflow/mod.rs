//! `WORKFLOW.md`: what a repository says about how it is worked on. YAML front matter and a prompt, as Symphony has it.
//!
//! It is read on top of what the operator configured and within what the operator allows: it can tell the stages what to
//! do, switch stages on, and choose among the configured agents. It cannot switch a gate off that the operator wants, and
//! a command in it counts only when the operator lists it. What is known and not followed is remarked upon; what cannot be
//! understood is a mistake, and then nothing of the file counts.

mod front_matter;
mod stages;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::domain::agent::Stage;
use crate::domain::run::{StageSet, WorkflowPermission};
use crate::domain::workflow::Workflow;
use crate::locale::template::{Template, TemplateError};

use super::prompt::workflow::sample;
use front_matter::{Content, Node};

/// Name of the file, at the top of the repository.
pub const FILE: &str = "WORKFLOW.md";

/// Largest file that is read.
pub const MAX_BYTES: u64 = 64 * 1024;

/// What belongs to Symphony's tracker, workspace and daemon: known, and the operator's here.
const OPERATORS: [&str; 5] = ["tracker", "polling", "workspace", "hooks", "agent"];

/// What the file is read on top of.
#[derive(Debug, Clone, Copy)]
pub struct Operator<'a> {
    /// How the stages are driven without it.
    pub stages: &'a StageSet,
    /// What it may do.
    pub permission: &'a WorkflowPermission,
    /// Names of the configured agents.
    pub agents: &'a BTreeSet<String>,
}

/// Something in the file that cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// Line, from 1.
    pub line: usize,
    /// Character in that line, from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What would be right, if that is known.
    pub hint: Option<String>,
}

impl fmt::Display for Mistake {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{FILE}:{}:{}: {}", self.line, self.column, self.message)?;
        match &self.hint {
            Some(hint) => write!(formatter, " ({hint})"),
            None => Ok(()),
        }
    }
}

/// All mistakes as one sentence.
#[must_use]
pub fn sentence(mistakes: &[Mistake]) -> String {
    mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// Reads the file as `commit` has it.
///
/// # Errors
/// Every mistake in it.
pub fn read(text: &str, commit: &str, operator: &Operator<'_>) -> Result<Workflow, Vec<Mistake>> {
    let (front, body, body_line) = split(text)?;
    let mut reader = Reader {
        operator: *operator,
        workflow: Workflow {
            commit: commit.to_owned(),
            stages: operator.stages.clone(),
            checks: Vec::new(),
            prompts: BTreeMap::new(),
            remarks: Vec::new(),
        },
        mistakes: Vec::new(),
    };
    if let Some(front) = front {
        reader.top(&front_matter::read(front)?);
    }
    if !body.trim().is_empty() {
        reader.prompt(Stage::Coder, body, (body_line, 1));
    }
    if reader.mistakes.is_empty() { Ok(reader.workflow) } else { Err(reader.mistakes) }
}

/// Front matter, prompt, and the line where the prompt begins.
fn split(text: &str) -> Result<(Option<&str>, &str, usize), Vec<Mistake>> {
    let Some(rest) = text.strip_prefix("---\n").or_else(|| text.strip_prefix("---\r\n")) else {
        return Ok((None, text, 1));
    };
    let mut offset = 0;
    for (index, line) in rest.split_inclusive('\n').enumerate() {
        if line.trim_end() == "---" {
            return Ok((Some(&rest[..offset]), &rest[offset + line.len()..], index + 3));
        }
        offset += line.len();
    }
    let message = "the front matter has no end".to_owned();
    let hint = Some("close it with a line `---`".to_owned());
    Err(vec![Mistake { line: 1, column: 1, message, hint }])
}

struct Reader<'a> {
    operator: Operator<'a>,
    workflow: Workflow,
    mistakes: Vec<Mistake>,
}

impl Reader<'_> {
    fn top(&mut self, node: &Node) {
        let entries = match &node.content {
            Content::Map(entries) => entries,
            Content::Nothing => return,
            Content::Text(_) | Content::List(_) => {
                return self.wrong(node, "the front matter is no map".to_owned(), None);
            }
        };
        for (key, value) in entries {
            match key.text() {
                "stages" => self.stages(value),
                "checks" => self.checks(value),
                "codex" => self.codex(value),
                known if OPERATORS.contains(&known) => {
                    self.remark(
                        key,
                        &format!("`{known}` is the operator's to say, and not followed"),
                    );
                }
                other => self.remark(key, &format!("`{other}` is not known, and not followed")),
            }
        }
    }

    /// Commands are taken only from the operator's list.
    fn checks(&mut self, node: &Node) {
        let Content::List(items) = &node.content else {
            return self.wrong(node, "`checks` is no list".to_owned(), None);
        };
        for item in items {
            let command = item.text().to_owned();
            if self.operator.permission.commands.contains(&command) {
                self.workflow.checks.push(command);
            } else {
                let why = "the operator's `workflow_commands` do not list it";
                self.remark(item, &format!("`{command}` is never run: {why}"));
            }
        }
    }

    /// The one setting of Symphony's agent that means something here; its command is not run.
    fn codex(&mut self, node: &Node) {
        let Content::Map(entries) = &node.content else {
            return self.wrong(node, "`codex` is no map".to_owned(), None);
        };
        for (key, value) in entries {
            match key.text() {
                "turn_timeout_ms" => {
                    if let Some(silence) = self.milliseconds(value) {
                        self.workflow.stages.coder.silence_ms = silence;
                    }
                }
                other => {
                    self.remark(
                        key,
                        &format!("`codex.{other}` is the operator's to say, and not followed"),
                    );
                }
            }
        }
    }

    fn prompt(&mut self, stage: Stage, text: &str, at: (usize, usize)) {
        if self.workflow.prompts.contains_key(&stage) {
            let message = format!("the {} has two prompts: here and above", stage.word());
            return self.mistakes.push(Mistake { line: at.0, column: at.1, message, hint: None });
        }
        let read = Template::parse(text).and_then(|template| template.check(&sample()));
        if let Err(TemplateError { line, column, message, hint }) = read {
            let line = at.0 + line - 1;
            return self.mistakes.push(Mistake { line, column, message, hint });
        }
        self.workflow.prompts.insert(stage, text.trim().to_owned());
    }

    fn wrong(&mut self, node: &Node, message: String, hint: Option<String>) {
        self.mistakes.push(Mistake { line: node.line, column: node.column, message, hint });
    }

    fn remark(&mut self, node: &Node, text: &str) {
        self.workflow.remarks.push(format!("line {}: {text}", node.line));
    }
}

#[cfg(test)]
mod tests;
