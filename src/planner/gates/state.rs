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

#[cfg(test)]
mod tests {
    use crate::domain::item_record::ItemStatus;
    use crate::domain::work_item::ItemState;

    use super::super::super::fixtures::{ask, id, item, policy, reason, record, status, world};
    use super::check;

    #[test]
    fn only_todo_and_in_progress_are_picked_up() {
        for state in ItemState::ALL {
            let world = world([item("DEMO-1", |record| record.item.state = state)]);
            let held = ask(check, &world, &policy(), "DEMO-1");
            let free = matches!(state, ItemState::Todo | ItemState::InProgress);
            assert_eq!(held.is_none(), free, "{state:?}");
            if let Some(held) = held {
                assert_eq!(held.reason, format!("its tracker says {}", state.label()));
            }
        }
    }

    #[test]
    fn an_unreadable_item_is_held() {
        let mut world = world([record("DEMO-1")]);
        world.unreadable.insert(id("DEMO-1"));
        let text = reason(check, &world, &policy(), "DEMO-1");
        assert_eq!(text, "its tracker's copy cannot be read");
    }

    #[test]
    fn an_item_marked_as_taken_by_no_known_run_is_not_taken_again() {
        let world = world([status("DEMO-1", ItemStatus::InFlight)]);
        let text = reason(check, &world, &policy(), "DEMO-1");
        assert_eq!(text, "marked as taken, but no run has it");
    }
}
