//! The one function of the planner, and what it wants done.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::domain::ids::{ItemId, ProjectId};
use crate::domain::item_record::{Approval, HumanReason, ItemStatus};
use crate::domain::policy::Policy;
use crate::domain::run::StageSet;
use crate::domain::time::Timestamp;

use super::budget_use::{BudgetUse, of_item};
use super::context::{Context, ItemView};
use super::epics;
use super::gates::{GATES, state};
use super::held::{GateName, Held};
use super::rank::{RankReason, order_key, queues};
use super::report::{Decision, Line, Report};
use super::slots::admit;
use super::world::World;

/// Most requests for approval that may wait for people at once; the next ones follow as these are answered or lapse.
/// A number of our own: enough for a day of one person, and a tracker full of strangers' items cannot flood anyone.
pub const PENDING_APPROVALS: usize = 50;

/// Something the planner wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Start a run.
    Start {
        /// On which item.
        item: ItemId,
        /// In which project.
        project: ProjectId,
        /// Why it goes before others.
        reason: RankReason,
    },
    /// Ask people to approve the start of an item.
    RequestApproval {
        /// Which item.
        item: ItemId,
        /// When the request is to lapse.
        expires: Timestamp,
    },
    /// Record that nobody answered in time.
    ExpireApproval {
        /// Which item.
        item: ItemId,
    },
    /// Park an item until a person acts.
    AskHuman {
        /// Which item.
        item: ItemId,
        /// Why.
        reason: HumanReason,
        /// The sentence people read.
        question: String,
    },
    /// All parts of a divided item are done: so is it.
    CompleteEpic {
        /// Which item.
        item: ItemId,
        /// How many parts it has.
        parts: u32,
    },
    /// What people were asked about the parts of a divided item is answered by the parts themselves.
    ResumeEpic {
        /// Which item.
        item: ItemId,
    },
}

/// What is to be done now.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// Lapsed approvals, items to park, approvals to ask for, then starts in the order of their rank.
    pub actions: Vec<Action>,
}

/// A plan and the reasons for it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Planned {
    /// What to do.
    pub plan: Plan,
    /// Why that, and why not the rest.
    pub report: Report,
}

/// Decides what may run now. Pure: the same inputs give the same output.
pub fn plan(world: &World, policy: &Policy, now: Timestamp) -> Planned {
    let context = Context::new(world, policy, now);
    let mut decisions: BTreeMap<&ItemId, Decision> = BTreeMap::new();
    let mut free = Vec::new();
    for view in context.views() {
        match without_gates(&view, &context) {
            Some(decision) => {
                decisions.insert(view.id, decision);
            }
            None => match holds(&view, &context) {
                held if held.is_empty() => free.push(view),
                held => {
                    decisions.insert(view.id, Decision::Held(held));
                }
            },
        }
    }
    let mut actions = lapsed_approvals(&context);
    actions.extend(used_up(&decisions, &context));
    actions.extend(epics::actions(&context));
    actions.extend(wanted_approvals(&decisions, &context));
    actions.extend(choose(free, &mut decisions, &context));
    let lines = lines(decisions, &context);
    let own = policy.projects.values().filter_map(|project| project.stages.as_deref());
    let agents: BTreeSet<&str> =
        std::iter::once(&policy.stages).chain(own).flat_map(StageSet::agents).collect();
    let warnings = context.allowance().warnings(policy.projects.keys(), agents.into_iter());
    let report = Report { at: now, wake_at: wake_at(&lines, &context), lines, warnings };
    Planned { plan: Plan { actions }, report }
}

/// What can be said of an item without asking a gate: a run has it, it is settled, or it is gone.
fn without_gates(view: &ItemView<'_>, context: &Context<'_>) -> Option<Decision> {
    let record = view.record;
    let claimed = record.run.filter(|_| record.status == ItemStatus::InFlight);
    if let Some(run) = context.runs.get(view.id).copied().or(claimed) {
        Some(Decision::Running { run })
    } else if record.status.is_settled() {
        Some(Decision::Settled(record.status))
    } else if !record.present && !context.world.unreadable.contains(view.id) {
        Some(Decision::NotPresent)
    } else {
        None
    }
}

fn holds<'a>(view: &ItemView<'a>, context: &Context<'a>) -> Vec<Held> {
    GATES.iter().filter_map(|gate| gate(view, context)).collect()
}

fn lapsed_approvals(context: &Context<'_>) -> Vec<Action> {
    context
        .views()
        .filter(|view| !view.record.status.is_settled())
        .filter(|view| expiry(view).is_some_and(|expires| expires <= context.now))
        .map(|view| Action::ExpireApproval { item: view.id.clone() })
        .collect()
}

