//! The repository of the project: branches, pull requests, statuses, and what people do with them.
//!
//! Strict where a client can be wrong: one active pull request per source and target, branches that exist, the length of
//! texts, the fields that may be changed; a list has only the beginning of each description, and whether something can be
//! merged is not known when it is asked first.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::board::{identity, moment, now};
use super::routes::{Call, Refusal, wants};
use super::{FACTORY, Inner, ORGANIZATION, PERSON, PROJECT};

/// The repository.
pub const REPOSITORY: &str = "Fiber App";
/// Its id.
pub const REPOSITORY_ID: &str = "3411ebc1-d5aa-464f-9615-0b527bc66719";
/// The id of the project.
pub const PROJECT_ID: &str = "a7573007-bbb3-4341-b726-0c4148a07853";

/// Everything of the repository.
#[derive(Default)]
pub struct Pulls {
    /// The bare repository that branches are in.
    pub git: PathBuf,
    all: BTreeMap<u64, Pull>,
    statuses: BTreeMap<String, Vec<Value>>,
    next_status: i64,
}

/// A pull request.
#[derive(Debug, Clone)]
pub struct Pull {
    pub source: String,
    pub target: String,
    pub title: String,
    pub description: String,
    pub draft: bool,
    pub status: &'static str,
    pub author: String,
    /// Unique names and votes.
    pub reviewers: Vec<(String, i32)>,
    pub labels: Vec<String>,
    /// As the service shows them.
    pub threads: Vec<Value>,
    pub statuses: Vec<Value>,
    /// What policies of its target say.
    pub evaluations: Vec<Value>,
    head: String,
    merge: Option<String>,
    is_known: bool,
}

impl Pulls {
    /// The end of a branch.
    pub fn head(&self, branch: &str) -> Option<String> {
        self.branches().remove(branch)
    }

    fn branches(&self) -> BTreeMap<String, String> {
        let mut all = BTreeMap::new();
        let packed = std::fs::read_to_string(self.git.join("packed-refs")).unwrap_or_default();
        for (commit, name) in packed.lines().filter_map(|line| line.split_once(' ')) {
            if let Some(branch) = name.strip_prefix("refs/heads/") {
                all.insert(branch.to_owned(), commit.to_owned());
            }
        }
        let heads = self.git.join("refs/heads");
        let mut folders = vec![heads.clone()];
        while let Some(folder) = folders.pop() {
            let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
            for path in entries.map(|entry| entry.path()) {
                if path.is_dir() {
                    folders.push(path);
                } else if let (Ok(name), Ok(commit)) =
                    (path.strip_prefix(&heads), std::fs::read_to_string(&path))
                {
                    all.insert(name.to_string_lossy().into_owned(), commit.trim().to_owned());
                }
            }
        }
        all
    }

    fn is_commit(&self, commit: &str) -> bool {
        let object = commit.split_at_checked(2);
        object.is_some_and(|(one, two)| self.git.join("objects").join(one).join(two).is_file())
            || self.branches().values().any(|it| it == commit)
    }

    /// Somebody opens a pull request; its number.
    pub fn offer(&mut self, source: &str, target: &str, text: (&str, &str), author: &str) -> u64 {
        let number = self.all.last_key_value().map_or(11, |(last, _)| last + 1);
        let pull = Pull {
            source: source.to_owned(),
            target: target.to_owned(),
            title: text.0.to_owned(),
            description: text.1.to_owned(),
            draft: false,
            status: "active",
            author: author.to_owned(),
            reviewers: Vec::new(),
            labels: Vec::new(),
            threads: Vec::new(),
            statuses: Vec::new(),
            evaluations: Vec::new(),
            head: self.head(source).unwrap_or_default(),
            merge: None,
            is_known: false,
        };
        self.all.insert(number, pull);
        number
    }

    /// A pull request.
    pub fn pull(&self, number: u64) -> &Pull {
        &self.all[&number]
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.all.len()
    }

    /// A person does something to a pull request.
    pub fn edit(&mut self, number: u64, change: impl FnOnce(&mut Pull)) {
        change(self.all.get_mut(&number).expect("the pull request"));
    }

    /// A person ends it: `completed` with the merge, or `abandoned`.
    pub fn end(&mut self, number: u64, merge: Option<&str>) {
        let pull = self.all.get(&number).expect("the pull request").clone();
        let head = self.head(&pull.source).unwrap_or(pull.head);
        self.edit(number, |pull| {
            pull.status = if merge.is_some() { "completed" } else { "abandoned" };
            pull.merge = merge.map(str::to_owned);
            pull.head = head;
        });
    }
}

