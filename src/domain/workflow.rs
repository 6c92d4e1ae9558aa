//! What a repository's own `WORKFLOW.md` asks of a run, as far as the operator lets it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::agent::Stage;
use super::run::StageSet;

/// A `WORKFLOW.md` that was read, checked, and put on top of what the operator configured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Workflow {
    /// The commit of the base branch that it is from.
    pub commit: String,
    /// How the stages are driven with it.
    pub stages: StageSet,
    /// Checks that it adds: only those that the operator lists.
    pub checks: Vec<String>,
    /// Templates of what the stages are told, instead of the built-in ones.
    pub prompts: BTreeMap<Stage, String>,
    /// What was not taken from it, and why; and why it is not the newest one, if it is not.
    pub remarks: Vec<String>,
}
