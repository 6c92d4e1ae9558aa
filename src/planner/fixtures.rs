//! Tiny constructors for the tests of the planner: a world in which everything may run, to be spoilt one thing at a time.

use std::collections::BTreeMap;

use crate::domain::agent::AgentKind;
use crate::domain::budget::ledger::{Ledger, Spending};
use crate::domain::budget::{DayBudget, ItemBudget, ItemSpend, Usage, WindowBudget};
use crate::domain::closing::Closing;
use crate::domain::epic::DivisionPolicy;
use crate::domain::ids::{ItemId, ProjectId, RunId};
use crate::domain::item_record::{Approval, ItemRecord, ItemStatus};
use crate::domain::policy::{
    ApprovalPolicy, Pace, Policy, ProjectPolicy, PullRequestPolicy, Slots,
};
use crate::domain::provider::AgentPolicy;
use crate::domain::run::{ContextPlan, Delivery, OptionalStages, StagePlan, StageSet};
use crate::domain::time::Timestamp;
use crate::domain::work_item::{ItemState, Lane, Overrides, Priority, Trust, WorkItem};

use super::context::Context;
use super::gates::Gate;
use super::held::{GateName, Held};
use super::plan::{Action, Planned, plan};
use super::report::Decision;
use super::world::{ActiveRun, World};

/// 2026-03-04T12:00:00Z, a Wednesday.
pub(crate) const NOW: Timestamp = Timestamp(1_772_625_600_000);

pub(crate) const HOUR_MS: u64 = 3_600_000;

/// `minutes` after [`NOW`]; negative ones before.
pub(crate) fn minutes(minutes: i64) -> Timestamp {
    Timestamp(NOW.0 + minutes * 60_000)
}

pub(crate) fn at(rfc3339: &str) -> Timestamp {
    Timestamp(chrono::DateTime::parse_from_rfc3339(rfc3339).unwrap().timestamp_millis())
}

/// `DEMO-1` of the local tracker, or the identity itself if it names a tracker.
pub(crate) fn id(name: &str) -> ItemId {
    if name.contains('/') { ItemId::new(name) } else { ItemId::new(format!("local/{name}")) }
}

pub(crate) fn run_id(number: u128) -> RunId {
    RunId(uuid::Uuid::from_u128(number))
}

/// A ledger in which the project `demo` has spent `usage` this morning.
pub(crate) fn spent_today(usage: Usage) -> Ledger {
    let (project, agent) = (ProjectId::new("demo"), "coder".to_owned());
    Ledger::new(vec![Spending { at: minutes(-60), project, agent, usage }])
}

/// An item that nothing holds.
pub(crate) fn record(name: &str) -> ItemRecord {
    ItemRecord {
        item: WorkItem {
            id: id(name),
            project: None,
            title: format!("Task {name}"),
            body: format!("Do {name}."),
            state: ItemState::Todo,
            priority: Priority::Medium,
            labels: Vec::new(),
            lane: Lane::Autopilot,
            blocked_by: Vec::new(),
            parent: None,
            author: Some("ann".to_owned()),
            trust: Trust::Trusted,
            created_at: None,
            revision: "1".to_owned(),
            overrides: Overrides::default(),
        },
        present: true,
        status: ItemStatus::Pending,
        created: minutes(-60),
        updated: minutes(-60),
        spend: ItemSpend::default(),
        infra_failures: 0,
        hold: None,
        approval: Approval::NotRequested,
        human: None,
        run: None,
        last_run: None,
        last_outcome: None,
        fence: 0,
        in_review: false,
        refusal: None,
        follow_ups: 0,
        offered: None,
        delivery_failures: 0,
        findings: Vec::new(),
        notes: Vec::new(),
        epic: None,
        whole: None,
        updates: 0,
        proposal: None,
        session: None,
        closing: Closing::Free,
    }
}

/// [`record`], changed.
pub(crate) fn item(name: &str, change: impl FnOnce(&mut ItemRecord)) -> ItemRecord {
    let mut record = record(name);
    change(&mut record);
    record
}

/// [`record`] of another project.
pub(crate) fn item_of(project: &str, name: &str) -> ItemRecord {
    item(name, |record| record.item.project = Some(ProjectId::new(project)))
}

/// [`record`] that waits for others.
pub(crate) fn blocked(name: &str, by: &[&str]) -> ItemRecord {
    item(name, |record| record.item.blocked_by = by.iter().map(|other| id(other)).collect())
}

/// [`record`] that is part of another.
pub(crate) fn child(name: &str, parent: &str) -> ItemRecord {
    item(name, |record| record.item.parent = Some(id(parent)))
}

/// [`record`] with a status.
pub(crate) fn status(name: &str, status: ItemStatus) -> ItemRecord {
    item(name, |record| record.status = status)
}

pub(crate) fn world(records: impl IntoIterator<Item = ItemRecord>) -> World {
    let items = records.into_iter().map(|record| (record.item.id.clone(), record)).collect();
    World { items, ..World::default() }
}

/// Adds a run that is under way on an item of the world, in project `demo` with both agents.
pub(crate) fn run_on(world: &mut World, name: &str, waiting: bool) {
    let number = u128::try_from(world.active.len()).unwrap() + 1;
    let record = world.items.get_mut(&id(name)).unwrap();
    record.status = ItemStatus::InFlight;
    record.run = Some(run_id(number));
    world.active.push(ActiveRun {
        run: run_id(number),
        item: id(name),
        project: record.item.project.clone().unwrap_or_else(|| ProjectId::new("demo")),
        agents: vec!["coder".to_owned(), "critic".to_owned()],
        waiting,
    });
}

