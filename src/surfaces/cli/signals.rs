//! Ctrl-C and `SIGTERM`, one by one.

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::errors::CliError;

/// Wishes of the operator or the system that this process ends.
#[derive(Debug)]
pub(super) struct Interrupts {
    interrupt: Signal,
    terminate: Signal,
}

impl Interrupts {
    /// From now on, signals come here instead of ending the process.
    pub(super) fn listen() -> Result<Self, CliError> {
        let failed = |error| CliError::failure(format!("cannot listen for signals: {error}"));
        Ok(Self {
            interrupt: signal(SignalKind::interrupt()).map_err(failed)?,
            terminate: signal(SignalKind::terminate()).map_err(failed)?,
        })
    }

    /// The next one.
    pub(super) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
