//! Agents that their providers do not let in: a matter of the agent, not of every item that needs it.

use enact_factory::domain::agent::TurnEnding;
use enact_factory::domain::event::Event;
use enact_factory::domain::failure::FailureClass;
use enact_factory::domain::run::Outcome;

use crate::support::factory::script::{Script, Step};
use crate::support::factory::status::Picture;
use crate::support::factory::{BOUND, Factory};

const FIVE: [&str; 5] = ["KEY-1", "KEY-2", "KEY-3", "KEY-4", "KEY-5"];

const REFUSED: &str =
    "{ fail = { class = \"authentication\", message = \"401 invalid x-api-key\" } }";

/// Coders that are not let in before `signed-in` exists.
fn script() -> Script {
    let with_key = |script: Script, item: &&str| script.approved_at_once(item);
    let refused = Step::any("coder").unless_file("signed-in").act(REFUSED.to_owned());
    FIVE.iter().fold(Script::new().step(refused), with_key)
}

fn pages(factory: &Factory) -> usize {
    let events = factory.events();
    let known = events.iter().filter_map(|recorded| recorded.event.known());
    known.filter(|event| matches!(event, Event::AgentRefused { .. })).count()
}

/// Coder turns that were refused.
fn refusals(factory: &Factory) -> usize {
    let refused = |event: &Event| {
        matches!(event, Event::TurnFinished { report, .. }
            if matches!(&report.ending, TurnEnding::Failed { failure } if failure.class == FailureClass::Authentication))
    };
    FIVE.iter().flat_map(|item| factory.run_events(item)).filter(refused).count()
}

fn is_refused(picture: &Picture) -> bool {
    picture.status.refused_agents.iter().any(|agent| !agent.trying)
}

#[test]
fn a_refused_key_is_told_once_holds_every_item_and_spends_nothing() {
    let mut factory = Factory::new();
    factory.more_config = "[slots]\nglobal = 2\nper_project = 2\n".to_owned();
    for item in FIVE {
        factory.item(item, "", &format!("Add {item}"));
    }
    factory.script(&script());
    factory.start();
    let picture = factory.wait_until("everybody waits", |picture| {
        is_refused(picture)
            && FIVE.iter().all(|item| {
                let parked = picture.run_of(item).is_some_and(|run| run.waiting.is_some());
                parked || picture.find(item).is_some_and(|it| it.decision.contains("agent-auth"))
            })
    });
    let [agent] = &picture.status.refused_agents[..] else { panic!("{picture:#?}") };
    assert_eq!((agent.name.as_str(), agent.reason.as_str()), ("stand-in", "401 invalid x-api-key"));
    for item in FIVE {
        let why = factory.why(item).explanation;
        let remedy = "enact-factory agent stand-in ok";
        match why.held.first() {
            Some(held) => {
                assert_eq!(held.gate, "agent-auth", "{item}");
                let text = "agent stand-in is not let in, sign it in: 401 invalid x-api-key";
                assert_eq!(held.reason, text);
                assert_eq!(held.released_by.as_deref(), Some(remedy));
            }
            None => {
                let waiting = why.run.and_then(|run| run.waiting).expect("it waits");
                assert!(waiting.reason.contains("401 invalid x-api-key"), "{}", waiting.reason);
                assert!(waiting.reason.contains(remedy), "{}", waiting.reason);
            }
        }
        assert_eq!(why.item.question_class, None);
    }
    let shown = factory.cli_ok(&["status"]).out;
    assert!(shown.contains("agent stand-in is not let in"), "{shown}");
    assert_eq!(factory.logs().matches("an agent is not let in").count(), 1);
    // Who looks again without having signed in is told once more, for one try.
    let before = refusals(&factory);
    assert!(before <= 2, "{before}");
    factory.cli_ok(&["agent", "stand-in", "ok"]);
    factory.until("one run has tried", BOUND, |factory| (pages(factory) == 2).then_some(()));
    assert_eq!(refusals(&factory), before + 1);

    factory.touch("signed-in");
    factory.cli_ok(&["agent", "stand-in", "ok"]);
    let picture = factory.wait_until_done(&FIVE);
    assert_eq!(pages(&factory), 2);
    assert_eq!(refusals(&factory), before + 1);
    assert_eq!(picture.status.refused_agents.len(), 0);
    let entries = FIVE.iter().map(|item| factory.item_file(item));
    let told: usize = entries.map(|text| text.matches("is not let in").count()).sum();
    assert_eq!(told, 2, "one entry per page");
    for item in FIVE {
        assert_eq!(picture.item(item).attempts, 0, "{item}");
        assert_eq!(factory.outcomes(item), [Some(Outcome::Succeeded)], "{item}: one run");
        assert_eq!(factory.repository.merges_of(item), 1);
    }
    factory.verify_receipts();
}

#[test]
fn a_sign_in_is_recorded_without_a_daemon_and_a_start_has_the_same_effect() {
    let mut factory = Factory::new();
    factory.item("KEY-1", "", "Add a greeting");
    factory.script(&script());
    factory.start();
    factory.wait_until("it is refused", is_refused);
    factory.sigterm();
    assert!(factory.cli(&["agent", "nobody", "ok"]).code != 0);
    let said = factory.cli_ok(&["agent", "stand-in", "ok"]);
    assert!(said.out.contains("tried again"), "{said:?}");
    let picture = factory.picture().expect("what is on record");
    assert!(picture.status.refused_agents[0].trying);
    factory.start();
    factory.until("the start has tried", BOUND, |factory| (pages(factory) == 2).then_some(()));
    factory.sigterm();
    factory.touch("signed-in");
    factory.start();
    let picture = factory.wait_until_done(&["KEY-1"]);
    assert_eq!(picture.item("KEY-1").attempts, 0);
    assert_eq!((pages(&factory), factory.runs("KEY-1").len()), (2, 1));
}

#[test]
fn a_single_task_says_that_its_agent_is_not_let_in_and_keeps_the_work() {
    let factory = Factory::new();
    let refused = Step::any("coder").write("half.txt", "half\n").act(REFUSED.to_owned());
    factory.script(&Script::new().step(refused));
    factory.configure();
    let repository = factory.root().join("repo").display().to_string();
    let said = factory.cli(&["run", "Add a greeting", "-p", &repository]);
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.err.contains("the agent is not let in: 401 invalid x-api-key"), "{said:?}");
    let run = factory.picture().expect("what is on record").status.runs;
    assert_eq!(run.len(), 1, "it is kept");
}
