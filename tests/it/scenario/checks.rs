//! Checks are run, not believed, and only what a change broke is held against it.

use enact_factory::domain::agent::Stage;
use enact_factory::domain::change::CheckStatus;
use enact_factory::domain::event::Event;

use crate::support::factory::Factory;
use crate::support::factory::script::{APPROVE, DONE, Script, Step};

/// Names files that must exist, and complains about empty catch blocks, wherever they are.
const GUARD: &str = "\
status=0
for file in src/a.js src/b.js; do
  [ -e $file ] || { echo \"$file is missing\"; status=1; }
done
for file in src/*.js; do
  [ -e $file ] || continue
  if grep -n 'catch (e) {}' $file; then echo \"empty catch in $file\"; status=1; fi
done
exit $status
";

fn check_outputs(factory: &Factory, item: &str) -> Vec<(CheckStatus, String)> {
    let result = |event: Event| match event {
        Event::ChecksFinished { report, .. } => {
            report.results.into_iter().next().map(|result| (result.status, result.output))
        }
        _ => None,
    };
    factory.run_events(item).into_iter().filter_map(result).collect()
}

#[test]
fn deleting_one_file_does_not_hide_an_empty_catch_in_another() {
    let mut factory = Factory::new();
    let files = [("src/a.js", "a();\n"), ("src/b.js", "b();\n"), ("check.sh", GUARD)];
    factory.repository.commit("Add sources", &files);
    factory.item("DEMO-17", "", "Handle errors");
    let empty = "try { b(); } catch (e) {}\n";
    let good = "try { b(); } catch (e) { report(e); }\n";
    factory.script(
        &Script::new()
            .step(
                Step::coder("DEMO-17")
                    .round(1)
                    .delete("src/a.js")
                    .write("src/b.js", empty)
                    .answer(DONE),
            )
            .step(Step::coder("DEMO-17").round(2).write("src/b.js", good).answer(DONE))
            .step(Step::coder("DEMO-17").round(3).write("src/a.js", "a();\n").answer(DONE))
            .step(Step::critic("DEMO-17").answer(APPROVE)),
    );
    factory.start();
    factory.wait_until_done(&["DEMO-17"]);
    let results = check_outputs(&factory, "DEMO-17");
    let statuses: Vec<CheckStatus> = results.iter().map(|(status, _)| *status).collect();
    assert_eq!(
        statuses,
        [CheckStatus::NewFailure, CheckStatus::NewFailure, CheckStatus::Passed],
        "{results:#?}"
    );
    assert!(results[0].1.contains("src/a.js is missing"), "{results:#?}");
    assert!(results[0].1.contains("empty catch in src/b.js"), "{results:#?}");
    assert!(
        results[1].1.contains("src/a.js is missing"),
        "a deleted file still fails: {results:#?}"
    );
    let second = &factory.prompts("DEMO-17", "coder", 2)[0];
    assert!(second.contains("empty catch in src/b.js"), "the coder sees the output: {second}");
    let stages: Vec<Stage> =
        factory.stages("DEMO-17").into_iter().map(|(stage, _)| stage).collect();
    assert_eq!(stages, [Stage::Coder, Stage::Coder, Stage::Coder, Stage::Critic]);
    assert_eq!(factory.repository.on_main("src/b.js").as_deref(), Some(good.trim_end()));
}

#[test]
fn a_check_that_was_red_before_does_not_block() {
    let mut factory = Factory::new();
    factory.repository.commit("Break the check", &[("check.sh", "echo old trouble; exit 3\n")]);
    factory.item("DEMO-18", "", "Add a greeting");
    factory.script(&Script::new().approved_at_once("DEMO-18"));
    factory.start();
    factory.wait_until_done(&["DEMO-18"]);
    let results = check_outputs(&factory, "DEMO-18");
    assert_eq!(results, [(CheckStatus::AlreadyFailing, "old trouble".to_owned())]);
    assert_eq!(factory.repository.merges_of("DEMO-18"), 1);
}

#[test]
fn what_checks_leave_lying_around_is_not_merged() {
    let mut factory = Factory::new();
    let litter = "mkdir -p build && date > build/output.txt && echo x >> README.md\n";
    factory.repository.commit("Litter", &[("check.sh", litter)]);
    factory.item("DEMO-19", "", "Add a greeting");
    factory.script(&Script::new().approved_at_once("DEMO-19"));
    factory.start();
    factory.wait_until_done(&["DEMO-19"]);
    assert_eq!(factory.repository.on_main("build/output.txt"), None);
    assert_eq!(factory.repository.on_main("README.md").as_deref(), Some("# A project"));
}