/// Runs started `minutes_ago` in project `demo`.
pub(crate) fn started(minutes_ago: &[i64]) -> Vec<(Timestamp, ProjectId)> {
    minutes_ago.iter().map(|ago| (minutes(-ago), ProjectId::new("demo"))).collect()
}

pub(crate) fn usage(tokens: u64, dollars: u64) -> Usage {
    Usage { input_tokens: tokens, cost_micro_usd: dollars * 1_000_000, ..Usage::default() }
}

/// Everything allowed; projects `demo` (the default one), `alpha` and `beta`; agents `coder` and `critic`.
pub(crate) fn policy() -> Policy {
    let projects = ["demo", "alpha", "beta"].map(|name| (ProjectId::new(name), project(name)));
    Policy {
        autonomous: true,
        pace: Pace { window_ms: 5 * HOUR_MS, global: None, per_project: None, turbo: 20 },
        blocked_hours: Vec::new(),
        time_zone: chrono_tz::Tz::UTC,
        item_budget: ItemBudget::default(),
        day_budget: DayBudget::default(),
        window_budget: WindowBudget::default(),
        wip: None,
        approval: ApprovalPolicy { required: false, expires_ms: 24 * HOUR_MS },
        division: DivisionPolicy {
            enabled: false,
            threshold_minutes: 30,
            max_depth: 2,
            max_children: 5,
            daily_limit: 20,
            approval: false,
            stage: stage("planner"),
        },
        slots: Slots { global: 100, per_project: 100, per_agent: BTreeMap::new() },
        max_rounds: 3,
        stages: StageSet {
            coder: stage("coder"),
            critic: Some(stage("critic")),
            optional: OptionalStages::default(),
        },
        default_agent: "coder".to_owned(),
        agents: ["coder", "critic"].map(|name| (name.to_owned(), agent())).into(),
        context: ContextPlan::default(),
        projects: projects.into_iter().collect(),
        default_project: Some(ProjectId::new("demo")),
    }
}

/// An agent that may do everything and that nobody stands in for.
pub(crate) fn agent() -> AgentPolicy {
    AgentPolicy { kind: AgentKind::Scripted, failover: Vec::new(), unfit_to_judge: None }
}

fn project(name: &str) -> ProjectPolicy {
    ProjectPolicy {
        id: ProjectId::new(name),
        repository: format!("/repositories/{name}"),
        base_branch: None,
        enabled: true,
        slots: None,
        pace: None,
        checks: Vec::new(),
        check_timeout_ms: HOUR_MS,
        delivery: Delivery::Branch,
        pull_request: PullRequestPolicy::default(),
        day_budget: DayBudget::default(),
        approval_required: None,
        stages: None,
        workflow: None,
    }
}

pub(crate) fn stage(agent: &str) -> StagePlan {
    StagePlan {
        agent: agent.to_owned(),
        model: None,
        escalate_model: None,
        escalate_after_round: 3,
        timeout_ms: HOUR_MS,
        silence_ms: HOUR_MS,
        effort: None,
        max_turns: None,
        follows_default: true,
    }
}

pub(crate) fn project_mut<'a>(policy: &'a mut Policy, name: &str) -> &'a mut ProjectPolicy {
    policy.projects.get_mut(&ProjectId::new(name)).unwrap()
}

/// What one gate says of one item.
pub(crate) fn ask(check: Gate, world: &World, policy: &Policy, name: &str) -> Option<Held> {
    ask_at(check, world, policy, name, NOW)
}

pub(crate) fn ask_at(
    check: Gate,
    world: &World,
    policy: &Policy,
    name: &str,
    now: Timestamp,
) -> Option<Held> {
    let context = Context::new(world, policy, now);
    let view = context.views().find(|view| *view.id == id(name)).unwrap();
    check(&view, &context)
}

/// The reason one gate gives for one item; empty if it lets it pass.
pub(crate) fn reason(check: Gate, world: &World, policy: &Policy, name: &str) -> String {
    ask(check, world, policy, name).map(|held| held.reason).unwrap_or_default()
}

/// Names of the items a plan starts, in order.
pub(crate) fn chosen(planned: &Planned) -> Vec<String> {
    let starts = planned.plan.actions.iter().filter_map(|action| match action {
        Action::Start { item, .. } => Some(item.identifier().to_owned()),
        Action::RequestApproval { .. }
        | Action::ExpireApproval { .. }
        | Action::AskHuman { .. }
        | Action::CompleteEpic { .. }
        | Action::ResumeEpic { .. } => None,
    });
    starts.collect()
}

/// [`plan`] at [`NOW`].
pub(crate) fn plan_now(world: &World, policy: &Policy) -> Planned {
    plan(world, policy, NOW)
}

/// The gates that hold an item in a plan.
pub(crate) fn gates_of(planned: &Planned, name: &str) -> Vec<GateName> {
    decision(planned, name).held().iter().map(|held| held.gate).collect()
}

pub(crate) fn decision<'a>(planned: &'a Planned, name: &str) -> &'a Decision {
    &planned.report.line(&id(name)).unwrap().decision
}
