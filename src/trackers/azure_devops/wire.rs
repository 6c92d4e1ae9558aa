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
