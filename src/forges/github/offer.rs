//! Opening a pull request, or finding the one that was opened before and bringing it up to date.

use serde_json::{Value, json};
use tracing::warn;

use super::api::Answer;
use super::documents;
use super::wire::{Pull, Ref, Review};
use super::{GithubForge, MOST};
use crate::domain::pull_request::PullRequestState;
use crate::forges::marker::{Mark, Shown};
use crate::forges::{ForgeError, PullRequestWish};
use crate::http::client::Verb;

/// What became of a wish for a new one.
enum Created {
    Made(Box<Pull>),
    /// There is one: it was opened since we looked.
    Exists,
}

impl GithubForge {
    /// Sees to the pull request of `wish`; its number.
    pub(super) async fn offer(&self, wish: &PullRequestWish) -> Result<u64, ForgeError> {
        for _ in 0..2 {
            if let Some((pull, mark)) = self.found(wish).await? {
                if pull.is_open() {
                    self.check_branch(wish).await?;
                    self.update(wish, &pull, &mark).await?;
                }
                return Ok(pull.number);
            }
            self.check_branch(wish).await?;
            match self.create(wish).await? {
                Created::Made(pull) => {
                    self.dress(wish, &pull).await?;
                    return Ok(pull.number);
                }
                Created::Exists => {}
            }
        }
        let reason = format!("branch `{}` has a pull request that it does not show", wish.branch);
        Err(self.unavailable(reason))
    }

    /// The run's pull request on the branch: the open one, else the newest.
    async fn found(&self, wish: &PullRequestWish) -> Result<Option<(Pull, Mark)>, ForgeError> {
        let login = self.api.login().await?;
        let head = format!("{}:{}", self.settings.owner, wish.branch);
        let request = self.api.below(Verb::Get, "pulls").query("head", &head);
        let request = request.query("state", "all");
        let pages: Vec<Vec<Pull>> = self.api.pages(request, "find pull requests").await?;
        let mut best: Option<(Pull, Mark)> = None;
        for pull in pages.into_iter().flatten().filter(|pull| pull.head.branch == wish.branch) {
            let is_author =
                pull.user.as_ref().is_some_and(|user| user.login.eq_ignore_ascii_case(&login));
            let mark = pull.body.as_deref().and_then(|it| self.signer.verified(it, &wish.branch));
            let ours = mark.filter(|mark| is_author && wish.is_ours(mark.run));
            let Some(mark) = ours else {
                if pull.is_open() {
                    return Err(ForgeError::ForeignPullRequest {
                        forge: self.name.clone(),
                        branch: wish.branch.clone(),
                        number: pull.number,
                    });
                }
                continue;
            };
            let key = |pull: &Pull| (pull.is_open(), pull.number);
            if best.as_ref().is_none_or(|(known, _)| key(known) < key(&pull)) {
                best = Some((pull, mark));
            }
        }
        Ok(best)
    }

    /// The branch is where the wish says.
    async fn check_branch(&self, wish: &PullRequestWish) -> Result<(), ForgeError> {
        let request = self.api.below(Verb::Get, "git/ref").below(&format!("heads/{}", wish.branch));
        let at = match self.api.ask(&request, "read a branch").await? {
            Answer::Done(reply) => self.api.parsed::<Ref>(&reply)?.object.sha,
            Answer::Gone(_) | Answer::Invalid(_) => "nothing".to_owned(),
        };
        match at == wish.head {
            true => Ok(()),
            false => Err(self
                .unavailable(format!("branch `{}` is at {at}, not at {}", wish.branch, wish.head))),
        }
    }

    async fn create(&self, wish: &PullRequestWish) -> Result<Created, ForgeError> {
        let action = "open a pull request";
        let Shown { title, text } = self.signer.fresh(wish, MOST);
        let mut draft = wish.draft;
        loop {
            let request = self.api.below(Verb::Post, "pulls").json(&json!({
                "title": title, "head": wish.branch, "base": wish.base, "body": text, "draft": draft,
            }));
            let reason = match self.api.ask(&request, action).await? {
                Answer::Done(reply) => {
                    return Ok(Created::Made(Box::new(self.api.parsed(&reply)?)));
                }
                Answer::Gone(reason) => return Err(self.refusal(action, reason)),
                Answer::Invalid(reason) => reason,
            };
            let lower = reason.to_lowercase();
            if lower.contains("already exists") {
                return Ok(Created::Exists);
            }
            if draft && lower.contains("draft pull requests are not supported") {
                warn!(forge.name = self.name, "{} has no drafts: it is opened as ready", self.name);
                draft = false;
                continue;
            }
            return match lower.contains("head is invalid") {
                true => Err(self.unavailable(format!("branch `{}` is not there", wish.branch))),
                false => Err(self.refusal(action, reason)),
            };
        }
    }

