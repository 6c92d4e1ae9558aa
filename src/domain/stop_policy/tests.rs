use super::{Gate, MOST_VERDICTS, Ruling, StopScope, StopVerdict, Unmet, Verdicts, unmet};
use crate::domain::closing::Deferral;
use crate::domain::event::Event;
use crate::domain::ids::ItemId;
use crate::domain::item_record::ItemRecord;
use crate::domain::lane_session::LanePhase;
use crate::domain::time::Timestamp;
use crate::domain::work_item::{ItemState, Lane, Overrides, Priority, Trust, WorkItem};

const AT: Timestamp = Timestamp(1_000);

fn record(events: &[Event]) -> ItemRecord {
    let item = WorkItem {
        id: ItemId::new("local/DEMO-1"),
        project: None,
        title: "Greet".to_owned(),
        body: String::new(),
        state: ItemState::Todo,
        priority: Priority::Medium,
        labels: Vec::new(),
        lane: Lane::Ralph,
        blocked_by: Vec::new(),
        parent: None,
        author: None,
        trust: Trust::Trusted,
        created_at: None,
        revision: String::new(),
        overrides: Overrides::default(),
    };
    let mut record = ItemRecord::first(&Event::ItemCreated { item, standing: None }, AT).unwrap();
    events.iter().for_each(|event| record.evolve(event, AT));
    record
}

fn by() -> String {
    "ann".to_owned()
}

fn started() -> Event {
    Event::LaneStarted { lane: Lane::Ralph, by: by() }
}

fn moved(phase: LanePhase) -> Event {
    Event::LaneMoved { phase, by: by(), note: "green".to_owned() }
}

fn approved(phase: LanePhase) -> Event {
    Event::LaneReviewed { by: by(), approved: true, reason: String::new(), phase }
}

fn deferral() -> Deferral {
    Deferral { repositories: Vec::new(), total: 2 }
}

fn gates(events: &[Event], pending: bool) -> Vec<Gate> {
    unmet(&record(events), pending).into_iter().map(|it| it.gate).collect()
}

#[test]
fn nothing_is_open_where_no_lane_is() {
    assert_eq!(gates(&[], true), []);
    assert_eq!(gates(&[Event::LaneProposed { lane: Lane::Ralph }], true), []);
}

#[test]
fn each_phase_leaves_open_what_it_still_owes() {
    let verifying = moved(LanePhase::Verifying);
    let both = [Gate::ImplementationIncomplete, Gate::ReviewNotPassed];
    assert_eq!(gates(&[started()], false), both);
    assert_eq!(gates(&[started(), verifying.clone()], false), [Gate::ReviewNotPassed]);
    let done = [started(), verifying.clone(), approved(LanePhase::Completed)];
    assert_eq!(gates(&done, false), []);
    assert_eq!(gates(&done, true), [Gate::PushesPending]);
    assert_eq!(gates(&[started(), verifying, moved(LanePhase::Stopped)], true), []);
}

#[test]
fn a_close_that_waits_for_a_person_is_open_with_and_without_a_lane() {
    let deferred = Event::CloseDeferred { deferral: deferral() };
    let unproven = Event::ClosureUnproven { deferral: deferral() };
    let reviewed = [started(), moved(LanePhase::Verifying), approved(LanePhase::Review)];
    let with_lane = [&reviewed[..], std::slice::from_ref(&deferred)].concat();
    assert_eq!(gates(&with_lane, false), [Gate::CloseDeferred]);
    assert_eq!(gates(std::slice::from_ref(&deferred), false), [Gate::CloseDeferred]);
    assert_eq!(gates(std::slice::from_ref(&unproven), false), [Gate::ClosureEvidenceMissing]);
    let acknowledged = Event::CloseAcknowledged { by: by(), reason: "live".to_owned() };
    assert_eq!(gates(&[deferred, acknowledged.clone()], false), []);
    assert_eq!(gates(&[unproven, acknowledged], false), []);
}

fn one(item: &str) -> Unmet {
    Unmet { item: ItemId::new(item), lane: Some(Lane::Team), gate: Gate::ReviewNotPassed }
}

#[test]
fn a_verdict_names_its_gates_and_is_bounded() {
    let scope = StopScope::Lane { item: ItemId::new("local/DEMO-1") };
    let verdict = StopVerdict::new(scope, Ruling::Denied {}, "ann", vec![one("local/DEMO-1")]);
    assert_eq!(
        verdict.to_string(),
        "stopping the lane on DEMO-1 was denied to ann: DEMO-1: review-not-passed (lane team)"
    );
    assert_eq!(verdict.unmet[0].remedy(), "enact-factory lane review DEMO-1 approve");
    let many = vec![one("local/DEMO-1"); 50];
    let verdict = StopVerdict::new(StopScope::Daemon {}, Ruling::Signalled {}, "system", many);
    assert!(verdict.to_string().ends_with("; and 30 more"), "{verdict}");
}

#[test]
fn a_new_verdict_over_the_same_takes_the_place_of_the_old_one() {
    let mut verdicts = Verdicts::default();
    for number in 0..3 {
        let verdict = StopVerdict::new(StopScope::Daemon {}, Ruling::Denied {}, "ann", Vec::new());
        verdicts.add(verdict, Timestamp(number));
    }
    assert_eq!(verdicts.open.len(), 1);
    assert_eq!(verdicts.open[0].0, Timestamp(2));
    for number in 0..100 {
        let scope = StopScope::Lane { item: ItemId::new(format!("local/A-{number}")) };
        verdicts.add(StopVerdict::new(scope, Ruling::Denied {}, "ann", Vec::new()), AT);
    }
    assert_eq!(verdicts.open.len(), MOST_VERDICTS);
}
