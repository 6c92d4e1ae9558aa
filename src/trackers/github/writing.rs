//! Writing how an item fares: its state first, then the one comment of its run.
//!
//! The comment has the update's key, so the key is there only when everything else is. Whoever is interrupted before
//! that finds the state as wished and goes on.

use std::collections::BTreeSet;

use serde_json::json;

use super::api::{Answer, below, issues, parsed};
use super::labels::Step;
use super::mirror::Watched;
use super::reading::unreadable;
use super::wire::{Comment, Issue, User};
use super::{GithubTracker, Repository};
use crate::domain::card::RunCard;
use crate::domain::ids::ItemId;
use crate::domain::standing::Standing;
use crate::domain::work_item::{ItemState, WorkItem};
use crate::http::client::{Request, Verb};
use crate::trackers::status_comment::{self, Place, StatusComment, standing};
use crate::trackers::{TrackerError, TrackerUpdate, Updated};

/// An issue to write to.
struct Target<'a> {
    repository: &'a Repository,
    number: u64,
}

/// Our own comments at an issue, oldest first.
#[derive(Default)]
struct Own {
    ids: Vec<u64>,
    comments: Vec<StatusComment>,
}

impl GithubTracker {
    pub(super) async fn write(&self, update: &TrackerUpdate) -> Result<Updated, TrackerError> {
        let (repository, number) = self.locate(&update.item)?;
        let target = Target { repository, number };
        let own = self.own_comments(&target, &update.item).await?;
        let issue = self.readable(&target, update).await?;
        if !self.settings.is_watched(&issue) {
            // It was taken away from us: only what we hung on it comes off.
            self.take(&target, self.settings.labels.steps(&issue, ItemState::Todo), true).await?;
            self.forget(&target);
            return Err(TrackerError::UnknownItem { item: update.item.clone() });
        }
        let place = status_comment::place(&own.comments, update);
        if let Place::Written(_) = place {
            return Ok(self.answer(&target, update, &issue, true));
        }
        let mut changed = false;
        let state = self.settings.labels.state(&issue);
        let outdated = status_comment::is_outdated(&own.comments, update);
        if let Some(wanted) = update.state.filter(|_| !outdated) {
            if state == update.from || state == wanted {
                let steps = self.settings.labels.steps(&issue, wanted);
                changed |= self.take(&target, steps, false).await?;
            } else if !issue.is_open() {
                // Closed by people: what we hung on it says nothing any more.
                let steps = self.settings.labels.steps(&issue, state);
                changed |= self.take(&target, steps, true).await?;
            }
        }
        if let Some(card) = update.card.as_ref().filter(|_| !outdated) {
            changed |= self.take(&target, self.boxes(&issue, card), false).await?;
        }
        let now = match update.state {
            Some(wanted) if !outdated && (state == update.from || state == wanted) => wanted,
            _ => state,
        };
        self.comment(&target, update, &own, place, now).await?;
        let issue = if changed { self.readable(&target, update).await? } else { issue };
        Ok(self.answer(&target, update, &issue, false))
    }

    /// The issue as it is now.
    async fn readable(
        &self,
        target: &Target<'_>,
        update: &TrackerUpdate,
    ) -> Result<Issue, TrackerError> {
        let item = || update.item.clone();
        match self.issue(target.repository, target.number).await? {
            Some(Ok(issue)) => Ok(issue),
            Some(Err(reason)) => {
                let watched = Watched { issue: Err(reason), linked: BTreeSet::new() };
                let problem = Box::new(unreadable(&item(), &watched));
                Err(TrackerError::Unreadable { item: item(), problem })
            }
            None => {
                self.forget(target);
                Err(TrackerError::UnknownItem { item: item() })
            }
        }
    }

    /// Comments that count: written by our account, signed by us, about this item.
    async fn own_comments(&self, target: &Target<'_>, item: &ItemId) -> Result<Own, TrackerError> {
        let login = self.login().await?;
        let request = self.at(Verb::Get, target).below("comments").query("per_page", "100");
        let mut own = Own::default();
        let pages = match self.api.pages(request, None, "read the comments of an issue").await {
            Ok(pages) => pages,
            // It is gone, which reading it says better.
            Err(TrackerError::Refused { .. }) => return Ok(own),
            Err(error) => return Err(error),
        };
        for value in pages.map(|pages| pages.values).unwrap_or_default() {
            let Ok(comment) = serde_json::from_value::<Comment>(value) else { continue };
            let ours = comment.user.is_some_and(|user| user.login.eq_ignore_ascii_case(&login));
            let text = comment.body.unwrap_or_default();
            let read = StatusComment::verified(&text, item, &self.key).filter(|_| ours);
            if let Some(read) = read {
                own.ids.push(comment.id);
                own.comments.push(read);
            }
        }
        Ok(own)
    }

    /// See [`crate::trackers::Tracker::standing`]. An issue without comments costs no call.
    pub(super) async fn kept_standing(
        &self,
        item: &WorkItem,
    ) -> Result<Option<Standing>, TrackerError> {
        let (repository, number) = self.locate(&item.id)?;
        let comments = self
            .mirrors()
            .get(&repository.name)
            .and_then(|mirror| mirror.watched.get(&number)?.issue.as_ref().ok()?.comments);
        let worthwhile = comments.map_or(item.state != ItemState::Todo, |comments| comments > 0);
        if !worthwhile {
            return Ok(None);
        }
        let own = self.own_comments(&Target { repository, number }, &item.id).await?;
        Ok(standing::newest(&own.comments, item.state))
    }

