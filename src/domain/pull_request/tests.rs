use super::*;

fn review(author: &str, trusted: bool, verdict: ReviewVerdict) -> RemoteReview {
    let (author, text) = (author.to_owned(), format!("{author} writes"));
    RemoteReview { author, trusted, verdict, text, at: Timestamp(1) }
}

fn thread(author: &str, trusted: bool, resolved: bool) -> ReviewThread {
    ReviewThread {
        id: author.to_owned(),
        file: None,
        line: None,
        resolved,
        author: author.to_owned(),
        trusted,
        text: "why?".to_owned(),
    }
}

fn check(name: &str, state: CheckState) -> RemoteCheck {
    RemoteCheck { name: name.to_owned(), state, url: None, summary: String::new() }
}

fn pull_request() -> PullRequest {
    PullRequest {
        number: 7,
        url: "https://forge.example/7".to_owned(),
        branch: "factory/x".to_owned(),
        base: "main".to_owned(),
        head: "a".repeat(40),
        state: PullRequestState::Open { draft: false },
        mergeable: Some(false),
        checks: vec![check("build", CheckState::Failed), check("lint", CheckState::Passed)],
        reviews: vec![
            review("ann", true, ReviewVerdict::ChangesRequested),
            review("bob", true, ReviewVerdict::Approved),
            review("mallory", false, ReviewVerdict::ChangesRequested),
            review("trent", false, ReviewVerdict::Approved),
        ],
        threads: vec![
            thread("ann", true, false),
            thread("bob", true, true),
            thread("mallory", false, false),
        ],
    }
}

#[test]
fn only_people_who_may_write_are_heard_and_the_others_are_counted() {
    let feedback = Feedback::of(&pull_request());
    let authors = |all: &[RemoteReview]| -> Vec<String> {
        all.iter().map(|review| review.author.clone()).collect()
    };
    assert_eq!(authors(&feedback.reviews), ["ann"]);
    assert_eq!(feedback.threads.iter().map(|it| it.author.as_str()).collect::<Vec<_>>(), ["ann"]);
    assert_eq!(feedback.checks, [check("build", CheckState::Failed)]);
    assert_eq!(feedback.left_out, 2);
    assert_eq!(
        feedback.words(),
        ["changes requested by ann", "1 open conversation", "1 failed check"]
    );
    let quiet = PullRequest { checks: vec![], reviews: vec![], threads: vec![], ..pull_request() };
    assert!(Feedback::of(&quiet).is_empty());
}

#[test]
fn the_words_say_how_it_stands() {
    assert_eq!(
        pull_request().words(),
        "open, cannot be merged, approved by bob, changes requested by ann, 1 open conversation, 1 failed check"
    );
    let merged = PullRequestState::Merged { commit: None };
    assert_eq!(PullRequest { state: merged, ..pull_request() }.words(), "merged");
}

#[test]
fn what_is_kept_of_a_reading_is_bounded() {
    let mut all = pull_request();
    all.threads = (0..200).map(|number| thread(&number.to_string(), true, false)).collect();
    all.threads.last_mut().unwrap().text = "x".repeat(5_000);
    let kept = all.bounded();
    assert_eq!(kept.threads.len(), MOST_KEPT);
    let last = kept.threads.last().unwrap();
    assert_eq!((last.id.as_str(), last.text.chars().count()), ("199", KEPT_CHARS + 1));
}
