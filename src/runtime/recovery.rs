//! Taking over from the daemon before: agents that are kept go on, everything else it left running is ended, and its runs
//! continue from their last durable stage.
//!
//! There is no special path for crashes: what an orderly stop leaves behind goes the same way.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::domain::agent::Stage;
use crate::domain::budget::ledger::{self, Ledger};
use crate::domain::effect::Effect;
use crate::domain::ids::{EffectKey, RunId};
use crate::domain::run::Interruption;
use crate::process::ProcessError;
use crate::process::identity::ProcessIdentity;
use crate::process::marker::{Marker, instance_prefix};
use crate::process::recovery::end_marked;
use crate::store::error::StoreError;
use crate::store::rows::{OutboxRow, ProcessRow};
use crate::store::{Store, StoreReader};

use super::clock::Clock;
use super::effects::Ports;
use super::effects::turn::keeping;
use super::engine::drain::MOST_PARKED;
use super::engine::{Engine, Handled, Input, Loaded};

/// Time orphaned agents have to end in good order.
const GRACE: Duration = Duration::from_secs(3);

/// Why a daemon could not take over.
#[derive(Debug, thiserror::Error)]
pub enum RecoveryError {
    /// The log could not be read or written.
    #[error("the event log cannot be used")]
    Store(#[from] StoreError),
    /// Processes of an earlier daemon could not be ended, so running anything now could overlap with them.
    #[error("processes of an earlier daemon cannot be ended")]
    Processes(#[from] ProcessError),
}

/// What was found and done at the start.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recovered {
    /// How the daemon before went away; absent when there was none.
    pub cause: Option<Interruption>,
    /// Processes that were ended.
    pub ended: usize,
    /// Runs that continue.
    pub runs: usize,
    /// Those of them whose turn went on, or ended, while no daemon was there.
    pub kept: usize,
}

/// What was found of the open runs of the daemon before.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Found {
    /// The commits that hold what interrupted coders left uncommitted.
    pub salvaged: BTreeMap<RunId, String>,
    /// Runs whose turn goes on, or came to an outcome that nobody has consumed.
    pub kept: BTreeSet<RunId>,
}

/// Reads everything that is not over from the log.
///
/// # Errors
/// When the log cannot be read.
pub async fn load(
    store: &dyn StoreReader,
    window: Duration,
    now: crate::domain::time::Timestamp,
) -> Result<Loaded, StoreError> {
    let effects = store.open_effects().await?;
    let parked = store.parked_updates(MOST_PARKED).await?;
    let mut runs = store.load_open_runs().await?;
    let known: std::collections::BTreeSet<RunId> = runs.iter().map(|run| run.id).collect();
    let mut more: Vec<RunId> = effects
        .iter()
        .filter_map(|row| row.effect.run())
        .filter(|id| !known.contains(id))
        .collect();
    more.sort();
    more.dedup();
    for run in more {
        runs.extend(store.load_run(run).await?);
    }
    Ok(Loaded {
        items: store.load_items().await?,
        runs,
        ops: store.load_ops().await?,
        failures: effects.iter().filter_map(failure).collect(),
        effects: effects.into_iter().map(|row| (row.effect, row.not_before)).collect(),
        parked: parked
            .into_iter()
            .map(|row| (row.effect, row.last_error.unwrap_or_default()))
            .collect(),
        starts: store.starts_since(now.before(window)).await?,
        spent: Ledger::new(store.spending_since(now.before(ledger::MEMORY)).await?),
        fences: store
            .leases()
            .await?
            .into_iter()
            .map(|lease| (lease.resource, lease.fence))
            .collect(),
    })
}

/// How an update for a tracker has fared so far. What a run's effects came to is in the run itself.
fn failure(row: &OutboxRow) -> Option<(EffectKey, u32, String)> {
    let is_update = matches!(row.effect, Effect::UpdateTracker { .. });
    let error = row.last_error.clone().filter(|_| is_update)?;
    Some((row.key.clone(), row.attempts, error))
}

