use crate::domain::budget::WindowBudget;
use crate::domain::budget::ledger::Spending;
use crate::domain::ids::ProjectId;
use crate::domain::ops::Login;

use super::super::fixtures::{NOW, agent, ask, minutes, policy, record, stage, usage, world};
use super::super::gates::agent::check as agent_gate;
use super::super::gates::agent_auth::check as auth_gate;
use super::super::gates::agent_budget::check as budget_gate;
use super::super::plan::plan;
use super::super::world::World;
use super::*;

/// Coder and critic of `claude`, which both follow the default; `codex` and `cursor` are there, too.
fn rules() -> Policy {
    let mut policy = policy();
    let names = ["claude", "codex", "cursor"];
    policy.agents = names.map(|name| (name.to_owned(), agent())).into();
    "claude".clone_into(&mut policy.default_agent);
    policy.stages.coder = stage("claude");
    policy.stages.critic = Some(stage("claude"));
    policy
}

fn failing_over(to: &[&str]) -> Policy {
    let mut policy = rules();
    let claude = policy.agents.get_mut("claude").unwrap();
    claude.failover = to.iter().map(|name| (*name).to_owned()).collect();
    policy
}

fn chosen(name: &str) -> ProviderChoice {
    ProviderChoice { agent: name.to_owned(), by: "human:cli:ann".to_owned() }
}

fn close(world: &mut World, name: &str, until: Timestamp) {
    let message = "5-hour limit reached".to_owned();
    world.closed_windows.insert(name.to_owned(), ClosedWindow { until, message });
}

fn staffing<'a>(world: &'a World, policy: &'a Policy) -> Staffing<'a> {
    Staffing {
        policy,
        provider: world.ops.provider.as_ref(),
        closed_windows: &world.closed_windows,
        not_let_in: world.ops.refused().collect(),
        unavailable: &world.unavailable_agents,
        spent: &world.spent,
        now: NOW,
    }
}

/// Who does the next turn of a stage, and why, in words.
fn who(world: &World, policy: &Policy, stage: Stage) -> String {
    let assigned = staffing(world, policy).assigned(stage, policy.stages.of(stage).unwrap());
    match assigned.switch {
        Some(switch) => switch.to_string(),
        None => assigned.agent.to_owned(),
    }
}

#[test]
fn stages_without_an_agent_of_their_own_follow_the_chosen_provider_and_the_others_do_not() {
    let (mut policy, mut world) = (rules(), world([]));
    assert_eq!(who(&world, &policy, Stage::Coder), "claude");
    world.ops.provider = Some(chosen("codex"));
    let text = "codex instead of claude: human:cli:ann made it the default provider";
    assert_eq!(who(&world, &policy, Stage::Coder), text);
    policy.stages.coder.follows_default = false;
    assert_eq!(who(&world, &policy, Stage::Coder), "claude");
    assert_eq!(who(&world, &policy, Stage::Critic), text);
    world.ops.provider = Some(chosen("claude"));
    assert_eq!(who(&world, &policy, Stage::Critic), "claude");
}

#[test]
fn a_chosen_provider_that_may_not_judge_leaves_the_judging_to_the_configured_one() {
    let (mut policy, mut world) = (rules(), world([]));
    world.ops.provider = Some(chosen("codex"));
    policy.agents.get_mut("codex").unwrap().unfit_to_judge = Some("it writes".to_owned());
    assert_eq!(who(&world, &policy, Stage::Critic), "claude");
    assert!(who(&world, &policy, Stage::Coder).starts_with("codex"));
}

#[test]
fn a_chosen_provider_that_is_no_longer_configured_does_not_count_and_that_is_said() {
    let (mut policy, mut world) = (rules(), world([]));
    world.ops.provider = Some(chosen("codex"));
    assert_eq!(staffing(&world, &policy).void_choice(), None);
    policy.agents.remove("codex");
    assert_eq!(who(&world, &policy, Stage::Coder), "claude");
    let said = staffing(&world, &policy).void_choice().unwrap();
    assert!(said.contains("no such agent is configured any more: claude is again"), "{said}");
}

