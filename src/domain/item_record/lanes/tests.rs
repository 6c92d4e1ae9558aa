use proptest::prelude::any;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestRunner};

use super::super::tests::{AT, item};
use super::{Event, ItemRecord};
use crate::domain::closing::{Closing, Deferral};
use crate::domain::item_record::ItemStatus;
use crate::domain::lane_session::{LanePhase, MOST_FINDINGS};
use crate::domain::run::Outcome;
use crate::domain::work_item::Lane;

fn vocabulary() -> Vec<Event> {
    let by = || "ann".to_owned();
    let deferral = || Deferral { repositories: Vec::new(), total: 2 };
    let mut events = vec![
        Event::CloseDeferred { deferral: deferral() },
        Event::ClosureUnproven { deferral: deferral() },
        Event::CloseAcknowledged { by: by(), reason: "live".to_owned() },
        Event::ItemResolved {
            run: None,
            outcome: Outcome::Succeeded,
            evidence: String::new(),
            in_review: false,
        },
        Event::ItemReopened { by: by() },
        Event::ItemHumanAnswered { by: by(), answer: String::new() },
        Event::ItemWithdrawn {},
        Event::Paused { by: by() },
    ];
    for lane in Lane::ALL {
        events.push(Event::LaneProposed { lane });
        events.push(Event::LaneStarted { lane, by: by() });
        events.push(Event::LaneUnlinked { lane, by: by() });
    }
    for phase in LanePhase::ALL {
        events.push(Event::LaneMoved { phase, by: by(), note: "green".to_owned() });
        for approved in [true, false] {
            let reason = "no test".to_owned();
            events.push(Event::LaneReviewed { by: by(), approved, reason, phase });
        }
    }
    events
}

#[test]
fn no_sequence_of_events_about_lanes_makes_the_fold_fail() {
    let known = vocabulary();
    let config = Config { cases: 500, failure_persistence: None, ..Config::default() };
    let sequences = proptest::collection::vec(any::<Index>(), 0..60);
    let tried = TestRunner::new(config).run(&sequences, |sequence| {
        let mut record =
            ItemRecord::first(&Event::ItemCreated { item: item(), standing: None }, AT).unwrap();
        for event in sequence {
            record.evolve(event.get(&known), AT);
            if let Some(session) = &record.session {
                assert!(session.findings.len() <= MOST_FINDINGS);
            }
            let stored = serde_json::to_string(&record).unwrap();
            assert_eq!(serde_json::from_str::<ItemRecord>(&stored).unwrap(), record);
        }
        Ok(())
    });
    if let Err(error) = tried {
        panic!("{error}");
    }
}

#[test]
fn a_deferred_close_waits_for_a_person_and_is_over_when_the_item_is_settled_or_opened_again() {
    let mut record =
        ItemRecord::first(&Event::ItemCreated { item: item(), standing: None }, AT).unwrap();
    let [deferred, .., _] = &vocabulary()[..] else { panic!("a vocabulary") };
    record.evolve(deferred, AT);
    assert_eq!(record.status, ItemStatus::WaitingHuman);
    let question = record.human.as_ref().unwrap().question.clone();
    assert!(question.contains("enact-factory acknowledge-close DEMO-1"), "{question}");
    for event in &vocabulary()[3..6] {
        let mut over = record.clone();
        over.evolve(event, AT);
        assert_eq!((over.closing, over.human), (Closing::Free, None), "{event:?}");
    }
    record.evolve(&vocabulary()[2], AT);
    assert!(matches!(record.closing, Closing::Acknowledged { .. }));
}