/// Answers what is asked below the repository.
pub fn answer(inner: &mut Inner, call: &Call<'_>) -> Result<Value, Refusal> {
    let base = format!("{}/{ORGANIZATION}/{PROJECT_ID}/_apis/git", inner.address);
    let repository = call.path.get(2).copied().unwrap_or_default();
    if call.path.get(1) != Some(&"repositories")
        || !(repository.eq_ignore_ascii_case(REPOSITORY) || repository == REPOSITORY_ID)
    {
        let text = format!(
            "TF401019: The Git repository with name or identifier {repository} does not exist or you do not have permissions for the operation you are attempting."
        );
        return Err(Refusal::new(404, "GitRepositoryNotFoundException", &text));
    }
    match (call.method, &call.path[3..]) {
        ("GET", ["refs"]) => Ok(refs(&inner.pulls, call, &base)),
        ("GET", ["pullrequests"]) => listed(&inner.pulls, call, &base),
        ("POST", ["pullrequests"]) => create(&mut inner.pulls, call, &base),
        (_, ["pullrequests", it, rest @ ..]) => {
            let number = it.parse().unwrap_or(0);
            if !inner.pulls.all.contains_key(&number) {
                let text = format!("TF401180: The requested pull request was not found ({it}).");
                return Err(Refusal::new(404, "GitPullRequestNotFoundException", &text));
            }
            about(inner, call, number, rest, &base)
        }
        ("GET", ["commits", commit, "statuses"]) => Ok(statuses(&inner.pulls, call, commit)),
        ("POST", ["commits", commit, "statuses"]) => report(&mut inner.pulls, call, commit),
        _ => Err(Refusal::new(404, "", &format!("no such resource: {:?}", call.path))),
    }
}

/// Answers what is asked about a pull request.
fn about(
    inner: &mut Inner,
    call: &Call<'_>,
    number: u64,
    rest: &[&str],
    base: &str,
) -> Result<Value, Refusal> {
    match (call.method, rest) {
        ("GET", []) => {
            let shown = shown(&inner.pulls, number, base);
            inner.pulls.edit(number, |pull| pull.is_known = true);
            Ok(shown)
        }
        ("PATCH", []) => {
            change(&mut inner.pulls, number, call)?;
            Ok(shown(&inner.pulls, number, base))
        }
        ("GET", ["labels"]) => {
            Ok(list(inner.pulls.pull(number).labels.iter().map(|it| label(it)).collect()))
        }
        ("POST", ["labels"]) => {
            wants(call, "application/json")?;
            let name = text(call, "name")?;
            inner.pulls.edit(number, |pull| {
                if !pull.labels.iter().any(|known| known.eq_ignore_ascii_case(&name)) {
                    pull.labels.push(name.clone());
                }
            });
            Ok(label(&name))
        }
        ("PUT", ["reviewers", who]) => {
            wants(call, "application/json")?;
            let people = [PERSON, FACTORY];
            let found = people.into_iter().find(|name| identity(name)["id"] == **who);
            let unknown = || Refusal::new(400, "", "TF400898: no such identity");
            let name = found.ok_or_else(unknown)?.to_owned();
            inner.pulls.edit(number, |pull| {
                if !pull.reviewers.iter().any(|(known, _)| *known == name) {
                    pull.reviewers.push((name.clone(), 0));
                }
            });
            Ok(reviewer(&name, 0))
        }
        ("GET", ["threads"]) => Ok(list(inner.pulls.pull(number).threads.clone())),
        ("GET", ["statuses"]) => Ok(list(inner.pulls.pull(number).statuses.clone())),
        ("GET", ["workitems"]) => {
            let link =
                format!("vstfs:///Git/PullRequestId/{PROJECT_ID}%2F{REPOSITORY_ID}%2F{number}");
            let linked = inner.board.items.iter().filter(|(_, item)| {
                item.relations.iter().any(|(_, url)| url.eq_ignore_ascii_case(&link))
            });
            let shown =
                |id: &u64| json!({ "id": id.to_string(), "url": format!("{base}/wit/{id}") });
            Ok(list(linked.map(|(id, _)| shown(id)).collect()))
        }
        _ => Err(Refusal::new(404, "", &format!("no such resource: {:?}", call.path))),
    }
}

/// Statuses of a commit, oldest first.
fn statuses(pulls: &Pulls, call: &Call<'_>, commit: &str) -> Value {
    let mut all = pulls.statuses.get(commit).cloned().unwrap_or_default();
    if call.parameter("latestOnly").is_some_and(|it| it.eq_ignore_ascii_case("true")) {
        let kept = all.clone();
        all.retain(|one| {
            let of_context = |it: &&Value| it["context"] == one["context"];
            kept.iter().rfind(of_context).is_some_and(|it| it["id"] == one["id"])
        });
    }
    list(all)
}

