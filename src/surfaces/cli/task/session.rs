//! Finds or becomes the daemon for a task, as often as needed.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::config::settings::Settings;
use crate::surfaces::control::client::Client;
use crate::surfaces::control::server::Standing;

use super::super::entry::Context;
use super::super::errors::{self, CliError};
use super::super::format;
use super::super::hosting::{self, Hosted};
use super::super::signals::Interrupts;
use super::attached::{Attached, Left, Watch};
use super::fold::Fold;
use super::{Ending, Errand};

/// Pause before looking again for a daemon that is starting or stopping.
const PAUSE: Duration = Duration::from_millis(200);

/// How often it is looked for: 30 s in all.
const LOOKS: u32 = 150;

/// Sees the task through.
pub(in super::super) async fn drive(
    context: &Context,
    errand: &Errand,
) -> Result<(Ending, Fold), CliError> {
    let terminal = context.surroundings.terminal || context.surroundings.error_terminal;
    let mut watch = Watch::new(context, errand, Interrupts::listen_at(terminal)?);
    let mut left_permanent = false;
    let mut looks = 0;
    loop {
        if let Some(client) = Client::connect(errand.root()).await? {
            let shutdown = None;
            match attached(&mut watch, client, shutdown).await? {
                Left::Ended(ending) => return Ok((ending, watch.fold)),
                Left::Lost { temporary } => left_permanent = !temporary,
            }
        } else if !left_permanent {
            match host(context, errand, &mut watch).await {
                Err(error) if error.code == errors::HELD && looks < LOOKS => {}
                hosted => match hosted? {
                    Left::Ended(ending) => return Ok((ending, watch.fold)),
                    Left::Lost { .. } => {}
                },
            }
        }
        // Whatever was found is starting, stopping, or gone.
        looks += 1;
        if looks > LOOKS {
            return Ok((Ending::DaemonGone, watch.fold));
        }
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            () = watch.interrupts.next() => {
                return Ok((Ending::Interrupted { goes_on: false }, watch.fold));
            }
        }
    }
}

async fn attached(
    watch: &mut Watch<'_>,
    client: Client,
    host: Option<CancellationToken>,
) -> Result<Left, CliError> {
    Box::pin(Attached { client, host }.follow(watch)).await
}

/// Is the daemon until the task is over.
async fn host(context: &Context, errand: &Errand, watch: &mut Watch<'_>) -> Result<Left, CliError> {
    let setup = hosting::setup(context, for_one_task(&errand.settings));
    let hosted = Hosted::open(context, &setup, Standing::Temporary).await?;
    let others = hosted.recovered().runs;
    if others > 0 {
        context.screen.note(format!(
            "{} of earlier tasks continue meanwhile",
            format::counted(others, "unfinished run")
        ));
    }
    let shutdown = CancellationToken::new();
    let at_once = CancellationToken::new();
    let running = hosted.run(shutdown.clone());
    let following = async {
        let left = match Client::connect(errand.root()).await {
            Ok(Some(client)) => attached(watch, client, Some(shutdown.clone())).await,
            Ok(None) => Err(CliError::failure("the daemon of this process does not answer")),
            Err(error) => Err(error.into()),
        };
        shutdown.cancel();
        if matches!(left, Ok(Left::Ended(Ending::AtOnce))) {
            at_once.cancel();
        }
        left
    };
    let both = async {
        let (ran, left) = tokio::join!(Box::pin(running), following);
        ran?;
        left
    };
    tokio::select! {
        // What is dropped here ends the agents with it.
        () = at_once.cancelled() => Ok(Left::Ended(Ending::AtOnce)),
        left = Box::pin(both) => left,
    }
}

/// The same settings, with nothing started but what is asked for.
fn for_one_task(settings: &Settings) -> Settings {
    let mut settings = settings.clone();
    settings.policy.autonomous = false;
    settings.schedule = None;
    settings
}
