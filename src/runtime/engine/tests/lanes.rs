//! Operator lanes: what is proposed, linked, refused, told to the tracker and shown again, also after a restart.

use proptest::prelude::{Strategy as _, any};
use proptest::sample::Index;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::{Bench, Command, Input, ItemState, ItemStatus, id};
use crate::domain::card::RunCard;
use crate::domain::closing::Closing;
use crate::domain::command::LaneOrder;
use crate::domain::effect::Effect;
use crate::domain::ids::ProjectId;
use crate::domain::lane_session::LanePhase;
use crate::domain::stop_policy::Ruling;
use crate::domain::work_item::Lane;
use crate::runtime::engine::Reply;
use crate::runtime::engine::stopping::Departure;

const RALPH: &str =
    "[[item]]\nid = \"A-1\"\nlane = \"ralph\"\n[[item]]\nid = \"A-2\"\nlane = \"ralph\"";

/// An epic with two parts, in two projects.
const EPIC: &str = "[[project]]\nname = \"api\"\n[[project]]\nname = \"web\"\n\
    [[item]]\nid = \"E-1\"\nproject = \"api\"\nlane = \"team\"\n\
    [[item]]\nid = \"E-2\"\nproject = \"api\"\nparent = \"E-1\"\nlane = \"manual\"\n\
    [[item]]\nid = \"E-3\"\nproject = \"web\"\nparent = \"E-1\"\nlane = \"manual\"";

fn start(lane: Lane, target: &str) -> Command {
    let target = target.to_owned();
    Command::Lane { order: LaneOrder::Start { lane, target } }
}

fn unlink(target: &str) -> Command {
    Command::Lane { order: LaneOrder::Unlink { target: target.to_owned() } }
}

fn advance(target: &str, phase: LanePhase) -> Command {
    let (target, evidence) = (target.to_owned(), "make test is green".to_owned());
    Command::Lane { order: LaneOrder::Advance { target, phase, evidence } }
}

fn review(target: &str, approved: bool) -> Command {
    let (target, reason) = (target.to_owned(), "there is no test".to_owned());
    let by = Some("bob".to_owned());
    Command::Lane { order: LaneOrder::Review { target, approved, by, reason } }
}

fn stop(target: &str, override_reason: Option<&str>) -> Command {
    let override_reason = override_reason.map(str::to_owned);
    Command::Lane { order: LaneOrder::Stop { target: target.to_owned(), override_reason } }
}

fn acknowledge_close(target: &str) -> Command {
    let reason = "both are live".to_owned();
    Command::AcknowledgeClose { target: target.to_owned(), reason }
}

fn stop_daemon(override_reason: Option<&str>) -> Command {
    Command::Stop { override_reason: override_reason.map(str::to_owned) }
}

/// What the tracker was asked to show last: number, state, and the card with its two boxes.
fn asked(bench: &mut Bench, name: &str) -> (u32, Option<ItemState>, RunCard) {
    let number = bench.engine.item(&id(name)).unwrap().updates;
    match bench.engine.effect(&super::update_key(name, number)).unwrap() {
        Effect::UpdateTracker { number, state, card, .. } => {
            (*number, *state, card.as_deref().unwrap().clone())
        }
        other => panic!("{other:?}"),
    }
}

/// The tracker has written everything that it was asked to write.
fn drain(bench: &mut Bench, name: &str) {
    for number in 1..=bench.engine.item(&id(name)).unwrap().updates {
        let key = super::update_key(name, number);
        let Some(Effect::UpdateTracker { state, .. }) = bench.engine.effect(&key) else { continue };
        let state = *state;
        bench.start();
        bench.written(name, number, |item| item.state = state.unwrap_or(item.state));
    }
}

fn phase(bench: &Bench, name: &str) -> Option<LanePhase> {
    bench.engine.item(&id(name)).unwrap().session.as_ref().map(|session| session.phase)
}

fn done(bench: &mut Bench, command: Command) -> Reply {
    let reply = bench.command(command);
    assert!(reply.accepted, "{}", reply.message);
    reply
}

fn refusal(bench: &mut Bench, command: Command) -> String {
    let reply = bench.command(command);
    assert!(!reply.accepted, "{}", reply.message);
    reply.message
}

fn released_by(bench: &mut Bench, name: &str) -> Option<String> {
    bench.engine.explain(name, bench.now).unwrap().held[0].released_by.clone()
}

