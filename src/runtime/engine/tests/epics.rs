//! Items that are divided: their parts are wanted one after the other, each once, and the whole is brought to its end.

use super::{Bench, id};
use crate::domain::agent::{TurnEnding, TurnReport};
use crate::domain::command::Command;
use crate::domain::effect::Effect;
use crate::domain::epic::Epic;
use crate::domain::failure::Failure;
use crate::domain::ids::EffectKey;
use crate::domain::item_record::{HumanReason, ItemStatus};
use crate::domain::work_item::{ItemState, Trust, WorkItem};
use crate::pipeline::input::{FinishedTurn, Input as RunInput};
use crate::runtime::engine::{Input, TrackerFailure};

const LARGE: &str = "[[item]]\nid = \"A-1\"\nlabels = [\"estimate:90\"]";
const BOTH_LARGE: &str = "[[item]]\nid = \"A-1\"\nlabels = [\"estimate:90\"]\n[[item]]\nid = \"A-2\"\nlabels = [\"estimate:90\"]";

const TWO_PARTS: &str = r#"{"needs_decomposition": true, "reason": "two things", "children": [
    {"title": "one", "description": "do one", "estimated_minutes": 20},
    {"title": "two", "description": "do two", "estimated_minutes": 20, "depends_on": [0]}]}"#;
const ONE_PIECE: &str = r#"{"needs_decomposition": false, "reason": "it is one piece"}"#;

/// A bench whose items may be divided.
fn bench(scenario: &str) -> Bench {
    let mut bench = Bench::new(scenario);
    bench.policy.division.enabled = true;
    reconfigure(&mut bench);
    bench
}

fn reconfigure(bench: &mut Bench) {
    let policy = std::sync::Arc::new(bench.policy.clone());
    bench.give(Input::Reconfigured { policy });
}

/// A run of the item begins, and its planner says `text`.
fn planned(bench: &mut Bench, name: &str, text: &str) {
    bench.plan();
    assert_eq!(creation(bench), None);
    bench.prepared(name);
    assert_eq!(creation(bench), None);
    bench.anchored(name, 1);
    let run = bench.run(name);
    let report = TurnReport {
        ending: TurnEnding::Completed,
        text: text.to_owned(),
        ..TurnReport::not_started(Failure::infrastructure(""))
    };
    let (change, tampered, instead) = (None, false, None);
    let finished = FinishedTurn { turn: 1, report, change, tampered, instead };
    let effect = Effect::RunTurn { run, turn: 1 };
    bench.result(&effect, RunInput::TurnFinished(Box::new(finished)));
}

fn epic(bench: &Bench) -> Epic {
    bench.engine.item(&id("A-1")).unwrap().epic.clone().unwrap()
}

/// Writes every update, as the tracker would; the creation that is wanted, if there is one.
fn creation(bench: &mut Bench) -> Option<EffectKey> {
    let mut wanted = None;
    for _ in 0..20 {
        let due = bench.engine.start_due(bench.now);
        if due.is_empty() {
            return wanted;
        }
        for due in due {
            match due.effect {
                Effect::UpdateTracker { item, state, .. } => {
                    let item = bench.items.get_mut(item.identifier()).unwrap();
                    item.state = state.unwrap_or(item.state);
                    let written =
                        crate::runtime::engine::Written { current: item.clone(), refused: None };
                    bench.give(Input::TrackerWritten { key: due.key, result: Ok(written) });
                }
                Effect::CreateItem { .. } => {
                    assert_eq!(wanted, None, "two at once");
                    wanted = Some(due.key);
                }
                _ => {}
            }
        }
    }
    panic!("updates without end");
}

/// The tracker has created the part; it is what it reads from then on.
fn created(bench: &mut Bench, key: EffectKey, name: &str) {
    let parent = bench.items["A-1"].clone();
    let item = WorkItem {
        id: id(name),
        parent: Some(parent.id.clone()),
        labels: Vec::new(),
        title: format!("part {name}"),
        state: ItemState::Todo,
        trust: Trust::Trusted,
        ..parent
    };
    bench.items.insert(name.to_owned(), item.clone());
    bench.give(Input::PartCreated { key, result: Ok(item) });
}

fn both_created(bench: &mut Bench) {
    for name in ["A-1.1", "A-1.2"] {
        let key = creation(bench).unwrap();
        created(bench, key, name);
    }
    assert_eq!(creation(bench), None);
}

/// People, or a run, bring an item to another state.
fn moved(bench: &mut Bench, name: &str, state: ItemState) {
    assert_eq!(creation(bench), None);
    bench.items.get_mut(name).unwrap().state = state;
    bench.later(120);
    bench.read();
    bench.plan();
}

