//! When the heartbeat is due: cron expressions as people write them, on top of a crate that reads them differently.
//!
//! Differences that are levelled here: the seconds field is optional; days of the week count from Sunday = 0 (and 7),
//! not 1; ranges of them may wrap (`fri-mon`); when both day of month and day of week are restricted, either is enough,
//! as in every Unix cron; and local time is followed through the changes of the clocks.

use std::str::FromStr;

use chrono::{DateTime, Duration, FixedOffset, NaiveDateTime, Offset, TimeZone, Timelike, Utc};
use chrono_tz::Tz;
use thiserror::Error;

use crate::domain::time::Timestamp;

/// A recurring point in time. Times that the clocks skip in spring are due at the jump; times that they repeat in
/// autumn are due twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    written: String,
    /// Due when any of them is.
    alternatives: Vec<cron::Schedule>,
    zone: Tz,
}

/// What is wrong with a cron expression.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ScheduleError {
    /// Neither five nor six fields.
    #[error("expected 5 fields, or 6 with seconds first, found {0}")]
    Fields(usize),
    /// A day of the week that is none.
    #[error("{0:?} is no day of the week (0-7 or sun-sat)")]
    DayOfWeek(String),
    /// A step of nothing.
    #[error("{0:?} has a step of 0")]
    Step(String),
    /// Anything else.
    #[error("{0:?} is no cron expression")]
    Syntax(String),
    /// The thirtieth of February.
    #[error("{0:?} never comes")]
    Never(String),
}

impl Schedule {
    /// Reads a cron expression of five fields, of six with seconds first, or a name such as `@hourly`.
    ///
    /// # Errors
    /// [`ScheduleError`] says what is wrong with it.
    pub fn parse(text: &str, zone: Tz) -> Result<Self, ScheduleError> {
        let mut alternatives = Vec::new();
        for expression in expressions(text)? {
            let schedule = cron::Schedule::from_str(&expression)
                .map_err(|_| ScheduleError::Syntax(text.trim().to_owned()))?;
            alternatives.push(schedule);
        }
        // From the year 2000 on, every date comes around within forty years.
        let epoch = DateTime::<Utc>::from_timestamp(946_684_800, 0).unwrap_or_default();
        alternatives.retain(|schedule| schedule.after(&epoch).next().is_some());
        if alternatives.is_empty() {
            return Err(ScheduleError::Never(text.trim().to_owned()));
        }
        Ok(Self { written: text.trim().to_owned(), alternatives, zone })
    }

    /// The expression as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.written
    }

    /// The first point strictly after `now`; the end of time when there is none before the year 2100.
    #[must_use]
    pub fn next_after(&self, now: Timestamp) -> Timestamp {
        const END: Timestamp = Timestamp(i64::MAX);
        let now = Timestamp(now.0.max(0));
        let Some(now) = now.to_utc().filter(|_| now.0 < LAST_MS) else {
            return END;
        };
        let next =
            self.alternatives.iter().filter_map(|it| next_of(it, now.naive_utc(), self.zone));
        next.min().map_or(END, |next| Timestamp(next.and_utc().timestamp_millis()))
    }
}

/// Start of the year 2100: the crate counts no further.
const LAST_MS: i64 = 4_102_444_800_000;

/// The first time after `now` (both UTC) that `schedule` names in the local time of `zone`.
///
/// The crate is only asked with the offset that holds at the moment, because around a change of the clocks its answers
/// can lie in the past. If the change comes before its answer, it is asked again from the change on.
fn next_of(schedule: &cron::Schedule, now: NaiveDateTime, zone: Tz) -> Option<NaiveDateTime> {
    let mut from = now.with_nanosecond(0).unwrap_or(now);
    let second = Duration::seconds(1);
    // Two changes a year, and no answer further away than a few decades.
    for _ in 0..400 {
        let offset = offset_at(zone, from + second);
        let candidate = schedule.after(&offset.from_utc_datetime(&from)).next()?.naive_utc();
        if offset_at(zone, candidate) == offset {
            return Some(candidate);
        }
        let change = first_change(zone, from + second, candidate, offset);
        // Between the change by the old clock and by the new one lies what is skipped.
        if candidate + offset < change + offset_at(zone, change) {
            return Some(change);
        }
        from = change - second;
    }
    None
}

