use crate::domain::ids::ProjectId;
use crate::domain::item_record::{ItemRecord, ItemStatus};
use crate::domain::work_item::ItemState;

use super::super::super::fixtures::{
    ask, chosen, gates_of, item, plan_now, policy, reason, run_on, world,
};
use super::super::super::held::GateName;
use super::check;

fn twin(name: &str, change: impl FnOnce(&mut ItemRecord)) -> ItemRecord {
    item(name, |record| {
        record.item.title = "Fix the parser".to_owned();
        record.item.body = "It drops  the last line.\n".to_owned();
        change(record);
    })
}

#[test]
fn the_twin_of_a_done_item_is_held_and_names_it() {
    let world = world([
        twin("DEMO-1", |record| record.status = ItemStatus::Done),
        twin("DEMO-2", |record| {
            record.item.title = "  fix the PARSER".to_owned();
            record.item.body = "It drops the\nlast line.".to_owned();
        }),
        twin("DEMO-3", |record| record.item.body = "It drops the first line.".to_owned()),
        twin("DEMO-4", |record| record.item.project = Some(ProjectId::new("alpha"))),
    ]);
    let held = ask(check, &world, &policy(), "DEMO-2").unwrap();
    assert_eq!(held.reason, "the same task as DEMO-1, which is done");
    assert_eq!(reason(check, &world, &policy(), "DEMO-3"), "");
    assert_eq!(reason(check, &world, &policy(), "DEMO-4"), "");
}

#[test]
fn a_running_twin_is_named_before_a_done_one() {
    let mut world = world([
        twin("DEMO-1", |record| record.status = ItemStatus::Done),
        twin("DEMO-2", |_| {}),
        twin("DEMO-3", |_| {}),
        twin("DEMO-4", |record| record.status = ItemStatus::Done),
    ]);
    run_on(&mut world, "DEMO-2", false);
    let text = reason(check, &world, &policy(), "DEMO-3");
    assert_eq!(text, "the same task as DEMO-2, which is running");
}

#[test]
fn an_item_is_not_its_own_twin() {
    let done_elsewhere = twin("DEMO-1", |record| record.item.state = ItemState::Done);
    let world = world([done_elsewhere, twin("DEMO-2", |_| {})]);
    assert_eq!(reason(check, &world, &policy(), "DEMO-1"), "");
    let text = reason(check, &world, &policy(), "DEMO-2");
    assert_eq!(text, "the same task as DEMO-1, which is done");
}

#[test]
fn of_two_pending_twins_one_is_chosen_and_the_other_is_held() {
    let world = world([twin("DEMO-1", |_| {}), twin("DEMO-2", |_| {})]);
    let planned = plan_now(&world, &policy());
    assert_eq!(chosen(&planned), ["DEMO-1"]);
    assert_eq!(gates_of(&planned, "DEMO-2"), [GateName::Duplicate]);
}

#[test]
fn twins_that_failed_or_were_given_up_do_not_hold() {
    let world = world([
        twin("DEMO-1", |record| record.status = ItemStatus::Failed),
        twin("DEMO-2", |record| record.status = ItemStatus::Cancelled),
        twin("DEMO-3", |_| {}),
    ]);
    assert_eq!(reason(check, &world, &policy(), "DEMO-3"), "");
}

#[test]
fn the_operator_may_ask_for_a_done_task_again_but_not_twice_at_once() {
    let world = world([
        twin("cli/one", |record| record.status = ItemStatus::Done),
        twin("cli/two", |_| {}),
        twin("cli/three", |_| {}),
    ]);
    let planned = plan_now(&world, &policy());
    assert_eq!(chosen(&planned), ["three"]);
    assert_eq!(gates_of(&planned, "cli/two"), [GateName::Duplicate]);
}
