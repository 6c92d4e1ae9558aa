//! `[autonomous.default_stages.*]`: how each stage is driven.

use crate::domain::agent::Stage;
use crate::domain::run::{OptionalStages, StagePlan, StageSet};

use super::agents::Agents;
use super::document::nearest;
use super::schema::{Key, Kind, Shape, snake_case};
use super::section::{Section, small};
use super::sources::Sources;

/// A week: no turn is meant to be longer.
const MAXIMUM_MS: u64 = 604_800_000;

pub(super) static STAGES: &[Key] = &[
    Key::group("coder", Shape::Table(CODER), "Writes the change.").alias(&["executor", "worker"]),
    Key::group("critic", Shape::Table(CRITIC), "Reviews it, read-only, in another session.")
        .alias(&["reviewer"]),
    Key::group(
        "diagnose",
        Shape::Table(TEN_MINUTES),
        "Looks at task and code before anything is written, read-only. What it finds is given to the coder.",
    ),
    Key::group(
        "tester",
        Shape::Table(HALF_AN_HOUR),
        "Adds tests to an accepted change. Checks and critic then judge the whole anew.",
    ),
    Key::group(
        "documenter",
        Shape::Table(TEN_MINUTES),
        "Brings the documentation up to an accepted change. Checks and critic then judge the whole anew.",
    ),
    Key::group(
        "auditor",
        Shape::Table(TEN_MINUTES),
        "Looks for what would do harm, read-only. A gate like the critic: without its approval nothing is delivered.",
    ),
    Key::group(
        "stage_documenter",
        Shape::Table(TEN_MINUTES),
        "Sums the run up for people and for later runs, read-only.",
    )
    .alias(&["skill_documenter"]),
];

static CODER: &[Key] = &[
    ADAPTER,
    MODEL,
    ESCALATE_MODEL,
    ESCALATE_AFTER,
    Key::with_default("timeout_ms", Kind::Count(1, MAXIMUM_MS), "1800000", TIMEOUT),
    SILENCE,
    EFFORT,
    MAX_TURNS,
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
    EFFORT,
    MAX_TURNS,
];

static HALF_AN_HOUR: &[Key] = &[
    ENABLED,
    ADAPTER,
    MODEL,
    ESCALATE_MODEL,
    ESCALATE_AFTER,
    Key::with_default("timeout_ms", Kind::Count(1, MAXIMUM_MS), "1800000", TIMEOUT),
    SILENCE,
    EFFORT,
    MAX_TURNS,
];

static TEN_MINUTES: &[Key] = &[
    ENABLED,
    ADAPTER,
    MODEL,
    ESCALATE_MODEL,
    ESCALATE_AFTER,
    Key::with_default("timeout_ms", Kind::Count(1, MAXIMUM_MS), "600000", TIMEOUT),
    SILENCE,
    EFFORT,
    MAX_TURNS,
];

/// One stage of one project: what is given there counts there.
pub(super) static OWN_STAGE: Shape = Shape::Table(OWN);

static OWN: &[Key] = &[
    Key::optional("enabled", Kind::Boolean, INHERITED, "Whether the stage runs in this project."),
    OWN_ADAPTER,
    OWN_MODEL,
    OWN_ESCALATE_MODEL,
    OWN_ESCALATE_AFTER,
    OWN_TIMEOUT,
    OWN_SILENCE,
    OWN_EFFORT,
    OWN_MAX_TURNS,
];

const INHERITED: &str = "what `autonomous.default_stages` says";

const OWN_ADAPTER: Key =
    Key::optional("adapter", Kind::Text, INHERITED, "The agent.").alias(&["agent"]);
const OWN_MODEL: Key = Key::optional("model", Kind::Text, INHERITED, "The model to ask for.");
const OWN_ESCALATE_MODEL: Key = Key::optional(
    "escalate_model",
    Kind::Text,
    INHERITED,
    "The model to ask for from round `escalate_after_iteration` on.",
);
const OWN_ESCALATE_AFTER: Key = Key::optional(
    "escalate_after_iteration",
    Kind::Count(1, 100),
    INHERITED,
    "The first round that uses `escalate_model`.",
);
const OWN_TIMEOUT: Key =
    Key::optional("timeout_ms", Kind::Count(1, MAXIMUM_MS), INHERITED, TIMEOUT);
const OWN_SILENCE: Key = Key::optional(
    "silence_ms",
    Kind::Count(1, MAXIMUM_MS),
    INHERITED,
    "Milliseconds that a turn may go on without a sign of life.",
);
const OWN_EFFORT: Key =
    Key::optional("effort", Kind::Text, INHERITED, "How hard the model shall think.");
const OWN_MAX_TURNS: Key = Key::optional(
    "max_turns",
    Kind::Count(1, 100_000),
    INHERITED,
    "Limit on the model calls of one turn.",
);

const ENABLED: Key =
    Key::with_default("enabled", Kind::Boolean, "false", "Whether the stage runs.");

