//! What is kept of runs that are over, and for how long.

use std::path::PathBuf;

use crate::support::factory::script::{APPROVE, DONE, Script, Step};
use crate::support::factory::{BOUND, Factory};

/// Where the turns of an item's newest run are kept.
fn kept(factory: &Factory, item: &str) -> PathBuf {
    let run = factory.runs(item).pop().expect("a run");
    factory.state().join("runs").join(run.id.to_string())
}

#[test]
fn what_agents_said_is_forgotten_after_its_time_and_never_while_a_run_goes_on() {
    let mut factory = Factory::new();
    factory.more_config = "[retention]\ntranscript_hours = 1\n".to_owned();
    factory.item("DEMO-90", "", "Be done");
    let waits =
        Step::coder("DEMO-91").note("up").wait_for("go").write("DEMO-91.txt", "x").answer(DONE);
    let waits = Script::new().step(waits).step(Step::critic("DEMO-91").answer(APPROVE));
    factory.script(&waits.approved_at_once("DEMO-90"));
    factory.start();
    factory.wait_until_done(&["DEMO-90"]);
    let (over, stranger) = (kept(&factory, "DEMO-90"), factory.state().join("runs/notes"));
    std::fs::create_dir(&stranger).expect("a directory");
    factory.cli_ok(&["analyze", "DEMO-90"]);
    factory.item("DEMO-91", "", "Take long");
    factory.wait_for_file("up");
    let under_way = kept(&factory, "DEMO-91");
    let (_said, status) = factory.hand_over();
    assert!(status.success(), "{status}");
    // An hour is not over.
    factory.start();
    assert!(over.join("turn-1/transcript.jsonl").exists());
    factory.hand_over();

    // There is room for less than nothing.
    factory.more_config = "[retention]\ntranscript_mib = 0\n".to_owned();
    factory.start();
    factory.until("the run that is over is forgotten", BOUND, |_| (!over.exists()).then_some(()));
    assert!(under_way.join("turn-1/transcript.jsonl").exists() && stranger.exists());
    let said = factory.cli(&["analyze", "DEMO-90"]);
    assert_ne!(said.code, 0, "{said:?}");
    assert!(said.err.contains("prompts and transcripts of old runs are removed"), "{said:?}");
    factory.touch("go");
    factory.wait_until_done(&["DEMO-91"]);
    assert_eq!(factory.repository.merges_of("DEMO-91"), 1);
    factory.sigterm();

    factory.more_config = "[retention]\ntranscript_hours = 0\n".to_owned();
    factory.start();
    factory.until("its time is over", BOUND, |_| (!under_way.exists()).then_some(()));
    factory.verify_receipts();
}
