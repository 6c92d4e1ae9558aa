//! What is told of operator lanes and of closes that wait for a person.

use super::{Event, first_line};

pub(super) fn event(event: &Event) -> Option<String> {
    Some(match event {
        Event::LaneProposed { lane } => format!("lane {} is to be started", lane.word()),
        Event::LaneStarted { lane, by } => format!("lane {} is started by {by}", lane.word()),
        Event::LaneMoved { phase, by, .. } => format!("its lane is {} by {by}", phase.word()),
        Event::LaneReviewed { by, approved: true, .. } => format!("its lane is approved by {by}"),
        Event::LaneReviewed { by, reason, .. } => {
            format!("its lane is sent back by {by}: {}", first_line(reason))
        }
        Event::LaneUnlinked { lane, by } => format!("lane {} is unlinked by {by}", lane.word()),
        Event::CloseDeferred { deferral } => format!("waits for a person to close it: {deferral}"),
        Event::CloseAcknowledged { by, reason } => {
            format!("its close is acknowledged by {by}: {}", first_line(reason))
        }
        Event::ClosureUnproven { deferral } => format!("closed without evidence: {deferral}"),
        _ => return None,
    })
}
