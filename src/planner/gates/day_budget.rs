//! Gate `day-budget`: when the tokens or the money of the UTC day are spent, nothing is started before the next one.

use crate::domain::time::Timestamp;

use super::super::because::HeldBecause;
use super::super::budget_use::{BudgetUse, of_day};
use super::super::context::{Context, ItemView};
use super::super::held::Held;

const DAY_MS: i64 = 86_400_000;

pub(crate) fn check(_view: &ItemView<'_>, context: &Context<'_>) -> Option<Held> {
    let used: Vec<BudgetUse> = of_day(&context.world.spent_today, &context.policy.day_budget)
        .into_iter()
        .filter(BudgetUse::is_used_up)
        .collect();
    if used.is_empty() {
        return None;
    }
    let next_day = context.now.utc_day().saturating_add(1).saturating_mul(DAY_MS);
    Some(Held::new(HeldBecause::DayBudgetUsedUp { used }).until(Some(Timestamp(next_day))))
}
