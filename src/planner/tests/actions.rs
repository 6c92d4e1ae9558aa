//! What a plan asks of people, and what it lets lapse.

use crate::domain::budget::ItemBudget;
use crate::domain::item_record::{Approval, HumanReason, ItemStatus};
use crate::domain::work_item::{ItemState, Lane, Priority, Trust};

use super::super::fixtures::{
    blocked, chosen, gates_of, id, item, minutes, plan_now, policy, record, run_on, world,
};
use super::super::held::GateName;
use super::super::plan::{Action, PENDING_APPROVALS};

fn untrusted(name: &str, approval: Approval) -> crate::domain::item_record::ItemRecord {
    item(name, |record| {
        record.item.trust = Trust::Untrusted;
        record.approval = approval;
    })
}

fn request(name: &str) -> Action {
    Action::RequestApproval { item: id(name), expires: minutes(24 * 60) }
}

#[test]
fn several_approvals_are_asked_for_at_once_and_only_once() {
    let asked = Approval::Requested { at: minutes(-5), expires: minutes(5) };
    let refused = Approval::Refused { by: "ann".to_owned(), at: minutes(-5) };
    let given = Approval::Given { by: "ann".to_owned(), at: minutes(-5) };
    let world = world([
        untrusted("DEMO-1", Approval::NotRequested),
        untrusted("DEMO-2", Approval::NotRequested),
        untrusted("DEMO-3", asked),
        untrusted("DEMO-4", refused),
        untrusted("DEMO-5", Approval::Expired { at: minutes(-5) }),
        untrusted("DEMO-6", given),
        record("DEMO-7"),
    ]);
    let planned = plan_now(&world, &policy());
    assert_eq!(planned.plan.actions[..2], [request("DEMO-1"), request("DEMO-2")]);
    assert_eq!(chosen(&planned), ["DEMO-6", "DEMO-7"]);
    for held in ["DEMO-1", "DEMO-2", "DEMO-3", "DEMO-4", "DEMO-5"] {
        assert_eq!(gates_of(&planned, held), [GateName::Trust]);
    }
}

#[test]
fn approval_is_asked_for_when_it_would_matter() {
    let unasked = |name: &str| untrusted(name, Approval::NotRequested);
    let mut waiting = unasked("DEMO-1");
    waiting.item.blocked_by = vec![id("DEMO-3")];
    let mut manual = unasked("DEMO-2");
    manual.item.lane = Lane::Manual;
    let mut parked = unasked("DEMO-4");
    parked.status = ItemStatus::WaitingHuman;
    let mut world = world([waiting, manual, record("DEMO-3"), parked, unasked("DEMO-5")]);
    world.ops.paused_by = Some("ann".to_owned());
    let mut policy = policy();
    assert_eq!(plan_now(&world, &policy).plan.actions, [request("DEMO-5")]);
    policy.autonomous = false;
    assert_eq!(plan_now(&world, &policy).plan.actions, []);
}

#[test]
fn the_number_of_pending_approvals_is_bounded_and_the_urgent_are_asked_first() {
    let name = |number: usize| format!("DEMO-{number}");
    let mut items: Vec<_> =
        (1..=60).map(|number| untrusted(&name(number), Approval::NotRequested)).collect();
    for record in &mut items[..3] {
        record.approval = Approval::Requested { at: minutes(-5), expires: minutes(5) };
    }
    items[59].item.priority = Priority::Critical;
    let planned = plan_now(&world(items), &policy());
    assert_eq!(planned.plan.actions.len(), PENDING_APPROVALS - 3);
    assert_eq!(planned.plan.actions[..2], [request("DEMO-60"), request("DEMO-4")]);
}

#[test]
fn a_request_nobody_answered_lapses_and_is_not_repeated() {
    let asked = Approval::Requested { at: minutes(-60), expires: minutes(0) };
    let mut world = world([untrusted("DEMO-1", asked)]);
    let planned = plan_now(&world, &policy());
    assert_eq!(planned.plan.actions, [Action::ExpireApproval { item: id("DEMO-1") }]);
    let record = world.items.get_mut(&id("DEMO-1")).unwrap();
    record.approval = Approval::Expired { at: minutes(0) };
    assert_eq!(plan_now(&world, &policy()).plan.actions, []);
}

#[test]
fn an_exhausted_budget_parks_the_item_once() {
    let spent = |name: &str| item(name, |record| record.spend.attempts = 4);
    let mut elsewhere = spent("DEMO-2");
    elsewhere.item.state = ItemState::Blocked;
    let mut world = world([spent("DEMO-1"), elsewhere, spent("DEMO-3")]);
    run_on(&mut world, "DEMO-3", false);
    let mut policy = policy();
    policy.item_budget = ItemBudget { attempts: Some(4), ..ItemBudget::default() };
    let question = "its budget is used up: 4 of 4 attempts. `enact-factory retry DEMO-1` allows as \
                    much again, `enact-factory cancel DEMO-1` gives it up.";
    let park = Action::AskHuman {
        item: id("DEMO-1"),
        reason: HumanReason::PolicyBudget,
        question: question.to_owned(),
    };
    assert_eq!(plan_now(&world, &policy).plan.actions, [park]);
    world.items.get_mut(&id("DEMO-1")).unwrap().status = ItemStatus::WaitingHuman;
    let planned = plan_now(&world, &policy);
    assert_eq!(planned.plan.actions, []);
    assert_eq!(gates_of(&planned, "DEMO-1"), [GateName::Human, GateName::Budget]);
}

#[test]
fn a_blocked_item_with_an_exhausted_budget_is_parked_too() {
    let mut spent = blocked("DEMO-1", &["DEMO-2"]);
    spent.spend.turns = 7;
    let world = world([spent, record("DEMO-2")]);
    let mut policy = policy();
    policy.item_budget = ItemBudget { turns: Some(7), ..ItemBudget::default() };
    let planned = plan_now(&world, &policy);
    assert!(matches!(planned.plan.actions[0], Action::AskHuman { .. }));
    assert_eq!(chosen(&planned), ["DEMO-2"]);
}
