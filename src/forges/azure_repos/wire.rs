//! What Azure DevOps answers, as far as it is looked at.

use std::collections::BTreeMap;

use serde::Deserialize;

/// A list.
#[derive(Debug, Deserialize)]
pub(super) struct List<T> {
    #[serde(default = "Vec::new")]
    pub(super) value: Vec<T>,
}

/// Somebody.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Identity {
    pub(super) id: String,
    pub(super) unique_name: Option<String>,
    pub(super) display_name: Option<String>,
}

impl Identity {
    /// As the service names people.
    pub(super) fn name(&self) -> String {
        let name = self.unique_name.as_ref().or(self.display_name.as_ref());
        name.cloned().unwrap_or_else(|| self.id.clone())
    }

    /// Whether it is who `name` means.
    pub(super) fn is(&self, name: &str) -> bool {
        let same = |it: &str| it.eq_ignore_ascii_case(name);
        same(&self.id) || self.unique_name.as_deref().is_some_and(same)
    }
}

/// A commit.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Commit {
    pub(super) commit_id: String,
}

/// A repository or a project.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Place {
    pub(super) id: String,
    #[serde(default)]
    pub(super) project: Option<Box<Self>>,
}

/// A label.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Label {
    #[serde(default)]
    pub(super) name: String,
}

/// A reviewer with a vote.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Reviewer {
    id: String,
    unique_name: Option<String>,
    display_name: Option<String>,
    pub(super) vote: i32,
}

impl Reviewer {
    /// Who that is.
    pub(super) fn who(&self) -> Identity {
        let (unique_name, display_name) = (self.unique_name.clone(), self.display_name.clone());
        Identity { id: self.id.clone(), unique_name, display_name }
    }
}

/// A pull request.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Pull {
    pub(super) pull_request_id: u64,
    pub(super) status: String,
    #[serde(default)]
    pub(super) is_draft: bool,
    #[serde(default)]
    pub(super) title: String,
    #[serde(default)]
    pub(super) description: Option<String>,
    pub(super) source_ref_name: String,
    pub(super) target_ref_name: String,
    #[serde(default)]
    pub(super) created_by: Identity,
    #[serde(default)]
    pub(super) creation_date: Option<String>,
    #[serde(default)]
    pub(super) merge_status: Option<String>,
    #[serde(default)]
    pub(super) last_merge_source_commit: Option<Commit>,
    #[serde(default)]
    pub(super) last_merge_commit: Option<Commit>,
    #[serde(default)]
    pub(super) reviewers: Vec<Reviewer>,
    pub(super) repository: Place,
}

impl Pull {
    pub(super) fn is_open(&self) -> bool {
        self.status == "active"
    }
}

/// A ref.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Ref {
    pub(super) name: String,
    pub(super) object_id: String,
}

/// What a status is about.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct StatusContext {
    pub(super) name: String,
    #[serde(default)]
    pub(super) genre: Option<String>,
}

impl StatusContext {
    /// `genre/name`.
    pub(super) fn named(text: &str) -> Self {
        match text.rsplit_once('/') {
            Some((genre, name)) => Self { name: name.to_owned(), genre: Some(genre.to_owned()) },
            None => Self { name: text.to_owned(), genre: None },
        }
    }

    /// The same in one word.
    pub(super) fn text(&self) -> String {
        match self.genre.as_deref().filter(|genre| !genre.is_empty()) {
            Some(genre) => format!("{genre}/{}", self.name),
            None => self.name.clone(),
        }
    }
}

/// A status of a commit or of a pull request.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Status {
    #[serde(default)]
    pub(super) id: i64,
    #[serde(default)]
    pub(super) state: String,
    #[serde(default)]
    pub(super) description: Option<String>,
    pub(super) context: StatusContext,
    #[serde(default)]
    pub(super) target_url: Option<String>,
}

/// What a policy of the base branch says of a pull request.
#[derive(Debug, Deserialize)]
pub(super) struct Evaluation {
    #[serde(default)]
    pub(super) status: String,
    pub(super) configuration: Policy,
    #[serde(default)]
    pub(super) context: Option<PolicyContext>,
}

/// A policy.
#[derive(Debug, Deserialize)]
pub(super) struct Policy {
    #[serde(rename = "type")]
    pub(super) kind: PolicyKind,
    #[serde(default)]
    pub(super) settings: PolicySettings,
}

/// Of which kind a policy is.
#[derive(Debug, Deserialize)]
pub(super) struct PolicyKind {
    pub(super) id: String,
}

/// What it is called.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct PolicySettings {
    pub(super) display_name: Option<String>,
}

/// What it has done about the pull request.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct PolicyContext {
    pub(super) build_id: Option<u64>,
    pub(super) build_definition_name: Option<String>,
    pub(super) is_expired: bool,
}

/// A conversation.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Thread {
    pub(super) id: i64,
    #[serde(default)]
    pub(super) status: Option<String>,
    #[serde(default)]
    pub(super) is_deleted: bool,
    #[serde(default)]
    pub(super) thread_context: Option<ThreadContext>,
    #[serde(default)]
    pub(super) comments: Vec<Comment>,
    #[serde(default)]
    pub(super) properties: Option<BTreeMap<String, Property>>,
}

/// A property.
#[derive(Debug, Deserialize)]
pub(super) struct Property {
    #[serde(default, rename = "$value")]
    pub(super) value: serde_json::Value,
}

/// What a conversation is about.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ThreadContext {
    #[serde(default)]
    pub(super) file_path: Option<String>,
    #[serde(default)]
    pub(super) right_file_start: Option<Position>,
    #[serde(default)]
    pub(super) left_file_start: Option<Position>,
}

/// A place in a file.
#[derive(Debug, Deserialize)]
pub(super) struct Position {
    pub(super) line: u32,
}

/// What somebody, or the service, says.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Comment {
    #[serde(default)]
    pub(super) author: Identity,
    #[serde(default)]
    pub(super) content: Option<String>,
    #[serde(default)]
    pub(super) comment_type: Option<String>,
    #[serde(default)]
    pub(super) is_deleted: bool,
    #[serde(default)]
    pub(super) published_date: Option<String>,
}

/// A work item that is linked.
#[derive(Debug, Deserialize)]
pub(super) struct Linked {
    pub(super) id: String,
}

/// Who asks.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Connection {
    pub(super) authenticated_user: Identity,
}

/// Somebody who was looked up.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Found {
    pub(super) id: String,
    #[serde(default)]
    pub(super) provider_display_name: Option<String>,
    #[serde(default)]
    pub(super) properties: BTreeMap<String, Property>,
}
