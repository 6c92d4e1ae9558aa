//! A change that is offered to people on a forge, and what forge and people say about it.

use serde::{Deserialize, Serialize};

use super::time::Timestamp;

/// Where a pull request stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum PullRequestState {
    /// People may look at it.
    Open {
        /// It is not ready to be merged.
        draft: bool,
    },
    /// It is in its base.
    Merged {
        /// The commit that the base got, if the forge says.
        commit: Option<String>,
    },
    /// Closed without having been merged.
    Closed,
}

/// How a check or a status of a commit stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckState {
    /// Not finished yet.
    Pending,
    /// Good, neutral or skipped.
    Passed,
    /// Failed, timed out, cancelled or in need of somebody.
    Failed,
}

/// A check that the forge, or a service behind it, ran on the head of a pull request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoteCheck {
    /// Its name there.
    pub name: String,
    /// How it stands.
    pub state: CheckState,
    /// Where people can read more.
    pub url: Option<String>,
    /// What it says of itself, in one bounded line. Untrusted text.
    pub summary: String,
}

/// What a reviewer thinks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReviewVerdict {
    /// Good as it is.
    Approved,
    /// Not like this.
    ChangesRequested,
    /// Only a remark.
    Commented,
}

/// The newest review of one person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoteReview {
    /// Who, as the forge names people.
    pub author: String,
    /// Whether that person may write to the repository.
    pub trusted: bool,
    /// What they think.
    pub verdict: ReviewVerdict,
    /// What they wrote, bounded. Untrusted text.
    pub text: String,
    /// When.
    pub at: Timestamp,
}

/// A conversation about a place in the change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviewThread {
    /// Its name there.
    pub id: String,
    /// The file, if it is about one.
    pub file: Option<String>,
    /// The line from 1, if it is about one.
    pub line: Option<u32>,
    /// Whether it is settled.
    pub resolved: bool,
    /// Who began it.
    pub author: String,
    /// Whether that person may write to the repository.
    pub trusted: bool,
    /// All of its comments, oldest first, bounded. Untrusted text.
    pub text: String,
}

/// A pull request as its forge has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PullRequest {
    /// Its number in the repository.
    pub number: u64,
    /// Where people look at it.
    pub url: String,
    /// The branch it brings.
    pub branch: String,
    /// The branch it wants to get into.
    pub base: String,
    /// The commit at the end of its branch.
    pub head: String,
    /// Where it stands.
    pub state: PullRequestState,
    /// Whether it could be merged; nothing while the forge does not know.
    pub mergeable: Option<bool>,
    /// Checks and statuses of its head, each name once, in the order of their names.
    pub checks: Vec<RemoteCheck>,
    /// The newest review of each person, in the order of their names.
    pub reviews: Vec<RemoteReview>,
    /// Conversations about it, oldest first.
    pub threads: Vec<ReviewThread>,
}
