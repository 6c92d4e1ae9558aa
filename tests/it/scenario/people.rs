//! People change things while the factory works, and say what it may do.

use std::fs;

use enact_factory::domain::event::Event;

use crate::support::factory::script::{APPROVE, DONE, Script, Step, verdict};
use crate::support::factory::{BOUND, Factory};

/// A factory whose coder of `item` is at work until `go` exists, and whose item file is as the factory wants it.
fn at_work(item: &str) -> Factory {
    let mut factory = Factory::new();
    factory.item(item, "", "Add a greeting");
    factory.script(
        &Script::new()
            .step(Step::coder(item).note("began").wait_for("go").write("a.txt", "1\n").answer(DONE))
            .step(Step::critic(item).answer(APPROVE)),
    );
    factory.start();
    factory.wait_for_file("began");
    factory.until("the item is in progress", BOUND, |factory| {
        (factory.item_state(item) == "In Progress").then_some(())
    });
    factory.wait_until("only the coder is at work", |it| it.status.open_effects == 1);
    factory
}

fn assert_stopped(factory: &mut Factory, item: &str) {
    factory.wait_until_quiet();
    assert!(factory.survivors().is_empty(), "{:?}", factory.survivors());
    assert_eq!(factory.repository.merged_log(), []);
    assert_eq!(factory.prompts(item, "critic", 1), Vec::<String>::new());
    factory.verify_receipts();
}

#[test]
fn an_item_that_a_person_moves_to_done_is_left_alone_at_once() {
    let mut factory = at_work("DEMO-30");
    let text = factory.item_file("DEMO-30").replace("state = \"In Progress\"", "state = \"Done\"");
    fs::write(factory.item_path("DEMO-30"), text).expect("an edit");
    factory.wait_until("the run is over", |picture| picture.status.runs.is_empty());
    assert_stopped(&mut factory, "DEMO-30");
    assert_eq!(factory.item_state("DEMO-30"), "Done");
    let picture = factory.picture().expect("a picture");
    assert_eq!(picture.item("DEMO-30").last_outcome.as_deref(), Some("superseded"));
    assert_eq!(picture.item("DEMO-30").attempts, 0);
}

#[test]
fn an_item_that_a_person_deletes_is_not_worked_on_any_more() {
    let mut factory = at_work("DEMO-31");
    fs::remove_file(factory.item_path("DEMO-31")).expect("a removal");
    factory.wait_until("the run is over", |picture| picture.status.runs.is_empty());
    assert_stopped(&mut factory, "DEMO-31");
    assert!(!factory.item_path("DEMO-31").exists(), "nothing brings it back");
}

#[test]
fn what_a_person_writes_into_the_item_meanwhile_stays() {
    let mut factory = at_work("DEMO-32");
    let text = factory
        .item_file("DEMO-32")
        .replace("Add a greeting\n", "Add a greeting\n\nP.S. Thanks!\n");
    fs::write(factory.item_path("DEMO-32"), text).expect("an edit");
    factory.touch("go");
    factory.wait_until_done(&["DEMO-32"]);
    assert!(factory.item_file("DEMO-32").contains("P.S. Thanks!"));
    assert_eq!(factory.item_state("DEMO-32"), "Done");
}

