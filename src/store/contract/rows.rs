//! The rows that follow from events.

use crate::domain::agent::Stage;
use crate::domain::event::Event;
use crate::domain::ids::{OPS_STREAM, ProjectId, StreamId};
use crate::domain::item_record::ItemStatus;
use crate::domain::run::{Interruption, Outcome, Phase};
use crate::domain::time::Timestamp;
use crate::store::batch::Expected;
use crate::store::contract::{Bench, assert_sound, on_every_store};
use crate::store::samples::events::{
    item_events, run_events, run_finished, run_started, turn_finished, turn_started, usage,
    work_item,
};
use crate::store::samples::{Ids, item_id, run_id};
use crate::store::verify::VerifyOptions;

on_every_store!(
    an_item_is_the_fold_of_its_events,
    runs_and_turns_follow_their_events,
    starts_and_usage_are_counted_from_an_instant_on,
    the_daemons_switches_are_folded,
    a_partial_check_looks_at_the_last_events_only,
);

fn at(mut batch: crate::store::batch::Batch, at: i64) -> crate::store::batch::Batch {
    batch.at = Timestamp(at);
    batch
}

async fn an_item_is_the_fold_of_its_events(bench: Bench) {
    let store = &*bench.store;
    let mut ids = Ids::default();
    let item = item_id(1);
    let mut expected = None;
    for (number, event) in item_events().into_iter().enumerate() {
        let time = Timestamp(1000 + number as i64);
        expected = match expected {
            None => crate::domain::item_record::ItemRecord::first(&event, time),
            Some(mut record) => {
                crate::domain::item_record::ItemRecord::evolve(&mut record, &event, time);
                Some(record)
            }
        };
        let batch = ids.batch(item.stream(), Expected::Exact(number as u64), vec![event]);
        store.append(at(batch, time.0)).await.unwrap();
        assert_eq!(store.load_item(&item).await.unwrap(), expected);
    }
    assert_eq!(store.load_items().await.unwrap(), expected.into_iter().collect::<Vec<_>>());
    assert_eq!(store.load_item(&item_id(2)).await.unwrap(), None);

    let second = Event::ItemCreated { item: work_item(item_id(0)), standing: None };
    store.append(ids.batch(item_id(0).stream(), Expected::Any, vec![second])).await.unwrap();
    let items = store.load_items().await.unwrap();
    let names: Vec<_> = items.iter().map(|record| record.item.id.as_str()).collect();
    assert_eq!(names, vec!["local/DEMO-0", "local/DEMO-1"]);
    assert_eq!(items[0].status, ItemStatus::Pending);
    assert_sound(store).await;
}

async fn runs_and_turns_follow_their_events(bench: Bench) {
    let store = &*bench.store;
    let mut ids = Ids::default();
    for number in [1, 2] {
        let started = run_started(run_id(number), item_id(1));
        let batch = ids.batch(run_id(number).stream(), Expected::NoStream, vec![started]);
        store.append(at(batch, 10 * number as i64)).await.unwrap();
    }
    let other = run_started(run_id(3), item_id(3));
    store.append(ids.batch(run_id(3).stream(), Expected::NoStream, vec![other])).await.unwrap();
    let mut rest = run_events();
    rest.remove(0);
    rest.retain(|event| !matches!(event, Event::TurnInterrupted { .. }));
    store.append(ids.batch(run_id(1).stream(), Expected::Exact(1), rest)).await.unwrap();
    let interrupted =
        Event::TurnInterrupted { turn: 1, cause: Interruption::Crash, salvaged: None };
    let events = vec![turn_started(1, Stage::Coder), interrupted];
    store.append(ids.batch(run_id(2).stream(), Expected::Exact(1), events)).await.unwrap();

    assert_eq!(store.repositories().await.unwrap(), ["/srv/demo"]);
    let open: Vec<_> = store.load_open_runs().await.unwrap().iter().map(|run| run.id).collect();
    assert_eq!(open, vec![run_id(2), run_id(3)]);
    let of_item: Vec<_> =
        store.runs_of(&item_id(1)).await.unwrap().iter().map(|run| run.id).collect();
    assert_eq!(of_item, vec![run_id(1), run_id(2)]);
    let recent = store.recent_runs("/srv/demo", 5).await.unwrap();
    assert_eq!(
        recent.iter().map(|run| run.id).collect::<Vec<_>>(),
        [run_id(1)],
        "not the open ones"
    );
    assert!(store.recent_runs("/srv/demo", 0).await.unwrap().is_empty());
    assert!(store.recent_runs("/srv/other", 5).await.unwrap().is_empty());
    let finished = store.load_run(run_id(1)).await.unwrap().unwrap();
    assert_eq!((finished.phase, finished.outcome), (Phase::Finished, Some(Outcome::Succeeded)));
    assert_eq!(store.load_run(run_id(9)).await.unwrap(), None);

    let turns = store.turns(run_id(1)).await.unwrap();
    assert_eq!(turns.len(), 1);
    assert_eq!((turns[0].turn, turns[0].ending.as_deref()), (1, Some("completed")));
    assert_eq!((turns[0].usage, turns[0].session.as_str()), (usage(), "s-2"));
    let turns = store.turns(run_id(2)).await.unwrap();
    assert_eq!(
        (turns[0].ending.as_deref(), turns[0].session.as_str()),
        (Some("interrupted"), "s-1")
    );
    assert_eq!(store.turns(run_id(3)).await.unwrap(), Vec::new());
    assert_sound(store).await;
}

