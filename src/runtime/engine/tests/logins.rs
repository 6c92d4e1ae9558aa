//! Agents that are not let in: one page, everybody held, one run that tries.

use super::*;
use crate::domain::agent::{TurnEnding, TurnReport};
use crate::domain::event::Event;
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::ids::{OPS_STREAM, StreamId};
use crate::domain::ops::Login;
use crate::pipeline::input::FinishedTurn;

const THREE: &str = "[policy]\nslots = { global = 3, per_project = 3 }\n\n\
     [[item]]\nid = \"A-1\"\n[[item]]\nid = \"A-2\"\n[[item]]\nid = \"A-3\"\n[[item]]\nid = \"A-4\"";

/// Turn `turn` of the item's run ended like this.
fn over(bench: &mut Bench, name: &str, turn: u32, ending: TurnEnding) {
    let report =
        TurnReport { ending, ..TurnReport::not_started(Failure::infrastructure("replaced")) };
    let effect = Effect::RunTurn { run: bench.run(name), turn };
    let turn = FinishedTurn { turn, report, change: None, tampered: false, instead: None };
    bench.result(&effect, RunInput::TurnFinished(Box::new(turn)));
}

fn refused() -> TurnEnding {
    let failure = Failure::new(FailureClass::Authentication, "401 invalid key");
    TurnEnding::Failed { failure }
}

/// It got as far as the provider.
fn let_in() -> TurnEnding {
    let failure = Failure::new(FailureClass::Throttled { until: None }, "slow down");
    TurnEnding::Failed { failure }
}

/// The turns that are started now, anchored, in words.
fn turns(bench: &mut Bench) -> Vec<String> {
    let started: Vec<String> =
        bench.start().into_iter().filter(|words| words.starts_with("turn")).collect();
    bench.later(1);
    for words in &started {
        let (turn, name) = words.strip_prefix("turn ").unwrap().split_once(' ').unwrap();
        bench.anchored(name, turn.parse().unwrap());
    }
    started
}

fn pages(bench: &Bench) -> usize {
    let stream = StreamId::new(OPS_STREAM);
    let events = wait(bench.store.read_stream(&stream, 0, 1_000)).unwrap();
    let known = events.iter().filter_map(|recorded| recorded.event.known());
    known.filter(|event| matches!(event, Event::AgentRefused { .. })).count()
}

fn held(bench: &mut Bench, name: &str) -> String {
    let explanation = bench.engine.explain(name, bench.now).unwrap();
    match explanation.held.first() {
        Some(held) => format!("{}: {}", held.gate, held.reason),
        None => explanation.run.and_then(|run| run.waiting).map_or_else(String::new, |it| it.0),
    }
}

/// Three runs, all of whose first turns were refused; a fourth item that has none.
fn all_refused() -> Bench {
    let mut bench = Bench::new(THREE);
    bench.plan();
    bench.start();
    for name in ["A-1", "A-2", "A-3"] {
        bench.prepared(name);
    }
    assert_eq!(turns(&mut bench), ["turn 1 A-1", "turn 1 A-2", "turn 1 A-3"]);
    for name in ["A-1", "A-2", "A-3"] {
        over(&mut bench, name, 1, refused());
    }
    bench.plan();
    bench
}

#[test]
fn a_refused_agent_is_told_once_and_holds_everybody_until_somebody_says_that_it_is_signed_in() {
    let mut bench = all_refused();
    assert_eq!(pages(&bench), 1);
    bench.later(3_600);
    assert_eq!(turns(&mut bench), [""; 0]);
    let told = "agent coder is not let in: 401 invalid key; sign it in, then `enact-factory agent coder ok`";
    assert_eq!(held(&mut bench, "A-1"), told);
    assert_eq!(
        held(&mut bench, "A-4"),
        "agent-auth: agent coder is not let in, sign it in: 401 invalid key"
    );
    let status = bench.engine.status(bench.now);
    let [refused] = &status.refused_agents[..] else { panic!("{:?}", status.refused_agents) };
    assert_eq!((refused.name.as_str(), refused.trying), ("coder", false));
    assert_eq!(bench.status("A-1"), ItemStatus::InFlight);
    assert!(status.items.iter().all(|item| item.attempts == 0 && item.question.is_none()));
    // Looking at it again a day later is not another page.
    bench.later(25 * 3_600);
    assert_eq!(turns(&mut bench), [""; 0]);
    assert_eq!(pages(&bench), 1);
    let reply = bench.command(Command::AgentOk { agent: "somebody".to_owned() });
    assert!(!reply.accepted, "{}", reply.message);
}