#[test]
fn parts_are_created_one_after_the_other_and_once_also_over_restarts() {
    let mut bench = bench(LARGE);
    planned(&mut bench, "A-1", TWO_PARTS);
    assert_eq!(bench.status("A-1"), ItemStatus::Pending);
    let first = creation(&mut bench).unwrap();
    bench.restart();
    assert_eq!(creation(&mut bench), Some(first.clone()), "a crash before the answer");
    created(&mut bench, first.clone(), "A-1.1");
    bench.restart();
    let second = creation(&mut bench).unwrap();
    assert_ne!(first, second);
    assert_eq!(epic(&bench).blockers(2), [id("A-1.1")]);
    created(&mut bench, second.clone(), "A-1.2");
    // A late second answer changes nothing.
    let again = bench.items["A-1.2"].clone();
    bench.give(Input::PartCreated { key: second, result: Ok(again) });
    assert_eq!((epic(&bench).created.len(), creation(&mut bench)), (2, None));
}

#[test]
fn the_whole_is_done_when_its_parts_are() {
    let mut bench = bench(LARGE);
    planned(&mut bench, "A-1", TWO_PARTS);
    both_created(&mut bench);
    moved(&mut bench, "A-1.1", ItemState::Done);
    assert_eq!(bench.status("A-1"), ItemStatus::Pending);
    moved(&mut bench, "A-1.2", ItemState::Done);
    assert_eq!(bench.status("A-1"), ItemStatus::Done);
    creation(&mut bench);
    assert_eq!(bench.items["A-1"].state, ItemState::Done);
    // Who opens it again wants more than its parts: it is not closed by them once more.
    moved(&mut bench, "A-1", ItemState::Todo);
    bench.plan();
    assert_eq!(bench.status("A-1"), ItemStatus::Pending);
}

#[test]
fn parts_in_several_repositories_leave_the_whole_to_a_person() {
    let mut bench = bench(
        "[[project]]\nname = \"web\"\n[[project]]\nname = \"api\"\n[[item]]\nid = \"A-1\"\nproject = \"web\"\nlabels = [\"estimate:90\"]",
    );
    planned(&mut bench, "A-1", TWO_PARTS);
    both_created(&mut bench);
    bench.items.get_mut("A-1.2").unwrap().project = Some(crate::domain::ids::ProjectId::new("api"));
    moved(&mut bench, "A-1.1", ItemState::Done);
    moved(&mut bench, "A-1.2", ItemState::Done);
    creation(&mut bench);
    assert_eq!(bench.items["A-1"].state, ItemState::InReview);
}

#[test]
fn a_lost_part_asks_a_person_and_the_whole_goes_on_when_it_is_found() {
    let mut bench = bench(LARGE);
    planned(&mut bench, "A-1", TWO_PARTS);
    both_created(&mut bench);
    moved(&mut bench, "A-1.1", ItemState::Done);
    moved(&mut bench, "A-1.2", ItemState::Cancelled);
    assert_eq!(bench.status("A-1"), ItemStatus::WaitingHuman);
    let asked = bench.engine.item(&id("A-1")).unwrap().human.clone().unwrap();
    assert_eq!(asked.reason, HumanReason::PartLost);
    assert!(asked.question.contains("A-1.2"), "{}", asked.question);
    moved(&mut bench, "A-1.2", ItemState::Todo);
    assert_eq!(bench.status("A-1"), ItemStatus::Pending);
    moved(&mut bench, "A-1.2", ItemState::Done);
    assert_eq!(bench.status("A-1"), ItemStatus::Done);
}

#[test]
fn a_part_that_cannot_be_created_asks_a_person_and_is_tried_again_when_told() {
    let mut bench = bench(LARGE);
    planned(&mut bench, "A-1", TWO_PARTS);
    let refusal =
        |again| Err(TrackerFailure { message: "no such type".to_owned(), again, wait: None });
    let key = creation(&mut bench).unwrap();
    bench.give(Input::PartCreated { key: key.clone(), result: refusal(true) });
    assert_eq!((creation(&mut bench), bench.status("A-1")), (None, ItemStatus::Pending));
    bench.later(3600);
    assert_eq!(creation(&mut bench), Some(key.clone()), "trouble that passes is waited for");
    bench.give(Input::PartCreated { key: key.clone(), result: refusal(false) });
    assert_eq!(bench.status("A-1"), ItemStatus::WaitingHuman);
    let asked = bench.engine.item(&id("A-1")).unwrap().human.clone().unwrap();
    assert_eq!(asked.question, "part 1 of 2 could not be created: no such type");
    bench.restart();
    assert_eq!(creation(&mut bench), None);
    bench.command(Command::Retry { target: "A-1".to_owned(), note: String::new() });
    let again = creation(&mut bench).unwrap();
    assert_ne!(again, key);
    created(&mut bench, again, "A-1.1");
    assert_eq!(epic(&bench).created.len(), 1);
}

