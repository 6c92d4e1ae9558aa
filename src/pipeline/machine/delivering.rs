//! Approval and delivery. That delivery fails says nothing against the work.

use std::time::Duration;

use crate::domain::change::Delivered;
use crate::domain::effect::Effect;
use crate::domain::event::Event;
use crate::domain::failure::{Failure, FailureClass, infrastructure_backoff};
use crate::domain::run::{Delivery, Outcome, Phase};
use crate::domain::time::Timestamp;
use crate::pipeline::input::Settle;

use super::{MOST_INFRASTRUCTURE_FAILURES, Step, UNKNOWN_QUOTA_WAIT};

impl Step {
    pub(super) fn approve(&mut self) {
        let Some(change) = self.state.change.clone() else {
            return self.finish(Outcome::InfraFailed, "approved, but no change is recorded");
        };
        self.emit(Event::RunApproved { head: change.head.clone() });
        if change.is_empty() {
            return self.delivered(Delivered::Nothing);
        }
        self.request_delivery(self.now);
    }

    fn request_delivery(&mut self, at: Timestamp) {
        let execution = self.state.delivery_executions + 1;
        self.effects.push((Effect::Deliver { run: self.state.id, execution }, at));
    }

    pub(super) fn delivered(&mut self, delivered: Delivered) {
        if self.state.phase != Phase::Publishing || self.state.delivered.is_some() {
            return self.ignore("nothing is being delivered");
        }
        let detail = delivery_words(&delivered);
        self.emit(Event::RunDelivered { delivered });
        self.finish(Outcome::Succeeded, &detail);
    }

    pub(super) fn delivery_failed(&mut self, execution: u32, failure: Failure) {
        let wanted = self.state.delivery_executions + 1;
        if self.state.phase != Phase::Publishing || execution != wanted {
            return self.ignore("nothing is being delivered");
        }
        if self.state.plan.delivery == Delivery::PullRequest
            && let Some(pause) = self.pause_before_offering(failure.class)
        {
            let until = self.now.after(pause);
            self.settle = Settle::Retry { at: until, error: failure.message.clone() };
            return self.emit(Event::RunWaiting { failure, until });
        }
        self.emit(Event::DeliveryFailed { execution, failure: failure.clone() });
        let again = failure.class == FailureClass::Infrastructure
            && self.state.delivery_executions < MOST_INFRASTRUCTURE_FAILURES;
        if again {
            let until = self.now.after(infrastructure_backoff(self.state.delivery_executions));
            self.emit(Event::RunWaiting { failure, until });
            return self.request_delivery(until);
        }
        let detail = format!("the approved change could not be delivered: {}", failure.message);
        self.finish(Outcome::DeliveryFailed, &detail);
    }
}

impl Step {
    /// For how long to wait before an approved change is offered again; nothing when only people can help. A forge that is
    /// out of reach, or does not take the credentials, says nothing about the work, so that is never given up.
    fn pause_before_offering(&self, class: FailureClass) -> Option<Duration> {
        let backoff = infrastructure_backoff(self.state.infra_failures + 1);
        match class {
            FailureClass::Infrastructure => Some(backoff),
            FailureClass::Throttled { until } | FailureClass::Quota { until } => {
                Some(until.map_or(backoff, |until| until.since(self.now)).max(backoff))
            }
            FailureClass::Authentication => Some(UNKNOWN_QUOTA_WAIT),
            FailureClass::Agent
            | FailureClass::Budget
            | FailureClass::Configuration
            | FailureClass::ContextOverflow
            | FailureClass::Cancelled => None,
        }
    }
}

/// What was delivered, for people.
pub(super) fn delivery_words(delivered: &Delivered) -> String {
    match delivered {
        Delivered::Branch { branch, .. } => format!("approved on branch {branch}"),
        Delivered::Merge { base, after, checkout, .. } => {
            let note = checkout.as_ref().map(|note| format!("; {note}")).unwrap_or_default();
            format!("merged into {base} as {}{note}", after.get(..12).unwrap_or(after))
        }
        Delivered::PullRequest { number, url, branch, draft, .. } => {
            let draft = if *draft { "draft " } else { "" };
            format!("offered as {draft}pull request {number} on branch {branch}: {url}")
        }
        Delivered::Nothing => "no change was needed, and the critic agrees".to_owned(),
    }
}
