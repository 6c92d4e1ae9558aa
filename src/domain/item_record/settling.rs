//! How an item comes out of a run, is settled, and goes back to work.

use super::{Approval, Closing, ItemRecord, ItemSpend, ItemStatus, Outcome, RunId};

impl ItemRecord {
    /// A run has taken it.
    pub(super) fn claim(&mut self, run: RunId, fence: u64) {
        self.status = ItemStatus::InFlight;
        self.run = Some(run);
        self.last_run = Some(run);
        self.fence = self.fence.max(fence);
        self.hold = None;
        self.human = None;
    }

    /// It is settled.
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

    /// Back to work after a person acted: everything that held it is lifted, what it used up is forgiven, and a refusal
    /// or a lapsed request makes room for a new one. A given approval stays.
    pub(super) fn free(&mut self) {
        if matches!(self.approval, Approval::Refused { .. } | Approval::Expired { .. }) {
            self.approval = Approval::NotRequested;
        }
        // Parts that nobody agreed to are thought of anew.
        self.epic = self.epic.take().filter(|epic| epic.agreed.is_some());
        self.status = ItemStatus::Pending;
        self.in_review = false;
        self.closing = Closing::Free;
        self.session.take_if(|session| !session.is_linked());
        self.follow_ups = 0;
        self.hold = None;
        self.human = None;
        self.infra_failures = 0;
        self.delivery_failures = 0;
        self.spend = ItemSpend::default();
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
