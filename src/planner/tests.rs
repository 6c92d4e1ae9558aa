//! Whole plans: who is chosen in which order, what is asked of people, what the report says.

mod actions;
mod properties;
mod rendering;
mod worlds;

use crate::domain::ids::ProjectId;
use crate::domain::item_record::{Approval, ItemStatus};
use crate::domain::time::Timestamp;
use crate::domain::work_item::{ItemState, Lane, Priority, Trust};

use super::because::{HeldBecause, SlotKind};
use super::fixtures::{
    blocked, chosen, decision, gates_of, id, item, item_of, minutes, plan_now, policy, project_mut,
    record, run_id, run_on, started, status, world,
};
use super::held::GateName;
use super::report::Decision;

fn ranked(
    name: &str,
    priority: Priority,
    created_at: Option<Timestamp>,
) -> crate::domain::item_record::ItemRecord {
    item(name, |record| {
        record.item.priority = priority;
        record.item.created_at = created_at;
    })
}

#[test]
fn priority_goes_before_age_and_age_before_name() {
    let world = world([
        ranked("DEMO-1", Priority::Low, Some(minutes(-9_000))),
        ranked("DEMO-2", Priority::Medium, Some(minutes(-10))),
        ranked("DEMO-9", Priority::Medium, Some(minutes(-20))),
        ranked("DEMO-10", Priority::Medium, Some(minutes(-20))),
        ranked("DEMO-5", Priority::Medium, None),
        ranked("DEMO-6", Priority::High, Some(minutes(-1))),
        ranked("DEMO-7", Priority::Critical, Some(minutes(0))),
    ]);
    let planned = plan_now(&world, &policy());
    let order = ["DEMO-7", "DEMO-6", "DEMO-5", "DEMO-9", "DEMO-10", "DEMO-2", "DEMO-1"];
    assert_eq!(chosen(&planned), order, "DEMO-5 was first seen an hour ago");
    let Decision::Chosen { rank, reason } = decision(&planned, "DEMO-6") else { panic!() };
    assert_eq!((*rank, reason.place, reason.of), (2, 2, 7));
}

#[test]
fn projects_take_turns_and_the_longest_waiting_one_begins() {
    let mut items: Vec<_> =
        (1..=4).map(|number| ranked(&format!("DEMO-{number}"), Priority::Critical, None)).collect();
    items.extend([item_of("alpha", "A-1"), item_of("alpha", "A-2"), item_of("beta", "B-1")]);
    let mut world = world(items);
    world.starts = vec![
        (minutes(-30), ProjectId::new("alpha")),
        (minutes(-10), ProjectId::new("alpha")),
        (minutes(-20), ProjectId::new("demo")),
    ];
    let order = ["B-1", "DEMO-1", "A-1", "DEMO-2", "A-2", "DEMO-3", "DEMO-4"];
    assert_eq!(chosen(&plan_now(&world, &policy())), order);
    let mut policy = policy();
    policy.slots.global = 3;
    let planned = plan_now(&world, &policy);
    assert_eq!(chosen(&planned), ["B-1", "DEMO-1", "A-1"]);
    assert_eq!(gates_of(&planned, "DEMO-2"), [GateName::Slots]);
}

fn slots_of(planned: &super::plan::Planned, name: &str) -> (SlotKind, usize, u32, usize) {
    let [held] = decision(planned, name).held() else { panic!("{name} is not held once") };
    let HeldBecause::SlotsTaken { slots, taken, limit, waiting } = &held.because else {
        panic!("{name}: {}", held.reason)
    };
    (slots.clone(), *taken, *limit, *waiting)
}

#[test]
fn slots_are_counted_globally_per_project_and_per_agent() {
    let mut world = world([
        record("DEMO-1"),
        record("DEMO-2"),
        record("DEMO-3"),
        item_of("alpha", "A-1"),
        item_of("alpha", "A-2"),
    ]);
    run_on(&mut world, "DEMO-1", true);
    let mut policy = policy();
    policy.slots.global = 3;
    policy.slots.per_project = 2;
    let planned = plan_now(&world, &policy);
    assert_eq!(chosen(&planned), ["A-1", "DEMO-2"]);
    assert_eq!(slots_of(&planned, "DEMO-3"), (SlotKind::Global, 3, 3, 1));
    let reason = &decision(&planned, "DEMO-3").held()[0].reason;
    assert_eq!(reason, "3 of 3 slots of the factory are taken (1 by waiting runs)");

    policy.slots.global = 9;
    project_mut(&mut policy, "alpha").slots = Some(1);
    let planned = plan_now(&world, &policy);
    let demo = SlotKind::Project(ProjectId::new("demo"));
    assert_eq!(slots_of(&planned, "DEMO-3"), (demo, 2, 2, 1));
    let alpha = SlotKind::Project(ProjectId::new("alpha"));
    assert_eq!(slots_of(&planned, "A-2"), (alpha, 1, 1, 0));

    policy.slots.per_project = 9;
    policy.slots.per_agent.insert("critic".to_owned(), 2);
    let planned = plan_now(&world, &policy);
    assert_eq!(chosen(&planned), ["A-1"]);
    let critic = SlotKind::Agent("critic".to_owned());
    assert_eq!(slots_of(&planned, "DEMO-2"), (critic, 2, 2, 1));
}

