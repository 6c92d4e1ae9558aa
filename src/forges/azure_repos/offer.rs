//! Opening a pull request, or finding the one that was opened before and bringing it up to date.

use serde_json::{Value, json};
use tracing::warn;

use super::api::Answer;
use super::wire::{Found, Label, Linked, List, Pull, Ref};
use super::{AzureForge, MOST};
use crate::domain::pull_request::PullRequestState;
use crate::forges::marker::{Mark, Shown};
use crate::forges::{ForgeError, PullRequestWish};
use crate::http::client::{Request, Verb};

/// Pull requests of one branch that are looked at.
const MOST_PULLS: usize = 100;

/// What became of a wish for a new one.
enum Created {
    Made(Box<Pull>),
    /// There is one: it was opened since we looked.
    Exists,
}

impl AzureForge {
    /// Sees to the pull request of `wish`; its number.
    pub(super) async fn offer(&self, wish: &PullRequestWish) -> Result<u64, ForgeError> {
        for _ in 0..2 {
            if let Some((pull, mark)) = self.found(wish).await? {
                if pull.is_open() {
                    self.check_branch(wish).await?;
                    self.update(wish, &pull, &mark).await?;
                    self.dress(wish, &pull).await?;
                }
                return Ok(pull.pull_request_id);
            }
            self.check_branch(wish).await?;
            match self.create(wish).await? {
                Created::Made(pull) => {
                    self.dress(wish, &pull).await?;
                    return Ok(pull.pull_request_id);
                }
                Created::Exists => {}
            }
        }
        let reason = format!("branch `{}` has a pull request that it does not show", wish.branch);
        Err(self.unavailable(reason))
    }

    /// The run's pull request on the branch: the open one, else the newest.
    async fn found(&self, wish: &PullRequestWish) -> Result<Option<(Pull, Mark)>, ForgeError> {
        let account = self.api.account().await?;
        let source = format!("refs/heads/{}", wish.branch);
        let request = self.api.below(Verb::Get, &["pullrequests"]);
        let request = request.query("searchCriteria.sourceRefName", &source);
        let request = request.query("searchCriteria.status", "all").query("$top", &MOST_PULLS);
        let list: List<Pull> = self.api.have(&request, "find pull requests").await?;
        let mut best: Option<(Pull, Mark)> = None;
        for listed in list.value.into_iter().filter(|pull| pull.source_ref_name == source) {
            let number = listed.pull_request_id;
            let by_us = listed.created_by.is(&account.id)
                || account.unique_name.as_deref().is_some_and(|name| listed.created_by.is(name));
            let mut ours = None;
            if by_us {
                // A list has only the beginning of what is written in them.
                let pull: Pull =
                    self.api.have(&self.pull(Verb::Get, number), "read a pull request").await?;
                let text = pull.description.as_deref().unwrap_or_default();
                let mark = self.signer.verified(text, &wish.branch);
                ours = mark.filter(|mark| wish.is_ours(mark.run)).map(|mark| (pull, mark));
            }
            let Some(ours) = ours else {
                if listed.is_open() {
                    return Err(ForgeError::ForeignPullRequest {
                        forge: self.name.clone(),
                        branch: wish.branch.clone(),
                        number,
                    });
                }
                continue;
            };
            let key = |(pull, _): &(Pull, Mark)| (pull.is_open(), pull.pull_request_id);
            if best.as_ref().is_none_or(|known| key(known) < key(&ours)) {
                best = Some(ours);
            }
        }
        Ok(best)
    }

    /// The branch is where the wish says.
    async fn check_branch(&self, wish: &PullRequestWish) -> Result<(), ForgeError> {
        let request = self.api.below(Verb::Get, &["refs"]);
        let request = request.query("filter", &format!("heads/{}", wish.branch));
        let refs: List<Ref> = self.api.have(&request, "read a branch").await?;
        let name = format!("refs/heads/{}", wish.branch);
        let found = refs.value.into_iter().find(|it| it.name == name);
        let at = found.map_or_else(|| "nothing".to_owned(), |it| it.object_id);
        match at == wish.head {
            true => Ok(()),
            false => Err(self
                .unavailable(format!("branch `{}` is at {at}, not at {}", wish.branch, wish.head))),
        }
    }

