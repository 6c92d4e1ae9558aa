//! Going on from what the item itself keeps.

use super::{ItemRecord, ItemStatus};
use crate::domain::standing::Standing;
use crate::domain::work_item::ItemState;

impl ItemRecord {
    /// Goes on from what an earlier log wrote down. A run that was under way then is not there any more. Where people have
    /// moved the item since, that is what counts.
    pub(super) fn restore(&mut self, standing: &Standing) {
        let state = self.item.state;
        self.updates = standing.updates;
        self.spend = standing.spend;
        self.infra_failures = standing.infra_failures;
        self.delivery_failures = standing.delivery_failures;
        self.last_run = standing.run.or(standing.last_run);
        self.last_outcome.clone_from(&standing.last_outcome);
        let is_over = !matches!(standing.status, ItemStatus::Pending | ItemStatus::InFlight);
        let is_open = matches!(state, ItemState::Todo | ItemState::InProgress);
        if state == standing.state {
            self.in_review = standing.in_review;
            self.hold.clone_from(&standing.hold);
            self.human.clone_from(&standing.human);
            if is_over {
                self.status = standing.status;
            }
        } else if is_open && is_over {
            self.free();
        }
    }
}
