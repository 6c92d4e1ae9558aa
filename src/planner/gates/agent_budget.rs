//! Gate `agent-budget`: a run that needs an agent whose usage window its provider has closed, or which has used up its
//! budget of the rolling window, is not begun before that reopens.

use super::super::because::HeldBecause;
use super::super::context::{Context, ItemView};
use super::super::held::Held;
use super::super::staffing::Obstacle;
use super::agent::by_stage;

pub(crate) fn check(view: &ItemView<'_>, context: &Context<'_>) -> Option<Held> {
    let staffing = context.staffing();
    by_stage(view, context).find_map(|(stage, agent)| {
        let held = match staffing.obstacle(agent)? {
            // Another gate says that.
            Obstacle::Refused { .. } => return None,
            Obstacle::Closed { agent, window } => {
                let because = HeldBecause::WindowClosed { agent, why: window.message };
                Held::new(because).released_by(view.command("retry"))
            }
            Obstacle::Spent(budget) => Held::spent(budget),
        };
        // Whoever may stand in for it can be the first who is able to.
        Some(held.until(staffing.reopens(stage, agent)))
    })
}

#[cfg(test)]
mod tests {
    use crate::domain::budget::WindowBudget;
    use crate::domain::budget::ledger::{Ledger, Spending};
    use crate::domain::ids::ProjectId;

    use super::super::super::fixtures::{ask, item, minutes, policy, record, usage, world};
    use super::super::super::world::ClosedWindow;
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

    #[test]
    fn an_agent_whose_provider_has_closed_the_window_is_waited_for() {
        let mut world = world([record("DEMO-1")]);
        let close = |until| {
            let message = "5-hour limit reached".to_owned();
            [("coder".to_owned(), ClosedWindow { until, message })].into()
        };
        world.closed_windows = close(minutes(30));
        let held = ask(check, &world, &policy(), "DEMO-1").unwrap();
        assert_eq!(held.reason, "the usage window of agent coder is closed: 5-hour limit reached");
        assert_eq!(held.until, Some(minutes(30)));
        world.closed_windows = close(minutes(0));
        assert_eq!(ask(check, &world, &policy(), "DEMO-1"), None);
    }
}
