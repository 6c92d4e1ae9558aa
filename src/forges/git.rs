//! A git repository that has no pull requests of its own: a bare one on a disk, or on a server that is only git.
//!
//! What is offered there is kept there too, as people who have only git can see it: the ref `refs/factory/pull/<number>`
//! points to a commit with one file, `record.json`, whose parents are what it said before; `refs/factory/status/<commit>`
//! is the same for the statuses of a commit. Nobody can review there; merged is what the base branch has, closed is what
//! lost its branch.

mod record;

use std::collections::BTreeMap;

use async_trait::async_trait;

use self::record::{PULLS, Record, STATUSES, Status};
use super::remote::{Moved, Remote, RemoteSettings};
use super::{CommitStatus, Forge, ForgeError, PullRequestWish, Push, Pushed};
use crate::domain::pull_request::{PullRequest, PullRequestState, RemoteCheck};

/// How often something is looked at anew while others change it.
const RACES: u32 = 5;

/// A git repository as a forge.
pub struct GitForge {
    name: String,
    remote: Remote,
}

/// What a record needs to be judged.
struct Seen {
    record: Record,
    number: u64,
    /// The commit that the ref of the record points to.
    at: String,
    /// The end of its branch, if that is there.
    head: Option<String>,
    state: PullRequestState,
}

impl GitForge {
    /// Prepares to reach it; starts nothing.
    ///
    /// # Errors
    /// When the address is none that can be used.
    pub fn new(settings: RemoteSettings) -> Result<Self, ForgeError> {
        let name = format!("git {}", settings.address);
        Ok(Self { remote: Remote::new(&name, settings)?, name })
    }

    /// The record of `wish`'s run on its branch, or the next number that is free.
    async fn found(&self, wish: &PullRequestWish) -> Result<Result<Seen, u64>, ForgeError> {
        let pulls = self.remote.refs(&[&format!("{PULLS}*")]).await?;
        let mut last = 0;
        let mut found: Option<Seen> = None;
        self.fetch(pulls.keys()).await?;
        for (name, at) in &pulls {
            let Some(number) = record::number_of(name) else { continue };
            last = last.max(number);
            let record = record::read::<Record>(&self.remote, at).await?;
            if record.branch != wish.branch {
                continue;
            }
            let seen = self.seen(number, at, record).await?;
            let is_open = matches!(seen.state, PullRequestState::Open { .. });
            if is_open && !wish.is_ours(seen.record.run) {
                return Err(ForgeError::ForeignPullRequest {
                    forge: self.name.clone(),
                    branch: wish.branch.clone(),
                    number,
                });
            }
            let key =
                |seen: &Seen| (matches!(seen.state, PullRequestState::Open { .. }), seen.number);
            let is_better = found.as_ref().is_none_or(|known| key(known) < key(&seen));
            if wish.is_ours(seen.record.run) && is_better {
                found = Some(seen);
            }
        }
        Ok(found.ok_or(last + 1))
    }

    /// Fetches refs under the names that they have.
    async fn fetch(&self, names: impl Iterator<Item = &String>) -> Result<(), ForgeError> {
        let refspecs: Vec<String> = names.map(|name| format!("+{name}:{name}")).collect();
        for refspecs in refspecs.chunks(200) {
            if self.remote.fetch(refspecs).await? == Moved::Raced {
                return Err(self.remote.unavailable("refs go away while they are read".to_owned()));
            }
        }
        Ok(())
    }

    /// Looks at what a record is about.
    async fn seen(&self, number: u64, at: &str, record: Record) -> Result<Seen, ForgeError> {
        let (branch, base) =
            (format!("refs/heads/{}", record.branch), format!("refs/heads/{}", record.base));
        let there = self.remote.refs(&[&branch, &base]).await?;
        self.fetch(there.keys()).await?;
        let head = there.get(&branch).cloned();
        let end = head.as_deref().unwrap_or(&record.head);
        let is_merged = match there.get(&base) {
            Some(base) => self.holds(&["merge-base", "--is-ancestor", end, base]).await?,
            None => false,
        };
        let state = match (&head, is_merged) {
            (_, true) => PullRequestState::Merged { commit: None },
            (Some(_), false) => PullRequestState::Open { draft: record.draft },
            (None, false) => PullRequestState::Closed,
        };
        Ok(Seen { record, number, at: at.to_owned(), head, state })
    }

    /// Whether git answers yes; that it does not know a commit is a no.
    async fn holds(&self, question: &[&str]) -> Result<bool, ForgeError> {
        let said = self.remote.scratch().ask(question).await;
        Ok(said.map_err(|reason| self.remote.unavailable(reason))?.succeeded())
    }

    /// Whether a merge has no conflicts; nothing where git cannot tell, because there is no such base.
    async fn mergeable(&self, base: &str, head: &str) -> Result<Option<bool>, ForgeError> {
        let said = self.remote.scratch().ask(&["merge-tree", "--write-tree", base, head]).await;
        let said = said.map_err(|reason| self.remote.unavailable(reason))?;
        Ok(match said.code {
            Some(0) => Some(true),
            Some(1) => Some(false),
            Some(_) | None => None,
        })
    }

