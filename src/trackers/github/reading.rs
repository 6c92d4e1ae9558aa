//! Keeping the mirrors true: everything now and then, and what has changed in between.
//!
//! Changes are asked for without the intake label, so that an issue that lost it or was closed is seen. They are listed
//! newest first: whatever happens next changes the first page, and its state alone says whether anything did. What is
//! deleted or transferred is in no listing; it shows when everything is read.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::api::{Answer, Pages, below, issues, parsed, unexpected};
use super::mirror::{Mirror, Standing, Watched};
use super::references::Reference;
use super::wire::{Issue, Linked};
use super::{GithubTracker, Repository};
use crate::domain::ids::ItemId;
use crate::domain::time::Timestamp;
use crate::http::client::{Request, Verb};
use crate::trackers::{ItemProblem, Listing, TrackerError};

/// How far the clocks of the service's parts may be apart, and how long a change may take to show in its listings.
const OVERLAP: Duration = Duration::from_secs(60);

/// Closed issues count as done for this long without being touched; older ones are forgotten.
const RECENTLY: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Blockers that are looked up in one reading; the others follow in the next.
const LOOK_UPS: usize = 50;

/// What a listing says: the issues by number, each with what it is or why that is not to be understood.
type Read = BTreeMap<u64, Result<Issue, String>>;

impl GithubTracker {
    /// Everything there is to do. Repositories that cannot be read right now keep their items, which are not to be read
    /// either then; one that never could be read fails the whole, or its items would seem withdrawn.
    /// With `hurried`, it is asked however recently it was.
    pub(super) async fn read(&self, hurried: bool) -> Result<Listing, TrackerError> {
        let (mut failures, mut worked) = (BTreeMap::new(), 0);
        for repository in &self.settings.repositories {
            match self.refresh(repository, hurried).await {
                Ok(()) => worked += 1,
                Err(error) if self.mirrors().contains_key(&repository.name) => {
                    failures.insert(repository.name.clone(), error);
                }
                Err(error) => return Err(error),
            }
        }
        match failures.pop_first() {
            Some((_, error)) if worked == 0 => Err(error),
            first => {
                failures.extend(first);
                Ok(self.listing(&failures))
            }
        }
    }

    fn listing(&self, failures: &BTreeMap<String, TrackerError>) -> Listing {
        let mut listing = Listing::default();
        let mirrors = self.mirrors();
        for repository in &self.settings.repositories {
            let Some(mirror) = mirrors.get(&repository.name) else { continue };
            let failure = failures.get(&repository.name);
            if let Some(error) = failure {
                let path = PathBuf::from(format!("{}/{}", super::SOURCE, repository.name));
                listing.problems.push(problem(path, error.to_string()));
            }
            for (number, watched) in &mirror.watched {
                let id = self.settings.id(repository, *number);
                match (failure, mirror.item(&self.settings, repository, watched)) {
                    (None, Some(item)) => listing.items.push(item),
                    (Some(_), _) => listing.unreadable.push(id),
                    (None, None) => {
                        listing.problems.push(unreadable(&id, watched));
                        listing.unreadable.push(id);
                    }
                }
            }
        }
        listing.items.sort_by(|one, other| one.id.cmp(&other.id));
        listing.unreadable.sort();
        listing.problems.sort();
        listing
    }

    async fn refresh(&self, repository: &Repository, hurried: bool) -> Result<(), TrackerError> {
        let known = self.mirrors().get(&repository.name).cloned();
        let now = Instant::now();
        match known {
            Some(mirror) if !hurried && now < mirror.read_at + self.settings.every => Ok(()),
            Some(mirror) if now < mirror.everything_at + self.settings.everything_every => {
                self.read_changes(repository, &mirror, now).await
            }
            before => self.read_everything(repository, before.as_ref(), now).await,
        }
    }

