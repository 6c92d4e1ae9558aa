//! The demo itself: start the daemon, kill it in the middle, start it again, wait until everything is settled, stop it.

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::domain::ids::ItemId;
use crate::domain::item_record::ItemStatus;
use crate::process::identity::ProcessIdentity;
use crate::process::marker::instance_prefix;
use crate::process::recovery::{end_marked, find_marked};
use crate::store::StoreReader as _;
use crate::store::sqlite::SqliteReader;
use crate::surfaces::cli::errors::{CliError, INTERRUPTED, chain};
use crate::surfaces::cli::screen::{Screen, Tone};
use crate::surfaces::cli::signals::Interrupts;
use crate::surfaces::cli::surroundings::Surroundings;
use crate::surfaces::control::client::Client;
use crate::surfaces::control::views::ExplanationView;
use crate::trackers::local::SOURCE;

use super::DemoAgent;
use super::cast::{self, Part};
use super::daemon_process::DaemonProcess;
use super::place::Place;
use super::watch::Watch;

/// How long the scripted parts may take on a slow and busy machine; usually it is a few seconds.
const SCRIPTED_PATIENCE: Duration = Duration::from_secs(180);

/// How long a real agent may take for its one item.
const REAL_PATIENCE: Duration = Duration::from_secs(30 * 60);

/// How long what was left behind by a demo that broke off may take to end by itself.
const GRACE: Duration = Duration::from_secs(1);

/// What came of it.
pub(super) struct Played {
    /// Why each item is where it is, as the daemon said before it was stopped; in the order of the parts.
    pub(super) explanations: Vec<ExplanationView>,
    /// Daemons it took.
    pub(super) daemons: usize,
    /// Processes of agents that were there while no daemon was.
    pub(super) orphans: usize,
    /// Whether the last daemon stopped in order.
    pub(super) stopped_in_order: bool,
    /// Processes of agents that were left after that.
    pub(super) survivors: Vec<ProcessIdentity>,
}

/// Plays `parts`. Whatever ends it early, no process is left.
pub(super) async fn play(
    place: &Place,
    agent: DemoAgent,
    parts: &[Part],
    surroundings: &Surroundings,
    screen: &Screen,
) -> Result<Played, CliError> {
    let mut interrupts = Interrupts::listen()?;
    let played = tokio::select! {
        played = perform(place, agent, parts, surroundings, screen) => played,
        () = interrupts.next() => {
            let message = format!("interrupted; {} stays as it is", place.root.display());
            Err(CliError { message, hint: None, code: INTERRUPTED })
        }
    };
    if played.is_err()
        && let Ok(prefix) = mark_prefix(&place.state())
    {
        // The daemon was killed when its handle was dropped. What went wrong first is what counts.
        let _first_error_counts = end_marked(&prefix, &[], &[], GRACE).await;
    }
    played
}

async fn perform(
    place: &Place,
    agent: DemoAgent,
    parts: &[Part],
    surroundings: &Surroundings,
    screen: &Screen,
) -> Result<Played, CliError> {
    let mut watch = Watch::new(place.database(), screen);
    let mut daemon = DaemonProcess::start(place, surroundings)?;
    let (mut daemons, mut orphans, mut patience) = (1, 0, REAL_PATIENCE);
    if agent == DemoAgent::Scripted {
        orphans = kill_in_the_middle(place, daemon, &mut watch, screen).await?;
        daemon = DaemonProcess::start(place, surroundings)?;
        await_adoption(place, &mut daemon, &mut watch).await?;
        (daemons, patience) = (2, SCRIPTED_PATIENCE);
    }
    let settled = async |reader: &SqliteReader| all_settled(reader, parts.len()).await;
    watch.until(&mut daemon, "every item was settled", patience, settled).await?;
    let explanations = explain(place, parts).await?;
    let stopped_in_order = daemon.stop().await?;
    watch.look().await?;
    let survivors = survivors(&place.state())?;
    Ok(Played { explanations, daemons, orphans, stopped_in_order, survivors })
}

