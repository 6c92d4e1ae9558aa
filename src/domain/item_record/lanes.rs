//! What operator lanes and the guard before a close do to an item's record.

use super::{Event, HumanReason, HumanRequest, ItemRecord, ItemStatus, Timestamp};
use crate::domain::closing::Closing;
use crate::domain::lane_session::{LaneProposal, LaneSession};

impl ItemRecord {
    /// Takes one event about lanes or closing into account. Total.
    pub(super) fn evolve_lane(&mut self, event: &Event, at: Timestamp) {
        match event {
            Event::LaneProposed { lane } => {
                self.proposal = Some(LaneProposal { lane: *lane, since: at });
            }
            Event::LaneStarted { lane, by } => {
                self.proposal = None;
                match self.session.as_mut().filter(|it| it.lane == *lane && it.is_linked()) {
                    Some(session) => session.evolve(event, at),
                    None => self.session = Some(LaneSession::begun(*lane, by, at)),
                }
            }
            Event::LaneUnlinked { .. } => self.session = None,
            Event::CloseDeferred { deferral } => {
                let question = format!(
                    "{deferral}: `enact-factory acknowledge-close {} --reason \"<text>\"` closes it",
                    self.item.id.identifier()
                );
                let reason = HumanReason::CloseDeferred;
                self.status = ItemStatus::WaitingHuman;
                self.human = Some(HumanRequest { reason, question, since: at });
                self.closing = Closing::Deferred { deferral: deferral.clone(), since: at };
            }
            Event::ClosureUnproven { deferral } => {
                self.closing = Closing::Unproven { deferral: deferral.clone(), since: at };
            }
            Event::CloseAcknowledged { by, reason } => {
                let (by, reason) = (by.clone(), reason.clone());
                self.closing = Closing::Acknowledged { by, reason, at };
                self.evolve_session(event, at);
            }
            _ => self.evolve_session(event, at),
        }
    }

    fn evolve_session(&mut self, event: &Event, at: Timestamp) {
        if let Some(session) = &mut self.session {
            session.evolve(event, at);
        }
    }
}

#[cfg(test)]
mod tests;
