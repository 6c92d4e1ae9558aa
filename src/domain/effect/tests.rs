use super::*;

fn run(number: u128) -> RunId {
    RunId(uuid::Uuid::from_u128(number))
}

#[test]
fn the_same_wish_has_the_same_key_and_another_wish_another() {
    let (first, second) = (run(1), run(2));
    let item = ItemId::new("local/DEMO-1");
    let update = |number, entry: &str| Effect::UpdateTracker {
        item: item.clone(),
        number,
        state: None,
        entry: entry.to_owned(),
        card: None,
    };
    let create =
        |number, after| Effect::CreateItem { parent: item.clone(), run: first, number, after };
    let all = [
        Effect::PrepareWorkspace { run: first },
        Effect::PrepareWorkspace { run: second },
        Effect::RunTurn { run: first, turn: 1 },
        Effect::RunTurn { run: first, turn: 2 },
        Effect::RunTurn { run: second, turn: 1 },
        Effect::RunChecks { run: first, execution: 1 },
        Effect::Deliver { run: first, execution: 1 },
        Effect::CleanUp { run: first, keep: true },
        update(1, "one"),
        update(2, "one"),
        create(1, 4),
        create(2, 4),
        create(2, 5),
    ];
    let keys: std::collections::BTreeSet<EffectKey> = all.iter().map(Effect::key).collect();
    assert_eq!(keys.len(), all.len());
    assert_eq!(update(1, "one").key(), update(1, "other words").key());
    let kept = Effect::CleanUp { run: first, keep: false };
    assert_eq!(kept.key(), all[7].key(), "one clean-up per run");
    assert_eq!(all[2].key().as_str(), format!("run/{first}/turn/1"));
}

#[test]
fn only_tracker_updates_belong_to_no_run() {
    assert_eq!(Effect::Deliver { run: run(1), execution: 1 }.run(), Some(run(1)));
    let item = ItemId::new("local/DEMO-1");
    let update =
        Effect::UpdateTracker { item, number: 1, state: None, entry: String::new(), card: None };
    assert_eq!(update.run(), None);
}
