use crate::domain::policy::Policy;
use crate::domain::time::Timestamp;

use super::super::super::fixtures::{
    ask, chosen, gates_of, item_of, minutes, plan_now, policy, project_mut, record, started, world,
};
use super::super::super::held::GateName;
use super::super::super::world::World;
use super::check;

fn capped(global: Option<u32>, per_project: Option<u32>) -> Policy {
    let mut policy = policy();
    policy.pace.global = global;
    policy.pace.per_project = per_project;
    policy
}

fn after(minutes_ago: &[i64]) -> World {
    let items = [record("DEMO-1"), record("DEMO-2"), item_of("alpha", "A-1")];
    let mut world = world(items.into_iter().chain([record("cli/one")]));
    world.starts = started(minutes_ago);
    world
}

fn until(world: &World, policy: &Policy, name: &str) -> Option<Option<Timestamp>> {
    ask(check, world, policy, name).map(|held| held.until)
}

#[test]
fn a_full_window_opens_when_its_oldest_start_leaves_it() {
    let policy = capped(Some(2), None);
    assert_eq!(until(&after(&[10]), &policy, "DEMO-1"), None);
    let full = after(&[10, 120]);
    assert_eq!(until(&full, &policy, "DEMO-1"), Some(Some(minutes(180))));
    assert_eq!(until(&full, &policy, "A-1"), Some(Some(minutes(180))));
    assert_eq!(until(&full, &policy, "cli/one"), None, "the operator asked");
    let held = ask(check, &full, &policy, "DEMO-1").unwrap();
    assert_eq!(held.reason, "2 of 2 starts in 5 h");
    assert_eq!(until(&after(&[10, 300]), &policy, "DEMO-1"), None, "it left at this instant");
    assert_eq!(until(&after(&[10, 400]), &policy, "DEMO-1"), None);
}

#[test]
fn an_overfull_window_waits_for_as_many_as_must_leave() {
    let overfull = after(&[10, 20, 30, 40]);
    let held = ask(check, &overfull, &capped(Some(2), None), "DEMO-1").unwrap();
    assert_eq!(held.until, Some(minutes(280)));
    assert_eq!(until(&overfull, &capped(Some(0), None), "DEMO-1"), Some(None), "never");
}

#[test]
fn a_project_has_its_own_cap() {
    let mut policy = capped(None, Some(2));
    let full = after(&[10, 20]);
    let held = ask(check, &full, &policy, "DEMO-1").unwrap();
    assert_eq!(held.reason, "2 of 2 starts in 5 h in project demo");
    assert_eq!(until(&full, &policy, "A-1"), None);
    project_mut(&mut policy, "demo").pace = Some(3);
    assert_eq!(until(&full, &policy, "DEMO-1"), None);
}

#[test]
fn of_two_full_windows_the_later_end_counts() {
    let mut policy = capped(Some(2), Some(1));
    let full = after(&[10, 20]);
    assert_eq!(until(&full, &policy, "DEMO-1"), Some(Some(minutes(290))));
    policy.pace.per_project = Some(0);
    assert_eq!(until(&full, &policy, "DEMO-1"), Some(None));
}

#[test]
fn turbo_raises_both_caps_until_it_expires() {
    let mut policy = capped(Some(1), Some(1));
    policy.pace.turbo = 3;
    let mut world = after(&[10, 20]);
    world.ops.turbo_until = Some(minutes(1));
    assert_eq!(until(&world, &policy, "DEMO-1"), None);
    world.starts = started(&[10, 20, 30]);
    let held = ask(check, &world, &policy, "DEMO-1").unwrap();
    assert_eq!(held.reason, "3 of 3 starts in 5 h (turbo)");
    policy.pace.global = Some(50);
    policy.pace.per_project = None;
    assert_eq!(until(&world, &policy, "DEMO-1"), None, "turbo never lowers a cap");
    policy.pace.global = Some(1);
    world.starts = started(&[10]);
    world.ops.turbo_until = Some(minutes(0));
    assert!(until(&world, &policy, "DEMO-1").is_some(), "turbo has expired");
}

#[test]
fn starts_of_the_same_plan_count() {
    let planned = plan_now(&after(&[10]), &capped(Some(2), None));
    assert_eq!(chosen(&planned), ["A-1", "one"]);
    assert_eq!(gates_of(&planned, "DEMO-1"), [GateName::Pace]);
}