    /// Who we are.
    pub(super) async fn login(&self) -> Result<String, TrackerError> {
        if let Some(login) = &self.settings.login {
            return Ok(login.clone());
        }
        if let Some(login) = self.api.login() {
            return Ok(login);
        }
        let reply =
            self.api.have(&Request::new(Verb::Get, "user"), "ask whose the token is").await?;
        let user: User = parsed(&reply)?;
        self.api.remember_login(&user.login);
        Ok(user.login)
    }

    async fn comment(
        &self,
        target: &Target<'_>,
        update: &TrackerUpdate,
        own: &Own,
        place: Place,
        now: ItemState,
    ) -> Result<(), TrackerError> {
        let run = update.card.as_ref().and_then(|card| card.run);
        let (id, mut comment) = match place {
            Place::Existing(at) | Place::Written(at) => (own.ids.get(at), own.comments[at].clone()),
            Place::New => (None, StatusComment::new(&update.item, run)),
        };
        comment.hand_to(run);
        comment.add(update);
        comment.note_state(now);
        let body = json!({ "body": comment.render(&self.key) });
        let request = match id {
            Some(id) => {
                let comments = below(Verb::Patch, &target.repository.name).below("issues");
                comments.below("comments").below(id)
            }
            None => self.at(Verb::Post, target).below("comments"),
        };
        self.api.have(&request.json(&body), "write a comment").await?;
        Ok(())
    }

    /// Labels for the two boxes, where there are any.
    fn boxes(&self, issue: &Issue, card: &RunCard) -> Vec<Step> {
        let labels = &self.settings.labels;
        let boxes = [
            (&labels.implementation_complete, card.implementation_complete),
            (&labels.review_passed, card.review_passed),
        ];
        let step = |(label, wanted): (&Option<String>, bool)| {
            let label = label.as_ref().filter(|label| issue.has(label) != wanted)?.clone();
            Some(if wanted { Step::Add(label) } else { Step::Remove(label) })
        };
        boxes.into_iter().filter_map(step).collect()
    }

    /// Takes the steps, `only` those that take labels off if so wished. Returns whether there were any.
    async fn take(
        &self,
        target: &Target<'_>,
        steps: Vec<Step>,
        only_off: bool,
    ) -> Result<bool, TrackerError> {
        let mut taken = false;
        for step in steps {
            let (request, action) = match step {
                Step::Remove(label) => {
                    let labels = self.at(Verb::Delete, target).below("labels");
                    (labels.below(&label), "take a label off")
                }
                _ if only_off => continue,
                Step::Add(label) => {
                    let labels = self.at(Verb::Post, target).below("labels");
                    (labels.json(&json!({ "labels": [label] })), "put a label on")
                }
                Step::Close(reason) => {
                    let body = json!({ "state": "closed", "state_reason": reason });
                    (self.at(Verb::Patch, target).json(&body), "close an issue")
                }
                Step::Open => {
                    let body = json!({ "state": "open", "state_reason": "reopened" });
                    (self.at(Verb::Patch, target).json(&body), "open an issue again")
                }
            };
            // A label that is gone already is what was wanted; an issue that is gone shows when it is read.
            let _done_or_gone: Answer = self.api.ask(&request, action).await?;
            taken = true;
        }
        Ok(taken)
    }

    fn at(&self, verb: Verb, target: &Target<'_>) -> Request {
        issues(verb, target.repository).below(&target.number)
    }

    fn forget(&self, target: &Target<'_>) {
        if let Some(mirror) = self.mirrors().get_mut(&target.repository.name) {
            mirror.watched.remove(&target.number);
        }
    }

    /// What the update came to; the mirror learns of it too.
    fn answer(
        &self,
        target: &Target<'_>,
        update: &TrackerUpdate,
        issue: &Issue,
        already: bool,
    ) -> Updated {
        let current = self.seen(target, issue);
        let skipped = update.state.filter(|wanted| *wanted != current.state);
        Updated {
            revision: current.revision.clone(),
            already,
            state_skipped: skipped.map(|_| current.state),
            current,
            refused: None,
        }
    }

    fn seen(&self, target: &Target<'_>, issue: &Issue) -> WorkItem {
        let mut mirrors = self.mirrors();
        let Some(mirror) = mirrors.get_mut(&target.repository.name) else {
            // Nothing was read yet: everything it names holds it back.
            let watched = Watched { issue: Ok(issue.clone()), linked: BTreeSet::new() };
            let named = watched.blockers(target.repository);
            let blocked_by = named.iter().map(|it| self.settings.id_of(it)).collect();
            return self.settings.item(target.repository, issue, blocked_by);
        };
        let linked = mirror.watched.get(&target.number).map(|it| it.linked.clone());
        let watched = Watched { issue: Ok(issue.clone()), linked: linked.unwrap_or_default() };
        mirror.put(target.number, watched.clone());
        let item = mirror.item(&self.settings, target.repository, &watched);
        item.unwrap_or_else(|| self.settings.item(target.repository, issue, Vec::new()))
    }
}