    async fn update(
        &self,
        wish: &PullRequestWish,
        pull: &Pull,
        mark: &Mark,
    ) -> Result<(), ForgeError> {
        let now = Shown { title: pull.title.clone(), text: pull.body.clone().unwrap_or_default() };
        let wished = self.signer.updated(wish, &now, mark, MOST);
        if !wished.says(&now) {
            let request = self.api.below(Verb::Patch, "pulls").below(&pull.number);
            let request = request.json(&json!({ "title": wished.title, "body": wished.text }));
            let _pull: Pull = self.api.have(&request, "change a pull request").await?;
        }
        self.dress(wish, pull).await?;
        if pull.draft == wish.draft {
            return Ok(());
        }
        let (document, action) = match wish.draft {
            true => (documents::DRAFT, "make a draft of a pull request"),
            false => (documents::READY, "make a pull request ready"),
        };
        let variables = json!({ "id": pull.node_id });
        let done: Result<Option<Value>, ForgeError> =
            self.api.graph(Verb::Post, document, &variables, action).await;
        match done {
            Ok(Some(_)) => Ok(()),
            // Where there are no drafts, none can be made; a draft that stays one is not as wished.
            Err(ForgeError::Refused { reason, .. }) if wish.draft => {
                self.not_granted(pull, "make it a draft", &reason);
                Ok(())
            }
            Ok(None) => Err(self.refusal(action, "it has no GraphQL".to_owned())),
            Err(error) => Err(error),
        }
    }

    /// Labels and reviewers. That one of them is not granted is said, and keeps nothing else from being done.
    async fn dress(&self, wish: &PullRequestWish, pull: &Pull) -> Result<(), ForgeError> {
        let has = |label: &String| pull.labels.iter().any(|it| it.name.eq_ignore_ascii_case(label));
        let missing: Vec<&String> = wish.labels.iter().filter(|label| !has(label)).collect();
        if !missing.is_empty() {
            let request = self.api.below(Verb::Post, "issues").below(&pull.number).below("labels");
            let request = request.json(&json!({ "labels": missing }));
            self.granted(pull, "put labels on it", self.api.ask(&request, "put on labels").await)?;
        }
        self.ask_reviewers(wish, pull).await
    }

    async fn ask_reviewers(&self, wish: &PullRequestWish, pull: &Pull) -> Result<(), ForgeError> {
        let known = |list: Vec<&String>, name: &str| {
            list.iter().any(|known| known.eq_ignore_ascii_case(name))
        };
        let users = pull.requested_reviewers.iter().flatten().map(|user| &user.login);
        let teams = pull.requested_teams.iter().flatten().map(|team| &team.slug);
        let (users, teams): (Vec<_>, Vec<_>) = (users.collect(), teams.collect());
        let author = pull.user.as_ref().map(|user| user.login.clone()).unwrap_or_default();
        let wanted = wish.reviewers.iter().filter(|name| !name.eq_ignore_ascii_case(&author));
        let (mut people, mut groups): (Vec<&str>, Vec<&str>) = (Vec::new(), Vec::new());
        for name in wanted {
            match name.split_once('/') {
                Some((_, team)) if !known(teams.clone(), team) => groups.push(team),
                None if !known(users.clone(), name) => people.push(name),
                Some(_) | None => {}
            }
        }
        if !people.is_empty() {
            // Who has reviewed already is no longer among the requested.
            let request = self.api.below(Verb::Get, "pulls").below(&pull.number).below("reviews");
            let pages: Vec<Vec<Review>> = self.api.pages(request, "read reviews").await?;
            let done: Vec<String> = pages
                .into_iter()
                .flatten()
                .filter_map(|review| Some(review.user?.login.to_lowercase()))
                .collect();
            people.retain(|name| !done.contains(&name.to_lowercase()));
        }
        // One by one: GitHub grants all or none of them.
        let bodies = people.into_iter().map(|name| json!({ "reviewers": [name] }));
        let bodies = bodies.chain(groups.into_iter().map(|it| json!({ "team_reviewers": [it] })));
        for body in bodies {
            let request = self.api.below(Verb::Post, "pulls").below(&pull.number);
            let request = request.below("requested_reviewers").json(&body);
            let answer = self.api.ask(&request, "ask for a review").await;
            self.granted(pull, &format!("ask for a review ({body})"), answer)?;
        }
        Ok(())
    }

    /// What keeps everything from being done is an error; what is only not granted is said.
    fn granted(
        &self,
        pull: &Pull,
        wish: &str,
        answer: Result<Answer, ForgeError>,
    ) -> Result<(), ForgeError> {
        match answer {
            Ok(Answer::Done(_)) => {}
            Ok(Answer::Gone(reason) | Answer::Invalid(reason))
            | Err(ForgeError::Refused { reason, .. } | ForgeError::Credentials { reason, .. }) => {
                self.not_granted(pull, wish, &reason);
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn not_granted(&self, pull: &Pull, wish: &str, reason: &str) {
        warn!(
            forge.name = self.name,
            pull_request.number = pull.number,
            "{} does not grant the wish to {wish} at pull request {}: {reason}",
            self.name,
            pull.number
        );
    }

    /// How `pull` stands.
    pub(super) fn state(pull: &Pull) -> PullRequestState {
        match (pull.is_open(), &pull.merged_at) {
            (true, _) => PullRequestState::Open { draft: pull.draft },
            (false, Some(_)) => PullRequestState::Merged { commit: pull.merge_commit_sha.clone() },
            (false, None) => PullRequestState::Closed,
        }
    }
}
