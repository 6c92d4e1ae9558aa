//! What dividing an item does to its record.

use std::collections::BTreeMap;

use super::{Event, ItemRecord, ItemStatus, Timestamp};
use crate::domain::epic::{CreatedPart, Epic};
use crate::domain::run::Outcome;

impl ItemRecord {
    /// Takes one event about its parts into account. Total.
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
            Event::ApprovalGiven { .. } => {
                if let Some(epic) = &mut self.epic {
                    epic.agreed = epic.agreed.or(Some(at));
                }
            }
            // What was finished with its parts is not finished by them once more.
            Event::ItemReopened { .. } if self.status == ItemStatus::Done => self.epic = None,
            _ => {}
        }
    }
}
