//! `hand-over`: the daemon goes, its agents stay.

use std::time::Duration;

use clap::Args;
use serde_json::json;

use crate::process::identity::{ProcessIdentity, alive};
use crate::surfaces::control::client::Client;

use super::entry::Context;
use super::errors::{self, CliError};
use super::{configuration, format};

/// How long a daemon may take to go.
const PATIENCE: Duration = Duration::from_secs(120);

/// Pause between two looks whether it has gone.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Stop the daemon and leave its agents at work: the next `start` goes on with them
///
/// For upgrades. Nothing new is started, checks under way are stopped and repeated by the next daemon. An agent that no
/// daemon comes back to is ended after `keeper.orphan_grace`. Returns when the daemon has gone.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  enact-factory hand-over && enact-factory start

JSON: {\"agents\": number of agents that go on}

Exit codes: 0 the daemon has gone, 1 there was none or it does not go.")]
pub(super) struct HandOver {}

pub(super) async fn execute(context: &Context, _arguments: &HandOver) -> Result<u8, CliError> {
    let settings = configuration::settings(context.config.as_deref(), &context.surroundings)?;
    let Some(mut client) = Client::connect(&settings.daemon.state_dir).await? else {
        return Err(CliError::failure("no daemon is running"));
    };
    let daemon = ProcessIdentity::of(client.ping().await?.process);
    let agents = client.hand_over().await?;
    until_gone(daemon).await?;
    if context.screen.json {
        context.screen.object(&json!({ "agents": agents }));
    } else {
        let agents = format::counted(agents, "agent");
        context.screen.line(format!("the daemon has gone; {agents} at work without it"));
    }
    Ok(errors::OK)
}

/// Waits for a daemon that was told to go.
pub(super) async fn until_gone(daemon: Option<ProcessIdentity>) -> Result<(), CliError> {
    let gone = async {
        while daemon.as_ref().is_some_and(alive) {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    };
    match tokio::time::timeout(PATIENCE, gone).await {
        Ok(()) => Ok(()),
        Err(_) => Err(CliError::failure("the daemon was told to go, but it is still there")),
    }
}