#[test]
fn an_item_that_finds_no_slot_does_not_keep_others_from_theirs() {
    let mut coder_only = record("DEMO-2");
    coder_only.item.overrides.coder_only = true;
    let world = world([record("DEMO-1"), coder_only]);
    let mut policy = policy();
    policy.slots.per_agent.insert("critic".to_owned(), 0);
    assert_eq!(chosen(&plan_now(&world, &policy)), ["DEMO-2"]);
}

#[test]
fn one_agent_for_both_stages_takes_one_slot() {
    let world = world([record("DEMO-1")]);
    let mut policy = policy();
    policy.stages.critic = Some(policy.stages.coder.clone());
    policy.slots.per_agent.insert("coder".to_owned(), 1);
    assert_eq!(chosen(&plan_now(&world, &policy)), ["DEMO-1"]);
}

#[test]
fn a_running_agent_for_both_stages_takes_one_slot() {
    let mut world = world([record("DEMO-1"), record("DEMO-2")]);
    run_on(&mut world, "DEMO-1", false);
    world.active[0].agents = vec!["coder".to_owned(), "other".to_owned(), "coder".to_owned()];
    let mut policy = policy();
    policy.slots.per_agent.insert("coder".to_owned(), 2);
    assert_eq!(chosen(&plan_now(&world, &policy)), ["DEMO-2"]);
}

#[test]
fn a_claimed_item_is_running_even_before_its_run_is_seen() {
    let mut world = world([record("DEMO-1")]);
    run_on(&mut world, "DEMO-1", false);
    world.active.clear();
    let planned = plan_now(&world, &policy());
    assert_eq!(*decision(&planned, "DEMO-1"), Decision::Running { run: run_id(1) });
}

#[test]
fn every_kind_of_item_gets_its_line() {
    let mut world = world([
        record("DEMO-1"),
        record("DEMO-2"),
        status("DEMO-3", ItemStatus::Done),
        status("DEMO-4", ItemStatus::Failed),
        item("DEMO-5", |record| record.present = false),
        item("DEMO-6", |record| record.item.lane = Lane::Manual),
        item("DEMO-7", |record| record.present = false),
    ]);
    run_on(&mut world, "DEMO-2", false);
    world.unreadable.extend([id("DEMO-7"), id("DEMO-8")]);
    let planned = plan_now(&world, &policy());
    let lines: Vec<_> = planned.report.lines.iter().map(|line| line.item.identifier()).collect();
    let order = ["DEMO-1", "DEMO-2", "DEMO-6", "DEMO-7", "DEMO-8", "DEMO-3", "DEMO-4", "DEMO-5"];
    assert_eq!(lines, order);
    assert_eq!(*decision(&planned, "DEMO-2"), Decision::Running { run: run_id(1) });
    assert_eq!(*decision(&planned, "DEMO-3"), Decision::Settled(ItemStatus::Done));
    assert_eq!(*decision(&planned, "DEMO-5"), Decision::NotPresent);
    assert_eq!(gates_of(&planned, "DEMO-7"), [GateName::State], "unreadable is not gone");
    assert_eq!(gates_of(&planned, "DEMO-8"), [GateName::State]);
}

#[test]
fn every_gate_that_holds_is_named_and_the_decisive_one_first() {
    let mut world = world([
        item("DEMO-1", |record| {
            record.item.state = ItemState::Blocked;
            record.item.lane = Lane::Manual;
            record.item.project = Some(ProjectId::new("nowhere"));
            record.item.trust = Trust::Untrusted;
            record.item.blocked_by = vec![id("DEMO-9")];
        }),
        record("DEMO-2"),
    ]);
    world.ops.paused_by = Some("ann".to_owned());
    world.starts = started(&[1]);
    let mut policy = policy();
    policy.pace.global = Some(1);
    let planned = plan_now(&world, &policy);
    let gates = gates_of(&planned, "DEMO-1");
    let expected = [
        GateName::State,
        GateName::Lane,
        GateName::Project,
        GateName::BlockedBy,
        GateName::Trust,
        GateName::Paused,
        GateName::Pace,
    ];
    assert_eq!(gates, expected);
    assert_eq!(gates_of(&planned, "DEMO-2"), [GateName::Paused, GateName::Pace]);
}

#[test]
fn the_order_of_gates_is_the_order_of_their_names() {
    let mut sorted = GateName::ALL;
    sorted.sort();
    assert_eq!(sorted, GateName::ALL);
    assert_eq!(GateName::ALL.len(), super::gates::GATES.len() + 1, "all but the slots");
}

