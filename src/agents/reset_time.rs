//! When a limit resets, out of the sentences that say so.

use std::sync::LazyLock;
use std::time::Duration;

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveTime, TimeZone, Utc};
use chrono_tz::Tz;
use regex::{Captures, Regex};

use crate::domain::time::Timestamp;

/// Sentences give minutes: the reset may be up to this much later than what they say.
const PRECISION: Duration = Duration::from_secs(60);

/// How long ago a time of day may be and still mean today: the sentence was written a moment before it is read.
const STALE: chrono::TimeDelta = chrono::TimeDelta::minutes(10);

static AT: LazyLock<Regex> = LazyLock::new(|| {
    pattern(concat!(
        r"(?i)(?:try again at|resets(?: at)?)\s+",
        r"(?:([a-z]{3})[a-z]*\s+(\d{1,2})(?:st|nd|rd|th)?,?\s+(?:(\d{4}),?\s+)?(?:at\s+)?)?",
        r"(\d{1,2})(?::(\d{2}))?\s*(am|pm)?(?:\s*\(([^)]+)\))?",
    ))
});

static AFTER: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?i)(?:try again|resets) in ((?:\d+\s*[a-z]+[,\s]*(?:and\s+)?)+)"));

static PART: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?i)(\d+)\s*([dhms])"));

