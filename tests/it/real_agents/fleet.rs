//! One daemon, one agent of each kind at work, and the daemon is killed.

use std::collections::BTreeSet;
use std::sync::PoisonError;

use enact_factory::domain::agent::{Stage, TurnEnding};
use enact_factory::domain::event::Event;
use enact_factory::domain::run::Outcome;
use enact_factory::process::identity::{ProcessIdentity, alive};

use super::{Cli, HEAVY, Login, Workshop, says};
use crate::support::agent_clis;
use crate::support::factory::repository::Repository;
use crate::support::factory::{BOUND, Factory};
use crate::support::model_server::{Answer, Gate, RecordedRequest, Rule, Script, ToolCall};

/// An agent, its item, and the repository that it works on.
struct Member {
    cli: Cli,
    item: String,
    repository: Repository,
}

/// A project with an item for every CLI that is installed.
fn members(shop: &mut Workshop) -> Vec<Member> {
    let mut members = Vec::new();
    for cli in [Cli::Claude, Cli::Codex, Cli::Opencode, Cli::Hermes] {
        let Some(program) = agent_clis::find(cli.name()) else { continue };
        let (name, item) = (cli.name(), format!("{}-1", cli.name().to_uppercase()));
        let stages = ["coder", "critic"]
            .map(|stage| format!("[projects.default_stages.{stage}]\nadapter = {name:?}\n"));
        let repository = shop.factory.another_project(name, &stages.concat());
        let table = cli.table(&program.display().to_string(), shop.server.url(), Login::Key);
        shop.factory.more_config.push_str(&table);
        shop.factory.item(&item, &format!("project = {name:?}"), "Greet the world");
        members.push(Member { cli, item, repository });
    }
    members
}

/// Each coder writes a file, and then its model thinks until the gate is open.
fn script(members: &[Member], gate: &Gate) -> Script {
    members.iter().fold(Script::new(), |script, Member { item, .. }| {
        let write = vec![ToolCall::write(&format!("{item}.txt"), "made once\n")];
        let done = Answer::Held(gate.clone(), Box::new(Answer::text(says::DONE)));
        script
            .rule(Rule::new(says::coder(item), Answer::Tools(write)).then(done))
            .rule(Rule::new(says::critic(item), says::approve(0)))
    })
}

/// The model holds back its answer to this agent's coder.
fn is_thinking(requests: &[RecordedRequest], member: &Member) -> bool {
    requests
        .iter()
        .any(|request| request.answer == "held" && says::is_of(&request.prompt(), &member.item))
}

/// The keepers, and the agents that they keep: number and start of each.
fn at_work(
    factory: &Factory,
    members: &[Member],
) -> (BTreeSet<ProcessIdentity>, Vec<Vec<ProcessIdentity>>) {
    let found = factory.survivors();
    let identities = |wanted: &dyn Fn(&str) -> bool| -> Vec<ProcessIdentity> {
        let wanted = found.iter().filter(|process| wanted(&process.command));
        wanted.filter_map(|process| ProcessIdentity::of(process.pid)).collect()
    };
    let keepers = identities(&|command| command.ends_with(" keeper "));
    let agents = members.iter().map(|member| identities(&|command| member.cli.is_run_by(command)));
    (keepers.into_iter().collect(), agents.collect())
}

#[test]
fn four_different_agents_finish_their_turns_although_their_daemon_is_killed() {
    let _at_work = HEAVY.lock().unwrap_or_else(PoisonError::into_inner);
    let mut shop = Workshop::with_slots(4);
    let members = members(&mut shop);
    if members.is_empty() {
        return;
    }
    let gate = Gate::closed();
    shop.server.script(script(&members, &gate));
    shop.factory.start();
    let everybody_thinks =
        |requests: &[RecordedRequest]| members.iter().all(|it| is_thinking(requests, it));
    assert!(shop.server.wait_until(BOUND, everybody_thinks), "{:#?}", shop.factory.picture());
    shop.factory.kill9();

    let (keepers, agents) = at_work(&shop.factory, &members);
    assert_eq!(keepers.len(), members.len(), "{:#?}", shop.factory.survivors());
    for (member, agents) in members.iter().zip(&agents) {
        assert!(!agents.is_empty(), "{:?}: {:#?}", member.cli, shop.factory.survivors());
    }
    shop.factory.start();
    shop.factory.until("all agents are taken over", BOUND, |factory| {
        let adopted = |event: &Event| matches!(event, Event::RunAdopted { .. });
        let all = members.iter().all(|it| factory.run_events(&it.item).iter().any(adopted));
        all.then_some(())
    });
    let (keepers_then, _) = at_work(&shop.factory, &members);
    assert_eq!(keepers_then, keepers, "the same keepers, and no other");
    assert!(agents.iter().flatten().all(alive), "{agents:?}: {:#?}", shop.factory.survivors());

    gate.open();
    let items: Vec<&str> = members.iter().map(|member| member.item.as_str()).collect();
    shop.factory.wait_until_done(&items);
    shop.print_turns(&items);
    for member in &members {
        assert_smooth(&shop, member);
    }
    shop.close();
}

/// Every stage had one turn and one conversation, and what the agent made is delivered.
fn assert_smooth(shop: &Workshop, Member { cli, item, repository }: &Member) {
    assert_eq!(shop.factory.outcomes(item), [Some(Outcome::Succeeded)], "{item}: one run");
    let runs = shop.factory.runs(item);
    let turns: Vec<(Stage, &str, Option<TurnEnding>)> = runs[0]
        .turns
        .iter()
        .map(|turn| {
            let ending = turn.report.as_ref().map(|report| report.ending.clone());
            (turn.stage, turn.agent.as_str(), ending)
        })
        .collect();
    let once = |stage| (stage, cli.name(), Some(TurnEnding::Completed));
    assert_eq!(turns, [once(Stage::Coder), once(Stage::Critic)], "{item}");
    let events = shop.factory.run_events(item);
    let count = |wanted: fn(&Event) -> bool| events.iter().filter(|event| wanted(event)).count();
    assert_eq!(count(|it| matches!(it, Event::TurnStarted { .. })), 2, "{events:#?}");
    assert_eq!(count(|it| matches!(it, Event::TurnFinished { .. })), 2, "{events:#?}");
    assert_eq!(count(|it| matches!(it, Event::RunAdopted { .. })), 1, "{events:#?}");

    let calls = shop.calls(item, "coder");
    let steps: Vec<usize> = calls.iter().map(RecordedRequest::step).collect();
    assert_eq!(steps, [0, 1], "{item}: one conversation, asked twice");
    assert_eq!(calls[0].session(), calls[1].session(), "{item}");
    assert_eq!(shop.calls(item, "critic").len(), 1, "{item}");

    assert_eq!(repository.merges_of(item), 1, "{item}");
    assert_eq!(repository.on_main(&format!("{item}.txt")).as_deref(), Some("made once"));
}
