//! The state directory is gone, and the items on the board are all that is left: what the factory noted there is enough
//! to go on.

use crate::support::factory::BOUND;
use crate::support::factory::script::{DONE, Script, Step};

use super::seed_table::{APPROVE, ITEM, create, factory};

/// "Task state is rehydrated from our own signed comment when the local store is gone"
#[test]
fn a_run_that_was_under_way_when_the_store_was_lost_is_taken_up_again_in_the_same_comment() {
    let (mut factory, azure) = factory();
    create(&azure, "operatorLane:autopilot");
    // A first attempt fails, and a second one is under way.
    let script = Script::new()
        .step(Step::coder("1").note("began").wait_for("go").write("a.txt", "1\n").answer(DONE))
        .step(Step::critic("1").answer(APPROVE));
    factory.script(&script);
    factory.start();
    factory.wait_for_file("began");
    factory.wait_until("the start is told", |picture| picture.status.open_effects == 1);
    factory.kill9();
    factory.survivors().iter().for_each(|it| it.kill());
    std::fs::remove_dir_all(factory.state()).expect("the state directory");
    factory.touch("go");
    factory.start();
    factory.wait_until_done(&[ITEM]);
    let comments = azure.comments(1);
    assert_eq!(comments.len(), 1, "{comments:#?}");
    assert_eq!(comments[0].text.matches("started: attempt 1").count(), 2, "{}", comments[0].text);
    assert_eq!(azure.states(1), ["New", "Active", "Closed"]);
    assert_eq!(factory.repository.merged_log().len(), 1);
    factory.verify_receipts();
}

/// The same: what is done stays done, and nothing is written again
#[test]
fn an_item_that_was_done_is_not_begun_again_when_the_store_is_lost() {
    for is_forbidden in [false, true] {
        let (mut factory, azure) = factory();
        create(&azure, "operatorLane:autopilot");
        if is_forbidden {
            // The tracker goes on saying that it is under way: only the comment knows better.
            azure.forbid(&["Closed"]);
        }
        factory.touch("go");
        factory.start();
        factory.wait_until_done(&[ITEM]);
        let (comments, states) = (azure.comments(1), azure.states(1));
        assert!(factory.sigterm().success());
        std::fs::remove_dir_all(factory.state()).expect("the state directory");
        azure.forget();
        factory.start();
        let picture = factory.wait_until("the item is seen", |it| it.find(ITEM).is_some());
        assert_eq!(picture.item(ITEM).status, "done");
        assert_eq!(picture.item(ITEM).last_outcome.as_deref(), Some("succeeded"));
        factory.until("the board was read again", BOUND, |_| {
            let readings = azure.journal().iter().filter(|it| it.path.ends_with("/wiql")).count();
            (readings > 3).then_some(())
        });
        assert!(azure.journal().iter().all(|asked| !asked.writes()), "{:#?}", azure.journal());
        assert_eq!(azure.comments(1).len(), comments.len());
        assert_eq!(azure.states(1), states);
        assert_eq!(factory.repository.merged_log().len(), 1);
        let asked = azure.journal().iter().filter(|it| it.path.contains("/comments")).count();
        assert_eq!(asked, 1, "its comments are read once: {:#?}", azure.journal());
        factory.verify_receipts();
    }
}
