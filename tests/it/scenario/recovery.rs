//! A daemon that dies between what it did and what it wrote down.

use std::collections::BTreeSet;
use std::fs;

use enact_factory::domain::event::Event;

use crate::support::factory::script::{APPROVE, DONE, Script, Step};
use crate::support::factory::{BOUND, Factory};

fn assert_once(factory: &Factory, item: &str) {
    assert_eq!(factory.repository.merges_of(item), 1);
    let marks = factory.item_log_marks(item);
    let distinct: BTreeSet<&String> = marks.iter().collect();
    assert_eq!(marks.len(), distinct.len(), "a log line was doubled: {marks:?}");
    assert_eq!(factory.item_state(item), "Done");
    factory.verify_receipts();
}

#[test]
fn a_crash_between_the_merge_and_the_tracker_update_ends_with_one_merge_and_one_entry() {
    let mut factory = Factory::new();
    factory.item("DEMO-50", "", "Add a greeting");
    factory.script(
        &Script::new()
            .step(Step::coder("DEMO-50").write("a.txt", "1\n").answer(DONE))
            .step(Step::critic("DEMO-50").note("asked").wait_for("go").answer(APPROVE)),
    );
    factory.start();
    factory.wait_for_file("asked");
    factory.wait_until("only the critic is at work", |picture| picture.status.open_effects == 1);
    // A person's editor has the file open and half saved: it can be neither read nor written.
    let saved = factory.item_file("DEMO-50");
    fs::write(factory.item_path("DEMO-50"), "+++\ntitle = \"Add a gree").expect("half a file");
    factory.touch("go");
    factory.until("the change is merged and on record", BOUND, |factory| {
        let events = factory.run_events("DEMO-50");
        events.iter().any(|event| matches!(event, Event::RunFinished { .. })).then_some(())
    });
    assert_eq!(factory.repository.merges_of("DEMO-50"), 1);
    factory.kill9();
    fs::write(factory.item_path("DEMO-50"), saved).expect("the whole file");
    assert_eq!(factory.item_state("DEMO-50"), "In Progress");
    factory.start();
    factory.until("the item says Done", BOUND, |factory| {
        (factory.item_state("DEMO-50") == "Done").then_some(())
    });
    factory.wait_until_done(&["DEMO-50"]);
    assert_once(&factory, "DEMO-50");
    factory.kill9();
    factory.start();
    factory.wait_until_done(&["DEMO-50"]);
    assert_once(&factory, "DEMO-50");
}

#[test]
fn a_crash_right_after_the_base_moved_merges_nothing_twice() {
    let mut unrecorded = 0;
    for round in 0..4 {
        let mut factory = Factory::new();
        factory.item("DEMO-51", "", "Add a greeting");
        factory.script(&Script::new().approved_at_once("DEMO-51"));
        let base = factory.repository.path.join(".git/refs/heads/main");
        let before = fs::read(&base).expect("the base");
        factory.launch();
        // As close behind the reference as a reader can be: nothing else is looked at in between.
        factory.busy_until("the base moved", || {
            fs::read(&base).is_ok_and(|now| now.len() == before.len() && now != before)
        });
        factory.kill9();
        let events = factory.run_events("DEMO-51");
        let recorded = events.iter().any(|event| matches!(event, Event::RunDelivered { .. }));
        unrecorded += usize::from(!recorded);
        factory.start();
        factory.wait_until_done(&["DEMO-51"]);
        assert_once(&factory, "DEMO-51");
        println!("round {round}: the merge was {}recorded", if recorded { "" } else { "not " });
    }
    println!("{unrecorded} of 4 crashes came before the merge was recorded");
}
