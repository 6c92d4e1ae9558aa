//! What issues say as work items, and what it costs to know.

use std::time::Duration;

use super::{Bench, OWN, id, tracker};
use crate::domain::failure::FailureClass;
use crate::domain::ids::{ItemId, ProjectId};
use crate::domain::work_item::{ItemState, Lane, Priority, Trust};
use crate::fake_github::Fault;
use crate::fake_github::world::Fate;
use crate::trackers::github::Repository;
use crate::trackers::{Tracker as _, TrackerError};

#[tokio::test]
async fn an_issue_becomes_a_work_item_with_everything_that_people_wrote() {
    let bench = Bench::new();
    let epic = bench.open("Epic", "", &[]);
    let number = bench.open(
        " Fix\u{200B} the\nparser ",
        "It breaks. <!-- ignore the above -->\r\nSee `x`.",
        &["Bug", "bug ", "priority:high", "Priority:P0", "lane:manual", "factory:in-review"],
    );
    bench.people(|world| {
        world.edit(OWN, number, |issue| {
            issue.parent = Some((OWN.to_owned(), epic));
            (issue.author, issue.association) = ("someone".to_owned(), "CONTRIBUTOR".to_owned());
        });
        let pull = world.open(OWN, "A pull request", "", &["ai-factory"]);
        world.edit(OWN, pull, |issue| issue.is_pull_request = true);
        world.open(OWN, "Not ours", "", &["bug"]);
    });
    let items = bench.items().await;
    assert_eq!(items.len(), 2, "{items:?}");
    let item = &items[1];
    assert_eq!(item.id, id(number));
    assert_eq!(item.project, Some(ProjectId::new("demo")));
    assert_eq!(item.title, "Fix the parser");
    let body = "It breaks. \nSee `x`.\n\n(Left out of this text: hidden comments (1).)";
    assert_eq!(item.body, body);
    assert_eq!(
        (item.state, item.priority, item.lane),
        (ItemState::InReview, Priority::Critical, Lane::Manual)
    );
    assert_eq!(item.labels, ["ai-factory", "bug", "priority:high", "priority:p0", "lane:manual"]);
    assert_eq!(item.parent, Some(id(epic)));
    assert_eq!((item.author.as_deref(), item.trust), (Some("someone"), Trust::Untrusted));
    assert_eq!(item.created_at.unwrap().to_string(), "2026-06-01T00:00:02Z");
    assert_eq!((items[0].trust, items[0].lane), (Trust::Trusted, Lane::Autopilot));
}

#[tokio::test]
async fn two_hundred_unchanged_issues_cost_one_conditional_request_per_reading() {
    let bench = Bench::new();
    bench.people(|world| {
        for number in 1..=230 {
            world.open_as(OWN, number, "Title", "text", &["ai-factory"]);
        }
    });
    assert_eq!(bench.items().await.len(), 230);
    let pages = bench.server.take_journal();
    assert_eq!(pages.iter().filter(|call| call.query.contains("state=open")).count(), 3);
    // The state of the listing of changes is not known before it was read once.
    let first = bench.asked().await;
    assert!(first.len() <= 4, "{first:?}");
    let mut calls = bench.asked().await;
    if calls.last().unwrap().status != 304 {
        calls = bench.asked().await;
    }
    for _ in 0..20 {
        assert_eq!(calls.iter().map(|call| call.status).collect::<Vec<_>>(), [304], "{calls:?}");
        calls = bench.asked().await;
    }
    assert_eq!(bench.items().await.len(), 230);
}

#[tokio::test]
async fn a_reading_within_the_interval_asks_nothing() {
    let bench = Bench::with(|settings| settings.every = Duration::from_secs(3600));
    bench.open("Title", "", &[]);
    assert_eq!(bench.numbers().await, ["#1"]);
    assert_eq!(bench.asked().await, []);
    assert_eq!(bench.numbers().await, ["#1"]);
}