#[test]
fn a_lane_in_the_tracker_is_proposed_once_until_it_is_started() {
    let mut bench = Bench::new(RALPH);
    bench.later(10);
    bench.read();
    bench.restart();
    bench.read();
    let record = bench.engine.item(&id("A-1")).unwrap();
    let proposal = record.proposal.as_ref().unwrap();
    assert_eq!((proposal.lane, proposal.since), (Lane::Ralph, record.created));
    let command = "enact-factory lane start ralph A-1".to_owned();
    assert_eq!(released_by(&mut bench, "A-1"), Some(command));
    done(&mut bench, start(Lane::Ralph, "A-1"));
    assert_eq!(bench.engine.item(&id("A-1")).unwrap().proposal, None);
    bench.items.get_mut("A-2").unwrap().lane = Lane::Manual;
    bench.later(10);
    bench.read();
    assert_eq!(bench.engine.item(&id("A-2")).unwrap().proposal, None);
}

#[test]
fn starting_stamps_the_link_and_refuses_a_second_one() {
    let mut bench = Bench::new(RALPH);
    done(&mut bench, start(Lane::Ralph, "A-1"));
    let (number, state, card) = asked(&mut bench, "A-1");
    assert_eq!((number, state, card.run), (1, Some(ItemState::InProgress), None));
    assert!(!card.implementation_complete && !card.review_passed);
    assert_eq!(
        refusal(&mut bench, start(Lane::Ralph, "A-2")),
        "ralph already linked to \"A-1\": `enact-factory lane unlink ralph` first"
    );
    assert_eq!(
        refusal(&mut bench, start(Lane::Team, "A-1")),
        "ralph already linked to \"A-1\": `enact-factory lane unlink ralph` first"
    );
    let before = bench.engine.item(&id("A-1")).unwrap().clone();
    assert!(
        done(&mut bench, start(Lane::Ralph, "A-1")).message.starts_with("ralph is linked already")
    );
    assert_eq!(*bench.engine.item(&id("A-1")).unwrap(), before);
    done(&mut bench, unlink("ralph"));
    assert!(bench.engine.item(&id("A-1")).unwrap().proposal.is_some());
    done(&mut bench, start(Lane::Ralph, "A-2"));
    let session = bench.engine.item(&id("A-2")).unwrap().session.clone().unwrap();
    assert_eq!((session.by.as_str(), session.since), ("human:cli:ann", bench.now));
}

#[test]
fn a_lane_that_is_none_and_an_item_that_a_run_has_are_not_linked() {
    let mut bench = Bench::new("[[item]]\nid = \"A-1\"\n[[item]]\nid = \"A-2\"\nlane = \"team\"");
    assert_eq!(
        refusal(&mut bench, start(Lane::Autopilot, "A-1")),
        "autopilot is not started by hand: set the lane of A-1 to autopilot in its tracker"
    );
    assert!(refusal(&mut bench, start(Lane::Ralph, "A-2")).contains("says team"));
    bench.plan();
    assert!(refusal(&mut bench, start(Lane::Ralph, "A-1")).contains("own pipeline works on A-1"));
    done(&mut bench, Command::Cancel { target: "A-1".to_owned() });
    assert!(refusal(&mut bench, start(Lane::Ralph, "A-1")).contains("A-1 is cancelled"));
}

#[test]
fn what_a_lane_has_is_never_taken_by_the_pipeline_whatever_its_tracker_says() {
    let mut bench = Bench::new("[[item]]\nid = \"A-1\"");
    done(&mut bench, start(Lane::Ralph, "A-1"));
    bench.plan();
    assert_eq!(bench.status("A-1"), ItemStatus::Pending);
    done(&mut bench, unlink("A-1"));
    assert_eq!(bench.status("A-1"), ItemStatus::InFlight);
}

