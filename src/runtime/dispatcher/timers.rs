//! What the loop does by the clock: reading trackers, heartbeats, leases, strays.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::domain::time::Timestamp;
use crate::store::error::StoreError;

use super::super::engine::{Input, LEASE};
use super::{BETWEEN_HINTED, Dispatcher, LoopMessage, REAPING, RENEWAL, rehydrating};

/// Name of the task that reads the trackers.
pub(super) const OBSERVING: &str = "observe";

impl Dispatcher {
    pub(super) async fn timers(&mut self) -> Result<(), StoreError> {
        let now = self.ports.clock.now();
        if !self.observing {
            let hinted = self.hinted(now);
            if now >= self.next_poll {
                self.next_poll = now.after(self.timing.poll);
                self.observe(hinted, true);
            } else if !hinted.is_empty() {
                self.observe(hinted, false);
            }
        }
        self.watch();
        if self.next_heartbeat.is_some_and(|at| now >= at) {
            self.next_heartbeat = self.timing.schedule.as_ref().map(|next_after| next_after(now));
            self.engine.open_intake(true);
            self.dirty = true;
        }
        if now >= self.next_renewal {
            self.next_renewal = now.after(RENEWAL);
            let (instance, expires) = (self.engine.instance().to_owned(), now.after(LEASE));
            self.ports.store.renew_leases(&instance, expires).await?;
        }
        if now >= self.next_reaping {
            self.next_reaping = now.after(REAPING);
            self.end_strays().await;
        }
        let due = self.engine.report().and_then(|report| report.wake_at);
        if due.is_some_and(|at| now >= at) {
            self.dirty = true;
        }
        Ok(())
    }

    /// Ends orphans of ended runs that hid from their run's end, and reaps what has ended.
    pub(super) async fn end_strays(&self) {
        match crate::process::recovery::end_strays().await {
            Ok(ended) if ended.ended.is_empty() => {}
            Ok(ended) => {
                tracing::warn!(processes = ended.ended.len(), "stray processes were ended");
            }
            Err(error) => tracing::warn!(%error, "stray processes could not be ended"),
        }
        let _reaped = crate::process::adoption::reap_adopted();
    }

    /// The trackers that may have news, if it is time to look after hints again.
    fn hinted(&mut self, now: Timestamp) -> BTreeSet<String> {
        if now < self.next_hinted || self.hints.is_empty() {
            return BTreeSet::new();
        }
        self.next_hinted = now.after(BETWEEN_HINTED);
        let hinted = self.hints.take();
        tracing::debug!(sources = ?hinted, "a reading was hinted at");
        hinted
    }

    /// Reads `all` trackers, or those that may have news, in a task; the readings come back as inputs.
    fn observe(&mut self, hinted: BTreeSet<String>, all: bool) {
        if self.ports.trackers.is_empty() {
            return;
        }
        self.observing = true;
        let (ports, sender) = (Arc::clone(&self.ports), self.sender.clone());
        let known = self.engine.known_items();
        self.tasks.spawn(OBSERVING, async move {
            for (source, tracker) in &ports.trackers {
                if hinted.contains(source) {
                    tracker.hurry();
                } else if !all {
                    continue;
                }
                let began = ports.clock.now();
                let input = match tracker.list().await {
                    Ok(mut listing) => Input::Observed {
                        standings: rehydrating::standings(&**tracker, &mut listing, &known).await,
                        source: source.clone(),
                        items: listing.items,
                        unreadable: listing.unreadable,
                        problems: listing.problems.iter().map(ToString::to_string).collect(),
                        began,
                    },
                    Err(error) => {
                        let message = error.failure().message;
                        Input::NotObserved { source: source.clone(), message }
                    }
                };
                // The loop is gone only when the daemon is.
                let _gone = sender.send(LoopMessage::Input(input)).await;
            }
        });
    }

    /// Time until something is due by the clock.
    pub(super) fn until_next(&self) -> Duration {
        let now = self.ports.clock.now();
        let planned = self.engine.report().and_then(|report| report.wake_at);
        let candidates = [
            (!self.observing).then_some(self.next_poll),
            (!self.observing && !self.hints.is_empty()).then_some(self.next_hinted),
            self.next_heartbeat,
            Some(self.next_renewal),
            Some(self.next_reaping),
            self.engine.next_due(now),
            self.engine.next_reading().filter(|_| !self.watching),
            planned.filter(|at| *at > now),
        ];
        let next = candidates.into_iter().flatten().min().unwrap_or(now.after(RENEWAL));
        let next = next.since(now);
        if self.dirty {
            next.min(self.next_plan.saturating_duration_since(Instant::now()))
        } else {
            next
        }
    }
}
