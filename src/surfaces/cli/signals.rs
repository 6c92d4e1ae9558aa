//! Ctrl-C, `SIGTERM` and a closed terminal, one by one.

use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::Instant;

use super::errors::CliError;

/// Signals closer together than this are one wish: programs such as `timeout` signal a process and then its group.
const ONE_WISH: Duration = Duration::from_millis(500);

/// Wishes of the operator or the system that this process ends.
#[derive(Debug)]
pub(super) struct Interrupts {
    interrupt: Signal,
    terminate: Signal,
    hangup: Option<Signal>,
    last: Option<Instant>,
}

impl Interrupts {
    /// From now on, `SIGINT` and `SIGTERM` come here instead of ending the process.
    pub(super) fn listen() -> Result<Self, CliError> {
        let (interrupt, terminate) = (on(SignalKind::interrupt())?, on(SignalKind::terminate())?);
        Ok(Self { interrupt, terminate, hangup: None, last: None })
    }

    /// The same with `SIGHUP`, for what is not to go on without its terminal. Without a terminal, the signal stays as it
    /// is, so that `nohup` works.
    pub(super) fn listen_at(terminal: bool) -> Result<Self, CliError> {
        let hangup = if terminal { Some(on(SignalKind::hangup())?) } else { None };
        Ok(Self { hangup, ..Self::listen()? })
    }

    /// The next one.
    pub(super) async fn next(&mut self) {
        loop {
            tokio::select! {
                _ = self.interrupt.recv() => {}
                _ = self.terminate.recv() => {}
                () = received(self.hangup.as_mut()) => {}
            }
            if self.last.is_none_or(|last| last.elapsed() > ONE_WISH) {
                self.last = Some(Instant::now());
                return;
            }
        }
    }
}

fn on(kind: SignalKind) -> Result<Signal, CliError> {
    signal(kind).map_err(|error| CliError::failure(format!("cannot listen for signals: {error}")))
}

async fn received(signal: Option<&mut Signal>) {
    match signal {
        Some(signal) => {
            signal.recv().await;
        }
        None => std::future::pending().await,
    }
}
