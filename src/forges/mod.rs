//! Where branches and pull requests live: the repository that people look at.
//!
//! Responsible for bringing an approved commit there, offering it as a pull request, and reading what people and checks
//! say about it. Every operation looks before it writes, so asking again after a crash at any point changes nothing.
//! Never merges, never deletes, never overwrites a branch that has commits of others, and never touches a pull request
//! that is not ours.

pub mod address;
pub mod azure_repos;
pub mod command;
pub mod git;
pub mod github;
pub mod in_memory;
pub mod remote;

mod marker;
mod refusal;
mod verdicts;

#[cfg(test)]
#[path = "../../tests/it/support/bench.rs"]
#[expect(unreachable_pub, reason = "shared with the integration tests")]
mod bench;
#[cfg(test)]
mod contract;

use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use thiserror::Error;

use crate::domain::failure::{Failure, FailureClass};
use crate::domain::ids::{ItemId, RunId};
use crate::domain::pull_request::{CheckState, PullRequest};

/// UTF-16 units of a pull request's text that most forges take: GitHub's 65,536 less room for a mark.
pub const LONGEST_BODY: usize = 64_000;

/// A repository on a forge: one per project.
#[async_trait]
pub trait Forge: Send + Sync {
    /// Which forge and repository, for people (`github owner/name`).
    fn name(&self) -> &str;

    /// How long the text of a pull request may be there, in UTF-16 units.
    fn longest_body(&self) -> usize {
        LONGEST_BODY
    }

    /// Brings a commit to a branch there: makes the branch, or moves it forward. A branch that is not ours, or has a
    /// commit that is not, is left as it is.
    ///
    /// # Errors
    /// [`ForgeError::ForeignBranch`] when somebody else's commits are there; otherwise when nothing was pushed.
    async fn push(&self, push: &Push) -> Result<Pushed, ForgeError>;

    /// Offers a pushed branch as a pull request, or finds the one that was opened before (by head branch and the
    /// marker in its text) and brings title, text, reviewers, labels and links up to date.
    ///
    /// # Errors
    /// [`ForgeError::ForeignPullRequest`] when the branch has one that is not ours; otherwise when it is not there as
    /// wished. Asking again is always safe.
    async fn open(&self, wish: &PullRequestWish) -> Result<PullRequest, ForgeError>;

    /// How a pull request stands, with its checks, reviews and threads.
    ///
    /// # Errors
    /// When it cannot be read.
    async fn read(&self, number: u64) -> Result<PullRequest, ForgeError>;

    /// Whether it answers and takes the credentials for reading. Nothing is written.
    ///
    /// # Errors
    /// When it does not.
    async fn probe(&self) -> Result<(), ForgeError> {
        // No pull request has this number: an answer that says so comes from a forge that has let us in.
        match self.read(0).await {
            Ok(_) | Err(ForgeError::Refused { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Puts a status on a commit; the same name replaces what it said before.
    ///
    /// # Errors
    /// When it is not there.
    async fn report(&self, status: &CommitStatus) -> Result<(), ForgeError>;
}

/// A commit that shall be on the forge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Push {
    /// The run that made it: its commits carry this run's trailer.
    pub run: RunId,
    /// Earlier runs whose branch it goes on with; their commits are ours too.
    pub earlier: Vec<RunId>,
    /// The local repository that has it.
    pub repository: PathBuf,
    /// The branch there, without `refs/heads/`.
    pub branch: String,
    /// The commit.
    pub head: String,
    /// The commit that the run started from; everything after it must be ours.
    pub base_commit: String,
}

impl Push {
    /// Whether `run` is one of those whose commits may be there.
    #[must_use]
    pub fn is_ours(&self, run: RunId) -> bool {
        self.run == run || self.earlier.contains(&run)
    }
}

/// What became of a push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushed {
    /// The branch was at that commit already.
    pub already: bool,
}

/// A pull request as it shall be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullRequestWish {
    /// The run that it is for; its text carries a marker of it.
    pub run: RunId,
    /// Earlier runs of its item; a pull request with the marker of one of them is gone on with.
    pub earlier: Vec<RunId>,
    /// The item that it is for.
    pub item: ItemId,
    /// The pushed branch.
    pub branch: String,
    /// The commit it must be at.
    pub head: String,
    /// The branch it shall get into.
    pub base: String,
    /// One line.
    pub title: String,
    /// Markdown; what agents and people wrote in it is neutralised.
    pub body: String,
    /// Open it as a draft.
    pub draft: bool,
    /// Accounts or teams that shall look at it, as the forge names them.
    pub reviewers: Vec<String>,
    /// Labels to put on it.
    pub labels: Vec<String>,
}

impl PullRequestWish {
    /// Whether a pull request that carries the marker of `run` is the one that is wished for.
    #[must_use]
    pub fn is_ours(&self, run: RunId) -> bool {
        self.run == run || self.earlier.contains(&run)
    }
}

/// What shall stand at a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitStatus {
    /// The commit.
    pub commit: String,
    /// Its name, unique on the commit (`enact-factory/critic`).
    pub name: String,
    /// How it stands.
    pub state: CheckState,
    /// One bounded line.
    pub summary: String,
    /// Where people can read more.
    pub url: Option<String>,
}

