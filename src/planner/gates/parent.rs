//! Gate `parent`: an epic is never run itself.
//!
//! While it has open children they are the work. When all are settled it is still held: its text describes what they
//! have already done, so running it would do the work twice. A person closes it, or takes the links away if something
//! is left to do.

use std::collections::BTreeMap;

use crate::domain::epic::Epic;
use crate::domain::ids::ItemId;
use crate::domain::item_record::ItemRecord;

use super::super::because::{HeldBecause, Items, MissingApproval};
use super::super::context::{Context, ItemView};
use super::super::dependencies::{is_done, is_open};
use super::super::epics::{Progress, progress};
use super::super::held::Held;
use super::trust::missing_approval;

/// The parts of a parent. Withdrawn ones that were not done do not count.
#[derive(Default)]
pub(crate) struct Family<'a> {
    open: Vec<&'a ItemId>,
    done: usize,
    not_done: usize,
}

/// Every parent with its parts.
pub(crate) fn families(items: &BTreeMap<ItemId, ItemRecord>) -> BTreeMap<&ItemId, Family<'_>> {
    let mut families: BTreeMap<&ItemId, Family<'_>> = BTreeMap::new();
    for (id, record) in items {
        let Some(parent) = record.item.parent.as_ref().filter(|parent| *parent != id) else {
            continue;
        };
        if is_done(record) {
            families.entry(parent).or_default().done += 1;
        } else if is_open(record) {
            families.entry(parent).or_default().open.push(id);
        } else if record.present {
            families.entry(parent).or_default().not_done += 1;
        }
    }
    families
}

pub(crate) fn check(view: &ItemView<'_>, context: &Context<'_>) -> Option<Held> {
    if let Some(epic) = &view.record.epic {
        return Some(divided(view, epic, context));
    }
    let family = context.families.get(view.id)?;
    if family.open.is_empty() {
        let because = HeldBecause::ChildrenSettled { done: family.done, not_done: family.not_done };
        return Some(Held::new(because).released_by("close it by hand"));
    }
    let children = Items::first_of(family.open.iter().copied());
    Some(Held::new(HeldBecause::OpenChildren { children }))
}

/// What is said of an item that was divided: where its parts are.
fn divided(view: &ItemView<'_>, epic: &Epic, context: &Context<'_>) -> Held {
    if epic.agreed.is_none() {
        let parts = epic.parts.iter().zip(1..);
        let parts = parts.map(|(part, number)| format!("{number}. {}", part.title)).collect();
        let approval = missing_approval(view.record, context).unwrap_or(MissingApproval::NotAsked);
        let held = Held::new(HeldBecause::PlanWaits { parts, approval });
        return held.released_by(format!("{}, or reject", view.command("approve")));
    }
    let Progress { done, total, created, open, lost } = progress(epic, &context.world.items);
    if created < total {
        return Held::new(HeldBecause::PartsMissing { created, total });
    }
    let (open, lost) = (Items::first_of(&open), Items::first_of(&lost));
    Held::new(HeldBecause::Parts { done, total, open, lost })
}

#[cfg(test)]
mod tests {
    use crate::domain::item_record::ItemStatus;
    use crate::domain::work_item::ItemState;

    use super::super::super::fixtures::{child, policy, reason, record, world};
    use super::check;

    #[test]
    fn a_parent_with_open_children_is_held_and_names_them() {
        let world = world([record("EPIC-1"), child("DEMO-1", "EPIC-1"), child("DEMO-2", "EPIC-1")]);
        let text = reason(check, &world, &policy(), "EPIC-1");
        assert_eq!(text, "it is the parent of open items: DEMO-1, DEMO-2");
        assert_eq!(reason(check, &world, &policy(), "DEMO-1"), "");
    }

    #[test]
    fn many_children_are_counted() {
        let children = (1..=7).map(|number| child(&format!("DEMO-{number}"), "EPIC-1"));
        let world = world(children.chain([record("EPIC-1")]));
        let text = reason(check, &world, &policy(), "EPIC-1");
        assert!(text.ends_with("DEMO-1, DEMO-2, DEMO-3, DEMO-4, DEMO-5 and 2 more"), "{text}");
    }

    #[test]
    fn a_parent_of_settled_children_is_still_not_run() {
        let mut done = child("DEMO-1", "EPIC-1");
        done.status = ItemStatus::Done;
        let mut done_elsewhere = child("DEMO-2", "EPIC-1");
        done_elsewhere.item.state = ItemState::Done;
        let mut failed = child("DEMO-3", "EPIC-1");
        failed.status = ItemStatus::Failed;
        let world = world([record("EPIC-1"), done, done_elsewhere, failed]);
        let text = reason(check, &world, &policy(), "EPIC-1");
        assert_eq!(text, "it is the parent of settled items: 2 done, 1 not done");
    }

    #[test]
    fn a_withdrawn_child_no_longer_makes_a_parent() {
        let mut gone = child("DEMO-1", "EPIC-1");
        gone.present = false;
        let own_parent = child("DEMO-2", "DEMO-2");
        let world = world([record("EPIC-1"), gone, own_parent]);
        assert_eq!(reason(check, &world, &policy(), "EPIC-1"), "");
        assert_eq!(reason(check, &world, &policy(), "DEMO-2"), "");
    }
}
