//! What the server answers.

use std::hash::{DefaultHasher, Hash, Hasher};

use serde_json::{Value, json};

use super::shown::shown_repository;
use super::world::{Comment, Fate, Issue, World};
use super::{ACCOUNT, Answer, Asked, TOKEN};

impl World {
    pub(super) fn answer(&mut self, asked: &Asked) -> Answer {
        let answer = self.checked(asked).unwrap_or_else(|answer| answer);
        let mut answer = conditional(asked, answer);
        answer.headers.push(("date", http_date(self.now())));
        let window = self.now() + 3600;
        if let Some(left) = self.remaining.as_mut().filter(|_| answer.status != 304) {
            *left = left.saturating_sub(1);
        }
        let left = self.remaining.unwrap_or(4999);
        answer.headers.push(("x-ratelimit-limit", "5000".to_owned()));
        answer.headers.push(("x-ratelimit-remaining", left.to_string()));
        answer.headers.push(("x-ratelimit-reset", window.to_string()));
        answer
    }

    /// The rules that hold for every request.
    fn checked(&mut self, asked: &Asked) -> Result<Answer, Answer> {
        if asked.header("user-agent").is_empty() {
            return Err(plain(
                403,
                "Request forbidden by administrative rules. Please make sure your request has a User-Agent header",
            ));
        }
        if asked.header("x-github-api-version") != "2022-11-28" {
            return Err(message(400, "The version of the API is not supported"));
        }
        if asked.header("accept") != "application/vnd.github+json" {
            return Err(message(415, "Unsupported 'Accept' header"));
        }
        if asked.header("authorization") != format!("Bearer {TOKEN}") {
            return Err(message(401, "Bad credentials"));
        }
        if self.remaining == Some(0) {
            return Err(message(403, "API rate limit exceeded for user ID 1."));
        }
        if self.read_only && asked.method != "GET" {
            let mut refused = message(403, "Resource not accessible by personal access token");
            refused.headers.push(("x-accepted-github-permissions", "issues=write".to_owned()));
            return Err(refused);
        }
        let body = match asked.bytes.is_empty() {
            true => Value::Null,
            false if asked.header("content-type") != "application/json" => {
                return Err(message(415, "The body is not JSON"));
            }
            false => serde_json::from_slice(&asked.bytes)
                .map_err(|_| message(400, "Problems parsing JSON"))?,
        };
        let path: Vec<String> =
            asked.path.split('/').filter(|it| !it.is_empty()).map(decoded).collect();
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        match (asked.method.as_str(), path.as_slice()) {
            ("GET", ["user"]) => Ok(done(200, &account(ACCOUNT))),
            ("POST", ["graphql"]) => Ok(self.graph(&body)),
            (_, ["repos", owner, name, rest @ ..]) => {
                let repository = format!("{owner}/{name}");
                if !self.has_repository(&repository) {
                    return Err(not_found());
                }
                self.below(asked, &repository, rest, &body)
            }
            _ => Err(not_found()),
        }
    }

    fn below(
        &mut self,
        asked: &Asked,
        repository: &str,
        path: &[&str],
        body: &Value,
    ) -> Result<Answer, Answer> {
        let number = |text: &str| text.parse::<u64>().map_err(|_| not_found());
        match (asked.method.as_str(), path) {
            ("GET", []) => Ok(done(200, &self.about(repository))),
            ("GET", ["issues"]) => self.listed(asked, repository),
            ("DELETE", ["issues", "comments", id]) => self.delete_comment(repository, number(id)?),
            ("PATCH", ["issues", "comments", id]) => {
                self.edit_comment(repository, number(id)?, body)
            }
            ("GET", ["issues", it]) => {
                let issue = self.here(repository, number(it)?)?;
                Ok(done(200, &render(repository, issue)))
            }
            ("POST", ["issues"]) => self.create(repository, body),
            ("POST", ["issues", it, "sub_issues"]) => {
                self.hang_below(repository, number(it)?, body)
            }
            ("PATCH", ["issues", it]) => self.patch(repository, number(it)?, body),
            ("GET", ["issues", it, "comments"]) => {
                let issue = self.here(repository, number(it)?)?;
                let all: Vec<Value> =
                    issue.comments.iter().map(|it| comment(repository, issue.number, it)).collect();
                paged(asked, &all)
            }
            ("POST", ["issues", it, "comments"]) => self.add_comment(repository, number(it)?, body),
            ("POST", ["issues", it, "labels"]) => self.add_labels(repository, number(it)?, body),
            ("DELETE", ["issues", it, "labels", label]) => {
                self.remove_label(repository, number(it)?, label)
            }
            ("GET", ["issues", it, "dependencies", "blocked_by"]) => {
                let issue = self.here(repository, number(it)?)?;
                let blockers = issue.blocked_by.iter();
                let all: Vec<Value> = blockers
                    .filter_map(|(other, number)| Some(render(other, self.issue(other, *number)?)))
                    .collect();
                paged(asked, &all)
            }
            _ => self.pull_answer(asked, repository, path, body),
        }
    }

