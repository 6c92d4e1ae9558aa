//! Who has the item, and into what it is divided: what a run knows beside its own work.

use super::{Division, RunState};
use crate::domain::event::Event;

impl RunState {
    /// Its item was taken, or left to somebody else.
    pub(super) fn note_lease(&mut self, event: &Event) {
        match event {
            Event::RunLeased { lease } => self.lease = Some(*lease),
            Event::RunYielded { rival } => self.rival = Some(rival.clone()),
            _ => {}
        }
    }

    /// The planner has answered.
    pub(super) fn divide(&mut self, event: &Event) {
        match event {
            Event::DivisionSubmitted { reason, parts, .. } => {
                self.division = Some(Division { reason: reason.clone(), parts: parts.clone() });
            }
            Event::DivisionRefused { reason, .. } => self.refused_divisions.push(reason.clone()),
            _ => {}
        }
    }
}
