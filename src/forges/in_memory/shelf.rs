//! What is in the memory of a forge.

use std::collections::{BTreeMap, VecDeque};

use super::super::ForgeError;
use super::Offered;
use crate::domain::ids::RunId;
use crate::domain::pull_request::{PullRequest, PullRequestState, RemoteCheck};

#[derive(Debug, Default)]
pub(super) struct Shelf {
    pub(super) branches: BTreeMap<String, Branch>,
    pub(super) pulls: BTreeMap<u64, Offered>,
    pub(super) checks: BTreeMap<String, BTreeMap<String, RemoteCheck>>,
    pub(super) refusals: VecDeque<ForgeError>,
    pub(super) lost: u32,
}

#[derive(Debug)]
pub(super) struct Branch {
    pub(super) head: String,
    /// Commits that it had, `head` the last.
    pub(super) commits: Vec<String>,
    pub(super) run: Option<RunId>,
    /// The first commit that a person brought.
    pub(super) foreign: Option<String>,
}

impl Shelf {
    pub(super) fn admit(&mut self) -> Result<(), ForgeError> {
        self.refusals.pop_front().map_or(Ok(()), Err)
    }

    pub(super) fn add(&mut self, mut offered: Offered) -> u64 {
        let number = self.pulls.last_key_value().map_or(1, |(last, _)| last + 1);
        offered.pull.number = number;
        offered.pull.url = format!("{}{number}", offered.pull.url);
        self.pulls.insert(number, offered);
        number
    }

    /// Open pull requests follow their branches.
    pub(super) fn follow(&mut self, branch: &str) {
        let Some(head) = self.branches.get(branch).map(|it| it.head.clone()) else { return };
        for offered in self.pulls.values_mut().filter(|it| it.pull.branch == branch) {
            if matches!(offered.pull.state, PullRequestState::Open { .. }) {
                offered.pull.head.clone_from(&head);
            }
        }
    }

    pub(super) fn shown(&self, number: u64) -> Option<PullRequest> {
        let mut pull = self.pulls.get(&number)?.pull.clone();
        let checks = self.checks.get(&pull.head);
        pull.checks = checks.into_iter().flat_map(|all| all.values().cloned()).collect();
        Some(pull)
    }
}

/// A pull request without a number.
pub(super) fn fresh(forge: &str, branch: &str, base: &str, head: &str, draft: bool) -> PullRequest {
    PullRequest {
        number: 0,
        url: format!("memory:{}/", forge.replace(' ', "/")),
        branch: branch.to_owned(),
        base: base.to_owned(),
        head: head.to_owned(),
        state: PullRequestState::Open { draft },
        mergeable: Some(true),
        checks: Vec::new(),
        reviews: Vec::new(),
        threads: Vec::new(),
    }
}

pub(super) fn add(to: &mut Vec<String>, more: &[String]) {
    for name in more {
        if !to.contains(name) {
            to.push(name.clone());
        }
    }
}
