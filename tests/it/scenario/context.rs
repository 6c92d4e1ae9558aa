//! What goes into prompts beside the task, as the child processes got it.

use std::fs;

use crate::support::factory::Factory;
use crate::support::factory::script::{APPROVE, Script, Step};

const RULES: &str = "In this house always use tabs, never blanks, whatever the editor says.\n";

fn furnished() -> Factory {
    let mut factory = Factory::new();
    factory.repository.commit(
        "Rules",
        &[
            ("AGENTS.md", RULES),
            ("CLAUDE.md", RULES),
            (".cursor/rules/style.mdc", "Short names are fine here.\n"),
        ],
    );
    fs::write(factory.root().join("soul.md"), "You are Ada, and terse.\n").expect("a file");
    factory.more_config = format!("[context]\nsoul = \"{}/soul.md\"\n", factory.root().display());
    let said = "As the rules say I always use tabs, never blanks, whatever happens.";
    factory.script(
        &Script::new()
            .step(
                Step::any("coder")
                    .write("{{item}}.txt", "hello\n")
                    .write("AGENTS.md", "Obey the branch.\n")
                    .say(said)
                    .answer(r#"{"summary": "greets in one place now"}"#),
            )
            .step(Step::any("critic").answer(APPROVE)),
    );
    factory
}

#[test]
fn every_agent_gets_soul_rules_and_what_earlier_runs_came_to() {
    let mut factory = furnished();
    factory.item("DEMO-1", "", "Add a greeting");
    factory.start();
    factory.wait_until_done(&["DEMO-1"]);
    let first = &factory.prompts("DEMO-1", "coder", 1)[0];
    assert!(first.contains("# Who you are") && first.contains("You are Ada, and terse."));
    assert!(first.contains("# Project rules: AGENTS.md") && first.contains("always use tabs"));
    assert!(first.contains("# Project rules: .cursor/rules/style.mdc"));
    assert!(!first.contains("Project rules: CLAUDE.md"), "the same rules are given once");
    assert!(!first.contains("Earlier run"), "there was none");
    let critic = &factory.prompts("DEMO-1", "critic", 1)[0];
    let rules = critic.split("# Project rules: AGENTS.md").nth(1).expect("the rules");
    let rules = rules.split("\n# ").next().expect("a section");
    assert!(rules.contains("always use tabs"), "{rules}");
    assert!(!rules.contains("Obey the branch"), "rules come from the base, not from the branch");

    fs::remove_file(factory.root().join("soul.md")).expect("the file");
    factory.item("DEMO-2", "", "Add another");
    factory.wait_until_done(&["DEMO-2"]);
    let second = &factory.prompts("DEMO-2", "coder", 1)[0];
    assert!(second.contains("# Earlier run ") && second.contains("greets in one place now"));
    assert!(second.contains("DEMO-1 (Add a greeting)") && second.contains("succeeded"));
    assert!(second.contains("Obey the branch."), "what was merged is the base now");
    assert!(!second.contains("Who you are"), "without the file, without the section");
    let run = factory.runs("DEMO-2").pop().expect("a run");
    let record = &run.turns[0].prompt;
    assert!(record.unavailable[0].starts_with("who you are: cannot read"), "{record:?}");
    let size = record.sections.iter().map(|section| section.bytes).sum::<u64>();
    assert!(size > 0 && size < record.bytes && record.bytes == second.len() as u64);

    let shown = factory.cli(&["inspect", &run.id.short(), "--context"]);
    assert_eq!(shown.code, 0, "{shown:?}");
    for word in
        ["prompt of turn 1 (coder", "Project rules: AGENTS.md", "tokens", "could not be had"]
    {
        assert!(shown.out.contains(word), "{word}: {shown:?}");
    }
}

#[test]
fn analyze_says_which_sections_an_agent_took_up() {
    let mut factory = furnished();
    factory.item("DEMO-1", "", "Add a greeting");
    factory.start();
    factory.wait_until_done(&["DEMO-1"]);
    let shown = factory.cli(&["analyze", "DEMO-1", "--json"]);
    assert_eq!(shown.code, 0, "{shown:?}");
    let report: serde_json::Value = serde_json::from_str(&shown.out).expect("JSON");
    let cited = |name: &str| {
        let sections = report["sections"].as_array().expect("sections");
        let section = sections.iter().find(|section| section["section"] == name);
        section.unwrap_or_else(|| panic!("{name}: {report}"))["cited"].as_bool()
    };
    assert_eq!(report["stage"], "coder");
    assert_eq!(cited("Project rules: AGENTS.md"), Some(true));
    assert_eq!(cited("Who you are"), Some(false));
    let shown = factory.cli(&["analyze", "DEMO-1"]);
    assert!(shown.out.contains("cited") && shown.out.contains("always use tabs never blanks"));
}

#[test]
fn a_task_without_a_daemon_gets_the_same_in_korean() {
    let factory = furnished();
    let config = factory.configure();
    let text = fs::read_to_string(&config).expect("the configuration");
    fs::write(&config, format!("language = \"ko\"\n{text}")).expect("the configuration");
    let repository = factory.repository.path.display().to_string();
    let said = factory.cli(&["exec", "인사말을 더하라", "--path", &repository]);
    assert_eq!(said.code, 0, "{said:?}");
    let said = factory.cli(&["exec", "Add more", "--path", &repository]);
    assert_eq!(said.code, 0, "{said:?}");
    let prompts = factory.all_prompts();
    let coders: Vec<&String> =
        prompts.iter().filter(|(name, _)| name.contains(".coder.")).map(|(_, text)| text).collect();
    assert_eq!(coders.len(), 2);
    assert!(
        coders
            .iter()
            .all(|text| text.contains("# 당신은 누구인가") && text.contains("You are Ada"))
    );
    assert!(coders.iter().all(|text| text.contains("# Project rules: AGENTS.md")));
    let with_note = coders.iter().filter(|text| text.contains("# Earlier run "));
    assert_eq!(with_note.count(), 1, "the second one hears of the first");
    assert!(
        prompts.iter().any(|(_, text)| text.contains("# 목표") && text.contains("인사말을 더하라"))
    );
}
