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

#[cfg(test)]
mod tests {
    use crate::domain::work_item::Lane;

    use super::super::super::fixtures::{ask, item, policy, world};
    use super::check;

    #[test]
    fn only_autopilot_is_driven() {
        for (lane, expected) in [
            (Lane::Autopilot, None),
            (Lane::Manual, Some("lane manual: a person works on it")),
            (Lane::None, Some("lane none: nobody is assigned")),
            (Lane::Ralph, Some("lane ralph is not driven by this pipeline")),
            (Lane::Ultrawork, Some("lane ultrawork is not driven by this pipeline")),
            (Lane::Team, Some("lane team is not driven by this pipeline")),
        ] {
            let world = world([item("DEMO-1", |record| record.item.lane = lane)]);
            let held = ask(check, &world, &policy(), "DEMO-1");
            assert_eq!(held.as_ref().map(|held| held.reason.as_str()), expected);
        }
    }
}
