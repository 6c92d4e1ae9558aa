//! Whether an item is too large for one run: an estimate from its own words, and what follows from it. Exactly one of
//! three things follows: it runs whole, it is divided, or it is held.

use std::collections::BTreeMap;
use std::fmt;

use crate::domain::epic::{DivisionPlan, DivisionPolicy};
use crate::domain::ids::ItemId;
use crate::domain::item_record::ItemRecord;
use crate::domain::time::Timestamp;
use crate::domain::work_item::WorkItem;

/// Source of the items an operator submits directly: no tracker could take their parts.
const ONE_OFF_SOURCE: &str = "cli";

/// Longest chain of parents that is followed; a longer one is deeper than any limit.
const MOST_PARENTS: u32 = 16;

/// Minutes of an item that says nothing about its size, and of the smallest one.
const BASE_MINUTES: i64 = 30;
const LEAST_MINUTES: i64 = 10;

/// Check-boxes that any item may have, and minutes for each one beyond.
const USUAL_BOXES: usize = 3;
const MINUTES_PER_BOX: i64 = 10;

/// What words add to the estimate or take from it, in minutes; each line counts once. Numbers of our own, by what such
/// work takes an agent with its checks.
const WORDS: [(i64, &[&str]); 9] = [
    (30, &["optimize", "optimise", "optimization", "optimisation", "performance"]),
    (20, &["refactor", "refactoring", "restructure", "rewrite"]),
    (15, &["test", "tests"]),
    (40, &["migrate", "migration", "migrations"]),
    (25, &["ci", "pipeline", "pipelines"]),
    (30, &["e2e", "end-to-end"]),
    (-10, &["bug", "fix", "typo"]),
    (-15, &["docs", "documentation", "readme"]),
    (-15, &["simple", "small", "minor", "trivial"]),
];

/// Words of which the title alone counts: every other text has them.
const WIDE: [&str; 4] = ["all", "entire", "every", "whole"];
const WIDE_MINUTES: i64 = 30;

/// One word of each side: work on both.
const BOTH_SIDES: [&[&str]; 2] = [&["backend", "server", "api"], &["frontend", "ui", "client"]];
const BOTH_SIDES_MINUTES: i64 = 40;

/// What is to become of an item that may start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Division {
    /// It runs as it is.
    Whole(Whole),
    /// A planner is asked first.
    Divide(DivisionPlan),
    /// It waits for a day with room for its parts.
    Wait {
        /// What it was estimated at, in minutes.
        minutes: u32,
        /// Parts of today, those that planners under way may come to included.
        today: u32,
        /// How many may be.
        limit: u32,
        /// When the next day begins.
        until: Timestamp,
    },
}

/// Why an item runs as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whole {
    /// Items are not divided.
    SwitchedOff,
    /// The operator asked for it directly.
    OneOff,
    /// It is small enough.
    Small {
        /// What it was estimated at, in minutes.
        minutes: u32,
        /// What it may be.
        threshold: u32,
    },
    /// It is itself a part, and parts of its depth are not divided any more.
    Deep {
        /// What it was estimated at, in minutes.
        minutes: u32,
        /// How many items it is below.
        depth: u32,
    },
    /// A planner was asked before.
    Kept {
        /// What it said.
        reason: String,
    },
}

impl fmt::Display for Division {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(Whole::SwitchedOff) => {
                out.write_str("runs as it is: items are not divided")
            }
            Self::Whole(Whole::OneOff) => out.write_str("runs as it is: it was asked for directly"),
            Self::Whole(Whole::Small { minutes, threshold }) => {
                write!(out, "runs as it is: estimated at {minutes} min, divided over {threshold}")
            }
            Self::Whole(Whole::Deep { minutes, depth }) => write!(
                out,
                "runs as it is although it is estimated at {minutes} min: parts at depth {depth} are not divided"
            ),
            Self::Whole(Whole::Kept { reason }) => write!(out, "runs as it is: {reason}"),
            Self::Divide(plan) => write!(
                out,
                "estimated at {} min, over {}: a planner may divide it into {} parts at most",
                plan.estimated_minutes, plan.threshold_minutes, plan.most_parts
            ),
            Self::Wait { minutes, today, limit, .. } => write!(
                out,
                "estimated at {minutes} min, too large for one run, and {today} of {limit} parts of today are taken"
            ),
        }
    }
}

