//! Who may write and what is to be done: epochs, leases, effects, processes.

use crate::domain::effect::Effect;
use crate::domain::event::Event;
use crate::domain::ids::{OPS_STREAM, StreamId};
use crate::domain::time::Timestamp;
use crate::store::batch::{Batch, Expected, LeaseChange, NewEffect, SettleEffect, Settlement};
use crate::store::contract::{Bench, assert_sound, on_every_store};
use crate::store::error::StoreError;
use crate::store::rows::{OutboxState, ProcessRow};
use crate::store::samples::{Ids, run_id};

on_every_store!(
    an_older_epoch_is_fenced,
    fences_must_match_and_only_grow,
    an_effect_is_asked_for_once_and_settled_once,
    updates_that_were_given_up_are_found_the_newest_of_them,
    renewals_and_processes_leave_no_event,
);

fn ops() -> StreamId {
    StreamId::new(OPS_STREAM)
}

fn paused(by: &str) -> Event {
    Event::Paused { by: by.to_owned() }
}

pub(super) fn acquire(resource: &str, fence: u64) -> LeaseChange {
    LeaseChange::Acquire {
        resource: resource.to_owned(),
        holder: format!("daemon-{fence}"),
        fence,
        expires: Timestamp(5),
    }
}

async fn an_older_epoch_is_fenced(bench: Bench) {
    let store = &*bench.store;
    let mut ids = Ids::default();
    let of = |epoch, ids: &mut Ids| {
        let mut batch = ids.batch(ops(), Expected::Any, vec![paused("ann")]);
        batch.epoch = epoch;
        batch
    };
    store.append(of(0, &mut ids)).await.unwrap();
    assert_eq!(store.begin_epoch("daemon-1").await.unwrap(), 1);
    assert_eq!(store.begin_epoch("daemon-2").await.unwrap(), 2);
    for epoch in [0, 1, 3] {
        let error = store.append(of(epoch, &mut ids)).await.unwrap_err();
        assert!(matches!(
            error,
            StoreError::Fenced { resource, given, stored: 2 } if resource == "daemon" && given == epoch
        ));
    }
    store.append(of(2, &mut ids)).await.unwrap();
    let head = store.head().await.unwrap();
    assert_eq!((head.epoch, head.instance.as_str(), head.gseq), (2, "daemon-2", 2));
    assert_sound(store).await;
}

async fn fences_must_match_and_only_grow(bench: Bench) {
    let store = &*bench.store;
    let mut ids = Ids::default();
    let resource = || "work/local/DEMO-1".to_owned();
    let release = |fence| LeaseChange::Release { resource: resource(), fence };
    let change = |leases: Vec<LeaseChange>, fences: Vec<u64>| {
        let mut batch = Batch::new(Timestamp(1), "system:test", 0);
        batch.leases = leases;
        batch.fences = fences.into_iter().map(|fence| (resource(), fence)).collect();
        batch
    };
    store.append(change(vec![], vec![1])).await.unwrap_err();
    store.append(change(vec![acquire(&resource(), 1)], vec![])).await.unwrap();
    store.append(change(vec![], vec![1])).await.unwrap();
    store.append(change(vec![], vec![0])).await.unwrap_err();
    store.append(change(vec![acquire(&resource(), 1)], vec![])).await.unwrap_err();
    store.append(change(vec![acquire(&resource(), 4)], vec![1])).await.unwrap();

    let mut late = ids.batch(ops(), Expected::Any, vec![paused("late")]);
    late.fences = vec![(resource(), 1)];
    let error = store.append(late).await.unwrap_err();
    assert!(matches!(error, StoreError::Fenced { given: 1, stored: 4, .. }));
    assert_eq!(store.head().await.unwrap().gseq, 0);

    store.append(change(vec![release(1)], vec![])).await.unwrap_err();
    store.append(change(vec![release(4)], vec![4])).await.unwrap();
    store.append(change(vec![], vec![4])).await.unwrap_err();
    store.append(change(vec![acquire(&resource(), 4)], vec![])).await.unwrap_err();
    store.append(change(vec![acquire(&resource(), 5)], vec![])).await.unwrap();
    let leases = store.leases().await.unwrap();
    assert_eq!(leases.len(), 1);
    assert_eq!((leases[0].fence, leases[0].holder.as_deref()), (5, Some("daemon-5")));
}

