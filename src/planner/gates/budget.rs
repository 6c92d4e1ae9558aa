//! Gate `budget`: an item that used up one of its lifetime ceilings is not tried again before a person says so.

use super::super::because::HeldBecause;
use super::super::budget_use::{BudgetUse, of_item};
use super::super::context::{Context, ItemView};
use super::super::held::Held;

pub(crate) fn check(view: &ItemView<'_>, context: &Context<'_>) -> Option<Held> {
    let used: Vec<BudgetUse> = of_item(&view.record.spend, &context.policy.item_budget)
        .into_iter()
        .filter(BudgetUse::is_used_up)
        .collect();
    (!used.is_empty())
        .then(|| Held::new(HeldBecause::BudgetUsedUp { used }).released_by(view.command("retry")))
}
