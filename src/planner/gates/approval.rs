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

#[cfg(test)]
mod tests {
    use crate::domain::item_record::Approval;

    use super::super::super::fixtures::{
        item, item_of, minutes, policy, project_mut, reason, record, world,
    };
    use super::check;

    #[test]
    fn a_project_may_require_approval_or_waive_it() {
        let world = world([record("DEMO-1"), item_of("alpha", "A-1"), record("cli/one")]);
        let needed = "needs approval; nobody has been asked to approve it yet";
        let mut policy = policy();
        project_mut(&mut policy, "alpha").approval_required = Some(true);
        assert_eq!(reason(check, &world, &policy, "DEMO-1"), "");
        assert_eq!(reason(check, &world, &policy, "A-1"), needed);
        policy.approval.required = true;
        project_mut(&mut policy, "alpha").approval_required = Some(false);
        assert_eq!(reason(check, &world, &policy, "DEMO-1"), needed);
        assert_eq!(reason(check, &world, &policy, "A-1"), "");
        assert_eq!(reason(check, &world, &policy, "cli/one"), "");
    }

    #[test]
    fn a_given_approval_lets_it_go() {
        let given = Approval::Given { by: "ann".to_owned(), at: minutes(-5) };
        let world = world([item("DEMO-1", |record| record.approval = given)]);
        let mut policy = policy();
        policy.approval.required = true;
        assert_eq!(reason(check, &world, &policy, "DEMO-1"), "");
    }
}
