//! `[pace]`: how many runs may start, and when none may.

use chrono_tz::Tz;

use crate::domain::policy::{BlockedHours, Pace};

use super::document::nearest;
use super::schema::{Key, Kind};
use super::section::{Section, small};
use super::sources::Sources;

pub(super) static KEYS: &[Key] = &[
    Key::with_default(
        "window_hours",
        Kind::Count(1, 168),
        "5",
        "Length of the rolling window in which starts are counted.",
    ),
    Key::with_default(
        "global",
        Kind::Limit(100_000),
        "\"unlimited\"",
        "Starts in one window over all projects.",
    ),
    Key::with_default(
        "per_project",
        Kind::Limit(100_000),
        "6",
        "Starts in one window per project, unless the project has its own number.",
    ),
    Key::with_default(
        "turbo",
        Kind::Count(1, 100_000),
        "20",
        "What both caps are while turbo is on.",
    ),
    Key::with_default(
        "blocked_hours",
        Kind::Texts,
        "[]",
        "Spans of the day in which nothing is started, such as `[\"22:00-06:30\"]`; what runs goes on.",
    ),
    Key::with_default(
        "time_zone",
        Kind::Text,
        "\"UTC\"",
        "Time zone of `blocked_hours` and of `autonomous.schedule`, such as `Europe/Berlin`.",
    )
    .alias(&["timezone"]),
];

pub(super) fn read(section: &Section) -> Pace {
    Pace {
        window_ms: section.count("window_hours") * 3_600_000,
        global: section.small_limit("global"),
        per_project: section.small_limit("per_project"),
        turbo: small(section.count("turbo")),
    }
}

pub(super) fn time_zone(section: &Section, sources: &mut Sources) -> Tz {
    let name = section.text("time_zone").unwrap_or("UTC");
    name.parse().unwrap_or_else(|_| {
        let hint = nearest_zone(name).or_else(|| Some("as in \"Europe/Berlin\"".to_owned()));
        sources.problem(&section.path_of("time_zone"), &format!("{name:?} is no time zone"), hint);
        Tz::UTC
    })
}

pub(super) fn blocked_hours(section: &Section, sources: &mut Sources) -> Vec<BlockedHours> {
    let path = section.path_of("blocked_hours");
    let mut spans = Vec::new();
    for (index, text) in section.texts("blocked_hours").iter().enumerate() {
        match span(text) {
            Some(span) if span.from != span.until => spans.push(span),
            Some(_) => {
                let hint = "to block the whole day, set autonomous.enabled = false".to_owned();
                sources.problem(&format!("{path}[{index}]"), "an empty span", Some(hint));
            }
            None => {
                let message = format!("{text:?} is no span of the day");
                let hint = "as in \"22:00-06:30\"".to_owned();
                sources.problem(&format!("{path}[{index}]"), &message, Some(hint));
            }
        }
    }
    spans
}

fn span(text: &str) -> Option<BlockedHours> {
    let (from, until) = text.split_once('-')?;
    let until = match until.trim() {
        // The end of the day is the first minute of the next.
        "24:00" => 0,
        other => minute_of_day(other)?,
    };
    Some(BlockedHours { from: minute_of_day(from.trim())?, until })
}

fn minute_of_day(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    let digits = |it: &str| (1..=2).contains(&it.len()) && it.bytes().all(|it| it.is_ascii_digit());
    if !digits(hours) || !digits(minutes) || minutes.len() != 2 {
        return None;
    }
    let (hours, minutes): (u16, u16) = (hours.parse().ok()?, minutes.parse().ok()?);
    (hours < 24 && minutes < 60).then_some(hours * 60 + minutes)
}

/// The zone that differs only in case, or by a slip of the finger.
fn nearest_zone(name: &str) -> Option<String> {
    let names = || chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name());
    match names().find(|zone| zone.eq_ignore_ascii_case(name)) {
        Some(zone) => Some(format!("did you mean {zone}?")),
        None => nearest(name, names()),
    }
}
