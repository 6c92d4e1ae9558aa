//! Gate `agent-budget`: a run that needs an agent whose usage window its provider has closed, or which has used up its
//! budget of the rolling window, is not begun before that reopens.

use super::super::because::HeldBecause;
use super::super::context::{Context, ItemView};
use super::super::held::Held;
use super::agent::needed;

pub(crate) fn check(view: &ItemView<'_>, context: &Context<'_>) -> Option<Held> {
    let allowance = context.allowance();
    needed(view, context).into_iter().find_map(|agent| {
        closed(agent, view, context).or_else(|| allowance.of_agent(agent).map(Held::spent))
    })
}

fn closed(agent: &str, view: &ItemView<'_>, context: &Context<'_>) -> Option<Held> {
    let window = context.world.closed_windows.get(agent)?;
    let (agent, why) = (agent.to_owned(), window.message.clone());
    let held = Held::new(HeldBecause::WindowClosed { agent, why })
        .until(Some(window.until))
        .released_by(view.command("retry"));
    (window.until > context.now).then_some(held)
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
