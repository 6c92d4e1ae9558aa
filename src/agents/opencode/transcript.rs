//! The JSON lines of one `opencode run` process.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;

use crate::domain::agent::TurnEnding;
use crate::domain::budget::Usage;
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::time::Timestamp;

use super::super::{
    AgentEvent, ProcessEnd, Transcript, TurnSummary, classification, fingerprint, money,
};

/// What the lines so far have told.
#[derive(Default)]
pub(in crate::agents) struct OpencodeTranscript {
    session: Option<String>,
    /// What the model said in the last step in which it said anything.
    text: String,
    /// Of the present step.
    step: Step,
    calls: BTreeSet<String>,
    usage: Usage,
    /// How the last finished step ended.
    reason: Option<String>,
    error: Option<Value>,
}

#[derive(Default)]
struct Step {
    said: bool,
    called: bool,
}

impl Transcript for OpencodeTranscript {
    fn line(&mut self, line: &str) -> Vec<AgentEvent> {
        let Ok(event) = serde_json::from_str::<Value>(line) else {
            return vec![AgentEvent::Other];
        };
        let mut events = self.session(&event["sessionID"]);
        match event["type"].as_str() {
            Some("step_start") => events.extend(self.step_begins()),
            Some("text") => events.extend(self.said(&event["part"]["text"])),
            Some("tool_use") => events.extend(self.tool(&event["part"])),
            Some("step_finish") => events.extend(self.step_ends(&event["part"])),
            Some("error") => events.extend(self.failed(&event["error"])),
            Some(_) | None => {}
        }
        if events.is_empty() { vec![AgentEvent::Other] } else { events }
    }

    fn finish(self: Box<Self>, end: ProcessEnd<'_>) -> TurnSummary {
        let mut usage = self.usage;
        if usage.cost_micro_usd == 0 {
            usage.unpriced_calls = 1;
        }
        let judged = match self.failure(&end) {
            None => TurnEnding::Completed,
            Some(failure) => TurnEnding::Failed { failure },
        };
        TurnSummary {
            ending: end.stopped.unwrap_or(judged),
            text: classification::bounded_text(self.text),
            usage,
            session: self.session,
            model: None,
            tool_calls: u32::try_from(self.calls.len()).unwrap_or(u32::MAX),
        }
    }
}

impl OpencodeTranscript {
    fn session(&mut self, id: &Value) -> Vec<AgentEvent> {
        match id.as_str() {
            Some(id) if self.session.is_none() => {
                self.session = Some(id.to_owned());
                vec![AgentEvent::Session { id: id.to_owned(), model: None }]
            }
            Some(_) | None => Vec::new(),
        }
    }

    /// After an answer that it did not understand it asks again at once, and for ever.
    fn step_begins(&mut self) -> Option<AgentEvent> {
        self.step = Step::default();
        (self.reason.as_deref() == Some("unknown")).then(misunderstood)
    }

    fn said(&mut self, text: &Value) -> Option<AgentEvent> {
        let text = text.as_str()?.to_owned();
        if self.step.said {
            self.text.push('\n');
        } else {
            self.text.clear();
        }
        self.step.said = true;
        self.text.push_str(&text);
        Some(AgentEvent::Text(text))
    }

    /// Calls are reported when they are over.
    fn tool(&mut self, part: &Value) -> Vec<AgentEvent> {
        let Some(name) = part["tool"].as_str().map(str::to_owned) else { return Vec::new() };
        if !self.calls.insert(part["callID"].as_str().unwrap_or_default().to_owned()) {
            return Vec::new();
        }
        self.step.called = true;
        let state = &part["state"];
        let fingerprint = fingerprint::of_call(&name, &state["input"]);
        let mut events = vec![AgentEvent::ToolCall { name: name.clone(), fingerprint }];
        let complaint = match (state["error"].as_str(), name.as_str()) {
            (Some(error), _) => Some(error),
            (None, "invalid") => state["output"].as_str(),
            (None, _) => None,
        };
        if let Some(complaint) = complaint {
            let message = classification::one_line(complaint);
            events.push(AgentEvent::ToolFailed { name, message });
        }
        events
    }