    async fn read_everything(
        &self,
        repository: &Repository,
        before: Option<&Mirror>,
        now: Instant,
    ) -> Result<(), TrackerError> {
        let action = format!("list the issues of {}", repository.name);
        let listing = |state: &str| {
            let mut request = issues(Verb::Get, repository).query("state", state);
            if let Some(label) = &self.settings.label {
                request = request.query("labels", label);
            }
            if let Some(assignee) = &self.settings.assignee {
                request = request.query("assignee", assignee);
            }
            request.query("sort", "updated").query("direction", "desc").query("per_page", "100")
        };
        let open = self.all(listing("open"), &action).await?;
        let date = open.date.as_deref().and_then(Timestamp::from_http_date);
        let date = date.ok_or_else(|| unexpected("it does not say what time it is"))?;
        let recently = listing("closed").query("since", &date.before(RECENTLY));
        let closed = self.all(recently, &action).await?;
        let mut read = of_values(open.values)?;
        read.extend(of_values(closed.values)?);
        let missing: Vec<u64> = before
            .iter()
            .flat_map(|mirror| &mirror.watched)
            .filter(|(number, watched)| {
                let open = watched.issue.as_ref().is_ok_and(Issue::is_open);
                open && !read.contains_key(number)
            })
            .map(|(number, _)| *number)
            .collect();
        // What moved up while pages were turned was in none of them.
        for number in missing {
            if let Some(issue) = self.issue(repository, number).await? {
                read.insert(number, issue);
            }
        }
        let mut mirror = Mirror {
            everything_at: now,
            read_at: now,
            since: date.before(OVERLAP),
            etag: None,
            watched: BTreeMap::new(),
            others: BTreeMap::new(),
        };
        self.take_over(repository, &mut mirror, read).await?;
        self.look_up(repository, &mut mirror).await?;
        self.keep(repository, mirror);
        Ok(())
    }

    async fn read_changes(
        &self,
        repository: &Repository,
        known: &Mirror,
        now: Instant,
    ) -> Result<(), TrackerError> {
        let action = format!("list the changes in {}", repository.name);
        let request = issues(Verb::Get, repository)
            .query("state", "all")
            .query("since", &known.since)
            .query("sort", "updated")
            .query("direction", "desc")
            .query("per_page", "100");
        let mut mirror = known.clone();
        mirror.read_at = now;
        if let Some(pages) = self.api.pages(request, known.etag.as_deref(), &action).await? {
            let mut read = of_values(pages.values)?;
            // Whether what is not understood has the label, nobody knows.
            read.retain(|number, issue| issue.is_ok() || known.watched.contains_key(number));
            let newest = read
                .values()
                .filter_map(|issue| Timestamp::from_rfc3339(&issue.as_ref().ok()?.updated_at));
            // Another start is another listing: its state is not known yet.
            let since = newest.max().map_or(known.since, |at| at.before(OVERLAP).max(known.since));
            mirror.etag = pages.etag.filter(|_| since == known.since);
            mirror.since = since;
            self.take_over(repository, &mut mirror, read).await?;
        }
        self.look_up(repository, &mut mirror).await?;
        self.keep(repository, mirror);
        Ok(())
    }

    /// Puts a reading into `mirror`. What is no longer the factory's business leaves it.
    async fn take_over(
        &self,
        repository: &Repository,
        mirror: &mut Mirror,
        read: Read,
    ) -> Result<(), TrackerError> {
        for (number, issue) in read {
            if let Ok(issue) = &issue {
                let reference = Reference::new(&repository.name, number);
                let standing = Standing::of(&issue.state, issue.state_reason.as_deref());
                if let Some(known) = mirror.others.get_mut(&reference) {
                    *known = standing;
                }
                if !self.settings.is_watched(issue) {
                    mirror.watched.remove(&number);
                    continue;
                }
            }
            let linked = match &issue {
                Ok(issue) => self.dependencies(repository, issue, mirror).await?,
                Err(_) => BTreeSet::new(),
            };
            mirror.put(number, Watched { issue, linked });
        }
        Ok(())
    }

