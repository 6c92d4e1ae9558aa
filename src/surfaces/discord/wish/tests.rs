use std::sync::Arc;

use super::super::catalogue::CATALOGUE;
use super::super::parse::parse;
use super::*;
use crate::runtime::clock::CountingIds;
use crate::runtime::engine::{Engine, Identity, Input, Leasing, Loaded};
use crate::runtime::simulation::scenario::Script;

/// The picture of a factory that has seen these items; `rules` are those of a scenario.
fn status(rules: &str, items: &[&str]) -> Status {
    let items: Vec<String> =
        items.iter().map(|name| format!("[[item]]\nid = \"{name}\"\n")).collect();
    let script = Script::parse(&format!("{rules}\n{}", items.concat())).unwrap();
    let identity = Identity {
        instance: "1".to_owned(),
        epoch: 1,
        sources: ["local".to_owned()].into(),
        cards: [].into(),
        leasing: Leasing::default(),
    };
    let policy = Arc::new(script.policy);
    let mut engine =
        Engine::new(Loaded::default(), policy, identity, Arc::new(CountingIds::default()));
    let now = script.start;
    let observed = Input::Observed {
        source: "local".to_owned(),
        items: script.parts.into_values().map(|part| part.item).collect(),
        unreadable: Vec::new(),
        standings: BTreeMap::new(),
        problems: Vec::new(),
        began: now,
    };
    for input in [observed, Input::Plan] {
        let _not_stored = engine.handle(input, now);
    }
    engine.status(now)
}

fn wanted_in(status: &Status, line: &str) -> Wish {
    let projects = BTreeMap::from([("shop".to_owned(), "/src/shop".to_owned())]);
    let language = Language::En;
    let known = Known { projects: &projects, status, prefix: "!", language, message: 77 };
    wish(&parse(line).unwrap_or_else(|mistake| panic!("{line}: {mistake:?}")), &known)
}

fn wanted(line: &str) -> Wish {
    wanted_in(&status("", &[]), line)
}

fn target(name: &str) -> String {
    name.to_owned()
}

#[test]
fn what_people_type_is_what_the_factory_is_asked_for() {
    let task = Task {
        identifier: "discord-77".to_owned(),
        text: "fix it".to_owned(),
        path: "/src/shop".to_owned(),
        coder_only: false,
        full_pipeline: false,
        model: None,
    };
    let note = String::new;
    let expected = [
        ("dev shop \"fix it\"", Command::Submit { task: task.clone() }),
        ("dev /src/shop fix it", Command::Submit { task }),
        ("cancel A-1", Command::Cancel { target: target("A-1") }),
        ("pause", Command::Pause),
        ("pause all", Command::Pause),
        ("resume", Command::Resume),
        ("auto start", Command::Resume),
        ("auto start --pair", Command::Resume),
        ("auto stop", Command::Pause),
        ("auto run", Command::Heartbeat),
        ("approve A-1", Command::Approve { target: target("A-1") }),
        ("reject A-1", Command::Reject { target: target("A-1") }),
        ("pair start", Command::Heartbeat),
        ("pair start A-1", Command::Retry { target: target("A-1"), note: note() }),
        ("pair run A-1", Command::Retry { target: target("A-1"), note: note() }),
        ("pair stop A-1", Command::Cancel { target: target("A-1") }),
        ("provider codex", Command::SetProvider { provider: Some("codex".to_owned()) }),
        ("provider default", Command::SetProvider { provider: None }),
        ("turbo 3", Command::Turbo { hours: 3 }),
        (
            "steer A-1 stop that",
            Command::Steer { target: target("A-1"), text: target("stop that") },
        ),
        (
            "follow-up A-1 \"and then\"",
            Command::FollowUp { target: target("A-1"), text: target("and then") },
        ),
        ("retry A-1 \"use it\"", Command::Retry { target: target("A-1"), note: target("use it") }),
        ("agent ok claude", Command::AgentOk { agent: "claude".to_owned() }),
    ];
    for (line, command) in expected {
        assert_eq!(wanted(line), Wish::Command(command), "{line}");
    }
}

#[test]
fn what_is_not_there_is_said_and_nothing_is_pretended() {
    let cannot = [
        "schedule",
        "schedule run nightly",
        "schedule toggle nightly",
        "schedule add nightly shop 24h \"update\"",
        "schedule remove nightly",
        "ci",
        "memory search \"x\"",
        "auto start */30 * * * * --pair",
        "pause A-1",
        "resume A-1",
        "pair run A-1 shop",
        "dev elsewhere fix it",
        "pair stop",
        "approve",
        "reject",
    ];
    for line in cannot {
        let Wish::Cannot(sentence) = wanted(line) else { panic!("{line}") };
        assert!(sentence.len() > 10 && !sentence.contains("{{"), "{line}: {sentence}");
    }
}

#[test]
fn every_command_wants_something() {
    for definition in CATALOGUE {
        let line = format!("{} {}", definition.words, definition.example);
        let _something = wanted(&line);
    }
}

#[test]
fn an_approval_without_a_name_is_for_the_only_item_that_waits_and_asks_which_otherwise() {
    let rules = "[policy]\napproval = true\n";
    let one = status(rules, &["A-1"]);
    assert_eq!(one.items.iter().filter(|item| item.awaits_approval).count(), 1, "{one:?}");
    let approve = Command::Approve { target: "local/A-1".to_owned() };
    assert_eq!(wanted_in(&one, "approve"), Wish::Command(approve));
    let Wish::Cannot(sentence) = wanted_in(&status(rules, &["A-1", "A-2"]), "reject") else {
        panic!("one was chosen")
    };
    assert!(sentence.contains("A-1") && sentence.contains("A-2"), "{sentence}");
}

#[test]
fn what_others_wrote_is_harmless_in_an_answer() {
    let mut status = status("", &["A-1"]);
    status.items[0].title = "@everyone [click](https://evil.example)".to_owned();
    let wording = super::super::answers::Wording { language: Language::En, prefix: "!" };
    let answer = wording.picture(Action::WorkItems, &status);
    assert!(answer.body.contains("A-1"), "{}", answer.body);
    assert!(
        !answer.body.contains("@everyone") && !answer.body.contains("https://"),
        "{}",
        answer.body
    );
}