async fn starts_and_usage_are_counted_from_an_instant_on(bench: Bench) {
    let store = &*bench.store;
    let mut ids = Ids::default();
    for number in 1..=3_u32 {
        let run = run_id(u128::from(number));
        let events = vec![
            run_started(run, item_id(number)),
            turn_started(1, Stage::Coder),
            turn_finished(1),
            run_finished(),
        ];
        let batch = ids.batch(run.stream(), Expected::NoStream, events);
        store.append(at(batch, i64::from(number) * 100)).await.unwrap();
    }
    let demo = || ProjectId::new("demo");
    let starts = store.starts_since(Timestamp(200)).await.unwrap();
    assert_eq!(starts, vec![(Timestamp(200), demo()), (Timestamp(300), demo())]);
    let spent = store.spending_since(Timestamp(101)).await.unwrap();
    let seen: Vec<_> = spent.iter().map(|it| (it.at, &it.project, it.usage)).collect();
    assert_eq!(seen, [(Timestamp(200), &demo(), usage()), (Timestamp(300), &demo(), usage())]);
    assert_eq!(spent[0].agent, store.turns(run_id(2)).await.unwrap()[0].agent);
    assert_eq!(store.spending_since(Timestamp(301)).await.unwrap(), Vec::new());
}

async fn the_daemons_switches_are_folded(bench: Bench) {
    let store = &*bench.store;
    let mut ids = Ids::default();
    let stream = || StreamId::new(OPS_STREAM);
    assert_eq!(store.load_ops().await.unwrap(), crate::domain::ops::OpsState::default());
    let events = crate::store::samples::events::ops_events();
    store.append(ids.batch(stream(), Expected::Any, events)).await.unwrap();
    let state = store.load_ops().await.unwrap();
    assert_eq!((state.epoch, state.running, state.paused_by), (1, None, None));
    assert_eq!(state.turbo_until, Some(Timestamp(1_700_000_100_000)));
}

async fn a_partial_check_looks_at_the_last_events_only(bench: Bench) {
    let store = &*bench.store;
    let mut ids = Ids::default();
    for number in 0..10 {
        let events = item_events().into_iter().take(if number % 2 == 0 { 2 } else { 1 }).collect();
        let batch = ids.batch(item_id(number).stream(), Expected::Any, events);
        store.append(batch).await.unwrap();
    }
    for (last, checked) in [(1, 1), (4, 4), (15, 15), (400, 15)] {
        let options = VerifyOptions { last: Some(last), ..VerifyOptions::default() };
        let report = store.verify(options).await.unwrap();
        assert_eq!((report.problems, report.events), (Vec::new(), checked), "last {last}");
    }
}