/// What policies say of a pull request.
pub fn evaluations(inner: &Inner, call: &Call<'_>) -> Result<Value, Refusal> {
    if !call.version.contains("-preview") {
        let text = "The -preview flag must be supplied in the api-version for such requests.";
        return Err(Refusal::new(400, "VssInvalidPreviewVersionException", text));
    }
    let artifact = call.parameter("artifactId").unwrap_or_default();
    let beginning = format!("vstfs:///CodeReview/CodeReviewId/{PROJECT_ID}/");
    let number = artifact.strip_prefix(&beginning).and_then(|it| it.parse::<u64>().ok());
    let pull = number.and_then(|number| inner.pulls.all.get(&number));
    let missing = || Refusal::new(400, "ArgumentException", "no such artifact");
    Ok(list(pull.ok_or_else(missing)?.evaluations.clone()))
}

/// People by their names.
pub fn people(call: &Call<'_>) -> Value {
    let wanted = call.parameter("filterValue").unwrap_or_default().to_lowercase();
    let found = [PERSON, FACTORY].into_iter().filter(|name| name.to_lowercase().contains(&wanted));
    let shown = |name: &str| {
        let who = identity(name);
        json!({
            "id": who["id"], "providerDisplayName": who["displayName"], "isActive": true,
            "properties": { "Account": { "$type": "System.String", "$value": name } },
        })
    };
    list(found.map(shown).collect())
}

/// Who asks.
pub fn connection() -> Value {
    json!({ "authenticatedUser": { "id": identity(FACTORY)["id"], "providerDisplayName": "factory" } })
}

fn list(value: Vec<Value>) -> Value {
    json!({ "count": value.len(), "value": Value::Array(value) })
}

fn label(name: &str) -> Value {
    json!({ "id": PROJECT_ID, "name": name, "active": true })
}

fn reviewer(name: &str, vote: i32) -> Value {
    let mut shown = identity(name);
    shown["vote"] = json!(vote);
    shown
}

fn text(call: &Call<'_>, field: &str) -> Result<String, Refusal> {
    let found = call.body[field].as_str().filter(|it| !it.is_empty());
    found.map(str::to_owned).ok_or_else(|| {
        let text = format!("Value cannot be null. Parameter name: {field}");
        Refusal::new(400, "InvalidArgumentValueException", &text)
    })
}

/// Only these fields are sent, and texts are no longer than they may be.
fn checked(call: &Call<'_>, fields: &[&str]) -> Result<(), Refusal> {
    wants(call, "application/json")?;
    let wrong = |text: &str| Refusal::new(400, "InvalidArgumentValueException", text);
    let object = call.body.as_object().ok_or_else(|| wrong("the body is no object"))?;
    if let Some(other) = object.keys().find(|it| !fields.contains(&it.as_str())) {
        return Err(wrong(&format!("the factory does not send {other}")));
    }
    let length = |field: &str| call.body[field].as_str().unwrap_or_default().chars().count();
    if length("title") > 400 || length("description") > 4_000 {
        return Err(wrong("A maximum of 4000 characters is allowed in the description."));
    }
    Ok(())
}

fn refs(pulls: &Pulls, call: &Call<'_>, base: &str) -> Value {
    let beginning = format!("refs/{}", call.parameter("filter").unwrap_or_default());
    let found =
        pulls.branches().into_iter().map(|(name, commit)| (format!("refs/heads/{name}"), commit));
    let shown = |(name, commit): (String, String)| {
        let url = format!("{base}/repositories/{REPOSITORY_ID}/refs?filter={}", &name[5..]);
        json!({ "name": name, "objectId": commit, "creator": identity(FACTORY), "url": url })
    };
    list(found.filter(|(name, _)| name.starts_with(&beginning)).map(shown).collect())
}

fn listed(pulls: &Pulls, call: &Call<'_>, base: &str) -> Result<Value, Refusal> {
    let wanted = call.parameter("searchCriteria.status").unwrap_or("active");
    if !["active", "abandoned", "completed", "all"].contains(&wanted) {
        return Err(Refusal::new(400, "InvalidArgumentValueException", "no such status"));
    }
    let source = call.parameter("searchCriteria.sourceRefName");
    let is_wanted = |pull: &Pull| {
        let name = format!("refs/heads/{}", pull.source);
        (wanted == "all" || pull.status == wanted) && source.is_none_or(|it| it == name)
    };
    let found = pulls.all.iter().rev().filter(|(_, pull)| is_wanted(pull));
    let shown = found.map(|(number, pull)| {
        let mut shown = shown(pulls, *number, base);
        shown["description"] = json!(pull.description.chars().take(400).collect::<String>());
        shown
    });
    Ok(list(shown.collect()))
}

