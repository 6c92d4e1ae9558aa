//! Appending: whole or not at all, expectations, requests, fences, effects.

use std::sync::Arc;

use crate::domain::effect::Effect;
use crate::domain::event::Event;
use crate::domain::failure::FailureClass;
use crate::domain::ids::{EffectKey, OPS_STREAM, StreamId};
use crate::domain::time::Timestamp;
use crate::store::batch::{
    Batch, Expected, Idempotency, MAX_BATCH_EVENTS, MAX_PAYLOAD_BYTES, NewEffect, NewEvent,
    SettleEffect, Settlement,
};
use crate::store::contract::work::acquire;
use crate::store::contract::{Bench, assert_sound, on_every_store};
use crate::store::envelope::{Decoded, Hash};
use crate::store::error::StoreError;
use crate::store::samples::events::{item_events, run_events, work_item};
use crate::store::samples::{Ids, id, item_id, run_id};
use crate::store::verify::{Anchor, Level, VerifyOptions};

on_every_store!(
    a_batch_is_read_back_as_it_was_stored,
    a_wrong_expectation_stores_nothing_and_says_where_the_stream_is,
    every_refusal_leaves_everything_as_it_was,
    many_batches_are_stored_in_order_up_to_the_first_that_is_refused,
    a_repeated_request_is_one_request,
    a_request_made_many_times_at_once_is_one_request,
    a_stale_writer_conflicts_once_and_then_succeeds,
    the_time_of_the_log_never_goes_backwards,
    a_closed_store_refuses_writes_and_can_still_be_read,
    what_was_cut_off_or_rewritten_shows_only_against_an_anchor,
);

fn ops() -> StreamId {
    StreamId::new(OPS_STREAM)
}

fn paused(by: &str) -> Event {
    Event::Paused { by: by.to_owned() }
}

async fn a_batch_is_read_back_as_it_was_stored(bench: Bench) {
    let store = &*bench.store;
    let mut ids = Ids::default();
    let mut batch = ids.batch(item_id(1).stream(), Expected::NoStream, item_events());
    batch.correlation = Some(id(7));
    batch.causation = Some(id(8));
    let runs: Vec<_> = run_events().into_iter().map(|event| ids.event(event)).collect();
    batch = batch.with_events(run_id(1).stream(), Expected::Exact(0), runs);
    batch.effects.push(NewEffect {
        effect: Effect::PrepareWorkspace { run: run_id(1) },
        not_before: Timestamp(0),
    });
    for effect in ["turn/1", "clean-up"] {
        let effect = match effect {
            "turn/1" => Effect::RunTurn { run: run_id(1), turn: 1 },
            _ => Effect::CleanUp { run: run_id(1), keep: false },
        };
        batch.effects.push(NewEffect { effect, not_before: Timestamp(0) });
    }
    let expected = batch.clone();

    let appended = store.append(batch).await.unwrap();
    let (items, runs) = (item_events().len() as u64, run_events().len() as u64);
    assert_eq!((appended.first_gseq, appended.last_gseq), (1, items + runs));
    let heads = vec![(run_id(1).stream(), runs), (item_id(1).stream(), items)];
    assert_eq!((appended.heads, appended.deduplicated), (heads, false));

    let all = store.read_all(0, usize::MAX).await.unwrap();
    let wanted = expected.streams.iter().flat_map(|part| &part.events);
    assert_eq!(all.len(), wanted.clone().count());
    for (recorded, new) in all.iter().zip(wanted) {
        assert_eq!(recorded.event, Decoded::Known(new.event.clone()));
        assert_eq!((recorded.id, recorded.at, recorded.clock), (new.id, expected.at, None));
        assert_eq!((recorded.correlation, recorded.causation), (Some(id(7)), Some(id(8))));
        assert_eq!((recorded.actor.as_str(), recorded.schema_version), ("system:test", 1));
    }
    let tail = store.read_stream(&run_id(1).stream(), 3, 2).await.unwrap();
    assert_eq!(tail, all[items as usize + 2..items as usize + 4]);
    assert_eq!(store.read_all(items, 1).await.unwrap(), all[items as usize..=items as usize]);
    assert_eq!(store.stream_names("work/").await.unwrap(), vec![item_id(1).stream()]);
    assert_eq!(store.stream_names("").await.unwrap().len(), 2);
    let head = store.head().await.unwrap();
    assert_eq!((head.gseq, head.ghash), (items + runs, all.last().unwrap().ghash));
    assert_sound(store).await;
}