#[test]
fn with_approval_nothing_is_created_before_somebody_agrees() {
    let mut bench = bench(LARGE);
    bench.policy.division.approval = true;
    reconfigure(&mut bench);
    planned(&mut bench, "A-1", TWO_PARTS);
    assert_eq!(creation(&mut bench), None);
    let why = bench.engine.explain("A-1", bench.now).unwrap();
    let held = why.held.iter().find(|held| held.gate == "parent").unwrap();
    assert!(
        held.reason.starts_with("a planner divides it into 1. one · 2. two; "),
        "{}",
        held.reason
    );
    bench.restart();
    let reply = bench.command(Command::Reject { target: "A-1".to_owned() });
    assert!(reply.accepted, "{reply:?}");
    assert_eq!(creation(&mut bench), None);
    // Back to work means: thought of anew.
    bench.command(Command::Retry { target: "A-1".to_owned(), note: "three parts".to_owned() });
    assert!(bench.engine.item(&id("A-1")).unwrap().epic.is_none());
    bench.start();
    bench.prepared("A-1");
    assert!(
        bench.engine.run(bench.run("A-1")).unwrap().plan.notes.contains(&"three parts".to_owned())
    );

    let mut bench = self::bench(LARGE);
    bench.policy.division.approval = true;
    reconfigure(&mut bench);
    planned(&mut bench, "A-1", TWO_PARTS);
    bench.policy.division.daily_limit = 1;
    reconfigure(&mut bench);
    let reply = bench.command(Command::Approve { target: "A-1".to_owned() });
    assert!(!reply.accepted && reply.message.contains("parts of today"), "{reply:?}");
    bench.policy.division.daily_limit = 2;
    reconfigure(&mut bench);
    let reply = bench.command(Command::Approve { target: "A-1".to_owned() });
    assert!(reply.accepted, "{reply:?}");
    both_created(&mut bench);
}

#[test]
fn the_limit_of_the_day_holds_also_for_planners_under_way_and_over_restarts() {
    let mut bench = bench(BOTH_LARGE);
    bench.policy.division.daily_limit = 3;
    reconfigure(&mut bench);
    bench.plan();
    bench.plan();
    let running = |bench: &Bench| bench.engine.open_runs().len();
    assert_eq!(running(&bench), 1, "the first one may come to three parts");
    bench.restart();
    bench.plan();
    assert_eq!(running(&bench), 1);
    let why = bench.engine.explain("A-2", bench.now).unwrap();
    assert_eq!(why.held[0].gate, "decomposition", "{why:?}");
    assert!(why.size.unwrap().contains("3 of 3 parts of today"));
    planned(&mut bench, "A-1", TWO_PARTS);
    bench.plan();
    assert_eq!(running(&bench), 0, "one part is no division");
    bench.restart();
    bench.plan();
    assert_eq!(running(&bench), 0);
    bench.later(24 * 3600);
    bench.plan();
    assert_eq!(bench.status("A-2"), ItemStatus::InFlight);
}

#[test]
fn an_item_that_is_one_piece_is_not_asked_about_again_before_its_text_changes() {
    let mut bench = bench(LARGE);
    planned(&mut bench, "A-1", ONE_PIECE);
    let said = |bench: &mut Bench| bench.engine.explain("A-1", bench.now).unwrap().size.unwrap();
    assert_eq!(
        said(&mut bench),
        "runs as it is: the planner says that it is one piece: it is one piece"
    );
    bench.restart();
    assert!(said(&mut bench).contains("one piece"));
    bench.items.get_mut("A-1").unwrap().body = "And more.".to_owned();
    creation(&mut bench);
    bench.later(60);
    bench.read();
    assert!(said(&mut bench).contains("a planner may divide it"));
}

#[test]
fn a_part_is_never_more_trusted_than_what_it_is_a_part_of() {
    let mut bench = bench(LARGE);
    planned(&mut bench, "A-1", TWO_PARTS);
    bench.items.get_mut("A-1").unwrap().trust = Trust::Untrusted;
    creation(&mut bench);
    bench.later(60);
    bench.read();
    bench.restart();
    let key = creation(&mut bench).unwrap();
    created(&mut bench, key, "A-1.1");
    bench.later(60);
    bench.read();
    let part = bench.engine.item(&id("A-1.1")).unwrap();
    assert_eq!(part.item.trust, Trust::Untrusted);
    bench.plan();
    assert_eq!(bench.status("A-1.1"), ItemStatus::Pending);
}

#[test]
fn no_more_parts_of_an_item_that_was_given_up() {
    let mut bench = bench(LARGE);
    planned(&mut bench, "A-1", TWO_PARTS);
    let key = creation(&mut bench).unwrap();
    bench.command(Command::Cancel { target: "A-1".to_owned() });
    created(&mut bench, key, "A-1.1");
    assert_eq!(creation(&mut bench), None);
    assert_eq!(bench.status("A-1"), ItemStatus::Cancelled);
}
