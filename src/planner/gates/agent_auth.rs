//! Gate `agent-auth`: a run that needs an agent whose provider does not let it in is not begun. Somebody has to sign it
//! in, which concerns the agent and not the item: asked once, and then tried by one run before the others.

use crate::domain::ops::Login;

use super::super::because::HeldBecause;
use super::super::context::{Context, ItemView};
use super::super::held::Held;
use super::agent::needed;

pub(crate) fn check(view: &ItemView<'_>, context: &Context<'_>) -> Option<Held> {
    refused(view, context, |agent| context.world.trying.contains(agent))
}

/// The hold by the first agent that is refused, or doubtful while another run is `trying` it.
pub(crate) fn refused(
    view: &ItemView<'_>,
    context: &Context<'_>,
    trying: impl Fn(&str) -> bool,
) -> Option<Held> {
    needed(view, context).into_iter().find_map(|agent| {
        let (agent, name) = (agent.to_owned(), agent);
        match context.world.ops.logins.get(name)? {
            Login::Refused { message, .. } => {
                let remedy = format!("enact-factory agent {name} ok");
                let why = message.clone();
                let because = HeldBecause::AgentRefused { agent, why, trying: false };
                Some(Held::new(because).released_by(remedy))
            }
            Login::Unproven { message, .. } if trying(name) => {
                let why = message.clone();
                Some(Held::new(HeldBecause::AgentRefused { agent, why, trying: true }))
            }
            Login::Unproven { .. } | Login::Proven { .. } => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use crate::domain::ops::Login;

    use super::super::super::fixtures::{
        NOW, ask, chosen, gates_of, item, plan_now, policy, record, world,
    };
    use super::super::super::held::GateName;
    use super::check;

    fn unproven() -> Login {
        Login::Unproven { message: "401 invalid key".to_owned(), since: NOW }
    }

    #[test]
    fn a_refused_agent_holds_every_item_that_needs_it_and_says_what_to_do() {
        let coder_only = item("DEMO-2", |record| record.item.overrides.coder_only = true);
        let mut world = world([record("DEMO-1"), coder_only]);
        assert_eq!(ask(check, &world, &policy(), "DEMO-1"), None);
        let message = "401 invalid key".to_owned();
        world.ops.logins.insert("critic".to_owned(), Login::Refused { message, since: NOW });
        let held = ask(check, &world, &policy(), "DEMO-1").unwrap();
        assert_eq!(held.reason, "agent critic is not let in, sign it in: 401 invalid key");
        assert_eq!(held.released_by.as_deref(), Some("enact-factory agent critic ok"));
        assert_eq!(held.until, None);
        assert_eq!(ask(check, &world, &policy(), "DEMO-2"), None);
    }

    #[test]
    fn one_run_tries_a_doubtful_agent_before_the_others() {
        let mut world = world([record("DEMO-1"), record("DEMO-2"), record("DEMO-3")]);
        world.ops.logins.insert("coder".to_owned(), unproven());
        let mut policy = policy();
        policy.slots.global = 9;
        policy.slots.per_project = 9;
        let planned = plan_now(&world, &policy);
        assert_eq!(chosen(&planned).len(), 1);
        assert_eq!(gates_of(&planned, "DEMO-3"), [GateName::AgentAuth]);
        world.trying.insert("coder".to_owned());
        assert_eq!(chosen(&plan_now(&world, &policy)).len(), 0);
        let held = ask(check, &world, &policy, "DEMO-1").unwrap();
        let text = "agent coder was not let in, another run tries it: 401 invalid key";
        assert_eq!((held.reason.as_str(), held.released_by), (text, None));
        world.ops.logins.insert("coder".to_owned(), Login::Proven { since: NOW });
        assert_eq!(chosen(&plan_now(&world, &policy)).len(), 3);
    }
}
