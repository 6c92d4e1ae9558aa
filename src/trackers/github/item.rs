//! An issue as a work item.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use super::super::part_mark::PartMark;
use super::super::visible;
use super::references::Reference;
use super::wire::Issue;
use super::{GithubSettings, GithubTracker, Repository, SOURCE};
use crate::domain::ids::ItemId;
use crate::domain::time::Timestamp;
use crate::domain::work_item::{Lane, Overrides, Priority, Trust, WorkItem};

/// Longest title, in characters; GitHub's own bound is 256.
const LONGEST_TITLE: usize = 256;

impl GithubSettings {
    /// What an issue of `repository` is called.
    pub(super) fn id(&self, repository: &Repository, number: u64) -> ItemId {
        ItemId(format!("{SOURCE}/{}#{number}", repository.name))
    }

    /// What any issue on the server is called.
    pub(super) fn id_of(&self, reference: &Reference) -> ItemId {
        let own = self.repositories.iter();
        let mut own = own.filter(|it| it.name.eq_ignore_ascii_case(&reference.repository));
        let name = own.next().map_or(reference.repository.as_str(), |it| it.name.as_str());
        ItemId(format!("{SOURCE}/{name}#{}", reference.number))
    }

    /// Whether `issue` was handed to the factory.
    pub(super) fn is_watched(&self, issue: &Issue) -> bool {
        let labelled = self.label.as_ref().is_none_or(|label| issue.has(label));
        let assigned = self.assignee.as_ref().is_none_or(|login| {
            let mut assignees = issue.assignees.iter().flatten();
            assignees.any(|user| user.login.eq_ignore_ascii_case(login))
        });
        labelled && assigned
    }

    /// The work item that `issue` is, waiting for `blocked_by`.
    pub(super) fn item(
        &self,
        repository: &Repository,
        issue: &Issue,
        blocked_by: Vec<ItemId>,
    ) -> WorkItem {
        let trusted = issue.author_association.as_ref().is_some_and(|association| {
            self.trusted.iter().any(|it| it.eq_ignore_ascii_case(association))
        });
        let text = issue.body.clone().unwrap_or_default();
        let mark = PartMark::is_in(&text)
            .then(|| PartMark::find(&text, &GithubTracker::signing_key(self)))
            .flatten();
        let (mark, text) = match mark {
            Some((mark, text)) => (Some(mark), text),
            None => (None, text),
        };
        // A part is no more trusted than what it is a part of, although the factory's own account has written it.
        let trusted = trusted && mark.as_ref().is_none_or(|mark| mark.trust == Trust::Trusted);
        let parent = issue.parent_issue_url.as_deref().and_then(Reference::of_address);
        let mut item = WorkItem {
            id: self.id(repository, issue.number),
            project: repository.project.clone(),
            title: visible::title(&issue.title).chars().take(LONGEST_TITLE).collect(),
            body: visible::body(&text.replace("\r\n", "\n")),
            state: self.labels.state(issue),
            priority: self.priority(issue),
            labels: self.human_labels(issue),
            lane: self.lane(issue),
            blocked_by,
            parent: parent
                .map(|parent| self.id_of(&parent))
                .or_else(|| mark.map(|mark| mark.parent)),
            author: issue.user.as_ref().map(|user| user.login.clone()),
            trust: if trusted { Trust::Trusted } else { Trust::Untrusted },
            created_at: issue.created_at.as_deref().and_then(Timestamp::from_rfc3339),
            revision: String::new(),
            overrides: Overrides::default(),
        };
        item.revision = revision(&item);
        item
    }

    /// The most urgent of the priorities that its labels name: `priority:high`, or `priority:p1`.
    fn priority(&self, issue: &Issue) -> Priority {
        let word = |text: &str| {
            let numbered = ["p0", "p1", "p2", "p3"].into_iter().zip(Priority::ALL);
            let mut numbered = numbered.filter(|(name, _)| name.eq_ignore_ascii_case(text.trim()));
            Priority::parse(text).or_else(|| numbered.next().map(|(_, priority)| priority))
        };
        let named = issue.labels.iter().filter_map(|it| after(it, &self.labels.priority));
        named.filter_map(word).min().unwrap_or_default()
    }

    /// The lane that a label names. Of several, the most careful one counts: it is the first of the vocabulary.
    fn lane(&self, issue: &Issue) -> Lane {
        let named: Vec<Lane> = issue
            .labels
            .iter()
            .filter_map(|label| after(label, &self.labels.lane).and_then(Lane::parse))
            .collect();
        Lane::ALL.into_iter().find(|lane| named.contains(lane)).unwrap_or(self.default_lane)
    }

    fn human_labels(&self, issue: &Issue) -> Vec<String> {
        let human = issue.labels.iter().filter(|label| !self.labels.is_own(label));
        let mut labels: Vec<String> = Vec::new();
        for label in human.map(|label| label.trim().to_lowercase()) {
            if !label.is_empty() && !labels.contains(&label) {
                labels.push(label);
            }
        }
        labels
    }
}

/// What follows `prefix` in `label`, whatever its case.
fn after<'a>(label: &'a str, prefix: &str) -> Option<&'a str> {
    let start = label.get(..prefix.len()).filter(|_| !prefix.is_empty())?;
    start.eq_ignore_ascii_case(prefix).then(|| &label[prefix.len()..])
}

/// Covers everything that people write, the state included. Whether a blocker is done is nothing that was written here.
fn revision(item: &WorkItem) -> String {
    let mut written = String::new();
    let parts = (&item.title, &item.body, item.state, item.priority, &item.labels, item.lane);
    let _written = write!(written, "{parts:?}{:?}{:?}{:?}", item.parent, item.trust, item.author);
    hex::encode(Sha256::digest(written))
}
