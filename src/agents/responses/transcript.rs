//! Reads what the responses agent prints.

use crate::domain::agent::TurnEnding;
use crate::domain::budget::Usage;
use crate::domain::failure::{Failure, FailureClass};

use super::super::{
    AgentEvent, ProcessEnd, Steering, Transcript, TurnSummary, classification, fingerprint,
};
use super::protocol::{Line, Told};

/// What the lines so far have told.
#[derive(Default)]
pub(super) struct ResponsesTranscript {
    session: Option<String>,
    model: Option<String>,
    usage: Usage,
    tool_calls: u32,
    last_text: Option<String>,
    end: Option<(String, Option<Failure>)>,
}

impl Transcript for ResponsesTranscript {
    fn line(&mut self, line: &str) -> Vec<AgentEvent> {
        let Ok(line) = serde_json::from_str(line) else { return vec![AgentEvent::Other] };
        match line {
            Line::Session { version: _, id, model } => {
                self.session = Some(id.clone());
                self.model = Some(model.clone());
                vec![AgentEvent::Session { id, model: Some(model) }]
            }
            Line::Text { text } => {
                self.last_text = Some(text.clone());
                vec![AgentEvent::Text(text)]
            }
            Line::Call { id: _, tool, arguments } => {
                self.tool_calls += 1;
                let fingerprint = fingerprint::of_call(&tool, &arguments);
                vec![AgentEvent::ToolCall { name: tool, fingerprint }]
            }
            Line::Result { tool, failed: true, output, .. } => {
                let message = classification::one_line(&output);
                vec![AgentEvent::ToolFailed { name: tool, message }]
            }
            Line::Usage { usage } => {
                self.usage += usage;
                vec![AgentEvent::Usage(usage)]
            }
            Line::Retrying { message, .. } => vec![AgentEvent::Retrying { message }],
            Line::End { text, failure } => {
                let class = failure.as_ref().map(|failure| failure.class);
                let limited = class.filter(|class| classification::is_rate_limit(*class));
                let limited = limited.map(|class| AgentEvent::RateLimited { class });
                self.end = Some((text, failure));
                limited.into_iter().chain([AgentEvent::Finished]).collect()
            }
            Line::Working { .. }
            | Line::Result { .. }
            | Line::Compacted { .. }
            | Line::Instructed { .. }
            | Line::Nudge { .. } => vec![AgentEvent::Other],
        }
    }

    fn steer(&mut self, text: &str) -> Steering {
        match serde_json::to_string(&Told::Instruction(text.to_owned())) {
            Ok(line) => Steering::Send(line),
            Err(error) => Steering::Unsupported { reason: error.to_string() },
        }
    }

    fn finish(self: Box<Self>, end: ProcessEnd<'_>) -> TurnSummary {
        let (text, judged) = match self.end {
            Some((text, None)) => (text, TurnEnding::Completed),
            Some((text, Some(failure))) => (text, TurnEnding::Failed { failure }),
            None => {
                let text = self.last_text.unwrap_or_default();
                (text, TurnEnding::Failed { failure: without_end(&end) })
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

/// It is our own program: that it did not come to an end is never the model's fault.
fn without_end(end: &ProcessEnd<'_>) -> Failure {
    let (class, how) = match (end.exit.code, end.exit.signal) {
        (_, Some(signal)) => (FailureClass::Infrastructure, format!("ended by signal {signal}")),
        // How the command line's parser ends.
        (Some(64), None) => (FailureClass::Configuration, "does not know its arguments".to_owned()),
        (Some(code), None) => {
            (FailureClass::Infrastructure, format!("exited with {code} and no result"))
        }
        (None, None) => (FailureClass::Configuration, "was not started".to_owned()),
    };
    let said = classification::last_line(end.stderr_tail).unwrap_or("nothing on standard error");
    classification::failure(class, &format!("the responses agent {how}: {said}"))
}
