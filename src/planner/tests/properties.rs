//! What holds for every world.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::{ProptestConfig, prop, proptest};
use proptest::{prop_assert, prop_assert_eq};

use crate::domain::ids::{ItemId, ProjectId};
use crate::domain::item_record::ItemStatus;
use crate::domain::work_item::Priority;

use super::super::context::Context;
use super::super::dependencies::is_done;
use super::super::fixtures::{NOW, chosen, id, item, minutes, plan_now, policy, world};
use super::super::gates::GATES;
use super::super::gates::agent::needed;
use super::super::held::GateName;
use super::super::plan::{Action, Planned};
use super::super::report::Decision;
use super::worlds::{ITEMS, links, name, policies, worlds};

fn starts(planned: &Planned) -> BTreeSet<ItemId> {
    let items = planned.plan.actions.iter().filter_map(|action| match action {
        Action::Start { item, .. } => Some(item.clone()),
        Action::RequestApproval { .. }
        | Action::ExpireApproval { .. }
        | Action::AskHuman { .. }
        | Action::CompleteEpic { .. }
        | Action::ResumeEpic { .. } => None,
    });
    items.collect()
}

fn within<K: Ord>(
    taken: &BTreeMap<K, u32>,
    before: &BTreeMap<K, u32>,
    key: &K,
    limit: u32,
) -> bool {
    let count = taken.get(key).copied().unwrap_or(0);
    count <= limit.max(before.get(key).copied().unwrap_or(0))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_item_has_exactly_one_line(world in worlds(), policy in policies()) {
        let planned = plan_now(&world, &policy);
        let lines: Vec<&ItemId> = planned.report.lines.iter().map(|line| &line.item).collect();
        let items: BTreeSet<&ItemId> = world.items.keys().collect();
        prop_assert_eq!(lines.len(), items.len());
        prop_assert_eq!(lines.into_iter().collect::<BTreeSet<_>>(), items);
    }

    #[test]
    fn plan_and_report_tell_the_same_story(world in worlds(), policy in policies()) {
        let planned = plan_now(&world, &policy);
        let said = planned.report.lines.iter().filter_map(|line| match &line.decision {
            Decision::Chosen { .. } => Some(line.item.clone()),
            Decision::Held(held) => { assert!(!held.is_empty()); None }
            Decision::Running { .. } | Decision::Settled(_) | Decision::NotPresent => None,
        });
        prop_assert_eq!(said.collect::<BTreeSet<_>>(), starts(&planned));
        let ranks = planned.report.lines.iter().filter_map(|line| match line.decision {
            Decision::Chosen { rank, .. } => Some(rank),
            Decision::Held(_) | Decision::Running { .. } => None,
            Decision::Settled(_) | Decision::NotPresent => None,
        });
        prop_assert!(ranks.eq(1..=starts(&planned).len()));
    }

    #[test]
    fn nothing_is_chosen_that_may_not_run(world in worlds(), policy in policies()) {
        let planned = plan_now(&world, &policy);
        let context = Context::new(&world, &policy, NOW);
        let starts = starts(&planned);
        for view in context.views().filter(|view| starts.contains(view.id)) {
            prop_assert_eq!(view.record.status, ItemStatus::Pending);
            prop_assert!(view.record.present);
            prop_assert!(!context.runs.contains_key(view.id));
            for gate in GATES {
                prop_assert_eq!(gate(&view, &context), None);
            }
            for blocker in &view.record.item.blocked_by {
                prop_assert!(world.items.get(blocker).is_some_and(is_done));
            }
        }
    }

    #[test]
    fn every_hold_named_is_a_hold(world in worlds(), policy in policies()) {
        let context = Context::new(&world, &policy, NOW);
        let planned = plan_now(&world, &policy);
        let views: BTreeMap<&ItemId, _> = context.views().map(|view| (view.id, view)).collect();
        for line in &planned.report.lines {
            for held in line.decision.held().iter().filter(|held| held.gate < GateName::Slots) {
                let again = GATES.iter().filter_map(|gate| gate(&views[&line.item], &context));
                let known: BTreeSet<_> = again.map(|held| held.gate).collect();
                let by_this_plan = matches!(held.gate, GateName::Duplicate | GateName::Pace | GateName::AgentAuth);
                prop_assert!(known.contains(&held.gate) || by_this_plan);
            }
        }
    }

    #[test]
    fn slots_and_pace_are_never_exceeded(world in worlds(), policy in policies()) {
        let planned = plan_now(&world, &policy);
        let context = Context::new(&world, &policy, NOW);
        let starts = starts(&planned);
        let (mut projects, mut agents) = (BTreeMap::new(), BTreeMap::new());
        for run in &world.active {
            *projects.entry(run.project.clone()).or_insert(0_u32) += 1;
            for agent in &run.agents {
                *agents.entry(agent.clone()).or_insert(0_u32) += 1;
            }
        }
        let (projects_before, agents_before) = (projects.clone(), agents.clone());
        let running = u32::try_from(world.active.len()).unwrap();
        let chosen = u32::try_from(starts.len()).unwrap();
        prop_assert!(chosen == 0 || running + chosen <= policy.slots.global);
        let mut paced = 0;
        for view in context.views().filter(|view| starts.contains(view.id)) {
            *projects.entry(view.project.unwrap().id.clone()).or_insert(0) += 1;
            for agent in needed(&view, &context) {
                *agents.entry(agent.to_owned()).or_insert(0) += 1;
            }
            paced += u32::from(!view.is_one_off());
        }
        for project in projects.keys() {
            let limit = policy.slots.per_project;
            prop_assert!(within(&projects, &projects_before, project, limit));
        }
        for (agent, limit) in &policy.slots.per_agent {
            prop_assert!(within(&agents, &agents_before, agent, *limit));
        }
        if let Some(cap) = policy.pace.global {
            let cap = if world.ops.turbo_at(NOW) { cap.max(policy.pace.turbo) } else { cap };
            let inside = world.starts.iter().filter(|(at, _)| minutes(-300) < *at).count();
            prop_assert!(paced == 0 || u32::try_from(inside).unwrap() + paced <= cap);
        }
    }

    #[test]
    fn the_order_of_collection_does_not_matter(world in worlds(), policy in policies()) {
        let mut shuffled = world.clone();
        shuffled.active.reverse();
        shuffled.starts.reverse();
        for record in shuffled.items.values_mut() {
            record.item.blocked_by.reverse();
        }
        prop_assert_eq!(plan_now(&world, &policy), plan_now(&shuffled, &policy));
    }

    #[test]
    fn an_unrelated_low_item_displaces_nobody_while_slots_last(
        world in worlds(), policy in policies(),
    ) {
        let mut policy = policy;
        policy.slots.global = 100;
        policy.slots.per_project = 100;
        policy.slots.per_agent.clear();
        policy.pace.global = None;
        policy.pace.per_project = None;
        let mut larger = world.clone();
        let newcomer = item("NEW-1", |record| {
            record.item.priority = Priority::Low;
            record.item.project = Some(ProjectId::new("alpha"));
        });
        larger.items.insert(newcomer.item.id.clone(), newcomer);
        let (before, after) = (starts(&plan_now(&world, &policy)), starts(&plan_now(&larger, &policy)));
        prop_assert!(before.is_subset(&after));
    }

    #[test]
    fn an_unrelated_low_item_of_the_same_project_displaces_nobody(
        world in worlds(), policy in policies(),
    ) {
        let mut larger = world;
        larger.items.retain(|_, record| record.item.project == Some(ProjectId::new("demo")));
        larger.active.retain(|run| run.project == ProjectId::new("demo"));
        let before = plan_now(&larger, &policy);
        let newcomer = item("ZZZ-1", |record| {
            record.item.priority = Priority::Low;
            record.item.created_at = Some(NOW);
        });
        larger.items.insert(newcomer.item.id.clone(), newcomer);
        let after = plan_now(&larger, &policy);
        let kept = chosen(&before);
        prop_assert_eq!(&kept[..], &chosen(&after)[..kept.len()]);
    }

    #[test]
    fn dependencies_finish_before_their_dependents_start(links in prop::collection::vec(links(), 1..ITEMS)) {
        let count = links.len();
        let build = |(number, links): (usize, Vec<usize>)| {
            // Only earlier items, so that there is no cycle.
            let blockers = links.into_iter().filter(|blocker| *blocker < number);
            item(&name(number), |record| {
                record.item.blocked_by = blockers.map(|blocker| id(&name(blocker))).collect();
            })
        };
        let mut world = world(links.into_iter().enumerate().map(build));
        let mut finished = BTreeSet::new();
        for _ in 0..count {
            let wave = starts(&plan_now(&world, &policy()));
            for id in &wave {
                let record = world.items.get_mut(id).unwrap();
                prop_assert!(record.item.blocked_by.iter().all(|blocker| finished.contains(blocker)));
                record.status = ItemStatus::Done;
            }
            finished.extend(wave);
        }
        prop_assert_eq!(finished.len(), count);
    }
}
