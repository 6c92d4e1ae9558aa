//! Gate `lane`: this pipeline drives `autopilot` and keeps its hands off every other lane, and off every item that an
//! operator lane is linked to.

use crate::domain::lane_session::{LanePhase, LaneSession};
use crate::domain::work_item::Lane;

use super::super::because::HeldBecause;
use super::super::context::{Context, ItemView};
use super::super::held::Held;

pub(crate) fn check(view: &ItemView<'_>, _context: &Context<'_>) -> Option<Held> {
    let session = view.record.session.as_ref().filter(|session| session.is_linked());
    if let Some(session) = session {
        return Some(operated(view, session));
    }
    let lane = view.record.item.lane;
    let release = match lane {
        Lane::Autopilot => return None,
        Lane::Ralph | Lane::Ultrawork | Lane::Team => {
            view.command(&format!("lane start {}", lane.word()))
        }
        Lane::Manual | Lane::None => format!("set its lane to {}", Lane::Autopilot.word()),
    };
    Some(Held::new(HeldBecause::OtherLane { lane }).released_by(release))
}

fn operated(view: &ItemView<'_>, session: &LaneSession) -> Held {
    let (lane, phase, by) = (session.lane, session.phase, session.by.clone());
    let next = match phase {
        LanePhase::Running => {
            format!("{} verifying --evidence \"<text>\"", view.command("lane advance"))
        }
        LanePhase::Verifying | LanePhase::Review if session.approved_by.is_none() => {
            format!("{} approve", view.command("lane review"))
        }
        LanePhase::Verifying | LanePhase::Review | LanePhase::Completed => {
            format!("{} --reason \"<text>\"", view.command("acknowledge-close"))
        }
        LanePhase::Stopped => view.command(&format!("lane start {}", lane.word())),
    };
    Held::new(HeldBecause::Operated { lane, phase, by }).released_by(next)
}

#[cfg(test)]
mod tests {
    use crate::domain::lane_session::{LanePhase, LaneSession};
    use crate::domain::work_item::Lane;

    use super::super::super::fixtures::{ask, item, policy, world};
    use super::check;

    #[test]
    fn only_autopilot_is_driven() {
        for (lane, expected) in [
            (Lane::Autopilot, None),
            (Lane::Manual, Some("lane manual: a person works on it")),
            (Lane::None, Some("lane none: nobody is assigned")),
            (Lane::Ralph, Some("lane ralph is to be started")),
            (Lane::Ultrawork, Some("lane ultrawork is to be started")),
            (Lane::Team, Some("lane team is to be started")),
        ] {
            let world = world([item("DEMO-1", |record| record.item.lane = lane)]);
            let held = ask(check, &world, &policy(), "DEMO-1");
            assert_eq!(held.as_ref().map(|held| held.reason.as_str()), expected);
        }
    }

    #[test]
    fn what_an_operator_lane_has_is_left_to_it_and_every_phase_says_what_comes_next() {
        let next = |phase, lane| {
            let world = world([item("DEMO-1", |record| {
                let mut session = LaneSession::begun(Lane::Ralph, "ann", record.created);
                session.phase = phase;
                record.item.lane = lane;
                record.session = Some(session);
            })]);
            ask(check, &world, &policy(), "DEMO-1").map(|held| (held.reason, held.released_by))
        };
        for (phase, said, command) in [
            (LanePhase::Running, "running", "lane advance DEMO-1 verifying --evidence \"<text>\""),
            (LanePhase::Verifying, "verifying", "lane review DEMO-1 approve"),
            (LanePhase::Review, "review", "lane review DEMO-1 approve"),
            (LanePhase::Stopped, "stopped", "lane start ralph DEMO-1"),
        ] {
            // Also when its tracker says by now that the pipeline may have it: the link is taken away by people.
            for lane in [Lane::Ralph, Lane::Autopilot] {
                let (reason, release) = next(phase, lane).unwrap();
                assert_eq!(
                    reason.to_string(),
                    format!("lane ralph has it since ann linked it: {said}")
                );
                assert_eq!(release, Some(format!("enact-factory {command}")));
            }
        }
        assert_eq!(next(LanePhase::Completed, Lane::Autopilot), None);
    }
}