#[test]
fn each_step_asks_the_tracker_to_flip_its_box_once() {
    let mut bench = Bench::new(RALPH);
    done(&mut bench, start(Lane::Ralph, "A-1"));
    drain(&mut bench, "A-1");
    assert!(refusal(&mut bench, review("A-1", true)).contains("nothing to review"));
    assert!(
        refusal(&mut bench, advance("A-1", LanePhase::Review)).contains("no way leads to review")
    );
    done(&mut bench, advance("A-1", LanePhase::Verifying));
    let (number, state, card) = asked(&mut bench, "A-1");
    assert_eq!((number, state), (2, None));
    assert!(card.implementation_complete && !card.review_passed);
    assert!(card.text.contains("Evidence: make test is green"), "{}", card.text);
    done(&mut bench, advance("A-1", LanePhase::Verifying));
    assert_eq!(bench.engine.item(&id("A-1")).unwrap().updates, 2, "the same again is nothing");
    bench.restart();
    assert_eq!(asked(&mut bench, "A-1").2, card, "the wish outlives the daemon");
    drain(&mut bench, "A-1");
    done(&mut bench, review("A-1", true));
    let (_, state, card) = asked(&mut bench, "A-1");
    assert_eq!(state, Some(ItemState::Done));
    assert!(card.implementation_complete && card.review_passed);
    assert_eq!(phase(&bench, "A-1"), Some(LanePhase::Completed));
    assert_eq!(bench.status("A-1"), ItemStatus::Done);
    drain(&mut bench, "A-1");
    done(&mut bench, start(Lane::Ralph, "A-2"));
}

#[test]
fn a_rejection_takes_the_boxes_back_and_the_findings_are_kept() {
    let mut bench = Bench::new(RALPH);
    done(&mut bench, start(Lane::Ralph, "A-1"));
    done(&mut bench, advance("A-1", LanePhase::Verifying));
    done(&mut bench, advance("A-1", LanePhase::Review));
    assert_eq!(asked(&mut bench, "A-1").1, Some(ItemState::InReview));
    assert!(refusal(&mut bench, unlink("ralph")).contains("A-1 is in review"));
    done(&mut bench, review("A-1", false));
    let (_, state, card) = asked(&mut bench, "A-1");
    assert_eq!(state, Some(ItemState::InProgress));
    assert!(!card.implementation_complete && !card.review_passed);
    let session = bench.engine.item(&id("A-1")).unwrap().session.clone().unwrap();
    assert_eq!(
        (session.phase, session.findings),
        (LanePhase::Running, vec!["there is no test".to_owned()])
    );
}

#[test]
fn an_epic_across_repositories_stays_in_review_until_somebody_acknowledges_its_close() {
    let mut bench = Bench::new(EPIC);
    done(&mut bench, start(Lane::Team, "E-1"));
    done(&mut bench, advance("E-1", LanePhase::Verifying));
    let said = done(&mut bench, review("E-1", true)).message;
    assert!(said.starts_with("approved, and not closed: it spans 2 repositories"), "{said}");
    assert_eq!(phase(&bench, "E-1"), Some(LanePhase::Review));
    assert_eq!(bench.status("E-1"), ItemStatus::WaitingHuman);
    let (_, state, card) = asked(&mut bench, "E-1");
    assert_eq!(state, Some(ItemState::InReview));
    assert!(card.review_passed);
    bench.restart();
    assert!(refusal(&mut bench, review("E-1", true)).contains("acknowledge-close E-1"));
    let ledger = bench.engine.status(bench.now).lanes.ledger;
    assert_eq!(ledger.len(), 1);
    assert!(
        refusal(
            &mut bench,
            Command::AcknowledgeClose { target: "E-1".to_owned(), reason: " ".to_owned() }
        )
        .contains("--reason")
    );
    done(&mut bench, acknowledge_close("E-1"));
    assert_eq!(asked(&mut bench, "E-1").1, Some(ItemState::Done));
    assert_eq!(phase(&bench, "E-1"), Some(LanePhase::Completed));
    assert_eq!(bench.status("E-1"), ItemStatus::Done);
    let closing = bench.engine.item(&id("E-1")).unwrap().closing.clone();
    assert!(matches!(&closing, Closing::Acknowledged { reason, .. } if reason == "both are live"));
    drain(&mut bench, "E-1");
    assert!(bench.engine.status(bench.now).lanes.ledger.is_empty());
}

#[test]
fn an_epic_in_one_repository_is_closed_by_its_approval() {
    let mut bench = Bench::new(EPIC);
    bench.items.get_mut("E-3").unwrap().project = Some(ProjectId::new("api"));
    bench.read();
    done(&mut bench, start(Lane::Team, "E-1"));
    done(&mut bench, advance("E-1", LanePhase::Verifying));
    done(&mut bench, review("E-1", true));
    assert_eq!(bench.status("E-1"), ItemStatus::Done);
}

