//! Running the agent and following what it says. Done in a keeper, which knows nothing but its assignment.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use secrecy::SecretString;
use tokio::sync::{oneshot, watch};
use tokio_util::sync::CancellationToken;

use crate::agents::{self, AgentEvent, Opening, Steering, Transcript};
use crate::domain::agent::{AgentKind, TurnReport};
use crate::pipeline::stuck::ToolLoop;
use crate::process::agent_process::{self, Limits, MAX_LINE, Signal, Spawn, StopPlan};
use crate::process::conversation::{Flow, Line, Listener, Stream};
use crate::process::marker::Marker;
use crate::process::redact::Redactor;
use crate::process::speech::{Speech, Stdin, Voice};
use crate::runtime::clock::Clock;
use crate::runtime::keeper::place::JOURNAL;
use crate::runtime::keeper::wire::{Ask, Assignment, Reception, Told};

use super::judging::{Evidence, judge, not_run};

/// Time an agent has to end in good order after it was asked to.
const GRACE: Duration = Duration::from_secs(5);

/// Most bytes of a turn's transcript kept on disk.
const MAX_TRANSCRIPT: u64 = 256 * 1024 * 1024;

/// Most instructions in one turn. Each is remembered until its end.
const MOST_INSTRUCTIONS: usize = 1000;

/// Runs the agent and judges its turn. `following` hears everything it says; `speech` carries what is said to it.
pub(in crate::runtime) async fn drive(
    assignment: Assignment,
    mut following: Following,
    speech: Speech,
    cancel: &CancellationToken,
    clock: &dyn Clock,
) -> TurnReport {
    let answer_file = assignment.answer_file.clone();
    let (spawn, redactor) = spawn(assignment);
    // Who runs is on record already: its keeper is.
    let nothing_to_note =
        Box::new(|_| -> std::pin::Pin<Box<dyn Future<Output = ()> + Send>> { Box::pin(async {}) });
    let finished = agent_process::run(spawn, cancel, nothing_to_note, speech, &mut following).await;
    let (transcript, stuck) = following.conclude();
    match (finished, transcript) {
        (Ok(finished), Some(transcript)) => {
            let evidence = Evidence { finished, stuck, now: clock.now() };
            judge(answer_file.as_deref(), &redactor, transcript, evidence)
        }
        (Err(error), _) => not_run(&error),
        // It is taken once, here.
        (Ok(_), None) => not_run(&crate::process::ProcessError::Cancelled),
    }
}

fn spawn(assignment: Assignment) -> (Spawn, Redactor) {
    let secrets = assignment.secrets.into_iter().map(SecretString::from).collect();
    let redactor = Redactor::new(secrets);
    let spawn = Spawn {
        program: assignment.program,
        args: assignment.args,
        cwd: assignment.cwd,
        env: assignment.env,
        stdin: match assignment.told {
            Told::Nothing => Stdin::Null,
            Told::Closed(text) => Stdin::Closed(text),
            Told::Open(text) => Stdin::Open(text),
        },
        confinement: assignment.confinement,
        marker: Marker::carried(&assignment.marker),
        limits: Limits {
            total: Duration::from_millis(assignment.total_ms),
            silence: Duration::from_millis(assignment.silence_ms),
            max_line: MAX_LINE,
            max_output: MAX_TRANSCRIPT,
        },
        stop: StopPlan {
            graceful: match assignment.graceful {
                Ask::Terminate => Signal::Terminate,
                Ask::Interrupt => Signal::Interrupt,
                Ask::Kill => Signal::Kill,
            },
            grace: GRACE,
        },
        journal: assignment.scratch.join(JOURNAL),
        redactor: redactor.clone(),
    };
    (spawn, redactor)
}

/// Follows an agent's events while it runs, and knows how to speak to it. Cheap to clone: all clones follow the same turn.
#[derive(Clone)]
pub(in crate::runtime) struct Following {
    turn: Arc<Mutex<Turn>>,
}

struct Turn {
    /// Taken when the turn is judged.
    transcript: Option<Box<dyn Transcript>>,
    voice: Voice,
    tools: ToolLoop,
    stuck: Option<String>,
    finished: bool,
    /// It has said something, so it listens.
    up: bool,
    over: bool,
    /// Instructions that came before it was up.
    early: Vec<(String, oneshot::Sender<Given>)>,
    receptions: BTreeMap<String, watch::Receiver<Option<Reception>>>,
    /// Changes with every line of the journal.
    lines: watch::Sender<u64>,
}

/// What became of an instruction, or what will tell.
enum Given {
    Known(Reception),
    Said(oneshot::Receiver<()>),
}

impl Following {
    /// Follows a turn of an agent of this kind, which hears `voice`.
    pub(in crate::runtime) fn new(kind: AgentKind, opening: Option<Opening>, voice: Voice) -> Self {
        let adapter = agents::adapter(kind);
        let transcript = match opening {
            Some(opening) => adapter.conversation(opening),
            None => adapter.transcript(),
        };
        let turn = Turn {
            transcript: Some(transcript),
            voice,
            tools: ToolLoop::default(),
            stuck: None,
            finished: false,
            up: false,
            over: false,
            early: Vec::new(),
            receptions: BTreeMap::new(),
            lines: watch::Sender::new(0),
        };
        Self { turn: Arc::new(Mutex::new(turn)) }
    }

