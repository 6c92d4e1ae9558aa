//! How large an item is thought to be, and what follows.

use std::collections::BTreeMap;

use super::super::fixtures::{NOW, child, id, item, minutes, policy, record, run_id};
use super::{Division, Whole, decide, depth, estimate, parts_of_today};
use crate::domain::epic::{DivisionPolicy, Epic, Part};
use crate::domain::item_record::ItemRecord;

fn estimated(title: &str, body: &str) -> u32 {
    let record = item("DEMO-1", |record| {
        record.item.title = title.to_owned();
        record.item.body = body.to_owned();
    });
    estimate(&record.item)
}

fn rules() -> DivisionPolicy {
    DivisionPolicy { enabled: true, ..policy().division }
}

fn large(name: &str) -> ItemRecord {
    item(name, |record| record.item.labels = vec!["estimate:90".to_owned()])
}

fn divided_at(
    name: &str,
    parts: usize,
    agreed: Option<crate::domain::time::Timestamp>,
) -> ItemRecord {
    let part = Part {
        title: "a".to_owned(),
        description: "b".to_owned(),
        acceptance: Vec::new(),
        estimated_minutes: 20,
        priority: None,
        depends_on: Vec::new(),
    };
    item(name, |record| {
        record.epic = Some(Epic {
            run: run_id(1),
            reason: "large".to_owned(),
            parts: vec![part; parts],
            agreed,
            created: BTreeMap::new(),
        });
    })
}

#[test]
fn an_estimate_follows_from_the_words_of_the_item() {
    assert_eq!(estimated("Greet people", "by name"), 30);
    assert_eq!(estimated("Fix a typo", "in the readme, simple"), 10);
    assert_eq!(estimated("Refactor the parser", ""), 50);
    assert_eq!(estimated("Refactor the parser", "Refactoring and rewrite: once"), 50);
    assert_eq!(estimated("Migration of the store", "with tests"), 85);
    assert_eq!(estimated("Rename all modules", ""), 60);
    assert_eq!(estimated("Rename a module", "and say so to all users, every one"), 30);
    assert_eq!(estimated("Search", "the frontend and the server"), 70);
    assert_eq!(estimated("Search", "the server and the api"), 30);
    assert_eq!(estimated("Latest greetings", "fixture, attest"), 30, "parts of words are none");
    let boxes = "- [ ] a\n- [x] b\n* [ ] c\n- [ ] d\n  - [ ] e\n- no box";
    assert_eq!(estimated("Greet", boxes), 50);
}

#[test]
fn a_label_says_the_estimate_outright() {
    let mut record = large("DEMO-1");
    record.item.title = "Migrate everything, all of it".to_owned();
    assert_eq!(estimate(&record.item), 90);
    record.item.labels = vec!["estimate:much".to_owned()];
    record.item.title = "Greet".to_owned();
    assert_eq!(estimate(&record.item), 30);
}

#[test]
fn exactly_one_of_whole_divided_or_held_follows() {
    let items: BTreeMap<_, _> =
        [large("DEMO-1"), child("DEMO-2", "DEMO-1"), child("DEMO-3", "DEMO-2")]
            .into_iter()
            .map(|record| (record.item.id.clone(), record))
            .collect();
    let of = |record: &ItemRecord, rules: &DivisionPolicy, today| {
        decide(record, &items, rules, today, NOW)
    };
    let off = policy().division;
    assert_eq!(of(&large("DEMO-1"), &off, 0), Division::Whole(Whole::SwitchedOff));
    let small = of(&record("DEMO-9"), &rules(), 0);
    assert_eq!(small, Division::Whole(Whole::Small { minutes: 30, threshold: 30 }));
    assert_eq!(of(&large("cli/one"), &rules(), 0), Division::Whole(Whole::OneOff));
    let Division::Divide(plan) = of(&large("DEMO-1"), &rules(), 0) else { panic!("not divided") };
    assert_eq!((plan.estimated_minutes, plan.most_parts), (90, 5));
    let mut deep = large("DEMO-3");
    deep.item.parent = Some(id("DEMO-2"));
    assert_eq!(of(&deep, &rules(), 0), Division::Whole(Whole::Deep { minutes: 90, depth: 2 }));
    let kept = item("DEMO-1", |record| {
        record.item.labels = vec!["estimate:90".to_owned()];
        record.whole = Some("one piece".to_owned());
    });
    let said = of(&kept, &rules(), 99);
    assert_eq!(said.to_string(), "runs as it is: one piece");
}

#[test]
fn what_is_left_of_the_day_bounds_the_parts_and_then_holds_the_item() {
    let items = BTreeMap::new();
    let of = |today| decide(&large("DEMO-1"), &items, &rules(), today, NOW);
    let Division::Divide(plan) = of(17) else { panic!("not divided") };
    assert_eq!(plan.most_parts, 3);
    let Division::Wait { today, limit, until, .. } = of(19) else { panic!("not held") };
    assert_eq!((today, limit), (19, 20));
    assert_eq!(until, minutes(12 * 60), "the fixture's day ends twelve hours later");
}

#[test]
fn parts_count_on_the_day_on_which_somebody_agreed_to_them() {
    let items: BTreeMap<_, _> = [
        divided_at("DEMO-1", 3, Some(minutes(-60))),
        divided_at("DEMO-2", 2, Some(minutes(-13 * 60))),
        divided_at("DEMO-3", 4, None),
        divided_at("DEMO-4", 5, Some(minutes(-12 * 60))),
    ]
    .into_iter()
    .map(|record| (record.item.id.clone(), record))
    .collect();
    assert_eq!(parts_of_today(&items, NOW), 8);
}

#[test]
fn the_depth_of_a_circle_is_an_end() {
    let items: BTreeMap<_, _> = [child("DEMO-1", "DEMO-2"), child("DEMO-2", "DEMO-1")]
        .into_iter()
        .map(|record| (record.item.id.clone(), record))
        .collect();
    assert_eq!(depth(&items[&id("DEMO-1")].item, &items), super::MOST_PARENTS);
}
