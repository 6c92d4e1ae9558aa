//! What an agent's turn did to the repository, judged by git, and what the checks said about it.

use serde::{Deserialize, Serialize};

/// State of a run's branch after a turn, relative to its base commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Full id of the head commit (everything is committed before this is taken).
    pub head: String,
    /// Paths changed between base and head, sorted.
    pub files: Vec<String>,
    /// Added lines.
    pub insertions: u64,
    /// Removed lines.
    pub deletions: u64,
    /// SHA-256 (hex) of the diff from base to head: equal digests mean no progress.
    pub diff_sha256: String,
}

impl Change {
    /// Whether nothing differs from the base.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// `3 files, +10 −2`.
    #[must_use]
    pub fn stat(&self) -> String {
        let noun = if self.files.len() == 1 { "file" } else { "files" };
        format!("{} {noun}, +{} −{}", self.files.len(), self.insertions, self.deletions)
    }
}

/// How one configured check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckStatus {
    /// Exit 0 on the head.
    Passed,
    /// Red on the head, green on the merge base: blocks.
    NewFailure,
    /// Red on the head and on the merge base with the same signature: reported, does not block.
    AlreadyFailing,
    /// Did not finish in its time on the head: blocks.
    TimedOut,
}

impl CheckStatus {
    /// Whether the change may not pass with it.
    #[must_use]
    pub fn blocks(self) -> bool {
        match self {
            Self::NewFailure | Self::TimedOut => true,
            Self::Passed | Self::AlreadyFailing => false,
        }
    }
}

/// One executed check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckResult {
    /// The command line as configured.
    pub command: String,
    /// How it ended.
    pub status: CheckStatus,
    /// Exit code on the head; absent when a signal or the deadline ended it.
    pub exit_code: Option<i32>,
    /// Bounded tail of its output on the head, secrets redacted.
    pub output: String,
    /// Milliseconds it took on the head.
    pub duration_ms: u64,
}

/// All checks of one round on one commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckReport {
    /// The commit they ran on.
    pub head: String,
    /// One entry per configured command, in order.
    pub results: Vec<CheckResult>,
}

impl CheckReport {
    /// Whether anything in it forbids delivery.
    #[must_use]
    pub fn blocks(&self) -> bool {
        self.results.iter().any(|result| result.status.blocks())
    }
}

/// Where a run works.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Workspace {
    /// Absolute path of the worktree.
    pub path: String,
    /// The run's branch.
    pub branch: String,
    /// The branch it started from and may be merged into.
    pub base_branch: String,
    /// The commit it started from.
    pub base_commit: String,
}

/// What delivering a run's branch did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Delivered {
    /// The branch was left for people to take.
    Branch {
        /// Name of the branch.
        branch: String,
        /// Its head commit.
        head: String,
    },
    /// The branch was merged into the base.
    Merge {
        /// Name of the base branch.
        base: String,
        /// The base's commit before.
        before: String,
        /// The base's commit after (the merge commit).
        after: String,
        /// A checkout of the base whose files were left as they were, and the command that brings it up to date.
        checkout: Option<String>,
    },
    /// The branch was pushed and is offered as a pull request.
    PullRequest {
        /// Which forge and repository, for people.
        forge: String,
        /// Name of the branch.
        branch: String,
        /// Its head commit.
        head: String,
        /// Number of the pull request there.
        number: u64,
        /// Where people look at it.
        url: String,
        /// Whether it is a draft.
        draft: bool,
    },
    /// There was nothing to deliver: the coder stated why no change is needed and the critic agreed.
    Nothing,
}
