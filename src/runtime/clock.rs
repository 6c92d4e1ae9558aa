//! The only place that asks the machine for the time and for randomness.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use uuid::Uuid;

use crate::domain::time::Timestamp;

/// Tells the time.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// Hands out identifiers.
pub trait IdSource: Send + Sync {
    /// A time-ordered id for runs and events, made at `now`.
    fn ordered(&self, now: Timestamp) -> Uuid;
    /// An unguessable id for sessions and nonces.
    fn random(&self) -> Uuid;
}

/// The machine's clock.
#[derive(Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}

/// The machine's randomness.
#[derive(Debug, Default)]
pub struct SystemIds;

impl IdSource for SystemIds {
    #[expect(clippy::disallowed_methods, reason = "the one place that makes ids")]
    fn ordered(&self, _now: Timestamp) -> Uuid {
        Uuid::now_v7()
    }

    #[expect(clippy::disallowed_methods, reason = "the one place that makes ids")]
    fn random(&self) -> Uuid {
        Uuid::new_v4()
    }
}

/// A clock that stands still until it is moved: for `simulate` and tests.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that shows `at`.
    #[must_use]
    pub fn new(at: Timestamp) -> Self {
        Self(AtomicI64::new(at.0))
    }

    /// Moves it to `at`; never backwards.
    pub fn advance_to(&self, at: Timestamp) {
        self.0.fetch_max(at.0, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

/// Ids in counting order: the same every time.
#[derive(Debug, Default)]
pub struct CountingIds(AtomicU64);

impl CountingIds {
    fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }
}

impl IdSource for CountingIds {
    fn ordered(&self, now: Timestamp) -> Uuid {
        let millis = u64::try_from(now.0).unwrap_or(0);
        let mut rest = [0; 10];
        rest[2..].copy_from_slice(&self.next().to_be_bytes());
        uuid::Builder::from_unix_timestamp_millis(millis, &rest).into_uuid()
    }

    fn random(&self) -> Uuid {
        Uuid::from_u128(u128::from(self.next()))
    }
}

#[cfg(test)]
mod tests {
    use super::{CountingIds, IdSource as _, Timestamp};

    #[test]
    fn counted_ids_are_the_same_every_time_and_in_order() {
        let ids = |now| {
            let source = CountingIds::default();
            [source.ordered(now), source.ordered(now), source.ordered(Timestamp(now.0 + 1))]
        };
        let first = ids(Timestamp(1_772_438_400_123));
        assert_eq!(first, ids(Timestamp(1_772_438_400_123)));
        assert!(first.is_sorted() && first[0] != first[1]);
        assert_eq!(first[0].get_version_num(), 7);
    }
}
