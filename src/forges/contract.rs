//! What every forge promises, checked on each of them.

mod places;

use uuid::Uuid;

use self::places::{Place, places};
use super::{CommitStatus, ForgeError, PullRequestWish, Push};
use crate::domain::ids::{ItemId, RunId};
use crate::domain::pull_request::{CheckState, PullRequest, PullRequestState};

const BRANCH: &str = "factory/demo-1";
const RUN: RunId = RunId(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001));
const OTHER: RunId = RunId(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0002));

/// A push of the run that ends at `head`.
fn push(place: &dyn Place, head: &str) -> Push {
    Push {
        run: RUN,
        earlier: Vec::new(),
        repository: place.bench().local(),
        branch: BRANCH.to_owned(),
        head: head.to_owned(),
        base_commit: place.bench().first.clone(),
    }
}

fn wish(head: &str) -> PullRequestWish {
    PullRequestWish {
        run: RUN,
        earlier: Vec::new(),
        item: ItemId::new("demo/1"),
        branch: BRANCH.to_owned(),
        head: head.to_owned(),
        base: "main".to_owned(),
        title: "Add a greeting".to_owned(),
        body: "What was done.\n\n- [x] greets".to_owned(),
        draft: false,
        reviewers: Vec::new(),
        labels: vec!["factory".to_owned()],
    }
}

/// One commit of the run, pushed.
async fn pushed(place: &dyn Place) -> String {
    let head = place.work(RUN, &place.bench().first, "a.txt");
    let done = place.forge().push(&push(place, &head)).await.unwrap();
    assert!(!done.already, "{}", place.forge().name());
    head
}

async fn opened(place: &dyn Place, wish: &PullRequestWish) -> PullRequest {
    place
        .forge()
        .open(wish)
        .await
        .unwrap_or_else(|error| panic!("{}: {error}", place.forge().name()))
}

#[tokio::test]
async fn a_push_makes_the_branch_moves_it_forward_and_is_done_once() {
    for place in places() {
        let forge = place.forge();
        let head = pushed(&*place).await;
        assert_eq!(place.head_of(BRANCH).as_deref(), Some(head.as_str()), "{}", forge.name());
        let again = forge.push(&push(&*place, &head)).await.unwrap();
        assert!(again.already, "{}", forge.name());
        let next = place.work(RUN, &head, "b.txt");
        assert!(!forge.push(&push(&*place, &next)).await.unwrap().already);
        assert_eq!(place.head_of(BRANCH).as_deref(), Some(next.as_str()), "{}", forge.name());
        let back = forge.push(&push(&*place, &head)).await.unwrap_err();
        assert!(matches!(back, ForgeError::Refused { .. }), "{back}");
        assert_eq!(place.head_of(BRANCH).as_deref(), Some(next.as_str()), "{}", forge.name());
    }
}

#[tokio::test]
async fn a_branch_with_commits_of_others_is_left_alone() {
    for place in places() {
        let head = pushed(&*place).await;
        let foreign = place.person_commits(BRANCH);
        let next = place.work(RUN, &head, "b.txt");
        let error = place.forge().push(&push(&*place, &next)).await.unwrap_err();
        assert!(
            matches!(&error, ForgeError::ForeignBranch { commit, .. } if *commit == foreign),
            "{error}"
        );
        assert_eq!(place.head_of(BRANCH), Some(foreign));
        // Nor is a branch taken that a person began.
        let begun = place.person_commits("begun-by-hand");
        let theirs = Push { branch: "begun-by-hand".to_owned(), ..push(&*place, &next) };
        let error = place.forge().push(&theirs).await.unwrap_err();
        assert!(matches!(&error, ForgeError::ForeignBranch { .. }), "{error}");
        assert_eq!(place.head_of("begun-by-hand"), Some(begun));
    }
}

#[tokio::test]
async fn a_pull_request_is_opened_once_and_kept_up_to_date() {
    for place in places() {
        let name = place.forge().name().to_owned();
        let head = pushed(&*place).await;
        let pull = opened(&*place, &wish(&head)).await;
        assert_eq!((pull.branch.as_str(), pull.base.as_str()), (BRANCH, "main"), "{name}");
        assert_eq!((pull.head.as_str(), pull.url.is_empty()), (head.as_str(), false), "{name}");
        assert_eq!(pull.state, PullRequestState::Open { draft: false }, "{name}");
        assert_eq!(opened(&*place, &wish(&head)).await.number, pull.number, "{name}");
        let next = place.work(RUN, &head, "b.txt");
        place.forge().push(&push(&*place, &next)).await.unwrap();
        let mut changed = wish(&next);
        changed.title = "Add two greetings".to_owned();
        changed.labels.push("reviewed".to_owned());
        let after = opened(&*place, &changed).await;
        assert_eq!((after.number, after.head.as_str()), (pull.number, next.as_str()), "{name}");
        assert_eq!(place.title(pull.number), "Add two greetings", "{name}");
        assert_eq!(place.labels(pull.number), ["factory", "reviewed"], "{name}");
        assert_eq!(place.count(), 1, "{name}");
    }
}

#[tokio::test]
async fn a_draft_becomes_ready_and_the_other_way_round() {
    for place in places() {
        let head = pushed(&*place).await;
        for draft in [true, false, true] {
            let pull = opened(&*place, &PullRequestWish { draft, ..wish(&head) }).await;
            assert_eq!(pull.state, PullRequestState::Open { draft }, "{}", place.forge().name());
        }
        assert_eq!(place.count(), 1);
    }
}