async fn a_wrong_expectation_stores_nothing_and_says_where_the_stream_is(bench: Bench) {
    let store = &*bench.store;
    let mut ids = Ids::default();
    store.append(ids.batch(ops(), Expected::Any, vec![paused("ann")])).await.unwrap();
    let hash = store.read_all(0, 1).await.unwrap()[0].hash;

    for wrong in
        [Expected::NoStream, Expected::Exact(0), Expected::Exact(2), Expected::Head(Hash([0; 32]))]
    {
        let mut batch = ids.batch(item_id(1).stream(), Expected::NoStream, item_events());
        batch = batch.with_events(ops(), wrong, vec![ids.event(paused("bob"))]);
        match store.append(batch).await {
            Err(StoreError::Conflict { stream, expected, actual }) => {
                assert_eq!((stream, expected, actual), (ops(), wrong, 1));
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(store.head().await.unwrap().gseq, 1);
    assert_eq!(store.load_items().await.unwrap(), Vec::new());
    for right in [Expected::Head(hash), Expected::Exact(2), Expected::Any] {
        store.append(ids.batch(ops(), right, vec![paused("bob")])).await.unwrap();
    }
    assert_eq!(store.head().await.unwrap().gseq, 4);
    assert_sound(store).await;
}

/// P6 for refusals: each refused batch carries every kind of change, none of which may stay.
async fn every_refusal_leaves_everything_as_it_was(bench: Bench) {
    let store = &*bench.store;
    let mut ids = Ids::default();
    store.append(ids.batch(ops(), Expected::Any, vec![paused("ann")])).await.unwrap();
    let before = store.head().await.unwrap();
    let full = |ids: &mut Ids| {
        let mut batch = ids.batch(item_id(1).stream(), Expected::NoStream, item_events());
        batch.idempotency = Some(request("key", 1));
        batch.leases = vec![acquire("lease", 1)];
        batch
    };

    let mut duplicate = full(&mut ids);
    let taken = NewEvent { id: id(1), event: paused("bob") };
    duplicate = duplicate.with_events(ops(), Expected::Any, vec![taken]);
    let error = store.append(duplicate).await.unwrap_err();
    assert!(matches!(error, StoreError::DuplicateEvent { id: twice } if twice == id(1)));

    let mut large = full(&mut ids);
    let by = "x".repeat(MAX_PAYLOAD_BYTES);
    large = large.with_events(ops(), Expected::Any, vec![ids.event(Event::Paused { by })]);
    let error = store.append(large).await.unwrap_err();
    assert!(matches!(error, StoreError::PayloadTooLarge { .. }));

    let mut many = full(&mut ids);
    let events = (0..MAX_BATCH_EVENTS).map(|_| ids.event(paused("bob"))).collect();
    many = many.with_events(ops(), Expected::Any, events);
    let error = store.append(many).await.unwrap_err();
    assert!(matches!(error, StoreError::BatchTooLarge { .. }));

    let mut unknown = full(&mut ids);
    let key = EffectKey::new("run/none/turn/1");
    unknown.settle = vec![SettleEffect { key: key.clone(), settlement: Settlement::Done }];
    let error = store.append(unknown).await.unwrap_err();
    assert!(matches!(error, StoreError::UnknownEffect { key: found } if found == key));

    let mut fenced = full(&mut ids);
    fenced.leases.push(acquire("lease", 1));
    let error = store.append(fenced).await.unwrap_err();
    assert!(matches!(error, StoreError::Fenced { given: 1, stored: 1, .. }));
    assert_eq!(error.failure().class, FailureClass::Cancelled);

    assert_eq!(store.head().await.unwrap(), before);
    assert_eq!(store.load_items().await.unwrap(), Vec::new());
    assert_eq!(store.open_effects().await.unwrap(), Vec::new());
    assert_eq!(store.leases().await.unwrap(), Vec::new());
    assert!(!store.append(full(&mut ids)).await.unwrap().deduplicated);
    assert_sound(store).await;
}

fn request(key: &str, digest: u8) -> Idempotency {
    Idempotency { scope: "command".to_owned(), key: key.to_owned(), request_sha256: [digest; 32] }
}

async fn many_batches_are_stored_in_order_up_to_the_first_that_is_refused(bench: Bench) {
    let store = &*bench.store;
    let mut ids = Ids::default();
    let mut next = |seq| ids.batch(ops(), Expected::Exact(seq), vec![paused("ann")]);
    let appended = store.append_all(vec![next(0), next(1), next(2)]).await.unwrap();
    let last: Vec<u64> = appended.iter().map(|it| it.last_gseq).collect();
    assert_eq!(last, [1, 2, 3]);
    let error = store.append_all(vec![next(3), next(7), next(4)]).await.unwrap_err();
    assert!(matches!(error, StoreError::Conflict { .. }), "{error:?}");
    assert_eq!(store.head().await.unwrap().gseq, 4, "what came before the refusal stands");
    assert_eq!(store.append_all(Vec::new()).await.unwrap(), []);
    assert_sound(store).await;
}

async fn a_repeated_request_is_one_request(bench: Bench) {
    let store = &*bench.store;
    let mut ids = Ids::default();
    let mut batch = ids.batch(ops(), Expected::Exact(0), vec![paused("ann"), paused("bob")]);
    batch.idempotency = Some(request("key", 1));
    let first = store.append(batch.clone()).await.unwrap();
    store.append(ids.batch(ops(), Expected::Any, vec![paused("cy")])).await.unwrap();
    let again = store.append(batch.clone()).await.unwrap();
    assert!(again.deduplicated);
    assert_eq!((again.first_gseq, again.last_gseq), (1, 2));
    assert_eq!(again.heads, first.heads);

    batch.idempotency = Some(request("key", 2));
    let error = store.append(batch.clone()).await.unwrap_err();
    assert!(matches!(&error, StoreError::IdempotencyMismatch { key, .. } if key == "key"));

    let mut nothing = Batch::new(Timestamp(0), "system:test", 0);
    nothing.idempotency = Some(request("nothing", 1));
    let empty = store.append(nothing.clone()).await.unwrap();
    assert_eq!((empty.first_gseq, empty.last_gseq, empty.deduplicated), (4, 3, false));
    assert!(store.append(nothing).await.unwrap().deduplicated);
    assert_eq!(store.head().await.unwrap().gseq, 3);
    assert_sound(store).await;
}

/// P11.
async fn a_request_made_many_times_at_once_is_one_request(bench: Bench) {
    let mut ids = Ids::default();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let mut batch = ids.batch(ops(), Expected::Any, vec![paused("ann"), paused("bob")]);
        batch.idempotency = Some(request("key", 1));
        let store = Arc::clone(&bench.store);
        tasks.spawn(async move { store.append(batch).await.unwrap() });
    }
    let results = tasks.join_all().await;
    assert_eq!(results.iter().filter(|appended| !appended.deduplicated).count(), 1);
    assert!(results.iter().all(|one| (one.first_gseq, one.last_gseq) == (1, 2)));
    assert_eq!(bench.store.head().await.unwrap().gseq, 2);
    assert_sound(&*bench.store).await;
}

/// P10: what another writer appended between our read and our append is seen once, and then no longer in the way.
async fn a_stale_writer_conflicts_once_and_then_succeeds(bench: Bench) {
    let store = &*bench.store;
    let mut ids = Ids::default();
    store.append(ids.batch(ops(), Expected::NoStream, vec![paused("ann")])).await.unwrap();
    let known = store.read_stream(&ops(), 1, 10).await.unwrap().len() as u64;
    store.append(ids.batch(ops(), Expected::Any, vec![paused("another")])).await.unwrap();

    let stale = ids.batch(ops(), Expected::Exact(known), vec![paused("ann")]);
    let error = store.append(stale).await.unwrap_err();
    let StoreError::Conflict { actual, .. } = error else { panic!("{error:?}") };
    store.append(ids.batch(ops(), Expected::Exact(actual), vec![paused("ann")])).await.unwrap();
    store.append(ids.batch(ops(), Expected::Exact(3), vec![paused("ann")])).await.unwrap();
    assert_sound(store).await;
}

/// P23.
async fn the_time_of_the_log_never_goes_backwards(bench: Bench) {
    let store = &*bench.store;
    let mut ids = Ids::default();
    for clock in [100, 90, 110] {
        let mut batch = ids.batch(ops(), Expected::Any, vec![paused("ann")]);
        batch.at = Timestamp(clock);
        store.append(batch).await.unwrap();
    }
    let all = store.read_all(0, 9).await.unwrap();
    let times: Vec<_> = all.iter().map(|event| (event.at.0, event.clock)).collect();
    assert_eq!(times, vec![(100, None), (100, Some(Timestamp(90))), (110, None)]);
    assert_sound(store).await;
}

async fn a_closed_store_refuses_writes_and_can_still_be_read(bench: Bench) {
    let store = &*bench.store;
    let mut ids = Ids::default();
    store.append(ids.batch(ops(), Expected::Any, vec![paused("ann")])).await.unwrap();
    store.close().await.unwrap();
    store.close().await.unwrap();
    let late = ids.batch(ops(), Expected::Any, vec![paused("late")]);
    assert!(matches!(store.append(late).await, Err(StoreError::Closed)));
    assert!(matches!(store.begin_epoch("late").await, Err(StoreError::Closed)));
    assert_eq!(store.load_ops().await.unwrap().paused_by.as_deref(), Some("ann"));
}

/// P4, both sides: a shorter or a different log is sound by itself.
async fn what_was_cut_off_or_rewritten_shows_only_against_an_anchor(bench: Bench) {
    let store = &*bench.store;
    let mut ids = Ids::default();
    for number in 1..=3 {
        let created = Event::ItemCreated { item: work_item(item_id(number)), standing: None };
        let batch = ids.batch(item_id(number).stream(), Expected::NoStream, vec![created]);
        store.append(batch).await.unwrap();
    }
    assert_sound(store).await;
    let check = |gseq, ghash| {
        let anchors = vec![Anchor { gseq, ghash }];
        store.verify(VerifyOptions { anchors, ..VerifyOptions::default() })
    };
    let second = store.read_all(1, 1).await.unwrap()[0].ghash;
    assert_eq!(check(2, second).await.unwrap().problems_found, 0);
    let rewritten = check(2, Hash([1; 32])).await.unwrap();
    assert_eq!((rewritten.problems_found, rewritten.worst), (1, Some(Level::Anchor)));
    let cut_off = check(4, Hash([1; 32])).await.unwrap();
    assert_eq!((cut_off.problems_found, cut_off.problems[0].gseq), (1, Some(4)));
}
