//! Gate `lane`: this pipeline drives `autopilot` and keeps its hands off every other lane.

use crate::domain::work_item::Lane;

use super::super::because::HeldBecause;
use super::super::context::{Context, ItemView};
use super::super::held::Held;

pub(crate) fn check(view: &ItemView<'_>, _context: &Context<'_>) -> Option<Held> {
    match view.record.item.lane {
        Lane::Autopilot => None,
        lane @ (Lane::Manual | Lane::None | Lane::Ralph | Lane::Ultrawork | Lane::Team) => Some(
            Held::new(HeldBecause::OtherLane { lane })
                .released_by(format!("set its lane to {}", Lane::Autopilot.word())),
        ),
    }
}
