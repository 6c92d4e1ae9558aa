use super::{LanePhase, LaneSession, MOST_FINDINGS};
use crate::domain::event::Event;
use crate::domain::time::Timestamp;
use crate::domain::work_item::Lane;

const BEGAN: Timestamp = Timestamp(1_000);
const LATER: Timestamp = Timestamp(2_000);

fn moved(phase: LanePhase) -> Event {
    Event::LaneMoved { phase, by: "ann".to_owned(), note: "make test: green".to_owned() }
}

fn reviewed(approved: bool, phase: LanePhase) -> Event {
    Event::LaneReviewed { by: "bob".to_owned(), approved, reason: "no test".to_owned(), phase }
}

fn after(events: &[Event]) -> LaneSession {
    let mut session = LaneSession::begun(Lane::Ralph, "ann", BEGAN);
    events.iter().for_each(|event| session.evolve(event, LATER));
    session
}

#[test]
fn a_lane_goes_from_running_over_verifying_and_review_to_its_end() {
    let begun = after(&[]);
    assert_eq!((begun.phase, begun.by.as_str(), begun.since), (LanePhase::Running, "ann", BEGAN));
    let verifying = after(&[moved(LanePhase::Verifying)]);
    assert_eq!(verifying.phase, LanePhase::Verifying);
    assert_eq!(verifying.evidence.as_deref(), Some("make test: green"));
    assert_eq!((verifying.since, verifying.changed), (BEGAN, LATER));
    let approved = after(&[
        moved(LanePhase::Verifying),
        moved(LanePhase::Review),
        reviewed(true, LanePhase::Completed),
    ]);
    assert_eq!(approved.phase, LanePhase::Completed);
    assert_eq!(approved.approved_by.as_deref(), Some("bob"));
    assert!(!approved.is_linked());
}

#[test]
fn a_rejection_takes_both_boxes_back_and_keeps_what_is_wrong() {
    let mut session = after(&[moved(LanePhase::Verifying), reviewed(false, LanePhase::Running)]);
    assert_eq!(session.phase, LanePhase::Running);
    assert_eq!((session.evidence.as_ref(), session.approved_by.as_ref()), (None, None));
    assert_eq!(session.findings, ["no test"]);
    for _again in 0..50 {
        session.evolve(&reviewed(false, LanePhase::Running), LATER);
    }
    assert_eq!(session.findings.len(), MOST_FINDINGS);
}

#[test]
fn a_stopped_lane_goes_on_where_its_work_was() {
    let start = Event::LaneStarted { lane: Lane::Ralph, by: "bob".to_owned() };
    let running = after(&[moved(LanePhase::Stopped), start.clone()]);
    assert_eq!((running.phase, running.by.as_str()), (LanePhase::Running, "ann"));
    let verifying = after(&[moved(LanePhase::Verifying), moved(LanePhase::Stopped), start]);
    assert_eq!(verifying.phase, LanePhase::Verifying);
}

#[test]
fn an_approved_lane_that_could_not_be_closed_ends_with_the_acknowledgment() {
    let acknowledged = Event::CloseAcknowledged { by: "ann".to_owned(), reason: "live".to_owned() };
    let deferred = [moved(LanePhase::Verifying), reviewed(true, LanePhase::Review)];
    assert_eq!(after(&deferred).phase, LanePhase::Review);
    let mut closed = after(&deferred);
    closed.evolve(&acknowledged, LATER);
    assert_eq!(closed.phase, LanePhase::Completed);
    assert_eq!(after(&[acknowledged]).phase, LanePhase::Running);
}

#[test]
fn words_are_those_of_the_log() {
    for phase in LanePhase::ALL {
        assert_eq!(serde_json::to_value(phase).unwrap(), phase.word());
    }
}
