//! Taking an issue: by the order of comments, which is the same for everybody who reads them.
//!
//! GitHub has no write that only one of two can win. So whoever wants an issue first writes the comment of its run, with
//! a lease in it, and then reads all comments: the oldest of those whose leases still count has the issue, and everybody
//! else takes theirs away. A lease that has run out is never renewed in place: it is written anew, at the end.

use serde::Deserialize;
use serde_json::json;

use super::GithubTracker;
use super::api::{below, parsed};
use super::writing::{Own, Target};
use crate::domain::ids::{ItemId, RunId};
use crate::domain::lease::Rival;
use crate::http::client::{Request, Verb};
use crate::trackers::TrackerError;
use crate::trackers::claim::{Claim, Claimed};
use crate::trackers::status_comment::StatusComment;

/// What is known of a comment that was written just now.
#[derive(Deserialize)]
struct Written {
    id: u64,
}

impl GithubTracker {
    pub(super) async fn take_item(&self, claim: &Claim) -> Result<Claimed, TrackerError> {
        let (repository, number) = self.locate(&claim.item)?;
        let target = Target { repository, number };
        // It is never closed.
        let _writing = self.writing.acquire().await.ok();
        let own = self.own_comments(&target, &claim.item).await?;
        let ours = own.comments.iter().position(|comment| comment.run == Some(claim.run));
        let counts = ours.is_some_and(|at| is_ours(&own.comments[at], claim));
        let ticket = match ours.filter(|_| counts) {
            Some(at) => own.ids[at],
            // Without a place in the order yet: it must be free.
            None => u64::MAX,
        };
        if let Some(rival) = rival(&own, ticket, claim) {
            if let Some(at) = ours.filter(|_| counts) {
                self.give_up(&target, own.ids[at], &own.comments[at]).await?;
            }
            return Ok(Claimed::Taken(rival));
        }
        let updates = own.comments.iter().map(|comment| comment.number).max().unwrap_or(0);
        let known = ours.map(|at| own.comments[at].clone());
        let mut comment = known.unwrap_or_else(|| StatusComment::new(&claim.item, Some(claim.run)));
        comment.lease = Some(Rival { holder: claim.holder.clone(), until: claim.until });
        if counts {
            self.rewrite(&target, ticket, &comment).await?;
        } else if let Some(rival) = self.queue_up(&target, &comment, claim).await? {
            return Ok(Claimed::Taken(rival));
        } else if let Some(at) = ours {
            // What it said stands in the new one.
            self.remove(&target, own.ids[at]).await?;
        }
        let issue = self.readable(&target, &claim.item).await?;
        if !self.settings.is_watched(&issue) {
            // It was taken away from us meanwhile.
            self.take_marker_off(&target, &claim.item, claim.run).await?;
            self.forget(&target);
            return Err(TrackerError::UnknownItem { item: claim.item.clone() });
        }
        let current = Box::new(self.seen(&target, &issue));
        Ok(Claimed::Ours { updates, current })
    }

    /// Writes `comment` behind all others and looks who was first. Who else has the issue, if not we.
    async fn queue_up(
        &self,
        target: &Target<'_>,
        comment: &StatusComment,
        claim: &Claim,
    ) -> Result<Option<Rival>, TrackerError> {
        let body = json!({ "body": comment.render(&self.key) });
        let request = self.at(Verb::Post, target).below("comments").json(&body);
        let reply = self.api.have(&request, "write a comment").await?;
        let written: Written = parsed(&reply)?;
        let own = self.own_comments(target, &claim.item).await?;
        let rival = rival(&own, written.id, claim);
        if rival.is_some() {
            self.remove(target, written.id).await?;
        }
        Ok(rival)
    }

    /// Takes our own marker away. What the run has told stays.
    async fn give_up(
        &self,
        target: &Target<'_>,
        id: u64,
        comment: &StatusComment,
    ) -> Result<(), TrackerError> {
        if comment.number == 0 {
            return self.remove(target, id).await;
        }
        let mut comment = comment.clone();
        comment.lease = None;
        self.rewrite(target, id, &comment).await
    }

    pub(super) async fn give_item_back(
        &self,
        item: &ItemId,
        run: RunId,
    ) -> Result<(), TrackerError> {
        let (repository, number) = self.locate(item)?;
        let target = Target { repository, number };
        // It is never closed.
        let _writing = self.writing.acquire().await.ok();
        self.take_marker_off(&target, item, run).await
    }

    async fn take_marker_off(
        &self,
        target: &Target<'_>,
        item: &ItemId,
        run: RunId,
    ) -> Result<(), TrackerError> {
        let own = self.own_comments(target, item).await?;
        for (id, comment) in own.ids.iter().zip(&own.comments) {
            if comment.run == Some(run) && comment.lease.is_some() {
                self.give_up(target, *id, comment).await?;
            }
        }
        Ok(())
    }

    async fn rewrite(
        &self,
        target: &Target<'_>,
        id: u64,
        comment: &StatusComment,
    ) -> Result<(), TrackerError> {
        let body = json!({ "body": comment.render(&self.key) });
        let request = comment_at(Verb::Patch, target, id).json(&body);
        self.api.have(&request, "change a comment").await?;
        Ok(())
    }

    async fn remove(&self, target: &Target<'_>, id: u64) -> Result<(), TrackerError> {
        // That it is gone already is just as good.
        self.api.ask(&comment_at(Verb::Delete, target, id), "delete a comment").await?;
        Ok(())
    }
}

fn comment_at(verb: Verb, target: &Target<'_>, id: u64) -> Request {
    below(verb, &target.repository.name).below("issues").below("comments").below(&id)
}

/// Whether the comment's lease is ours and has not run out.
fn is_ours(comment: &StatusComment, claim: &Claim) -> bool {
    comment.lease.as_ref().is_some_and(|it| it.holder == claim.holder && it.until > claim.now)
}

/// Whoever comes before the comment `ticket` with a lease that counts.
fn rival(own: &Own, ticket: u64, claim: &Claim) -> Option<Rival> {
    let earlier = own.ids.iter().zip(&own.comments).filter(|(id, _)| **id < ticket);
    let leases = earlier.filter_map(|(_, comment)| comment.lease.clone());
    let mut counting =
        leases.filter(|lease| lease.holder != claim.holder && claim.respects(lease.until));
    counting.next()
}
