use chrono::{DateTime, TimeZone as _};
use chrono_tz::Tz;
use proptest::prelude::{prop_assert, proptest};
use proptest::test_runner::Config;

use super::{Schedule, ScheduleError};
use crate::domain::time::Timestamp;

/// The first `count` times after `from`, in local time with the offset.
#[track_caller]
fn due(expression: &str, zone: Tz, from: &str, count: usize) -> Vec<String> {
    let schedule = Schedule::parse(expression, zone).unwrap();
    let mut now = Timestamp(DateTime::parse_from_rfc3339(from).unwrap().timestamp_millis());
    let next = || {
        let next = schedule.next_after(now);
        assert!(next > now, "{next} is not after {now}");
        now = next;
        zone.timestamp_millis_opt(now.0).unwrap().format("%a %Y-%m-%d %H:%M:%S %z").to_string()
    };
    std::iter::repeat_with(next).take(count).collect()
}

#[test]
fn five_fields_and_six() {
    assert_eq!(
        due("*/30 * * * *", Tz::UTC, "2026-03-01T10:00:00.500Z", 3),
        [
            "Sun 2026-03-01 10:30:00 +0000",
            "Sun 2026-03-01 11:00:00 +0000",
            "Sun 2026-03-01 11:30:00 +0000"
        ]
    );
    assert_eq!(
        due("15,45 0 12 * * *", Tz::UTC, "2026-03-01T12:00:15Z", 2),
        ["Sun 2026-03-01 12:00:45 +0000", "Mon 2026-03-02 12:00:15 +0000"]
    );
    assert_eq!(
        due("@daily", Tz::UTC, "2026-03-01T12:00:00Z", 1),
        ["Mon 2026-03-02 00:00:00 +0000"]
    );
}

#[test]
fn days_of_the_week_count_from_sunday_as_zero_and_as_seven() {
    let days = |field: &str| -> String {
        let times = due(&format!("0 9 * * {field}"), Tz::UTC, "2026-03-01T00:00:00Z", 7);
        let mut days: Vec<&str> =
            times.iter().filter(|it| it[4..14] < *"2026-03-08").map(|it| &it[..3]).collect();
        days.dedup();
        days.join(" ")
    };
    assert_eq!(days("0"), "Sun");
    assert_eq!(days("7"), "Sun");
    assert_eq!(days("1"), "Mon");
    assert_eq!(days("6"), "Sat");
    assert_eq!(days("1-5"), "Mon Tue Wed Thu Fri");
    assert_eq!(days("5-7"), "Sun Fri Sat");
    assert_eq!(days("0-2"), "Sun Mon Tue");
    assert_eq!(days("fri-mon"), "Sun Mon Fri Sat");
    assert_eq!(days("Mon,wednesday,6"), "Mon Wed Sat");
    assert_eq!(days("1-6/2"), "Mon Wed Fri");
    assert_eq!(days("*/2"), "Sun Tue Thu Sat");
    assert_eq!(days("0-7"), "Sun Mon Tue Wed Thu Fri Sat");
    assert_eq!(days("7-7"), "Sun");
}

#[test]
fn with_both_days_restricted_either_is_enough() {
    assert_eq!(
        due("0 9 10 * 1", Tz::UTC, "2026-03-01T00:00:00Z", 4),
        [
            "Mon 2026-03-02 09:00:00 +0000",
            "Mon 2026-03-09 09:00:00 +0000",
            "Tue 2026-03-10 09:00:00 +0000",
            "Mon 2026-03-16 09:00:00 +0000"
        ]
    );
    // A star leaves it to the other one.
    assert_eq!(
        due("0 9 */10 * 1", Tz::UTC, "2026-03-01T00:00:00Z", 1),
        ["Mon 2026-05-11 09:00:00 +0000"]
    );
}

#[test]
fn local_time_is_followed() {
    let berlin = Tz::Europe__Berlin;
    assert_eq!(
        due("0 9 * * *", berlin, "2026-03-28T00:00:00Z", 2),
        ["Sat 2026-03-28 09:00:00 +0100", "Sun 2026-03-29 09:00:00 +0200"]
    );
}

