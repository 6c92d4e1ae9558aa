//! `[autonomous.default_stages.*]`: how each stage is driven.

use crate::domain::run::StagePlan;

use super::agents::Agents;
use super::schema::{Key, Kind, Shape};
use super::section::{Section, small};
use super::sources::Sources;

/// A week: no turn is meant to be longer.
const MAXIMUM_MS: u64 = 604_800_000;

pub(super) static STAGES: &[Key] = &[
    Key::group("coder", Shape::Table(CODER), "Writes the change.").alias(&["executor", "worker"]),
    Key::group("critic", Shape::Table(CRITIC), "Reviews it, read-only, in another session.")
        .alias(&["reviewer"]),
    Key::group("tester", Shape::Table(LATER), "Not in this version."),
    Key::group("documenter", Shape::Table(LATER), "Not in this version."),
    Key::group("auditor", Shape::Table(LATER), "Not in this version."),
    Key::group("stage_documenter", Shape::Table(LATER), "Not in this version.")
        .alias(&["skill_documenter"]),
];

static CODER: &[Key] = &[
    ADAPTER,
    MODEL,
    ESCALATE_MODEL,
    ESCALATE_AFTER,
    Key::with_default("timeout_ms", Kind::Count(1, MAXIMUM_MS), "1800000", TIMEOUT),
    SILENCE,
];

static CRITIC: &[Key] = &[
    Key::with_default(
        "enabled",
        Kind::Boolean,
        "true",
        "`false` is the same as `autonomous.pair_mode = false`.",
    ),
    ADAPTER,
    MODEL,
    ESCALATE_MODEL,
    ESCALATE_AFTER,
    Key::with_default("timeout_ms", Kind::Count(1, MAXIMUM_MS), "600000", TIMEOUT),
    SILENCE,
];

static LATER: &[Key] = &[Key::with_default(
    "enabled",
    Kind::Boolean,
    "false",
    "Only `false`: this stage is not in this version.",
)];

const ADAPTER: Key = Key::optional(
    "adapter",
    Kind::Text,
    "the top-level `adapter`",
    "The agent: the name of an `[agents.<name>]` table, or a kind.",
)
.alias(&["agent"]);

const MODEL: Key = Key::optional(
    "model",
    Kind::Text,
    "`agents.<name>.model`, or else the agent's own default",
    "The model to ask for.",
);

const ESCALATE_MODEL: Key = Key::optional(
    "escalate_model",
    Kind::Text,
    "no escalation",
    "The model to ask for from round `escalate_after_iteration` on.",
);

const ESCALATE_AFTER: Key = Key::with_default(
    "escalate_after_iteration",
    Kind::Count(1, 100),
    "3",
    "The first round that uses `escalate_model`.",
);

const SILENCE: Key = Key::with_default(
    "silence_ms",
    Kind::Count(1, MAXIMUM_MS),
    "300000",
    "Milliseconds that a turn may go on without a sign of life.",
);

const TIMEOUT: &str = "Milliseconds that a turn may take in all.";

/// The names of the stages that are understood, and not here yet.
const LATER_STAGES: [&str; 4] = ["tester", "documenter", "auditor", "stage_documenter"];

/// Whether `path` is a setting of a stage that is not in this version.
pub(super) fn is_later_stage_setting(path: &str) -> bool {
    LATER_STAGES.iter().any(|stage| {
        path.strip_prefix("autonomous.default_stages.")
            .and_then(|rest| rest.strip_prefix(stage))
            .is_some_and(|rest| rest.starts_with('.'))
    })
}

/// The coder, and the critic unless it is switched off.
pub(super) fn read(
    root: &Section,
    agents: &mut Agents,
    sources: &mut Sources,
) -> (StagePlan, Option<StagePlan>) {
    let autonomous = root.table("autonomous");
    let stages = autonomous.table("default_stages");
    for name in LATER_STAGES {
        let stage = stages.table(name);
        if stage.is("enabled") {
            let message = format!("the stage {name} is not in this version");
            sources.problem(
                &stage.path_of("enabled"),
                &message,
                Some("set it to false".to_owned()),
            );
        }
    }
    let coder = plan(root, stages.table("coder"), agents, sources);
    let critic = stages.table("critic");
    let paired = autonomous.is("pair_mode") && critic.is("enabled");
    let critic = paired.then(|| plan(root, critic, agents, sources));
    (coder, critic)
}

fn plan(root: &Section, stage: &Section, agents: &mut Agents, sources: &mut Sources) -> StagePlan {
    let (agent, path) = match stage.text("adapter") {
        Some(agent) => (agent, stage.path_of("adapter")),
        None => (root.text("adapter").unwrap_or_default(), root.path_of("adapter")),
    };
    agents.require(agent, &path, sources);
    let plan = StagePlan {
        agent: agent.to_owned(),
        model: stage.owned("model"),
        escalate_model: stage.owned("escalate_model"),
        escalate_after_round: small(stage.count("escalate_after_iteration")),
        timeout_ms: stage.count("timeout_ms"),
        silence_ms: stage.count("silence_ms"),
    };
    let rounds = root.table("autonomous").count("max_iterations");
    if plan.escalate_model.is_some() && u64::from(plan.escalate_after_round) > rounds {
        let message = format!(
            "never used: it starts in round {}, and there are {rounds}",
            plan.escalate_after_round
        );
        sources.warning(&stage.path_of("escalate_model"), &message);
    }
    plan
}
