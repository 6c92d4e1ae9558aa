//! What the service answers with.

use serde::Deserialize;
use serde_json::{Map, Value};

/// A work item as the service has it.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct RawItem {
    pub(super) id: u64,
    pub(super) rev: u64,
    #[serde(default)]
    pub(super) fields: Map<String, Value>,
    #[serde(default)]
    pub(super) relations: Option<Vec<Relation>>,
    /// Which text fields are Markdown; the others are HTML.
    #[serde(default, rename = "multilineFieldsFormat")]
    pub(super) formats: Option<Map<String, Value>>,
}

/// A link of a work item.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Relation {
    pub(super) rel: String,
    #[serde(default)]
    pub(super) url: String,
    #[serde(default)]
    attributes: Option<Map<String, Value>>,
}

impl Relation {
    /// Name of an attached file.
    pub(super) fn name(&self) -> Option<&str> {
        self.attributes.as_ref()?.get("name")?.as_str()
    }
}

/// A file that was uploaded.
#[derive(Debug, Deserialize)]
pub(super) struct Uploaded {
    pub(super) url: String,
}

/// A repository, by the numbers that links name it by.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct RepositoryIds {
    pub(super) id: String,
    pub(super) project: Person,
}

/// A comment. Older versions of the service call its number `commentId`.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct RawComment {
    #[serde(alias = "commentId")]
    pub(super) id: u64,
    #[serde(default)]
    pub(super) text: String,
    #[serde(default, rename = "isDeleted")]
    pub(super) is_deleted: bool,
    #[serde(default, rename = "createdBy")]
    pub(super) author: Option<Person>,
}

/// Someone.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Person {
    #[serde(default)]
    pub(super) id: String,
}

/// Who is asking.
#[derive(Debug, Deserialize)]
pub(super) struct Connection {
    #[serde(rename = "authenticatedUser")]
    pub(super) user: Person,
}

/// A type as the service describes it.
#[derive(Debug, Deserialize)]
pub(super) struct RawType {
    pub(super) name: String,
    #[serde(default, rename = "referenceName")]
    pub(super) reference: String,
    #[serde(default, rename = "isDisabled")]
    pub(super) is_disabled: bool,
    #[serde(default)]
    pub(super) states: Vec<RawState>,
}

/// A state of a type.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct RawState {
    pub(super) name: String,
    #[serde(default)]
    pub(super) category: String,
}

/// A list.
#[derive(Deserialize)]
pub(super) struct List<T> {
    pub(super) value: Vec<T>,
}

/// Some of the comments of an item.
#[derive(Deserialize)]
pub(super) struct Comments {
    #[serde(default)]
    pub(super) comments: Vec<RawComment>,
    #[serde(default, rename = "continuationToken")]
    pub(super) more: Option<String>,
}

/// Which items a query has found.
#[derive(Debug, Deserialize)]
pub(super) struct Found {
    /// The moment that the answer is true for, by the service's clock.
    #[serde(default, rename = "asOf")]
    pub(super) as_of: String,
    #[serde(rename = "workItems")]
    items: Vec<Reference>,
}

#[derive(Debug, Deserialize)]
struct Reference {
    id: u64,
}

impl Found {
    /// Their numbers.
    pub(super) fn ids(&self) -> impl Iterator<Item = u64> {
        self.items.iter().map(|item| item.id)
    }
}
