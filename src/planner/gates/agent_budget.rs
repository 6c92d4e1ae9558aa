//! Gate `agent-budget`: a run that needs an agent which has used up its budget of the rolling window is not begun before
//! enough of that lies behind the window.

use super::super::context::{Context, ItemView};
use super::super::held::Held;
use super::agent::needed;

pub(crate) fn check(view: &ItemView<'_>, context: &Context<'_>) -> Option<Held> {
    let allowance = context.allowance();
    let mut agents = needed(view, context.policy).into_iter();
    agents.find_map(|agent| allowance.of_agent(agent)).map(Held::spent)
}

#[cfg(test)]
mod tests {
    use crate::domain::budget::WindowBudget;
    use crate::domain::budget::ledger::{Ledger, Spending};
    use crate::domain::ids::ProjectId;

    use super::super::super::fixtures::{ask, item, minutes, policy, record, usage, world};
    use super::check;

    #[test]
    fn an_agent_that_has_used_its_window_up_is_waited_for() {
        let coder_only = item("DEMO-2", |record| record.item.overrides.coder_only = true);
        let mut world = world([record("DEMO-1"), coder_only]);
        let spent = |ago: i64, agent: &str| Spending {
            at: minutes(-ago),
            project: ProjectId::new("demo"),
            agent: agent.to_owned(),
            usage: usage(600, 0),
        };
        let spendings = vec![spent(240, "critic"), spent(60, "critic"), spent(400, "coder")];
        world.spent = Ledger::new(spendings);
        let mut policy = policy();
        policy.window_budget = WindowBudget { tokens: Some(1_000), ..WindowBudget::default() };
        let held = ask(check, &world, &policy, "DEMO-1").unwrap();
        let text = "the budget of agent critic for 5 hours is used up: 1200 of 1000 tokens";
        assert_eq!(held.reason, text);
        let reopens = held.until.unwrap();
        assert!(reopens > minutes(60) && reopens < minutes(61), "{reopens}");
        assert_eq!(ask(check, &world, &policy, "DEMO-2"), None);
        policy.window_budget.tokens = None;
        assert_eq!(ask(check, &world, &policy, "DEMO-1"), None);
    }
}
