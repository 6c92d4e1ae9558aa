//! Gate `human`: an item that waits for a person stays until that person has acted.

use crate::domain::item_record::ItemStatus;

use super::super::because::HeldBecause;
use super::super::context::{Context, ItemView};
use super::super::held::Held;

pub(crate) fn check(view: &ItemView<'_>, _context: &Context<'_>) -> Option<Held> {
    (view.record.status == ItemStatus::WaitingHuman).then(|| {
        Held::new(HeldBecause::WaitsForHuman { request: view.record.human.clone() })
            .released_by(view.command("retry"))
    })
}