    fn about(&self, repository: &str) -> Value {
        let may = !self.read_only;
        let mut shown = shown_repository(repository);
        shown["permissions"] =
            json!({ "admin": false, "maintain": false, "push": may, "triage": may, "pull": true });
        // One that stands alone tells this too.
        shown["network_count"] = json!(0);
        shown["subscribers_count"] = json!(0);
        shown
    }

    /// The issue, if it is there.
    fn here(&self, repository: &str, number: u64) -> Result<&Issue, Answer> {
        let issue = self.issue(repository, number).ok_or_else(not_found)?;
        match issue.fate {
            Fate::Here => Ok(issue),
            Fate::Deleted => Err(message(410, "This issue was deleted")),
            Fate::Transferred => {
                let mut moved = message(301, "Moved Permanently");
                moved.headers.push(("location", "/repositories/2/issues/1".to_owned()));
                Err(moved)
            }
        }
    }

    fn listed(&self, asked: &Asked, repository: &str) -> Result<Answer, Answer> {
        let query = parameters(&asked.query);
        let get =
            |name: &str| query.iter().find(|(it, _)| it == name).map(|(_, value)| value.as_str());
        let state = get("state").unwrap_or("open");
        if !matches!(state, "open" | "closed" | "all") {
            return Err(invalid("Issue", "state"));
        }
        let since = match get("since") {
            Some(text) => Some(instant(text).ok_or_else(|| invalid("Issue", "since"))?),
            None => None,
        };
        let labels: Vec<String> = get("labels")
            .unwrap_or_default()
            .split(',')
            .filter(|it| !it.is_empty())
            .map(str::to_lowercase)
            .collect();
        let mut found: Vec<&Issue> = self
            .issues(repository)
            .filter(|issue| issue.fate == Fate::Here)
            .filter(|issue| state == "all" || issue.open == (state == "open"))
            .filter(|issue| since.is_none_or(|since| issue.updated >= since))
            .filter(|issue| {
                let has =
                    |label: &String| issue.labels.iter().any(|it| it.to_lowercase() == *label);
                labels.iter().all(has)
            })
            .filter(|issue| get("creator").is_none_or(|it| issue.author == it))
            .filter(|issue| {
                get("assignee").is_none_or(|it| issue.assignees.iter().any(|one| one == it))
            })
            .collect();
        found.sort_by_key(|issue| match get("sort").unwrap_or("created") {
            "updated" => (issue.updated, issue.number),
            _ => (issue.created, issue.number),
        });
        if get("direction").unwrap_or("desc") == "desc" {
            found.reverse();
        }
        let all: Vec<Value> = found.into_iter().map(|issue| render(repository, issue)).collect();
        paged(asked, &all)
    }

