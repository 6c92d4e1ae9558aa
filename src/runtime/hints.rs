//! Hints from outside that a tracker may have news.
//!
//! A hint says nothing but "look now": what it was about is read from the tracker. Hints that come while nobody can look
//! are one hint, so a storm of them costs no more than one. What is counted here is what `status` shows.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use tokio::sync::Notify;

use crate::domain::time::Timestamp;

/// What has come to the daemon's port since it started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Deliveries {
    /// Where it listens.
    pub address: String,
    /// Trackers whose deliveries are taken, by source word.
    pub sources: Vec<String>,
    /// Deliveries that were taken.
    pub accepted: u64,
    /// Deliveries that had come before and changed nothing.
    pub repeated: u64,
    /// Requests without the right secret.
    pub refused: u64,
    /// The last delivery that was taken: from which tracker, and when.
    pub last: Option<(String, Timestamp)>,
}

/// Hints that wait for the loop, and what was counted.
#[derive(Debug, Default)]
pub struct Hints {
    state: Mutex<State>,
    arrived: Notify,
}

#[derive(Debug, Default)]
struct State {
    waiting: BTreeSet<String>,
    deliveries: Option<Deliveries>,
}

impl Hints {
    /// Deliveries from trackers `sources` are taken at `address` from now on.
    pub fn open(&self, address: String, sources: Vec<String>) {
        let deliveries =
            Deliveries { address, sources, accepted: 0, repeated: 0, refused: 0, last: None };
        self.state().deliveries = Some(deliveries);
    }

    /// The tracker `source` may have news.
    pub fn look_at(&self, source: &str) {
        self.state().waiting.insert(source.to_owned());
        self.arrived.notify_one();
    }

    /// A delivery from `source` was taken at `now`; it came before if it is `repeated`.
    pub fn accepted(&self, source: &str, repeated: bool, now: Timestamp) {
        let mut state = self.state();
        let Some(deliveries) = &mut state.deliveries else { return };
        deliveries.last = Some((source.to_owned(), now));
        let count = if repeated { &mut deliveries.repeated } else { &mut deliveries.accepted };
        *count = count.saturating_add(1);
    }

    /// Somebody came without the right secret. How often that has happened.
    pub fn refused(&self) -> u64 {
        let mut state = self.state();
        let Some(deliveries) = &mut state.deliveries else { return 0 };
        deliveries.refused = deliveries.refused.saturating_add(1);
        deliveries.refused
    }

    /// What has come since the start; `None` when nothing is listened to.
    #[must_use]
    pub fn deliveries(&self) -> Option<Deliveries> {
        self.state().deliveries.clone()
    }

    /// Waits until a hint arrives, or returns at once when one has since the last time.
    pub(super) async fn arrived(&self) {
        self.arrived.notified().await;
    }

    /// Whether no hint waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.state().waiting.is_empty()
    }

    /// Takes the trackers that may have news.
    pub(super) fn take(&self) -> BTreeSet<String> {
        std::mem::take(&mut self.state().waiting)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