    fn step_ends(&mut self, part: &Value) -> Vec<AgentEvent> {
        let used = used(part);
        self.usage += used;
        let mut events = Vec::new();
        if used != Usage::default() {
            events.push(AgentEvent::Usage(used));
        }
        let reason = part["reason"].as_str().unwrap_or("unknown").to_owned();
        // With a call in it the loop goes on, whatever the provider says.
        if reason == "stop" && !self.step.called {
            events.push(AgentEvent::Finished);
        }
        if reason == "unknown" && !self.step.called && !self.step.said {
            events.push(misunderstood());
        }
        self.reason = Some(reason);
        events
    }

    fn failed(&mut self, error: &Value) -> Option<AgentEvent> {
        self.error = Some(error.clone());
        let class = class(error, None);
        classification::is_rate_limit(class).then_some(AgentEvent::RateLimited { class })
    }

    fn failure(&self, end: &ProcessEnd<'_>) -> Option<Failure> {
        if let Some(error) = &self.error {
            return Some(classification::failure(class(error, Some(end.now)), &complaint(error)));
        }
        let agents = |message: &str| Some(classification::failure(FailureClass::Agent, message));
        match (self.reason.as_deref(), end.exit.code, end.exit.signal) {
            (Some("stop"), Some(0), None) | (Some("stop"), None, _) => None,
            (Some("length"), ..) => agents("the answer was cut off at its greatest length"),
            (Some("content-filter"), ..) => agents("the provider filtered the answer"),
            // It also exits without waiting until a long answer is written.
            (Some("tool-calls"), Some(0), None) => agents(
                "it stopped after a tool call: the call was refused, or it left before its answer was written",
            ),
            (Some("unknown"), ..) => Some(classification::failure(
                FailureClass::Infrastructure,
                "the provider's answers could not be understood",
            )),
            _ => Some(classification::broke_off(end)),
        }
    }
}

fn misunderstood() -> AgentEvent {
    AgentEvent::Retrying { message: "an answer that could not be understood".to_owned() }
}

fn used(part: &Value) -> Usage {
    let tokens = &part["tokens"];
    let count = |value: &Value| value.as_u64().unwrap_or(0);
    Usage {
        input_tokens: count(&tokens["input"]),
        output_tokens: count(&tokens["output"]) + count(&tokens["reasoning"]),
        cache_read_tokens: count(&tokens["cache"]["read"]),
        cache_write_tokens: count(&tokens["cache"]["write"]),
        cost_micro_usd: money::micro_dollars(part["cost"].as_f64().unwrap_or(0.0)),
        unpriced_calls: 0,
    }
}

fn class(error: &Value, now: Option<Timestamp>) -> FailureClass {
    let data = &error["data"];
    let said = format!(
        "{} {}",
        data["message"].as_str().unwrap_or_default(),
        data["responseBody"].as_str().unwrap_or_default()
    );
    match error["name"].as_str() {
        Some("ContextOverflowError") => return FailureClass::ContextOverflow,
        Some("ContentFilterError" | "MessageOutputLengthError") => return FailureClass::Agent,
        Some("ProviderAuthError") => return FailureClass::Authentication,
        Some("ProviderModelNotFoundError" | "ConfigInvalidError") => {
            return FailureClass::Configuration;
        }
        _ => {}
    }
    let status = data["statusCode"].as_u64().and_then(|code| u16::try_from(code).ok());
    let class = match status {
        Some(status) => classification::of_status(status, &said, now),
        None => classification::of_message(&said, now).unwrap_or(FailureClass::Infrastructure),
    };
    match class {
        FailureClass::Throttled { until: None } => {
            FailureClass::Throttled { until: retry_after(data, now) }
        }
        other => other,
    }
}

/// The provider's `retry-after` in seconds as an instant.
fn retry_after(data: &Value, now: Option<Timestamp>) -> Option<Timestamp> {
    let seconds = data["responseHeaders"]["retry-after"].as_str()?.parse().ok()?;
    Some(now?.after(Duration::from_secs(seconds)))
}

fn complaint(error: &Value) -> String {
    let name = error["name"].as_str().unwrap_or("error");
    let message = error["data"]["message"].as_str().unwrap_or("no reason given");
    match error["data"]["statusCode"].as_u64() {
        Some(status) => format!("{name} {status}: {message}"),
        None => format!("{name}: {message}"),
    }
}
