//! Ten items that go different ways, and agents that do the same again when they are asked again.

use crate::support::factory::Factory;
use crate::support::factory::script::{APPROVE, DONE, Script, Step, verdict};

/// The items of every round.
pub(super) const ITEMS: &[&str] = &[
    "PLAIN-1",
    "PLAIN-2",
    "PLAIN-3",
    "REVISED-1",
    "REVISED-2",
    "CLASH-1",
    "CLASH-2",
    "AFTER-1",
    "CHECKED-1",
    "REJECTED-1",
];

/// Where an item ends.
pub(super) fn final_status(item: &str) -> &'static str {
    if item.starts_with("REJECTED") { "waiting_human" } else { "done" }
}

/// A factory with all of them, not started.
pub(super) fn factory() -> Factory {
    let mut factory = Factory::new();
    factory.more_config =
        "[slots]\nglobal = 10\nper_project = 10\n[pace]\nper_project = \"unlimited\"".to_owned();
    factory.repository.commit(
        "Add a list and a check",
        &[("list.txt", "begin\n"), ("check.sh", "[ ! -e broken ] || { echo broken; exit 1; }\n")],
    );
    for item in ITEMS {
        let front = if item.starts_with("AFTER") { "blocked_by = [\"PLAIN-1\"]" } else { "" };
        factory.item(item, front, &format!("Do what {item} asks for"));
    }
    factory.script(&ITEMS.iter().fold(Script::new(), |script, item| steps(script, item)));
    factory
}

fn steps(script: Script, item: &str) -> Script {
    let file = format!("{item}.txt");
    let (kind, _) = item.split_once('-').expect("a kind");
    let (coder, critic) = (Step::coder(item), Step::critic(item));
    match kind {
        "REVISED" => script
            .step(coder.clone().round(1).write(&file, "first\n").answer(DONE))
            .step(critic.clone().round(1).answer(&verdict("REVISE", "not good enough")))
            .step(coder.write(&file, "second\n").answer(DONE))
            .step(critic.answer(APPROVE)),
        // As an agent would: what an interrupted turn has left is not done twice.
        "CLASH" => script
            .step(
                coder
                    .run(&format!("grep -qx {item} list.txt || echo {item} >> list.txt"))
                    .answer(DONE),
            )
            .step(critic.answer(APPROVE)),
        "CHECKED" => script
            .step(coder.clone().round(1).write(&file, "1\n").write("broken", "1\n").answer(DONE))
            .step(coder.run("rm -f broken").answer(DONE))
            .step(critic.answer(APPROVE)),
        "REJECTED" => script
            .step(coder.write(&file, "1\n").answer(DONE))
            .step(critic.answer(&verdict("REJECT", "this is harmful"))),
        _ => script
            .step(coder.write(&file, &format!("{item}\n")).costs(10).answer(DONE))
            .step(critic.costs(1).answer(APPROVE)),
    }
}
