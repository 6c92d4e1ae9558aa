//! Having the item in its tracker: work begins with it, and ends when somebody else has it.

use crate::domain::event::Event;
use crate::domain::lease::{ItemLease, Rival};
use crate::domain::run::{Outcome, Phase};

use super::{Step, first_effect};

impl Step {
    pub(super) fn leased(&mut self, lease: ItemLease) {
        let is_first = self.state.lease.is_none() && self.state.phase == Phase::Preparing;
        self.emit(Event::RunLeased { lease });
        if is_first {
            self.request(first_effect(&self.state));
        }
    }

    pub(super) fn yielded(&mut self, rival: Rival) {
        self.stop_tasks = true;
        let detail = format!("{} has the item in its tracker", rival.holder);
        self.emit(Event::RunYielded { rival });
        self.finish(Outcome::Superseded, &detail);
    }
}
