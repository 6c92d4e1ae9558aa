//! Reads what the scripted agent prints.

use serde_json::Value;

use crate::domain::agent::TurnEnding;
use crate::domain::budget::Usage;
use crate::domain::failure::{Failure, FailureClass};

use super::super::{
    AgentEvent, ProcessEnd, Steering, Transcript, TurnSummary, classification, fingerprint,
};
use super::protocol::{Line, Told};

/// What the lines so far have told.
#[derive(Default)]
pub(super) struct ScriptedTranscript {
    session: Option<String>,
    model: Option<String>,
    usage: Usage,
    tool_calls: u32,
    last_text: Option<String>,
    result: Option<(String, Option<Failure>)>,
}

impl Transcript for ScriptedTranscript {
    fn line(&mut self, line: &str) -> Vec<AgentEvent> {
        let Ok(line) = serde_json::from_str(line) else { return vec![AgentEvent::Other] };
        match line {
            Line::Session { id, model } => {
                self.session = Some(id.clone());
                self.model.clone_from(&model);
                vec![AgentEvent::Session { id, model }]
            }
            Line::Text { text } => {
                self.last_text = Some(text.clone());
                vec![AgentEvent::Text(text)]
            }
            Line::Tool { name, arguments } => {
                self.tool_calls += 1;
                let fingerprint = fingerprint::of_call(&name, &Value::from(arguments));
                vec![AgentEvent::ToolCall { name, fingerprint }]
            }
            Line::ToolFailed { name, message } => {
                let message = classification::one_line(&message);
                vec![AgentEvent::ToolFailed { name, message }]
            }
            Line::Usage { usage } => {
                self.usage += usage;
                vec![AgentEvent::Usage(usage)]
            }
            Line::Retrying { message } => vec![AgentEvent::Retrying { message }],
            Line::Result { text, failure } => {
                let class = failure.as_ref().map(|failure| failure.class);
                let limited = class.filter(|class| classification::is_rate_limit(*class));
                let limited = limited.map(|class| AgentEvent::RateLimited { class });
                self.result = Some((text, failure));
                limited.into_iter().chain([AgentEvent::Finished]).collect()
            }
        }
    }

    fn steer(&mut self, text: &str) -> Steering {
        match serde_json::to_string(&Told::Instruction(text.to_owned())) {
            Ok(line) => Steering::Send(line),
            Err(error) => Steering::Unsupported { reason: error.to_string() },
        }
    }

    fn finish(self: Box<Self>, end: ProcessEnd<'_>) -> TurnSummary {
        let (text, judged) = match self.result {
            Some((text, None)) => (text, TurnEnding::Completed),
            Some((text, Some(failure))) => (text, TurnEnding::Failed { failure }),
            None => {
                let text = self.last_text.unwrap_or_default();
                (text, TurnEnding::Failed { failure: without_result(&end) })
            }
        };
        TurnSummary {
            ending: end.stopped.unwrap_or(judged),
            text: classification::bounded_text(text),
            usage: self.usage,
            session: self.session,
            model: self.model,
            tool_calls: self.tool_calls,
        }
    }
}

fn without_result(end: &ProcessEnd<'_>) -> Failure {
    let (class, how) = match (end.exit.code, end.exit.signal) {
        (_, Some(signal)) => (FailureClass::Infrastructure, format!("ended by signal {signal}")),
        (Some(code), None) if code != 0 => (FailureClass::Agent, format!("exited with {code}")),
        (Some(_), None) => (FailureClass::Infrastructure, "exited without a result".to_owned()),
        (None, None) => (FailureClass::Configuration, "was not started".to_owned()),
    };
    let said = classification::last_line(end.stderr_tail).unwrap_or("nothing on standard error");
    classification::failure(class, &format!("the scripted agent {how}: {said}"))
}
