//! What can be done without a daemon: reading the log, and carrying out a command in its place.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::config::settings::Settings;
use crate::daemon::{self, Setup, open_store};
use crate::domain::command::Command;
use crate::domain::ids::RunId;
use crate::domain::policy::Policy;
use crate::process::companion::Companion;
use crate::process::identity::ProcessIdentity;
use crate::process::marker::Marker;
use crate::runtime::clock::{Clock as _, IdSource as _, SystemClock, SystemIds};
use crate::runtime::engine::{Engine, Identity, Input, Leasing, Reply};
use crate::runtime::recovery;
use crate::runtime::state_dir::StateDir;
use crate::store::sqlite::SqliteReader;
use crate::store::{Store, StoreReader};
use crate::trackers::{azure_devops, github, local};

use super::configuration::database;
use super::errors::{CliError, nothing_recorded};

/// Opens the log for reading, also while a daemon writes it.
pub(super) fn reader(settings: &Settings) -> Result<SqliteReader, CliError> {
    let path = database(settings)?;
    if !path.is_file() {
        return Err(nothing_recorded(&settings.daemon.state_dir));
    }
    Ok(SqliteReader::open_reader(&path)?)
}

/// An engine to look at: nothing it decides is ever stored.
pub(super) async fn picture(setup: &Setup, reader: &dyn StoreReader) -> Result<Engine, CliError> {
    let mut engine = engine(setup, reader, String::new(), 0).await?;
    engine.renew_report(SystemClock.now());
    Ok(engine)
}

/// Carries out `command` as a daemon would, without starting anything: the state directory is taken for a moment, and
/// the next daemon does what follows from it.
pub(super) async fn carry_out(
    setup: &Setup,
    command: Command,
    actor: String,
) -> Result<Reply, CliError> {
    let settings = &setup.settings;
    let root = &settings.daemon.state_dir;
    if !Path::is_file(&database(settings)?) {
        return Err(nothing_recorded(root));
    }
    let now = SystemClock.now();
    let dirs = StateDir::open(root, &SystemIds)?;
    let _lock = dirs.lock(&format!("process {} since {now} (one command)", std::process::id()))?;
    let store = open_store(settings, &SystemIds)?;
    let instance = SystemIds.ordered(now).to_string();
    let epoch = store.begin_epoch(&instance).await?;
    let mut engine = engine(setup, store.as_ref(), instance, epoch).await?;
    engine.open_intake(false);
    let handled = engine.handle(Input::Command { command, actor }, now);
    if let Some(batch) = handled.batch {
        store.append(batch).await?;
    }
    end_agents(&dirs, store.as_ref(), &handled.stop).await?;
    store.close().await?;
    handled.reply.ok_or_else(|| CliError::failure("the command was not answered"))
}

/// Asks what keeps the agents of `runs` to end them: they go on without a daemon, and nobody wants them to any more.
async fn end_agents(dirs: &StateDir, store: &dyn Store, runs: &[RunId]) -> Result<(), CliError> {
    for row in store.processes().await?.into_iter().filter(|row| runs.contains(&row.run)) {
        let marker = Marker::new(&dirs.instance, &row.run.to_string());
        let identity = ProcessIdentity { pid: row.pid, start_time: row.start_time };
        if let Some(keeper) = Companion::find(&identity, &marker) {
            keeper.terminate();
        }
    }
    Ok(())
}

async fn engine(
    setup: &Setup,
    reader: &dyn StoreReader,
    instance: String,
    epoch: u64,
) -> Result<Engine, CliError> {
    let settings = &setup.settings;
    let now = SystemClock.now();
    let window = Duration::from_millis(settings.policy.pace.window_ms);
    let loaded = recovery::load(reader, window, now).await?;
    let (sources, cards) = trackers(settings);
    let identity = Identity { instance, epoch, sources, cards, leasing: Leasing::default() };
    let policy = daemon::policy(setup);
    let policy = if epoch == 0 { policy } else { idle(&policy) };
    let mut engine = Engine::new(loaded, Arc::new(policy), identity, Arc::new(SystemIds));
    let unavailable = daemon::missing_agents(&daemon::agents(setup));
    let _nothing_to_store = engine.handle(Input::AgentsProbed { unavailable }, now);
    Ok(engine)
}

/// Sources that a daemon would have a tracker for, and those of them that show cards: what is asked of them here is
/// written by the next daemon.
fn trackers(settings: &Settings) -> (BTreeSet<String>, BTreeSet<String>) {
    let github = settings.github.iter().map(|_| github::SOURCE.to_owned());
    let azdo = settings.azdo.iter().map(|_| azure_devops::SOURCE.to_owned());
    let cards: BTreeSet<String> = github.chain(azdo).collect();
    let local = settings.local.iter().map(|_| local::SOURCE.to_owned());
    (local.chain(cards.iter().cloned()).collect(), cards)
}

/// The same rules with no slot for anything: without a daemon nothing may be started.
fn idle(policy: &Policy) -> Policy {
    let mut policy = policy.clone();
    policy.slots.global = 0;
    policy
}
