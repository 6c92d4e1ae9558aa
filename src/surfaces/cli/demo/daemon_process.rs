//! The daemon of a demo: a child process like any other, which can be killed.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::process::ProcessError;
use crate::process::independent::{Independent, Running};
use crate::surfaces::cli::errors::{CliError, chain};
use crate::surfaces::cli::surroundings::Surroundings;

use super::place::{Place, daemon_environment};

/// How long the daemon may take to end after SIGTERM: its own grace for agents is 5 s.
const PATIENCE: Duration = Duration::from_secs(20);

/// Lines of its log that are shown when something is wrong with it.
const LOG_LINES: usize = 20;

/// A running daemon. Dropping it kills it.
pub(super) struct DaemonProcess {
    running: Running,
    log: PathBuf,
}

impl DaemonProcess {
    /// Starts `enact-factory start` with the configuration of `place`.
    pub(super) fn start(place: &Place, surroundings: &Surroundings) -> Result<Self, CliError> {
        let log = place.daemon_log();
        let file = OpenOptions::new().create(true).append(true).open(&log);
        let file = file.map_err(|error| {
            CliError::failure(format!("cannot write {}: {error}", log.display()))
        })?;
        let independent = Independent {
            program: surroundings.program.clone(),
            args: vec!["--config".into(), place.config().into(), "start".into()],
            cwd: place.root.clone(),
            env: daemon_environment(surroundings),
            log: file,
        };
        Ok(Self { running: independent.start().map_err(|error| failure(&error))?, log })
    }

    pub(super) fn pid(&self) -> u32 {
        self.running.pid()
    }

    /// An error if it has ended, which nobody asked it to.
    pub(super) fn must_live(&mut self) -> Result<(), CliError> {
        match self.running.ended().map_err(|error| failure(&error))? {
            None => Ok(()),
            Some(_) => Err(CliError::failure(format!(
                "the daemon ended by itself; the end of {}:\n{}",
                self.log.display(),
                tail(&self.log)
            ))),
        }
    }

    /// Ends it as a power cut would: without a word of warning, and nobody but itself.
    pub(super) async fn kill(self) -> Result<(), CliError> {
        self.running.kill().await.map(drop).map_err(|error| failure(&error))
    }

    /// Asks it to stop and waits; whether it did so in order.
    pub(super) async fn stop(mut self) -> Result<bool, CliError> {
        let ended = self.running.stop(PATIENCE).await.map_err(|error| failure(&error))?;
        match ended {
            Some(evidence) => Ok(evidence.code == Some(0)),
            None => Err(CliError::failure(format!(
                "the daemon did not end in {} s:\n{}",
                PATIENCE.as_secs(),
                tail(&self.log)
            ))),
        }
    }
}

fn failure(error: &ProcessError) -> CliError {
    CliError::failure(format!("the demo's daemon: {}", chain(error)))
}

/// The last lines of a log.
fn tail(log: &Path) -> String {
    let bytes = std::fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LOG_LINES)..].join("\n")
}
