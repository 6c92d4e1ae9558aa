//! A repository's own `WORKFLOW.md`: from the base branch, within what the operator allows.

use enact_factory::domain::agent::Stage;

use crate::support::factory::Factory;
use crate::support::factory::script::{APPROVE, DONE, Script, Step};

const WORKFLOW: &str = "---\nhooks:\n  before_run: touch HOOKED\nchecks:\n  - touch {{root}}/listed\n  - \
                        touch {{root}}/unlisted\nstages:\n  tester:\n    enabled: true\n    prompt: \
                        Test {{ issue.identifier }} with our harness.\n---\nHOUSE STYLE for {{ issue.title }}.\n";

fn with_workflow(text: &str) -> Factory {
    let mut factory = Factory::new();
    let root = factory.root().display().to_string();
    factory.repository.commit("Workflow", &[("WORKFLOW.md", &text.replace("{{root}}", &root))]);
    factory.project_config =
        format!("workflow = \"base-branch\"\nworkflow_commands = [\"touch {root}/listed\"]\n");
    factory.script(
        &Script::new()
            .step(Step::any("coder").write("{{item}}.txt", "hello\n").answer(DONE))
            .step(Step::any("tester").answer(r#"{"summary": "nothing is missing"}"#))
            .step(Step::any("critic").answer(APPROVE)),
    );
    factory
}

#[test]
fn the_repository_says_what_its_agents_are_told_and_its_commands_need_the_operator() {
    let mut factory = with_workflow(WORKFLOW);
    factory.item("DEMO-1", "", "Add a greeting");
    factory.start();
    factory.wait_until_done(&["DEMO-1"]);
    let coder = &factory.prompts("DEMO-1", "coder", 1)[0];
    assert!(coder.contains("HOUSE STYLE for Add a greeting."), "{coder}");
    assert!(coder.contains("Do not commit, push"), "the contract stays");
    assert!(!coder.contains("You are the coder of"));
    let tester = &factory.prompts("DEMO-1", "tester", 1)[0];
    assert!(tester.contains("Test DEMO-1 with our harness."));
    assert!(factory.root().join("listed").exists(), "a listed check is run");
    assert!(!factory.root().join("unlisted").exists(), "a check that is not listed is never run");
    assert_eq!(factory.repository.on_main("HOOKED"), None);
    let run = factory.runs("DEMO-1").pop().expect("a run");
    let remarks = run.workflow.expect("a workflow").remarks.join("\n");
    assert!(remarks.contains("`hooks`") && remarks.contains("unlisted` is never run"), "{remarks}");
}

#[test]
fn a_workflow_on_a_work_branch_changes_nothing_until_it_is_merged() {
    let mut factory = with_workflow("ONE for {{ issue.identifier }}.\n");
    let evil = "---\nstages:\n  tester: {enabled: true}\n---\nTWO for {{ issue.identifier }}.\n";
    let approve = Step::any("critic").answer(APPROVE);
    let revise = crate::support::factory::script::verdict("REVISE", "once more");
    factory.script(
        &Script::new()
            .step(Step::coder("DEMO-1").round(1).write("WORKFLOW.md", evil).answer(DONE))
            .step(Step::coder("DEMO-1").round(2).write("more.txt", "x\n").answer(DONE))
            .step(Step::critic("DEMO-1").round(1).answer(&revise))
            .step(Step::any("coder").write("{{item}}.txt", "hello\n").answer(DONE))
            .step(Step::any("tester").answer(r#"{"summary": "nothing is missing"}"#))
            .step(approve),
    );
    factory.item("DEMO-1", "", "Change the workflow");
    factory.start();
    factory.wait_until_done(&["DEMO-1"]);
    for round in [1, 2] {
        let coder = &factory.prompts("DEMO-1", "coder", round)[0];
        assert!(coder.contains("ONE for DEMO-1.") && !coder.contains("TWO for DEMO-1."));
    }
    let stages = factory.stages("DEMO-1");
    assert!(stages.iter().all(|(stage, _)| *stage != Stage::Tester), "{stages:?}");
    factory.item("DEMO-2", "", "Go on");
    factory.wait_until_done(&["DEMO-2"]);
    assert!(factory.prompts("DEMO-2", "coder", 1)[0].contains("TWO for DEMO-2."));
    assert_eq!(factory.prompts("DEMO-2", "tester", 1).len(), 1, "what was merged counts now");
}

#[test]
fn of_a_broken_workflow_the_last_good_version_counts_and_validate_names_the_place() {
    let mut factory = with_workflow("GOOD for {{ issue.identifier }}.\n");
    let broken = "---\nstages:\n  coder:\n    modle: big\n---\nBROKEN {{ issue.nmae }}\n";
    factory.repository.commit("Break it", &[("WORKFLOW.md", broken)]);
    factory.configure();
    let said = factory.cli(&["validate"]);
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.out.contains("main:WORKFLOW.md:4:5: there is no `modle` in a stage"), "{said:?}");
    assert!(said.out.contains("main:WORKFLOW.md:6:8: unknown variable `issue.nmae`"), "{said:?}");
    factory.item("DEMO-1", "", "Add a greeting");
    factory.start();
    factory.wait_until_done(&["DEMO-1"]);
    assert!(factory.prompts("DEMO-1", "coder", 1)[0].contains("GOOD for DEMO-1."));
    let run = factory.runs("DEMO-1").pop().expect("a run");
    let remark = &run.workflow.expect("a workflow").remarks[0];
    assert!(remark.contains("WORKFLOW.md:4:5"), "{remark}");
}

#[test]
fn a_workflow_that_was_never_right_asks_a_person_and_one_that_is_not_wanted_is_not_read() {
    let mut factory = with_workflow("{{ nonsense }}\n");
    factory.item("DEMO-1", "", "Add a greeting");
    factory.start();
    factory.wait_for(&["DEMO-1"], "waiting_human");
    factory.wait_until_quiet();
    assert!(factory.item_file("DEMO-1").contains("WORKFLOW.md:1:1: unknown variable `nonsense`"));
    assert!(factory.prompts("DEMO-1", "coder", 1).is_empty(), "no agent was started");

    let mut other = with_workflow(WORKFLOW);
    other.project_config.clear();
    other.item("DEMO-1", "", "Add a greeting");
    other.start();
    other.wait_until_done(&["DEMO-1"]);
    assert!(!other.prompts("DEMO-1", "coder", 1)[0].contains("HOUSE STYLE"));
    assert!(!other.root().join("listed").exists());
}