    fn patch(&mut self, repository: &str, number: u64, body: &Value) -> Result<Answer, Answer> {
        self.here(repository, number)?;
        let fields =
            body.as_object().ok_or_else(|| message(400, "Body should be a JSON object"))?;
        let open = match fields.get("state").map(Value::as_str) {
            None => None,
            Some(Some("open")) => Some(true),
            Some(Some("closed")) => Some(false),
            Some(_) => return Err(invalid("Issue", "state")),
        };
        let reason = fields.get("state_reason").and_then(Value::as_str);
        if !matches!(reason, None | Some("completed" | "not_planned" | "duplicate" | "reopened")) {
            return Err(invalid("Issue", "state_reason"));
        }
        if fields.keys().any(|field| !matches!(field.as_str(), "state" | "state_reason")) {
            return Err(message(422, "The factory changes nothing else of an issue"));
        }
        self.edit(repository, number, |issue| {
            issue.open = open.unwrap_or(issue.open);
            issue.reason = match (issue.open, reason) {
                (false, reason) => Some(reason.unwrap_or("completed").to_owned()),
                (true, _) => Some("reopened".to_owned()),
            };
        });
        let issue = self.here(repository, number)?;
        Ok(done(200, &render(repository, issue)))
    }

    fn add_comment(
        &mut self,
        repository: &str,
        number: u64,
        body: &Value,
    ) -> Result<Answer, Answer> {
        self.here(repository, number)?;
        let text = text_of(body)?;
        let id = self.comment(repository, number, ACCOUNT, &text);
        let (_, added) = self.find_comment(repository, id).ok_or_else(not_found)?;
        Ok(done(201, &comment(repository, number, added)))
    }

    fn delete_comment(&mut self, repository: &str, id: u64) -> Result<Answer, Answer> {
        let (number, found) = self.find_comment(repository, id).ok_or_else(not_found)?;
        if found.author != ACCOUNT {
            return Err(message(403, "Must have admin rights to Repository."));
        }
        self.here(repository, number)?;
        self.edit(repository, number, |issue| issue.comments.retain(|comment| comment.id != id));
        Ok(Answer { status: 204, headers: Vec::new(), body: String::new() })
    }

    fn edit_comment(&mut self, repository: &str, id: u64, body: &Value) -> Result<Answer, Answer> {
        let text = text_of(body)?;
        let (number, found) = self.find_comment(repository, id).ok_or_else(not_found)?;
        if found.author != ACCOUNT {
            return Err(message(403, "Must have admin rights to Repository."));
        }
        self.here(repository, number)?;
        let now = self.now() + 1;
        self.edit(repository, number, |issue| {
            for comment in issue.comments.iter_mut().filter(|comment| comment.id == id) {
                comment.body.clone_from(&text);
                comment.updated = now;
            }
        });
        let (_, edited) = self.find_comment(repository, id).ok_or_else(not_found)?;
        Ok(done(200, &comment(repository, number, edited)))
    }

    fn add_labels(
        &mut self,
        repository: &str,
        number: u64,
        body: &Value,
    ) -> Result<Answer, Answer> {
        self.here(repository, number)?;
        let labels = body
            .get("labels")
            .and_then(Value::as_array)
            .ok_or_else(|| invalid("Label", "labels"))?;
        let mut names = Vec::new();
        for label in labels {
            let name = label.as_str().ok_or_else(|| invalid("Label", "name"))?;
            if name.is_empty() || name.chars().count() > 50 || name.contains(',') {
                return Err(invalid("Label", "name"));
            }
            names.push(name.to_owned());
        }
        let has =
            |issue: &Issue, name: &str| issue.labels.iter().any(|it| it.eq_ignore_ascii_case(name));
        self.edit(repository, number, |issue| {
            for name in names {
                if !has(issue, &name) {
                    issue.labels.push(name);
                }
            }
        });
        Ok(self.labels_of(repository, number))
    }

    fn remove_label(
        &mut self,
        repository: &str,
        number: u64,
        label: &str,
    ) -> Result<Answer, Answer> {
        let issue = self.here(repository, number)?;
        if !issue.labels.iter().any(|it| it.eq_ignore_ascii_case(label)) {
            return Err(message(404, "Label does not exist"));
        }
        self.edit(repository, number, |issue| {
            issue.labels.retain(|it| !it.eq_ignore_ascii_case(label));
        });
        Ok(self.labels_of(repository, number))
    }

