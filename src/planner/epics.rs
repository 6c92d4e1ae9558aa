//! Items that were divided: how far their parts are, and what is to be done about the whole.

use std::collections::BTreeMap;

use crate::domain::epic::Epic;
use crate::domain::ids::ItemId;
use crate::domain::item_record::{HumanReason, ItemRecord, ItemStatus};
use crate::domain::lane_session::LaneSession;

use super::because::Items;
use super::context::Context;
use super::dependencies::{is_done, is_open};
use super::plan::Action;

/// How far the parts of an item are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// Parts that are done.
    pub done: u32,
    /// All of them.
    pub total: u32,
    /// Parts that are in the tracker.
    pub created: u32,
    /// Parts that may still become done, in their order.
    pub open: Vec<ItemId>,
    /// Parts that failed, were given up or are gone, in their order.
    pub lost: Vec<ItemId>,
}

impl Progress {
    /// Whether nothing is left to do.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.done == self.total
    }
}

/// How far the parts of `epic` are. A part that is not known yet was created a moment ago.
#[must_use]
pub fn progress(epic: &Epic, items: &BTreeMap<ItemId, ItemRecord>) -> Progress {
    let created = u32::try_from(epic.created.len()).unwrap_or(u32::MAX);
    let mut progress =
        Progress { done: 0, total: epic.total(), created, open: Vec::new(), lost: Vec::new() };
    for part in epic.created.values() {
        match items.get(&part.item) {
            Some(record) if is_done(record) => progress.done += 1,
            Some(record) if is_lost(record) => progress.lost.push(part.item.clone()),
            Some(_) | None => progress.open.push(part.item.clone()),
        }
    }
    progress
}

/// A change that waits on a branch for people is none of both: it becomes done when they say so in the tracker.
fn is_lost(record: &ItemRecord) -> bool {
    let in_review = record.present && record.in_review && !record.item.state.is_terminal();
    !is_open(record) && !in_review
}

/// What is to be done about divided items: completing those whose parts are all done, asking people where a part is lost,
/// and taking the question back when it is found again.
pub(crate) fn actions(context: &Context<'_>) -> Vec<Action> {
    let mut actions = Vec::new();
    for view in context.views() {
        let record = view.record;
        let Some(epic) = record.epic.as_ref().filter(|epic| epic.agreed.is_some()) else {
            continue;
        };
        let waits = record.human.as_ref().map(|request| request.reason);
        let asked =
            record.status == ItemStatus::WaitingHuman && waits == Some(HumanReason::PartLost);
        // Whoever drives an operator lane completes what it is linked to.
        let is_operated = record.session.as_ref().is_some_and(LaneSession::is_linked);
        if !record.present || is_operated || !(record.status == ItemStatus::Pending || asked) {
            continue;
        }
        let progress = progress(epic, &context.world.items);
        let item = view.id.clone();
        if progress.is_complete() && !has_others(view.id, epic, context) {
            actions.push(Action::CompleteEpic { item, parts: progress.total });
        } else if !progress.lost.is_empty() && !asked {
            let question = format!(
                "{} of its parts will not become done by itself: {}. Retry it, or close this item by hand.",
                progress.lost.len(),
                Items::first_of(&progress.lost)
            );
            actions.push(Action::AskHuman { item, reason: HumanReason::PartLost, question });
        } else if progress.lost.is_empty() && asked {
            actions.push(Action::ResumeEpic { item });
        }
    }
    actions
}

/// Whether people have added open parts of their own.
fn has_others(id: &ItemId, epic: &Epic, context: &Context<'_>) -> bool {
    let ours = |other: &ItemId| epic.created.values().any(|part| part.item == *other);
    context.world.items.values().any(|record| {
        record.item.parent.as_ref() == Some(id) && is_open(record) && !ours(&record.item.id)
    })
}

#[cfg(test)]
mod tests;
