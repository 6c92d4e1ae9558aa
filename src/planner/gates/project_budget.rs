//! Gate `project-budget`: when the tokens or the money of the project's UTC day are spent, nothing is started on it before
//! the next one.

use super::super::context::{Context, ItemView};
use super::super::held::Held;

pub(crate) fn check(view: &ItemView<'_>, context: &Context<'_>) -> Option<Held> {
    context.allowance().of_project(&view.project?.id).map(Held::spent)
}

#[cfg(test)]
mod tests {
    use crate::domain::budget::DayBudget;

    use super::super::super::fixtures::{
        ask, at, item_of, policy, project_mut, record, spent_today, usage, world,
    };
    use super::check;

    #[test]
    fn a_project_that_has_spent_its_day_waits_for_the_next_and_the_others_do_not() {
        let mut world = world([record("DEMO-1"), item_of("alpha", "A-1")]);
        world.spent = spent_today(usage(1_000, 5));
        let mut policy = policy();
        project_mut(&mut policy, "demo").day_budget =
            DayBudget { tokens: Some(1_000), cost_micro_usd: None };
        project_mut(&mut policy, "alpha").day_budget =
            DayBudget { tokens: Some(1), cost_micro_usd: None };
        let held = ask(check, &world, &policy, "DEMO-1").unwrap();
        let text = "the budget of the day of project demo is used up: 1000 of 1000 tokens";
        assert_eq!(held.reason, text);
        assert_eq!(held.until, Some(at("2026-03-05T00:00:00Z")));
        assert_eq!(ask(check, &world, &policy, "A-1"), None);
        project_mut(&mut policy, "demo").day_budget.tokens = Some(1_001);
        assert_eq!(ask(check, &world, &policy, "DEMO-1"), None);
    }
}
