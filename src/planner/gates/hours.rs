//! Gate `hours`: nothing is started in the operator's quiet spans.
//!
//! An instant is quiet when the wall clock of the configured zone shows a minute of a span. That alone settles the days
//! on which clocks change: an hour shown twice is quiet twice, an hour that is skipped never is.

use chrono::Timelike;
use chrono_tz::Tz;

use crate::domain::policy::{BlockedHours, Policy};
use crate::domain::time::Timestamp;

use super::super::because::HeldBecause;
use super::super::context::{Context, ItemView};
use super::super::held::Held;

const MINUTE_MS: i64 = 60_000;

/// Minutes looked ahead for the end of the quiet. Spans repeat daily, so what is still quiet after a day and the longest
/// clock change is quiet for ever.
const LOOK_AHEAD_MINUTES: i64 = 48 * 60;

/// A quiet span that covers now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Quiet {
    pub(crate) hours: BlockedHours,
    /// The first instant that is not quiet; absent if the spans cover the whole day.
    pub(crate) until: Option<Timestamp>,
}

/// The quiet span that covers `now`, if one does.
pub(crate) fn quiet_at(policy: &Policy, now: Timestamp) -> Option<Quiet> {
    let hours = covering(policy, now)?;
    let this_minute = now.0.div_euclid(MINUTE_MS);
    let until = (1..=LOOK_AHEAD_MINUTES)
        .map(|ahead| Timestamp(this_minute.saturating_add(ahead).saturating_mul(MINUTE_MS)))
        .find(|instant| covering(policy, *instant).is_none());
    Some(Quiet { hours, until })
}

pub(crate) fn check(view: &ItemView<'_>, context: &Context<'_>) -> Option<Held> {
    let quiet = context.quiet.filter(|_| !view.is_one_off())?;
    let because = HeldBecause::QuietHours { hours: quiet.hours, zone: context.policy.time_zone };
    Some(Held::new(because).until(quiet.until))
}

fn covering(policy: &Policy, at: Timestamp) -> Option<BlockedHours> {
    if policy.blocked_hours.is_empty() {
        return None;
    }
    let minute = minute_of_day(at, policy.time_zone)?;
    policy.blocked_hours.iter().copied().find(|hours| covers(*hours, minute))
}

fn covers(hours: BlockedHours, minute: u32) -> bool {
    let (from, until) = (u32::from(hours.from), u32::from(hours.until));
    if from <= until { from <= minute && minute < until } else { from <= minute || minute < until }
}

fn minute_of_day(at: Timestamp, zone: Tz) -> Option<u32> {
    let local = at.to_utc()?.with_timezone(&zone);
    Some(local.hour() * 60 + local.minute())
}
