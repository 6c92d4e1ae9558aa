//! Gate `approval`: where the operator wants to approve every item, none starts without it.
//!
//! A refused or lapsed request stays as it is: asking again by itself would only wear people down.

use super::super::because::HeldBecause;
use super::super::context::{Context, ItemView};
use super::super::held::Held;
use super::trust::missing_approval;

pub(crate) fn check(view: &ItemView<'_>, context: &Context<'_>) -> Option<Held> {
    let of_project = view.project.and_then(|project| project.approval_required);
    let required = of_project.unwrap_or(context.policy.approval.required);
    if view.is_one_off() || !required {
        return None;
    }
    let approval = missing_approval(view.record, context)?;
    let held = Held::new(HeldBecause::NeedsApproval { approval });
    Some(held.released_by(view.command("approve")))
}
