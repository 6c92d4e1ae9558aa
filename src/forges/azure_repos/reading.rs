//! Reading how a pull request stands, and what checks and people say about it.

use std::collections::BTreeMap;

use super::AzureForge;
use super::api::Answer;
use super::wire::{Comment, Evaluation, Identity, List, Pull, Status, Thread};
use crate::domain::pull_request::{
    CheckState, PullRequest, PullRequestState, RemoteCheck, RemoteReview, ReviewThread,
    ReviewVerdict,
};
use crate::domain::time::Timestamp;
use crate::forges::ForgeError;
use crate::forges::verdicts::{self, Said, one_line};
use crate::http::client::Verb;

/// The kind of policy that wants a build.
const BUILD: &str = "0609b952-1397-4640-95ec-e00a01b2c241";

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
        let checks = self.checks(&pull, &head).await?;
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
        let repository = escaped(&self.settings.repository);
        self.below_project(&format!("_git/{repository}/pullrequest/{number}"))
    }

    fn below_project(&self, place: &str) -> String {
        let settings = &self.settings;
        let base = settings.base_url.trim_end_matches('/');
        format!("{base}/{}/{}/{place}", escaped(&settings.organization), escaped(&settings.project))
    }

    /// Builds that a policy of the base branch wants, statuses of the pull request, and those of its head; of one name,
    /// the worse counts.
    async fn checks(&self, pull: &Pull, head: &str) -> Result<Vec<RemoteCheck>, ForgeError> {
        let number = pull.pull_request_id;
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
        Ok(verdicts::each_once(all.chain(self.builds(pull).await?)))
    }

    async fn builds(&self, pull: &Pull) -> Result<Vec<RemoteCheck>, ForgeError> {
        let Some(project) = &pull.repository.project else { return Ok(Vec::new()) };
        let (project, number) = (&project.id, pull.pull_request_id);
        let artifact = format!("vstfs:///CodeReview/CodeReviewId/{project}/{number}");
        // It has been a preview in every version so far.
        let version = format!("{}-preview.1", self.settings.api_version);
        let request = self.api.project(Verb::Get, &["policy", "evaluations"]);
        let request = request.query("artifactId", &artifact).query("api-version", &version);
        let list: List<Evaluation> = match self.api.ask(&request, "read policies").await? {
            Answer::Done(reply) => self.api.parsed(&reply)?,
            Answer::Gone(_) | Answer::Invalid(_) => return Ok(Vec::new()),
        };
        let builds = list.value.into_iter();
        let builds = builds.filter(|it| it.configuration.kind.id.eq_ignore_ascii_case(BUILD));
        Ok(builds.map(|it| self.build(it)).collect())
    }

    fn build(&self, evaluation: Evaluation) -> RemoteCheck {
        let context = evaluation.context.unwrap_or_default();
        let called = evaluation.configuration.settings.display_name;
        let name = called.filter(|name| !name.is_empty()).or(context.build_definition_name);
        let state = match evaluation.status.as_str() {
            // What was built is no longer what would be merged.
            _ if context.is_expired => CheckState::Pending,
            "approved" | "notApplicable" => CheckState::Passed,
            "rejected" | "broken" => CheckState::Failed,
            _ => CheckState::Pending,
        };
        let page = |id: u64| self.below_project(&format!("_build/results?buildId={id}"));
        RemoteCheck {
            name: name.unwrap_or_else(|| "build".to_owned()),
            state,
            url: context.build_id.map(page),
            summary: format!("build policy: {}", one_line(&evaluation.status)),
        }
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
        let told = verdicts::told(&said.collect::<Vec<_>>(), 0)?;
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

/// Part of an address.
fn escaped(text: &str) -> String {
    text.replace('%', "%25").replace(' ', "%20")
}