/// Why a forge could not be read or written.
#[derive(Debug, Error)]
pub enum ForgeError {
    /// The branch there has commits that are not the run's.
    #[error(
        "branch `{branch}` of {forge} has commits that are not the factory's ({commit}), so it was left alone"
    )]
    ForeignBranch {
        /// Which forge.
        forge: String,
        /// Which branch.
        branch: String,
        /// The first such commit.
        commit: String,
    },
    /// The branch has a pull request that somebody else opened.
    #[error("branch `{branch}` of {forge} has the pull request {number} of somebody else")]
    ForeignPullRequest {
        /// Which forge.
        forge: String,
        /// Which branch.
        branch: String,
        /// Its number.
        number: u64,
    },
    /// The forge wants to be left alone for a while.
    #[error("{forge} wants to be left alone for {} s", wait.as_secs().max(1))]
    Limited {
        /// Which forge.
        forge: String,
        /// For how long from now.
        wait: Duration,
    },
    /// The credentials are not accepted, or may not do this.
    #[error("{forge} refuses the credentials: {reason} ({hint})")]
    Credentials {
        /// Which forge.
        forge: String,
        /// What it says.
        reason: String,
        /// What to do about it.
        hint: String,
    },
    /// The forge refuses what was asked; asking the same again is of no use.
    #[error("{forge} refuses to {action}: {reason}")]
    Refused {
        /// Which forge.
        forge: String,
        /// What was tried, as a verb phrase.
        action: String,
        /// What it says.
        reason: String,
    },
    /// The forge is out of reach.
    #[error("{forge} is out of reach: {reason}")]
    Unavailable {
        /// Which forge.
        forge: String,
        /// Why.
        reason: String,
    },
    /// We are shutting down.
    #[error("cancelled")]
    Cancelled,
}

impl ForgeError {
    /// The failure in the terms that drive retries, with the sentence people read.
    #[must_use]
    pub fn failure(&self) -> Failure {
        let class = match self {
            Self::ForeignBranch { .. } | Self::ForeignPullRequest { .. } | Self::Refused { .. } => {
                FailureClass::Configuration
            }
            Self::Credentials { .. } => FailureClass::Authentication,
            Self::Limited { .. } => FailureClass::Throttled { until: None },
            Self::Unavailable { .. } => FailureClass::Infrastructure,
            Self::Cancelled => FailureClass::Cancelled,
        };
        Failure::new(class, self.to_string())
    }

    /// For how long the forge wants to be left alone, if that is why.
    #[must_use]
    pub fn wait(&self) -> Option<Duration> {
        match self {
            Self::Limited { wait, .. } => Some(*wait),
            Self::ForeignBranch { .. }
            | Self::ForeignPullRequest { .. }
            | Self::Credentials { .. }
            | Self::Refused { .. }
            | Self::Unavailable { .. }
            | Self::Cancelled => None,
        }
    }
}