fn create(pulls: &mut Pulls, call: &Call<'_>, base: &str) -> Result<Value, Refusal> {
    checked(call, &["sourceRefName", "targetRefName", "title", "description", "isDraft"])?;
    let branch = |field: &str| -> Result<String, Refusal> {
        let name = text(call, field)?;
        let branch = name.strip_prefix("refs/heads/").filter(|it| pulls.head(it).is_some());
        branch.map(str::to_owned).ok_or_else(|| {
            let text = "TF401398: The pull request cannot be activated because the source and/or the target branch no longer exists";
            Refusal::new(400, "GitPullRequestCannotBeActivated", text)
        })
    };
    let (source, target, title) =
        (branch("sourceRefName")?, branch("targetRefName")?, text(call, "title")?);
    let is_same = |it: &Pull| it.status == "active" && it.source == source && it.target == target;
    if pulls.all.values().any(is_same) {
        let text =
            "TF401179: An active pull request for the source and target branch already exists.";
        return Err(Refusal::new(409, "GitPullRequestExistsException", text));
    }
    let description = call.body["description"].as_str().unwrap_or_default();
    let number = pulls.offer(&source, &target, (&title, description), FACTORY);
    let draft = call.body["isDraft"].as_bool().unwrap_or(false);
    pulls.edit(number, |pull| pull.draft = draft);
    Ok(shown(pulls, number, base))
}

fn change(pulls: &mut Pulls, number: u64, call: &Call<'_>) -> Result<(), Refusal> {
    checked(call, &["title", "description", "isDraft"])?;
    let pull = pulls.pull(number);
    if pull.status != "active" || pull.author != FACTORY {
        let text = "TF401181: The pull request cannot be edited due to its state.";
        return Err(Refusal::new(403, "GitPullRequestNotEditableException", text));
    }
    pulls.edit(number, |pull| {
        for (name, field) in [("title", &mut pull.title), ("description", &mut pull.description)] {
            if let Some(text) = call.body[name].as_str() {
                text.clone_into(field);
            }
        }
        pull.draft = call.body["isDraft"].as_bool().unwrap_or(pull.draft);
    });
    Ok(())
}

fn report(pulls: &mut Pulls, call: &Call<'_>, commit: &str) -> Result<Value, Refusal> {
    checked(call, &["state", "description", "context", "targetUrl"])?;
    if !pulls.is_commit(commit) {
        let text = format!("TF401175: The commit {commit} does not exist.");
        return Err(Refusal::new(404, "GitCommitDoesNotExistException", &text));
    }
    let state = text(call, "state")?;
    let known = ["notSet", "pending", "succeeded", "failed", "error", "notApplicable"];
    if !known.contains(&state.as_str()) || call.body["context"]["name"].as_str().is_none() {
        return Err(Refusal::new(400, "InvalidArgumentValueException", "no such state or context"));
    }
    pulls.next_status += 1;
    let mut status = call.body.clone();
    status["id"] = json!(pulls.next_status);
    status["creationDate"] = json!(moment(now()));
    status["createdBy"] = identity(FACTORY);
    pulls.statuses.entry(commit.to_owned()).or_default().push(status.clone());
    Ok(status)
}

fn shown(pulls: &Pulls, number: u64, base: &str) -> Value {
    let pull = pulls.pull(number);
    let head = match pull.status {
        "active" => pulls.head(&pull.source).unwrap_or_else(|| pull.head.clone()),
        _ => pull.head.clone(),
    };
    let url = format!("{base}/repositories/{REPOSITORY_ID}");
    let commit = |id: &str| json!({ "commitId": id, "url": format!("{url}/commits/{id}") });
    let reviewers: Vec<Value> =
        pull.reviewers.iter().map(|(who, vote)| reviewer(who, *vote)).collect();
    let project = json!({ "id": PROJECT_ID, "name": PROJECT, "state": "unchanged" });
    let mut shown = json!({
        "pullRequestId": number, "codeReviewId": number, "status": pull.status, "createdBy": identity(&pull.author),
        "creationDate": "2026-06-01T00:00:00Z", "title": pull.title, "description": pull.description,
        "sourceRefName": format!("refs/heads/{}", pull.source), "targetRefName": format!("refs/heads/{}", pull.target),
        "mergeStatus": if pull.is_known { "succeeded" } else { "queued" }, "isDraft": pull.draft,
        "lastMergeSourceCommit": commit(&head), "reviewers": reviewers, "supportsIterations": true,
        "url": format!("{url}/pullRequests/{number}"),
        "repository": { "id": REPOSITORY_ID, "name": REPOSITORY, "url": url, "project": project },
    });
    if let Some(merge) = &pull.merge {
        shown["lastMergeCommit"] = commit(merge);
    }
    shown
}
