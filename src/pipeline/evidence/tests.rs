use super::*;
use crate::domain::verdict::{CriterionAnswer, Review};
use crate::pipeline::machine::tests::driver::Driver;

fn receipt() -> Receipt {
    Receipt { stream: "run/1".to_owned(), events: 12, hash: "ab".repeat(32) }
}

/// A run of two rounds that was approved.
fn approved() -> RunState {
    let mut run = Driver::new();
    run.coder_done("a").checks(None).revise("says bye");
    run.coder_done("b").checks(None).approve();
    run.state
}

#[test]
fn everything_on_record_is_in_it() {
    let mut run = approved();
    let file = run.change.as_ref().unwrap().files[0].clone();
    run.review.as_mut().unwrap().criteria = vec![CriterionAnswer {
        criterion: 1,
        met: true,
        evidence: format!("{file} prints it, `make test` passes"),
    }];
    let text = pack(&run, Some(&receipt()), 65_536);
    let expected = [
        "**`DEMO-1`** Greet the caller\n\n> The program must say hello.".to_owned(),
        format!(
            "\n- ✅ prints hello — the critic: {file} prints it, \\`make test\\` passes (in the diff: `{file}`) (passed: `make test`)"
        ),
        "\n- ❔ exits with 0 — no evidence recorded".to_owned(),
        "### Checks\n\n- `make test`: passed on the change".to_owned(),
        "\n- round 1: 1 finding\n  - major `src/main.rs:7`: says bye".to_owned(),
        "\n- round 2: the critic approved `".to_owned(),
        "\n- coder: 2 turns by `coder-agent`".to_owned(),
        "2 rounds, 4 turns".to_owned(),
        "Receipts: `run/1`, event 12, hash `abababababababab`".to_owned(),
    ];
    for part in expected {
        assert!(text.contains(&part), "{part:?} is not in\n{text}");
    }
    assert_eq!(title(&run), "DEMO-1: Greet the caller");
}

#[test]
fn what_nobody_looked_at_is_not_claimed() {
    let mut run = approved();
    run.review = None;
    run.plan.stages.critic = None;
    run.checks = None;
    run.plan.criteria.clear();
    let text = pack(&run, None, 65_536);
    for part in ["The work item names none.", "None are configured.", "it is switched off"] {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
}

#[test]
fn what_others_wrote_does_nothing() {
    let mut run = approved();
    run.plan.title = "Ask @alice\n# <b>now</b>\u{202e}".to_owned();
    run.plan.body = "<!-- hidden --> closes #12".to_owned();
    let text = pack(&run, None, 65_536);
    assert!(text.contains("Ask @\u{2060}alice #\u{2060} &lt;b&gt;now"), "{text}");
    assert!(text.contains("&lt;!-- hidden --&gt; closes #\u{2060}12"), "{text}");
    assert_eq!(title(&run), "DEMO-1: Ask @alice # <b>now</b>");
}

#[test]
fn a_long_story_gets_shorter_and_ends_between_lines() {
    let mut run = approved();
    run.plan.body = "word ".repeat(20_000);
    run.plan.criteria = (0..40).map(|number| format!("{number} {}", "long ".repeat(200))).collect();
    let change = run.change.as_mut().unwrap();
    change.files = (0..500).map(|number| format!("src/some/where/file_{number}.rs")).collect();
    let finding = run.findings[0].clone();
    run.findings = vec![finding; 500];
    for most in [65_536, 4_000, 1_000, 100] {
        let text = pack(&run, Some(&receipt()), most);
        assert!(length(&text) <= most, "{} > {most}", length(&text));
        assert!(most < 4_000 || text.contains("### Run"), "{text}");
        assert!(most >= 4_000 || text.ends_with("… the rest is in the factory's log"), "{text}");
    }
    let long = pack(&run, None, 65_536);
    assert!(long.contains("- and 400 more files"), "{long}");
}

#[test]
fn words_and_letters_are_never_cut() {
    assert_eq!(clipped("one two three", 9), "one two…");
    assert_eq!(clipped("short", 9), "short");
    let family = "👨\u{200D}👩\u{200D}👧";
    assert_eq!(clipped(&format!("xx{family}"), 4), "xx…");
    assert_eq!(clipped(&"e\u{0301}".repeat(10), 5), format!("{}…", "e\u{0301}".repeat(2)));
    assert_eq!(clipped(&"\u{0301}".repeat(10), 5), format!("{}…", "\u{0301}".repeat(5)));
}

#[test]
fn a_template_comes_last_and_only_whole() {
    assert_eq!(with_template("pack", Some("\n- [ ] rule\n"), 100), "pack\n\n---\n\n- [ ] rule");
    assert_eq!(with_template("pack", Some("- [ ] rule"), 15), "pack");
    assert_eq!(with_template("pack", None, 15), "pack");
}

#[test]
fn the_verdict_on_record_is_the_newest() {
    let run = approved();
    let review: &Review = run.review.as_ref().unwrap();
    assert_eq!(review.verdict, Verdict::Approve);
    assert_eq!(Some(&review.commit), run.approved.as_ref());
}
