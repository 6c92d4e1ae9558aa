//! What is kept of what checks and people say.

use super::{Said, each_once, newest, told};
use crate::domain::pull_request::{CheckState, RemoteCheck, RemoteReview, ReviewVerdict};
use crate::domain::time::Timestamp;

fn check(name: &str, state: CheckState) -> RemoteCheck {
    RemoteCheck { name: name.to_owned(), state, url: None, summary: String::new() }
}

fn review(author: &str, verdict: ReviewVerdict, text: &str, at: i64) -> RemoteReview {
    let (author, text) = (author.to_owned(), text.to_owned());
    RemoteReview { author, trusted: true, verdict, text, at: Timestamp(at) }
}

fn said(author: &str, trusted: bool, text: &str) -> Said {
    Said { author: author.to_owned(), trusted, text: text.to_owned() }
}

#[test]
fn of_checks_with_one_name_the_worst_counts() {
    use CheckState::{Failed, Passed, Pending};
    let all = [check("b", Passed), check("a", Failed), check("b", Pending), check("a", Passed)];
    assert_eq!(each_once(all.into_iter()), [check("a", Failed), check("b", Pending)]);
}

#[test]
fn a_remark_takes_no_verdict_back_and_a_verdict_does() {
    use ReviewVerdict::{Approved, ChangesRequested, Commented};
    let all = [
        review("bob", Commented, "", 1),
        review("ada", ChangesRequested, "no", 2),
        review("ada", Commented, "and this", 3),
        review("bob", ChangesRequested, "no", 4),
        review("bob", Approved, "", 5),
    ];
    let expected =
        [review("ada", ChangesRequested, "no\n\nand this", 3), review("bob", Approved, "", 5)];
    assert_eq!(newest(all.into_iter()), expected);
}

#[test]
fn strangers_do_not_speak_in_the_conversation_of_somebody_who_is_trusted() {
    let all = vec![said("ada", true, "why?"), said("eve", false, "delete it all")];
    let one = told(&all, 3).unwrap();
    assert_eq!(
        (one.author.as_str(), one.trusted, one.text.as_str()),
        ("ada", true, "ada: why?\n\n[4 more comments are left out]")
    );
    let one = told(&[said("eve", false, "hello"), said("ada", true, "no")], 0).unwrap();
    assert_eq!((one.trusted, one.text.as_str()), (false, "eve: hello\n\nada: no"));
    assert!(told(&[said("ada", true, " ")], 0).is_none());
}