    async fn create(&self, wish: &PullRequestWish) -> Result<Created, ForgeError> {
        let action = "open a pull request";
        let Shown { title, text } = self.signer.fresh(wish, MOST);
        let request = self.api.below(Verb::Post, &["pullrequests"]).json(&json!({
            "sourceRefName": format!("refs/heads/{}", wish.branch),
            "targetRefName": format!("refs/heads/{}", wish.base),
            "title": title, "description": text, "isDraft": wish.draft,
        }));
        match self.api.ask(&request, action).await? {
            Answer::Done(reply) => Ok(Created::Made(Box::new(self.api.parsed(&reply)?))),
            Answer::Invalid(reason) if reason.contains("TF401179") => Ok(Created::Exists),
            Answer::Gone(reason) | Answer::Invalid(reason) => Err(self.refusal(action, reason)),
        }
    }

    async fn update(
        &self,
        wish: &PullRequestWish,
        pull: &Pull,
        mark: &Mark,
    ) -> Result<(), ForgeError> {
        let text = pull.description.clone().unwrap_or_default();
        let now = Shown { title: pull.title.clone(), text };
        let wished = self.signer.updated(wish, &now, mark, MOST);
        let mut change = json!({});
        if wished.title != now.title {
            change["title"] = json!(wished.title);
        }
        if !wished.says(&Shown { title: wished.title.clone(), text: now.text }) {
            change["description"] = json!(wished.text);
        }
        if pull.is_draft != wish.draft {
            change["isDraft"] = json!(wish.draft);
        }
        if change.as_object().is_some_and(serde_json::Map::is_empty) {
            return Ok(());
        }
        let request = self.pull(Verb::Patch, pull.pull_request_id).json(&change);
        let _pull: Pull = self.api.have(&request, "change a pull request").await?;
        Ok(())
    }

    /// Labels, reviewers and the work item. That one of them is not granted is said, and keeps nothing else from being
    /// done.
    async fn dress(&self, wish: &PullRequestWish, pull: &Pull) -> Result<(), ForgeError> {
        let number = pull.pull_request_id;
        let list: List<Label> = match wish.labels.is_empty() {
            true => List { value: Vec::new() },
            false => self.api.have(&self.of(Verb::Get, number, "labels"), "read labels").await?,
        };
        for label in &wish.labels {
            if list.value.iter().any(|known| known.name.eq_ignore_ascii_case(label)) {
                continue;
            }
            let request = self.of(Verb::Post, number, "labels").json(&json!({ "name": label }));
            let answer = self.api.ask(&request, "put on a label").await;
            self.granted(number, &format!("put on the label {label:?}"), answer)?;
        }
        for reviewer in &wish.reviewers {
            let known = |name: &str| {
                pull.reviewers.iter().any(|it| it.who().is(name)) || pull.created_by.is(name)
            };
            if !known(reviewer) {
                self.ask_reviewer(pull, reviewer).await?;
            }
        }
        match wish.item.source() == "azdo" {
            true => self.link(wish, pull).await,
            false => Ok(()),
        }
    }

    async fn ask_reviewer(&self, pull: &Pull, reviewer: &str) -> Result<(), ForgeError> {
        let number = pull.pull_request_id;
        let wanted = format!("ask {reviewer:?} for a review");
        let id = match is_id(reviewer) {
            true => reviewer.to_owned(),
            false => {
                let request = self.api.organization(Verb::Get, &["identities"]);
                let request = request.query("searchFilter", "General");
                let request = request.query("filterValue", reviewer);
                let request = request.query("api-version", &self.settings.api_version);
                let reply = match self.api.look_up(&request).await {
                    Ok(Answer::Done(reply)) => reply,
                    other => return self.granted(number, &wanted, other),
                };
                let list: List<Found> = self.api.parsed(&reply)?;
                let mut meant = list.value.into_iter().filter(|it| is_called(it, reviewer));
                match (meant.next(), meant.next()) {
                    (Some(one), None) => one.id,
                    (None, _) => return self.not_granted(number, &wanted, "nobody is called that"),
                    (Some(_), Some(_)) => {
                        return self.not_granted(number, &wanted, "several are called that");
                    }
                }
            }
        };
        if pull.reviewers.iter().any(|it| it.who().is(&id)) {
            return Ok(());
        }
        let request = self.of(Verb::Put, number, "reviewers").below(&id);
        let answer = self.api.ask(&request.json(&json!({ "vote": 0 })), "ask for a review").await;
        self.granted(number, &wanted, answer)
    }