const EFFORT: Key = Key::optional(
    "effort",
    Kind::Text,
    "the agent's own default",
    "How hard the model shall think, in the agent's own word (claude and codex: `low`, `medium`, `high`…).",
);

const MAX_TURNS: Key = Key::optional(
    "max_turns",
    Kind::Count(1, 100_000),
    "`agents.<name>.max_turns`",
    "Limit on the model calls of one turn, where the agent has such a limit.",
);

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

/// The table of a stage.
fn table(stage: Stage) -> &'static str {
    match stage {
        Stage::Planner => "planner",
        Stage::Coder => "coder",
        Stage::Critic => "critic",
        Stage::Diagnose => "diagnose",
        Stage::Tester => "tester",
        Stage::Documenter => "documenter",
        Stage::Auditor => "auditor",
        Stage::StageDocumenter => "stage_documenter",
    }
}

/// The stages that have a table here.
fn configurable() -> impl Iterator<Item = Stage> {
    Stage::ALL.into_iter().filter(|stage| stage.is_configurable())
}

/// The stage whose table is called that, by whichever of its names.
fn named(name: &str) -> Option<Stage> {
    match snake_case(name).as_str() {
        "executor" | "worker" => Some(Stage::Coder),
        "reviewer" => Some(Stage::Critic),
        "skill_documenter" => Some(Stage::StageDocumenter),
        name => configurable().find(|stage| table(*stage) == name),
    }
}

/// The coder, the critic unless it is switched off, and the stages that are switched on.
pub(super) fn read(root: &Section, agents: &mut Agents, sources: &mut Sources) -> StageSet {
    let autonomous = root.table("autonomous");
    let tables = autonomous.table("default_stages");
    let coder = plan(root, tables.table(table(Stage::Coder)), agents, sources);
    let mut stages = StageSet { coder, critic: None, optional: OptionalStages::default() };
    for stage in configurable().filter(|stage| *stage != Stage::Coder) {
        let section = tables.table(table(stage));
        let wanted =
            section.is("enabled") && (stage != Stage::Critic || autonomous.is("pair_mode"));
        if wanted {
            stages.set(stage, Some(plan(root, section, agents, sources)));
        }
    }
    stages
}

/// The stages of one project, if it says anything of its own about them.
pub(super) fn of_project(
    root: &Section,
    project: &Section,
    defaults: &StageSet,
    agents: &mut Agents,
    sources: &mut Sources,
) -> Option<Box<StageSet>> {
    let default_tables = root.table("autonomous").table("default_stages");
    let mut stages = defaults.clone();
    for (name, section) in project.table("default_stages").named_tables() {
        let Some(stage) = named(name) else {
            let hint = nearest(name, configurable().map(table));
            sources.problem(&section.path, &format!("there is no stage {name:?}"), hint);
            continue;
        };
        let enabled = section.choice("enabled").unwrap_or(defaults.of(stage).is_some());
        if stage == Stage::Coder && !enabled {
            let message = "the coder cannot be switched off";
            sources.problem(&section.path_of("enabled"), message, None);
        }
        let below = match defaults.of(stage) {
            Some(plan) => plan.clone(),
            None => plan(root, default_tables.table(table(stage)), agents, sources),
        };
        let plan = overlaid(root, section, below, agents, sources);
        stages.set(stage, enabled.then_some(plan));
    }
    (stages != *defaults).then(|| Box::new(stages))
}

fn overlaid(
    root: &Section,
    section: &Section,
    below: StagePlan,
    agents: &mut Agents,
    sources: &mut Sources,
) -> StagePlan {
    if let Some(agent) = section.text("adapter") {
        agents.require(agent, &section.path_of("adapter"), sources);
    }
    let plan = StagePlan {
        agent: section.owned("adapter").unwrap_or(below.agent),
        model: section.owned("model").or(below.model),
        escalate_model: section.owned("escalate_model").or(below.escalate_model),
        escalate_after_round: section
            .number("escalate_after_iteration")
            .map_or(below.escalate_after_round, small),
        timeout_ms: section.number("timeout_ms").unwrap_or(below.timeout_ms),
        silence_ms: section.number("silence_ms").unwrap_or(below.silence_ms),
        effort: section.owned("effort").or(below.effort),
        max_turns: section.number("max_turns").map(small).or(below.max_turns),
        follows_default: below.follows_default && section.text("adapter").is_none(),
    };
    useful(root, section, &plan, sources);
    plan
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
        effort: stage.owned("effort"),
        max_turns: stage.number("max_turns").map(small),
        follows_default: stage.text("adapter").is_none(),
    };
    useful(root, stage, &plan, sources);
    plan
}

/// A model that is never asked for is a remark.
fn useful(root: &Section, stage: &Section, plan: &StagePlan, sources: &mut Sources) {
    let rounds = root.table("autonomous").count("max_iterations");
    if plan.escalate_model.is_some() && u64::from(plan.escalate_after_round) > rounds {
        let message = format!(
            "never used: it starts in round {}, and there are {rounds}",
            plan.escalate_after_round
        );
        sources.warning(&stage.path_of("escalate_model"), &message);
    }
}
