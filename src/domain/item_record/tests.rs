use super::*;
use crate::domain::budget::Usage;
use crate::domain::ids::ItemId;
use crate::domain::run::StuckKind;
use crate::domain::verdict::Severity;
use crate::domain::work_item::change::ItemChange;
use crate::domain::work_item::{ItemState, Lane, Overrides, Priority, Trust};

pub(super) const AT: Timestamp = Timestamp(1_000);

pub(super) fn item() -> WorkItem {
    WorkItem {
        id: ItemId::new("local/DEMO-1"),
        project: None,
        title: "Greet".to_owned(),
        body: "Say hello.".to_owned(),
        state: ItemState::Todo,
        priority: Priority::Medium,
        labels: Vec::new(),
        lane: Lane::Autopilot,
        blocked_by: Vec::new(),
        parent: None,
        author: None,
        trust: Trust::Trusted,
        created_at: None,
        revision: "1".to_owned(),
        overrides: Overrides::default(),
    }
}

fn run() -> RunId {
    RunId(uuid::Uuid::from_u128(7))
}

fn record(events: &[Event]) -> ItemRecord {
    let mut record =
        ItemRecord::first(&Event::ItemCreated { item: item(), standing: None }, AT).unwrap();
    evolve(&mut record, events);
    record
}

fn evolve(record: &mut ItemRecord, events: &[Event]) {
    for event in events {
        record.evolve(event, AT);
    }
}

fn claimed(fence: u64) -> Event {
    Event::ItemClaimed { run: run(), attempt: 1, fence, owner: "daemon".to_owned() }
}

fn hold() -> Hold {
    Hold { class: FailureClass::Agent, until: Timestamp(9_000), reason: "later".to_owned() }
}

fn released(outcome: Outcome) -> Event {
    Event::ItemReleased { run: run(), outcome, hold: Some(hold()), findings: Vec::new() }
}

fn asked(outcome: Outcome) -> Event {
    Event::ItemHumanRequested {
        run: Some(run()),
        outcome: Some(outcome),
        reason: HumanReason::CriticRejected,
        question: "What now?".to_owned(),
        findings: vec![crate::domain::verdict::Finding {
            severity: Severity::Major,
            file: None,
            line: None,
            problem: "wrong".to_owned(),
            fix: None,
        }],
    }
}

fn answered(answer: &str) -> Event {
    Event::ItemHumanAnswered { by: "ada".to_owned(), answer: answer.to_owned() }
}

fn every_outcome() -> Vec<Outcome> {
    vec![
        Outcome::Succeeded,
        Outcome::Rejected,
        Outcome::GateNotRun,
        Outcome::AgentFailed,
        Outcome::Stuck { stuck: StuckKind::NoProgress },
        Outcome::TimedOut { clock: crate::domain::agent::TimeoutKind::Total },
        Outcome::WaitingQuota { until: None },
        Outcome::WaitingHuman,
        Outcome::Throttled { until: None },
        Outcome::InfraFailed,
        Outcome::Cancelled { by: "ada".to_owned() },
        Outcome::Superseded,
        Outcome::DeliveryFailed,
    ]
}

#[test]
fn attempts_are_counted_only_where_the_outcome_spends_one() {
    for outcome in every_outcome() {
        let expected = u32::from(outcome.spends_attempt());
        let resolved = Event::ItemResolved {
            run: Some(run()),
            outcome: outcome.clone(),
            evidence: String::new(),
            in_review: false,
        };
        for settlement in [released(outcome.clone()), asked(outcome.clone()), resolved] {
            let record = record(&[claimed(1), settlement]);
            assert_eq!(record.spend.attempts, expected, "{outcome:?}");
            assert_eq!((record.run, record.last_run), (None, Some(run())), "{outcome:?}");
            assert_eq!(record.last_outcome, Some(outcome.clone()));
            assert_ne!(record.status, ItemStatus::InFlight);
        }
    }
}

#[test]
fn failures_on_our_side_count_in_a_row_only() {
    let infra = || [claimed(1), released(Outcome::InfraFailed)];
    let mut item = record(&infra());
    evolve(&mut item, &[claimed(2), released(Outcome::GateNotRun)]);
    assert_eq!(item.infra_failures, 2);
    evolve(&mut item, &[claimed(3), released(Outcome::AgentFailed)]);
    assert_eq!(item.infra_failures, 0);
    evolve(&mut item, &infra());
    assert_eq!(item.infra_failures, 1);
}

#[test]
fn deliveries_that_failed_are_counted_until_one_succeeds() {
    let mut item = record(&[claimed(1), released(Outcome::DeliveryFailed)]);
    evolve(&mut item, &[claimed(2), released(Outcome::AgentFailed)]);
    evolve(&mut item, &[claimed(3), released(Outcome::DeliveryFailed)]);
    assert_eq!(item.delivery_failures, 2);
    let resolved = Event::ItemResolved {
        run: Some(run()),
        outcome: Outcome::Succeeded,
        evidence: String::new(),
        in_review: false,
    };
    evolve(&mut item, &[claimed(4), resolved]);
    assert_eq!((item.delivery_failures, item.status), (0, ItemStatus::Done));
}