#[test]
fn one_run_tries_and_when_it_is_let_in_the_others_follow() {
    let mut bench = all_refused();
    let reply = bench.command(Command::AgentOk { agent: "coder".to_owned() });
    assert!(reply.accepted, "{}", reply.message);
    let first = turns(&mut bench);
    assert_eq!(first, ["turn 2 A-1"]);
    for _ in 0..3 {
        bench.plan();
        assert_eq!(turns(&mut bench), [""; 0]);
    }
    let waits = "agent coder was not let in, another run tries it: 401 invalid key";
    assert_eq!(held(&mut bench, "A-2"), waits);
    assert_eq!(held(&mut bench, "A-4"), format!("agent-auth: {waits}"));
    let events = wait(bench.store.head()).unwrap().gseq;
    assert_eq!(turns(&mut bench), [""; 0]);
    assert_eq!(wait(bench.store.head()).unwrap().gseq, events, "looking records nothing");
    over(&mut bench, "A-1", 2, let_in());
    assert_eq!(turns(&mut bench), ["turn 2 A-2", "turn 2 A-3"]);
    assert_eq!(pages(&bench), 1);
    assert_eq!(bench.engine.status(bench.now).refused_agents, []);
}

#[test]
fn a_key_that_is_still_wrong_is_told_once_more_and_not_once_per_run() {
    let mut bench = all_refused();
    bench.command(Command::AgentOk { agent: "coder".to_owned() });
    assert_eq!(turns(&mut bench), ["turn 2 A-1"]);
    over(&mut bench, "A-1", 2, refused());
    bench.plan();
    assert_eq!(turns(&mut bench), [""; 0]);
    assert_eq!(pages(&bench), 2);
}

#[test]
fn a_reload_and_a_new_daemon_try_again_by_one_run_too() {
    let mut bench = all_refused();
    let policy = Arc::new(bench.policy.clone());
    bench.give(Input::Reconfigured { policy });
    assert_eq!(turns(&mut bench), ["turn 2 A-1"]);
    over(&mut bench, "A-1", 2, refused());
    assert_eq!(turns(&mut bench), [""; 0]);
    bench.restart();
    bench.give(Input::Started { version: "2".to_owned() });
    bench.plan();
    assert_eq!(turns(&mut bench), ["turn 3 A-1"]);
    over(&mut bench, "A-1", 3, let_in());
    assert_eq!(turns(&mut bench), ["turn 2 A-2", "turn 2 A-3"]);
}

#[test]
fn a_turn_of_before_the_sign_in_neither_pages_nor_proves() {
    let mut bench = Bench::new(THREE);
    bench.plan();
    bench.start();
    for name in ["A-1", "A-2", "A-3"] {
        bench.prepared(name);
    }
    turns(&mut bench);
    over(&mut bench, "A-1", 1, refused());
    bench.later(5);
    bench.command(Command::AgentOk { agent: "coder".to_owned() });
    over(&mut bench, "A-2", 1, refused());
    assert_eq!(pages(&bench), 1, "that was the old key");
    assert_eq!(turns(&mut bench), ["turn 2 A-1"], "one of the two tries");
    over(&mut bench, "A-1", 2, let_in());
    over(&mut bench, "A-3", 1, refused());
    assert_eq!(pages(&bench), 1, "the old key, still");
    assert_eq!(turns(&mut bench), ["turn 2 A-2", "turn 2 A-3"]);
}

#[test]
fn without_a_run_that_waits_the_next_item_tries_alone() {
    let mut bench = all_refused();
    for name in ["A-1", "A-2", "A-3"] {
        bench.command(Command::Cancel { target: name.to_owned() });
    }
    bench.command(Command::AgentOk { agent: "coder".to_owned() });
    let login = &wait(bench.store.load_ops()).unwrap().logins["coder"];
    assert!(matches!(login, Login::Unproven { .. }), "{login:?}");
    bench.plan();
    bench.plan();
    assert_eq!(bench.status("A-4"), ItemStatus::InFlight);
}
