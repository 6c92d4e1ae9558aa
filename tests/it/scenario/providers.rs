//! Which agent does a turn: the default provider changed while runs are under way, and agents that stand in for others.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use enact_factory::domain::event::Event;
use enact_factory::domain::provider::SwitchReason;

use crate::support::factory::script::{APPROVE, DONE, Script, Step, verdict};
use crate::support::factory::{BOUND, Factory};

/// Any program as an agent called `spare`: it keeps what it was given and makes the change. Its table.
fn spare_program(factory: &Factory) -> String {
    let root = factory.root();
    let (program, given) = (root.join("spare.sh"), root.join("given"));
    fs::create_dir(&given).expect("a directory");
    let text = format!(
        "#!/bin/sh\ncat > {0}/prompt\necho \"$@\" > {0}/arguments\necho again > again.txt\necho '{DONE}'\n",
        given.display()
    );
    fs::write(&program, text).expect("a program");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("executable");
    format!(
        "[agents.spare]\nkind = \"command\"\nprogram = {program:?}\nargs = [\"--model={{model}}\"]\n\
         model = \"its-own\"\n"
    )
}

/// Agent and model of the turns of the item's only run, in order.
fn turns(factory: &Factory, item: &str) -> Vec<(String, Option<String>)> {
    let run = factory.runs(item).remove(0);
    run.turns.into_iter().map(|turn| (turn.agent, turn.model)).collect()
}

fn turn(agent: &str, model: Option<&str>) -> (String, Option<String>) {
    (agent.to_owned(), model.map(str::to_owned))
}

fn provider(factory: &Factory) -> serde_json::Value {
    let said = factory.cli_ok(&["provider", "--json"]);
    serde_json::from_str(&said.out).expect("JSON")
}

#[test]
fn a_run_under_way_gets_the_new_provider_with_its_next_turn_although_the_daemon_was_killed() {
    let mut factory = Factory::new();
    factory.stage_config = ("model = \"big\"".to_owned(), "adapter = \"stand-in\"".to_owned());
    factory.more_config = spare_program(&factory);
    factory.item("DEMO-80", "", "Add a greeting");
    let first = Step::coder("DEMO-80").note("up").wait_for("go").write("greeting.txt", "hello\n");
    let revise = Step::critic("DEMO-80").round(1).answer(&verdict("REVISE", "too short"));
    factory.script(
        &Script::new()
            .step(first.answer(DONE))
            .step(revise)
            .step(Step::critic("DEMO-80").answer(APPROVE)),
    );
    factory.start();
    factory.wait_for_file("up");
    let said = factory.cli_ok(&["provider", "spare"]);
    assert!(said.out.contains("spare is the default provider now"), "{said:?}");
    factory.kill9();
    let shown = provider(&factory);
    assert_eq!((&shown["daemon"], &shown["provider"]["agent"]), (&false.into(), &"spare".into()));
    factory.start();
    let shown = provider(&factory);
    assert_eq!(shown["provider"]["configured"], "stand-in", "{shown}");
    assert_eq!((&shown["daemon"], &shown["provider"]["agent"]), (&true.into(), &"spare".into()));
    let status = factory.cli_ok(&["status"]);
    assert!(status.out.contains("default provider: spare, by human:cli:"), "{status:?}");
    factory.touch("go");
    factory.wait_until_done(&["DEMO-80"]);
    let begun = [
        turn("stand-in", Some("big")),
        turn("stand-in", None),
        turn("spare", None),
        turn("stand-in", None),
    ];
    assert_eq!(turns(&factory, "DEMO-80"), begun, "what was begun was ended by who began it");
    // What the children were really given: the second round went to the other program, with that one's own model.
    assert_eq!(factory.prompts("DEMO-80", "coder", 1).len(), 1);
    assert_eq!(factory.prompts("DEMO-80", "coder", 2).len(), 0);
    let given = |name: &str| fs::read_to_string(factory.root().join("given").join(name));
    assert_eq!(given("arguments").expect("arguments").trim(), "--model=its-own");
    assert!(given("prompt").expect("a prompt").contains("too short"));
    assert_eq!(factory.repository.merges_of("DEMO-80"), 1);
    let back = factory.cli_ok(&["provider", "--reset"]);
    assert!(back.out.contains("stand-in is the default provider again"), "{back:?}");
    factory.verify_receipts();
}

