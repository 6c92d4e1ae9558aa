//! Pull requests of ours: read in time, and what their standing means.

use std::time::Duration;

use crate::domain::effect::Effect;
use crate::domain::event::Event;
use crate::domain::pull_request::{
    CheckState, Offer, PullRequest, PullRequestState, RemoteCheck, RemoteReview, ReviewVerdict,
};
use crate::domain::run::Outcome;
use crate::store::StoreReader;

use super::super::{Unread, Watched};
use super::{
    Bench, Command, Input, ItemState, ItemStatus, ONE, ProjectId, RunId, Timestamp, Uuid, id, wait,
};

fn open() -> PullRequest {
    PullRequest {
        number: 7,
        url: "https://forge.example/7".to_owned(),
        branch: "factory/A-1".to_owned(),
        base: "main".to_owned(),
        head: "a".repeat(40),
        state: PullRequestState::Open { draft: false },
        mergeable: Some(true),
        checks: Vec::new(),
        reviews: Vec::new(),
        threads: Vec::new(),
    }
}

fn merged() -> PullRequest {
    PullRequest { state: PullRequestState::Merged { commit: Some("c".repeat(40)) }, ..open() }
}

fn closed() -> PullRequest {
    PullRequest { state: PullRequestState::Closed, ..open() }
}

fn review(author: &str, trusted: bool) -> RemoteReview {
    RemoteReview {
        author: author.to_owned(),
        trusted,
        verdict: ReviewVerdict::ChangesRequested,
        text: format!("{author} wants it shorter"),
        at: Timestamp(1),
    }
}

fn failing() -> PullRequest {
    let check = RemoteCheck {
        name: "build".to_owned(),
        state: CheckState::Failed,
        url: None,
        summary: String::new(),
    };
    PullRequest { checks: vec![check], ..open() }
}

fn watched() -> Watched {
    Watched { item: id("A-1"), project: ProjectId::new("demo"), number: 7 }
}

/// A bench on which the change of A-1 waits for review.
fn offered(follow_up: bool) -> Bench {
    let mut bench = Bench::new(ONE);
    let project = bench.policy.projects.get_mut(&ProjectId::new("demo")).unwrap();
    project.pull_request.poll_ms = 60_000;
    project.pull_request.follow_up = follow_up;
    bench.restart();
    bench.items.get_mut("A-1").unwrap().state = ItemState::InReview;
    bench.read();
    let now = bench.now;
    let run = RunId(Uuid::from_u128(7));
    let offer = Offer {
        run,
        earlier: Vec::new(),
        project: ProjectId::new("demo"),
        forge: "memory".to_owned(),
        number: 7,
        url: open().url,
        branch: open().branch,
        base_commit: "b".repeat(40),
        head: open().head,
    };
    let engine = &mut bench.engine;
    engine.record_item(&id("A-1"), Event::ItemOffered { offer }, now);
    let (outcome, evidence) = (Outcome::Succeeded, "offered".to_owned());
    let resolved = Event::ItemResolved { run: None, outcome, evidence, in_review: true };
    engine.record_item(&id("A-1"), resolved, now);
    let handled = engine.handled(None, None, now);
    bench.store(handled);
    bench
}

fn reads(bench: &mut Bench, pull_request: PullRequest) {
    let result = Box::new(Ok(pull_request));
    bench.give(Input::PullRequestRead { watched: watched(), result });
}

/// What the tracker is to be told: state and entry.
fn told(bench: &Bench) -> Vec<(Option<ItemState>, String)> {
    let effects = wait(bench.store.open_effects()).unwrap();
    let updates = effects.into_iter().filter_map(|row| match row.effect {
        Effect::UpdateTracker { state, entry, .. } => Some((state, entry)),
        _ => None,
    });
    updates.collect()
}

#[test]
fn an_open_one_is_read_once_per_interval_and_a_merged_one_not_any_more() {
    let mut bench = offered(false);
    assert_eq!(bench.engine.pull_requests_due(bench.now), [watched()]);
    assert_eq!(bench.engine.pull_requests_due(bench.now), []);
    let next = bench.engine.next_reading().unwrap();
    assert_eq!(next, bench.now.after(Duration::from_secs(60)));
    bench.later(60);
    assert_eq!(bench.engine.pull_requests_due(bench.now), [watched()]);
    reads(&mut bench, merged());
    bench.later(60);
    assert_eq!(bench.engine.pull_requests_due(bench.now), []);
}

#[test]
fn what_is_merged_is_done_and_what_stays_the_same_is_told_once() {
    let mut bench = offered(false);
    reads(&mut bench, open());
    assert_eq!(told(&bench), []);
    assert_eq!(bench.status("A-1"), ItemStatus::Done);
    reads(&mut bench, merged());
    reads(&mut bench, merged());
    let said = "pull request 7 was merged as cccccccccccc".to_owned();
    assert_eq!(told(&bench), [(Some(ItemState::Done), said)]);
    let record = bench.engine.item(&id("A-1")).unwrap();
    assert!(!record.in_review, "nobody has to look at it any more");
    let before = bench.engine.status(bench.now).items;
    bench.restart();
    assert_eq!(bench.engine.status(bench.now).items, before);
}

