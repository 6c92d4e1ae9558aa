//! Gate `state`: the tracker owns intent. Only items it calls Todo or In Progress, and can show us, are picked up.

use crate::domain::item_record::ItemStatus;
use crate::domain::work_item::ItemState;

use super::super::because::HeldBecause;
use super::super::context::{Context, ItemView};
use super::super::held::Held;

pub(crate) fn check(view: &ItemView<'_>, context: &Context<'_>) -> Option<Held> {
    if context.world.unreadable.contains(view.id) {
        return Some(unreadable());
    }
    if view.record.status == ItemStatus::InFlight {
        return Some(Held::new(HeldBecause::RunUnknown));
    }
    let state = view.record.item.state;
    match state {
        ItemState::Todo | ItemState::InProgress => None,
        ItemState::InReview | ItemState::Blocked | ItemState::Done | ItemState::Cancelled => Some(
            Held::new(HeldBecause::TrackerState { state })
                .released_by(format!("set its state to {}", ItemState::Todo.label())),
        ),
    }
}

/// What holds an item whose tracker copy cannot be read: nobody knows what it asks for now.
pub(crate) fn unreadable() -> Held {
    Held::new(HeldBecause::Unreadable).released_by("put its file right (see the daemon's log)")
}
