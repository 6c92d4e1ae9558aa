//! The agent itself: asks the model, carries out what it calls, until it is done.
//!
//! Runs in a process of its own, below the daemon, and is, with its tools and its client, the one place in this module
//! that reads, writes, spawns and waits. It keeps nothing: the turn is in its output lines, the work in the worktree.

use std::io::{self, Write};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::agents::classification;
use crate::domain::agent::Stage;
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::time::Timestamp;

use super::accounting::Account;
use super::conversation::{Call, CallResult, Conversation, Step};
use super::protocol::{Line, VERSION};
use super::settings::Brief;
use super::tools::{Effect, Toolbox, bounded};
use super::wire::client::Client;
use super::wire::{Incomplete, Reply, Tokens};

mod asking;
mod printer;
pub mod task;
mod words;
pub mod world;

#[cfg(test)]
mod tests;

use printer::Printer;
use world::{Pace, World};

/// Exit code of a turn that ended as it should.
pub const DONE: u8 = 0;
/// Exit code of a turn that failed; the last line says how.
pub const FAILED: u8 = 1;
/// Exit code when nobody reads the output (`EX_IOERR`).
pub const UNREAD: u8 = 74;
/// Exit code when the agent was asked to end (as by SIGTERM).
pub const ENDED: u8 = 143;

/// Calls carried out of one answer.
const MOST_CALLS: usize = 32;
/// Times that the model is told that its answer was empty or cut off.
const REMINDERS: u32 = 2;
/// Bytes of a tool's output that are repeated in the agent's own lines.
const SHOWN: usize = 2000;

/// Ends a turn that cannot begin; returns the exit code.
pub fn refuse(failure: Failure, out: &mut (dyn Write + Send)) -> u8 {
    let line = Line::End { text: String::new(), failure: Some(failure) };
    Printer::new(out).print(&line).map_or(UNREAD, |()| FAILED)
}

/// Does one turn; returns the exit code.
pub async fn run(
    brief: &Brief,
    prompt: String,
    world: World<'_>,
    out: &mut (dyn Write + Send),
) -> u8 {
    let mut session = match Session::begin(brief, prompt, world, out) {
        Ok(session) => session,
        Err((failure, out)) => return refuse(failure, out),
    };
    let ended = session.work().await;
    let (code, line) = match ended {
        Ok(text) => (DONE, Line::End { text, failure: None }),
        Err(Stop::Failed(failure)) => {
            (FAILED, Line::End { text: session.last_text.clone(), failure: Some(failure) })
        }
        Err(Stop::Cancelled) => {
            let failure = Failure::new(FailureClass::Cancelled, "asked to end");
            (ENDED, Line::End { text: session.last_text.clone(), failure: Some(failure) })
        }
        Err(Stop::Unread(_)) => return UNREAD,
    };
    session.printer.print(&line).map_or(UNREAD, |()| code)
}

/// Why the turn ends early.
enum Stop {
    /// It failed.
    Failed(Failure),
    /// It was asked to end.
    Cancelled,
    /// Nobody reads its output.
    Unread(#[expect(dead_code, reason = "nobody is left to be told")] io::Error),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Unread(error)
    }
}

/// A turn under way.
struct Session<'a> {
    brief: &'a Brief,
    client: Client,
    toolbox: Toolbox,
    conversation: Conversation,
    account: Account,
    printer: Printer<'a>,
    instructions: Option<mpsc::Receiver<String>>,
    now: &'a (dyn Fn() -> Timestamp + Sync),
    cancel: CancellationToken,
    pace: Pace,
    /// Tokens of input that the model takes.
    budget: u64,
    /// Real tokens per thousand estimated ones, as last seen.
    per_mille: u64,
    edited: bool,
    ran_commands: bool,
    last_text: String,
}

