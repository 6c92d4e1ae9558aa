//! A forge without a network: for `simulate` and for tests. Keeps every rule of the port, so that what works here works
//! on a real forge. Commits are only names here: whose they are follows from who brought them.

mod shelf;

use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use self::shelf::{Branch, Shelf, add, fresh};
use super::{CommitStatus, Forge, ForgeError, PullRequestWish, Push, Pushed};
use crate::domain::ids::RunId;
use crate::domain::pull_request::{
    PullRequest, PullRequestState, RemoteCheck, RemoteReview, ReviewThread,
};

/// Branches and pull requests in memory, on which people act by `commit`, `offer`, `merge`, `close`, `review` and so on.
#[derive(Debug)]
pub struct InMemoryForge {
    name: String,
    shelf: Mutex<Shelf>,
}

/// A pull request with what `read` does not tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offered {
    /// The run whose marker it has; nothing if it is not the factory's.
    pub run: Option<RunId>,
    /// Its title.
    pub title: String,
    /// Its text.
    pub body: String,
    /// Who was asked to look at it.
    pub reviewers: Vec<String>,
    /// Its labels.
    pub labels: Vec<String>,
    /// How it stands.
    pub pull: PullRequest,
}

impl InMemoryForge {
    /// An empty forge.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), shelf: Mutex::default() }
    }

    /// A person brings a commit to a branch, which is made if need be.
    pub fn commit(&self, branch: &str, commit: &str) {
        let mut shelf = self.shelf();
        let there = shelf.branches.entry(branch.to_owned()).or_insert_with(|| Branch {
            head: String::new(),
            commits: Vec::new(),
            run: None,
            foreign: None,
        });
        commit.clone_into(&mut there.head);
        there.commits.push(commit.to_owned());
        there.foreign.get_or_insert_with(|| commit.to_owned());
        shelf.follow(branch);
    }

    /// A person offers a branch as a pull request; its number.
    pub fn offer(&self, branch: &str, base: &str) -> u64 {
        let mut shelf = self.shelf();
        let head = shelf.branches.get(branch).map(|it| it.head.clone()).unwrap_or_default();
        shelf.add(Offered {
            run: None,
            title: "By a person".to_owned(),
            body: String::new(),
            reviewers: Vec::new(),
            labels: Vec::new(),
            pull: fresh(&self.name, branch, base, &head, false),
        })
    }

    /// A person merges a pull request. An unknown number changes nothing, here and below.
    pub fn merge(&self, number: u64, commit: Option<&str>) {
        let state = PullRequestState::Merged { commit: commit.map(str::to_owned) };
        self.end(number, state);
    }

    /// A person closes a pull request without merging it.
    pub fn close(&self, number: u64) {
        self.end(number, PullRequestState::Closed);
    }

    /// A person reviews a pull request, instead of what they said before.
    pub fn review(&self, number: u64, review: RemoteReview) {
        self.edit(number, |pull| {
            pull.reviews.retain(|known| known.author != review.author);
            pull.reviews.push(review);
            pull.reviews.sort_by(|one, other| one.author.cmp(&other.author));
        });
    }

    /// A person begins a conversation, or goes on with the one of the same name.
    pub fn discuss(&self, number: u64, thread: ReviewThread) {
        self.edit(number, |pull| {
            match pull.threads.iter_mut().find(|known| known.id == thread.id) {
                Some(known) => *known = thread,
                None => pull.threads.push(thread),
            }
        });
    }

    /// A check says something about a commit, instead of what the one of that name said before.
    pub fn check(&self, commit: &str, check: RemoteCheck) {
        let mut shelf = self.shelf();
        shelf.checks.entry(commit.to_owned()).or_default().insert(check.name.clone(), check);
    }

    /// The forge finds out whether an open pull request could be merged.
    pub fn set_mergeable(&self, number: u64, mergeable: Option<bool>) {
        self.edit(number, |pull| pull.mergeable = mergeable);
    }

    /// A person makes a pull request a draft, or ready.
    pub fn set_draft(&self, number: u64, draft: bool) {
        self.edit(number, |pull| {
            if let PullRequestState::Open { draft: known } = &mut pull.state {
                *known = draft;
            }
        });
    }

    /// The next call fails with `error` and does nothing; several refusals queue up.
    pub fn refuse_next(&self, error: ForgeError) {
        self.shelf().refusals.push_back(error);
    }

    /// The next call that changes something does so, and its answer is lost.
    pub fn lose_next(&self) {
        self.shelf().lost += 1;
    }

    /// A pull request with what `read` does not tell.
    #[must_use]
    pub fn offered(&self, number: u64) -> Option<Offered> {
        let shelf = self.shelf();
        let mut offered = shelf.pulls.get(&number)?.clone();
        offered.pull = shelf.shown(number)?;
        Some(offered)
    }

    /// How many pull requests there are, in whatever state.
    #[must_use]
    pub fn count(&self) -> usize {
        self.shelf().pulls.len()
    }

    /// The commit at the end of a branch.
    #[must_use]
    pub fn head_of(&self, branch: &str) -> Option<String> {
        self.shelf().branches.get(branch).map(|it| it.head.clone())
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn edit(&self, number: u64, change: impl FnOnce(&mut PullRequest)) {
        if let Some(offered) = self.shelf().pulls.get_mut(&number) {
            change(&mut offered.pull);
        }
    }

    fn end(&self, number: u64, state: PullRequestState) {
        self.edit(number, |pull| {
            if matches!(pull.state, PullRequestState::Open { .. }) {
                pull.state = state;
                pull.mergeable = None;
            }
        });
    }

    /// What was done, unless its answer shall be lost.
    fn answer<T>(&self, shelf: &mut Shelf, done: T) -> Result<T, ForgeError> {
        if shelf.lost == 0 {
            return Ok(done);
        }
        shelf.lost -= 1;
        Err(self.unavailable("the answer was lost".to_owned()))
    }

    fn unavailable(&self, reason: String) -> ForgeError {
        ForgeError::Unavailable { forge: self.name.clone(), reason }
    }

    fn refusal(&self, action: &str, reason: String) -> ForgeError {
        ForgeError::Refused { forge: self.name.clone(), action: action.to_owned(), reason }
    }

    /// The number of the pull request of `wish`, where there is one.
    fn found(&self, shelf: &Shelf, wish: &PullRequestWish) -> Result<Option<u64>, ForgeError> {
        let of_branch = || shelf.pulls.iter().filter(|(_, it)| it.pull.branch == wish.branch);
        let is_open = |it: &Offered| matches!(it.pull.state, PullRequestState::Open { .. });
        if let Some((number, _)) =
            of_branch().find(|(_, it)| is_open(it) && !it.run.is_some_and(|run| wish.is_ours(run)))
        {
            return Err(ForgeError::ForeignPullRequest {
                forge: self.name.clone(),
                branch: wish.branch.clone(),
                number: *number,
            });
        }
        let ours = of_branch().filter(|(_, it)| it.run.is_some_and(|run| wish.is_ours(run)));
        Ok(ours.max_by_key(|(number, it)| (is_open(it), **number)).map(|(number, _)| *number))
    }
}

