//! Whether an item that is finished may be closed in its tracker without a person.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::ids::ItemId;
use super::time::Timestamp;
use super::work_item::{ItemState, WorkItem};

/// Repositories that a deferral names; more are only counted.
pub const MOST_NAMED: usize = 8;

/// Why an item is not closed by itself: its parts belong to more than one repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deferral {
    /// Repositories that are known, in order; [`MOST_NAMED`] at most.
    pub repositories: Vec<String>,
    /// How many there are, each part of which nobody can say where it belongs counted as one more.
    pub total: usize,
}

impl fmt::Display for Deferral {
    /// `it spans 2 repositories (api, web)`
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "it spans {} repositories", self.total)?;
        if self.repositories.is_empty() {
            return Ok(());
        }
        let more = if self.total > self.repositories.len() { ", …" } else { "" };
        write!(formatter, " ({}{more})", self.repositories.join(", "))
    }
}

/// How it stands with the close of an item that spans several repositories.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Closing {
    /// Nothing is known against it.
    #[default]
    Free,
    /// It is finished, and a person has to say so.
    Deferred {
        /// Why.
        deferral: Deferral,
        /// Since when.
        since: Timestamp,
    },
    /// A person said so.
    Acknowledged {
        /// Who.
        by: String,
        /// Why the whole is finished.
        reason: String,
        /// When.
        at: Timestamp,
    },
    /// It was closed in its tracker, and nobody said that the whole is finished.
    Unproven {
        /// Why somebody should have.
        deferral: Deferral,
        /// Since when.
        since: Timestamp,
    },
}

/// The guard before the factory closes `parent` (seed 001: `canAutoClose`).
///
/// An item without parts may always be closed. An epic may be closed when everything `below` it, at any depth, belongs to
/// one repository: then its parts were merged and checked on one branch, one after the other. Parts in several
/// repositories were each checked alone and never together, so a person has to say that the whole is finished.
///
/// `repository` says where an item belongs; what it cannot say counts as a repository of its own, because nothing proves
/// that it is one of the others. Cancelled parts have changed nothing and do not count. The parent itself counts where it
/// names a project: the epic's own place is otherwise that of its parts.
///
/// # Errors
/// The repositories it spans, for the ledger entry that waits for `acknowledge-close`.
pub fn can_auto_close(
    parent: &WorkItem,
    below: &[&WorkItem],
    repository: impl Fn(&WorkItem) -> Option<String>,
) -> Result<(), Deferral> {
    let parts: Vec<_> = below.iter().filter(|it| it.state != ItemState::Cancelled).collect();
    if parts.is_empty() {
        return Ok(());
    }
    let mut known = BTreeSet::new();
    let mut unknown = 0;
    let own = Some(parent).filter(|parent| parent.project.is_some());
    for item in parts.into_iter().copied().chain(own) {
        match repository(item) {
            Some(name) => {
                known.insert(name);
            }
            None => unknown += 1,
        }
    }
    let total = known.len() + unknown;
    if total <= 1 {
        return Ok(());
    }
    Err(Deferral { repositories: known.into_iter().take(MOST_NAMED).collect(), total })
}

/// Everything below `parent` among `items`, at any depth, each once; an item that is its own ancestor ends the descent.
#[must_use]
pub fn below<'a>(
    parent: &ItemId,
    items: &(impl Iterator<Item = &'a WorkItem> + Clone),
) -> Vec<&'a WorkItem> {
    let mut seen: BTreeSet<&ItemId> = BTreeSet::new();
    let mut found = Vec::new();
    let mut above = vec![parent];
    while let Some(wanted) = above.pop() {
        for item in items.clone().filter(|item| item.parent.as_ref() == Some(wanted)) {
            if item.id != *parent && seen.insert(&item.id) {
                found.push(item);
                above.push(&item.id);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests;
