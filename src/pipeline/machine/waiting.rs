//! Trying again: what is waited for, for how long, and when a run gives up.

use crate::domain::event::Event;
use crate::domain::failure::{Failure, FailureClass, infrastructure_backoff};
use crate::domain::run::Outcome;
use crate::domain::time::Timestamp;
use crate::pipeline::input::Settle;

use super::{
    LONGEST_WAIT, MOST_INFRASTRUCTURE_FAILURES, MOST_QUOTA_WAITS, Step, UNKNOWN_QUOTA_WAIT,
};

impl Step {
    /// The same effect again after a pause, or the end of the run.
    pub(super) fn try_again(&mut self, failure: &Failure) {
        if let Some(until) = self.wait(failure) {
            self.settle = Settle::Retry { at: until, error: failure.message.clone() };
        }
    }

    /// A new effect after a pause, or the end of the run.
    pub(super) fn wait_or_finish(&mut self, failure: &Failure, next: fn(&mut Self, Timestamp)) {
        if let Some(until) = self.wait(failure) {
            next(self, until);
        }
    }

    /// Records the wait that `failure` calls for; `None` when the run was ended instead.
    fn wait(&mut self, failure: &Failure) -> Option<Timestamp> {
        let failures = self.state.infra_failures + 1;
        let message = failure.message.clone();
        let backoff = self.now.after(infrastructure_backoff(failures));
        let (until, given_up) = match failure.class {
            FailureClass::Infrastructure | FailureClass::Cancelled | FailureClass::Agent => (
                backoff,
                (failures >= MOST_INFRASTRUCTURE_FAILURES).then_some(Outcome::InfraFailed),
            ),
            FailureClass::Throttled { until } => {
                let at = until.unwrap_or(backoff).max(backoff);
                let enough = failures >= MOST_INFRASTRUCTURE_FAILURES || self.is_too_long(at);
                (at, enough.then_some(Outcome::Throttled { until }))
            }
            FailureClass::Quota { until } => {
                let waits = self.state.quota_waits + 1;
                let soonest = self.now.after(infrastructure_backoff(waits));
                let at = until.unwrap_or(self.now.after(UNKNOWN_QUOTA_WAIT)).max(soonest);
                let enough = waits >= MOST_QUOTA_WAITS || self.is_too_long(at);
                (at, enough.then_some(Outcome::WaitingQuota { until }))
            }
            // Until somebody has signed the agent in, which the engine knows; this only looks again.
            FailureClass::Authentication => {
                let enough = self.state.quota_waits + 1 >= MOST_QUOTA_WAITS;
                (self.now.after(LONGEST_WAIT), enough.then_some(Outcome::WaitingHuman))
            }
            FailureClass::Budget | FailureClass::Configuration | FailureClass::ContextOverflow => {
                (self.now, Some(Outcome::WaitingHuman))
            }
        };
        if let Some(outcome) = given_up {
            if outcome == Outcome::WaitingHuman {
                // The class says what the person has to do; nothing else in the log may tell it.
                self.emit(Event::RunWaiting { failure: failure.clone(), until });
            }
            self.finish(outcome, &message);
            return None;
        }
        self.emit(Event::RunWaiting { failure: failure.clone(), until });
        Some(until)
    }

    fn is_too_long(&self, until: Timestamp) -> bool {
        until.since(self.now) > LONGEST_WAIT
    }
}