impl<'a> Session<'a> {
    fn begin(
        brief: &'a Brief,
        prompt: String,
        world: World<'a>,
        out: &'a mut (dyn Write + Send),
    ) -> Result<Self, (Failure, &'a mut (dyn Write + Send))> {
        // A quarter for the answer, as far as answers go.
        let reserve = (brief.context_window / 4).min(16_384);
        let budget = brief.context_window.saturating_sub(reserve).max(1024);
        // An output takes a sixth of the room at most, at three bytes a token.
        let most = usize::try_from(budget / 2).unwrap_or(usize::MAX).clamp(2000, 32_000);
        let idle = Duration::from_millis(brief.idle_timeout_ms);
        let client = match Client::new(&brief.base_url, brief.api, world.key, idle) {
            Ok(client) => client,
            Err(trouble) => return Err((Failure::new(trouble.class, trouble.message), out)),
        };
        let toolbox = Toolbox::new(
            &world.workspace,
            world.environment,
            brief.read_only,
            most,
            world.cancel.clone(),
        );
        let toolbox = match toolbox {
            Ok(toolbox) => toolbox,
            Err(error) => {
                return Err((Failure::infrastructure(format!("no worktree: {error}")), out));
            }
        };
        let workspace = world.workspace.display().to_string();
        let instructions = words::instructions(brief.read_only, &workspace);
        Ok(Self {
            brief,
            client,
            toolbox,
            conversation: Conversation::new(instructions, prompt),
            account: Account::new(brief.price),
            printer: Printer::new(out),
            instructions: world.instructions,
            now: world.now,
            cancel: world.cancel,
            pace: world.pace,
            budget,
            per_mille: 1000,
            edited: false,
            ran_commands: false,
            last_text: String::new(),
        })
    }

    /// Works until the model is done; returns its final answer.
    async fn work(&mut self) -> Result<String, Stop> {
        let (id, model) = (self.brief.session.clone(), self.brief.model.clone());
        self.printer.print(&Line::Session { version: VERSION, id, model })?;
        let mut nudges = Nudges::default();
        for _ in 0..self.brief.max_turns {
            self.listen()?;
            let reply = self.ask(true).await?;
            let incomplete = reply.incomplete;
            let text = self.hear(reply)?;
            let calls = self.conversation.steps.last().map_or(0, |step| step.calls().count());
            if calls > 0 {
                self.carry_out().await?;
                continue;
            }
            match self.judge(&text, incomplete, &mut nudges).await {
                // Whoever said something in the meantime must be heard.
                Judgement::Done if self.listen()? => {}
                Judgement::Done => return Ok(text),
                Judgement::Failed(failure) => return Err(Stop::Failed(failure)),
                Judgement::Remind(why, words) => self.remind(why, words)?,
            }
        }
        self.remind("final", &words::last_answer(self.brief.max_turns))?;
        let reply = self.ask(false).await?;
        let text = self.hear(reply)?;
        if text.trim().is_empty() {
            let turns = self.brief.max_turns;
            return Err(agent_failure(&format!("no answer within {turns} steps")));
        }
        Ok(text)
    }

    /// Takes an answer into the conversation; returns its words.
    fn hear(&mut self, reply: Reply) -> Result<String, Stop> {
        let step = Step { said: reply.said, ..Step::default() };
        let text = step.text();
        if !text.trim().is_empty() {
            self.last_text.clone_from(&text);
            self.printer.print(&Line::Text { text: text.clone() })?;
        }
        self.conversation.steps.push(step);
        Ok(text)
    }

    /// What to make of an answer without a call.
    async fn judge(
        &self,
        text: &str,
        incomplete: Option<Incomplete>,
        nudges: &mut Nudges,
    ) -> Judgement {
        match incomplete {
            Some(Incomplete::Filtered) => {
                let message = "the provider's filter ended the answer";
                return Judgement::Failed(Failure::new(FailureClass::Agent, message));
            }
            Some(Incomplete::CutOff) if nudges.cut_off < REMINDERS => {
                nudges.cut_off += 1;
                return Judgement::Remind("cut_off", words::CUT_OFF);
            }
            Some(Incomplete::CutOff) | None => {}
        }
        if text.trim().is_empty() {
            if nudges.empty < REMINDERS {
                nudges.empty += 1;
                return Judgement::Remind("empty", words::EMPTY);
            }
            return Judgement::Failed(Failure::new(FailureClass::Agent, "an empty answer"));
        }
        let must_edit = self.brief.stage == Stage::Coder && !self.brief.read_only;
        if must_edit && !nudges.no_edit && !words::states_reason(text) && !self.has_edited().await {
            nudges.no_edit = true;
            return Judgement::Remind("no_edit", words::NO_EDIT);
        }
        Judgement::Done
    }

