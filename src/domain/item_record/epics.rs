//! What an item knows of its parts.

use std::collections::BTreeMap;

use super::{ItemRecord, ItemStatus};
use crate::domain::epic::{CreatedPart, Epic};
use crate::domain::event::Event;
use crate::domain::run::Outcome;
use crate::domain::time::Timestamp;

impl ItemRecord {
    /// It was divided, was found whole, or has another part.
    pub(super) fn evolve_epic(&mut self, event: &Event, at: Timestamp) {
        match event {
            Event::ItemDecomposed { run, reason, parts, approval } => {
                self.status = ItemStatus::Pending;
                self.leave_run(&Outcome::Succeeded);
                self.epic = Some(Epic {
                    run: *run,
                    reason: reason.clone(),
                    parts: parts.clone(),
                    agreed: (!approval).then_some(at),
                    created: BTreeMap::new(),
                });
            }
            Event::ItemKeptWhole { reason, .. } => self.whole = Some(reason.clone()),
            Event::PartCreated { number, item } => {
                if let Some(epic) = &mut self.epic {
                    epic.created.insert(*number, CreatedPart { item: item.clone(), at });
                }
            }
            _ => {}
        }
    }
}
