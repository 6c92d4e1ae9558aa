//! What the critic says is what happens.

use enact_factory::domain::agent::Stage;
use enact_factory::domain::run::Outcome;

use crate::support::factory::Factory;
use crate::support::factory::script::{APPROVE, DONE, Script, Step, verdict};

#[test]
fn a_change_that_the_critic_approves_at_once_is_merged() {
    let mut factory = Factory::new();
    factory.item("DEMO-1", "", "Add a greeting\n\nIt belongs into greeting.txt.");
    factory.script(
        &Script::new()
            .step(Step::coder("DEMO-1").write("greeting.txt", "hello\n").costs(5000).answer(DONE))
            .step(Step::critic("DEMO-1").costs(700).answer(APPROVE)),
    );
    factory.start();
    let picture = factory.wait_until_done(&["DEMO-1"]);
    assert_eq!(picture.item("DEMO-1").attempts, 0);
    assert_eq!(factory.item_state("DEMO-1"), "Done");
    assert_eq!(factory.stages("DEMO-1"), [(Stage::Coder, 1), (Stage::Critic, 1)]);
    assert_eq!(factory.repository.on_main("greeting.txt").as_deref(), Some("hello"));
    let merges = factory.repository.merged_log();
    let runs: Vec<String> = factory.runs("DEMO-1").iter().map(|run| run.id.to_string()).collect();
    assert_eq!(merges.len(), 1);
    assert_eq!(merges[0].runs, runs);
    let author =
        factory.repository.git(&["log", "-1", "--format=%b", &format!("{}^2", merges[0].commit)]);
    assert!(author.contains("Co-authored-by:"), "{author}");
    let coder = &factory.prompts("DEMO-1", "coder", 1)[0];
    assert!(coder.contains("Add a greeting") && coder.contains("It belongs into greeting.txt."));
    let critic = &factory.prompts("DEMO-1", "critic", 1)[0];
    assert!(critic.contains("+hello"), "the critic gets the diff by value: {critic}");
    assert!(factory.worktrees().is_empty() && factory.repository.worktrees().is_empty());
    assert!(factory.survivors().is_empty(), "{:?}", factory.survivors());
    factory.verify_receipts();
}

#[test]
fn a_revised_change_is_merged_and_costs_the_sum_of_all_four_calls() {
    let mut factory = Factory::new();
    factory.item("DEMO-2", "", "Add a farewell");
    let revise = verdict("REVISE", "the farewell is not polite");
    factory.script(
        &Script::new()
            .step(
                Step::coder("DEMO-2")
                    .round(1)
                    .write("bye.txt", "go away\n")
                    .costs(1000)
                    .answer(DONE),
            )
            .step(Step::critic("DEMO-2").round(1).costs(200).answer(&revise))
            .step(
                Step::coder("DEMO-2")
                    .round(2)
                    .write("bye.txt", "farewell\n")
                    .costs(30)
                    .answer(DONE),
            )
            .step(Step::critic("DEMO-2").round(2).costs(4).answer(APPROVE)),
    );
    factory.start();
    let picture = factory.wait_until_done(&["DEMO-2"]);
    let costs: Vec<u64> =
        factory.turn_usages("DEMO-2").iter().map(|usage| usage.cost_micro_usd).collect();
    assert_eq!(costs, [1000, 200, 30, 4]);
    let used = picture.item("DEMO-2").usage;
    assert_eq!((used.cost_micro_usd, used.input_tokens, used.output_tokens), (1234, 4000, 400));
    assert_eq!(picture.item("DEMO-2").attempts, 0);
    assert_eq!(factory.repository.on_main("bye.txt").as_deref(), Some("farewell"));
    assert_eq!(factory.repository.merges_of("DEMO-2"), 1);
    let second = &factory.prompts("DEMO-2", "coder", 2)[0];
    assert!(second.contains("the farewell is not polite") && second.contains("make it right"));
    factory.verify_receipts();
}

