//! Our own comments at an item: found, believed, written, and what they keep of how the item stands.

use std::sync::PoisonError;

use super::AzureDevOpsTracker;
use super::comment::{Status, is_marked};
use super::item::{self, number_of};
use super::refusal::Failed;
use crate::domain::standing::Standing;
use crate::domain::work_item::{ItemState, WorkItem};
use crate::trackers::status_comment::standing::is_left;
use crate::trackers::{TrackerError, TrackerUpdate};

/// A comment of ours, with its number at the service.
pub(super) struct Ours {
    comment: u64,
    pub(super) status: Status,
}

impl AzureDevOpsTracker {
    /// Comments of the item that our account wrote, that are signed by us for this item and that nobody changed, oldest
    /// first.
    pub(super) async fn our_comments(&self, number: u64) -> Result<Vec<Ours>, Failed> {
        let mut ours = Vec::new();
        for raw in self.boards.comments(number).await? {
            let Some(status) = Status::verified(&raw.text, number, &self.signer) else {
                if is_marked(&raw.text) {
                    tracing::warn!(item.id = %item::id_of(number), comment = raw.id,
                        "a comment looks like one of ours and is not signed by us; it is left alone");
                }
                continue;
            };
            let me = self.me().await?;
            let is_mine = raw.author.as_ref().is_some_and(|author| Some(&author.id) == me.as_ref());
            if me.is_some() && !is_mine {
                tracing::warn!(item.id = %item::id_of(number), comment = raw.id,
                    "somebody has copied a comment of ours; the copy is left alone");
                continue;
            }
            ours.push(Ours { comment: raw.id, status });
        }
        ours.sort_by_key(|ours| ours.comment);
        Ok(ours)
    }

    /// Whose the token is; `None` where the service does not say.
    async fn me(&self) -> Result<Option<String>, Failed> {
        let known = self.identity.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(known) = known {
            return Ok(known);
        }
        let asked = match self.boards.whoami().await {
            Ok(id) => Some(id).filter(|id| !id.is_empty()),
            Err(Failed::Missing | Failed::Tracker(TrackerError::Refused { .. })) => None,
            Err(failed) => return Err(failed),
        };
        if asked.is_none() {
            tracing::warn!(
                "the service does not say whose the token is; comments count by their signature alone"
            );
        }
        *self.identity.lock().unwrap_or_else(PoisonError::into_inner) = Some(asked.clone());
        Ok(asked)
    }

    /// Puts the update into the comment of its run, or into a new one. `state` is what the item is in now.
    pub(super) async fn say(
        &self,
        number: u64,
        ours: &[Ours],
        update: &TrackerUpdate,
        state: ItemState,
    ) -> Result<(), Failed> {
        let about = update.card.as_ref().map(|card| card.run);
        let run = about.flatten();
        let is_left = |ours: &&Ours| {
            let status = &ours.status;
            is_left(status.run, status.standing.as_ref(), status.number, update)
        };
        let home = match about {
            Some(None) => ours.iter().find(|ours| ours.status.run.is_none()),
            Some(run) => ours
                .iter()
                .find(|ours| ours.status.run == run)
                .or_else(|| ours.iter().find(is_left)),
            None => ours.iter().max_by_key(|ours| ours.status.number),
        };
        let mut status = home.map_or_else(|| Status::new(run), |home| home.status.clone());
        status.run = run.or(status.run);
        status.add(update);
        if let Some(standing) = &mut status.standing {
            standing.state = state;
        }
        let page = self.boards.page_of(&self.settings.base_url, number);
        let text = status.render(number, &page, &self.signer);
        match home {
            Some(home) => match self.boards.edit_comment(number, home.comment, &text).await {
                // Somebody has deleted it meanwhile: all is decided anew.
                Err(Failed::Missing) => Err(Failed::Changed),
                edited => edited,
            },
            None => self.boards.add_comment(number, &text).await,
        }
    }

    /// See [`crate::trackers::Tracker::standing`]. An item without comments costs no call.
    pub(super) async fn kept_standing(
        &self,
        item: &WorkItem,
    ) -> Result<Option<Standing>, TrackerError> {
        let Some(number) = number_of(&item.id) else { return Ok(None) };
        let worthwhile = match self.mirror().comments_of(number) {
            Some(comments) => comments > 0,
            None => item.state != ItemState::Todo,
        };
        if !worthwhile {
            return Ok(None);
        }
        let ours = match self.our_comments(number).await {
            Ok(ours) => ours,
            Err(Failed::Missing) => return Ok(None),
            Err(failed) => return Err(failed.error("read comments")),
        };
        let newest = ours.into_iter().map(|ours| ours.status).max_by_key(|status| status.number);
        Ok(newest.map(|status| {
            status.standing.unwrap_or_else(|| Standing::unknown(status.number, item.state))
        }))
    }
}