#[async_trait]
impl Forge for InMemoryForge {
    fn name(&self) -> &str {
        &self.name
    }

    async fn push(&self, push: &Push) -> Result<Pushed, ForgeError> {
        let mut shelf = self.shelf();
        shelf.admit()?;
        let foreign = |commit: &str| ForgeError::ForeignBranch {
            forge: self.name.clone(),
            branch: push.branch.clone(),
            commit: commit.to_owned(),
        };
        let made = || Branch {
            head: String::new(),
            commits: Vec::new(),
            run: Some(push.run),
            foreign: None,
        };
        let there = shelf.branches.entry(push.branch.clone()).or_insert_with(made);
        if there.head == push.head {
            return Ok(Pushed { already: true });
        }
        if let Some(commit) = &there.foreign {
            return Err(foreign(commit));
        }
        if !there.run.is_some_and(|run| push.is_ours(run)) {
            return Err(foreign(&there.head));
        }
        if there.commits.contains(&push.head) {
            let action = format!("move branch `{}`", push.branch);
            return Err(self.refusal(&action, format!("it is beyond {} already", push.head)));
        }
        there.head.clone_from(&push.head);
        there.commits.push(push.head.clone());
        shelf.follow(&push.branch);
        self.answer(&mut shelf, Pushed { already: false })
    }

    async fn open(&self, wish: &PullRequestWish) -> Result<PullRequest, ForgeError> {
        let mut shelf = self.shelf();
        shelf.admit()?;
        let found = self.found(&shelf, wish)?;
        let is_over = |number: &u64| {
            let found = shelf.pulls.get(number);
            found.is_some_and(|it| !matches!(it.pull.state, PullRequestState::Open { .. }))
        };
        if let Some(pull) = found.filter(is_over).and_then(|number| shelf.shown(number)) {
            return Ok(pull);
        }
        let head = shelf.branches.get(&wish.branch).map(|it| it.head.as_str());
        if head != Some(wish.head.as_str()) {
            let reason = format!(
                "branch `{}` is at {}, not at {}",
                wish.branch,
                head.unwrap_or("nothing"),
                wish.head
            );
            return Err(self.unavailable(reason));
        }
        let number = found.unwrap_or_else(|| {
            shelf.add(Offered {
                run: Some(wish.run),
                title: String::new(),
                body: String::new(),
                reviewers: Vec::new(),
                labels: Vec::new(),
                pull: fresh(&self.name, &wish.branch, &wish.base, &wish.head, wish.draft),
            })
        });
        if let Some(offered) = shelf.pulls.get_mut(&number) {
            offered.run = Some(wish.run);
            offered.title.clone_from(&wish.title);
            offered.body.clone_from(&wish.body);
            add(&mut offered.reviewers, &wish.reviewers);
            add(&mut offered.labels, &wish.labels);
            offered.pull.state = PullRequestState::Open { draft: wish.draft };
        }
        let shown = shelf.shown(number).ok_or_else(|| self.unavailable("it is gone".to_owned()))?;
        self.answer(&mut shelf, shown)
    }

    async fn read(&self, number: u64) -> Result<PullRequest, ForgeError> {
        let mut shelf = self.shelf();
        shelf.admit()?;
        let unknown = || self.refusal("be read", format!("there is no pull request {number}"));
        shelf.shown(number).ok_or_else(unknown)
    }

    async fn report(&self, status: &CommitStatus) -> Result<(), ForgeError> {
        let mut shelf = self.shelf();
        shelf.admit()?;
        if !shelf.branches.values().any(|it| it.commits.contains(&status.commit)) {
            let reason = format!("there is no commit {}", status.commit);
            return Err(self.refusal("take a status", reason));
        }
        let check = RemoteCheck {
            name: status.name.clone(),
            state: status.state,
            url: status.url.clone(),
            summary: status.summary.clone(),
        };
        let of_commit = shelf.checks.entry(status.commit.clone()).or_default();
        of_commit.insert(check.name.clone(), check);
        self.answer(&mut shelf, ())
    }
}
