//! The agent's standard output.

use std::io::{self, Write};
use std::time::Duration;

use tokio::time::Instant;

use super::super::protocol::Line;

/// How often to say that something is still going on.
const PULSE: Duration = Duration::from_secs(10);

/// Prints lines, each at once.
pub(super) struct Printer<'a> {
    out: &'a mut (dyn Write + Send),
    last: Instant,
    broken: Option<io::Error>,
}

impl<'a> Printer<'a> {
    pub(super) fn new(out: &'a mut (dyn Write + Send)) -> Self {
        Self { out, last: Instant::now(), broken: None }
    }

    /// Prints a line.
    ///
    /// # Errors
    /// When nobody reads any more, now or at an earlier pulse.
    pub(super) fn print(&mut self, line: &Line) -> io::Result<()> {
        if let Some(error) = self.broken.take() {
            return Err(error);
        }
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        self.out.write_all(&text)?;
        self.out.flush()?;
        self.last = Instant::now();
        Ok(())
    }

    /// Says that something is going on, if nothing has been said for a while. A failure shows at the next line.
    pub(super) fn pulse(&mut self, on: &str) {
        if self.last.elapsed() >= PULSE
            && let Err(error) = self.print(&Line::Working { on: on.to_owned() })
        {
            self.broken = Some(error);
        }
    }

    /// Waits for something that takes its time, with a pulse.
    pub(super) async fn beside<T>(&mut self, on: &str, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                biased;
                done = &mut work => return done,
                () = tokio::time::sleep(PULSE) => self.pulse(on),
            }
        }
    }
}
