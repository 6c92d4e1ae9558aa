//! The default provider, changed while runs are under way.

use super::affording::{fails, turns};
use super::*;
use crate::domain::agent::Stage;
use crate::domain::event::Event;
use crate::domain::failure::FailureClass;
use crate::domain::provider::SwitchReason;

const RULES: &str = "[policy]\nagents = [\"other\"]\n";

fn bench(more: &str) -> Bench {
    let mut bench = Bench::new(&format!("{RULES}{more}\n{ONE}"));
    bench.policy.stages.critic = bench.policy.stages.critic.take().map(|mut critic| {
        critic.follows_default = false;
        critic
    });
    let policy = Arc::new(bench.policy.clone());
    bench.give(Input::Reconfigured { policy });
    bench
}

fn set(provider: Option<&str>) -> Command {
    Command::SetProvider { provider: provider.map(str::to_owned) }
}

/// Who does the next turn of A-1, as it is on record.
fn agent(bench: &Bench) -> Option<String> {
    bench.engine.run(bench.run("A-1"))?.agent().map(str::to_owned)
}

#[test]
fn a_run_under_way_takes_the_other_agent_at_its_next_turn_and_that_survives_a_restart() {
    let mut bench = bench("");
    bench.plan();
    bench.start();
    bench.prepared("A-1");
    assert_eq!(turns(&mut bench), ["turn 1 A-1"]);
    bench.anchored("A-1", 1);
    let said = bench.command(set(Some("other")));
    assert!(said.accepted, "{}", said.message);
    assert!(said.message.starts_with("other is the default provider now"), "{}", said.message);
    bench.start();
    assert_eq!(agent(&bench).as_deref(), Some("coder"), "what was begun is ended by who began it");
    bench.restart();
    assert_eq!(bench.engine.status(bench.now).provider.agent, "other");
    fails(&mut bench, "A-1", 1, FailureClass::Infrastructure);
    bench.later(60);
    assert_eq!(turns(&mut bench), ["turn 2 A-1"]);
    bench.anchored("A-1", 2);
    assert_eq!(agent(&bench).as_deref(), Some("other"));
    let state = bench.engine.run(bench.run("A-1")).unwrap();
    let by = "human:cli:ann".to_owned();
    assert_eq!(state.switches[&Stage::Coder].reason, SwitchReason::Provider { by });
    let view = &bench.engine.status(bench.now).runs[0];
    assert_eq!((view.switches[0].from.as_str(), view.switches[0].to.as_str()), ("coder", "other"));
    // The state is the fold of the log, also of what the next daemon makes of it.
    let before = state.clone();
    bench.restart();
    assert_eq!(bench.engine.run(bench.run("A-1")), Some(&before));
}

#[test]
fn the_configurations_own_provider_is_back_with_the_next_turn() {
    let mut bench = bench("");
    bench.command(set(Some("other")));
    bench.plan();
    bench.start();
    bench.prepared("A-1");
    assert_eq!(turns(&mut bench), ["turn 1 A-1"]);
    assert_eq!(agent(&bench).as_deref(), Some("other"));
    bench.anchored("A-1", 1);
    let said = bench.command(set(None));
    assert!(said.message.starts_with("coder is the default provider again"), "{}", said.message);
    fails(&mut bench, "A-1", 1, FailureClass::Infrastructure);
    bench.later(60);
    bench.start();
    assert_eq!(agent(&bench).as_deref(), Some("coder"));
    assert!(bench.engine.status(bench.now).runs[0].switches.is_empty());
}