#[test]
fn a_one_off_task_passes_what_limits_the_factorys_own_initiative_only() {
    let mut world = world([item("cli/one", |record| record.item.trust = Trust::Untrusted)]);
    world.starts = started(&[1]);
    let mut policy = policy();
    policy.autonomous = false;
    policy.approval.required = true;
    policy.pace.global = Some(1);
    policy.wip = Some(0);
    let span = crate::domain::policy::BlockedHours { from: 0, until: 1_439 };
    policy.blocked_hours = vec![span];
    assert_eq!(chosen(&plan_now(&world, &policy)), ["one"]);
    world.ops.paused_by = Some("ann".to_owned());
    assert_eq!(gates_of(&plan_now(&world, &policy), "cli/one"), [GateName::Paused]);
    world.ops.paused_by = None;
    policy.slots.global = 0;
    assert_eq!(gates_of(&plan_now(&world, &policy), "cli/one"), [GateName::Slots]);
    policy.slots.global = 1;
    policy.day_budget.tokens = Some(0);
    assert_eq!(gates_of(&plan_now(&world, &policy), "cli/one"), [GateName::DayBudget]);
    policy.day_budget.tokens = None;
    policy.item_budget.turns = Some(0);
    assert_eq!(gates_of(&plan_now(&world, &policy), "cli/one"), [GateName::Budget]);
}

#[test]
fn a_chain_of_blockers_runs_in_its_order() {
    let mut world =
        world([blocked("DEMO-1", &["DEMO-2"]), blocked("DEMO-2", &["DEMO-3"]), record("DEMO-3")]);
    let mut order = Vec::new();
    for _ in 0..3 {
        let names = chosen(&plan_now(&world, &policy()));
        for name in &names {
            world.items.get_mut(&id(name)).unwrap().status = ItemStatus::Done;
        }
        order.extend(names);
    }
    assert_eq!(order, ["DEMO-3", "DEMO-2", "DEMO-1"]);
}

#[test]
fn ten_thousand_items_are_planned_correctly() {
    let name = |number: usize| format!("DEMO-{number}");
    let chain = (0..5_000).map(|number| blocked(&name(number), &[&name(number + 1)]));
    let done = (5_000..7_000).map(|number| status(&name(number), ItemStatus::Done));
    let ring =
        (7_000..8_000).map(|number| blocked(&name(number), &[&name(7_000 + (number + 1) % 1_000)]));
    let free = (8_000..10_000)
        .map(|number| item(&name(number), |record| record.item.trust = Trust::Untrusted));
    let world = world(chain.chain(done).chain(ring).chain(free));
    let mut policy = policy();
    policy.slots.global = 5;
    let planned = plan_now(&world, &policy);
    assert_eq!(planned.report.lines.len(), 10_000);
    assert_eq!(chosen(&planned), ["DEMO-4999"], "its blocker is done");
    let first = &decision(&planned, "DEMO-0").held()[0].reason;
    assert_eq!(first, "waits for DEMO-1 (pending); in the end for DEMO-4999 (pending)");
    let in_ring = &decision(&planned, "DEMO-7500").held()[0];
    let HeldBecause::DependencyCycle { length, .. } = &in_ring.because else { panic!() };
    assert_eq!(*length, 1_000);
    assert_eq!(gates_of(&planned, "DEMO-9000"), [GateName::Trust]);
    let asked = planned.plan.actions.len() - 1;
    assert_eq!(asked, super::plan::PENDING_APPROVALS);
}

#[test]
fn the_planner_wakes_when_time_alone_frees_an_item() {
    let hold = |until| crate::domain::item_record::Hold {
        class: crate::domain::failure::FailureClass::Agent,
        until,
        reason: "checks failed".to_owned(),
    };
    let cooling = |name, until| item(name, |record| record.hold = Some(hold(until)));
    let stuck = item("DEMO-1", |record| {
        record.hold = Some(hold(minutes(1)));
        record.item.lane = Lane::Manual;
    });
    let mut world = world([stuck, cooling("DEMO-2", minutes(30)), cooling("DEMO-3", minutes(20))]);
    assert_eq!(plan_now(&world, &policy()).report.wake_at, Some(minutes(20)));
    world.starts = started(&[275]);
    let mut policy = policy();
    policy.pace.global = Some(1);
    let wake_at = plan_now(&world, &policy).report.wake_at;
    assert_eq!(wake_at, Some(minutes(25)), "both holds of DEMO-3 must lapse");
    world.ops.paused_by = Some("ann".to_owned());
    assert_eq!(plan_now(&world, &policy).report.wake_at, None);
    let request = Approval::Requested { at: minutes(-1), expires: minutes(7) };
    world.items.get_mut(&id("DEMO-1")).unwrap().approval = request;
    assert_eq!(plan_now(&world, &policy).report.wake_at, Some(minutes(7)));
    let overdue = Approval::Requested { at: minutes(-9), expires: minutes(-7) };
    world.items.get_mut(&id("DEMO-1")).unwrap().approval = overdue;
    assert_eq!(plan_now(&world, &policy).report.wake_at, None, "it lapses in this plan");
}
