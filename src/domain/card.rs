//! What people see of a run, or of an operator lane, at its work item.

use serde::{Deserialize, Serialize};

use super::ids::RunId;

/// The standing of one run, or of an operator lane, for the tracker that its item came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunCard {
    /// Which run; absent when an operator lane has the item.
    pub run: Option<RunId>,
    /// Markdown, readable on a phone. Everything in it that agents or people wrote is neutralised.
    pub text: String,
    /// The change is made and its checks have passed (seed 001: `implementationComplete`).
    pub implementation_complete: bool,
    /// The critic has approved it (seed 001: `reviewPassed`).
    pub review_passed: bool,
    /// The branch that has the change, once there is one for people to look at.
    #[serde(default)]
    pub branch: Option<String>,
    /// Address of the pull request, if there is one.
    #[serde(default)]
    pub pull_request: Option<String>,
    /// What speaks for the change, as Markdown: criteria, checks, verdicts, findings. Only once the run is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
}
