//! Approvals to start, and what voids them.

use super::{Approval, ItemRecord};
use crate::domain::event::Event;
use crate::domain::time::Timestamp;
use crate::domain::work_item::{Trust, WorkItem};

impl ItemRecord {
    pub(super) fn evolve_approval(&mut self, event: &Event, at: Timestamp) {
        match event {
            Event::ApprovalRequested { expires } => {
                self.approval = Approval::Requested { at, expires: *expires };
            }
            Event::ApprovalGiven { by } => self.approval = Approval::Given { by: by.clone(), at },
            Event::ApprovalRefused { by } => {
                self.approval = Approval::Refused { by: by.clone(), at };
            }
            Event::ApprovalExpired {} => self.approval = Approval::Expired { at },
            _ => {}
        }
    }

    /// An approval was given to a text: when a stranger's text changes, people have to be asked again.
    pub(super) fn void_approval_of(&mut self, changed: &WorkItem) {
        let same_task = self.item.title == changed.title
            && self.item.body == changed.body
            && self.item.project == changed.project;
        if changed.trust == Trust::Untrusted && !same_task {
            self.approval = Approval::NotRequested;
        }
    }
}
