//! What is on the server, and what people do with it.

use std::collections::BTreeMap;

use super::pulls::Pulls;

/// When its clock began: 2026-06-01T00:00:00Z.
const BEGINNING: u64 = 1_780_272_000;

/// Everything on the server.
#[derive(Debug, Default)]
pub(crate) struct World {
    repositories: BTreeMap<String, BTreeMap<u64, Issue>>,
    /// Changes so far, each of which takes a second.
    changes: u64,
    last_id: u64,
    /// Calls that are left in the window, where that is looked at.
    pub(crate) remaining: Option<u64>,
    /// What the account may do: with `false`, it may only read.
    pub(crate) read_only: bool,
    pub(crate) pulls: Pulls,
}

/// An issue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Issue {
    pub(crate) id: u64,
    pub(crate) number: u64,
    pub(crate) title: String,
    pub(crate) body: String,
    pub(crate) open: bool,
    pub(crate) reason: Option<String>,
    pub(crate) labels: Vec<String>,
    pub(crate) assignees: Vec<String>,
    pub(crate) author: String,
    pub(crate) association: String,
    pub(crate) created: u64,
    pub(crate) updated: u64,
    pub(crate) comments: Vec<Comment>,
    pub(crate) is_pull_request: bool,
    /// What a broken proxy makes of it: without a title.
    pub(crate) is_damaged: bool,
    pub(crate) fate: Fate,
    pub(crate) parent: Option<(String, u64)>,
    pub(crate) blocked_by: Vec<(String, u64)>,
}

/// Whether it is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Here,
    Deleted,
    Transferred,
}

/// A comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Comment {
    pub(crate) id: u64,
    pub(crate) author: String,
    pub(crate) body: String,
    pub(crate) created: u64,
    pub(crate) updated: u64,
}

impl World {
    /// Makes a repository.
    pub(crate) fn repository(&mut self, name: &str) {
        self.repositories.entry(name.to_owned()).or_default();
    }

    /// Opens an issue, as an owner.
    pub(crate) fn open(
        &mut self,
        repository: &str,
        title: &str,
        body: &str,
        labels: &[&str],
    ) -> u64 {
        let issues = self.repositories.get(repository).expect("the repository");
        let number = issues.keys().next_back().copied().unwrap_or(0) + 1;
        self.open_as(repository, number, title, body, labels);
        number
    }

    /// Opens an issue with a number of the test's choice.
    pub(crate) fn open_as(
        &mut self,
        repository: &str,
        number: u64,
        title: &str,
        body: &str,
        labels: &[&str],
    ) {
        let (now, id) = (self.tick(), self.next_id());
        let issue = Issue {
            id,
            number,
            title: title.to_owned(),
            body: body.to_owned(),
            open: true,
            reason: None,
            labels: labels.iter().map(|it| (*it).to_owned()).collect(),
            assignees: Vec::new(),
            author: "owner".to_owned(),
            association: "OWNER".to_owned(),
            created: now,
            updated: now,
            comments: Vec::new(),
            is_pull_request: false,
            is_damaged: false,
            fate: Fate::Here,
            parent: None,
            blocked_by: Vec::new(),
        };
        self.repositories.get_mut(repository).expect("the repository").insert(number, issue);
    }

    /// Changes an issue by hand.
    pub(crate) fn edit(&mut self, repository: &str, number: u64, change: impl FnOnce(&mut Issue)) {
        let now = self.tick();
        let issue = self.issue_mut(repository, number).expect("the issue");
        change(issue);
        issue.updated = now;
    }

    /// Closes an issue by hand, for `completed` or `not_planned`.
    pub(crate) fn close(&mut self, repository: &str, number: u64, reason: &str) {
        self.edit(repository, number, |issue| {
            issue.open = false;
            issue.reason = Some(reason.to_owned());
        });
    }

    /// Takes a label off by hand.
    pub(crate) fn unlabel(&mut self, repository: &str, number: u64, label: &str) {
        self.edit(repository, number, |issue| issue.labels.retain(|it| it != label));
    }

    /// Somebody says something.
    pub(crate) fn comment(
        &mut self,
        repository: &str,
        number: u64,
        author: &str,
        body: &str,
    ) -> u64 {
        let id = self.next_id();
        let now = self.changes + 1;
        let comment = Comment {
            id,
            author: author.to_owned(),
            body: body.to_owned(),
            created: BEGINNING + now,
            updated: BEGINNING + now,
        };
        self.edit(repository, number, |issue| issue.comments.push(comment));
        id
    }

    /// Takes it away; nobody is told of that by a listing.
    pub(crate) fn vanish(&mut self, repository: &str, number: u64, fate: Fate) {
        self.issue_mut(repository, number).expect("the issue").fate = fate;
    }

    pub(crate) fn has_repository(&self, repository: &str) -> bool {
        self.repositories.contains_key(repository)
    }

    pub(crate) fn issues(&self, repository: &str) -> impl Iterator<Item = &Issue> {
        self.repositories.get(repository).into_iter().flat_map(BTreeMap::values)
    }

    pub(crate) fn issue(&self, repository: &str, number: u64) -> Option<&Issue> {
        self.repositories.get(repository)?.get(&number)
    }

    pub(crate) fn issue_mut(&mut self, repository: &str, number: u64) -> Option<&mut Issue> {
        self.repositories.get_mut(repository)?.get_mut(&number)
    }

    /// The comment and its issue.
    pub(crate) fn find_comment(&self, repository: &str, id: u64) -> Option<(u64, &Comment)> {
        self.issues(repository).find_map(|issue| {
            let found = issue.comments.iter().find(|comment| comment.id == id)?;
            Some((issue.number, found))
        })
    }

    /// The time, which goes on.
    pub(crate) fn tick(&mut self) -> u64 {
        self.changes += 1;
        self.now()
    }

    /// Seconds since 1970.
    pub(crate) fn now(&self) -> u64 {
        BEGINNING + self.changes
    }

    pub(crate) fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        1000 + self.last_id
    }
}

impl Issue {
    /// Labels in order of the alphabet.
    pub(crate) fn label_names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.labels.iter().map(String::as_str).collect();
        names.sort_unstable();
        names
    }

    /// What `author` said.
    pub(crate) fn said_by(&self, author: &str) -> Vec<&Comment> {
        self.comments.iter().filter(|comment| comment.author == author).collect()
    }
}
