//! What GitHub answers, as far as it is looked at.

use serde::Deserialize;

/// A refusal.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Complaint {
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    errors: Vec<serde_json::Value>,
}

impl Complaint {
    /// In one line.
    pub(super) fn text(&self) -> String {
        let mut text = self.message.clone().unwrap_or_default();
        for error in &self.errors {
            let get = |name: &str| error.get(name).and_then(serde_json::Value::as_str);
            let more = match (error.as_str(), get("message"), get("field")) {
                (Some(said), _, _) | (None, Some(said), _) => said.to_owned(),
                (None, None, Some(field)) => {
                    format!("{field} is {}", get("code").unwrap_or("wrong"))
                }
                (None, None, None) => continue,
            };
            text = format!("{text}: {more}");
        }
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

/// An account.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct User {
    pub(super) login: String,
}

/// A label.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Label {
    pub(super) name: String,
}

/// A team.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Team {
    pub(super) slug: String,
}

/// One end of a pull request.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct End {
    #[serde(rename = "ref")]
    pub(super) branch: String,
    pub(super) sha: String,
}

/// A pull request.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Pull {
    pub(super) number: u64,
    pub(super) node_id: String,
    pub(super) html_url: String,
    pub(super) state: String,
    #[serde(default)]
    pub(super) draft: bool,
    pub(super) title: String,
    pub(super) body: Option<String>,
    pub(super) user: Option<User>,
    pub(super) head: End,
    pub(super) base: End,
    pub(super) merged_at: Option<String>,
    pub(super) merge_commit_sha: Option<String>,
    #[serde(default)]
    pub(super) mergeable: Option<bool>,
    #[serde(default)]
    pub(super) labels: Vec<Label>,
    #[serde(default)]
    pub(super) requested_reviewers: Option<Vec<User>>,
    #[serde(default)]
    pub(super) requested_teams: Option<Vec<Team>>,
}

impl Pull {
    pub(super) fn is_open(&self) -> bool {
        self.state == "open"
    }
}

/// A ref.
#[derive(Debug, Deserialize)]
pub(super) struct Ref {
    pub(super) object: Object,
}

/// What a ref points to.
#[derive(Debug, Deserialize)]
pub(super) struct Object {
    pub(super) sha: String,
}

/// Check runs of a commit.
#[derive(Debug, Deserialize)]
pub(super) struct CheckRuns {
    pub(super) check_runs: Vec<CheckRun>,
}

/// A check run.
#[derive(Debug, Deserialize)]
pub(super) struct CheckRun {
    pub(super) name: String,
    pub(super) status: String,
    pub(super) conclusion: Option<String>,
    pub(super) html_url: Option<String>,
    #[serde(default)]
    pub(super) output: Option<Output>,
}

/// What a check run says of itself.
#[derive(Debug, Deserialize)]
pub(super) struct Output {
    pub(super) title: Option<String>,
    pub(super) summary: Option<String>,
}

/// Statuses of a commit.
#[derive(Debug, Deserialize)]
pub(super) struct Combined {
    pub(super) statuses: Vec<Status>,
}

/// A status.
#[derive(Debug, Deserialize)]
pub(super) struct Status {
    pub(super) context: String,
    pub(super) state: String,
    pub(super) description: Option<String>,
    pub(super) target_url: Option<String>,
}

/// A review.
#[derive(Debug, Deserialize)]
pub(super) struct Review {
    pub(super) user: Option<User>,
    pub(super) state: String,
    #[serde(default)]
    pub(super) body: Option<String>,
    #[serde(default)]
    pub(super) author_association: String,
    #[serde(default)]
    pub(super) submitted_at: Option<String>,
}

/// An answer to GraphQL.
#[derive(Debug, Deserialize)]
pub(super) struct Graph<T> {
    pub(super) data: Option<T>,
    #[serde(default)]
    pub(super) errors: Vec<GraphError>,
}

/// What is wrong.
#[derive(Debug, Deserialize)]
pub(super) struct GraphError {
    #[serde(default, rename = "type")]
    pub(super) kind: String,
    #[serde(default)]
    pub(super) message: String,
}

/// The answer to [`super::documents::CONVERSATIONS`].
#[derive(Debug, Deserialize)]
pub(super) struct Conversations {
    pub(super) repository: Option<InRepository>,
}

/// The repository of it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct InRepository {
    pub(super) pull_request: Option<InPull>,
}

/// The pull request of it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct InPull {
    pub(super) merge_state_status: String,
    pub(super) review_threads: Connection<Thread>,
}

/// A page of something.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Connection<T> {
    #[serde(default = "Option::default")]
    pub(super) page_info: Option<PageInfo>,
    #[serde(default)]
    pub(super) total_count: usize,
    pub(super) nodes: Vec<Option<T>>,
}

/// Whether there is more.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PageInfo {
    pub(super) has_next_page: bool,
    pub(super) end_cursor: Option<String>,
}

/// A conversation.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Thread {
    pub(super) id: String,
    pub(super) is_resolved: bool,
    pub(super) path: Option<String>,
    pub(super) line: Option<u32>,
    pub(super) original_line: Option<u32>,
    pub(super) comments: Connection<Comment>,
}

/// What somebody said in it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Comment {
    pub(super) author: Option<User>,
    pub(super) author_association: String,
    pub(super) body: String,
}
