//! Gate `day-budget`: when the tokens or the money of the UTC day are spent, nothing is started before the next one.

use super::super::context::{Context, ItemView};
use super::super::held::Held;

pub(crate) fn check(_view: &ItemView<'_>, context: &Context<'_>) -> Option<Held> {
    context.allowance().of_day().map(Held::spent)
}

#[cfg(test)]
mod tests {
    use crate::domain::budget::DayBudget;

    use super::super::super::fixtures::{ask, at, policy, record, spent_today, usage, world};
    use super::check;

    #[test]
    fn a_spent_day_ends_at_the_next_utc_midnight() {
        let mut world = world([record("DEMO-1"), record("cli/one")]);
        world.spent = spent_today(usage(1_000, 5));
        for (tokens, dollars, expected) in [
            (None, None, None),
            (Some(1_001), Some(6), None),
            (Some(1_000), None, Some("1000 of 1000 tokens")),
            (None, Some(5), Some("$5.00 of $5.00")),
            (Some(10), Some(4), Some("1000 of 10 tokens, $5.00 of $4.00")),
        ] {
            let mut policy = policy();
            let cost_micro_usd = dollars.map(|dollars: u64| dollars * 1_000_000);
            policy.day_budget = DayBudget { tokens, cost_micro_usd };
            for name in ["DEMO-1", "cli/one"] {
                let held = ask(check, &world, &policy, name);
                let until = held.as_ref().and_then(|held| held.until);
                assert_eq!(until, expected.map(|_| at("2026-03-05T00:00:00Z")));
                let text = expected.map(|text| format!("the budget of the day is used up: {text}"));
                assert_eq!(held.map(|held| held.reason), text);
            }
        }
    }
}
