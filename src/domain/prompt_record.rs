//! What an agent was given, as it is recorded: names and sizes, not the text.

use serde::{Deserialize, Serialize};

/// One section of a prompt and its size.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromptSection {
    /// Its name, the same in every language.
    pub name: String,
    /// Its length in bytes.
    pub bytes: u64,
    /// Its estimated length in tokens.
    pub tokens: u64,
}

/// Which part of a prompt was given, and which had to be left out.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PromptRecord {
    /// SHA-256 (hex) of the prompt as sent.
    pub sha256: String,
    /// Its length in bytes.
    pub bytes: u64,
    /// Its estimated length in tokens.
    #[serde(default)]
    pub tokens: u64,
    /// The sections included, in order.
    pub sections: Vec<PromptSection>,
    /// The sections and files left out because the budget was used up.
    pub omitted: Vec<PromptSection>,
    /// What could not be gathered, and why: the prompt did without it.
    #[serde(default)]
    pub unavailable: Vec<String>,
}

impl PromptRecord {
    /// Names of the sections included, in order.
    #[must_use]
    pub fn included_names(&self) -> Vec<&str> {
        self.sections.iter().map(|section| section.name.as_str()).collect()
    }

    /// Names of what was left out, in order.
    #[must_use]
    pub fn omitted_names(&self) -> Vec<&str> {
        self.omitted.iter().map(|section| section.name.as_str()).collect()
    }
}