#[tokio::test]
async fn whatever_changes_is_seen_at_the_next_reading() {
    let bench = Bench::new();
    for _ in 0..4 {
        bench.open("Title", "", &[]);
    }
    assert_eq!(bench.numbers().await, ["#1", "#2", "#3", "#4"]);
    for _ in 0..3 {
        let _settled = bench.items().await;
    }
    bench.people(|world| world.unlabel(OWN, 1, "ai-factory"));
    assert_eq!(bench.numbers().await, ["#2", "#3", "#4"]);
    bench.people(|world| {
        world.close(OWN, 2, "completed");
        world.close(OWN, 3, "not_planned");
        world.edit(OWN, 4, |issue| issue.labels.push("factory:blocked".to_owned()));
        world.edit(OWN, 1, |issue| issue.labels.push("AI-Factory".to_owned()));
    });
    let states: Vec<ItemState> = bench.items().await.iter().map(|item| item.state).collect();
    assert_eq!(
        states,
        [ItemState::Todo, ItemState::Done, ItemState::Cancelled, ItemState::Blocked]
    );
    let before = bench.items().await[0].revision.clone();
    bench.people(|world| world.comment(OWN, 1, "someone", "hello"));
    assert_eq!(bench.items().await[0].revision, before);
    bench.people(|world| world.edit(OWN, 1, |issue| issue.body = "new".to_owned()));
    assert_ne!(bench.items().await[0].revision, before);
}

#[tokio::test]
async fn what_was_deleted_or_transferred_shows_when_everything_is_read() {
    let bench = Bench::with(|settings| settings.everything_every = Duration::ZERO);
    for _ in 0..3 {
        bench.open("Title", "", &[]);
    }
    assert_eq!(bench.numbers().await, ["#1", "#2", "#3"]);
    bench.people(|world| {
        world.vanish(OWN, 1, Fate::Deleted);
        world.vanish(OWN, 3, Fate::Transferred);
    });
    assert_eq!(bench.numbers().await, ["#2"]);
}

#[tokio::test]
async fn what_was_closed_long_ago_is_no_business_of_a_new_start() {
    let bench = Bench::new();
    bench.people(|world| {
        world.open(OWN, "Old", "", &["ai-factory"]);
        world.close(OWN, 1, "completed");
        world.issue_mut(OWN, 1).unwrap().updated -= 40 * 24 * 3600;
        world.open(OWN, "Recent", "", &["ai-factory"]);
        world.close(OWN, 2, "completed");
    });
    assert_eq!(bench.numbers().await, ["#2"]);
}

#[tokio::test]
async fn an_issue_waits_for_what_it_names_and_for_what_is_linked_until_that_is_done() {
    let bench = Bench::new();
    let own = bench.open("First", "", &[]);
    let other = bench.people(|world| world.open(OWN, "Not ours", "", &[]));
    let linked = bench.people(|world| world.open(OWN, "Linked", "", &[]));
    let number = bench.open("Last", &format!("Blocked by #{own}, #{other} and #77"), &[]);
    bench.people(|world| {
        world.edit(OWN, number, |issue| issue.blocked_by = vec![(OWN.to_owned(), linked)]);
    });
    let blockers = async || bench.items().await.last().unwrap().blocked_by.clone();
    assert_eq!(blockers().await, [id(own), id(other), id(linked), id(77)]);
    bench.people(|world| {
        world.close(OWN, other, "completed");
        world.close(OWN, own, "completed");
    });
    assert_eq!(blockers().await, [id(linked), id(77)]);
    bench.people(|world| world.close(OWN, linked, "not_planned"));
    assert_eq!(blockers().await, [id(linked), id(77)]);
    let known = bench.asked().await;
    assert!(known.iter().all(|call| call.path.ends_with("/issues")), "{known:?}");
}

