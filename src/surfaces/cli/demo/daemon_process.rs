//! The daemon of a demo: a child process like any other, which can be killed.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::surfaces::cli::errors::CliError;
use crate::surfaces::cli::surroundings::Surroundings;

use super::place::{Place, daemon_environment};

/// How long the daemon may take to end after SIGTERM: its own grace for agents is 5 s.
const PATIENCE: Duration = Duration::from_secs(20);

/// Lines of its log that are shown when it ends by itself.
const LOG_LINES: usize = 20;

/// A running daemon. Dropping it kills it.
pub(super) struct DaemonProcess {
    child: Child,
    pid: u32,
    log: PathBuf,
}

impl DaemonProcess {
    /// Starts `enact-factory start` with the configuration of `place`.
    #[expect(
        clippy::disallowed_methods,
        reason = "the demo stands where an operator's shell stands: it must be able to kill the daemon and leave \
                  everything that the daemon had started alone, which `process` rightly never does"
    )]
    pub(super) fn start(place: &Place, surroundings: &Surroundings) -> Result<Self, CliError> {
        let log = place.daemon_log();
        let failed =
            |error: std::io::Error| CliError::failure(format!("cannot start the daemon: {error}"));
        let output = OpenOptions::new().create(true).append(true).open(&log).map_err(failed)?;
        let errors = output.try_clone().map_err(failed)?;
        let child = Command::new(&surroundings.program)
            .arg("--config")
            .arg(place.config())
            .arg("start")
            .current_dir(&place.root)
            .env_clear()
            .envs(daemon_environment(surroundings))
            .stdin(Stdio::null())
            .stdout(Stdio::from(output))
            .stderr(Stdio::from(errors))
            // Ctrl-C is for the demo, which ends the daemon itself.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        let pid = child.id().ok_or_else(|| CliError::failure("the daemon ended at once"))?;
        Ok(Self { child, pid, log })
    }

    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    /// An error if it has ended, which nobody asked it to.
    pub(super) fn must_live(&mut self) -> Result<(), CliError> {
        match self.child.try_wait() {
            Ok(None) => Ok(()),
            Ok(Some(status)) => Err(CliError::failure(format!(
                "the daemon ended by itself ({status}); the end of {}:\n{}",
                self.log.display(),
                tail(&self.log)
            ))),
            Err(error) => Err(CliError::failure(format!("cannot watch the daemon: {error}"))),
        }
    }

    /// Ends it as a power cut would: SIGKILL, without a word of warning, and nobody but itself.
    pub(super) async fn kill(mut self) -> Result<(), CliError> {
        self.send(Signal::KILL)?;
        self.ended().await.map(drop)
    }

    /// Asks it to stop with SIGTERM and waits until it has.
    pub(super) async fn stop(mut self) -> Result<ExitStatus, CliError> {
        self.send(Signal::TERM)?;
        self.ended().await
    }

    fn send(&self, signal: Signal) -> Result<(), CliError> {
        let pid = i32::try_from(self.pid).ok().and_then(Pid::from_raw);
        let sent = pid.ok_or(rustix::io::Errno::SRCH).and_then(|pid| kill_process(pid, signal));
        sent.map_err(|error| CliError::failure(format!("cannot signal the daemon: {error}")))
    }

    async fn ended(&mut self) -> Result<ExitStatus, CliError> {
        match timeout(PATIENCE, self.child.wait()).await {
            Ok(Ok(status)) => Ok(status),
            Ok(Err(error)) => {
                Err(CliError::failure(format!("cannot wait for the daemon: {error}")))
            }
            Err(_) => {
                let seconds = PATIENCE.as_secs();
                let log = tail(&self.log);
                Err(CliError::failure(format!("the daemon did not end in {seconds} s:\n{log}")))
            }
        }
    }
}

/// The last lines of a log.
pub(super) fn tail(log: &Path) -> String {
    let bytes = std::fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LOG_LINES)..].join("\n")
}