/// Kills the daemon when one item is done and the agent of another is in the middle of its turn. Returns how many agents
/// are then at work without a daemon.
async fn kill_in_the_middle(
    place: &Place,
    mut daemon: DaemonProcess,
    watch: &mut Watch<'_>,
    screen: &Screen,
) -> Result<usize, CliError> {
    let at_work = place.mark("agent-at-work");
    let in_the_middle = async |reader: &SqliteReader| {
        let first = reader.load_item(&item("DEMO-1")).await?;
        let done = first.is_some_and(|record| record.status == ItemStatus::Done);
        let interrupted = item("DEMO-7");
        let runs = reader.load_open_runs().await?;
        let in_flight =
            runs.iter().any(|run| run.item == interrupted && run.turn_in_flight().is_some());
        Ok(done && in_flight && at_work.exists())
    };
    let what = "DEMO-1 was merged and the agent of DEMO-7 was at work";
    watch.until(&mut daemon, what, SCRIPTED_PATIENCE, in_the_middle).await?;
    let pid = daemon.pid();
    daemon.kill().await?;
    watch.look().await?;
    let orphans = survivors(&place.state())?.len();
    let told = format!("kill -9 {pid}: the daemon is gone; processes of agents at work: {orphans}");
    screen.line(screen.paint(Tone::Warning, &format!("           demo    {told}")));
    Ok(orphans)
}

/// Waits until the next daemon goes on with the agent of DEMO-7, and lets that agent finish.
async fn await_adoption(
    place: &Place,
    daemon: &mut DaemonProcess,
    watch: &mut Watch<'_>,
) -> Result<(), CliError> {
    let taken_over = async |reader: &SqliteReader| {
        let runs = reader.load_open_runs().await?;
        let fence = reader.load_item(&item("DEMO-7")).await?.map_or(0, |record| record.fence);
        // Whoever takes a run over raises its fence.
        Ok(runs.iter().any(|run| run.item == item("DEMO-7") && run.fence > fence))
    };
    let what = "the next daemon went on with the agent of DEMO-7";
    watch.until(daemon, what, SCRIPTED_PATIENCE, taken_over).await?;
    place.write("marks/daemon-back", "")
}

fn item(identifier: &str) -> ItemId {
    ItemId(format!("{SOURCE}/{identifier}"))
}

async fn all_settled(reader: &SqliteReader, count: usize) -> Result<bool, CliError> {
    let items = reader.load_items().await?;
    let settled = items.len() == count && items.iter().all(cast::is_settled);
    Ok(settled
        && reader.load_open_runs().await?.is_empty()
        && reader.open_effects().await?.is_empty())
}

async fn explain(place: &Place, parts: &[Part]) -> Result<Vec<ExplanationView>, CliError> {
    let connected = Client::connect(&place.state()).await?;
    let mut client =
        connected.ok_or_else(|| CliError::failure("the daemon has no control socket"))?;
    let mut explanations = Vec::new();
    for part in parts {
        let found = client.why(part.identifier).await?;
        let found = found.ok_or_else(|| {
            CliError::failure(format!("the daemon does not know {}", part.identifier))
        })?;
        explanations.push(found);
    }
    Ok(explanations)
}

/// Living processes that any daemon of this state directory has started, for whatever run.
fn survivors(state: &Path) -> Result<Vec<ProcessIdentity>, CliError> {
    find_marked(&mark_prefix(state)?).map_err(|error| CliError::failure(chain(&error)))
}

/// What the marks of all those processes begin with.
fn mark_prefix(state: &Path) -> Result<String, CliError> {
    let path = state.join("instance-id");
    let instance = fs::read_to_string(&path)
        .map_err(|error| CliError::failure(format!("cannot read {}: {error}", path.display())))?;
    Ok(instance_prefix(instance.trim()))
}