#[test]
fn what_the_clocks_skip_is_due_at_the_jump() {
    let berlin = Tz::Europe__Berlin;
    assert_eq!(
        due("30 2 * * *", berlin, "2026-03-28T00:00:00Z", 3),
        [
            "Sat 2026-03-28 02:30:00 +0100",
            "Sun 2026-03-29 03:00:00 +0200",
            "Mon 2026-03-30 02:30:00 +0200"
        ]
    );
    assert_eq!(
        due("*/30 * * * *", berlin, "2026-03-29T00:00:00Z", 3),
        [
            "Sun 2026-03-29 01:30:00 +0100",
            "Sun 2026-03-29 03:00:00 +0200",
            "Sun 2026-03-29 03:30:00 +0200"
        ]
    );
    assert_eq!(
        due("0 3 * * *", berlin, "2026-03-28T12:00:00Z", 1),
        ["Sun 2026-03-29 03:00:00 +0200"]
    );
}

#[test]
fn what_the_clocks_repeat_is_due_twice() {
    let berlin = Tz::Europe__Berlin;
    assert_eq!(
        due("*/30 * * * *", berlin, "2026-10-25T00:20:00Z", 4),
        [
            "Sun 2026-10-25 02:30:00 +0200",
            "Sun 2026-10-25 02:00:00 +0100",
            "Sun 2026-10-25 02:30:00 +0100",
            "Sun 2026-10-25 03:00:00 +0100"
        ]
    );
}

#[test]
fn rare_dates_are_found_and_impossible_ones_refused() {
    assert_eq!(
        due("0 0 29 2 *", Tz::America__New_York, "2026-03-01T00:00:00Z", 2),
        ["Tue 2028-02-29 00:00:00 -0500", "Sun 2032-02-29 00:00:00 -0500"]
    );
    assert_eq!(
        Schedule::parse("0 0 30 2 *", Tz::UTC),
        Err(ScheduleError::Never("0 0 30 2 *".to_owned()))
    );
}

#[test]
fn mistakes_are_told_apart() {
    let error = |text: &str| Schedule::parse(text, Tz::UTC).unwrap_err().to_string();
    assert_eq!(error("* * *"), "expected 5 fields, or 6 with seconds first, found 3");
    assert_eq!(error(""), "expected 5 fields, or 6 with seconds first, found 0");
    assert_eq!(error("* * * * 8"), "\"8\" is no day of the week (0-7 or sun-sat)");
    assert_eq!(error("*/0 * * * *"), "\"*/0\" has a step of 0");
    assert_eq!(error("60 * * * *"), "\"60 * * * *\" is no cron expression");
    assert_eq!(error("@never"), "\"@never\" is no cron expression");
}

#[test]
fn the_ends_of_time_are_no_trouble() {
    let schedule = Schedule::parse("* * * * *", Tz::UTC).unwrap();
    assert_eq!(schedule.next_after(Timestamp(i64::MAX)), Timestamp(i64::MAX));
    assert_eq!(schedule.next_after(Timestamp(i64::MIN)), Timestamp(60_000));
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, ..Config::default() })]

    #[test]
    fn no_text_makes_parsing_panic(text in "[0-9*/,a-z@?L#W -]{0,24}") {
        drop(Schedule::parse(&text, Tz::UTC));
    }

    #[test]
    fn the_next_time_is_always_later(
        minute in 0_u8..60, hour in "\\*|[01]?[0-9]|\\*/[1-9]", day in "\\*|1?[1-9]", weekday in "\\*|[0-7]",
        now in 0_i64..4_000_000_000_000,
        zone in proptest::sample::select(&chrono_tz::TZ_VARIANTS[..]),
    ) {
        let schedule = Schedule::parse(&format!("{minute} {hour} {day} * {weekday}"), zone).unwrap();
        let next = schedule.next_after(Timestamp(now));
        prop_assert!(next > Timestamp(now));
        prop_assert!(next.0 - now < 70 * 86_400_000);
    }
}
