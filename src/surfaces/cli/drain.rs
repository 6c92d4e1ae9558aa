//! `drain`: everything that trackers are still to be told is told now.

use clap::Args;
use serde_json::json;

use crate::config::settings::Settings;
use crate::runtime::clock::{Clock as _, SystemClock};
use crate::runtime::engine::drain::{Drained, Undrained};
use crate::surfaces::control::client::Client;
use crate::surfaces::control::write_views::WriteView;
use crate::trackers::azure_devops;

use super::entry::Context;
use super::errors::{self, CliError};
use super::screen::{Screen, Tone};
use super::{actor, configuration, format, hosting, offline};

/// Tell trackers now everything that they are still to be told
///
/// Waits after failures do not count, only pauses that a service itself asked for. Updates of one item are written in
/// order; what stands behind one that fails is not tried. Returns when all was tried once.
///
/// Updates that a service refused for good were given up; they are listed with the reason, and `--parked` tries them once
/// more.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  enact-factory drain
  enact-factory drain --parked
  enact-factory drain --json | jq '.errors[].error'

JSON: {\"drained\": number, \"errors\": [update], \"parked\": [update], \"daemon\": bool}
update: item, key, what (what it says), error (why it was not written), hint (what to do)

Exit codes: 0 everything is written, 1 something is not.")]
pub(super) struct Drain {
    /// Also try what was given up before
    #[arg(long)]
    parked: bool,
}

pub(super) async fn execute(context: &Context, arguments: &Drain) -> Result<u8, CliError> {
    let settings = configuration::settings(context.config.as_deref(), &context.surroundings)?;
    let actor = actor::of(&context.surroundings);
    let (mut drained, daemon) = match Client::connect(&settings.daemon.state_dir).await? {
        Some(mut client) => (client.drain(arguments.parked, &actor).await?, true),
        None => (on_record(context, &settings).await?, false),
    };
    for undrained in drained.errors.iter_mut().chain(&mut drained.parked) {
        if let Some(hint) = of_configuration(undrained, &settings) {
            undrained.hint = hint;
        }
    }
    let is_all = drained.errors.is_empty() && drained.parked.is_empty();
    if context.screen.json {
        context.screen.object(&json!({
            "drained": drained.drained,
            "errors": drained.errors,
            "parked": drained.parked,
            "daemon": daemon,
        }));
    } else {
        show(&context.screen, &drained, daemon);
    }
    Ok(if is_all { errors::OK } else { errors::FAILURE })
}

/// Without a daemon nothing is written; what is waiting is known.
async fn on_record(context: &Context, settings: &Settings) -> Result<Drained, CliError> {
    let reader = offline::reader(settings)?;
    let setup = hosting::setup(context, settings.clone());
    let engine = offline::picture(&setup, &reader).await?;
    let mut drained = Drained::default();
    for write in engine.status(SystemClock.now()).writes.into_iter().map(WriteView::from) {
        let WriteView { item, key, what, parked, error, .. } = write;
        let error = error.unwrap_or_else(|| "no daemon is running".to_owned());
        let hint = "`enact-factory start` starts a daemon, and that writes it".to_owned();
        let undrained = Undrained { item, key, what, error, hint };
        if parked { &mut drained.parked } else { &mut drained.errors }.push(undrained);
    }
    Ok(drained)
}

/// What to do where the item's tracker is not configured (any more).
fn of_configuration(undrained: &Undrained, settings: &Settings) -> Option<String> {
    let source = undrained.item.source();
    if source != azure_devops::SOURCE || settings.azdo.is_some() {
        return None;
    }
    let missing = &settings.azdo_missing;
    Some(match missing.is_empty() {
        true => "switch `[azdo]` on in the configuration".to_owned(),
        false => format!("switch `[azdo]` on in the configuration, and set {}", missing.join(", ")),
    })
}

fn show(screen: &Screen, drained: &Drained, daemon: bool) {
    let written = format::counted(drained.drained, "update");
    screen.line(screen.paint(Tone::Good, &format!("{written} written")));
    list(screen, "not written", &drained.errors);
    list(screen, "given up before (`enact-factory drain --parked`)", &drained.parked);
    if !daemon {
        screen.note("no daemon is running; this is what is on record");
    }
}

fn list(screen: &Screen, heading: &str, updates: &[Undrained]) {
    if updates.is_empty() {
        return;
    }
    screen.line(screen.paint(Tone::Warning, &format!("{} {heading}", updates.len())));
    for update in updates {
        let what = format::shortened(&update.what, 80);
        screen.line(format!("  {}  {}", format::printable(update.item.as_str()), what));
        screen.line(format!("    {}", format::printable(&update.error)));
        screen.line(format!("    {}", format::printable(&update.hint)));
    }
}
