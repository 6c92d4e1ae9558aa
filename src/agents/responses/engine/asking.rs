//! One answer of the model: with room made, with repetitions, accounted for.

use std::time::Duration;

use crate::agents::classification;
use crate::domain::failure::{Failure, FailureClass};

use super::super::compaction::{compact, cut_outputs};
use super::super::protocol::Line;
use super::super::wire::trouble::{Again, Trouble};
use super::super::wire::{Ask, Reply, body};
use super::{Session, Stop};

/// Tries of one request.
const TRIES: u32 = 5;

/// Times that one request is shortened.
const SHRINKS: u32 = 4;

/// The longest single wait inside a turn: what takes longer is for the daemon to wait for, without a process.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// All waits of one request together, below the usual limit on a silent turn.
const PATIENCE: Duration = Duration::from_secs(150);

/// Waits of one request so far.
#[derive(Default)]
struct Waits {
    tries: u32,
    waited: Duration,
}

impl Session<'_> {
    /// Asks the model to go on.
    pub(super) async fn ask(&mut self, may_call: bool) -> Result<Reply, Stop> {
        let mut waits = Waits::default();
        let mut shrinks = 0;
        self.make_room()?;
        loop {
            let estimate = self.conversation.estimate();
            match self.request(may_call).await? {
                Ok(reply) => {
                    self.spend(reply.tokens)?;
                    if let Some(tokens) = reply.tokens {
                        self.calibrate(estimate, tokens.input);
                    }
                    return Ok(reply);
                }
                Err(trouble) => {
                    if trouble.begun {
                        self.spend(trouble.tokens)?;
                    }
                    match trouble.again {
                        Again::No => return Err(failure(&trouble)),
                        Again::Shorter if shrinks < SHRINKS && self.shrink()? => shrinks += 1,
                        Again::Shorter => return Err(failure(&trouble)),
                        Again::Later(asked) => self.wait(&mut waits, asked, &trouble).await?,
                    }
                }
            }
        }
    }

    async fn request(&mut self, may_call: bool) -> Result<Result<Reply, Trouble>, Stop> {
        let body = body(
            self.brief.api,
            &Ask {
                model: &self.brief.model,
                conversation: &self.conversation,
                tools: self.toolbox.specs(),
                may_call,
                session: &self.brief.session,
            },
        );
        let printer = &mut self.printer;
        let mut heard = || printer.pulse("model");
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => Err(Stop::Cancelled),
            answered = self.client.ask(&body, self.now, &mut heard) => Ok(answered),
        }
    }

    /// Waits before the next try, or gives up.
    async fn wait(
        &mut self,
        waits: &mut Waits,
        asked: Option<Duration>,
        trouble: &Trouble,
    ) -> Result<(), Stop> {
        waits.tries += 1;
        let first = match trouble.class {
            FailureClass::Throttled { .. } => self.pace.throttled,
            _ => self.pace.broken,
        };
        let usual = first * 2_u32.saturating_pow(waits.tries - 1);
        let wait = asked.unwrap_or(usual);
        if waits.tries >= TRIES || wait > LONGEST_WAIT || waits.waited + wait > PATIENCE {
            return Err(failure(trouble));
        }
        waits.waited += wait;
        self.printer.print(&Line::Retrying {
            attempt: waits.tries,
            wait_ms: u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
            message: trouble.message.clone(),
        })?;
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => Err(Stop::Cancelled),
            () = tokio::time::sleep(wait) => Ok(()),
        }
    }

    /// Shortens the conversation when it comes near what the model takes.
    fn make_room(&mut self) -> Result<(), Stop> {
        let room = self.in_estimates(self.budget);
        if self.conversation.estimate() <= room {
            return Ok(());
        }
        // Well below the limit, so that the provider's cache is not lost at every step.
        self.compact(room / 10 * 6).map(|_| ())
    }

    /// Shortens the conversation after the provider has said that it is too long. Says whether that was possible.
    fn shrink(&mut self) -> Result<bool, Stop> {
        let before = self.conversation.estimate();
        let wanted = before / 10 * 6;
        let after = self.compact(wanted)?;
        if after > wanted {
            for most in [8000, 4000, 2000, 1000] {
                if self.conversation.estimate() > wanted {
                    let _nothing_so_long = cut_outputs(&mut self.conversation, most);
                }
            }
        }
        Ok(self.conversation.estimate() < before)
    }

    fn compact(&mut self, wanted: u64) -> Result<u64, Stop> {
        let done = compact(&mut self.conversation, wanted);
        let (before, after) = (done.before, done.after);
        let (shortened, dropped) = (done.shortened, done.dropped);
        if shortened + dropped > 0 {
            self.printer.print(&Line::Compacted { before, after, shortened, dropped })?;
        }
        Ok(after)
    }
}

/// The failure of the turn that a trouble amounts to.
fn failure(trouble: &Trouble) -> Stop {
    Stop::Failed(Failure::new(trouble.class, classification::one_line(&trouble.message)))
}