    fn labels_of(&self, repository: &str, number: u64) -> Answer {
        let labels = self.issue(repository, number).map(|issue| issue.labels.as_slice());
        let labels: Vec<Value> = labels.unwrap_or_default().iter().map(|it| label(it)).collect();
        done(200, &Value::Array(labels))
    }
}

/// An answer without a body where the asker has it already.
fn conditional(asked: &Asked, mut answer: Answer) -> Answer {
    if asked.method != "GET" || answer.status != 200 {
        return answer;
    }
    let mut hasher = DefaultHasher::new();
    (&answer.body, &answer.headers).hash(&mut hasher);
    let etag = format!("W/\"{:016x}\"", hasher.finish());
    if asked.header("if-none-match") == etag {
        answer.status = 304;
        answer.body.clear();
        answer.headers.clear();
    }
    answer.headers.push(("etag", etag));
    answer
}

/// One page of `all`, with a link to the next.
pub(super) fn paged(asked: &Asked, all: &[Value]) -> Result<Answer, Answer> {
    let query = parameters(&asked.query);
    let number = |name: &str, otherwise: usize| match query.iter().find(|(it, _)| it == name) {
        Some((_, value)) => value.parse::<usize>().map_err(|_| invalid("Page", name)),
        None => Ok(otherwise),
    };
    let (page, size) = (number("page", 1)?.max(1), number("per_page", 30)?.clamp(1, 100));
    let shown: Vec<&Value> = all.iter().skip((page - 1) * size).take(size).collect();
    let mut answer = done(200, &json!(shown));
    if all.len() > page * size {
        let rest: Vec<&str> =
            asked.query.split('&').filter(|it| !it.starts_with("page=")).collect();
        let path = &asked.path;
        let next = format!("https://api.github.example{path}?{}&page={}", rest.join("&"), page + 1);
        let last = next.replace(&format!("&page={}", page + 1), "&page=99");
        answer.headers.push(("link", format!("<{next}>; rel=\"next\", <{last}>; rel=\"last\"")));
    }
    Ok(answer)
}

fn text_of(body: &Value) -> Result<String, Answer> {
    match body.get("body").and_then(Value::as_str) {
        None | Some("") => Err(invalid("IssueComment", "body")),
        Some(text) if text.chars().count() > 65_536 => {
            Err(message(422, "Body is too long (maximum is 65536 characters)"))
        }
        Some(text) => Ok(text.to_owned()),
    }
}

pub(super) fn render(repository: &str, issue: &Issue) -> Value {
    let base = format!("https://api.github.example/repos/{repository}");
    let address = format!("{base}/issues/{}", issue.number);
    let labels: Vec<Value> = issue.labels.iter().map(|it| label(it)).collect();
    let assignees: Vec<Value> = issue.assignees.iter().map(|it| user(it)).collect();
    let mut value = json!({
        "id": issue.id, "node_id": format!("I_{}", issue.id), "url": address, "repository_url": base,
        "labels_url": format!("{address}/labels{{/name}}"), "comments_url": format!("{address}/comments"),
        "events_url": format!("{address}/events"), "html_url": format!("https://github.example/{repository}/issues/{}", issue.number),
        "number": issue.number, "state": if issue.open { "open" } else { "closed" }, "state_reason": issue.reason,
        "title": issue.title, "body": issue.body, "user": user(&issue.author), "labels": labels,
        "assignee": assignees.first(), "assignees": assignees, "milestone": null, "locked": false,
        "active_lock_reason": null, "comments": issue.comments.len(),
        "closed_at": (!issue.open).then(|| iso(issue.updated)), "created_at": iso(issue.created), "updated_at": iso(issue.updated),
        "author_association": issue.association,
        "issue_dependencies_summary": {
            "blocked_by": issue.blocked_by.len(), "blocking": 0, "total_blocked_by": issue.blocked_by.len(), "total_blocking": 0,
        },
    });
    if let Some((other, number)) = &issue.parent {
        value["parent_issue_url"] =
            json!(format!("https://api.github.example/repos/{other}/issues/{number}"));
    }
    if issue.is_pull_request {
        value["pull_request"] = json!({ "url": format!("{base}/pulls/{}", issue.number) });
    }
    if issue.is_damaged {
        value["title"] = Value::Null;
    }
    value
}

