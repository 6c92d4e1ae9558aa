//! Gate `agent`: a run that could not get past its first stage, or could not be reviewed, is not begun.

use crate::domain::agent::Stage;

use super::super::because::HeldBecause;
use super::super::context::{Context, ItemView};
use super::super::division::{Division, decide};
use super::super::held::Held;

pub(crate) fn check(view: &ItemView<'_>, context: &Context<'_>) -> Option<Held> {
    needed(view, context).into_iter().find_map(|agent| {
        let why = context.world.unavailable_agents.get(agent)?.clone();
        let because = HeldBecause::AgentUnavailable { agent: agent.to_owned(), why };
        Some(Held::new(because).released_by("enact-factory doctor"))
    })
}

/// Names of the agents a run of the item would use now, each once, in the order of the stages.
pub(crate) fn needed<'a>(view: &ItemView<'a>, context: &Context<'a>) -> Vec<&'a str> {
    let mut agents: Vec<&str> = Vec::new();
    for (_, agent) in by_stage(view, context) {
        if !agents.contains(&agent) {
            agents.push(agent);
        }
    }
    agents
}

/// The agent of each stage that a run of the item would have now, in the order of the stages.
pub(super) fn by_stage<'a>(
    view: &ItemView<'a>,
    context: &Context<'a>,
) -> impl Iterator<Item = (Stage, &'a str)> {
    let policy = context.policy;
    let project = policy.project_of(view.record.item.project.as_ref());
    let stages = policy.stages_in(project);
    let coder_only = view.record.item.overrides.coder_only;
    let staffing = context.staffing();
    let wanted = Stage::ALL.into_iter().filter(move |it| !coder_only || *it == Stage::Coder);
    let planner = may_be_divided(view, context).then_some(&policy.division.stage);
    wanted.filter_map(move |stage| {
        let plan = if stage == Stage::Planner { planner } else { stages.of(stage) };
        Some((stage, staffing.assigned(stage, plan?).agent))
    })
}

/// Whether a run of the item would begin with a planner.
fn may_be_divided(view: &ItemView<'_>, context: &Context<'_>) -> bool {
    let (items, rules) = (&context.world.items, &context.policy.division);
    let division = decide(view.record, items, rules, context.parts_today, context.now);
    matches!(division, Division::Divide(_))
}

#[cfg(test)]
mod tests {
    use super::super::super::fixtures::{item, policy, reason, record, world};
    use super::check;

    #[test]
    fn an_item_waits_for_every_agent_it_needs() {
        let coder_only = item("DEMO-2", |record| record.item.overrides.coder_only = true);
        let mut world = world([record("DEMO-1"), coder_only]);
        let why = "not logged in".to_owned();
        world.unavailable_agents.insert("critic".to_owned(), why.clone());
        world.unavailable_agents.insert("unused".to_owned(), why.clone());
        let mut policy = policy();
        let text = "agent critic cannot be used: not logged in";
        assert_eq!(reason(check, &world, &policy, "DEMO-1"), text);
        assert_eq!(reason(check, &world, &policy, "DEMO-2"), "");
        policy.stages.critic = None;
        assert_eq!(reason(check, &world, &policy, "DEMO-1"), "");
        world.unavailable_agents.insert("coder".to_owned(), why);
        let text = "agent coder cannot be used: not logged in";
        assert_eq!(reason(check, &world, &policy, "DEMO-2"), text);
    }
}
