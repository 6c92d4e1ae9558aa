//! Random worlds and policies: full of trouble, but with enough that can run.

use std::collections::BTreeSet;

use proptest::prelude::{Just, Strategy, any, prop};
use proptest::prop_oneof;

use crate::domain::budget::{DayBudget, ItemBudget};
use crate::domain::failure::FailureClass;
use crate::domain::ids::ProjectId;
use crate::domain::item_record::{Approval, Hold, ItemRecord, ItemStatus};
use crate::domain::policy::{BlockedHours, Policy};
use crate::domain::work_item::{ItemState, Lane, Priority, Trust};

use super::super::fixtures::{
    id, item, minutes, policy, project_mut, run_on, spent_today, usage, world,
};
use super::super::world::World;

/// Most items of a random world.
pub(super) const ITEMS: usize = 12;

pub(super) fn name(number: usize) -> String {
    if number.is_multiple_of(6) { format!("cli/T-{number}") } else { format!("DEMO-{number}") }
}

/// Mostly the first choice, so that many items can run.
fn mostly<T: Clone + std::fmt::Debug + 'static>(
    usual: T,
    others: &'static [T],
) -> impl Strategy<Value = T> {
    prop_oneof![24 => Just(usual), 1 => prop::sample::select(others)]
}

pub(super) fn links() -> impl Strategy<Value = Vec<usize>> {
    prop_oneof![5 => Just(Vec::new()), 1 => prop::collection::vec(0..ITEMS + 2, 1..3)]
}

fn records() -> impl Strategy<Value = Vec<ItemRecord>> {
    let one = (
        mostly(
            ItemStatus::Pending,
            &[
                ItemStatus::InFlight,
                ItemStatus::WaitingHuman,
                ItemStatus::Done,
                ItemStatus::Failed,
                ItemStatus::Cancelled,
            ],
        ),
        mostly(ItemState::Todo, &ItemState::ALL),
        mostly(Lane::Autopilot, &Lane::ALL),
        prop::sample::select(&["demo", "demo", "demo", "alpha", "alpha", "beta", "nowhere"][..]),
        prop::sample::select(&Priority::ALL[..]),
        mostly(Trust::Trusted, &[Trust::Untrusted]),
        links(),
        mostly(None, &[Some(0), Some(1), Some(2)]),
        (0..40_usize, mostly(0, &[6]), mostly(false, &[true]), -30..30_i64, 0..5_u8),
    );
    prop::collection::vec(one, 0..=ITEMS).prop_map(|all| {
        let build = |(number, fields)| item(&name(number), |record| spoil(record, fields));
        all.into_iter().enumerate().map(build).collect()
    })
}

type Fields = (
    ItemStatus,
    ItemState,
    Lane,
    &'static str,
    Priority,
    Trust,
    Vec<usize>,
    Option<usize>,
    (usize, u32, bool, i64, u8),
);

fn spoil(record: &mut ItemRecord, fields: Fields) {
    let (status, state, lane, project, priority, trust, links, parent, more) = fields;
    let (title, attempts, held, shift, approval) = more;
    record.status = status;
    record.item.state = state;
    record.item.lane = lane;
    record.item.project = Some(ProjectId::new(project));
    record.item.priority = priority;
    record.item.trust = trust;
    record.item.blocked_by = links.into_iter().map(|number| id(&name(number))).collect();
    record.item.parent = parent.map(|number| id(&name(number)));
    record.item.title = format!("Task {title}");
    record.item.body = String::new();
    record.item.created_at = Some(minutes(shift - 100));
    record.present = title != 39;
    record.spend.attempts = attempts;
    let hold = Hold { class: FailureClass::Agent, until: minutes(shift), reason: String::new() };
    record.hold = held.then_some(hold);
    record.approval = match approval {
        0 => Approval::Requested { at: minutes(-60), expires: minutes(shift) },
        1 => Approval::Given { by: "ann".to_owned(), at: minutes(-1) },
        2 => Approval::Refused { by: "ann".to_owned(), at: minutes(-1) },
        _ => Approval::NotRequested,
    };
}

pub(super) fn worlds() -> impl Strategy<Value = World> {
    let starts =
        prop::collection::vec((1..400_i64, prop::sample::select(&["demo", "alpha"][..])), 0..5);
    let pauses = mostly(None, &[Some("ann")]);
    (records(), starts, pauses, any::<bool>(), 0..100_u64, prop::collection::vec(0..ITEMS, 0..3))
        .prop_map(|(records, starts, paused, turbo, tokens, running)| {
            let mut world = world(records);
            let start = |(ago, project): (i64, &str)| (minutes(-ago), ProjectId::new(project));
            world.starts = starts.into_iter().map(start).collect();
            world.ops.paused_by = paused.map(str::to_owned);
            world.ops.turbo_until = turbo.then(|| minutes(10));
            world.spent = spent_today(usage(tokens, 0));
            let running: BTreeSet<String> = running.into_iter().map(name).collect();
            for name in running {
                if world.items.contains_key(&id(&name)) {
                    run_on(&mut world, &name, tokens.is_multiple_of(2));
                }
            }
            world
        })
}

pub(super) fn policies() -> impl Strategy<Value = Policy> {
    let cap = || prop_oneof![2 => Just(None), 1 => (0..9_u32).prop_map(Some)];
    (
        cap(),
        cap(),
        mostly(None, &[Some(1)]),
        0..9_u32,
        1..5_u32,
        cap(),
        mostly(true, &[false]),
        mostly(false, &[true]),
    )
        .prop_map(
            |(global, per_project, wip, slots, project_slots, agent_slots, autonomous, quiet)| {
                let mut policy = policy();
                policy.pace.global = global;
                policy.pace.per_project = per_project;
                policy.pace.turbo = 3;
                policy.wip = wip;
                policy.slots.global = slots;
                policy.slots.per_project = project_slots;
                policy.slots.per_agent =
                    agent_slots.into_iter().map(|limit| ("coder".to_owned(), limit)).collect();
                policy.autonomous = autonomous;
                policy.item_budget = ItemBudget { attempts: Some(6), ..ItemBudget::default() };
                policy.day_budget = DayBudget { tokens: Some(95), ..DayBudget::default() };
                let from = if quiet { 12 * 60 } else { 13 * 60 };
                let night = BlockedHours { from, until: from + 60 };
                policy.blocked_hours = vec![night];
                project_mut(&mut policy, "beta").approval_required = Some(true);
                policy
            },
        )
}