#[test]
fn an_answer_lifts_every_hold_and_travels_to_the_next_run() {
    let mut item = record(&[claimed(1), released(Outcome::AgentFailed), claimed(2)]);
    evolve(&mut item, &[asked(Outcome::Rejected)]);
    assert_eq!((item.status, item.spend.attempts), (ItemStatus::WaitingHuman, 2));
    assert_eq!(item.findings.len(), 1);
    evolve(&mut item, &[answered("use the other API"), answered("  ")]);
    assert_eq!(item.status, ItemStatus::Pending);
    assert_eq!((&item.hold, &item.human), (&None, &None));
    assert_eq!((item.spend, item.infra_failures), (ItemSpend::default(), 0));
    assert_eq!(item.notes, ["use the other API"]);
    assert_eq!(item.findings.len(), 1, "what was wrong is still to be told");
}

#[test]
fn a_result_is_in_review_until_its_tracker_says_done_or_it_is_opened_again() {
    let delivered = Event::ItemResolved {
        run: Some(run()),
        outcome: Outcome::Succeeded,
        evidence: String::new(),
        in_review: true,
    };
    let waiting = record(&[claimed(1), delivered]);
    assert!(waiting.in_review);
    let moved = |state| ItemChange { state: Some(state), ..ItemChange::default() };
    for (event, still) in [
        (Event::ItemChanged { change: moved(ItemState::InReview) }, true),
        (Event::ItemChanged { change: moved(ItemState::Done) }, false),
        (Event::ItemReopened { by: "ada".to_owned() }, false),
    ] {
        let mut after = waiting.clone();
        after.evolve(&event, AT);
        assert_eq!(after.in_review, still);
    }
}

#[test]
fn a_claim_ends_the_hold_and_the_fence_only_grows() {
    let mut item = record(&[claimed(5), released(Outcome::AgentFailed)]);
    assert_eq!((item.status, &item.hold), (ItemStatus::Pending, &Some(hold())));
    evolve(&mut item, &[claimed(3)]);
    assert_eq!((item.status, item.fence, &item.hold), (ItemStatus::InFlight, 5, &None));
}

#[test]
fn what_turns_cost_is_summed() {
    let usage = Usage { input_tokens: 5, cost_micro_usd: 7, ..Usage::default() };
    let charged = |turn| Event::ItemCharged { run: run(), turn, usage, duration_ms: 11 };
    let item = record(&[charged(1), charged(2)]);
    assert_eq!((item.spend.turns, item.spend.wall_ms), (2, 22));
    assert_eq!((item.spend.usage.input_tokens, item.spend.usage.cost_micro_usd), (10, 14));
}

fn text(trust: Trust, body: &str) -> WorkItem {
    WorkItem { trust, body: body.to_owned(), ..item() }
}

fn after(item: WorkItem, events: &[Event]) -> Approval {
    let mut record =
        ItemRecord::first(&Event::ItemCreated { item, standing: None }, Timestamp(0)).unwrap();
    for event in events {
        record.evolve(event, Timestamp(1));
    }
    record.approval
}

#[test]
fn a_refused_start_can_be_asked_for_again_after_a_retry() {
    let refused = Event::ApprovalRefused { by: "ann".to_owned() };
    let retried = Event::ItemHumanAnswered { by: "ann".to_owned(), answer: String::new() };
    let untrusted = text(Trust::Untrusted, "old");
    assert_eq!(after(untrusted, &[refused, retried.clone()]), Approval::NotRequested);
    let given = Event::ApprovalGiven { by: "ann".to_owned() };
    let kept = after(text(Trust::Untrusted, "old"), &[given, retried]);
    assert!(matches!(kept, Approval::Given { .. }));
}

#[test]
fn an_approval_does_not_cover_a_text_that_a_stranger_changed_afterwards() {
    let given = Event::ApprovalGiven { by: "ann".to_owned() };
    let change = |trust, body| Event::ItemChanged {
        change: ItemChange::between(&text(trust, "old"), &text(trust, body)),
    };
    for (trust, body, still_given) in [
        (Trust::Untrusted, "new", false),
        (Trust::Untrusted, "old", true),
        (Trust::Trusted, "new", true),
    ] {
        let events = [given.clone(), change(trust, body)];
        let approval = after(text(trust, "old"), &events);
        assert_eq!(matches!(approval, Approval::Given { .. }), still_given);
    }
}

#[test]
fn a_request_that_lapsed_says_when() {
    let lapsed = [Event::ApprovalRequested { expires: AT }, Event::ApprovalExpired {}];
    assert_eq!(after(item(), &lapsed), Approval::Expired { at: Timestamp(1) });
}

#[test]
fn an_item_that_is_over_in_its_tracker_begins_settled() {
    for (state, status) in [
        (ItemState::Done, ItemStatus::Done),
        (ItemState::Cancelled, ItemStatus::Cancelled),
        (ItemState::Blocked, ItemStatus::Pending),
    ] {
        let item = WorkItem { state, ..item() };
        let record = ItemRecord::first(&Event::ItemCreated { item, standing: None }, AT).unwrap();
        assert_eq!(record.status, status);
    }
    assert!(ItemRecord::first(&Event::ItemWithdrawn {}, AT).is_none());
}

#[test]
fn events_of_runs_change_nothing_but_the_time() {
    let before = record(&[claimed(1)]);
    let mut after = before.clone();
    after.evolve(&Event::RunApproved { head: "x".to_owned() }, Timestamp(5_000));
    assert_eq!(after, ItemRecord { updated: Timestamp(5_000), ..before });
}
