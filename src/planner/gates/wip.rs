//! Gate `wip`: people are the bottleneck, so more results than they can review are not produced.

use std::collections::BTreeMap;

use crate::domain::ids::ItemId;
use crate::domain::item_record::{ItemRecord, ItemStatus};
use crate::domain::work_item::ItemState;

use super::super::because::{HeldBecause, Items};
use super::super::context::{Context, ItemView};
use super::super::held::Held;

/// Results of ours that wait for people: done for us, and In Review for the tracker or open on a forge.
pub(crate) fn in_review(items: &BTreeMap<ItemId, ItemRecord>) -> Vec<&ItemId> {
    items
        .iter()
        .filter(|(_, record)| {
            record.present
                && record.status == ItemStatus::Done
                && (record.in_review
                    || record.item.state == ItemState::InReview
                    || record.offered.as_ref().is_some_and(|offered| offered.is_open()))
        })
        .map(|(id, _)| id)
        .collect()
}

pub(crate) fn check(view: &ItemView<'_>, context: &Context<'_>) -> Option<Held> {
    let limit = context.policy.wip?;
    if view.is_one_off() || u32::try_from(context.in_review.len()).is_ok_and(|n| n < limit) {
        return None;
    }
    let waiting = Items::first_of(context.in_review.iter().copied());
    let held = Held::new(HeldBecause::TooManyInReview { waiting, limit });
    Some(held.released_by("review what waits, then close it in its tracker"))
}

#[cfg(test)]
mod tests {
    use crate::domain::item_record::ItemStatus;
    use crate::domain::work_item::ItemState;

    use super::super::super::fixtures::{item, policy, reason, record, status, world};
    use super::check;

    #[test]
    fn results_in_review_hold_new_work_at_the_limit() {
        let result = |name: &str| {
            item(name, |record| {
                record.status = ItemStatus::Done;
                record.item.state = ItemState::InReview;
            })
        };
        let of_people = item("DEMO-3", |record| record.item.state = ItemState::InReview);
        let merged = status("DEMO-4", ItemStatus::Done);
        let mut withdrawn = result("DEMO-5");
        withdrawn.present = false;
        let pending = [record("DEMO-6"), record("cli/one")];
        let others = [result("DEMO-1"), result("DEMO-2"), of_people, merged, withdrawn];
        let world = world(others.into_iter().chain(pending));
        let mut policy = policy();
        for (limit, expected) in [
            (None, ""),
            (Some(3), ""),
            (Some(2), "2 of 2 results wait for review: DEMO-1, DEMO-2"),
            (Some(0), "2 of 0 results wait for review: DEMO-1, DEMO-2"),
        ] {
            policy.wip = limit;
            assert_eq!(reason(check, &world, &policy, "DEMO-6"), expected);
            assert_eq!(reason(check, &world, &policy, "cli/one"), "");
        }
    }
}
