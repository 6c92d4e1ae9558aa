//! What is to be done about items that were divided.

use std::collections::BTreeMap;

use super::super::fixtures::{NOW, child, id, item, minutes, policy, reason, run_id, world};
use super::super::gates::parent;
use super::super::plan::{Action, plan};
use super::progress;
use crate::domain::epic::{CreatedPart, Epic, Part};
use crate::domain::item_record::{Approval, HumanReason, HumanRequest, ItemRecord, ItemStatus};
use crate::domain::lane_session::LaneSession;
use crate::domain::work_item::{ItemState, Lane};

fn part(title: &str) -> Part {
    Part {
        title: title.to_owned(),
        description: "do it".to_owned(),
        acceptance: Vec::new(),
        estimated_minutes: 20,
        priority: None,
        depends_on: Vec::new(),
    }
}

/// An item of two parts, as many of which are in the tracker as there are names.
fn divided(created: &[&str]) -> ItemRecord {
    item("DEMO-1", |record| {
        record.item.state = ItemState::InProgress;
        let created = (1..).zip(created);
        let created = created
            .map(|(number, name)| (number, CreatedPart { item: id(name), at: minutes(-5) }))
            .collect::<BTreeMap<_, _>>();
        record.epic = Some(Epic {
            run: run_id(7),
            reason: "two things".to_owned(),
            parts: vec![part("The one"), part("The other")],
            agreed: Some(minutes(-10)),
            created,
        });
    })
}

fn done(name: &str) -> ItemRecord {
    let mut record = child(name, "DEMO-1");
    record.status = ItemStatus::Done;
    record
}

fn failed(name: &str) -> ItemRecord {
    let mut record = child(name, "DEMO-1");
    record.status = ItemStatus::Failed;
    record
}

fn says(records: impl IntoIterator<Item = ItemRecord>) -> String {
    reason(parent::check, &world(records), &policy(), "DEMO-1")
}

/// What is to be done about the item itself.
fn wanted(records: impl IntoIterator<Item = ItemRecord>) -> Vec<Action> {
    let actions = plan(&world(records), &policy(), NOW).plan.actions;
    let about_parts = |action: &Action| matches!(action, Action::Start { .. });
    actions.into_iter().filter(|action| !about_parts(action)).collect()
}

#[test]
fn a_divided_item_is_held_with_its_progress() {
    let mut waits = divided(&[]);
    let expires = minutes(60);
    waits.approval = Approval::Requested { at: NOW, expires };
    waits.epic.as_mut().unwrap().agreed = None;
    assert_eq!(
        says([waits]),
        format!(
            "a planner divides it into 1. The one · 2. The other; approval is asked for until {expires}"
        )
    );
    assert_eq!(says([divided(&["P-1"])]), "it is divided: 1 of 2 parts are created");
    let both = divided(&["P-1", "P-2"]);
    assert_eq!(
        says([both.clone(), done("P-1"), child("P-2", "DEMO-1")]),
        "it is divided: 1 of 2 parts are done, open: P-2"
    );
    assert_eq!(
        says([both, child("P-1", "DEMO-1"), failed("P-2")]),
        "it is divided: 0 of 2 parts are done, open: P-1, lost: P-2"
    );
}

#[test]
fn it_is_complete_when_every_part_is_done_and_people_added_none() {
    let both = || divided(&["P-1", "P-2"]);
    assert_eq!(wanted([both(), done("P-1"), child("P-2", "DEMO-1")]), []);
    assert_eq!(wanted([divided(&["P-1"]), done("P-1")]), [], "one part is not created yet");
    let complete = Action::CompleteEpic { item: id("DEMO-1"), parts: 2 };
    assert_eq!(wanted([both(), done("P-1"), done("P-2")]), [complete]);
    assert_eq!(wanted([both(), done("P-1"), done("P-2"), child("P-3", "DEMO-1")]), []);
    let mut in_review = done("P-2");
    in_review.in_review = true;
    in_review.item.state = ItemState::InReview;
    assert_eq!(wanted([both(), done("P-1"), in_review]), []);
    let mut settled = both();
    settled.status = ItemStatus::Done;
    assert_eq!(wanted([settled, done("P-1"), done("P-2")]), []);
}

#[test]
fn a_lost_part_is_asked_about_once_until_it_is_found_again() {
    let both = || divided(&["P-1", "P-2"]);
    let asked = || {
        let mut record = both();
        record.status = ItemStatus::WaitingHuman;
        let (reason, question) = (HumanReason::PartLost, "lost".to_owned());
        record.human = Some(HumanRequest { reason, question, since: NOW });
        record
    };
    let actions = wanted([both(), done("P-1"), failed("P-2")]);
    let [Action::AskHuman { reason: HumanReason::PartLost, question, .. }] = actions.as_slice()
    else {
        panic!("{actions:?}")
    };
    assert!(
        question.starts_with("1 of its parts will not become done by itself: P-2."),
        "{question}"
    );
    let mut gone = child("P-2", "DEMO-1");
    gone.present = false;
    assert_eq!(wanted([both(), done("P-1"), gone]).len(), 1);
    assert_eq!(wanted([asked(), done("P-1"), failed("P-2")]), []);
    let resumed = Action::ResumeEpic { item: id("DEMO-1") };
    assert_eq!(wanted([asked(), done("P-1"), child("P-2", "DEMO-1")]), [resumed]);
    let complete = Action::CompleteEpic { item: id("DEMO-1"), parts: 2 };
    assert_eq!(wanted([asked(), done("P-1"), done("P-2")]), [complete]);
}

#[test]
fn what_an_operator_lane_is_linked_to_is_completed_by_its_lane() {
    let mut operated = divided(&["P-1", "P-2"]);
    operated.session = Some(LaneSession::begun(Lane::Team, "ann", minutes(-5)));
    assert_eq!(wanted([operated, done("P-1"), done("P-2")]), []);
}

#[test]
fn a_part_that_nobody_has_read_yet_is_open() {
    let record = divided(&["P-1"]);
    let epic = record.epic.as_ref().unwrap();
    let progress = progress(epic, &BTreeMap::new());
    assert_eq!((progress.open, progress.lost), (vec![id("P-1")], Vec::new()));
}