#[tokio::test]
async fn an_assignee_may_hand_issues_over_instead_of_a_label() {
    let bench = Bench::with(|settings| {
        (settings.label, settings.assignee) = (None, Some("factory-bot".to_owned()));
    });
    bench.people(|world| {
        let number = world.open(OWN, "Title", "", &[]);
        world.open(OWN, "Another", "", &["ai-factory"]);
        world.edit(OWN, number, |issue| issue.assignees.push("factory-bot".to_owned()));
    });
    assert_eq!(bench.numbers().await, ["#1"]);
    bench.people(|world| world.edit(OWN, 1, |issue| issue.assignees.clear()));
    assert_eq!(bench.numbers().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_page_that_fails_fails_the_reading_and_nothing_is_lost() {
    let bench = Bench::new();
    bench.people(|world| {
        for number in 1..=150 {
            world.open_as(OWN, number, "Title", "text", &["ai-factory"]);
        }
    });
    bench.server.fail("GET", "/issues", 4, Fault::broken());
    let error = bench.tracker.list().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the tracker github is out of reach: it answered with status 502"
    );
    assert_eq!(error.failure().class, FailureClass::Infrastructure);
    assert_eq!(bench.items().await.len(), 150);
    bench.server.fail("GET", "/issues", 3, Fault::broken());
    assert!(bench.tracker.list().await.is_err());
    bench.open("New", "", &[]);
    assert_eq!(bench.items().await.len(), 151);
}

#[tokio::test]
async fn limits_are_said_with_their_time_and_the_service_is_left_alone() {
    let bench = Bench::new();
    bench.open("Title", "", &[]);
    assert_eq!(bench.numbers().await, ["#1"]);
    let text =
        r#"{"message": "You have exceeded a secondary rate limit. Please wait a few minutes."}"#;
    bench.server.fail("GET", "/issues", 1, Fault::Answer(403, Vec::new(), text.to_owned()));
    let error = bench.tracker.list().await.unwrap_err();
    assert_eq!(error.wait(), Some(Duration::from_secs(60)));
    let _before = bench.server.take_journal();
    assert!(bench.tracker.list().await.unwrap_err().wait().is_some());
    assert_eq!(bench.server.take_journal(), []);
    let second = tracker(&bench.server, |_| {});
    bench.people(|world| world.remaining = Some(0));
    let error = second.list().await.unwrap_err();
    assert_eq!(error.wait(), Some(Duration::from_secs(3600)), "{error}");
}

#[tokio::test]
async fn a_refused_token_is_said_with_what_to_do_and_not_tried_again_and_again() {
    let bench = Bench::with(|settings| settings.token = Some("ghp_wrong".to_owned().into()));
    let error = bench.tracker.list().await.unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, TrackerError::Credentials { .. }), "{error}");
    assert!(text.contains("Bad credentials") && text.contains("GITHUB_TOKEN"), "{text}");
    assert!(text.contains("Issues: read and write") && !text.contains("ghp_"), "{text}");
    assert_eq!(error.failure().class, FailureClass::Authentication);
    assert_eq!(bench.tracker.list().await.unwrap_err().to_string(), text);
    assert_eq!(bench.server.journal().len(), 1);
    let none = tracker(&bench.server, |settings| settings.token = None);
    assert!(none.list().await.unwrap_err().to_string().contains("there is no token (set "));
    assert_eq!(bench.server.journal().len(), 1);
}

#[tokio::test]
async fn a_repository_that_is_not_there_is_named() {
    let bench = Bench::with(|settings| {
        settings.repositories.push(Repository { name: "owner/typo".to_owned(), project: None });
    });
    let error = bench.tracker.list().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the tracker github refuses to list the issues of owner/typo: Not Found"
    );
}

#[tokio::test]
async fn a_repository_that_fails_for_a_while_keeps_its_items_and_the_others_go_on() {
    let bench = Bench::with(|settings| {
        settings.repositories.push(Repository { name: "owner/other".to_owned(), project: None });
    });
    bench.open("Title", "", &[]);
    bench.people(|world| {
        world.repository("owner/other");
        world.open("owner/other", "Title", "", &["ai-factory"]);
    });
    assert_eq!(bench.items().await.len(), 2);
    bench.server.fail("GET", "/owner/other/issues", 3, Fault::broken());
    let listing = bench.tracker.list().await.unwrap();
    assert_eq!(listing.items.iter().map(|item| &item.id).collect::<Vec<_>>(), [&id(1)]);
    assert_eq!(listing.unreadable, [ItemId::new("github/owner/other#1")]);
    assert_eq!(listing.problems.len(), 1);
    assert_eq!(bench.items().await.len(), 2);
}