#[test]
fn the_gates_ask_the_chosen_provider_and_not_the_configured_one() {
    let (policy, mut world) = (rules(), world([record("DEMO-1")]));
    world.unavailable_agents.insert("claude".to_owned(), "not installed".to_owned());
    close(&mut world, "claude", minutes(30));
    assert!(ask(agent_gate, &world, &policy, "DEMO-1").is_some());
    assert!(ask(budget_gate, &world, &policy, "DEMO-1").is_some());
    world.ops.provider = Some(chosen("codex"));
    assert_eq!(ask(agent_gate, &world, &policy, "DEMO-1"), None);
    assert_eq!(ask(budget_gate, &world, &policy, "DEMO-1"), None);
    close(&mut world, "codex", minutes(10));
    let held = ask(budget_gate, &world, &policy, "DEMO-1").unwrap();
    assert_eq!(held.reason, "the usage window of agent codex is closed: 5-hour limit reached");
    assert_eq!(held.until, Some(minutes(10)));
}

#[test]
fn the_slots_are_those_of_the_chosen_provider() {
    let (mut policy, mut world) = (rules(), world([record("DEMO-1"), record("DEMO-2")]));
    policy.slots.per_agent = [("codex".to_owned(), 1)].into();
    let starts = |world: &World| plan(world, &policy, NOW).plan.actions.len();
    assert_eq!(starts(&world), 2);
    world.ops.provider = Some(chosen("codex"));
    assert_eq!(starts(&world), 1);
}

#[test]
fn without_failover_a_closed_window_is_waited_for() {
    let (policy, mut world) = (rules(), world([record("DEMO-1")]));
    close(&mut world, "claude", minutes(30));
    assert_eq!(who(&world, &policy, Stage::Coder), "claude");
    let held = ask(budget_gate, &world, &policy, "DEMO-1").unwrap();
    assert_eq!(held.until, Some(minutes(30)));
}

#[test]
fn the_first_that_can_work_stands_in_until_the_window_reopens() {
    let (mut policy, mut world) = (failing_over(&["codex", "cursor"]), world([record("DEMO-1")]));
    assert_eq!(who(&world, &policy, Stage::Coder), "claude");
    close(&mut world, "claude", minutes(30));
    let text = format!(
        "stands in for claude until {}: the usage window of agent claude is closed: 5-hour limit reached",
        minutes(30)
    );
    assert_eq!(who(&world, &policy, Stage::Coder), format!("codex {text}"));
    assert_eq!(ask(budget_gate, &world, &policy, "DEMO-1"), None);
    // Not there; closed itself; nobody left, and never whoever stands in for codex.
    world.unavailable_agents.insert("codex".to_owned(), "not installed".to_owned());
    assert_eq!(who(&world, &policy, Stage::Coder), format!("cursor {text}"));
    world.unavailable_agents.clear();
    close(&mut world, "codex", minutes(5));
    assert_eq!(who(&world, &policy, Stage::Coder), format!("cursor {text}"));
    policy.agents.get_mut("claude").unwrap().failover.pop();
    policy.agents.get_mut("codex").unwrap().failover = vec!["cursor".to_owned()];
    assert_eq!(who(&world, &policy, Stage::Coder), "claude");
    assert!(ask(budget_gate, &world, &policy, "DEMO-1").is_some());
    close(&mut world, "claude", NOW);
    assert_eq!(who(&world, &policy, Stage::Coder), "claude");
}

