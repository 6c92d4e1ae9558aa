//! Reading how a pull request stands, and what checks and people say about it.

use std::collections::BTreeMap;

use super::AzureForge;
use super::api::Answer;
use super::wire::{Comment, Identity, List, Pull, Status, Thread};
use crate::domain::pull_request::{
    CheckState, PullRequest, PullRequestState, RemoteCheck, RemoteReview, ReviewThread,
    ReviewVerdict,
};
use crate::domain::time::Timestamp;
use crate::forges::ForgeError;
use crate::forges::verdicts::{self, Said, one_line};
use crate::http::client::Verb;

impl AzureForge {
    pub(super) async fn read_all(&self, number: u64) -> Result<PullRequest, ForgeError> {
        let action = "read a pull request";
        let pull: Pull = match self.api.ask(&self.pull(Verb::Get, number), action).await? {
            Answer::Done(reply) => self.api.parsed(&reply)?,
            Answer::Gone(reason) | Answer::Invalid(reason) => {
                return Err(self.refusal(action, reason));
            }
        };
        let head = pull.last_merge_source_commit.as_ref().map(|it| it.commit_id.clone());
        let head = head.unwrap_or_default();
        let checks = self.checks(number, &head).await?;
        let request = self.of(Verb::Get, number, "threads");
        let threads: List<Thread> = self.api.have(&request, "read conversations").await?;
        let account = self.api.account().await?;
        let reviews = self.reviews(&pull, &threads.value, &account);
        let threads = threads.value.into_iter();
        let threads = threads.filter_map(|thread| self.thread(thread, &account)).collect();
        let state = Self::state(&pull);
        let mergeable = match (&state, pull.merge_status.as_deref()) {
            (PullRequestState::Open { .. }, Some("succeeded")) => Some(true),
            (PullRequestState::Open { .. }, Some("conflicts" | "failure" | "rejectedByPolicy")) => {
                Some(false)
            }
            _ => None,
        };
        Ok(PullRequest {
            number,
            url: self.page(number),
            branch: short(&pull.source_ref_name),
            base: short(&pull.target_ref_name),
            head,
            state,
            mergeable,
            checks,
            reviews,
            threads,
        })
    }

    /// Where people look at it.
    fn page(&self, number: u64) -> String {
        let part = |text: &str| text.replace('%', "%25").replace(' ', "%20");
        let settings = &self.settings;
        format!(
            "{}/{}/{}/_git/{}/pullrequest/{number}",
            settings.base_url.trim_end_matches('/'),
            part(&settings.organization),
            part(&settings.project),
            part(&settings.repository)
        )
    }

    /// Statuses of the pull request and of its head; of one name, the worse counts.
    async fn checks(&self, number: u64, head: &str) -> Result<Vec<RemoteCheck>, ForgeError> {
        let of_pull = self.of(Verb::Get, number, "statuses");
        let of_pull: List<Status> = self.api.have(&of_pull, "read statuses").await?;
        // Every post adds one: the newest of each name counts.
        let mut newest: BTreeMap<String, Status> = BTreeMap::new();
        for status in of_pull.value {
            let name = status.context.text();
            if newest.get(&name).is_none_or(|known| known.id <= status.id) {
                newest.insert(name, status);
            }
        }
        let of_head = match head.is_empty() {
            true => Vec::new(),
            false => self.statuses(head).await?,
        };
        let all = newest.into_values().chain(of_head).map(|status| RemoteCheck {
            name: status.context.text(),
            state: match status.state.as_str() {
                "succeeded" | "notApplicable" => CheckState::Passed,
                "failed" | "error" => CheckState::Failed,
                _ => CheckState::Pending,
            },
            url: status.target_url.filter(|url| !url.is_empty()),
            summary: one_line(&status.description.unwrap_or_default()),
        });
        Ok(verdicts::each_once(all))
    }

    fn reviews(&self, pull: &Pull, threads: &[Thread], account: &Identity) -> Vec<RemoteReview> {
        // When somebody voted is told by a conversation that the service has with itself.
        let mut voted: BTreeMap<&str, Timestamp> = BTreeMap::new();
        for comment in
            threads.iter().filter(|it| it.tells("VoteUpdate")).flat_map(|it| &it.comments)
        {
            if let Some(at) = comment.published_date.as_deref().and_then(Timestamp::from_rfc3339) {
                let known = voted.entry(&comment.author.id).or_insert(at);
                *known = at.max(*known);
            }
        }
        let opened = pull.creation_date.as_deref().and_then(Timestamp::from_rfc3339);
        let said = pull.reviewers.iter().filter_map(|it| {
            let who = it.who();
            let (verdict, text) = match it.vote {
                10 => (ReviewVerdict::Approved, "Approved"),
                5 => (ReviewVerdict::Approved, "Approved with suggestions"),
                -5 => (ReviewVerdict::ChangesRequested, "Waits for the author"),
                -10 => (ReviewVerdict::ChangesRequested, "Rejected"),
                _ => return None,
            };
            let at = voted.get(who.id.as_str()).copied().or(opened);
            (!who.is(&account.id)).then(|| RemoteReview {
                author: who.name(),
                trusted: self.trusts(&who),
                verdict,
                text: text.to_owned(),
                at: at.unwrap_or(Timestamp(0)),
            })
        });
        verdicts::newest(said)
    }

    fn thread(&self, thread: Thread, account: &Identity) -> Option<ReviewThread> {
        if thread.is_deleted {
            return None;
        }
        let is_said = |it: &Comment| !it.is_deleted && it.comment_type.as_deref() != Some("system");
        let said = thread.comments.into_iter().filter(is_said).map(|comment| Said {
            trusted: comment.author.is(&account.id) || self.trusts(&comment.author),
            author: comment.author.name(),
            text: comment.content.unwrap_or_default(),
        });
        let told = verdicts::told(said.collect(), 0)?;
        let context = thread.thread_context;
        let line = context.as_ref().and_then(|it| {
            it.right_file_start.as_ref().or(it.left_file_start.as_ref()).map(|it| it.line)
        });
        let file = context.and_then(|it| it.file_path);
        let status = thread.status.as_deref();
        Some(ReviewThread {
            id: thread.id.to_string(),
            file: file.map(|path| path.trim_start_matches('/').to_owned()),
            line,
            resolved: matches!(status, Some("fixed" | "wontFix" | "closed" | "byDesign")),
            author: told.author,
            trusted: told.trusted,
            text: told.text,
        })
    }

    fn trusts(&self, who: &Identity) -> bool {
        let name = who.unique_name.as_deref().unwrap_or_default().to_lowercase();
        self.settings.trusted.iter().map(|it| it.to_lowercase()).any(|it| {
            it == "*" || it == name || (it.starts_with('@') && it.len() > 1 && name.ends_with(&it))
        })
    }
}

impl Thread {
    /// Whether the service tells `kind` by it.
    fn tells(&self, kind: &str) -> bool {
        let told = self.properties.as_ref().and_then(|all| all.get("CodeReviewThreadType"));
        told.is_some_and(|it| it.value.as_str() == Some(kind))
    }
}

/// A branch without what all of them begin with.
fn short(name: &str) -> String {
    name.strip_prefix("refs/heads/").unwrap_or(name).to_owned()
}