    /// The issues that people have drawn as its blockers, with how far they are.
    async fn dependencies(
        &self,
        repository: &Repository,
        issue: &Issue,
        mirror: &mut Mirror,
    ) -> Result<BTreeSet<Reference>, TrackerError> {
        if issue.issue_dependencies_summary.as_ref().is_none_or(|it| it.blocked_by == 0) {
            return Ok(BTreeSet::new());
        }
        let known = mirror.watched.get(&issue.number);
        if let Some(known) = known.filter(|known| known.issue.as_ref() == Ok(issue)) {
            return Ok(known.linked.clone());
        }
        let request = issues(Verb::Get, repository).below(&issue.number);
        let request = request.below("dependencies").below("blocked_by").query("per_page", "100");
        let Answer::Done(reply) = self.api.ask(&request, "read what an issue waits for").await?
        else {
            return Ok(BTreeSet::new());
        };
        let mut found = BTreeSet::new();
        for linked in parsed::<Vec<Linked>>(&reply)? {
            let address = format!("{}/issues/{}", linked.repository_url, linked.number);
            let Some(reference) = Reference::of_address(&address) else { continue };
            let standing = Standing::of(&linked.state, linked.state_reason.as_deref());
            mirror.others.insert(reference.clone(), standing);
            found.insert(reference);
        }
        Ok(found)
    }

    /// Asks for blockers whose standing is not known.
    async fn look_up(
        &self,
        repository: &Repository,
        mirror: &mut Mirror,
    ) -> Result<(), TrackerError> {
        for reference in mirror.unknown(repository).into_iter().take(LOOK_UPS) {
            let request = below(Verb::Get, &reference.repository).below("issues");
            let answer = self.api.ask(&request.below(&reference.number), "read a blocker").await?;
            let standing = match answer {
                Answer::Done(reply) => {
                    let issue = understood(parsed(&reply)?).1;
                    issue.map_or(Standing::Otherwise, |issue| {
                        Standing::of(&issue.state, issue.state_reason.as_deref())
                    })
                }
                Answer::Unchanged | Answer::Gone(_) => Standing::Otherwise,
            };
            mirror.others.insert(reference, standing);
        }
        Ok(())
    }

    /// An issue as it is now, if it is there.
    pub(super) async fn issue(
        &self,
        repository: &Repository,
        number: u64,
    ) -> Result<Option<Result<Issue, String>>, TrackerError> {
        let request = issues(Verb::Get, repository).below(&number);
        match self.api.ask(&request, "read an issue").await? {
            Answer::Done(reply) => Ok(Some(understood(parsed(&reply)?).1)),
            Answer::Unchanged | Answer::Gone(_) => Ok(None),
        }
    }

    async fn all(&self, request: Request, action: &str) -> Result<Pages, TrackerError> {
        let pages = self.api.pages(request, None, action).await?;
        pages.ok_or_else(|| unexpected("it says that nothing has changed"))
    }

    /// Replaces the mirror. What was written meanwhile is newer than what was read.
    fn keep(&self, repository: &Repository, mut mirror: Mirror) {
        let mut mirrors = self.mirrors();
        if let Some(before) = mirrors.get(&repository.name) {
            for (number, written) in &before.watched {
                if mirror.watched.get(number).is_some_and(|read| written.is_newer_than(read)) {
                    mirror.watched.insert(*number, written.clone());
                }
            }
        }
        mirrors.insert(repository.name.clone(), mirror);
    }
}

pub(super) fn unreadable(id: &ItemId, watched: &Watched) -> ItemProblem {
    let reason = watched.issue.as_ref().err().cloned().unwrap_or_default();
    problem(PathBuf::from(id.as_str()), format!("the issue is not understood: {reason}"))
}

fn problem(file: PathBuf, reason: String) -> ItemProblem {
    ItemProblem { file, line: None, column: None, reason, hint: None }
}

/// The issues among `values`; pull requests are listed with them.
fn of_values(values: Vec<Value>) -> Result<Read, TrackerError> {
    let mut read = Read::new();
    for value in values {
        if value.get("pull_request").is_some_and(|it| !it.is_null()) {
            continue;
        }
        let (number, issue) = understood(value);
        let number = number.ok_or_else(|| unexpected("an issue has no number"))?;
        // Listed twice because it changed in between: the first page has the newer copy.
        read.entry(number).or_insert(issue);
    }
    Ok(read)
}

fn understood(value: Value) -> (Option<u64>, Result<Issue, String>) {
    let number = value.get("number").and_then(Value::as_u64);
    (number, serde_json::from_value(value).map_err(|error| error.to_string()))
}
