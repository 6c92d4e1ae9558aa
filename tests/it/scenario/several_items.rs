//! Items that get into each other's way.

use crate::support::factory::Factory;
use crate::support::factory::script::{APPROVE, DONE, Script, Step};

/// A coder that runs `edit` once all of `items` have a coder at work.
fn edits_together(script: Script, item: &str, items: &[&str], edit: &str) -> Script {
    let first = items
        .iter()
        .fold(Step::coder(item).note(&format!("{item}-began")), |step, other| {
            step.wait_for(&format!("{other}-began"))
        })
        .run(edit)
        .answer(DONE);
    script.step(first).step(Step::critic(item).answer(APPROVE))
}

#[test]
fn two_items_that_touch_one_file_are_both_delivered_and_lose_nothing() {
    let mut factory = Factory::new();
    let lines: Vec<String> = (1..=20).map(|number| format!("line {number}\n")).collect();
    factory.repository.commit("Add a list", &[("list.txt", &lines.concat())]);
    factory.item("DEMO-20", "", "Change the beginning");
    factory.item("DEMO-21", "", "Change the end");
    let both = ["DEMO-20", "DEMO-21"];
    let script = edits_together(
        Script::new(),
        "DEMO-20",
        &both,
        "sed -i.bak 's/^line 1$/first/' list.txt && rm list.txt.bak",
    );
    let script = edits_together(
        script,
        "DEMO-21",
        &both,
        "sed -i.bak 's/^line 20$/last/' list.txt && rm list.txt.bak",
    );
    factory.script(&script);
    factory.start();
    factory.wait_until_done(&both);
    let list = factory.repository.on_main("list.txt").expect("the list");
    assert!(list.starts_with("first\nline 2\n") && list.ends_with("line 19\nlast"), "{list}");
    assert_eq!(factory.repository.merged_log().len(), 2);
    assert!(both.iter().all(|item| factory.repository.merges_of(item) == 1));
    factory.verify_receipts();
}

#[test]
fn two_items_that_change_the_same_line_follow_each_other_and_lose_nothing() {
    let mut factory = Factory::new();
    factory.repository.commit("Add a list", &[("list.txt", "")]);
    factory.item("DEMO-22", "", "Add one");
    factory.item("DEMO-23", "", "Add two");
    let both = ["DEMO-22", "DEMO-23"];
    let script = edits_together(Script::new(), "DEMO-22", &both, "echo one >> list.txt");
    let script = edits_together(script, "DEMO-23", &both, "echo two >> list.txt");
    factory.script(&script);
    factory.start();
    let picture = factory.wait_until_done(&both);
    let list = factory.repository.on_main("list.txt").expect("the list");
    let mut lines: Vec<&str> = list.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["one", "two"]);
    assert!(both.iter().all(|item| factory.repository.merges_of(item) == 1));
    assert!(both.iter().all(|item| picture.item(item).attempts == 0), "a conflict is no failure");
    let loser = both.iter().find(|item| factory.runs(item).len() == 2).expect("one was overtaken");
    let prompts = factory.prompts(loser, "coder", 1);
    assert!(prompts[1].contains("Start from the base branch as it is now"), "{}", prompts[1]);
    factory.verify_receipts();
}

#[test]
fn a_chain_of_blocked_items_is_worked_off_in_its_own_order() {
    let mut factory = Factory::new();
    factory.item("DEMO-1", "blocked_by = [\"DEMO-3\"]\npriority = \"critical\"", "The last");
    factory.item("DEMO-2", "priority = \"low\"", "The first");
    factory.item("DEMO-3", "blocked_by = [\"DEMO-2\"]", "The middle");
    let names = ["DEMO-1", "DEMO-2", "DEMO-3"];
    let script = names.iter().fold(Script::new(), |script, name| {
        script
            .step(
                Step::coder(name)
                    .note(&format!("{name}-began"))
                    .wait_for("go")
                    .write(&format!("{name}.txt"), "done\n")
                    .answer(DONE),
            )
            .step(Step::critic(name).answer(APPROVE))
    });
    factory.script(&script);
    factory.start();
    factory.wait_for_file("DEMO-2-began");
    for name in ["DEMO-1", "DEMO-3"] {
        assert!(factory.why(name).gate("blocked-by").is_some(), "{:?}", factory.why(name));
    }
    factory.touch("go");
    factory.wait_until_done(&names);
    let subjects: Vec<String> =
        factory.repository.merged_log().into_iter().map(|merge| merge.subject).collect();
    assert_eq!(
        subjects,
        ["Merge DEMO-2: The first", "Merge DEMO-3: The middle", "Merge DEMO-1: The last"]
    );
}
