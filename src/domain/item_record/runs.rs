//! What runs do to their item: take it, leave it, settle it.

use super::{ItemRecord, ItemStatus};
use crate::domain::closing::Closing;
use crate::domain::ids::RunId;
use crate::domain::run::Outcome;

impl ItemRecord {
    pub(super) fn claim(&mut self, run: RunId, fence: u64) {
        self.status = ItemStatus::InFlight;
        self.run = Some(run);
        self.last_run = Some(run);
        self.fence = self.fence.max(fence);
        self.hold = None;
        self.human = None;
    }

    pub(super) fn resolve(&mut self, outcome: &Outcome, in_review: bool) {
        self.status = settled_status(outcome);
        self.in_review = in_review;
        self.leave_run(outcome);
        self.hold = None;
        self.human = None;
        // Whoever settles it by other means than an acknowledgment has no close to wait for any more.
        if matches!(self.closing, Closing::Deferred { .. }) {
            self.closing = Closing::Free;
        }
    }

    pub(super) fn leave_run(&mut self, outcome: &Outcome) {
        if outcome.spends_attempt() {
            self.spend.attempts = self.spend.attempts.saturating_add(1);
        }
        if matches!(outcome, Outcome::InfraFailed | Outcome::GateNotRun) {
            self.infra_failures = self.infra_failures.saturating_add(1);
        } else {
            self.infra_failures = 0;
        }
        if matches!(outcome, Outcome::DeliveryFailed) {
            self.delivery_failures = self.delivery_failures.saturating_add(1);
        } else if matches!(outcome, Outcome::Succeeded) {
            self.delivery_failures = 0;
        }
        self.run = None;
        self.last_outcome = Some(outcome.clone());
    }
}

fn settled_status(outcome: &Outcome) -> ItemStatus {
    match outcome {
        Outcome::Succeeded => ItemStatus::Done,
        Outcome::Cancelled { .. } | Outcome::Superseded => ItemStatus::Cancelled,
        Outcome::Rejected
        | Outcome::GateNotRun
        | Outcome::AgentFailed
        | Outcome::Stuck { .. }
        | Outcome::TimedOut { .. }
        | Outcome::WaitingQuota { .. }
        | Outcome::WaitingHuman
        | Outcome::Throttled { .. }
        | Outcome::InfraFailed
        | Outcome::DeliveryFailed => ItemStatus::Failed,
    }
}
