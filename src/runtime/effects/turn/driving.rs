//! Running the agent and following what it says.

use std::path::PathBuf;
use std::pin::Pin;
use std::time::Duration;

use crate::agents::{self, AgentEvent, Transcript};
use crate::domain::agent::TurnReport;
use crate::pipeline::stuck::ToolLoop;
use crate::process::agent_process::{self, Limits, MAX_LINE, Spawn, StopPlan};
use crate::process::conversation::{Flow, Line, Listener, Stream};
use crate::process::identity::ProcessIdentity;
use crate::process::speech::{Voice, voice};
use crate::store::rows::ProcessRow;

use super::super::{Job, Ports};
use super::judging::{judge, not_run};
use super::{Ready, marker};

/// Time an agent has to end in good order after it was asked to.
const GRACE: Duration = Duration::from_secs(5);

/// Most bytes of a turn's transcript kept on disk.
const MAX_TRANSCRIPT: u64 = 256 * 1024 * 1024;

/// Runs the agent and judges its turn.
pub(super) async fn drive(ports: &Ports, job: &Job, ready: &Ready<'_>, turn: u32) -> TurnReport {
    let transcript = agents::adapter(ready.settings.kind).transcript();
    let (voice, speech) = voice();
    let mut watch = Watch::new(transcript, voice);
    let spawn = spawn(ports, ready);
    let run = ready.state.id;
    let store = &ports.store;
    let note = Box::new(
        move |identity: ProcessIdentity| -> Pin<Box<dyn Future<Output = ()> + Send>> {
            Box::pin(async move {
                let row =
                    ProcessRow { run, turn, pid: identity.pid, start_time: identity.start_time };
                if let Err(error) = store.record_process(row).await {
                    tracing::warn!(run.id = %run, %error, "an agent's process could not be put on record");
                }
            })
        },
    );
    let finished = agent_process::run(spawn, &job.cancel, note, speech, &mut watch).await;
    match finished {
        Ok(finished) => judge(ports, ready, watch, &finished),
        Err(error) => not_run(&error),
    }
}

fn spawn(ports: &Ports, ready: &Ready<'_>) -> Spawn {
    Spawn {
        program: ready.command.program.clone(),
        args: ready.command.args.clone(),
        cwd: PathBuf::from(&ready.workspace.path),
        env: ready.command.env.clone(),
        stdin: ready.command.stdin.clone(),
        marker: marker(ports, ready.state),
        limits: Limits {
            total: Duration::from_millis(ready.plan.timeout_ms),
            silence: Duration::from_millis(ready.plan.silence_ms),
            max_line: MAX_LINE,
            max_output: MAX_TRANSCRIPT,
        },
        stop: StopPlan { graceful: ready.command.graceful, grace: GRACE },
        journal: ready.scratch.join("transcript.jsonl"),
        redactor: ports.redactor.clone(),
    }
}

/// Follows the agent's events while it runs.
pub(super) struct Watch {
    pub(super) transcript: Box<dyn Transcript>,
    voice: Voice,
    tools: ToolLoop,
    pub(super) stuck: Option<String>,
    finished: bool,
}

impl Watch {
    fn new(transcript: Box<dyn Transcript>, voice: Voice) -> Self {
        Self { transcript, voice, tools: ToolLoop::default(), stuck: None, finished: false }
    }
}

impl Listener for Watch {
    fn interrupt(&mut self) -> Option<String> {
        self.transcript.interrupt()
    }

    fn line(&mut self, line: Line) -> Flow {
        if line.stream != Stream::Stdout {
            return Flow::Continue;
        }
        let events = self.transcript.line(&line.text);
        let mut progress = events.is_empty();
        for event in events {
            progress |= event.is_progress();
            match event {
                AgentEvent::ToolCall { name, fingerprint } => {
                    if let Some(evidence) = self.tools.observe(&name, &fingerprint) {
                        let (tool, calls) = (evidence.tool, evidence.calls);
                        self.stuck =
                            Some(format!("{tool} with the same arguments {calls} times in a row"));
                    }
                }
                AgentEvent::Reply(answer) => {
                    if self.voice.say(answer).is_err() {
                        self.stuck = Some("asks without reading the answers".to_owned());
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
}