static EPOCH: LazyLock<Regex> = LazyLock::new(|| pattern(r#""resets_?[aA]t"\s*:\s*(\d{9,11})\b"#));

static SECONDS: LazyLock<Regex> =
    LazyLock::new(|| pattern(r#""resets_in_seconds"\s*:\s*(\d{1,8})\b"#));

#[expect(clippy::expect_used, reason = "the patterns are constants, compiled by the tests")]
fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a valid pattern")
}

/// The instant after which the message promises that calls are accepted again.
///
/// Times without a zone are UTC: the adapters give their children `TZ=UTC` for this. Without `now` only absolute
/// instants can be understood.
pub(super) fn parse(message: &str, now: Option<Timestamp>) -> Option<Timestamp> {
    if let Some(found) = EPOCH.captures(message) {
        return from_epoch_seconds(found[1].parse().ok()?);
    }
    let now = now?;
    if let Some(found) = SECONDS.captures(message) {
        return Some(now.after(Duration::from_secs(found[1].parse().ok()?)));
    }
    if let Some(found) = AT.captures(message) {
        return at(&found, now.to_utc()?);
    }
    let found = AFTER.captures(message)?;
    Some(now.after(duration(&found[1])?))
}

/// Seconds since the epoch as an instant.
pub(super) fn from_epoch_seconds(seconds: i64) -> Option<Timestamp> {
    (seconds > 0).then(|| seconds.checked_mul(1000).map(Timestamp))?
}

/// The instant of an HTTP date (`Fri, 20 Nov 2026 13:41:20 GMT`).
pub(super) fn http_date(text: &str) -> Option<Timestamp> {
    let parsed = DateTime::parse_from_rfc2822(text.trim()).ok()?;
    Some(Timestamp(parsed.timestamp_millis()))
}

fn at(found: &Captures<'_>, now: DateTime<Utc>) -> Option<Timestamp> {
    let zone: Tz = match found.get(7) {
        Some(name) => name.as_str().trim().parse().ok()?,
        None => Tz::UTC,
    };
    let number = |group: usize| found.get(group).and_then(|text| text.as_str().parse::<u32>().ok());
    let afternoon = found.get(6).map(|half| half.as_str().eq_ignore_ascii_case("pm"));
    let hour = match (number(4)?, afternoon) {
        (hour, None) => hour,
        (12, Some(afternoon)) => u32::from(afternoon) * 12,
        (hour, Some(afternoon)) => hour + u32::from(afternoon) * 12,
    };
    let time = NaiveTime::from_hms_opt(hour, number(5).unwrap_or(0), 0)?;
    let today = now.with_timezone(&zone).date_naive();
    let instant = |date: NaiveDate| zone.from_local_datetime(&date.and_time(time)).earliest();
    let passed = |instant: &DateTime<Tz>| *instant < now - STALE;
    let reset = match found.get(1) {
        None => match instant(today)? {
            earlier if passed(&earlier) => instant(today.checked_add_days(Days::new(1))?)?,
            reset => reset,
        },
        Some(name) => {
            let (month, day) = (month(name.as_str())?, number(2)?);
            let in_year = |year: i32| instant(NaiveDate::from_ymd_opt(year, month, day)?);
            match found.get(3).and_then(|year| year.as_str().parse().ok()) {
                Some(year) => in_year(year)?,
                None => match in_year(today.year())? {
                    earlier if passed(&earlier) => in_year(today.year() + 1)?,
                    reset => reset,
                },
            }
        }
    };
    Some(Timestamp(reset.timestamp_millis()).after(PRECISION))
}

fn month(name: &str) -> Option<u32> {
    const MONTHS: &str = "janfebmaraprmayjunjulaugsepoctnovdec";
    let index = MONTHS.find(&name.to_lowercase())?;
    (index % 3 == 0).then(|| u32::try_from(index / 3 + 1).ok())?
}

fn duration(text: &str) -> Option<Duration> {
    let mut seconds = 0_u64;
    for part in PART.captures_iter(text) {
        let unit = match part[2].to_ascii_lowercase().as_str() {
            "d" => 86_400,
            "h" => 3_600,
            "m" => 60,
            _ => 1,
        };
        seconds = seconds.checked_add(part[1].parse::<u64>().ok()?.checked_mul(unit)?)?;
    }
    (seconds > 0).then(|| Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-20, 11:30 UTC.
    const NOW: Timestamp = Timestamp(1_795_174_200_000);

    fn reset(message: &str) -> Option<String> {
        parse(message, Some(NOW)).map(|instant| instant.to_string())
    }

    #[test]
    fn recorded_sentences_give_an_instant() {
        let rows = [
            ("try again at 11:52 AM.", "2026-11-20T11:53:00Z"),
            ("try again at 2:28 PM.", "2026-11-20T14:29:00Z"),
            ("try again at 12:05 AM.", "2026-11-21T00:06:00Z"),
            ("try again at 9:00 AM.", "2026-11-21T09:01:00Z"),
            ("try again at Nov 21st, 2026 2:28 PM.", "2026-11-21T14:29:00Z"),
            ("resets 11:43am (UTC)", "2026-11-20T11:44:00Z"),
            ("resets 3pm (Europe/Berlin)", "2026-11-20T14:01:00Z"),
            ("resets Nov 22, 6:16pm (UTC)", "2026-11-22T18:17:00Z"),
            ("resets Jan 3, 1am (UTC)", "2027-01-03T01:01:00Z"),
            ("try again in 1 day 2 hours 3 minutes.", "2026-11-21T13:33:00Z"),
            (r#"{"resets_in_seconds": 3600}"#, "2026-11-20T12:30:00Z"),
            (r#"{"resets_at":1795174994}"#, "2026-11-20T11:43:14Z"),
        ];
        for (message, expected) in rows {
            assert_eq!(reset(message).as_deref(), Some(expected), "{message}");
        }
    }

    #[test]
    fn dates_of_headers_are_instants() {
        let at = http_date("Fri, 20 Nov 2026 11:31:00 GMT");
        assert_eq!(at.map(|it| it.to_string()).as_deref(), Some("2026-11-20T11:31:00Z"));
        assert_eq!(http_date("tomorrow"), None);
    }

    #[test]
    fn a_reset_in_the_minute_that_just_began_is_not_tomorrow() {
        assert_eq!(reset("try again at 11:29 AM.").as_deref(), Some("2026-11-20T11:30:00Z"));
    }

    #[test]
    fn what_cannot_be_understood_is_unknown() {
        for message in [
            "try again later",
            "resets 3pm (Nowhere/Land)",
            "try again at 25:00",
            "resets Xyz 3, 4pm",
            "",
        ] {
            assert_eq!(reset(message), None, "{message}");
        }
        assert_eq!(parse("try again at 11:52 AM.", None), None);
    }
}