#[test]
fn an_epic_that_people_close_without_a_word_is_a_blocker_until_somebody_says_one() {
    let mut bench = Bench::new(EPIC);
    bench.items.get_mut("E-1").unwrap().state = ItemState::Done;
    bench.later(5);
    bench.read();
    let blockers = |bench: &Bench| bench.engine.status(bench.now).lanes.ledger.len();
    assert_eq!(blockers(&bench), 1);
    assert!(refusal(&mut bench, stop_daemon(None)).contains("E-1: closure-evidence-missing"));
    done(&mut bench, Command::StopAcknowledge { reason: String::new() });
    assert_eq!(blockers(&bench), 0);
    done(&mut bench, stop_daemon(None));
    // The next daemon asks again.
    bench.restart();
    bench.give(Input::Started { version: "1".to_owned() });
    assert_eq!(blockers(&bench), 1);
    done(&mut bench, acknowledge_close("E-1"));
    assert_eq!(blockers(&bench), 0);
    done(&mut bench, stop_daemon(None));
}

#[test]
fn a_lane_with_open_gates_is_not_stopped_unless_somebody_says_why() {
    let mut bench = Bench::new(RALPH);
    done(&mut bench, start(Lane::Ralph, "A-1"));
    let said = refusal(&mut bench, stop("A-1", None));
    for gate in ["implementation-incomplete", "review-not-passed", "pushes-pending"] {
        assert!(said.contains(gate), "{said}");
    }
    assert!(said.contains("enact-factory lane advance A-1 verifying"), "{said}");
    assert_eq!(phase(&bench, "A-1"), Some(LanePhase::Running));
    bench.restart();
    let verdicts = bench.engine.status(bench.now).lanes.verdicts;
    assert_eq!(verdicts.len(), 1);
    assert!(verdicts[0].unmet.iter().all(|unmet| unmet.still_open));
    assert!(refusal(&mut bench, stop("A-1", Some(" "))).contains("--reason"));
    done(&mut bench, stop("A-1", Some("the machine is needed")));
    assert_eq!(phase(&bench, "A-1"), Some(LanePhase::Stopped));
    let verdicts = &bench.engine.status(bench.now).lanes.verdicts;
    assert!(verdicts[0].text.contains("the machine is needed"), "{verdicts:?}");
    done(&mut bench, Command::StopAcknowledge { reason: "seen".to_owned() });
    assert!(bench.engine.status(bench.now).lanes.verdicts.is_empty());
    drain(&mut bench, "A-1");
    done(&mut bench, stop_daemon(None));
    done(&mut bench, start(Lane::Ralph, "A-1"));
    assert_eq!(phase(&bench, "A-1"), Some(LanePhase::Running));
}

#[test]
fn a_daemon_that_is_ended_by_a_signal_leaves_the_verdict_to_the_next_one() {
    let mut bench = Bench::new(RALPH);
    let ending = |departure| Input::Stopping { departure };
    bench.give(ending(Departure::Signalled));
    assert!(bench.engine.status(bench.now).lanes.verdicts.is_empty(), "nothing was open");
    done(&mut bench, start(Lane::Ralph, "A-1"));
    bench.give(ending(Departure::HandedOver));
    assert!(bench.engine.status(bench.now).lanes.verdicts.is_empty(), "another takes its place");
    bench.give(ending(Departure::Signalled));
    bench.restart();
    bench.give(Input::Started { version: "1".to_owned() });
    let verdicts = bench.engine.status(bench.now).lanes.verdicts;
    assert_eq!(verdicts.len(), 1);
    assert_eq!(verdicts[0].ruling, Ruling::Signalled {});
    done(&mut bench, Command::StopAcknowledge { reason: String::new() });
    bench.restart();
    assert!(bench.engine.status(bench.now).lanes.verdicts.is_empty());
}

#[test]
fn people_who_finish_an_item_in_its_tracker_free_its_lane() {
    let mut bench = Bench::new(RALPH);
    done(&mut bench, start(Lane::Ralph, "A-1"));
    drain(&mut bench, "A-1");
    bench.items.get_mut("A-1").unwrap().state = ItemState::Cancelled;
    bench.later(5);
    bench.read();
    assert_eq!(phase(&bench, "A-1"), None);
    done(&mut bench, start(Lane::Ralph, "A-2"));
    drain(&mut bench, "A-2");
    bench.items.remove("A-2");
    for _reading in 0..2 {
        bench.later(5);
        bench.read();
    }
    assert_eq!(phase(&bench, "A-2"), None);
}