    /// Links the work item, unless it is.
    async fn link(&self, wish: &PullRequestWish, pull: &Pull) -> Result<(), ForgeError> {
        let (number, item) = (pull.pull_request_id, wish.item.identifier());
        let linked: List<Linked> = self
            .api
            .have(&self.of(Verb::Get, number, "workitems"), "read linked work items")
            .await?;
        if linked.value.iter().any(|it| it.id == item) {
            return Ok(());
        }
        let wanted = format!("link the work item {item}");
        let Some(project) =
            pull.repository.project.as_ref().filter(|_| item.parse::<u64>().is_ok())
        else {
            return self.not_granted(number, &wanted, "it is not known where it is");
        };
        let (project, repository) = (&project.id, &pull.repository.id);
        let url = format!("vstfs:///Git/PullRequestId/{project}%2F{repository}%2F{number}");
        let operations: Value = json!([{
            "op": "add", "path": "/relations/-",
            "value": { "rel": "ArtifactLink", "url": url, "attributes": { "name": "Pull Request" } },
        }]);
        let request = self.api.organization(Verb::Patch, &["wit", "workitems", item]);
        let request = request.query("api-version", &self.settings.api_version);
        let request =
            request.body("application/json-patch+json", operations.to_string().into_bytes());
        let answer = self.api.ask(&request, "link a work item").await;
        self.granted(number, &wanted, answer)
    }

    /// What keeps everything from being done is an error; what is only not granted is said.
    fn granted(
        &self,
        number: u64,
        wanted: &str,
        answer: Result<Answer, ForgeError>,
    ) -> Result<(), ForgeError> {
        match answer {
            Ok(Answer::Done(_)) => Ok(()),
            Ok(Answer::Gone(reason) | Answer::Invalid(reason))
            | Err(ForgeError::Refused { reason, .. } | ForgeError::Credentials { reason, .. }) => {
                self.not_granted(number, wanted, &reason)
            }
            Err(error) => Err(error),
        }
    }

    #[expect(clippy::unnecessary_wraps, reason = "what is not granted ends only what asked for it")]
    fn not_granted(&self, number: u64, wanted: &str, reason: &str) -> Result<(), ForgeError> {
        warn!(
            forge.name = self.name,
            pull_request.number = number,
            "{} does not grant the wish to {wanted} at pull request {number}: {reason}",
            self.name
        );
        Ok(())
    }

    pub(super) fn pull(&self, verb: Verb, number: u64) -> Request {
        self.api.below(verb, &["pullrequests", &number.to_string()])
    }

    pub(super) fn of(&self, verb: Verb, number: u64, what: &str) -> Request {
        self.api.below(verb, &["pullRequests", &number.to_string(), what])
    }

    /// How `pull` stands.
    pub(super) fn state(pull: &Pull) -> PullRequestState {
        match pull.status.as_str() {
            "completed" => {
                let commit = pull.last_merge_commit.as_ref().map(|it| it.commit_id.clone());
                PullRequestState::Merged { commit }
            }
            "abandoned" => PullRequestState::Closed,
            _ => PullRequestState::Open { draft: pull.is_draft },
        }
    }
}

/// Whether `name` is the id of somebody.
fn is_id(name: &str) -> bool {
    name.len() == 36 && uuid::Uuid::try_parse(name).is_ok()
}

/// Whether somebody is meant by `name`.
fn is_called(found: &Found, name: &str) -> bool {
    let same = |it: &str| it.eq_ignore_ascii_case(name);
    let property = |key: &str| found.properties.get(key).and_then(|it| it.value.as_str());
    ["Account", "Mail"].into_iter().filter_map(property).any(same)
        || found.provider_display_name.as_deref().is_some_and(same)
}