/// Ends what the daemon before left running, records the take-over, and hands its runs to this one.
///
/// # Errors
/// When its processes cannot be ended or the log cannot be written.
pub async fn take_over(
    ports: &Ports,
    engine: &mut Engine,
    before: Option<String>,
) -> Result<Recovered, RecoveryError> {
    let recorded = ports.store.processes().await?;
    let identities: Vec<ProcessIdentity> = recorded
        .iter()
        .map(|row| ProcessIdentity { pid: row.pid, start_time: row.start_time.clone() })
        .collect();
    let (kept, spared) = kept(ports, engine, &recorded).await;
    let prefix = instance_prefix(&ports.dirs.instance);
    let ended = end_marked(&prefix, &identities, &spared, GRACE).await?;
    for row in recorded.iter().filter(|row| kept.get(&row.run) != Some(&row.turn)) {
        ports.store.forget_process(row.run, row.turn).await?;
    }
    let repositories = super::reaper::repositories(ports).await;
    super::reaper::discard_checkouts(ports, &repositories).await;
    let kept: BTreeSet<RunId> = kept.into_keys().collect();
    let mut salvaged = BTreeMap::new();
    for run in engine.open_runs().into_iter().filter(|run| !kept.contains(run)) {
        if let Some(commit) = salvage(ports, engine, run).await {
            salvaged.insert(run, commit);
        }
    }
    let before = before.is_some();
    let found = Found { salvaged, kept };
    let runs = adopt(ports.store.as_ref(), ports.clock.as_ref(), engine, before, &found).await?;
    Ok(Recovered {
        cause: before.then_some(Interruption::Crash),
        ended: ended.ended.len(),
        runs,
        kept: found.kept.len(),
    })
}

/// The runs whose turn in flight goes on or has come to its outcome, with that turn, and the keepers to be spared.
async fn kept(
    ports: &Ports,
    engine: &Engine,
    recorded: &[ProcessRow],
) -> (BTreeMap<RunId, u32>, Vec<(Marker, ProcessIdentity)>) {
    let mut kept = BTreeMap::new();
    let mut spared = Vec::new();
    for run in engine.open_runs() {
        let in_flight = engine.run(run).and_then(|state| state.turn_in_flight());
        let Some(turn) = in_flight.map(|record| record.turn) else { continue };
        if !engine.is_open(&Effect::RunTurn { run, turn }.key()) {
            continue;
        }
        let row = recorded.iter().find(|row| row.run == run && row.turn == turn);
        match keeping::goes_on(ports, run, turn, row).await {
            keeping::Found::Keeper(marker, identity) => spared.push((marker, identity)),
            keeping::Found::Outcome => {}
            keeping::Found::Nothing => continue,
        }
        kept.insert(run, turn);
    }
    (kept, spared)
}

/// Records that this daemon is the one now and takes over the runs of the one before; how many there are. `crashed`:
/// whether that one went without a word.
///
/// # Errors
/// When the log cannot be written.
pub async fn adopt(
    store: &dyn Store,
    clock: &dyn Clock,
    engine: &mut Engine,
    crashed: bool,
    found: &Found,
) -> Result<usize, StoreError> {
    let version = env!("CARGO_PKG_VERSION").to_owned();
    append(store, engine.handle(Input::Started { version }, clock.now())).await?;
    let cause = if crashed { Interruption::Crash } else { Interruption::Shutdown };
    let runs = engine.open_runs();
    for run in &runs {
        let handled = if found.kept.contains(run) {
            engine.adopt(*run, clock.now())
        } else {
            engine.take_over(*run, cause, found.salvaged.get(run).cloned(), clock.now())
        };
        append(store, handled).await?;
    }
    append(store, engine.drop_leftovers(clock.now())).await?;
    Ok(runs.len())
}

async fn append(store: &dyn Store, handled: Handled) -> Result<(), StoreError> {
    if let Some(batch) = handled.batch {
        store.append(batch).await?;
    }
    Ok(())
}

/// Saves what an interrupted coder left uncommitted on a private ref. The worktree itself stays as it is.
pub(super) async fn salvage(ports: &Ports, engine: &Engine, run: RunId) -> Option<String> {
    let state = engine.run(run)?;
    state.turn_in_flight().filter(|turn| turn.stage == Stage::Coder)?;
    let workspace = state.workspace.as_ref()?;
    match ports.workspaces.salvage(workspace, run).await {
        Ok(salvaged) => salvaged,
        Err(error) => {
            tracing::warn!(run.id = %run, %error, "uncommitted work could not be copied to a private ref; it stays in the worktree");
            None
        }
    }
}