#[test]
fn whoever_cannot_be_the_default_provider_is_refused_with_the_reason() {
    let mut factory = Factory::new();
    let nowhere = factory.root().join("nowhere");
    factory.more_config = format!(
        "{}[agents.gone]\nkind = \"command\"\nprogram = {nowhere:?}\n",
        spare_program(&factory)
    );
    factory.start();
    let refusals = |factory: &Factory| {
        for (name, words) in [
            ("spar", "no agent `spar` is configured; did you mean `spare`?"),
            ("gone", "agent gone cannot be used"),
            ("spare", "and the critic follows the default provider"),
        ] {
            let said = factory.cli(&["provider", name]);
            assert_eq!(said.code, 1, "{said:?}");
            assert!(said.err.contains(words), "{said:?}");
        }
        assert_eq!(provider(factory)["provider"]["agent"], "stand-in");
    };
    refusals(&factory);
    let shown = factory.cli_ok(&["provider"]).out;
    assert!(shown.contains("default provider: stand-in, as the configuration says"), "{shown}");
    let line = |name: &str| shown.lines().find(|line| line.trim_start().starts_with(name));
    assert!(line("gone").is_some_and(|line| line.contains("cannot be used")), "{shown}");
    assert!(line("spare").is_some_and(|line| line.contains("usable; may not judge")), "{shown}");
    factory.sigterm();
    refusals(&factory);
    // Without a daemon it is on record, and counts for the next one.
    factory.stage_config.1 = "adapter = \"stand-in\"".to_owned();
    factory.configure();
    let said = factory.cli_ok(&["provider", "spare"]);
    assert!(said.err.contains("no daemon is running"), "{said:?}");
    factory.start();
    assert_eq!(provider(&factory)["provider"]["agent"], "spare");
    factory.verify_receipts();
}

#[test]
fn another_agent_stands_in_while_the_window_is_closed_and_the_own_one_is_back_when_it_reopens() {
    let mut factory = Factory::new();
    factory.agent_config = "failover = [\"spare\"]".to_owned();
    factory.item("DEMO-81", "", "Add a greeting");
    let limit = "{ fail = { class = \"quota\", message = \"You've hit your usage limit\", in_seconds = 20 } }";
    factory.script(
        &Script::new()
            .step(Step::coder("DEMO-81").act(limit.to_owned()))
            .step(Step::critic("DEMO-81").answer(APPROVE)),
    );
    let spare = Step::coder("DEMO-81").note("up").wait_for("go").write("greeting.txt", "hello\n");
    let script = Script::new().step(spare.answer(DONE));
    factory.more_config = factory.another_agent("spare", &script);
    factory.start();
    factory.wait_for_file("spare/up");
    let said = factory.cli_ok(&["why", "DEMO-81"]).out;
    assert!(said.contains("coder: spare stands in for stand-in until"), "{said}");
    assert!(said.contains("You've hit your usage limit"), "{said}");
    let said = factory.cli_ok(&["status"]).out;
    assert!(said.contains("spare stands in for stand-in until"), "{said}");
    factory.until("the window is open again", BOUND, |factory| {
        let shown = provider(factory);
        let agents = shown["provider"]["agents"].as_array()?.clone();
        agents.iter().any(|it| it["name"] == "stand-in" && it["obstacle"].is_null()).then_some(())
    });
    factory.touch("spare/go");
    let picture = factory.wait_until_done(&["DEMO-81"]);
    assert_eq!(picture.item("DEMO-81").attempts, 0);
    let begun = [turn("stand-in", None), turn("spare", None), turn("stand-in", None)];
    assert_eq!(turns(&factory, "DEMO-81"), begun);
    assert_eq!(factory.prompts("DEMO-81", "coder", 1).len(), 1);
    assert_eq!(factory.prompts_of("spare", "DEMO-81", "coder", 1).len(), 1);
    assert_eq!(factory.prompts("DEMO-81", "critic", 1).len(), 1);
    assert_eq!(factory.repository.merges_of("DEMO-81"), 1);
    let events = factory.run_events("DEMO-81");
    let switches: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            Event::AgentSwitched { switch, .. } => Some(switch),
            _ => None,
        })
        .collect();
    assert_eq!(switches.len(), 1, "{switches:?}");
    let stood_in = matches!(switches[0].reason, SwitchReason::Failover { until: Some(_), .. });
    assert!(stood_in, "{switches:?}");
    assert!(!events.iter().any(|event| matches!(event, Event::RunWaiting { .. })), "{events:#?}");
}