#[test]
fn when_everybody_is_closed_the_first_to_reopen_is_waited_for() {
    let (policy, mut world) = (failing_over(&["codex", "cursor"]), world([record("DEMO-1")]));
    close(&mut world, "claude", minutes(90));
    close(&mut world, "codex", minutes(30));
    close(&mut world, "cursor", minutes(60));
    let held = ask(budget_gate, &world, &policy, "DEMO-1").unwrap();
    assert_eq!(held.until, Some(minutes(30)));
    assert!(held.reason.starts_with("the usage window of agent claude"), "{}", held.reason);
    // Whoever is not there is not waited for.
    world.unavailable_agents.insert("codex".to_owned(), "not installed".to_owned());
    let held = ask(budget_gate, &world, &policy, "DEMO-1").unwrap();
    assert_eq!(held.until, Some(minutes(60)));
}

#[test]
fn whoever_may_not_judge_does_not_stand_in_for_a_judge() {
    let (mut policy, mut world) = (failing_over(&["codex", "cursor"]), world([]));
    close(&mut world, "claude", minutes(30));
    policy.agents.get_mut("codex").unwrap().unfit_to_judge = Some("it writes".to_owned());
    assert!(who(&world, &policy, Stage::Critic).starts_with("cursor stands in"));
    assert!(who(&world, &policy, Stage::Coder).starts_with("codex stands in"));
}

#[test]
fn a_budget_of_the_window_that_is_used_up_is_a_closed_window_too() {
    let (mut policy, mut world) = (failing_over(&["codex"]), world([]));
    policy.window_budget = WindowBudget { tokens: Some(1_000), ..WindowBudget::default() };
    let spent = |agent: &str| Spending {
        at: minutes(-60),
        project: ProjectId::new("demo"),
        agent: agent.to_owned(),
        usage: usage(1_200, 0),
    };
    world.spent = Ledger::new(vec![spent("claude")]);
    assert!(who(&world, &policy, Stage::Coder).starts_with("codex stands in for claude until"));
    world.spent = Ledger::new(vec![spent("claude"), spent("codex")]);
    assert_eq!(who(&world, &policy, Stage::Coder), "claude");
}

#[test]
fn somebody_stands_in_for_an_agent_that_is_not_let_in_until_it_is_tried_again() {
    let (policy, mut world) = (failing_over(&["codex"]), world([record("DEMO-1")]));
    let message = "401 invalid key".to_owned();
    let refused = Login::Refused { message: message.clone(), since: NOW };
    world.ops.logins.insert("claude".to_owned(), refused);
    let text = "codex stands in for claude: agent claude is not let in: 401 invalid key";
    assert_eq!(who(&world, &policy, Stage::Coder), text);
    assert_eq!(ask(auth_gate, &world, &policy, "DEMO-1"), None);
    world.ops.logins.insert("claude".to_owned(), Login::Unproven { message, since: NOW });
    assert_eq!(who(&world, &policy, Stage::Coder), "claude");
}

#[test]
fn somebody_stands_in_for_the_chosen_provider_by_its_own_list() {
    let (mut policy, mut world) = (failing_over(&["cursor"]), world([]));
    policy.agents.get_mut("codex").unwrap().failover = vec!["claude".to_owned()];
    world.ops.provider = Some(chosen("codex"));
    close(&mut world, "codex", minutes(30));
    assert!(who(&world, &policy, Stage::Coder).starts_with("claude stands in for codex"));
}

#[test]
fn only_what_changes_goes_on_record() {
    let (policy, mut world) = (failing_over(&["codex"]), world([]));
    let plan = &policy.stages.coder;
    let change = |world: &World, recorded: Option<&AgentSwitch>| {
        let staffing = staffing(world, &policy);
        staffing.change(recorded, &staffing.assigned(Stage::Coder, plan))
    };
    assert_eq!(change(&world, None), None);
    close(&mut world, "claude", minutes(30));
    let standing_in = change(&world, None).unwrap();
    assert_eq!(standing_in.to, "codex");
    assert_eq!(change(&world, Some(&standing_in)), None);
    world.closed_windows.clear();
    let back = change(&world, Some(&standing_in)).unwrap();
    assert_eq!((back.from.as_str(), back.to.as_str()), ("codex", "claude"));
    assert_eq!(back.reason, SwitchReason::Own {});
}
