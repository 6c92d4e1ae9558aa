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

#[cfg(test)]
mod tests {
    use crate::domain::policy::{BlockedHours, Policy};

    use super::super::super::fixtures::{ask_at, at, policy, record, world};
    use super::check;

    fn quiet(zone: chrono_tz::Tz, spans: &[(u16, u16)]) -> Policy {
        let hour = |hour: u16| hour * 60;
        let span =
            |(from, until): &(u16, u16)| BlockedHours { from: hour(*from), until: hour(*until) };
        let blocked_hours = spans.iter().map(span).collect();
        Policy { blocked_hours, time_zone: zone, ..policy() }
    }

    /// Until when it is quiet at `now`: empty if it is not, `for ever` if it does not end.
    fn until(policy: &Policy, now: &str) -> String {
        let world = world([record("DEMO-1")]);
        match ask_at(check, &world, policy, "DEMO-1", at(now)) {
            None => String::new(),
            Some(held) => held.until.map_or("for ever".to_owned(), |until| until.to_string()),
        }
    }

    #[test]
    fn a_span_is_half_open() {
        let policy = quiet(chrono_tz::UTC, &[(9, 17)]);
        assert_eq!(until(&policy, "2026-03-04T08:59:59Z"), "");
        assert_eq!(until(&policy, "2026-03-04T09:00:00Z"), "2026-03-04T17:00:00Z");
        assert_eq!(until(&policy, "2026-03-04T16:59:59.999Z"), "2026-03-04T17:00:00Z");
        assert_eq!(until(&policy, "2026-03-04T17:00:00Z"), "");
        assert_eq!(until(&quiet(chrono_tz::UTC, &[(9, 9)]), "2026-03-04T09:00:00Z"), "");
    }

    #[test]
    fn a_span_across_midnight_ends_in_the_morning() {
        let policy = quiet(chrono_tz::Europe::Berlin, &[(22, 6)]);
        assert_eq!(until(&policy, "2026-03-04T20:59:00Z"), "");
        assert_eq!(until(&policy, "2026-03-04T21:00:00Z"), "2026-03-05T05:00:00Z");
        assert_eq!(until(&policy, "2026-03-05T04:59:00Z"), "2026-03-05T05:00:00Z");
        assert_eq!(until(&policy, "2026-03-05T05:00:00Z"), "");
    }

    #[test]
    fn touching_spans_count_as_one() {
        let policy = quiet(chrono_tz::UTC, &[(12, 14), (9, 12), (13, 15)]);
        assert_eq!(until(&policy, "2026-03-04T10:00:00Z"), "2026-03-04T15:00:00Z");
        let always = quiet(chrono_tz::UTC, &[(0, 12), (12, 0)]);
        assert_eq!(until(&always, "2026-03-04T10:00:00Z"), "for ever");
    }

    #[test]
    fn the_wall_clock_counts_on_days_on_which_it_changes() {
        let policy = quiet(chrono_tz::Europe::Berlin, &[(22, 6)]);
        let spring = until(&policy, "2026-03-28T23:00:00Z");
        assert_eq!(spring, "2026-03-29T04:00:00Z", "06:00 is an hour earlier by UTC");
        let autumn = until(&policy, "2026-10-24T21:00:00Z");
        assert_eq!(autumn, "2026-10-25T05:00:00Z", "06:00 is an hour later by UTC");
        // 02:00 to 03:00 does not exist on 29 March, and exists twice on 25 October.
        let skipped = quiet(chrono_tz::Europe::Berlin, &[(2, 3)]);
        assert_eq!(until(&skipped, "2026-03-29T00:59:00Z"), "");
        assert_eq!(until(&skipped, "2026-03-29T01:00:00Z"), "");
        assert_eq!(until(&skipped, "2026-10-25T00:00:00Z"), "2026-10-25T02:00:00Z");
        assert_eq!(until(&skipped, "2026-10-25T02:00:00Z"), "");
    }

    #[test]
    fn the_reason_names_span_and_zone_and_the_operator_may_work_at_night() {
        let policy = quiet(chrono_tz::Europe::Berlin, &[(22, 6)]);
        let world = world([record("DEMO-1"), record("cli/one")]);
        let night = at("2026-03-04T23:00:00Z");
        let held = ask_at(check, &world, &policy, "DEMO-1", night).unwrap();
        assert_eq!(held.reason, "quiet hours 22:00–06:00 (Europe/Berlin)");
        assert_eq!(ask_at(check, &world, &policy, "cli/one", night), None);
    }
}