#[tokio::test]
async fn a_branch_that_is_not_where_it_should_be_is_not_offered() {
    for place in places() {
        let head = place.work(RUN, &place.bench().first, "a.txt");
        let error = place.forge().open(&wish(&head)).await.unwrap_err();
        assert!(matches!(error, ForgeError::Unavailable { .. }), "{error:?}");
        let _old = pushed(&*place).await;
        let next = place.work(RUN, &head, "c.txt");
        let error = place.forge().open(&wish(&next)).await.unwrap_err();
        assert!(matches!(error, ForgeError::Unavailable { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn the_pull_request_of_somebody_else_is_left_alone() {
    for place in places() {
        let head = pushed(&*place).await;
        let number = place.person_offers(BRANCH).await;
        let before = place.title(number);
        let error = place.forge().open(&wish(&head)).await.unwrap_err();
        assert!(
            matches!(&error, ForgeError::ForeignPullRequest { number: it, .. } if *it == number),
            "{error}"
        );
        assert_eq!((place.title(number), place.count()), (before, 1), "{}", place.forge().name());
    }
}

#[tokio::test]
async fn another_run_does_not_take_the_pull_request_over() {
    for place in places() {
        let head = pushed(&*place).await;
        opened(&*place, &wish(&head)).await;
        let theirs = PullRequestWish { run: OTHER, title: "Mine".to_owned(), ..wish(&head) };
        let error = place.forge().open(&theirs).await.unwrap_err();
        assert!(matches!(error, ForgeError::ForeignPullRequest { .. }), "{error}");
        assert_eq!(place.count(), 1);
    }
}

#[tokio::test]
async fn a_run_that_goes_on_with_an_earlier_one_takes_its_branch_and_pull_request_over() {
    for place in places() {
        let name = place.forge().name().to_owned();
        let head = pushed(&*place).await;
        let pull = opened(&*place, &wish(&head)).await;
        let next = place.work(OTHER, &head, "b.txt");
        let alone = Push { run: OTHER, ..push(&*place, &next) };
        let error = place.forge().push(&alone).await.unwrap_err();
        assert!(matches!(error, ForgeError::ForeignBranch { .. }), "{name}: {error}");
        let goes_on = Push { earlier: vec![RUN], ..alone };
        assert!(!place.forge().push(&goes_on).await.unwrap().already, "{name}");
        let theirs = PullRequestWish {
            run: OTHER,
            earlier: vec![RUN],
            title: "Mine".to_owned(),
            ..wish(&next)
        };
        let taken = opened(&*place, &theirs).await;
        assert_eq!((taken.number, taken.head.as_str()), (pull.number, next.as_str()), "{name}");
        assert_eq!((place.title(pull.number).as_str(), place.count()), ("Mine", 1), "{name}");
        // It is the other run's now.
        let error = place.forge().open(&wish(&next)).await.unwrap_err();
        assert!(matches!(error, ForgeError::ForeignPullRequest { .. }), "{name}: {error}");
    }
}

#[tokio::test]
async fn what_people_ended_is_found_and_not_opened_again() {
    for place in places() {
        let name = place.forge().name().to_owned();
        let head = pushed(&*place).await;
        let pull = opened(&*place, &wish(&head)).await;
        place.person_closes(pull.number);
        let read = place.forge().read(pull.number).await.unwrap();
        assert_eq!(read.state, PullRequestState::Closed, "{name}");
        let again = opened(&*place, &wish(&head)).await;
        assert_eq!((again.number, again.state), (pull.number, PullRequestState::Closed), "{name}");
        assert_eq!(place.count(), 1, "{name}");
    }
    for place in places() {
        let name = place.forge().name().to_owned();
        let head = pushed(&*place).await;
        let pull = opened(&*place, &wish(&head)).await;
        place.person_merges(pull.number);
        let read = place.forge().read(pull.number).await.unwrap();
        assert!(matches!(read.state, PullRequestState::Merged { .. }), "{name}: {read:?}");
        let again = opened(&*place, &wish(&head)).await;
        assert_eq!((again.number, again.state), (pull.number, read.state), "{name}");
    }
}

#[tokio::test]
async fn a_status_is_seen_at_the_pull_request_and_replaced() {
    for place in places() {
        let name = place.forge().name().to_owned();
        let head = pushed(&*place).await;
        let pull = opened(&*place, &wish(&head)).await;
        for state in [CheckState::Pending, CheckState::Failed, CheckState::Passed] {
            let status = CommitStatus {
                commit: head.clone(),
                name: "enact-factory/critic".to_owned(),
                state,
                summary: "looked at".to_owned(),
                url: Some("https://factory.example/runs/1".to_owned()),
            };
            place.forge().report(&status).await.unwrap();
            place.forge().report(&status).await.unwrap();
            let checks = place.forge().read(pull.number).await.unwrap().checks;
            let [check] = &checks[..] else { panic!("{name}: {checks:?}") };
            let seen = (check.name.as_str(), check.state, check.summary.as_str(), &check.url);
            assert_eq!(seen, ("enact-factory/critic", state, "looked at", &status.url), "{name}");
        }
    }
}

#[tokio::test]
async fn what_is_not_there_is_refused() {
    for place in places() {
        let error = place.forge().read(4711).await.unwrap_err();
        assert!(matches!(error, ForgeError::Refused { .. }), "{error:?}");
    }
}