fn comment(repository: &str, number: u64, comment: &Comment) -> Value {
    let base = format!("https://api.github.example/repos/{repository}/issues");
    json!({
        "id": comment.id, "node_id": format!("IC_{}", comment.id), "url": format!("{base}/comments/{}", comment.id),
        "html_url": format!("https://github.example/{repository}/issues/{number}#issuecomment-{}", comment.id),
        "issue_url": format!("{base}/{number}"), "body": comment.body, "user": user(&comment.author),
        "created_at": iso(comment.created), "updated_at": iso(comment.updated), "author_association": "MEMBER",
    })
}

pub(super) fn label(name: &str) -> Value {
    json!({
        "id": 1, "node_id": "LA_1", "url": format!("https://api.github.example/labels/{name}"), "name": name,
        "description": null, "color": "ededed", "default": false,
    })
}

pub(super) fn user(login: &str) -> Value {
    let base = format!("https://api.github.example/users/{login}");
    let below = |name: &str| format!("{base}/{name}");
    json!({
        "login": login, "id": 1, "node_id": "U_1", "type": "User", "site_admin": false, "gravatar_id": "",
        "avatar_url": format!("https://avatars.github.example/{login}"),
        "html_url": format!("https://github.example/{login}"), "url": base,
        "followers_url": below("followers"), "following_url": below("following{/other_user}"),
        "gists_url": below("gists{/gist_id}"), "starred_url": below("starred{/owner}{/repo}"),
        "subscriptions_url": below("subscriptions"), "organizations_url": below("orgs"), "repos_url": below("repos"),
        "events_url": below("events{/privacy}"), "received_events_url": below("received_events"),
    })
}

/// An account as its owner sees it.
fn account(login: &str) -> Value {
    let mut account = user(login);
    for name in ["name", "company", "location", "email", "hireable", "bio"] {
        account[name] = Value::Null;
    }
    for name in ["public_repos", "public_gists", "followers", "following"] {
        account[name] = json!(0);
    }
    account["blog"] = json!("");
    account["user_view_type"] = json!("public");
    account["created_at"] = json!(iso(1_700_000_000));
    account["updated_at"] = json!(iso(1_700_000_000));
    account
}

pub(super) fn done(status: u16, body: &Value) -> Answer {
    Answer { status, headers: Vec::new(), body: body.to_string() }
}

fn plain(status: u16, text: &str) -> Answer {
    Answer { status, headers: Vec::new(), body: text.to_owned() }
}

pub(super) fn message(status: u16, text: &str) -> Answer {
    done(
        status,
        &json!({ "message": text, "documentation_url": "https://docs.github.example/rest", "status": status.to_string() }),
    )
}

pub(super) fn not_found() -> Answer {
    message(404, "Not Found")
}

pub(super) fn invalid(resource: &str, field: &str) -> Answer {
    let errors = json!([{ "resource": resource, "field": field, "code": "invalid" }]);
    done(
        422,
        &json!({ "message": "Validation Failed", "errors": errors, "documentation_url": "https://docs.github.example/rest" }),
    )
}

pub(super) fn parameters(query: &str) -> Vec<(String, String)> {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (decoded(name), decoded(&value.replace('+', " ")))).collect()
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let code = after
            .get(..2)
            .and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        match (first, code) {
            (b'%', Some(code)) => {
                bytes.push(code);
                rest = &after[2..];
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn instant(text: &str) -> Option<u64> {
    let at = chrono::DateTime::parse_from_rfc3339(text).ok()?;
    u64::try_from(at.timestamp()).ok()
}

pub(super) fn iso(seconds: u64) -> String {
    calendar(seconds).format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn http_date(seconds: u64) -> String {
    calendar(seconds).format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

fn calendar(seconds: u64) -> chrono::DateTime<chrono::Utc> {
    let seconds = i64::try_from(seconds).expect("a time");
    chrono::DateTime::from_timestamp(seconds, 0).expect("a time")
}
