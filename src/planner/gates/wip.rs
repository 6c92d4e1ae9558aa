//! Gate `wip`: people are the bottleneck, so more results than they can review are not produced.

use std::collections::BTreeMap;

use crate::domain::ids::ItemId;
use crate::domain::item_record::{ItemRecord, ItemStatus};
use crate::domain::work_item::ItemState;

use super::super::because::{HeldBecause, Items};
use super::super::context::{Context, ItemView};
use super::super::held::Held;

/// Results of ours that wait for people: done for us, In Review for the tracker.
pub(crate) fn in_review(items: &BTreeMap<ItemId, ItemRecord>) -> Vec<&ItemId> {
    items
        .iter()
        .filter(|(_, record)| {
            record.present
                && record.status == ItemStatus::Done
                && record.item.state == ItemState::InReview
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
