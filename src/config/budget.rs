//! `[budget]`: what work may cost.

use crate::domain::budget::{DayBudget, ItemBudget};

use super::schema::{Key, Kind};
use super::section::Section;

pub(super) static KEYS: &[Key] = &[
    Key::with_default(
        "item_attempts",
        Kind::Limit(1000),
        "4",
        "Failed attempts at one item, over its whole life. Waiting never counts as one.",
    ),
    Key::with_default(
        "item_turns",
        Kind::Limit(1_000_000),
        UNLIMITED,
        "Agent turns for one item, over its whole life.",
    ),
    Key::with_default(
        "item_tokens",
        Kind::Limit(u64::MAX),
        UNLIMITED,
        "Billed tokens for one item: input, output and cache writes.",
    ),
    Key::with_default(
        "item_usd",
        Kind::Money,
        UNLIMITED,
        "US dollars for one item, as far as its agents report money.",
    ),
    Key::with_default(
        "item_wall_minutes",
        Kind::Limit(1_000_000),
        UNLIMITED,
        "Minutes of agent time for one item.",
    ),
    Key::with_default(
        "day_tokens",
        Kind::Limit(u64::MAX),
        UNLIMITED,
        "Billed tokens over all items in one day (UTC).",
    ),
    Key::with_default(
        "day_usd",
        Kind::Money,
        UNLIMITED,
        "US dollars over all items in one day (UTC).",
    ),
];

const UNLIMITED: &str = "\"unlimited\"";

pub(super) fn read(section: &Section) -> (ItemBudget, DayBudget) {
    let item = ItemBudget {
        attempts: section.small_limit("item_attempts"),
        turns: section.small_limit("item_turns"),
        tokens: section.limit("item_tokens"),
        cost_micro_usd: section.limit("item_usd"),
        wall_ms: section.limit("item_wall_minutes").map(|minutes| minutes * 60_000),
    };
    let day =
        DayBudget { tokens: section.limit("day_tokens"), cost_micro_usd: section.limit("day_usd") };
    (item, day)
}