async fn an_effect_is_asked_for_once_and_settled_once(bench: Bench) {
    let store = &*bench.store;
    let turn = |turn| Effect::RunTurn { run: run_id(1), turn };
    let ask = |turns: &[u32]| {
        let mut batch = Batch::new(Timestamp(1), "system:test", 0);
        let wanted = turns.iter().map(|number| turn(*number));
        batch.effects =
            wanted.map(|effect| NewEffect { effect, not_before: Timestamp(9) }).collect();
        batch
    };
    let settle = |number, settlement| {
        let mut batch = Batch::new(Timestamp(1), "system:test", 0);
        batch.settle = vec![SettleEffect { key: turn(number).key(), settlement }];
        batch
    };
    store.append(ask(&[1, 2, 1])).await.unwrap();
    store.append(ask(&[2])).await.unwrap();
    let retry = Settlement::Retry { not_before: Timestamp(20), error: "no network".to_owned() };
    store.append(settle(1, retry.clone())).await.unwrap();
    let open = store.open_effects().await.unwrap();
    assert_eq!(open.len(), 2);
    assert_eq!((&open[0].effect, open[0].attempts), (&turn(1), 1));
    assert_eq!(
        (open[0].not_before, open[0].last_error.as_deref()),
        (Timestamp(20), Some("no network"))
    );
    assert_eq!((open[1].not_before, open[1].attempts), (Timestamp(9), 0));

    store.append(settle(1, Settlement::Done)).await.unwrap();
    store.append(settle(2, Settlement::Dead { error: "gone".to_owned() })).await.unwrap();
    for late in [retry, Settlement::Dead { error: "late".to_owned() }] {
        store.append(settle(1, late)).await.unwrap();
    }
    store.append(ask(&[1, 2])).await.unwrap();
    assert_eq!(store.open_effects().await.unwrap(), Vec::new());
    let revived = |not_before| Settlement::Revived { not_before: Timestamp(not_before) };
    for number in [1, 2] {
        store.append(settle(number, revived(30))).await.unwrap();
    }
    let open = store.open_effects().await.unwrap();
    let [only] = &open[..] else { panic!("what was done stays done: {open:?}") };
    assert_eq!((&only.effect, only.not_before, only.settled_gseq), (&turn(2), Timestamp(30), None));
    store.append(settle(2, Settlement::Done)).await.unwrap();
    assert_eq!(OutboxState::parse("dead"), Some(OutboxState::Dead));
}

async fn updates_that_were_given_up_are_found_the_newest_of_them(bench: Bench) {
    let store = &*bench.store;
    let update = |number| Effect::UpdateTracker {
        item: crate::domain::ids::ItemId::new("local/A-1"),
        number,
        state: None,
        entry: String::new(),
        card: None,
    };
    for number in 1..=4 {
        let mut batch = Batch::new(Timestamp(1), "system:test", 0);
        let effect =
            if number == 4 { Effect::RunTurn { run: run_id(1), turn: 1 } } else { update(number) };
        let key = effect.key();
        batch.effects = vec![NewEffect { effect, not_before: Timestamp(9) }];
        store.append(batch).await.unwrap();
        let mut batch = Batch::new(Timestamp(1), "system:test", 0);
        let settlement = Settlement::Dead { error: format!("reason {number}") };
        batch.settle = vec![SettleEffect { key, settlement }];
        store.append(batch).await.unwrap();
    }
    let found = store.parked_updates(2).await.unwrap();
    let found: Vec<_> = found.iter().map(|row| (&row.effect, row.last_error.as_deref())).collect();
    assert_eq!(found, [(&update(2), Some("reason 2")), (&update(3), Some("reason 3"))]);
}

async fn renewals_and_processes_leave_no_event(bench: Bench) {
    let store = &*bench.store;
    let mut batch = Batch::new(Timestamp(1), "system:test", 0);
    batch.leases = vec![acquire("a", 1), acquire("b", 1), acquire("c", 2)];
    store.append(batch).await.unwrap();
    assert_eq!(store.renew_leases("daemon-1", Timestamp(77)).await.unwrap(), 2);
    let expiries: Vec<_> =
        store.leases().await.unwrap().iter().map(|lease| lease.expires.0).collect();
    assert_eq!(expiries, vec![77, 77, 5]);

    let process =
        |turn, pid| ProcessRow { run: run_id(1), turn, pid, start_time: format!("boot-{pid}") };
    for row in [process(1, 10), process(2, 20), process(2, 21)] {
        store.record_process(row).await.unwrap();
    }
    assert_eq!(store.processes().await.unwrap(), vec![process(1, 10), process(2, 21)]);
    store.forget_process(run_id(1), 1).await.unwrap();
    assert_eq!(store.processes().await.unwrap(), vec![process(2, 21)]);
    assert_eq!(store.head().await.unwrap().gseq, 0);
}