#[test]
fn what_is_closed_asks_a_person_until_it_is_open_or_merged_after_all() {
    let mut bench = offered(false);
    reads(&mut bench, closed());
    assert_eq!(bench.status("A-1"), ItemStatus::WaitingHuman);
    let (state, entry) = told(&bench).remove(0);
    assert_eq!(state, Some(ItemState::Blocked));
    assert!(entry.contains("closed without having been merged"), "{entry}");
    assert_eq!(bench.engine.pull_requests_due(bench.now), [watched()]);
    reads(&mut bench, open());
    assert_eq!(bench.status("A-1"), ItemStatus::Done);
    assert_eq!(told(&bench)[1].0, Some(ItemState::InReview));
    reads(&mut bench, closed());
    reads(&mut bench, merged());
    assert_eq!(bench.status("A-1"), ItemStatus::Done);
    assert_eq!(told(&bench).last().unwrap().0, Some(ItemState::Done));
}

#[test]
fn a_failed_reading_changes_nothing_and_is_repeated_less_often() {
    let mut bench = offered(false);
    reads(&mut bench, open());
    let _due = bench.engine.pull_requests_due(bench.now);
    let before = bench.engine.item(&id("A-1")).unwrap().clone();
    let wait = Some(Duration::from_secs(900));
    let unread = Unread { message: "nobody is there".to_owned(), wait };
    bench.give(Input::PullRequestRead { watched: watched(), result: Box::new(Err(unread)) });
    assert_eq!(*bench.engine.item(&id("A-1")).unwrap(), before);
    assert_eq!(bench.engine.status(bench.now).problems, ["nobody is there"]);
    assert_eq!(bench.engine.next_reading(), Some(bench.now.after(Duration::from_secs(900))));
    reads(&mut bench, open());
    assert_eq!(bench.engine.status(bench.now).problems, Vec::<String>::new());
}

#[test]
fn people_who_may_write_are_heard_when_a_person_says_retry() {
    let mut bench = offered(false);
    reads(&mut bench, PullRequest { reviews: vec![review("mallory", false)], ..open() });
    assert_eq!(told(&bench), [], "a stranger is not heard");
    let reviews = vec![review("ann", true), review("mallory", false)];
    reads(&mut bench, PullRequest { reviews, ..open() });
    let (state, entry) = told(&bench).remove(0);
    assert_eq!(state, None);
    assert!(entry.contains("changes requested by ann; `enact-factory retry A-1`"), "{entry}");
    let reply = bench.command(Command::Retry { target: "A-1".to_owned(), note: String::new() });
    assert!(reply.accepted, "{reply:?}");
    bench.start();
    bench.written("A-1", 1, |_| {});
    bench.start();
    bench.written("A-1", 2, |item| item.state = ItemState::Todo);
    bench.plan();
    let plan = &bench.engine.run(bench.run("A-1")).unwrap().plan;
    let feedback = plan.offering.feedback.as_deref().unwrap();
    assert_eq!((feedback.reviews.len(), feedback.left_out), (1, 1));
    assert_eq!(feedback.reviews[0].author, "ann");
    assert_eq!(plan.offering.continues.as_deref().unwrap().number, 7);
}

#[test]
fn work_goes_on_by_itself_where_it_may_and_not_for_ever() {
    let mut bench = offered(true);
    for round in 1..=4_u32 {
        let mut pending = failing();
        pending.head = format!("{round}").repeat(40);
        let mut failed = pending.clone();
        pending.checks[0].state = CheckState::Pending;
        reads(&mut bench, pending);
        assert_eq!(bench.status("A-1"), ItemStatus::Done, "checks are under way");
        failed.checks[0].summary = format!("{round}");
        reads(&mut bench, failed);
        let expected = if round <= 3 { ItemStatus::Pending } else { ItemStatus::Done };
        assert_eq!(bench.status("A-1"), expected, "round {round}");
        if round <= 3 {
            let now = bench.now;
            let (outcome, evidence) = (Outcome::Succeeded, "offered".to_owned());
            let resolved = Event::ItemResolved { run: None, outcome, evidence, in_review: true };
            bench.engine.record_item(&id("A-1"), resolved, now);
            let handled = bench.engine.handled(None, None, now);
            bench.store(handled);
        }
    }
    let entry = told(&bench).pop().unwrap().1;
    assert!(entry.contains("`enact-factory retry A-1` has it answered"), "{entry}");
}

#[test]
fn a_review_that_was_answered_is_no_news_until_it_is_another_one() {
    let mut bench = offered(false);
    let asked = PullRequest { reviews: vec![review("ann", true)], ..open() };
    reads(&mut bench, asked.clone());
    assert_eq!(told(&bench).len(), 1);
    let offer = bench.engine.item(&id("A-1")).unwrap().offered.as_ref().unwrap().offer.clone();
    let now = bench.now;
    bench.engine.record_item(&id("A-1"), Event::ItemOffered { offer }, now);
    let handled = bench.engine.handled(None, None, now);
    bench.store(handled);
    reads(&mut bench, PullRequest { head: "d".repeat(40), ..asked.clone() });
    assert_eq!(told(&bench).len(), 1, "it stands there still");
    let mut anew = asked;
    anew.reviews[0].at = Timestamp(2);
    reads(&mut bench, anew);
    assert_eq!(told(&bench).len(), 2);
}
