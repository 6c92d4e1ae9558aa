//! Instants and spans as plain numbers: the core never asks what time it is.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

/// Milliseconds since the Unix epoch, UTC.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The instant `span` later; saturates at the end of time.
    #[must_use]
    pub fn after(self, span: Duration) -> Self {
        Self(self.0.saturating_add(millis(span)))
    }

    /// The instant `span` earlier; saturates at the beginning of time.
    #[must_use]
    pub fn before(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(millis(span)))
    }

    /// Time passed since `earlier`; zero if `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// The moment that a `Date` header names (RFC 9110 §5.6.7), if it is one.
    #[must_use]
    pub fn from_http_date(text: &str) -> Option<Self> {
        let date = DateTime::parse_from_rfc2822(text.trim()).ok()?;
        Some(Self(date.timestamp_millis()))
    }

    /// The moment that `text` names (RFC 3339), if it is one.
    #[must_use]
    pub fn from_rfc3339(text: &str) -> Option<Self> {
        let date = DateTime::parse_from_rfc3339(text.trim()).ok()?;
        Some(Self(date.timestamp_millis()))
    }

    /// The calendar instant, if it is within chrono's range.
    #[must_use]
    pub fn to_utc(self) -> Option<DateTime<Utc>> {
        DateTime::from_timestamp_millis(self.0)
    }

    /// Number of the UTC day since the epoch: the key of day budgets.
    #[must_use]
    pub fn utc_day(self) -> i64 {
        self.0.div_euclid(86_400_000)
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC with seconds; the raw number when out of calendar range.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.to_utc() {
            Some(instant) => {
                write!(formatter, "{}", instant.to_rfc3339_opts(SecondsFormat::Secs, true))
            }
            None => write!(formatter, "{} ms", self.0),
        }
    }
}

fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
