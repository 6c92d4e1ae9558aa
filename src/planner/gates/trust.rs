//! Gate `trust`: no agent reads the text of an author who is not trusted before a person has approved.

use crate::domain::item_record::{Approval, ItemRecord};
use crate::domain::work_item::Trust;

use super::super::because::{HeldBecause, MissingApproval};
use super::super::context::{Context, ItemView};
use super::super::held::Held;

pub(crate) fn check(view: &ItemView<'_>, context: &Context<'_>) -> Option<Held> {
    if view.is_one_off() {
        return None;
    }
    match view.record.item.trust {
        Trust::Trusted => None,
        Trust::Untrusted => {
            let approval = missing_approval(view.record, context)?;
            let author = view.record.item.author.clone();
            let held = Held::new(HeldBecause::Untrusted { author, approval });
            Some(held.released_by(view.command("approve")))
        }
    }
}

/// What is missing for an approval; nothing when it was given.
pub(crate) fn missing_approval(
    record: &ItemRecord,
    context: &Context<'_>,
) -> Option<MissingApproval> {
    match &record.approval {
        Approval::Given { .. } => None,
        Approval::NotRequested => Some(MissingApproval::NotAsked),
        Approval::Requested { expires, .. } if *expires <= context.now => {
            Some(MissingApproval::Lapsed { at: *expires })
        }
        Approval::Requested { expires, .. } => Some(MissingApproval::Asked { expires: *expires }),
        Approval::Refused { by, .. } => Some(MissingApproval::Refused { by: by.clone() }),
        Approval::Expired { at } => Some(MissingApproval::Lapsed { at: *at }),
    }
}
