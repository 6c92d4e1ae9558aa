//! Properties over any history: P1, P12, P15.

use proptest::prelude::*;

use crate::domain::event::Event;
use crate::domain::ids::{OPS_STREAM, StreamId};
use crate::domain::time::Timestamp;
use crate::store::Store;
use crate::store::batch::{Batch, Expected, Idempotency};
use crate::store::contract::{Bench, assert_sound, in_memory, sqlite};
use crate::store::envelope::Recorded;
use crate::store::error::StoreError;
use crate::store::samples::events::every_event;
use crate::store::samples::{Ids, item_id, run_id};

/// One batch as the generator has it: which streams, which kinds of events, at what clock, repeating which request.
#[derive(Debug, Clone)]
struct Step {
    parts: Vec<(usize, Vec<usize>)>,
    clock: i64,
    request: Option<u8>,
    /// Off by this much from the stream's true head: a conflict unless 0.
    mistake: u64,
}

fn stream(number: usize) -> StreamId {
    match number % 8 {
        0..=3 => item_id(u32::try_from(number % 4).unwrap()).stream(),
        4..=6 => run_id((number % 8) as u128).stream(),
        _ => StreamId::new(OPS_STREAM),
    }
}

fn step() -> impl Strategy<Value = Step> {
    let kinds = every_event().len();
    let part = (0..8_usize, prop::collection::vec(0..kinds, 0..4));
    (
        prop::collection::vec(part, 1..4),
        0..1000_i64,
        prop::option::weighted(0.2, 0..4_u8),
        prop::sample::select(vec![0, 0, 0, 0, 1]),
    )
        .prop_map(|(parts, clock, request, mistake)| Step { parts, clock, request, mistake })
}

fn batch(step: &Step, ids: &mut Ids, heads: &std::collections::BTreeMap<StreamId, u64>) -> Batch {
    let samples = every_event();
    let mut batch = Batch::new(Timestamp(step.clock), "system:test", 0);
    let mut heads = heads.clone();
    for (number, kinds) in &step.parts {
        let events: Vec<Event> = kinds.iter().map(|kind| samples[*kind].clone()).collect();
        let head = heads.entry(stream(*number)).or_default();
        let expected = Expected::Exact(*head + step.mistake);
        *head += events.len() as u64;
        let part = ids.batch(stream(*number), expected, events);
        batch.streams.extend(part.streams);
        batch.effects.extend(part.effects);
    }
    batch.idempotency = step.request.map(|key| Idempotency {
        scope: "test".to_owned(),
        key: key.to_string(),
        request_sha256: [key; 32],
    });
    batch
}

/// Plays a history into a store and returns what it holds afterwards; an oracle of plain counters foretells each answer.
async fn play(bench: &Bench, steps: &[Step]) -> Vec<Recorded> {
    let store: &dyn Store = &*bench.store;
    let mut ids = Ids::default();
    let mut heads = std::collections::BTreeMap::new();
    let mut requests = std::collections::BTreeSet::new();
    let mut gseq = 0;
    for step in steps {
        let batch = batch(step, &mut ids, &heads);
        let added: u64 = batch.streams.iter().map(|part| part.events.len() as u64).sum();
        let repeated = step.request.is_some_and(|key| requests.contains(&key));
        match store.append(batch.clone()).await {
            Ok(appended) => {
                assert!(repeated || step.mistake == 0);
                assert_eq!(appended.deduplicated, repeated);
                if repeated {
                    continue;
                }
                assert_eq!((appended.first_gseq, appended.last_gseq), (gseq + 1, gseq + added));
                gseq += added;
                for part in batch.streams {
                    *heads.entry(part.stream).or_default() += part.events.len() as u64;
                }
                requests.extend(step.request);
            }
            Err(StoreError::Conflict { .. }) => assert!(step.mistake > 0 && !repeated),
            Err(other) => panic!("{other}"),
        }
    }
    assert_sound(store).await;
    let all = store.read_all(0, usize::MAX).await.unwrap();
    assert_eq!(all.len() as u64, gseq);
    all
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// P1, P12, P15 and P26: any history, events in any order, is sound in both stores; folds take every order; rows
    /// equal a rebuild; both stores hold the same bytes and hashes.
    #[test]
    fn any_history_is_sound_and_the_same_in_both_stores(
        steps in prop::collection::vec(step(), 1..40),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let stored = runtime.block_on(play(&sqlite(), &steps));
        let held = runtime.block_on(play(&in_memory(), &steps));
        prop_assert_eq!(stored, held);
    }
}
