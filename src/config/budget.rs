//! `[budget]`: what work may cost.

use crate::domain::budget::{DayBudget, ItemBudget, WindowBudget};

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
    Key::with_default(
        "project_day_tokens",
        Kind::Limit(u64::MAX),
        UNLIMITED,
        "Billed tokens over all items of one project in one day (UTC); a project may have its own.",
    ),
    Key::with_default(
        "project_day_usd",
        Kind::Money,
        UNLIMITED,
        "US dollars over all items of one project in one day (UTC); a project may have its own.",
    ),
    Key::with_default(
        "window_hours",
        Kind::Count(1, 168),
        "5",
        "Length of the rolling window in which each agent's use is limited.",
    ),
    Key::with_default(
        "window_tokens",
        Kind::Limit(u64::MAX),
        UNLIMITED,
        "Billed tokens of one agent within the window.",
    ),
    Key::with_default(
        "window_usd",
        Kind::Money,
        UNLIMITED,
        "US dollars of one agent within the window.",
    ),
];

const UNLIMITED: &str = "\"unlimited\"";

/// All that `[budget]` says.
pub(super) struct Budget {
    pub(super) item: ItemBudget,
    pub(super) day: DayBudget,
    pub(super) project_day: DayBudget,
    pub(super) window: WindowBudget,
}

pub(super) fn read(section: &Section) -> Budget {
    let day = |tokens: &str, usd: &str| DayBudget {
        tokens: section.limit(tokens),
        cost_micro_usd: section.limit(usd),
    };
    Budget {
        item: ItemBudget {
            attempts: section.small_limit("item_attempts"),
            turns: section.small_limit("item_turns"),
            tokens: section.limit("item_tokens"),
            cost_micro_usd: section.limit("item_usd"),
            wall_ms: section.limit("item_wall_minutes").map(|minutes| minutes * 60_000),
        },
        day: day("day_tokens", "day_usd"),
        project_day: day("project_day_tokens", "project_day_usd"),
        window: WindowBudget {
            window_ms: section.count("window_hours") * 3_600_000,
            tokens: section.limit("window_tokens"),
            cost_micro_usd: section.limit("window_usd"),
        },
    }
}
