//! `[autonomous.decomposition]`: when an item that is too large is divided, and by whom.

use crate::domain::epic::DivisionPolicy;
use crate::domain::run::StagePlan;

use super::agents::Agents;
use super::schema::{Key, Kind};
use super::section::{Section, small};
use super::sources::Sources;

/// Milliseconds that a planner may be silent: as every other stage by default.
const SILENCE_MS: u64 = 300_000;

pub(super) static KEYS: &[Key] = &[
    Key::with_default(
        "enabled",
        Kind::Boolean,
        "false",
        "Whether an item that is too large for one run is divided into items of its own, in its tracker.",
    ),
    Key::with_default(
        "threshold_minutes",
        Kind::Count(10, 120),
        "30",
        "The estimate in minutes over which an item is divided. A label `estimate:<minutes>` says it outright.",
    ),
    Key::with_default(
        "max_depth",
        Kind::Count(1, 5),
        "2",
        "How many levels of parts there may be below an item; deeper ones run as they are.",
    ),
    Key::with_default(
        "max_children",
        Kind::Count(2, 20),
        "5",
        "Parts that one item may be divided into.",
    )
    .alias(&["max_children_per_task"]),
    Key::with_default(
        "daily_limit",
        Kind::Count(1, 100),
        "20",
        "Parts of all items in a UTC day; after that, items that are too large wait for the next one.",
    ),
    Key::with_default(
        "approval",
        Kind::Boolean,
        "false",
        "Whether a person must approve the parts before they are created.",
    ),
    Key::optional(
        "adapter",
        Kind::Text,
        "the top-level `adapter`",
        "The agent that divides: the name of an `[agents.<name>]` table, or a kind.",
    )
    .alias(&["agent"]),
    Key::optional(
        "model",
        Kind::Text,
        "`agents.<name>.model`, or else the agent's own default",
        "The model to ask for.",
    )
    .alias(&["planner_model"]),
    Key::with_default(
        "timeout_ms",
        Kind::Count(1, 604_800_000),
        "600000",
        "Milliseconds that a turn may take in all.",
    )
    .alias(&["planner_timeout_ms"]),
];

/// The rules. An agent that nobody would ask needs not be there.
pub(super) fn read(root: &Section, agents: &mut Agents, sources: &mut Sources) -> DivisionPolicy {
    let section = root.table("autonomous").table("decomposition");
    let enabled = section.is("enabled");
    let (agent, path) = match section.text("adapter") {
        Some(agent) => (agent, section.path_of("adapter")),
        None => (root.text("adapter").unwrap_or_default(), root.path_of("adapter")),
    };
    if enabled {
        agents.require(agent, &path, sources);
    }
    DivisionPolicy {
        enabled,
        threshold_minutes: small(section.count("threshold_minutes")),
        max_depth: small(section.count("max_depth")),
        max_children: small(section.count("max_children")),
        daily_limit: small(section.count("daily_limit")),
        approval: section.is("approval"),
        stage: StagePlan {
            agent: agent.to_owned(),
            model: section.owned("model"),
            escalate_model: None,
            escalate_after_round: 3,
            timeout_ms: section.count("timeout_ms"),
            silence_ms: SILENCE_MS,
            effort: None,
            max_turns: None,
            follows_default: section.text("adapter").is_none(),
        },
    }
}
