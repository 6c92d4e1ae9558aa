//! Approved, revised, rejected; what the agents were told; what it cost.

use enact_factory::domain::budget::Usage;
use enact_factory::domain::run::Outcome;

use super::{Cli, Workshop, says, with_each_cli};
use crate::support::model_server::{RecordedRequest, Rule, Script, ToolCall, usage};

/// One item per way that a run can go; the check fails where there is a `broken.txt`.
#[test]
fn a_change_is_judged_told_and_paid_for() {
    with_each_cli(|cli| {
        let Some(mut shop) = Workshop::new(cli) else { return };
        let check =
            "! test -e broken.txt || { echo 'marker 4711: broken.txt is there'; exit 3; }\n";
        shop.factory.repository.commit("Check", &[("check.sh", check)]);
        shop.factory.item(
            "OK-1",
            "",
            "Greet the world\n\nThe greeting must be heard on Mars.\n\n## Acceptance criteria\n\n\
         - the greeting is in a file\n- Martians understand it",
        );
        shop.factory.item("AGAIN-1", "", "Greet the moon");
        shop.factory.item("RED-1", "", "Break nothing");
        shop.factory.item("NO-1", "", "Sell the repository");
        shop.server.script(script());
        shop.factory.start();
        shop.factory.wait_until_done(&["OK-1", "AGAIN-1", "RED-1"]);
        shop.factory.wait_until("the rejected one waits for a person", |picture| {
            picture.item("NO-1").question_class.is_some()
        });
        shop.print_turns(&["OK-1", "AGAIN-1", "RED-1", "NO-1"]);

        let tree = shop.factory.repository.tree();
        assert_eq!(tree["OK-1.txt"], "made for OK-1");
        assert_eq!(tree["AGAIN-1.txt"], "second try");
        assert_eq!(tree["RED-1.txt"], "repaired");
        assert!(!tree.contains_key("NO-1.txt") && !tree.contains_key("broken.txt"), "{tree:?}");
        assert_eq!(shop.factory.outcomes("NO-1"), [Some(Outcome::Rejected)]);
        for item in ["OK-1", "AGAIN-1", "RED-1"] {
            assert_eq!(shop.factory.outcomes(item), [Some(Outcome::Succeeded)], "{item}");
        }
        assert_told(&shop);
        for item in ["OK-1", "AGAIN-1", "RED-1", "NO-1"] {
            assert_paid(&shop, cli, item);
            assert_sessions(&shop, cli, item);
        }
        shop.close();
    });
}

fn script() -> Script {
    let write = |file: &str, text: &str| vec![ToolCall::write(file, text)];
    let repair = "rm broken.txt; echo repaired > RED-1.txt";
    Script::new()
        .rule(says::writes("OK-1"))
        .rule(Rule::new(says::critic("OK-1"), says::approve(2)))
        .rule(says::work(
            says::round(says::coder("AGAIN-1"), 1),
            write("AGAIN-1.txt", "first try\n"),
        ))
        .rule(says::work(
            says::round(says::coder("AGAIN-1"), 2),
            vec![ToolCall::bash("echo second try > AGAIN-1.txt")],
        ))
        .rule(Rule::new(
            says::round(says::critic("AGAIN-1"), 1),
            says::objects("REVISE", "nobody lives there (finding 815)", "try again (fix 816)"),
        ))
        .rule(Rule::new(says::critic("AGAIN-1"), says::approve(0)))
        .rule(says::work(says::round(says::coder("RED-1"), 1), write("broken.txt", "x\n")))
        .rule(says::work(says::round(says::coder("RED-1"), 2), vec![ToolCall::bash(repair)]))
        .rule(Rule::new(says::critic("RED-1"), says::approve(0)))
        .rule(says::writes("NO-1"))
        .rule(Rule::new(
            says::critic("NO-1"),
            says::objects("REJECT", "it is not for sale", "leave it"),
        ))
}

