//! An item that is divided into parts.

use super::{CreatedPart, Epic, Event, ItemRecord, ItemStatus, Outcome, Timestamp};

impl ItemRecord {
    /// Takes one event about parts into account. Total.
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
                    created: std::collections::BTreeMap::new(),
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
