use super::{card, plain};
use crate::domain::failure::FailureClass;
use crate::pipeline::machine::tests::driver::Driver;

#[test]
fn the_card_follows_the_run() {
    let mut run = Driver::new();
    let begun = card(&run.state);
    assert!(!begun.implementation_complete && !begun.review_passed && begun.branch.is_none());
    run.coder_done("a");
    assert!(!card(&run.state).implementation_complete);
    run.checks(None);
    let checked = card(&run.state);
    assert!(checked.implementation_complete && !checked.review_passed);
    assert!(checked.text.contains("\n- `make test`: passed"), "{}", checked.text);
    run.revise("says bye");
    let revised = card(&run.state);
    assert!(revised.text.contains("\n- major `src/main.rs:7`: says bye"), "{}", revised.text);
    assert!(revised.text.starts_with("**coding** · run `"), "{}", revised.text);
    run.coder_done("b");
    assert!(!card(&run.state).implementation_complete, "the new change is not checked yet");
    run.checks(None).approve();
    let approved = card(&run.state);
    assert!(approved.implementation_complete && approved.review_passed);
    assert!(!approved.text.contains("says bye"), "{}", approved.text);
    run.deliver();
    let delivered = card(&run.state);
    assert!(delivered.text.starts_with("**succeeded** · "), "{}", delivered.text);
    assert!(delivered.text.contains(" · 4 turns, "), "{}", delivered.text);
    assert!(delivered.implementation_complete && delivered.review_passed);
}

#[test]
fn a_run_that_waits_says_for_what_and_one_with_failing_checks_which() {
    let mut run = Driver::new();
    run.turn_fails(FailureClass::Quota { until: None });
    let text = card(&run.state).text;
    assert!(text.contains("\n\nIt waits until 20"), "{text}");
    let mut run = Driver::new();
    run.coder_done("a").checks(Some("boom"));
    let failed = card(&run.state);
    assert!(!failed.implementation_complete);
    assert!(failed.text.contains("fails, and did not before"), "{}", failed.text);
}

#[test]
fn what_agents_write_is_shown_and_does_nothing() {
    let written =
        "Ask @alice, see #12 <img src=x> [here](https://evil.example)\n\n# Done `rm`\u{202e}";
    assert_eq!(
        plain(written),
        "Ask @\u{2060}alice, see #\u{2060}12 &lt;img src=x&gt; \\[here\\](https&#58;//evil.example) \
         #\u{2060} Done \\`rm\\`"
    );
    assert_eq!(plain("www.evil.example"), "www\u{2060}.evil.example");
    assert!(plain(&"x".repeat(400)).ends_with("xx…"));
}
