//! The stages beside coder and critic, as real child processes.

use enact_factory::domain::agent::Stage;
use enact_factory::domain::event::Event;
use enact_factory::domain::run::Outcome;
use enact_factory::domain::verdict::StageResult;

use crate::support::factory::Factory;
use crate::support::factory::script::{APPROVE, DONE, Script, Step, verdict};

/// What a stage that is no gate says.
const REPORT: &str = r#"{"summary": "looked around", "points": ["greeting.txt is the place"]}"#;

fn switched_on(stages: &[&str]) -> String {
    stages
        .iter()
        .map(|stage| format!("[autonomous.default_stages.{stage}]\nenabled = true\n"))
        .collect()
}

#[test]
fn a_run_with_every_stage_delivers_what_was_judged_last() {
    let mut factory = Factory::new();
    factory.more_config =
        switched_on(&["diagnose", "tester", "documenter", "auditor", "stage_documenter"]);
    factory.item("DEMO-1", "", "Add a greeting\n\n## Acceptance criteria\n- it says hello");
    let approve = r#"{"nonce": "{{nonce}}", "verdict": "APPROVE", "commit": "{{commit}}",
        "findings": [], "criteria": [{"criterion": 1, "met": true, "evidence": "greeting.txt:1"}]}"#;
    let summary = r#"{"summary": "greets now", "points": ["umlauts are next"]}"#;
    factory.script(
        &Script::new()
            .step(Step::of("DEMO-1", "diagnose").answer(REPORT))
            .step(Step::coder("DEMO-1").write("greeting.txt", "hello\n").answer(DONE))
            .step(Step::critic("DEMO-1").answer(approve))
            .step(Step::of("DEMO-1", "tester").write("greeting_test.txt", "ok\n").answer(REPORT))
            .step(Step::of("DEMO-1", "documenter").write("GUIDE.md", "It greets.\n").answer(REPORT))
            .step(Step::of("DEMO-1", "auditor").answer(APPROVE))
            .step(Step::of("DEMO-1", "stage-documenter").answer(summary)),
    );
    factory.start();
    factory.wait_until_done(&["DEMO-1"]);
    let stages: Vec<Stage> = factory.stages("DEMO-1").into_iter().map(|(stage, _)| stage).collect();
    assert_eq!(
        stages,
        [
            Stage::Diagnose,
            Stage::Coder,
            Stage::Critic,
            Stage::Tester,
            Stage::Documenter,
            Stage::Critic,
            Stage::Auditor,
            Stage::StageDocumenter
        ]
    );
    for file in ["greeting.txt", "greeting_test.txt", "GUIDE.md"] {
        assert!(factory.repository.on_main(file).is_some(), "{file} was not delivered");
    }
    let given = |stage: &str| factory.prompts("DEMO-1", stage, 1);
    assert!(given("coder")[0].contains("greeting.txt is the place"), "what was found first");
    let critic = given("critic");
    assert!(!critic[0].contains("Added after your approval") && !critic[0].contains("GUIDE.md"));
    assert!(
        critic[1].contains("Added after your approval: ") || critic[1].contains("# Added after")
    );
    assert!(critic[1].contains("+It greets.") && critic[1].contains("tester, documenter"));
    for stage in ["tester", "documenter", "auditor", "stage-documenter"] {
        let prompt = &given(stage)[0];
        assert!(prompt.contains("+hello") && prompt.contains("it says hello"), "{stage}: {prompt}");
    }
    assert!(given("auditor")[0].contains("You are the auditor"));
    let run = factory.runs("DEMO-1").pop().unwrap();
    assert_eq!(run.stage_report(Stage::StageDocumenter).unwrap().summary, "greets now");
    let head = run.approved.unwrap();
    let audited = factory.run_events("DEMO-1").into_iter().find_map(|event| match event {
        Event::AuditSubmitted { review, .. } => Some(review.commit),
        _ => None,
    });
    assert_eq!(audited.as_deref(), Some(head.as_str()), "the auditor judged what was delivered");
    let shown = factory.cli(&["inspect", "DEMO-1"]);
    assert!(shown.out.contains("stage-documenter: greets now"), "{shown:?}");
    assert!(factory.survivors().is_empty());
    factory.verify_receipts();
}

#[test]
fn one_projects_stages_are_its_own_and_red_tests_go_back_to_the_coder() {
    let mut factory = Factory::new();
    factory.project_config =
        "checks = [\"test ! -e defect.test\"]\n[projects.default_stages.tester]\nenabled = true\n"
            .to_owned();
    factory.item("DEMO-1", "", "Add a greeting");
    let tester = || Step::of("DEMO-1", "tester");
    let coder = || Step::coder("DEMO-1");
    factory.script(
        &Script::new()
            .step(coder().round(1).write("greeting.txt", "hello\n").answer(DONE))
            .step(coder().round(2).delete("defect.test").write("greeting.txt", "hi\n").answer(DONE))
            .step(tester().round(1).write("defect.test", "").answer(REPORT))
            .step(tester().answer(REPORT))
            .step(Step::critic("DEMO-1").answer(APPROVE)),
    );
    factory.start();
    factory.wait_until_done(&["DEMO-1"]);
    let stages: Vec<(Stage, u32)> = factory.stages("DEMO-1");
    assert_eq!(
        stages,
        [
            (Stage::Coder, 1),
            (Stage::Critic, 1),
            (Stage::Tester, 1),
            (Stage::Coder, 2),
            (Stage::Critic, 2),
            (Stage::Tester, 2)
        ]
    );
    let told = &factory.prompts("DEMO-1", "coder", 2)[0];
    assert!(told.contains("`test ! -e defect.test` fails"), "{told}");
    assert_eq!(factory.repository.on_main("greeting.txt").as_deref(), Some("hi"));
}