#[test]
fn what_people_change_about_the_goal_meanwhile_reaches_the_next_turns_of_the_run() {
    let mut factory = Factory::new();
    factory.item("DEMO-36", "", "Add a greeting");
    let waits = Step::critic("DEMO-36").round(1).note("reading").wait_for("go");
    factory.script(
        &Script::new()
            .step(Step::coder("DEMO-36").round(1).write("greeting.txt", "hello\n").answer(DONE))
            .step(waits.answer(&verdict("REVISE", "says hello only")))
            .step(Step::coder("DEMO-36").write("greeting.txt", "hello\nhallo\n").answer(DONE))
            .step(Step::critic("DEMO-36").answer(APPROVE)),
    );
    factory.start();
    factory.wait_for_file("reading");
    let text = factory.item_file("DEMO-36").replace("Add a greeting\n", "Greet in two languages\n");
    fs::write(factory.item_path("DEMO-36"), text).expect("an edit");
    factory.until("the change is on record", BOUND, |factory| {
        let changed = |event: &Event| matches!(event, Event::RunGoalChanged { .. });
        factory.run_events("DEMO-36").iter().any(changed).then_some(())
    });
    factory.touch("go");
    factory.wait_until_done(&["DEMO-36"]);
    let [critic] = &factory.prompts("DEMO-36", "critic", 1)[..] else { panic!("one critic") };
    assert!(!critic.contains("Greet in two languages"), "it had begun before");
    let [coder] = &factory.prompts("DEMO-36", "coder", 2)[..] else { panic!("one coder") };
    assert!(coder.contains("Greet in two languages") && coder.contains("# The goal has changed"));
    let [critic] = &factory.prompts("DEMO-36", "critic", 2)[..] else { panic!("one critic") };
    assert!(critic.contains("Greet in two languages"), "{critic}");
    assert_eq!(factory.repository.on_main("greeting.txt").as_deref(), Some("hello\nhallo"));
    factory.verify_receipts();
}

#[test]
fn a_cancelled_run_ends_its_agent_and_merges_nothing() {
    let mut factory = at_work("DEMO-33");
    factory.cli_ok(&["cancel", "DEMO-33"]);
    factory.wait_for(&["DEMO-33"], "cancelled");
    assert_stopped(&mut factory, "DEMO-33");
    assert_eq!(factory.item_state("DEMO-33"), "Cancelled");
}

#[test]
fn an_item_that_needs_approval_is_not_started_before_a_person_approves() {
    let mut factory = Factory::new();
    factory.autonomous_config = "approval = true".to_owned();
    factory.item("DEMO-34", "", "Add a greeting");
    factory.item("DEMO-35", "", "Add a farewell");
    let script = Script::new().approved_at_once("DEMO-34").approved_at_once("DEMO-35");
    factory.script(&script);
    factory.start();
    factory.until("both wait for approval", BOUND, |factory| {
        let seen = factory.picture()?;
        let waits =
            |name| seen.find(name).is_some() && factory.why(name).gate("approval").is_some();
        (waits("DEMO-34") && waits("DEMO-35")).then_some(())
    });
    factory.kill9();
    factory.start();
    factory.cli_ok(&["approve", "DEMO-35"]);
    factory.wait_until_done(&["DEMO-35"]);
    assert!(factory.prompts("DEMO-34", "coder", 1).is_empty(), "only what was approved is started");
    factory.cli_ok(&["approve", "DEMO-34"]);
    factory.wait_until_done(&["DEMO-34"]);
    assert_eq!(factory.repository.merged_log().len(), 2);
}

#[test]
fn a_dirty_checkout_is_the_same_byte_for_byte_after_a_merge_into_its_branch() {
    let mut factory = Factory::new();
    factory.repository.commit("Add files", &[("kept.txt", "1\n"), ("gone.txt", "2\n")]);
    let path = factory.repository.path.clone();
    fs::write(path.join("kept.txt"), "not saved yet\n").expect("an edit");
    fs::write(path.join("staged.txt"), "staged\n").expect("a file");
    factory.repository.git(&["add", "staged.txt"]);
    fs::write(path.join("untracked.txt"), "mine\n").expect("a file");
    fs::remove_file(path.join("gone.txt")).expect("a removal");
    let before = factory.repository.checkout();
    factory.item("DEMO-36", "", "Add a greeting");
    let script = Script::new()
        .step(
            Step::coder("DEMO-36")
                .write("kept.txt", "theirs\n")
                .write("new.txt", "n\n")
                .answer(DONE),
        )
        .step(Step::critic("DEMO-36").answer(APPROVE));
    factory.script(&script);
    factory.start();
    factory.wait_until_done(&["DEMO-36"]);
    assert_eq!(factory.repository.on_main("kept.txt").as_deref(), Some("theirs"));
    assert!(factory.repository.checkout() == before, "the checkout was touched");
}