/// Items with an exhausted lifetime budget that nobody was told about yet.
fn used_up(decisions: &BTreeMap<&ItemId, Decision>, context: &Context<'_>) -> Vec<Action> {
    let of_others = [GateName::Human, GateName::State, GateName::Lane];
    context
        .views()
        .filter_map(|view| {
            let held = decisions.get(view.id)?.held();
            let budget = held.iter().find(|held| held.gate == GateName::Budget)?;
            if held.iter().any(|held| of_others.contains(&held.gate)) {
                return None;
            }
            let (retry, cancel) = (view.command("retry"), view.command("cancel"));
            let question = format!(
                "{}. `{retry}` allows as much again, `{cancel}` gives it up.",
                budget.reason
            );
            let reason = HumanReason::PolicyBudget;
            Some(Action::AskHuman { item: view.id.clone(), reason, question })
        })
        .collect()
}

/// Requests for items that wait for nothing but an approval, or for that and the clock. Asking earlier would let the
/// request lapse before the answer could matter.
fn wanted_approvals(decisions: &BTreeMap<&ItemId, Decision>, context: &Context<'_>) -> Vec<Action> {
    let pending = context
        .views()
        .filter(|view| !view.record.status.is_settled())
        .filter(|view| expiry(view).is_some_and(|expires| context.now < expires))
        .count();
    let mut unasked: Vec<ItemView<'_>> = context
        .views()
        .filter(|view| view.record.approval == Approval::NotRequested)
        .filter(|view| {
            let held = decisions.get(view.id).map_or(&[][..], Decision::held);
            held.iter().any(|held| matches!(held.gate, GateName::Trust | GateName::Approval))
                && !held.iter().any(|held| held.gate.defers_approval())
        })
        .collect();
    unasked.sort_by_key(order_key);
    let expires = context.now.after(Duration::from_millis(context.policy.approval.expires_ms));
    unasked
        .into_iter()
        .take(PENDING_APPROVALS.saturating_sub(pending))
        .map(|view| Action::RequestApproval { item: view.id.clone(), expires })
        .collect()
}

/// When an unanswered request for approval of the item lapses.
fn expiry(view: &ItemView<'_>) -> Option<Timestamp> {
    match view.record.approval {
        Approval::Requested { expires, .. } => Some(expires),
        Approval::NotRequested
        | Approval::Given { .. }
        | Approval::Refused { .. }
        | Approval::Expired { .. } => None,
    }
}

fn choose<'a>(
    free: Vec<ItemView<'a>>,
    decisions: &mut BTreeMap<&'a ItemId, Decision>,
    context: &Context<'a>,
) -> Vec<Action> {
    let admitted = admit(queues(free, context), context);
    for (candidate, held) in admitted.left {
        decisions.insert(candidate.view.id, Decision::Held(held));
    }
    let mut actions = Vec::new();
    for (rank, candidate) in (1..).zip(admitted.chosen) {
        let (item, reason) = (candidate.view.id, candidate.reason);
        decisions.insert(item, Decision::Chosen { rank, reason: reason.clone() });
        let (item, project) = (item.clone(), candidate.project.id.clone());
        actions.push(Action::Start { item, project, reason });
    }
    actions
}

/// One line per item of the world, and one per unreadable item that was never seen whole.
fn lines(decisions: BTreeMap<&ItemId, Decision>, context: &Context<'_>) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::with_capacity(decisions.len());
    for (id, decision) in decisions {
        let Some(record) = context.world.items.get(id) else { continue };
        let budget = of_item(&record.spend, &context.policy.item_budget);
        let warnings = match decision {
            Decision::Settled(_) | Decision::NotPresent => Vec::new(),
            Decision::Chosen { .. } | Decision::Running { .. } | Decision::Held(_) => {
                running_out(budget)
            }
        };
        let title = record.item.title.clone();
        lines.push(Line { item: id.clone(), title, decision, warnings });
    }
    for id in context.world.unreadable.iter().filter(|id| !context.world.items.contains_key(*id)) {
        let decision = Decision::Held(vec![state::unreadable()]);
        lines.push(Line { item: id.clone(), title: String::new(), decision, warnings: vec![] });
    }
    lines.sort_by(|one, other| one.order_key().cmp(&other.order_key()));
    lines
}

fn running_out(budget: Vec<BudgetUse>) -> Vec<BudgetUse> {
    budget.into_iter().filter(BudgetUse::is_running_out).collect()
}

/// When looking again could make a difference although nothing happened in between: the first instant at which an item
/// has no hold left that would not have lapsed, or a request for approval lapses.
fn wake_at(lines: &[Line], context: &Context<'_>) -> Option<Timestamp> {
    let releases = lines.iter().filter_map(|line| {
        let held = line.decision.held();
        held.iter().map(|held| held.until).collect::<Option<Vec<_>>>()?.into_iter().max()
    });
    let expiries = context.views().filter(|view| !view.record.status.is_settled());
    releases
        .chain(expiries.filter_map(|view| expiry(&view)))
        .filter(|instant| context.now < *instant)
        .min()
}
