//! A change that is offered to people on a forge, and what forge and people say about it.

use serde::{Deserialize, Serialize};

use super::bounds::first_chars;
use super::ids::{ProjectId, RunId};
use super::time::Timestamp;

/// Checks, reviews and conversations of each kind that are kept of one reading.
const MOST_KEPT: usize = 50;

/// Characters of a review, a conversation or a check's summary that are kept.
const KEPT_CHARS: usize = 2_000;

/// How a project offers its changes; a run keeps what holds when it starts.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct OfferPlan {
    /// Open pull requests as drafts.
    pub draft: bool,
    /// Path in the repository of a text that every pull request ends with; the usual places when absent.
    pub template: Option<String>,
    /// Accounts or teams that shall look at them, as the forge names them.
    pub reviewers: Vec<String>,
    /// Labels to put on them.
    pub labels: Vec<String>,
}

/// How a run offers its change, and what it goes on with.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Offering {
    /// What its pull request is given.
    pub plan: OfferPlan,
    /// The pull request that it goes on with.
    pub continues: Option<Box<Offer>>,
    /// What people and checks hold against that.
    pub feedback: Option<Box<Feedback>>,
}

/// A pull request of ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// The run that opened it, or brought it up to date last.
    pub run: RunId,
    /// The runs that did so before.
    #[serde(default)]
    pub earlier: Vec<RunId>,
    /// The project, and with it the forge.
    pub project: ProjectId,
    /// Which forge and repository, for people.
    pub forge: String,
    /// Its number there.
    pub number: u64,
    /// Where people look at it.
    pub url: String,
    /// The branch it brings.
    pub branch: String,
    /// The commit that its branch started from.
    pub base_commit: String,
    /// The commit that was approved and pushed.
    pub head: String,
}

impl Offer {
    /// The runs that worked on it, oldest first.
    #[must_use]
    pub fn runs(&self) -> Vec<RunId> {
        self.earlier.iter().chain([&self.run]).copied().collect()
    }
}

/// A pull request of ours, and how it stood when it was last read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offered {
    /// The pull request.
    pub offer: Offer,
    /// As its forge had it, since it was last brought up to date by us.
    pub seen: Option<PullRequest>,
    /// What people had said when it was brought up to date: standing there still, it is not news.
    #[serde(default)]
    pub answered: Feedback,
}

impl Offered {
    /// What follows on `before` when a run has offered its change.
    #[must_use]
    pub fn now(offer: Offer, before: Option<&Self>) -> Self {
        let same = before.filter(|before| before.offer.number == offer.number);
        let said = same.and_then(|before| before.seen.as_ref()).map(Feedback::of);
        // Checks are of a commit, and this is another one.
        let answered = Feedback { checks: Vec::new(), ..said.unwrap_or_default() };
        Self { offer, seen: None, answered }
    }

    /// What was wanted when it was last looked at.
    #[must_use]
    pub fn known(&self) -> Feedback {
        self.seen.as_ref().map_or_else(|| self.answered.clone(), Feedback::of)
    }

    /// Whether it waits for people, as far as we know.
    #[must_use]
    pub fn is_open(&self) -> bool {
        match self.seen.as_ref().map(|seen| &seen.state) {
            Some(PullRequestState::Merged { .. } | PullRequestState::Closed) => false,
            Some(PullRequestState::Open { .. }) | None => true,
        }
    }

    /// Whether it was closed without having been merged.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.seen.as_ref().is_some_and(|seen| seen.state == PullRequestState::Closed)
    }
}

/// What people and checks hold against a pull request: what a run that goes on with it has to answer. Only people who may
/// write to the repository are heard; the texts are foreign all the same.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Feedback {
    /// The pull request.
    pub url: String,
    /// Reviews that ask for changes.
    pub reviews: Vec<RemoteReview>,
    /// Conversations that are not settled.
    pub threads: Vec<ReviewThread>,
    /// Checks that failed.
    pub checks: Vec<RemoteCheck>,
    /// Reviews and conversations of people who are not trusted: nobody is shown what they say.
    pub left_out: u32,
}

impl Feedback {
    /// What there is to answer at a pull request.
    #[must_use]
    pub fn of(pull_request: &PullRequest) -> Self {
        let asks = |review: &&RemoteReview| review.verdict == ReviewVerdict::ChangesRequested;
        let open = |thread: &&ReviewThread| !thread.resolved;
        let reviews = pull_request.reviews.iter().filter(asks);
        let threads = pull_request.threads.iter().filter(open);
        let strangers = reviews.clone().filter(|review| !review.trusted).count()
            + threads.clone().filter(|thread| !thread.trusted).count();
        let failed = pull_request.checks.iter().filter(|check| check.state == CheckState::Failed);
        Self {
            url: pull_request.url.clone(),
            reviews: reviews.filter(|review| review.trusted).cloned().collect(),
            threads: threads.filter(|thread| thread.trusted).cloned().collect(),
            checks: failed.cloned().collect(),
            left_out: u32::try_from(strangers).unwrap_or(u32::MAX),
        }
    }

    /// Whether nobody who counts wants anything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.reviews.is_empty() && self.threads.is_empty() && self.checks.is_empty()
    }

    /// What is wanted, in a few words.
    #[must_use]
    pub fn words(&self) -> Vec<String> {
        let counted = |number: usize, one: &str, many: &str| {
            (number > 0).then(|| format!("{number} {}", if number == 1 { one } else { many }))
        };
        let names = self.reviews.iter().map(|review| review.author.as_str());
        let names = names.collect::<Vec<_>>().join(", ");
        let asked = (!names.is_empty()).then(|| format!("changes requested by {names}"));
        let threads = counted(self.threads.len(), "open conversation", "open conversations");
        let checks = counted(self.checks.len(), "failed check", "failed checks");
        [asked, threads, checks].into_iter().flatten().collect()
    }
}

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

impl PullRequest {
    /// The same with as much of what others wrote as is kept in an event.
    #[must_use]
    pub fn bounded(mut self) -> Self {
        self.checks.truncate(MOST_KEPT);
        self.reviews.truncate(MOST_KEPT);
        // The newest conversations are what is new.
        let older = self.threads.len().saturating_sub(MOST_KEPT);
        self.threads.drain(..older);
        for check in &mut self.checks {
            check.summary = first_chars(&check.summary, KEPT_CHARS);
        }
        for review in &mut self.reviews {
            review.text = first_chars(&review.text, KEPT_CHARS);
        }
        for thread in &mut self.threads {
            thread.text = first_chars(&thread.text, KEPT_CHARS);
        }
        self
    }

    /// How it stands, in a few words.
    #[must_use]
    pub fn words(&self) -> String {
        let state = match &self.state {
            PullRequestState::Open { draft: true } => "a draft",
            PullRequestState::Open { draft: false } => "open",
            PullRequestState::Merged { .. } => "merged",
            PullRequestState::Closed => "closed without having been merged",
        };
        let approved = self
            .reviews
            .iter()
            .filter(|review| review.trusted && review.verdict == ReviewVerdict::Approved);
        let approved: Vec<&str> = approved.map(|review| review.author.as_str()).collect();
        let mut words = vec![state.to_owned()];
        if let PullRequestState::Open { .. } = self.state {
            words.extend((self.mergeable == Some(false)).then(|| "cannot be merged".to_owned()));
            words.extend(
                (!approved.is_empty()).then(|| format!("approved by {}", approved.join(", "))),
            );
            words.extend(Feedback::of(self).words());
        }
        words.join(", ")
    }
}

#[cfg(test)]
mod tests;
