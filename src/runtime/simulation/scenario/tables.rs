//! The scenario file as it is written.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use super::act::{Act, CheckDeed, CoderDeed, CriticDeed, PortDeed};
use super::span::Span;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    #[serde(default)]
    pub(super) title: String,
    #[serde(default)]
    pub(super) factory: Factory,
    #[serde(default)]
    pub(super) policy: Rules,
    #[serde(default)]
    pub(super) faults: Faults,
    #[serde(default)]
    pub(super) project: Vec<Project>,
    #[serde(default)]
    pub(super) item: Vec<Item>,
    #[serde(default)]
    pub(super) event: Vec<Spanned<Event>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Factory {
    pub(super) start: Option<Spanned<String>>,
    pub(super) until: Option<Span>,
    pub(super) poll: Option<Span>,
    pub(super) reading: Span,
    pub(super) heartbeat: Option<Span>,
    pub(super) lag: Span,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Faults {
    pub(super) before_append: Vec<u64>,
    pub(super) after_append: Vec<u64>,
    pub(super) down: Option<Span>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Rules {
    pub(super) autonomous: Option<bool>,
    pub(super) max_rounds: Option<u32>,
    pub(super) critic: Option<bool>,
    /// Words of the other stages that are switched on.
    pub(super) stages: Vec<Spanned<String>>,
    pub(super) escalate_model: Option<String>,
    pub(super) escalate_after_round: Option<u32>,
    pub(super) approval: bool,
    pub(super) approval_expires: Option<Span>,
    pub(super) wip: Option<u32>,
    pub(super) blocked_hours: Vec<Spanned<String>>,
    pub(super) time_zone: Option<Spanned<String>>,
    pub(super) pace: Pace,
    pub(super) slots: Slots,
    pub(super) item_budget: ItemBudget,
    pub(super) day_budget: DayBudget,
    pub(super) window_budget: WindowBudget,
    /// Agents besides those of the stages.
    pub(super) agents: Vec<String>,
    /// Who stands in for whom.
    pub(super) failover: BTreeMap<String, Vec<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Pace {
    pub(super) window: Option<Span>,
    pub(super) global: Option<u32>,
    pub(super) per_project: Option<u32>,
    pub(super) turbo: Option<u32>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Slots {
    pub(super) global: Option<u32>,
    pub(super) per_project: Option<u32>,
    pub(super) agents: BTreeMap<String, u32>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ItemBudget {
    pub(super) attempts: Option<u32>,
    pub(super) turns: Option<u32>,
    pub(super) tokens: Option<u64>,
    pub(super) cents: Option<u64>,
    pub(super) time: Option<Span>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct DayBudget {
    pub(super) tokens: Option<u64>,
    pub(super) cents: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct WindowBudget {
    pub(super) window: Option<Span>,
    pub(super) tokens: Option<u64>,
    pub(super) cents: Option<u64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Project {
    pub(super) name: Spanned<String>,
    #[serde(default)]
    pub(super) checks: Vec<String>,
    pub(super) delivery: Option<Spanned<String>>,
    pub(super) enabled: Option<bool>,
    pub(super) slots: Option<u32>,
    pub(super) pace: Option<u32>,
    #[serde(default)]
    pub(super) day_budget: DayBudget,
    pub(super) approval: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Item {
    pub(super) id: Spanned<String>,
    pub(super) title: Option<String>,
    #[serde(default)]
    pub(super) body: String,
    pub(super) state: Option<Spanned<String>>,
    pub(super) priority: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) labels: Vec<String>,
    pub(super) lane: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) blocked_by: Vec<String>,
    pub(super) parent: Option<String>,
    pub(super) project: Option<Spanned<String>>,
    pub(super) author: Option<String>,
    pub(super) trusted: Option<bool>,
    #[serde(default)]
    pub(super) appears: Span,
    #[serde(default)]
    pub(super) coder: Vec<Act<CoderDeed>>,
    #[serde(default)]
    pub(super) critic: Vec<Act<CriticDeed>>,
    #[serde(default)]
    pub(super) diagnose: Vec<Act<CoderDeed>>,
    #[serde(default)]
    pub(super) tester: Vec<Act<CoderDeed>>,
    #[serde(default)]
    pub(super) documenter: Vec<Act<CoderDeed>>,
    #[serde(default)]
    pub(super) auditor: Vec<Act<CriticDeed>>,
    #[serde(default)]
    pub(super) stage_documenter: Vec<Act<CoderDeed>>,
    #[serde(default)]
    pub(super) checks: Vec<Act<CheckDeed>>,
    #[serde(default)]
    pub(super) merged_checks: Vec<Act<CheckDeed>>,
    #[serde(default)]
    pub(super) workspace: Vec<Act<PortDeed>>,
    #[serde(default)]
    pub(super) delivery: Vec<Act<PortDeed>>,
    #[serde(default)]
    pub(super) tracker: Vec<Act<PortDeed>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Event {
    pub(super) at: Span,
    pub(super) by: Option<String>,
    pub(super) command: Option<Spanned<String>>,
    pub(super) edit: Option<Edit>,
    pub(super) delete: Option<Spanned<String>>,
    pub(super) damage: Option<Damage>,
    pub(super) tracker_down: Option<String>,
    pub(super) commit: Option<Commit>,
    pub(super) agent: Option<Agent>,
    pub(super) crash: Option<Span>,
    pub(super) stop: Option<Span>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Edit {
    pub(super) item: Spanned<String>,
    pub(super) title: Option<String>,
    pub(super) body: Option<String>,
    pub(super) state: Option<Spanned<String>>,
    pub(super) priority: Option<Spanned<String>>,
    pub(super) lane: Option<Spanned<String>>,
    pub(super) blocked_by: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Damage {
    pub(super) item: Spanned<String>,
    pub(super) reason: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Commit {
    pub(super) project: Option<Spanned<String>>,
    pub(super) files: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Agent {
    pub(super) name: String,
    pub(super) unavailable: Option<String>,
}