    /// Changes when there is something new in the journal.
    pub(in crate::runtime) fn journal(&self) -> watch::Receiver<u64> {
        self.lock().lines.subscribe()
    }

    /// Gives the agent an instruction and says what became of it. Before the agent is up it waits for that; the same `id`
    /// again is the same instruction.
    pub(in crate::runtime) async fn steer(&self, id: &str, text: &str) -> Reception {
        let (tell, mut known) = watch::channel(None);
        let given = {
            let mut turn = self.lock();
            if turn.receptions.len() >= MOST_INSTRUCTIONS {
                let reason = format!("a turn takes {MOST_INSTRUCTIONS} instructions at most");
                return Reception::NotDelivered { reason };
            }
            match turn.receptions.get(id).cloned() {
                Some(earlier) => {
                    known = earlier;
                    None
                }
                None => {
                    turn.receptions.insert(id.to_owned(), known.clone());
                    Some(turn.instruct(text))
                }
            }
        };
        if let Some(given) = given {
            tell.send_replace(Some(settled(given).await));
        }
        let reception = known.wait_for(Option::is_some).await.ok().and_then(|found| found.clone());
        reception.unwrap_or_else(too_late)
    }

    /// The turn is over: nobody can be told anything any more.
    pub(in crate::runtime) fn close(&self) {
        let mut turn = self.lock();
        turn.over = true;
        turn.early.clear();
    }

    fn conclude(&self) -> (Option<Box<dyn Transcript>>, Option<String>) {
        let mut turn = self.lock();
        (turn.transcript.take(), turn.stuck.take())
    }

    fn lock(&self) -> MutexGuard<'_, Turn> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits until it is known what became of an instruction.
async fn settled(given: oneshot::Receiver<Given>) -> Reception {
    match given.await {
        Ok(Given::Known(reception)) => reception,
        Ok(Given::Said(written)) => match written.await {
            Ok(()) => Reception::Injected {},
            Err(_) => too_late(),
        },
        Err(_) => too_late(),
    }
}

fn too_late() -> Reception {
    Reception::NotDelivered { reason: "the turn is over".to_owned() }
}

impl Listener for Following {
    fn line(&mut self, line: Line) -> Flow {
        if line.stream != Stream::Stdout {
            return Flow::Continue;
        }
        self.lock().line(&line.text)
    }

    fn interrupt(&mut self) -> Option<String> {
        self.lock().transcript.as_mut()?.interrupt()
    }
}

impl Turn {
    fn line(&mut self, line: &str) -> Flow {
        self.lines.send_modify(|count| *count += 1);
        let Some(transcript) = &mut self.transcript else { return Flow::Continue };
        let events = transcript.line(line);
        let mut progress = events.is_empty();
        for event in events {
            progress |= event.is_progress();
            self.note(event);
        }
        if !self.up {
            self.up = true;
            for (text, tell) in std::mem::take(&mut self.early) {
                let _nobody_waits = tell.send(self.give(&text));
            }
        }
        if self.stuck.is_some() {
            Flow::Stop
        } else if self.finished {
            Flow::Finished
        } else if progress {
            Flow::Continue
        } else {
            Flow::NoProgress
        }
    }

    fn note(&mut self, event: AgentEvent) {
        match event {
            AgentEvent::ToolCall { name, fingerprint } => {
                if let Some(evidence) = self.tools.observe(&name, &fingerprint) {
                    let (tool, calls) = (evidence.tool, evidence.calls);
                    self.stuck =
                        Some(format!("{tool} with the same arguments {calls} times in a row"));
                }
            }
            AgentEvent::Reply(answer) => {
                if self.voice.say(answer).is_err() && !self.finished {
                    self.stuck = Some("it asks without reading the answers".to_owned());
                }
            }
            AgentEvent::Finished => self.finished = true,
            AgentEvent::Session { .. }
            | AgentEvent::Text(_)
            | AgentEvent::ToolFailed { .. }
            | AgentEvent::Usage(_)
            | AgentEvent::RateLimited { .. }
            | AgentEvent::Retrying { .. }
            | AgentEvent::Other => {}
        }
    }

    /// Gives an instruction now, or as soon as the agent is up.
    fn instruct(&mut self, text: &str) -> oneshot::Receiver<Given> {
        let (tell, told) = oneshot::channel();
        if self.over || self.finished {
            let _heard = tell.send(Given::Known(too_late()));
        } else if self.up {
            let _heard = tell.send(self.give(text));
        } else {
            self.early.push((text.to_owned(), tell));
        }
        told
    }

    fn give(&mut self, text: &str) -> Given {
        let Some(transcript) = &mut self.transcript else { return Given::Known(too_late()) };
        match transcript.steer(text) {
            Steering::Send(line) => match self.voice.say(line) {
                Ok(written) => Given::Said(written),
                Err(deaf) => Given::Known(Reception::NotDelivered { reason: deaf.to_string() }),
            },
            Steering::NextTurn => Given::Known(Reception::NextTurn {}),
            Steering::Unsupported { reason } => Given::Known(Reception::NotDelivered { reason }),
        }
    }
}

#[cfg(test)]
mod tests;
