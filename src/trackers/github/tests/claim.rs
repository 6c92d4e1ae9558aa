//! Taking issues when several do it, when a write breaks, and when somebody pretends.

use std::time::Duration;

use uuid::Uuid;

use super::{Bench, OWN, id, tracker};
use crate::domain::ids::RunId;
use crate::domain::time::Timestamp;
use crate::fake_github::{ACCOUNT, Fault};
use crate::trackers::claim::{Claim, Claimed};
use crate::trackers::{Tracker as _, TrackerError};

fn claim(holder: &str, run: u128) -> Claim {
    let now = Timestamp(1_780_000_000_000);
    Claim {
        item: id(1),
        run: RunId(Uuid::from_u128(run)),
        holder: holder.to_owned(),
        now,
        until: now.after(Duration::from_secs(1800)),
    }
}

fn is_ours(claimed: &Result<Claimed, TrackerError>) -> bool {
    matches!(claimed, Ok(Claimed::Ours { .. }))
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_that_ask_at_once_one_gets_it_and_the_others_leave_nothing() {
    for round in 0..10 {
        let bench = Bench::new();
        bench.open("Title", "text", &[]);
        let others = [tracker(&bench.server, |_| {}), tracker(&bench.server, |_| {})];
        let claims = [claim("one", 1), claim("two", 2), claim("three", 3)];
        let (one, two, three) = tokio::join!(
            bench.tracker.claim(&claims[0]),
            others[0].claim(&claims[1]),
            others[1].claim(&claims[2]),
        );
        let results = [one, two, three];
        let ours = results.iter().filter(|it| is_ours(it)).count();
        assert_eq!(ours, 1, "round {round}: {results:?}");
        let comments = bench.server.issue(OWN, 1).said_by(ACCOUNT).len();
        assert_eq!(comments, 1, "round {round}: {results:?}");
    }
}

#[tokio::test]
async fn wherever_a_write_breaks_asking_again_ends_with_one_comment() {
    let faults = [
        ("POST", "/issues/1/comments", Fault::DoneUnanswered),
        ("POST", "/issues/1/comments", Fault::broken()),
        ("GET", "/issues/1", Fault::Answer(404, Vec::new(), "{}".to_owned())),
    ];
    for (method, path, fault) in faults {
        let bench = Bench::new();
        bench.open("Title", "text", &[]);
        bench.server.fail(method, path, 1, fault.clone());
        assert!(bench.tracker.claim(&claim("one", 1)).await.is_err(), "{fault:?}");
        assert!(is_ours(&bench.tracker.claim(&claim("one", 1)).await));
        assert_eq!(bench.server.issue(OWN, 1).said_by(ACCOUNT).len(), 1);
        assert!(!is_ours(&tracker(&bench.server, |_| {}).claim(&claim("two", 2)).await));
    }
}

#[tokio::test]
async fn what_we_did_not_sign_or_others_say_takes_nothing() {
    let bench = Bench::new();
    bench.open("Title", "text", &[]);
    assert!(is_ours(&bench.tracker.claim(&claim("one", 1)).await));
    let text = bench.server.issue(OWN, 1).said_by(ACCOUNT)[0].body.clone();
    assert!(text.contains("Taken by `one` until 2026-05-28T"), "{text}");
    bench.tracker.release(&id(1), claim("one", 1).run, "one").await.unwrap();
    // Copied by somebody else; by our account, with another end or at another issue.
    let later = text.replace("\"until\":178", "\"until\":179");
    assert_ne!(text, later);
    bench.people(|world| world.comment(OWN, 1, "mallory", &text));
    bench.people(|world| world.comment(OWN, 1, ACCOUNT, &later));
    bench.open("Another", "text", &[]);
    bench.people(|world| world.comment(OWN, 2, ACCOUNT, &text));
    let elsewhere = Claim { item: id(2), ..claim("two", 2) };
    assert!(is_ours(&bench.tracker.claim(&claim("two", 2)).await));
    assert!(is_ours(&bench.tracker.claim(&elsewhere).await));
    assert_eq!(bench.server.issue(OWN, 1).comments.len(), 3, "what is not ours is left alone");
    let stranger = tracker(&bench.server, |settings| {
        settings.signing_secret = Some("another secret".to_owned().into());
    });
    assert!(is_ours(&stranger.claim(&claim("three", 3)).await), "it needs the same secret");
}
