//! What is known of a repository's issues, so that what has not changed need not be read again.

use std::collections::{BTreeMap, BTreeSet};

use tokio::time::Instant;

use super::references::{Reference, blockers};
use super::wire::Issue;
use super::{GithubSettings, Repository};
use crate::domain::ids::ItemId;
use crate::domain::time::Timestamp;
use crate::domain::work_item::{ItemState, WorkItem};

/// One repository.
#[derive(Debug, Clone)]
pub(super) struct Mirror {
    /// When everything was read last.
    pub(super) everything_at: Instant,
    /// When it was last looked whether something has changed.
    pub(super) read_at: Instant,
    /// Changes from here on may be unknown, by the service's clock.
    pub(super) since: Timestamp,
    /// The state of the listing of changes since then.
    pub(super) etag: Option<String>,
    /// The issues that are the factory's business.
    pub(super) watched: BTreeMap<u64, Watched>,
    /// How far others are that some of them wait for.
    pub(super) others: BTreeMap<Reference, Standing>,
}

/// An issue that is the factory's business.
#[derive(Debug, Clone)]
pub(super) struct Watched {
    /// What it says, or why it cannot be understood.
    pub(super) issue: Result<Issue, String>,
    /// What it waits for by the dependencies that people drew, beside what its text says.
    pub(super) linked: BTreeSet<Reference>,
}

/// How far an issue is that is not the factory's business.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Done.
    Completed,
    /// Open, given up, or not to be seen.
    Otherwise,
}

impl Standing {
    pub(super) fn of(state: &str, reason: Option<&str>) -> Self {
        match (state, reason) {
            ("closed", Some("not_planned" | "duplicate")) => Self::Otherwise,
            ("closed", _) => Self::Completed,
            _ => Self::Otherwise,
        }
    }
}

impl Watched {
    /// Everything it waits for.
    pub(super) fn blockers(&self, repository: &Repository) -> BTreeSet<Reference> {
        let Ok(issue) = &self.issue else { return BTreeSet::new() };
        let mut found = blockers(issue.body.as_deref().unwrap_or_default(), &repository.name);
        found.extend(self.linked.iter().cloned());
        found.remove(&Reference::new(&repository.name, issue.number));
        found
    }

    /// Whether both are understood and this is the later copy.
    pub(super) fn is_newer_than(&self, other: &Self) -> bool {
        match (&self.issue, &other.issue) {
            // RFC 3339 in UTC: texts are in the order of their moments.
            (Ok(this), Ok(other)) => this.updated_at > other.updated_at,
            _ => false,
        }
    }
}

impl Mirror {
    /// Takes an issue over, unless it is an older copy than the one that is known.
    pub(super) fn put(&mut self, number: u64, watched: Watched) {
        match self.watched.get(&number) {
            Some(known) if known.is_newer_than(&watched) => {}
            _ => drop(self.watched.insert(number, watched)),
        }
    }

    /// What an issue waits for: what is done does not count, unless it is the factory's business, which knows better.
    pub(super) fn item(
        &self,
        settings: &GithubSettings,
        repository: &Repository,
        watched: &Watched,
    ) -> Option<WorkItem> {
        let issue = watched.issue.as_ref().ok()?;
        let blockers = watched.blockers(repository);
        let open = blockers.iter().filter(|reference| match self.own(repository, reference) {
            Some(other) => settings.labels.state(other) != ItemState::Done,
            None => self.others.get(reference) != Some(&Standing::Completed),
        });
        let blocked_by: Vec<ItemId> = open.map(|reference| settings.id_of(reference)).collect();
        Some(settings.item(repository, issue, blocked_by))
    }

    /// A watched issue of this repository.
    pub(super) fn own(&self, repository: &Repository, reference: &Reference) -> Option<&Issue> {
        let here = repository.name.eq_ignore_ascii_case(&reference.repository);
        let watched = self.watched.get(&reference.number).filter(|_| here)?;
        watched.issue.as_ref().ok()
    }

    /// Blockers whose standing nobody has asked for.
    pub(super) fn unknown(&self, repository: &Repository) -> BTreeSet<Reference> {
        let all = self.watched.values().flat_map(|watched| watched.blockers(repository));
        all.filter(|reference| {
            self.own(repository, reference).is_none() && !self.others.contains_key(reference)
        })
        .collect()
    }
}
