//! Follows the log of a daemon that may be killed at any moment, and waits for things in it.

use std::path::PathBuf;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::store::StoreReader as _;
use crate::store::sqlite::SqliteReader;
use crate::surfaces::cli::errors::CliError;
use crate::surfaces::cli::screen::Screen;

use super::daemon_process::DaemonProcess;
use super::narration::Narrator;

/// Pause between two looks.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Events read at a time.
const PAGE: usize = 500;

/// Someone who reads the log along and tells what happens.
pub(super) struct Watch<'a> {
    database: PathBuf,
    reader: Option<SqliteReader>,
    seen: u64,
    narrator: Narrator,
    screen: &'a Screen,
}

impl<'a> Watch<'a> {
    pub(super) fn new(database: PathBuf, screen: &'a Screen) -> Self {
        Self { database, reader: None, seen: 0, narrator: Narrator::default(), screen }
    }

    /// Waits until `condition` holds, telling what happens meanwhile.
    ///
    /// # Errors
    /// When the daemon ends, the log cannot be read, or `patience` is over; `what` says what was waited for.
    pub(super) async fn until(
        &mut self,
        daemon: &mut DaemonProcess,
        what: &str,
        patience: Duration,
        condition: impl AsyncFn(&SqliteReader) -> Result<bool, CliError>,
    ) -> Result<(), CliError> {
        let deadline = Instant::now() + patience;
        loop {
            daemon.must_live()?;
            if let Some(reader) = self.look().await?
                && condition(reader).await?
            {
                return Ok(());
            }
            if Instant::now() >= deadline {
                let seconds = patience.as_secs();
                return Err(CliError::failure(format!("waited {seconds} s in vain until {what}")));
            }
            sleep(LOOK_AGAIN).await;
        }
    }

    /// Tells what happened since the last look. No reader as long as there is no log.
    pub(super) async fn look(&mut self) -> Result<Option<&SqliteReader>, CliError> {
        if self.reader.is_none() {
            // Until the daemon has laid it out, there is nothing to read in it.
            self.reader = SqliteReader::open_reader(&self.database).ok();
        }
        let Some(reader) = &self.reader else { return Ok(None) };
        loop {
            let events = reader.read_all(self.seen, PAGE).await?;
            for event in &events {
                self.seen = event.gseq;
                if let Some(line) = self.narrator.line(event) {
                    self.screen.line(line);
                }
            }
            if events.len() < PAGE {
                return Ok(Some(reader));
            }
        }
    }
}
