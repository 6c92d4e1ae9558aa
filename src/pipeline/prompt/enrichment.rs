//! What goes into prompts beside the task: gathered by the daemon before each turn, typed, whole or left out.

use crate::domain::prompt_record::PromptSection;

/// What was gathered. What could not be is said, and the prompt does without it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Enrichment {
    /// Who the agents are to be, as the operator wrote it.
    pub soul: Option<String>,
    /// The repository's own rules for agents, from the base commit, in order of precedence.
    pub rules: Vec<RuleFile>,
    /// What earlier runs in the same repository came to, newest first.
    pub notes: Vec<SessionNote>,
    /// What a turn of the same round and stage that was cut short had done.
    pub handover: Option<Handover>,
    /// What could not be gathered, and why.
    pub unavailable: Vec<String>,
}

/// What a turn that was cut short had done, for the one that goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handover {
    /// Whether the agent goes on with the conversation of that turn, and so knows all of it.
    pub resumed: bool,
    /// Number of that turn.
    pub turn: u32,
    /// Its agent.
    pub agent: String,
    /// Why it was cut short, if anything but the daemon knows.
    pub reason: Option<String>,
    /// Tool calls it had made.
    pub tool_calls: u32,
    /// The last it had said, bounded and without secrets.
    pub said: String,
    /// What is committed of it, as git counts it, and the files.
    pub committed: Option<(String, Vec<String>)>,
}

/// One file of rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleFile {
    /// Its path in the repository.
    pub path: String,
    /// Its length in bytes.
    pub bytes: u64,
    /// Its text; absent when it is too large or no text, so that it is left out as a whole.
    pub text: Option<String>,
}

/// What one earlier run came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionNote {
    /// Short id of the run.
    pub run: String,
    /// The note.
    pub text: String,
}

impl Enrichment {
    /// The files that are left out whatever the budget, for the record.
    pub(super) fn left_out(&self) -> impl Iterator<Item = PromptSection> {
        self.rules.iter().filter(|rule| rule.text.is_none()).map(|rule| PromptSection {
            name: rule_section(&rule.path),
            bytes: rule.bytes,
            tokens: rule.bytes.div_ceil(4),
        })
    }
}

/// Name of the section with a file of rules.
pub(super) fn rule_section(path: &str) -> String {
    format!("Project rules: {path}")
}

/// Name of the section with the note of a run.
pub(super) fn note_section(run: &str) -> String {
    format!("Earlier run {run}")
}
