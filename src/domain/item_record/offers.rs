//! What an item knows of its pull request.

use super::{ItemRecord, ItemStatus};
use crate::domain::pull_request::{Offer, Offered, PullRequest};

impl ItemRecord {
    /// Its change is offered, or was brought up to date there.
    pub(super) fn offer(&mut self, offer: &Offer) {
        let now = Offered::now(offer.clone(), self.offered.as_deref());
        self.offered = Some(Box::new(now));
    }

    /// Work goes on because of what people or checks say there. Nothing that it used up is forgiven.
    pub(super) fn follow_up(&mut self) {
        self.status = ItemStatus::Pending;
        self.in_review = false;
        self.follow_ups = self.follow_ups.saturating_add(1);
    }

    /// What is merged or closed does not wait for people any more.
    pub(super) fn read_pull_request(&mut self, pull_request: &PullRequest) {
        let Some(offered) = &mut self.offered else { return };
        offered.seen = Some(pull_request.clone());
        self.in_review &= offered.is_open();
    }
}
