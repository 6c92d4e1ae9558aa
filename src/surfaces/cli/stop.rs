//! `stop`: the daemon goes, if the stop policy lets it; and what people say when something was held back.

use clap::Args;
use serde_json::json;

use crate::domain::command::Command;
use crate::process::identity::ProcessIdentity;
use crate::surfaces::control::client::Client;

use super::entry::Context;
use super::errors::{self, CliError};
use super::{actor, configuration, hand_over};

/// Stop the daemon in order, unless an operator lane has something open
///
/// Nothing new is started, agents are asked to end, their runs are marked interrupted and continue at the next start.
/// Denied while a lane owes its tracker something, or a close waits for a person: then the verdict is on record, and
/// every start shows it until `stop-acknowledge`. A signal (Ctrl-C, SIGTERM) is always obeyed; the verdict is recorded
/// then too. Returns when the daemon has gone.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  enact-factory stop
  enact-factory stop --force --reason \"the machine is needed\"

JSON: {\"stopped\": bool, \"message\": text}

Exit codes: 0 the daemon has gone, 1 there was none or it does not go, 2 the stop policy says no.")]
pub(super) struct Stop {
    /// Stop all the same
    #[arg(long, requires = "reason")]
    force: bool,
    /// Why it may stop all the same
    #[arg(long, value_name = "TEXT", requires = "force")]
    reason: Option<String>,
}

/// Say that the verdicts of the stop policy were seen
///
/// They are not shown any more. Items that were closed without evidence hold nobody back until the next start.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  enact-factory stop-acknowledge
  enact-factory stop-acknowledge --reason \"ralph goes on tomorrow\"

JSON: {\"accepted\": bool, \"message\": text, \"item\": null, \"run\": null, \"daemon\": bool}

Exit codes: 0 accepted, 1 refused.")]
pub(super) struct StopAcknowledge {
    /// Why it may stay like that
    #[arg(long, default_value = "", value_name = "TEXT", hide_default_value = true)]
    reason: String,
}

impl StopAcknowledge {
    pub(super) fn command(self) -> Command {
        Command::StopAcknowledge { reason: self.reason }
    }
}

/// Close an epic that spans several repositories, or say why it is closed already
///
/// The factory does not close such an item by itself, because its parts were never checked together. `lane ledger` lists
/// those that wait.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  enact-factory acknowledge-close EPIC-1 --reason \"both services are live and speak to each other\"

JSON: {\"accepted\": bool, \"message\": text, \"item\": id or null, \"run\": null, \"daemon\": bool}

Exit codes: 0 accepted, 1 refused.")]
pub(super) struct AcknowledgeClose {
    /// Identifier of an item, or `source/identifier`
    #[arg(value_name = "ID")]
    target: String,
    /// Why the whole is finished; it is kept with your name
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

impl AcknowledgeClose {
    pub(super) fn command(self) -> Command {
        Command::AcknowledgeClose { target: self.target, reason: self.reason }
    }
}

pub(super) async fn execute(context: &Context, arguments: Stop) -> Result<u8, CliError> {
    let settings = configuration::settings(context.config.as_deref(), &context.surroundings)?;
    let Some(mut client) = Client::connect(&settings.daemon.state_dir).await? else {
        return Err(CliError::failure("no daemon is running"));
    };
    let daemon = ProcessIdentity::of(client.ping().await?.process);
    let command = Command::Stop { override_reason: arguments.reason };
    let reply = client.submit(command, &actor::of(&context.surroundings)).await?;
    let screen = &context.screen;
    if reply.accepted {
        hand_over::until_gone(daemon).await?;
    }
    if screen.json {
        screen.object(&json!({ "stopped": reply.accepted, "message": reply.message }));
    } else if reply.accepted {
        screen.line("the daemon has gone");
    } else {
        let denied = CliError::failure(reply.message);
        screen.error(&denied.hint("`--force --reason \"<text>\"` stops it all the same"));
    }
    Ok(if reply.accepted { errors::OK } else { errors::STOP_DENIED })
}
