//! Pull requests, statuses and reviews, and what people do with them. A pull request is an issue too, as it is there.
//!
//! Strict where a client can be wrong: a branch has one open pull request, its ends must exist and differ, nobody reviews
//! what is theirs, who is asked must be a collaborator, `draft` is changed by GraphQL only, and whether something can be
//! merged is not known when it is asked first.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::answers::{done, invalid, iso, message, not_found, paged, parameters, user};
use super::shown::{shown_repository, shown_review};
use super::world::World;
use super::{ACCOUNT, Answer, Asked};

/// Name, status and conclusion of a check run.
type Run = (String, &'static str, Option<&'static str>);

/// Author, association and text of a comment.
type Said = (String, &'static str, String);

/// Pull requests by repository and number, and what is known of commits.
#[derive(Debug, Default)]
pub(crate) struct Pulls {
    /// The bare repository that branches are in.
    pub(crate) git: PathBuf,
    all: BTreeMap<u64, Pull>,
    statuses: BTreeMap<String, Vec<Value>>,
    /// Check runs by commit: name, status, conclusion.
    pub(crate) checks: BTreeMap<String, Vec<Run>>,
    /// Who may be asked to review.
    pub(crate) collaborators: Vec<String>,
    /// Whether the repository has no drafts.
    pub(crate) no_drafts: bool,
}

/// A pull request without what it has as an issue.
#[derive(Debug, Clone)]
pub(crate) struct Pull {
    pub(crate) branch: String,
    pub(crate) base: String,
    pub(crate) draft: bool,
    pub(crate) merged: Option<String>,
    pub(crate) reviewers: Vec<String>,
    pub(crate) teams: Vec<String>,
    /// Author, association, state, text.
    pub(crate) reviews: Vec<(String, &'static str, &'static str, String)>,
    /// Whether it is resolved, its path, and author, association and text of each comment.
    pub(crate) threads: Vec<(bool, String, Vec<Said>)>,
    /// Its last head while it was open.
    pub(super) head: String,
    /// The head that was asked about already.
    pub(super) asked: Option<String>,
}

impl World {
    /// The end of a branch.
    pub(crate) fn head(&self, branch: &str) -> Option<String> {
        let loose = self.pulls.git.join("refs/heads").join(branch);
        let packed = || {
            let text = std::fs::read_to_string(self.pulls.git.join("packed-refs")).ok()?;
            let wanted = format!(" refs/heads/{branch}");
            let line = text.lines().find(|line| line.ends_with(&wanted))?;
            line.split_once(' ').map(|(commit, _)| commit.to_owned())
        };
        std::fs::read_to_string(loose).ok().map(|it| it.trim().to_owned()).or_else(packed)
    }

    /// A person opens a pull request; its number.
    pub(crate) fn offer(&mut self, repository: &str, branch: &str, body: &str) -> u64 {
        self.add_pull(repository, ("By a person", body, "ada"), (branch, "main"), false)
    }

    fn add_pull(
        &mut self,
        repository: &str,
        (title, body, author): (&str, &str, &str),
        (branch, base): (&str, &str),
        draft: bool,
    ) -> u64 {
        let number = self.open(repository, title, body, &[]);
        self.edit(repository, number, |issue| {
            issue.is_pull_request = true;
            author.clone_into(&mut issue.author);
        });
        let pull = Pull {
            branch: branch.to_owned(),
            base: base.to_owned(),
            draft,
            merged: None,
            reviewers: Vec::new(),
            teams: Vec::new(),
            reviews: Vec::new(),
            threads: Vec::new(),
            head: self.head(branch).unwrap_or_default(),
            asked: None,
        };
        self.pulls.all.insert(number, pull);
        number
    }

    /// A pull request.
    pub(crate) fn pull(&self, number: u64) -> &Pull {
        &self.pulls.all[&number]
    }

    /// How many there are.
    pub(crate) fn pull_count(&self) -> usize {
        self.pulls.all.len()
    }

    /// A person does something to a pull request.
    pub(crate) fn edit_pull(&mut self, number: u64, change: impl FnOnce(&mut Pull)) {
        change(self.pulls.all.get_mut(&number).expect("the pull request"));
    }

    /// A person merges it, as `commit`.
    pub(crate) fn merge_pull(&mut self, repository: &str, number: u64, commit: &str) {
        self.close(repository, number, "completed");
        self.edit_pull(number, |pull| pull.merged = Some(commit.to_owned()));
    }

    pub(super) fn pull_answer(
        &mut self,
        asked: &Asked,
        repository: &str,
        path: &[&str],
        body: &Value,
    ) -> Result<Answer, Answer> {
        let number = |text: &str| match text.parse::<u64>() {
            Ok(number) if self.pulls.all.contains_key(&number) => Ok(number),
            _ => Err(not_found()),
        };
        match (asked.method.as_str(), path) {
            ("GET", ["pulls"]) => self.listed_pulls(asked, repository),
            ("POST", ["pulls"]) => self.create_pull(repository, body),
            ("GET", ["pulls", it]) => {
                let number = number(it)?;
                let shown = self.shown_pull(repository, number);
                let head = shown["head"]["sha"].as_str().map(str::to_owned);
                self.edit_pull(number, |pull| pull.asked = head);
                Ok(done(200, &shown))
            }
            ("PATCH", ["pulls", it]) => self.patch_pull(repository, number(it)?, body),
            ("GET", ["pulls", it, "reviews"]) => {
                let number = number(it)?;
                let reviews = self.pull(number).reviews.iter().enumerate();
                let all: Vec<Value> = reviews
                    .map(|(index, it)| shown_review(repository, number, index, it))
                    .collect();
                paged(asked, &all)
            }
            ("POST", ["pulls", it, "requested_reviewers"]) => {
                self.ask_reviewers(repository, number(it)?, body)
            }
            ("GET", ["git", "ref", name]) => self.shown_ref(repository, name),
            ("POST", ["statuses", commit]) => self.add_status(repository, commit, body),
            ("GET", ["commits", commit, "status"]) => self.combined(asked, repository, commit),
            ("GET", ["commits", commit, "check-runs"]) => self.runs(repository, commit),
            _ => Err(not_found()),
        }
    }

    fn listed_pulls(&self, asked: &Asked, repository: &str) -> Result<Answer, Answer> {
        let query = parameters(&asked.query);
        let get = |name: &str| query.iter().find(|(it, _)| it == name).map(|(_, it)| it.as_str());
        let state = get("state").unwrap_or("open");
        if !matches!(state, "open" | "closed" | "all") {
            return Err(invalid("PullRequest", "state"));
        }
        let owner = repository.split('/').next().unwrap_or_default();
        let is_wanted = |number: u64, pull: &Pull| {
            let open = self.issue(repository, number).is_some_and(|issue| issue.open);
            let head = format!("{owner}:{}", pull.branch);
            (state == "all" || open == (state == "open")) && get("head").is_none_or(|it| it == head)
        };
        let found = self.pulls.all.iter().rev().filter(|(number, pull)| is_wanted(**number, pull));
        let all: Vec<Value> = found
            .map(|(number, _)| {
                let mut shown = self.shown_pull(repository, *number);
                // Only a single one tells this.
                for name in ["mergeable", "mergeable_state", "merged", "merged_by"] {
                    shown.as_object_mut().expect("an object").remove(name);
                }
                shown
            })
            .collect();
        paged(asked, &all)
    }

    fn create_pull(&mut self, repository: &str, body: &Value) -> Result<Answer, Answer> {
        let fields = ["title", "head", "base", "body", "draft"];
        let object = body.as_object().ok_or_else(|| message(400, "Body should be an object"))?;
        if let Some(other) = object.keys().find(|it| !fields.contains(&it.as_str())) {
            return Err(invalid("PullRequest", other));
        }
        let get = |name: &str| body[name].as_str().filter(|it| !it.is_empty());
        let (Some(title), Some(head), Some(base)) = (get("title"), get("head"), get("base")) else {
            return Err(invalid("PullRequest", "title"));
        };
        let text = get("body").unwrap_or_default();
        if title.chars().count() > 256 || text.chars().count() > 65_536 {
            return Err(message(422, "body is too long (maximum is 65536 characters)"));
        }
        let owner = repository.split('/').next().unwrap_or_default();
        let branch = head.strip_prefix(&format!("{owner}:")).unwrap_or(head);
        let Some(at) = self.head(branch) else { return Err(invalid("PullRequest", "head")) };
        let Some(onto) = self.head(base) else { return Err(invalid("PullRequest", "base")) };
        if at == onto {
            return Err(custom(&format!("No commits between {base} and {branch}")));
        }
        let mut known = self.pulls.all.iter().filter(|(_, it)| it.branch == branch);
        if known.any(|(number, _)| self.issue(repository, *number).is_some_and(|it| it.open)) {
            return Err(custom(&format!("A pull request already exists for {owner}:{branch}.")));
        }
        let draft = body["draft"].as_bool().unwrap_or(false);
        if draft && self.pulls.no_drafts {
            return Err(message(422, "Draft pull requests are not supported in this repository."));
        }
        let number = self.add_pull(repository, (title, text, ACCOUNT), (branch, base), draft);
        Ok(done(201, &self.shown_pull(repository, number)))
    }

    fn patch_pull(
        &mut self,
        repository: &str,
        number: u64,
        body: &Value,
    ) -> Result<Answer, Answer> {
        let object = body.as_object().ok_or_else(|| message(400, "Body should be an object"))?;
        if object.keys().any(|it| !matches!(it.as_str(), "title" | "body")) {
            return Err(message(422, "The factory changes nothing else of a pull request"));
        }
        if self.issue(repository, number).is_some_and(|it| it.author != ACCOUNT) {
            return Err(message(422, "The factory changes no pull request of others"));
        }
        self.edit(repository, number, |issue| {
            for (name, field) in [("title", &mut issue.title), ("body", &mut issue.body)] {
                if let Some(text) = body[name].as_str() {
                    text.clone_into(field);
                }
            }
        });
        Ok(done(200, &self.shown_pull(repository, number)))
    }

    fn ask_reviewers(
        &mut self,
        repository: &str,
        number: u64,
        body: &Value,
    ) -> Result<Answer, Answer> {
        let names = |field: &str| -> Result<Vec<String>, Answer> {
            match &body[field] {
                Value::Null => Ok(Vec::new()),
                list => {
                    serde_json::from_value(list.clone()).map_err(|_| invalid("PullRequest", field))
                }
            }
        };
        let (people, teams) = (names("reviewers")?, names("team_reviewers")?);
        let author = self.issue(repository, number).map(|it| it.author.clone()).unwrap_or_default();
        if people.contains(&author) {
            return Err(message(422, "Review cannot be requested from pull request author."));
        }
        if people.iter().chain(&teams).any(|it| !self.pulls.collaborators.contains(it)) {
            return Err(message(
                422,
                "Reviews may only be requested from collaborators. One or more of the users or teams you specified is not a collaborator of the repository.",
            ));
        }
        self.edit_pull(number, |pull| {
            pull.reviewers.extend(people);
            pull.teams.extend(teams);
        });
        let mut shown = self.shown_pull(repository, number);
        for name in ["mergeable", "mergeable_state", "merged", "merged_by"] {
            shown.as_object_mut().expect("an object").remove(name);
        }
        Ok(done(201, &shown))
    }

    fn shown_ref(&self, repository: &str, name: &str) -> Result<Answer, Answer> {
        let branch = name.strip_prefix("heads/").ok_or_else(not_found)?;
        let at = self.head(branch).ok_or_else(not_found)?;
        let base = format!("https://api.github.example/repos/{repository}/git");
        let object = json!({ "type": "commit", "sha": at, "url": format!("{base}/commits/{at}") });
        let url = format!("{base}/refs/{name}");
        let shown = json!({ "ref": format!("refs/{name}"), "node_id": "R_1", "url": url, "object": object });
        Ok(done(200, &shown))
    }

    fn is_commit(&self, commit: &str) -> bool {
        let object = commit.split_at_checked(2);
        let object = object.map(|(one, two)| self.pulls.git.join("objects").join(one).join(two));
        object.is_some_and(|it| it.is_file())
            || self
                .pulls
                .all
                .values()
                .any(|it| it.head == commit || self.head(&it.branch).as_deref() == Some(commit))
    }

    fn add_status(
        &mut self,
        repository: &str,
        commit: &str,
        body: &Value,
    ) -> Result<Answer, Answer> {
        if !self.is_commit(commit) {
            return Err(message(422, &format!("No commit found for SHA: {commit}")));
        }
        let state = body["state"].as_str().unwrap_or_default();
        if !matches!(state, "error" | "failure" | "pending" | "success") {
            return Err(invalid("Status", "state"));
        }
        let text = body["description"].as_str().unwrap_or_default();
        if text.chars().count() > 140 {
            return Err(custom("description is too long (maximum is 140 characters)"));
        }
        let context = body["context"].as_str().unwrap_or("default");
        let now = iso(self.tick());
        let id = self.next_id();
        let url = format!("https://api.github.example/repos/{repository}/statuses/{commit}");
        let status = json!({
            "id": id, "node_id": format!("SC_{id}"), "state": state, "description": text, "context": context,
            "target_url": body["target_url"], "avatar_url": "https://avatars.github.example/1", "url": url,
            "created_at": now, "updated_at": now, "creator": user(ACCOUNT),
        });
        self.pulls.statuses.entry(commit.to_owned()).or_default().push(status.clone());
        Ok(done(201, &status))
    }

    fn combined(&self, asked: &Asked, repository: &str, commit: &str) -> Result<Answer, Answer> {
        if !self.is_commit(commit) {
            return Err(message(422, &format!("No commit found for SHA: {commit}")));
        }
        // The newest of each context.
        let mut newest: BTreeMap<String, Value> = BTreeMap::new();
        for status in self.pulls.statuses.get(commit).into_iter().flatten() {
            let mut status = status.clone();
            status.as_object_mut().expect("an object").remove("creator");
            newest.insert(status["context"].as_str().unwrap_or_default().to_lowercase(), status);
        }
        let all: Vec<Value> = newest.into_values().collect();
        let _pages_like_others = paged(asked, &all)?;
        let base = format!("https://api.github.example/repos/{repository}");
        Ok(done(
            200,
            &json!({
                "state": "pending", "sha": commit, "total_count": all.len(), "statuses": all,
                "repository": shown_repository(repository), "commit_url": format!("{base}/commits/{commit}"),
                "url": format!("{base}/commits/{commit}/status"),
            }),
        ))
    }

    fn runs(&self, repository: &str, commit: &str) -> Result<Answer, Answer> {
        if !self.is_commit(commit) {
            return Err(message(422, &format!("No commit found for SHA: {commit}")));
        }
        let runs = self.pulls.checks.get(commit).into_iter().flatten().enumerate();
        let base = format!("https://api.github.example/repos/{repository}/check-runs");
        let runs: Vec<Value> = runs
            .map(|(id, (name, status, conclusion))| {
                json!({
                    "id": id, "node_id": format!("CR_{id}"), "head_sha": commit, "name": name, "status": status,
                    "url": format!("{base}/{id}"), "html_url": format!("https://github.example/runs/{id}"),
                    "details_url": null, "conclusion": conclusion, "started_at": null, "completed_at": null,
                    "external_id": "", "check_suite": null, "app": null, "pull_requests": [],
                    "output": {
                        "title": format!("{name} says"), "summary": null, "text": null, "annotations_count": 0,
                        "annotations_url": format!("{base}/{id}/annotations"),
                    },
                })
            })
            .collect();
        Ok(done(200, &json!({ "total_count": runs.len(), "check_runs": runs })))
    }

    /// An answer to GraphQL, as far as it is asked here.
    pub(super) fn graph(&mut self, body: &Value) -> Answer {
        let wrong = |kind: &str, text: &str| {
            done(200, &json!({ "data": null, "errors": [{ "type": kind, "message": text }] }))
        };
        let document = body["query"].as_str().unwrap_or_default();
        let variables = &body["variables"];
        if let Some(to_draft) =
            [("convertPullRequestToDraft", true), ("markPullRequestReadyForReview", false)]
                .into_iter()
                .find(|(name, _)| document.contains(name))
                .map(|(_, draft)| draft)
        {
            let number = variables["id"].as_str().and_then(|it| it.strip_prefix("PR_"));
            let number = number.and_then(|it| it.parse().ok());
            let Some(pull) = number.and_then(|it: u64| self.pulls.all.get_mut(&it)) else {
                return wrong("NOT_FOUND", "Could not resolve to a node with that id.");
            };
            pull.draft = to_draft;
            return done(
                200,
                &json!({ "data": { "changed": { "pullRequest": { "isDraft": to_draft } } } }),
            );
        }
        let number = variables["number"].as_u64().unwrap_or_default();
        let Some(pull) = self.pulls.all.get(&number).filter(|_| document.contains("reviewThreads"))
        else {
            return wrong("NOT_FOUND", "Could not resolve to a PullRequest.");
        };
        // Pages of two, so that there is more than one.
        let from: usize = variables["after"].as_str().and_then(|it| it.parse().ok()).unwrap_or(0);
        let threads = pull.threads.iter().enumerate().skip(from).take(2);
        let nodes: Vec<Value> = threads
            .map(|(index, (resolved, path, comments))| {
                let comments: Vec<Value> = comments
                    .iter()
                    .map(|(author, association, text)| {
                        json!({ "author": { "login": author }, "authorAssociation": association, "body": text })
                    })
                    .collect();
                json!({
                    "id": format!("T_{index}"), "isResolved": resolved, "path": path, "line": index + 1, "originalLine": 1,
                    "comments": { "totalCount": comments.len(), "nodes": comments },
                })
            })
            .collect();
        let info = json!({ "hasNextPage": pull.threads.len() > from + 2, "endCursor": (from + 2).to_string() });
        let threads = json!({ "pageInfo": info, "nodes": nodes });
        let pull = json!({ "mergeStateStatus": "CLEAN", "reviewThreads": threads });
        done(200, &json!({ "data": { "repository": { "pullRequest": pull } } }))
    }
}

fn custom(text: &str) -> Answer {
    let errors = json!([{ "resource": "PullRequest", "code": "custom", "message": text }]);
    done(
        422,
        &json!({ "message": "Validation Failed", "errors": errors, "documentation_url": "https://docs.github.example/rest" }),
    )
}