/// The first instant after `from`, at most `until`, whose offset is not `offset`, to the second.
fn first_change(
    zone: Tz,
    from: NaiveDateTime,
    until: NaiveDateTime,
    offset: FixedOffset,
) -> NaiveDateTime {
    let mut same = from;
    let mut other = until;
    loop {
        let step = (same + Duration::days(1)).min(until);
        if offset_at(zone, step) != offset {
            other = step;
            break;
        }
        if step == until {
            break;
        }
        same = step;
    }
    while other - same > Duration::seconds(1) {
        let middle = same + Duration::seconds((other - same).num_seconds() / 2);
        if offset_at(zone, middle) == offset { same = middle } else { other = middle }
    }
    other
}

fn offset_at(zone: Tz, utc: NaiveDateTime) -> FixedOffset {
    zone.offset_from_utc_datetime(&utc).fix()
}

/// What the crate is to read: six fields with seconds, days of the week as a list of its own numbers. Two expressions
/// when either of two days is enough.
fn expressions(text: &str) -> Result<Vec<String>, ScheduleError> {
    let fields: Vec<&str> = text.split_whitespace().collect();
    if let [name] = fields[..]
        && name.starts_with('@')
    {
        return Ok(vec![name.to_owned()]);
    }
    let (second, minute, hour, day, month, weekday) = match fields[..] {
        [minute, hour, day, month, weekday] => ("0", minute, hour, day, month, weekday),
        [second, minute, hour, day, month, weekday] => (second, minute, hour, day, month, weekday),
        _ => return Err(ScheduleError::Fields(fields.len())),
    };
    for field in &fields {
        let mut steps = field.split(',').filter_map(|item| item.split_once('/'));
        if steps.any(|(_, step)| step.trim_start_matches('0').is_empty()) {
            return Err(ScheduleError::Step((*field).to_owned()));
        }
    }
    let weekdays = weekdays(weekday)?;
    let with =
        |day: &str, weekdays: &str| format!("{second} {minute} {hour} {day} {month} {weekdays}");
    let restricted = |field: &str| !field.starts_with(['*', '?']);
    if restricted(day) && restricted(weekday) {
        return Ok(vec![with(day, "*"), with("*", &weekdays)]);
    }
    Ok(vec![with(day, &weekdays)])
}

/// A day-of-week field as a list of the crate's numbers (Sunday = 1).
fn weekdays(field: &str) -> Result<String, ScheduleError> {
    let wrong = || ScheduleError::DayOfWeek(field.to_owned());
    let mut days = [false; 7];
    for item in field.split(',') {
        let (range, step) = match item.split_once('/') {
            Some((range, step)) => (range, step.parse().map_err(|_| wrong())?),
            None => (item, 1_usize),
        };
        let stepped = item.contains('/');
        let (first, last) = match range.split_once('-') {
            _ if range == "*" || range == "?" => (0, 6),
            Some((first, last)) => {
                let (first, last) =
                    (weekday(first).ok_or_else(wrong)?, weekday(last).ok_or_else(wrong)?);
                match (first, last) {
                    (7, last) => (0, last % 7),
                    // `fri-mon` goes over the end of the week.
                    (first, last) if last < first => (first, last + 7),
                    (first, last) => (first, last),
                }
            }
            None => {
                let first = weekday(range).ok_or_else(wrong)? % 7;
                (first, if stepped { 6 } else { first })
            }
        };
        for day in (first..=last).step_by(step.max(1)) {
            days[day % 7] = true;
        }
    }
    let list = (0..7).filter(|day| days[*day]).map(|day| (day + 1).to_string());
    Ok(list.collect::<Vec<_>>().join(","))
}

fn weekday(text: &str) -> Option<usize> {
    const NAMES: [&str; 7] =
        ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];
    if let Ok(number) = text.parse::<usize>() {
        return (number <= 7 && text.len() == 1).then_some(number);
    }
    let text = text.to_ascii_lowercase();
    NAMES.iter().position(|name| *name == text || (text.len() == 3 && name.starts_with(&text)))
}

#[cfg(test)]
mod tests;