#[test]
fn giving_an_item_up_frees_its_lane_and_leaves_no_close_to_wait_for() {
    let mut bench = Bench::new(EPIC);
    done(&mut bench, start(Lane::Team, "E-1"));
    done(&mut bench, advance("E-1", LanePhase::Verifying));
    done(&mut bench, review("E-1", true));
    assert!(refusal(&mut bench, unlink("team")).contains("acknowledge-close E-1"));
    done(&mut bench, Command::Cancel { target: "E-1".to_owned() });
    assert_eq!(phase(&bench, "E-1"), None);
    assert!(bench.engine.status(bench.now).lanes.ledger.is_empty());
    drain(&mut bench, "E-1");
    done(&mut bench, stop_daemon(None));
}

/// One of the things that may happen to the items of [`EPIC`].
fn happens(bench: &mut Bench, what: usize, name: &str) {
    let lanes = [Lane::Ralph, Lane::Team, Lane::Ultrawork];
    let states = [ItemState::Todo, ItemState::Done, ItemState::InReview, ItemState::Cancelled];
    match what {
        0..3 => drop(bench.command(start(lanes[what], name))),
        3 => drop(bench.command(advance(name, LanePhase::Verifying))),
        4 => drop(bench.command(advance(name, LanePhase::Review))),
        5 => drop(bench.command(review(name, true))),
        6 => drop(bench.command(review(name, false))),
        7 => drop(bench.command(stop(name, None))),
        8 => drop(bench.command(stop(name, Some("so")))),
        9 => drop(bench.command(unlink(name))),
        10 => drop(bench.command(acknowledge_close(name))),
        11 => drain(bench, name),
        12 => bench.restart(),
        13 => drop(bench.command(Command::Retry { target: name.to_owned(), note: String::new() })),
        14 => drop(bench.command(Command::StopAcknowledge { reason: String::new() })),
        15 => bench.plan(),
        16..20 => {
            bench.items.get_mut(name).unwrap().state = states[what - 16];
            bench.later(5);
            bench.read();
        }
        20 => bench.items.get_mut(name).unwrap().lane = Lane::Autopilot,
        _ => bench.items.get_mut(name).unwrap().lane = Lane::Team,
    }
}

fn laws_hold(bench: &Bench) {
    let names = ["E-1", "E-2", "E-3"];
    let records = names.map(|name| bench.engine.item(&id(name)).unwrap());
    for record in records {
        let Some(session) = &record.session else { continue };
        let name = &record.item.id;
        assert!(session.approved_by.is_none() || session.evidence.is_some(), "{name} {session:?}");
        assert_eq!(session.phase == LanePhase::Completed, !session.is_linked());
        if session.phase == LanePhase::Completed {
            assert!(session.approved_by.is_some(), "{name} {session:?}");
        }
        assert!(record.run.is_none() || !session.is_linked(), "{name} has a run and a lane");
    }
    for lane in Lane::ALL {
        let linked = records.into_iter().filter_map(|record| record.session.as_ref());
        let linked = linked.filter(|session| session.lane == lane && session.is_linked()).count();
        assert!(linked <= usize::from(lane.is_operated()), "{lane:?} has {linked} items");
    }
}

#[test]
fn the_laws_of_lanes_hold_whatever_people_do_and_a_restart_changes_nothing() {
    let config = Config { cases: 60, failure_persistence: None, ..Config::default() };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let choice = (any::<Index>(), any::<Index>())
        .prop_map(|(what, name)| (what.index(22), ["E-1", "E-2", "E-3"][name.index(3)]));
    let tried = TestRunner::new_with_rng(config, rng).run(
        &proptest::collection::vec(choice, 0..40),
        |steps| {
            let mut bench = Bench::new(EPIC);
            for (what, name) in steps {
                happens(&mut bench, what, name);
                laws_hold(&bench);
            }
            let before = bench.engine.status(bench.now).lanes;
            bench.restart();
            assert_eq!(bench.engine.status(bench.now).lanes, before);
            Ok(())
        },
    );
    if let Err(error) = tried {
        panic!("{error}");
    }
}
