//! `start`: the daemon, in the foreground.

use std::time::Duration;

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::config::daemon::LogFormat;
use crate::config::settings::Settings;
use crate::daemon::{self, Parts};
use crate::runtime::handle::DaemonHandle;
use crate::surfaces::control::server::Standing;
use crate::telemetry;

use super::entry::Context;
use super::errors::{self, CliError};
use super::hosting::{self, Hosted};
use super::signals::Interrupts;
use super::{configuration, format};

/// How often the configuration is looked at for changes.
const RELOAD: Duration = Duration::from_secs(5);

/// Run the daemon in the foreground
///
/// Stops in order on Ctrl-C or SIGTERM: nothing new is started, agents are asked to end, their runs are marked interrupted
/// and continue at the next start. A second signal ends it at once; nothing is lost then either. The configuration is
/// read again when it changes (and on SIGHUP); one with mistakes is reported and the old one kept.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  enact-factory start
  enact-factory --config factory/config.toml start

Exit codes: 0 stopped in order, 1 failed, 75 another process holds the state directory, 78 wrong configuration,
130 ended at once by a second signal.")]
pub(super) struct Start {}

pub(super) async fn execute(context: &Context, _arguments: &Start) -> Result<u8, CliError> {
    let named = context.config.as_deref();
    let loaded = configuration::read(named, &context.surroundings)?;
    let settings = loaded.settings;
    begin_log(context, &settings);
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    let mut interrupts = Interrupts::listen()?;
    let setup = hosting::setup(context, settings.clone());
    let hosted = Hosted::open(context, &setup, Standing::Permanent).await?;
    announce(context, &settings, &hosted);
    let announced = settings.clone();
    let shutdown = CancellationToken::new();
    let (handle, parts) = (hosted.handle(), hosted.parts());
    let stopped = shutdown.clone();
    let running = async {
        let watching = async {
            remind(context, &settings, &handle).await;
            Box::pin(reload(context, settings, &handle, &parts)).await
        };
        tokio::select! {
            ended = Box::pin(hosted.run(stopped)) => ended,
            never = watching => match never? {},
        }
    };
    let stopping = async {
        interrupts.next().await;
        say(context, &announced, "stopping in order; once more to end at once");
        shutdown.cancel();
        interrupts.next().await;
    };
    tokio::select! {
        ended = running => {
            ended?;
            say(context, &announced, "stopped");
            Ok(errors::OK)
        }
        () = stopping => Ok(errors::INTERRUPTED),
    }
}

fn begin_log(context: &Context, settings: &Settings) {
    let level = match context.verbosity {
        0 => settings.daemon.log_level.word(),
        1 => "debug",
        _ => "trace",
    };
    let form = match settings.daemon.log_format {
        LogFormat::Text => telemetry::Form::Text,
        LogFormat::Json => telemetry::Form::Json,
    };
    telemetry::begin(level, form);
}

/// Says something to whoever started the daemon: in words, or as a log line where log lines are for programs.
fn say(context: &Context, settings: &Settings, text: &str) {
    match settings.daemon.log_format {
        LogFormat::Text => context.screen.note(text),
        LogFormat::Json => tracing::info!("{text}"),
    }
}

fn announce(context: &Context, settings: &Settings, hosted: &Hosted) {
    let recovered = hosted.recovered();
    let root = settings.daemon.state_dir.display();
    say(context, settings, &format!("enact-factory {} in {root}", env!("CARGO_PKG_VERSION")));
    let mut runs = format!("{} to continue", format::counted(recovered.runs, "run"));
    if recovered.kept > 0 {
        let agents = format::counted(recovered.kept, "agent");
        runs = format!("{runs}, {agents} of them went on without it");
    }
    if recovered.cause.is_some() {
        let ended = format::counted(recovered.ended, "leftover");
        let text = format!("the daemon before went down: {ended} of it ended, {runs}");
        say(context, settings, &text);
    } else if recovered.runs > 0 {
        say(context, settings, &runs);
    }
    let projects = format::counted(settings.policy.projects.len(), "project");
    let intake = if settings.policy.autonomous {
        "work is started by itself"
    } else {
        "only what is asked for is started (`autonomous.enabled` is off)"
    };
    if let Some(address) = hosted.http_address() {
        say(context, settings, &format!("webhooks are taken at http://{address}/hooks/"));
    }
    say(context, settings, &format!("ready: {projects}, {intake}"));
}

/// Says what an earlier daemon has left for people, and which lanes go on.
async fn remind(context: &Context, settings: &Settings, handle: &DaemonHandle) {
    // Whoever stops at once needs no reminder.
    let Ok(status) = handle.status().await else { return };
    let lanes = status.lanes;
    for verdict in &lanes.verdicts {
        tracing::warn!(
            "the stop policy, at {}: {} (`enact-factory stop-acknowledge`)",
            verdict.at,
            verdict.text
        );
    }
    for entry in &lanes.ledger {
        tracing::warn!(item.id = %entry.item, "{}: {} (`{}`)", entry.gate, entry.reason, entry.command);
    }
    for session in &lanes.sessions {
        let text =
            format!("lane {} goes on with {}: {}", session.lane, session.item, session.phase);
        say(context, settings, &text);
    }
}

/// What never happens.
enum Never {}

/// What is taken at the port, secrets aside.
fn listening(settings: &Settings) -> String {
    format!("{:?}", settings.http)
}

/// Hands changed configurations to the running daemon.
async fn reload(
    context: &Context,
    mut current: Settings,
    handle: &DaemonHandle,
    parts: &Parts,
) -> Result<Never, CliError> {
    let failed = |error| CliError::failure(format!("cannot listen for SIGHUP: {error}"));
    let mut hangup = signal(SignalKind::hangup()).map_err(failed)?;
    let mut refused = String::new();
    loop {
        tokio::select! {
            _ = hangup.recv() => {}
            () = tokio::time::sleep(RELOAD) => {}
        }
        match configuration::read(context.config.as_deref(), &context.surroundings) {
            Ok(loaded) if loaded.digest() == current.digest => {}
            Ok(loaded) => {
                let new = loaded.settings;
                if new.daemon.state_dir != current.daemon.state_dir || new.store != current.store {
                    tracing::warn!(
                        "another state directory or store counts only at the next start"
                    );
                }
                if listening(&new) != listening(&current) {
                    tracing::warn!("another `[http]` counts only at the next start");
                }
                let setup = hosting::setup(context, new.clone());
                handle.reconfigure(daemon::reconfigured(&setup, parts).await).await;
                tracing::info!("the configuration was read again");
                current = new;
                refused.clear();
            }
            Err(report) => {
                let text = report.to_string();
                if text != refused {
                    tracing::error!(
                        "the changed configuration has mistakes; the old one is kept\n{text}"
                    );
                    refused = text;
                }
            }
        }
    }
}