/// What must be known to an agent is in what the model was sent.
fn assert_told(shop: &Workshop) {
    let only = |item: &str, stage: &str| {
        let prompts = shop.prompts(item, stage);
        let [prompt] = &prompts[..] else { panic!("{item} {stage}: {prompts:#?}") };
        prompt.clone()
    };
    for prompt in [only("OK-1", "coder"), only("OK-1", "critic")] {
        assert!(prompt.contains("The greeting must be heard on Mars."), "{prompt}");
        let criteria = "\n1. the greeting is in a file\n2. Martians understand it\n";
        assert!(prompt.contains(criteria), "{prompt}");
    }
    let review = only("OK-1", "critic");
    assert!(review.contains("+made for OK-1") && review.contains("OK-1.txt"), "{review}");
    assert!(review.contains("`sh check.sh` passed"), "{review}");

    let [first, second] = &shop.prompts("AGAIN-1", "coder")[..] else { panic!("two rounds") };
    assert!(!first.contains("finding 815"), "{first}");
    for told in ["README.md:1 nobody lives there (finding 815)", "try again (fix 816)"] {
        assert!(second.contains(told), "{second}");
    }
    let [_, second] = &shop.prompts("AGAIN-1", "critic")[..] else { panic!("two rounds") };
    assert!(second.contains("nobody lives there (finding 815)"), "{second}");
    assert!(second.contains("+second try"), "{second}");

    let [_, second] = &shop.prompts("RED-1", "coder")[..] else { panic!("two rounds") };
    for told in ["marker 4711: broken.txt is there", "exit code 3", "`sh check.sh`"] {
        assert!(second.contains(told), "{told}: {second}");
    }
    assert_eq!(shop.prompts("RED-1", "critic").len(), 1, "nobody reviews what does not pass");
}

/// The usage on record is the sum of all calls that were answered.
fn assert_paid(shop: &Workshop, cli: Cli, item: &str) {
    let turns = shop.factory.turn_usages(item);
    let calls = [shop.calls(item, "coder"), shop.calls(item, "critic")].concat();
    let count = u64::try_from(calls.len()).expect("a few");
    let (input, cache_write) = cli.input_per_call();
    let sum = turns.iter().fold(Usage::default(), |mut sum, turn| {
        sum += *turn;
        sum
    });
    let tokens =
        (sum.input_tokens, sum.output_tokens, sum.cache_read_tokens, sum.cache_write_tokens);
    let expected =
        (count * input, count * usage::OUTPUT, count * usage::CACHE_READ, count * cache_write);
    assert_eq!(tokens, expected, "{item}: {count} calls, {turns:?}");
    match cli {
        Cli::Claude => {
            // 3 and 15 dollars per million tokens in and out, 0.30 from the cache, 3.75 into it.
            let exact = count * 7485;
            let rounding = 10 * u64::try_from(turns.len()).expect("a few");
            assert!(exact.abs_diff(sum.cost_micro_usd * 10) <= rounding, "{item}: {sum:?}");
            assert_eq!(sum.unpriced_calls, 0);
        }
        // It counts calls, the others turns.
        Cli::Responses => {
            assert_eq!(sum.cost_micro_usd, 0);
            assert_eq!(usize::try_from(sum.unpriced_calls).ok(), Some(calls.len()));
        }
        Cli::Codex | Cli::Opencode | Cli::Hermes | Cli::Cursor | Cli::Acp | Cli::OpencodeByAcp => {
            assert_eq!(sum.cost_micro_usd, 0);
            assert_eq!(usize::try_from(sum.unpriced_calls).ok(), Some(turns.len()));
        }
    }
    let runs = shop.factory.runs(item);
    let [run] = &runs[..] else { panic!("{item}: {} runs", runs.len()) };
    assert_eq!(run.usage, sum);
    let picture = shop.factory.picture().expect("a picture");
    let shown = picture.item(item).usage;
    assert_eq!(
        (shown.input_tokens, shown.output_tokens, shown.cost_micro_usd),
        (sum.input_tokens, sum.output_tokens, sum.cost_micro_usd)
    );
}

/// Every turn has a session of its own, and the one on record is the one that the model saw.
fn assert_sessions(shop: &Workshop, cli: Cli, item: &str) {
    let runs = shop.factory.runs(item);
    let recorded: Vec<Option<String>> = runs
        .iter()
        .flat_map(|run| &run.turns)
        .filter_map(|turn| turn.report.as_ref().map(|report| report.session.clone()))
        .collect();
    let mut seen: Vec<RecordedRequest> =
        [shop.calls(item, "coder"), shop.calls(item, "critic")].concat();
    seen.sort_by_key(|request| request.number);
    seen.retain(|request| request.step() == 0);
    let seen: Vec<Option<String>> = seen.iter().map(RecordedRequest::session).collect();
    if cli == Cli::Hermes {
        // It keeps its session to itself.
        assert_eq!(recorded.len(), seen.len(), "{item}");
    } else {
        assert_eq!(recorded, seen, "{item}");
    }
    let distinct: std::collections::BTreeSet<_> = recorded.iter().collect();
    assert_eq!(distinct.len(), recorded.len(), "{recorded:?}");
}