#[test]
fn a_stage_that_crashes_half_way_leaves_nothing_in_the_change_and_the_run_goes_on() {
    let mut factory = Factory::new();
    factory.more_config = switched_on(&["documenter"]);
    factory.item("DEMO-1", "", "Add a greeting");
    factory.script(
        &Script::new()
            .step(Step::coder("DEMO-1").write("greeting.txt", "hello\n").answer(DONE))
            .step(Step::critic("DEMO-1").answer(APPROVE))
            .step(
                Step::of("DEMO-1", "documenter").write("HALF.md", "half a pa").act(
                    "{ fail = { class = \"agent\", message = \"lost the thread\" } }".to_owned(),
                ),
            ),
    );
    factory.start();
    factory.wait_until_done(&["DEMO-1"]);
    let run = factory.runs("DEMO-1").pop().unwrap();
    assert!(matches!(
        &run.stage_results[&Stage::Documenter],
        StageResult::Skipped { reason } if reason.contains("lost the thread")
    ));
    assert_eq!(factory.repository.on_main("greeting.txt").as_deref(), Some("hello"));
    assert_eq!(factory.repository.on_main("HALF.md"), None);
    assert_eq!(run.turns.iter().filter(|turn| turn.stage == Stage::Critic).count(), 1);
}

#[test]
fn exec_with_the_whole_pipeline_tests_and_documents_without_any_configuration() {
    let factory = Factory::new();
    factory.configure();
    factory.script(
        &Script::new()
            .step(Step::any("coder").write("greeting.txt", "hello\n").answer(DONE))
            .step(Step::any("tester").write("greeting_test.txt", "ok\n").answer(REPORT))
            .step(Step::any("documenter").answer(REPORT))
            .step(Step::any("critic").answer(APPROVE)),
    );
    let repository = factory.repository.path.display().to_string();
    let exec = ["exec", "Greet", "--pipeline", "--json", "--path", &repository];
    let said = factory.cli_ok(&exec);
    let result: serde_json::Value = serde_json::from_str(&said.out).expect("JSON");
    assert_eq!(result["turns"], 5, "coder, critic, tester, documenter, critic: {result}");
    assert_eq!(factory.repository.on_main("greeting_test.txt").as_deref(), Some("ok"));
}

#[test]
fn nothing_is_delivered_that_the_auditor_rejects() {
    let mut factory = Factory::new();
    factory.more_config = switched_on(&["auditor"]);
    factory.item("DEMO-1", "", "Add a greeting");
    factory.script(
        &Script::new()
            .step(Step::coder("DEMO-1").write("greeting.txt", "hello\n").answer(DONE))
            .step(Step::critic("DEMO-1").answer(APPROVE))
            .step(
                Step::of("DEMO-1", "auditor").answer(&verdict("REJECT", "sends mail to strangers")),
            ),
    );
    factory.start();
    factory.wait_for(&["DEMO-1"], "waiting_human");
    factory.wait_until_quiet();
    assert_eq!(factory.outcomes("DEMO-1"), [Some(Outcome::Rejected)]);
    assert_eq!(factory.repository.on_main("greeting.txt"), None);
    assert!(factory.item_file("DEMO-1").contains("the auditor rejects"));
}

#[test]
fn what_an_interrupted_tester_had_written_is_not_lost() {
    let orderly = |factory: &mut Factory| {
        let _status = factory.sigterm();
    };
    for stop in [orderly, |factory: &mut Factory| factory.power_cut()] {
        let mut factory = Factory::new();
        factory.more_config = switched_on(&["tester"]);
        factory.item("DEMO-2", "", "Add a greeting");
        let interrupted = Step::of("DEMO-2", "tester")
            .unless_file("hung")
            .write("half_test.txt", "half a test\n")
            .note("hung")
            .hang();
        factory.script(
            &Script::new()
                .step(Step::coder("DEMO-2").write("greeting.txt", "hello\n").answer(DONE))
                .step(Step::critic("DEMO-2").answer(APPROVE))
                .step(interrupted)
                .step(Step::of("DEMO-2", "tester").write("test.txt", "ok\n").answer(REPORT)),
        );
        factory.start();
        factory.wait_for_file("hung");
        stop(&mut factory);
        factory.start();
        factory.wait_until_done(&["DEMO-2"]);
        assert_eq!(factory.repository.on_main("test.txt").as_deref(), Some("ok"));
        // The new turn begins at the commit that was judged; what the old one left is on a ref of its own.
        assert_eq!(factory.repository.on_main("half_test.txt"), None);
        let run = factory.runs("DEMO-2")[0].id;
        let saved = format!("refs/factory/wip/{run}:half_test.txt");
        assert_eq!(factory.repository.git(&["show", &saved]), "half a test");
        factory.verify_receipts();
    }
}
