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

#[cfg(test)]
mod tests {
    use crate::domain::budget::{ItemBudget, ItemSpend};

    use super::super::super::fixtures::{ask, item, policy, usage, world};
    use super::check;

    #[test]
    fn any_ceiling_that_is_reached_holds() {
        let spend = ItemSpend { attempts: 3, turns: 9, wall_ms: 600_000, usage: usage(5_000, 2) };
        let world = world([item("DEMO-1", |record| record.spend = spend)]);
        let none = ItemBudget::default();
        for (budget, expected) in [
            (none, None),
            (ItemBudget { attempts: Some(4), ..none }, None),
            (ItemBudget { attempts: Some(3), ..none }, Some("3 of 3 attempts")),
            (ItemBudget { turns: Some(10), ..none }, None),
            (ItemBudget { turns: Some(8), ..none }, Some("9 of 8 turns")),
            (ItemBudget { tokens: Some(5_001), ..none }, None),
            (ItemBudget { tokens: Some(5_000), ..none }, Some("5000 of 5000 tokens")),
            (ItemBudget { cost_micro_usd: Some(2_000_001), ..none }, None),
            (ItemBudget { cost_micro_usd: Some(1_500_000), ..none }, Some("$2.00 of $1.50")),
            (ItemBudget { wall_ms: Some(600_001), ..none }, None),
            (ItemBudget { wall_ms: Some(300_000), ..none }, Some("10 of 5 agent minutes")),
        ] {
            let mut policy = policy();
            policy.item_budget = budget;
            let held = ask(check, &world, &policy, "DEMO-1");
            let expected = expected.map(|text| format!("its budget is used up: {text}"));
            assert_eq!(held.map(|held| held.reason), expected);
        }
    }
}