    async fn shown(&self, seen: &Seen) -> Result<PullRequest, ForgeError> {
        let Seen { record, number, head, state, .. } = seen;
        let head = head.as_ref().unwrap_or(&record.head);
        let is_open = matches!(state, PullRequestState::Open { .. });
        let base = format!("refs/heads/{}", record.base);
        let mergeable = match is_open {
            true => self.mergeable(&base, head).await?,
            false => None,
        };
        let (_, statuses) = self.statuses(head).await?;
        let check = |(name, it): (String, Status)| RemoteCheck {
            name,
            state: it.state,
            url: it.url,
            summary: it.summary,
        };
        Ok(PullRequest {
            number: *number,
            url: format!("{}#{PULLS}{number}", self.remote.address()),
            branch: record.branch.clone(),
            base: record.base.clone(),
            head: head.clone(),
            state: state.clone(),
            mergeable,
            checks: statuses.into_iter().map(check).collect(),
            reviews: Vec::new(),
            threads: Vec::new(),
        })
    }

    /// The statuses of a commit, and what their ref points to.
    async fn statuses(
        &self,
        commit: &str,
    ) -> Result<(Option<String>, BTreeMap<String, Status>), ForgeError> {
        let name = format!("{STATUSES}{commit}");
        let there = self.remote.refs(&[&name]).await?;
        let Some(at) = there.get(&name) else { return Ok((None, BTreeMap::new())) };
        self.fetch(there.keys()).await?;
        Ok((Some(at.clone()), record::read(&self.remote, at).await?))
    }

    async fn open_or_update(
        &self,
        wish: &PullRequestWish,
    ) -> Result<Option<PullRequest>, ForgeError> {
        let (number, known) = match self.found(wish).await? {
            Ok(seen) if !matches!(seen.state, PullRequestState::Open { .. }) => {
                return self.shown(&seen).await.map(Some);
            }
            Ok(seen) => (seen.number, Some(seen)),
            Err(free) => (free, None),
        };
        let at = known.as_ref().map(|seen| seen.at.clone());
        let record = Record::wished(wish, known.map(|seen| seen.record));
        let seen = self.seen(number, at.as_deref().unwrap_or_default(), record).await?;
        if seen.head.as_deref() != Some(wish.head.as_str()) {
            let reason = format!(
                "branch `{}` is at {}, not at {}",
                wish.branch,
                seen.head.as_deref().unwrap_or("nothing"),
                wish.head
            );
            return Err(self.remote.unavailable(reason));
        }
        if matches!(seen.state, PullRequestState::Merged { .. }) {
            let reason = format!("`{}` has all of `{}` already", wish.base, wish.branch);
            return Err(self.remote.refusal("open a pull request", reason));
        }
        let is_there = match &at {
            Some(at) => record::read::<Record>(&self.remote, at).await? == seen.record,
            None => false,
        };
        let name = format!("{PULLS}{number}");
        let written = is_there
            || record::write(&self.remote, &name, at.as_deref(), &seen.record).await?
                == Moved::Done;
        match written {
            true => self.shown(&seen).await.map(Some),
            false => Ok(None),
        }
    }
}

#[async_trait]
impl Forge for GitForge {
    fn name(&self) -> &str {
        &self.name
    }

    async fn push(&self, push: &Push) -> Result<Pushed, ForgeError> {
        self.remote.push(push).await
    }

    async fn open(&self, wish: &PullRequestWish) -> Result<PullRequest, ForgeError> {
        self.remote.check_commit(&wish.head)?;
        let _turn = self.remote.turn().await?;
        self.remote.prepare(&wish.head).await?;
        for branch in [&wish.branch, &wish.base] {
            self.remote.check_branch(branch).await?;
        }
        for _ in 0..RACES {
            if let Some(pull) = self.open_or_update(wish).await? {
                return Ok(pull);
            }
        }
        Err(self.remote.unavailable("others offer something all the time".to_owned()))
    }

    async fn read(&self, number: u64) -> Result<PullRequest, ForgeError> {
        let _turn = self.remote.turn().await?;
        let name = format!("{PULLS}{number}");
        self.remote.prepare("").await?;
        let there = self.remote.refs(&[&name]).await?;
        let Some(at) = there.get(&name) else {
            let reason = format!("there is no pull request {number}");
            return Err(self.remote.refusal("be read", reason));
        };
        self.fetch(there.keys()).await?;
        let record = record::read(&self.remote, at).await?;
        let seen = self.seen(number, at, record).await?;
        self.shown(&seen).await
    }

    async fn report(&self, status: &CommitStatus) -> Result<(), ForgeError> {
        self.remote.check_commit(&status.commit)?;
        let _turn = self.remote.turn().await?;
        self.remote.prepare(&status.commit).await?;
        let said = Status {
            state: status.state,
            url: status.url.clone(),
            summary: status.summary.clone(),
        };
        let name = format!("{STATUSES}{}", status.commit);
        for _ in 0..RACES {
            let (at, mut all) = self.statuses(&status.commit).await?;
            if all.insert(status.name.clone(), said.clone()).as_ref() == Some(&said) {
                return Ok(());
            }
            if record::write(&self.remote, &name, at.as_deref(), &all).await? == Moved::Done {
                return Ok(());
            }
        }
        Err(self.remote.unavailable("others change the statuses all the time".to_owned()))
    }
}

#[cfg(test)]
mod tests;