/// Decides what is to become of the item. `today`: [`parts_of_today`] and those that planners under way may come to.
#[must_use]
pub fn decide(
    record: &ItemRecord,
    items: &BTreeMap<ItemId, ItemRecord>,
    policy: &DivisionPolicy,
    today: u32,
    now: Timestamp,
) -> Division {
    if !policy.enabled {
        return Division::Whole(Whole::SwitchedOff);
    }
    if record.item.id.source() == ONE_OFF_SOURCE {
        return Division::Whole(Whole::OneOff);
    }
    let minutes = labelled(&record.item)
        .or_else(|| planned(&record.item, items))
        .unwrap_or_else(|| estimate(&record.item));
    let threshold = policy.threshold_minutes;
    if minutes <= threshold {
        return Division::Whole(Whole::Small { minutes, threshold });
    }
    let depth = depth(&record.item, items);
    if depth >= policy.max_depth {
        return Division::Whole(Whole::Deep { minutes, depth });
    }
    if let Some(reason) = &record.whole {
        return Division::Whole(Whole::Kept { reason: reason.clone() });
    }
    let (limit, room) = (policy.daily_limit, policy.daily_limit.saturating_sub(today));
    // One part would be the item itself.
    if room < 2 {
        return Division::Wait { minutes, today, limit, until: next_day(now) };
    }
    Division::Divide(DivisionPlan {
        estimated_minutes: minutes,
        threshold_minutes: threshold,
        most_parts: policy.max_children.min(room),
        approval: policy.approval,
    })
}

/// Parts that were agreed to since midnight (UTC).
#[must_use]
pub fn parts_of_today(items: &BTreeMap<ItemId, ItemRecord>, now: Timestamp) -> u32 {
    let epics = items.values().filter_map(|record| record.epic.as_ref());
    let of_today = epics.filter(|epic| epic.agreed.is_some_and(|at| at.utc_day() == now.utc_day()));
    of_today.map(crate::domain::epic::Epic::total).fold(0, u32::saturating_add)
}

/// How long an agent is expected to need for the item, in minutes. A label `estimate:<minutes>` says it outright.
/// Otherwise: half an hour, and more or less for what its words promise and for its check-boxes.
#[must_use]
pub fn estimate(item: &WorkItem) -> u32 {
    if let Some(minutes) = labelled(item) {
        return minutes;
    }
    let title = words(&item.title);
    let mut all = title.clone();
    all.extend(words(&item.body));
    let any = |wanted: &[&str]| wanted.iter().any(|word| all.iter().any(|it| it == word));
    let mut minutes = BASE_MINUTES;
    minutes +=
        WORDS.iter().filter(|(_, words)| any(words)).map(|(minutes, _)| minutes).sum::<i64>();
    if WIDE.iter().any(|word| title.iter().any(|it| it == word)) {
        minutes += WIDE_MINUTES;
    }
    if BOTH_SIDES.iter().all(|side| any(side)) {
        minutes += BOTH_SIDES_MINUTES;
    }
    let boxes = item.body.lines().filter(|line| is_box(line)).count().saturating_sub(USUAL_BOXES);
    minutes += MINUTES_PER_BOX.saturating_mul(i64::try_from(boxes).unwrap_or(i64::MAX));
    u32::try_from(minutes.max(LEAST_MINUTES)).unwrap_or(u32::MAX)
}

/// What people say outright.
fn labelled(item: &WorkItem) -> Option<u32> {
    let said = item.labels.iter().find_map(|label| label.strip_prefix("estimate:"))?;
    said.trim().parse().ok()
}

/// What the planner said of the item, if it is a part of another one.
fn planned(item: &WorkItem, items: &BTreeMap<ItemId, ItemRecord>) -> Option<u32> {
    let epic = items.get(item.parent.as_ref()?)?.epic.as_ref()?;
    let (number, _) = epic.created.iter().find(|(_, part)| part.item == item.id)?;
    epic.part(*number).map(|part| part.estimated_minutes)
}

/// How many items the item is below.
#[must_use]
pub fn depth(item: &WorkItem, items: &BTreeMap<ItemId, ItemRecord>) -> u32 {
    let mut depth = 0;
    let mut parent = item.parent.as_ref();
    while let Some(id) = parent {
        depth += 1;
        if depth >= MOST_PARENTS {
            break;
        }
        parent = items.get(id).and_then(|record| record.item.parent.as_ref());
    }
    depth
}

/// The first instant of the next day (UTC).
fn next_day(now: Timestamp) -> Timestamp {
    Timestamp(now.utc_day().saturating_add(1).saturating_mul(86_400_000))
}

fn words(text: &str) -> Vec<String> {
    text.split(|letter: char| !letter.is_alphanumeric() && letter != '-')
        .map(|word| word.trim_matches('-').to_lowercase())
        .filter(|word| !word.is_empty())
        .collect()
}

fn is_box(line: &str) -> bool {
    let line = line.trim_start().trim_start_matches(['-', '*', '+']).trim_start();
    ["[ ]", "[x]", "[X]"].iter().any(|mark| line.starts_with(mark))
}

#[cfg(test)]
mod tests;
