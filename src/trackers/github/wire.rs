//! What GitHub answers, as far as it is looked at. Contract: `github-rest` 2022-11-28.

use serde::Deserialize;
use serde_json::Value;

/// An issue. Whatever may be missing without harm is optional.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Issue {
    pub(super) number: u64,
    pub(super) title: String,
    pub(super) body: Option<String>,
    /// `open` or `closed`.
    pub(super) state: String,
    /// `completed`, `not_planned`, `duplicate` or `reopened`.
    pub(super) state_reason: Option<String>,
    #[serde(deserialize_with = "names")]
    pub(super) labels: Vec<String>,
    pub(super) user: Option<User>,
    pub(super) assignees: Option<Vec<User>>,
    pub(super) author_association: Option<String>,
    pub(super) created_at: Option<String>,
    pub(super) updated_at: String,
    /// How many comments it has.
    pub(super) comments: Option<u64>,
    pub(super) parent_issue_url: Option<String>,
    pub(super) issue_dependencies_summary: Option<Dependencies>,
}

impl Issue {
    pub(super) fn is_open(&self) -> bool {
        self.state == "open"
    }

    /// Whether it has the label, whatever its case: GitHub's labels have none.
    pub(super) fn has(&self, label: &str) -> bool {
        self.labels.iter().any(|it| it.eq_ignore_ascii_case(label))
    }
}

/// A new issue: what hangs it below another one.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Created {
    pub(super) id: u64,
}

/// How many issues it waits for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Dependencies {
    /// Open ones.
    #[serde(default)]
    pub(super) blocked_by: u64,
}

/// An account.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct User {
    pub(super) login: String,
}

/// A comment.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Comment {
    pub(super) id: u64,
    pub(super) body: Option<String>,
    pub(super) user: Option<User>,
}

/// An issue of a dependency: enough to name it.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Linked {
    pub(super) number: u64,
    pub(super) repository_url: String,
    pub(super) state: String,
    pub(super) state_reason: Option<String>,
}

/// A repository, for `doctor`.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Repository {
    pub(super) has_issues: Option<bool>,
    pub(super) archived: Option<bool>,
    pub(super) permissions: Option<Permissions>,
}

/// What the account may do with a repository.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Permissions {
    #[serde(default)]
    pub(super) push: bool,
    #[serde(default)]
    pub(super) triage: bool,
}

/// What an error answer says.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Complaint {
    #[serde(default)]
    pub(super) message: String,
    #[serde(default)]
    pub(super) errors: Vec<Value>,
}

impl Complaint {
    /// The message with the codes of its parts, in one line.
    pub(super) fn text(&self) -> String {
        let part = |error: &Value| match error {
            Value::String(text) => Some(text.clone()),
            error => {
                let field = |name: &str| error.get(name).and_then(Value::as_str);
                let words = [field("resource"), field("field"), field("code"), field("message")];
                let words: Vec<&str> = words.into_iter().flatten().collect();
                (!words.is_empty()).then(|| words.join(" "))
            }
        };
        let parts: Vec<String> = self.errors.iter().filter_map(part).take(5).collect();
        let text = match parts.is_empty() {
            true => self.message.clone(),
            false => format!("{}: {}", self.message, parts.join(", ")),
        };
        text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(300).collect()
    }
}

/// Labels are objects with a name; in old answers they are the names themselves.
fn names<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let labels = Vec::<Value>::deserialize(deserializer)?;
    let name =
        |label: &Value| label.as_str().or_else(|| label.get("name")?.as_str()).map(str::to_owned);
    Ok(labels.iter().filter_map(name).collect())
}
