//! Reading how a pull request stands, and what checks and people say about it.

use serde_json::json;
use tracing::warn;

use super::GithubForge;
use super::api::Answer;
use super::documents;
use super::wire::{
    CheckRun, CheckRuns, Combined, Comment, Conversations, Pull, Review, Thread, User,
};
use crate::domain::pull_request::{
    CheckState, PullRequest, PullRequestState, RemoteCheck, RemoteReview, ReviewThread,
    ReviewVerdict,
};
use crate::domain::time::Timestamp;
use crate::forges::ForgeError;
use crate::forges::verdicts::{self, Said, one_line};
use crate::http::client::Verb;

/// Pages of conversations that are read, fifty in each.
const MOST_PAGES: usize = 10;

impl GithubForge {
    pub(super) async fn read_all(&self, number: u64) -> Result<PullRequest, ForgeError> {
        let action = "read a pull request";
        let request = self.api.below(Verb::Get, "pulls").below(&number);
        let pull: Pull = match self.api.ask(&request, action).await? {
            Answer::Done(reply) => self.api.parsed(&reply)?,
            Answer::Gone(reason) | Answer::Invalid(reason) => {
                return Err(self.refusal(action, reason));
            }
        };
        let checks = self.checks(&pull.head.sha).await?;
        let reviews = self.reviews(number).await?;
        let (threads, cannot) = self.threads(number).await?;
        let state = Self::state(&pull);
        let mergeable = match state {
            PullRequestState::Open { .. } if cannot => Some(false),
            PullRequestState::Open { .. } => pull.mergeable,
            PullRequestState::Merged { .. } | PullRequestState::Closed => None,
        };
        Ok(PullRequest {
            number: pull.number,
            url: pull.html_url,
            branch: pull.head.branch,
            base: pull.base.branch,
            head: pull.head.sha,
            state,
            mergeable,
            checks,
            reviews,
            threads,
        })
    }

    /// Both kinds that GitHub has; of one name, the worse counts.
    async fn checks(&self, commit: &str) -> Result<Vec<RemoteCheck>, ForgeError> {
        let below = |name: &str| self.api.below(Verb::Get, "commits").below(commit).below(name);
        let runs = below("check-runs").query("filter", "latest");
        let runs: Vec<CheckRuns> = self.api.pages(runs, "read checks").await?;
        let combined: Vec<Combined> = self.api.pages(below("status"), "read statuses").await?;
        let runs = runs.into_iter().flat_map(|page| page.check_runs).map(of_run);
        let statuses = combined.into_iter().flat_map(|page| page.statuses).map(|it| RemoteCheck {
            name: it.context,
            state: match it.state.as_str() {
                "success" => CheckState::Passed,
                "failure" | "error" => CheckState::Failed,
                _ => CheckState::Pending,
            },
            url: it.target_url.filter(|url| !url.is_empty()),
            summary: one_line(&it.description.unwrap_or_default()),
        });
        Ok(verdicts::each_once(runs.chain(statuses)))
    }

    async fn reviews(&self, number: u64) -> Result<Vec<RemoteReview>, ForgeError> {
        let login = self.api.login().await?;
        let request = self.api.below(Verb::Get, "pulls").below(&number).below("reviews");
        let pages: Vec<Vec<Review>> = self.api.pages(request, "read reviews").await?;
        let said = pages.into_iter().flatten().filter_map(|review| {
            let author = name_of(review.user.as_ref());
            let verdict = match review.state.to_uppercase().as_str() {
                "APPROVED" => ReviewVerdict::Approved,
                "CHANGES_REQUESTED" => ReviewVerdict::ChangesRequested,
                "COMMENTED" => ReviewVerdict::Commented,
                // Taken back, or not said yet.
                _ => return None,
            };
            let at = review.submitted_at.as_deref().and_then(Timestamp::from_rfc3339);
            Some(RemoteReview {
                trusted: self.trusts(&review.author_association),
                author,
                verdict,
                text: review.body.unwrap_or_default(),
                at: at.unwrap_or(Timestamp(0)),
            })
        });
        Ok(verdicts::newest(said.filter(|review| !review.author.eq_ignore_ascii_case(&login))))
    }

    /// The conversations, and whether it is known that a merge has conflicts.
    async fn threads(&self, number: u64) -> Result<(Vec<ReviewThread>, bool), ForgeError> {
        let login = self.api.login().await?;
        let (mut threads, mut cannot, mut after) = (Vec::new(), false, None::<String>);
        for _ in 0..MOST_PAGES {
            let variables = json!({
                "owner": self.settings.owner, "name": self.settings.repository, "number": number, "after": after,
            });
            let page: Option<Conversations> = self
                .api
                .graph(Verb::Search, documents::CONVERSATIONS, &variables, "read conversations")
                .await?;
            let Some(page) = page else {
                warn!(
                    forge.name = self.name,
                    "{} has no GraphQL, so conversations are not read", self.name
                );
                break;
            };
            let Some(pull) = page.repository.and_then(|it| it.pull_request) else { break };
            cannot = pull.merge_state_status == "DIRTY";
            let nodes = pull.review_threads.nodes.into_iter().flatten();
            threads.extend(nodes.filter_map(|thread| self.thread(thread, &login)));
            let more = pull.review_threads.page_info.filter(|it| it.has_next_page);
            after = more.and_then(|it| it.end_cursor);
            if after.is_none() {
                break;
            }
        }
        Ok((threads, cannot))
    }

    fn thread(&self, thread: Thread, login: &str) -> Option<ReviewThread> {
        let more = thread.comments.total_count.saturating_sub(thread.comments.nodes.len());
        let said = |comment: Comment| {
            let author = name_of(comment.author.as_ref());
            let is_ours = author.eq_ignore_ascii_case(login);
            let trusted = is_ours || self.trusts(&comment.author_association);
            Said { author, trusted, text: comment.body }
        };
        let said: Vec<Said> = thread.comments.nodes.into_iter().flatten().map(said).collect();
        let told = verdicts::told(&said, more)?;
        Some(ReviewThread {
            id: thread.id,
            file: thread.path,
            line: thread.line.or(thread.original_line),
            resolved: thread.is_resolved,
            author: told.author,
            trusted: told.trusted,
            text: told.text,
        })
    }

    fn trusts(&self, association: &str) -> bool {
        self.settings.trusted.iter().any(|it| it.eq_ignore_ascii_case(association))
    }
}

fn of_run(run: CheckRun) -> RemoteCheck {
    let state = match (run.status.as_str(), run.conclusion.as_deref()) {
        ("completed", Some("success" | "neutral" | "skipped")) => CheckState::Passed,
        ("completed", Some(_)) => CheckState::Failed,
        _ => CheckState::Pending,
    };
    let output = run.output.and_then(|it| it.title.or(it.summary)).unwrap_or_default();
    RemoteCheck { name: run.name, state, url: run.html_url, summary: one_line(&output) }
}

fn name_of(user: Option<&User>) -> String {
    // Accounts that are gone are shown as this one.
    user.map_or_else(|| "ghost".to_owned(), |user| user.login.clone())
}