#[test]
fn whoever_is_not_there_cannot_be_the_default_provider_and_nothing_changes() {
    let mut bench = bench("");
    let head = wait(bench.store.head()).unwrap().gseq;
    for (name, words) in [
        (
            "othr",
            "no agent `othr` is configured; did you mean `other`? (there are coder, critic, other)",
        ),
        ("zzz", "no agent `zzz` is configured (there are coder, critic, other)"),
    ] {
        let said = bench.command(set(Some(name)));
        assert_eq!((said.accepted, said.message.as_str()), (false, words));
    }
    let unavailable = BTreeMap::from([("other".to_owned(), "other is not installed".to_owned())]);
    bench.give(Input::AgentsProbed { unavailable });
    let said = bench.command(set(Some("other")));
    let words = "agent other cannot be used: other is not installed; `enact-factory doctor` says what to do";
    assert_eq!((said.accepted, said.message.as_str()), (false, words));
    let said = crate::domain::ops::Login::Refused { message: "401".to_owned(), since: bench.now };
    bench.give(Input::AgentsProbed { unavailable: BTreeMap::new() });
    bench.engine.ops.logins.insert("other".to_owned(), said);
    let said = bench.command(set(Some("other")));
    let words = "agent other is not let in: 401; sign it in, then `enact-factory agent other ok`";
    assert_eq!((said.accepted, said.message.as_str()), (false, words));
    assert_eq!(wait(bench.store.head()).unwrap().gseq, head);
    assert_eq!(bench.engine.status(bench.now).provider.agent, "coder");
}

#[test]
fn whoever_may_not_judge_is_refused_while_a_judge_follows_the_default() {
    let mut bench = bench("");
    let mut policy = bench.policy.clone();
    let why = "agent other cannot be held to reading only: nothing does".to_owned();
    policy.agents.get_mut("other").unwrap().unfit_to_judge = Some(why.clone());
    bench.give(Input::Reconfigured { policy: Arc::new(policy.clone()) });
    assert!(bench.command(set(Some("other"))).accepted, "the critic has an agent of its own");
    bench.command(set(None));
    policy.stages.critic.as_mut().unwrap().follows_default = true;
    bench.give(Input::Reconfigured { policy: Arc::new(policy) });
    let said = bench.command(set(Some("other")));
    assert!(!said.accepted);
    assert!(
        said.message.starts_with(&format!("{why}, and the critic follows")),
        "{}",
        said.message
    );
}

#[test]
fn a_choice_that_a_new_configuration_no_longer_has_is_void_and_that_is_said() {
    let mut bench = bench("");
    bench.command(set(Some("other")));
    let mut policy = bench.policy.clone();
    policy.agents.remove("other");
    bench.give(Input::Reconfigured { policy: Arc::new(policy) });
    let view = bench.engine.status(bench.now).provider;
    assert_eq!((view.agent.as_str(), view.chosen_by), ("coder", None));
    assert!(view.remark.unwrap().contains("no such agent is configured any more"));
    bench.plan();
    bench.start();
    bench.prepared("A-1");
    bench.start();
    assert_eq!(agent(&bench).as_deref(), Some("coder"));
    // It was not taken back: with its agent, it counts again.
    let policy = Arc::new(bench.policy.clone());
    bench.give(Input::Reconfigured { policy });
    assert_eq!(bench.engine.status(bench.now).provider.agent, "other");
}

#[test]
fn a_run_that_waits_for_the_window_of_one_goes_on_with_the_other_at_once() {
    let mut bench = bench("");
    bench.plan();
    bench.start();
    bench.prepared("A-1");
    bench.start();
    bench.anchored("A-1", 1);
    let until = bench.now.after(std::time::Duration::from_secs(7_200));
    let class = FailureClass::Quota { until: Some(until) };
    fails(&mut bench, "A-1", 1, class);
    bench.later(60);
    assert_eq!(turns(&mut bench), [""; 0]);
    bench.command(set(Some("other")));
    assert_eq!(turns(&mut bench), ["turn 2 A-1"]);
    assert_eq!(agent(&bench).as_deref(), Some("other"));
}

#[test]
fn what_is_said_twice_is_on_record_once() {
    let mut bench = bench("");
    bench.command(set(Some("other")));
    let head = wait(bench.store.head()).unwrap().gseq;
    let said = bench.command(set(Some("other")));
    assert_eq!(said.message, "other is the default provider already");
    assert_eq!(wait(bench.store.head()).unwrap().gseq, head);
    let ops = wait(bench.store.load_ops()).unwrap();
    assert_eq!(ops.provider.map(|choice| choice.agent).as_deref(), Some("other"));
    let mut folded = crate::domain::ops::OpsState::default();
    let set = |provider| Event::ProviderSet { by: "ann".to_owned(), provider };
    folded.evolve(&set(Some("x".to_owned())), bench.now);
    assert_eq!(folded.provider.clone().map(|choice| choice.agent).as_deref(), Some("x"));
    folded.evolve(&set(None), bench.now);
    assert_eq!(folded.provider, None);
}