#[test]
fn a_change_that_is_revised_for_ever_fails_after_three_rounds_and_every_prompt_has_the_feedback() {
    let mut factory = Factory::new();
    factory.item("DEMO-3", "", "Write a poem");
    let mut script = Script::new();
    for round in 1..=3 {
        let text = format!("verse {round}\n");
        let finding = verdict("REVISE", ["no rhyme", "too short", "off topic"][round - 1]);
        let round = u32::try_from(round).expect("a small number");
        script = script
            .step(Step::coder("DEMO-3").round(round).write("poem.txt", &text).answer(DONE))
            .step(Step::critic("DEMO-3").round(round).answer(&finding));
    }
    factory.script(&script);
    factory.start();
    let picture = factory.wait_until("the run is over", |picture| {
        picture.find("DEMO-3").is_some_and(|item| item.last_outcome.is_some())
    });
    assert_eq!(picture.item("DEMO-3").last_outcome.as_deref(), Some("agent failed"));
    assert_eq!(picture.item("DEMO-3").attempts, 1);
    let rounds: Vec<u32> = factory.stages("DEMO-3").iter().map(|(_, round)| *round).collect();
    assert_eq!(rounds, [1, 1, 2, 2, 3, 3]);
    let second = &factory.prompts("DEMO-3", "coder", 2)[0];
    assert!(second.contains("no rhyme"), "{second}");
    let third = &factory.prompts("DEMO-3", "coder", 3)[0];
    assert!(third.contains("too short") && third.contains("no rhyme"), "{third}");
    let kept = factory.runs("DEMO-3")[0].turns.iter().map(|turn| turn.turn).collect::<Vec<_>>();
    assert_eq!(kept, [1, 2, 3, 4, 5, 6]);
    factory.wait_until_quiet();
    let why = factory.why("DEMO-3");
    let cooldown = why.gate("cooldown").unwrap_or_else(|| panic!("no cooldown in {why:#?}"));
    assert!(cooldown.until.is_some() && !cooldown.reason.is_empty(), "{cooldown:?}");
    assert_eq!(factory.repository.merged_log(), []);
    assert_eq!(factory.item_state("DEMO-3"), "Todo");
    factory.verify_receipts();
}

#[test]
fn a_rejected_change_waits_for_a_person_whose_note_reaches_the_next_coder() {
    let mut factory = Factory::new();
    factory.item("DEMO-4", "", "Remove the licence");
    factory.script(
        &Script::new()
            .step(Step::coder("DEMO-4").unless_file("again").write("no.txt", "1\n").answer(DONE))
            .step(
                Step::critic("DEMO-4")
                    .unless_file("again")
                    .answer(&verdict("REJECT", "this harms the project")),
            )
            .step(Step::coder("DEMO-4").write("yes.txt", "2\n").answer(DONE))
            .step(Step::critic("DEMO-4").answer(APPROVE)),
    );
    factory.start();
    let picture = factory.wait_for(&["DEMO-4"], "waiting_human");
    factory.wait_until_quiet();
    let item = picture.item("DEMO-4");
    assert_eq!(item.last_outcome.as_deref(), Some("rejected"));
    assert_eq!(item.question_class.as_deref(), Some("critic_rejected"));
    assert_eq!(factory.stages("DEMO-4").len(), 2, "one round");
    assert_eq!(factory.item_state("DEMO-4"), "Blocked");
    assert!(factory.why("DEMO-4").gate("human").is_some());
    factory.touch("again");
    factory.cli_ok(&["retry", "DEMO-4", "--note", "move it into LICENCES instead"]);
    factory.wait_until_done(&["DEMO-4"]);
    let prompts = factory.prompts("DEMO-4", "coder", 1);
    assert_eq!(prompts.len(), 2);
    assert!(prompts[1].contains("move it into LICENCES instead"), "{}", prompts[1]);
    assert!(prompts[1].contains("this harms the project"), "findings travel too: {}", prompts[1]);
    assert_eq!(factory.outcomes("DEMO-4"), [Some(Outcome::Rejected), Some(Outcome::Succeeded)]);
    assert_eq!(factory.repository.on_main("no.txt"), None);
    assert_eq!(factory.repository.merges_of("DEMO-4"), 1);
}