    async fn has_edited(&self) -> bool {
        // Where git cannot tell, the model gets the benefit of the doubt.
        self.edited || self.ran_commands && self.toolbox.is_changed().await.unwrap_or(true)
    }

    /// Says something to the model after its last answer.
    fn remind(&mut self, why: &str, words: &str) -> Result<(), Stop> {
        self.printer.print(&Line::Nudge { why: why.to_owned() })?;
        self.conversation.add(words);
        Ok(())
    }

    /// Passes on what people have said since the last time; says whether there was anything.
    fn listen(&mut self) -> Result<bool, Stop> {
        let mut heard = false;
        while let Some(text) = self.instructions.as_mut().and_then(|said| said.try_recv().ok()) {
            self.conversation.add(&words::instruction(&text));
            self.printer.print(&Line::Instructed { text })?;
            heard = true;
        }
        Ok(heard)
    }

    /// Carries out the calls of the last answer, one after the other.
    async fn carry_out(&mut self) -> Result<(), Stop> {
        let calls: Vec<Call> = self
            .conversation
            .steps
            .last()
            .map_or(Vec::new(), |step| step.calls().cloned().collect());
        for (index, call) in calls.iter().enumerate() {
            if self.cancel.is_cancelled() {
                return Err(Stop::Cancelled);
            }
            let output = if index < MOST_CALLS {
                self.carry_out_one(call).await?
            } else {
                words::too_many_calls(MOST_CALLS)
            };
            let result = CallResult {
                id: call.id.clone(),
                output,
                free_form: call.free_form,
                shortened: false,
            };
            if let Some(step) = self.conversation.steps.last_mut() {
                step.results.push(result);
            }
        }
        if self.cancel.is_cancelled() { Err(Stop::Cancelled) } else { Ok(()) }
    }

    async fn carry_out_one(&mut self, call: &Call) -> Result<String, Stop> {
        let arguments = serde_json::from_str::<Value>(&call.arguments);
        let arguments = arguments.unwrap_or_else(|_| Value::from(call.arguments.as_str()));
        let (id, tool) = (call.id.clone(), call.name.clone());
        self.printer.print(&Line::Call { id: id.clone(), tool: tool.clone(), arguments })?;
        let outcome = self.printer.beside(&tool, self.toolbox.call(call)).await;
        match outcome.effect {
            Effect::Edited => self.edited = true,
            Effect::Unknown => self.ran_commands = true,
            Effect::None => {}
        }
        let bytes = outcome.output.len() as u64;
        let output = bounded(outcome.output.clone(), SHOWN);
        self.printer.print(&Line::Result { id, tool, failed: outcome.failed, bytes, output })?;
        Ok(outcome.output)
    }

    fn spend(&mut self, tokens: Option<Tokens>) -> Result<(), Stop> {
        let usage = self.account.add(tokens);
        Ok(self.printer.print(&Line::Usage { usage })?)
    }

    /// Learns from what the provider counted how far the estimate is off.
    fn calibrate(&mut self, estimate: u64, real: u64) {
        if estimate > 0 && real > 0 {
            self.per_mille = (real.saturating_mul(1000) / estimate).clamp(600, 3000);
        }
    }

    /// Real tokens as estimated ones.
    fn in_estimates(&self, tokens: u64) -> u64 {
        tokens.saturating_mul(1000) / self.per_mille
    }
}

/// Reminders given so far.
#[derive(Default)]
struct Nudges {
    empty: u32,
    cut_off: u32,
    no_edit: bool,
}

/// What becomes of an answer without a call.
enum Judgement {
    Done,
    Failed(Failure),
    Remind(&'static str, &'static str),
}

fn agent_failure(message: &str) -> Stop {
    Stop::Failed(Failure::new(FailureClass::Agent, classification::one_line(message)))
}
