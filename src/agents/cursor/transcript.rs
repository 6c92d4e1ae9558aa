//! The stream-JSON of one `cursor-agent` process.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::domain::agent::TurnEnding;
use crate::domain::budget::Usage;
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::time::Timestamp;

use super::super::{AgentEvent, ProcessEnd, Transcript, TurnSummary, classification, fingerprint};

/// What the lines so far have told.
#[derive(Default)]
pub(in crate::agents) struct CursorTranscript {
    session: Option<String>,
    model: Option<String>,
    last_text: Option<String>,
    calls: BTreeSet<String>,
    usage: Usage,
    result: Option<Value>,
}

impl Transcript for CursorTranscript {
    fn line(&mut self, line: &str) -> Vec<AgentEvent> {
        let Ok(event) = serde_json::from_str::<Value>(line) else {
            return vec![AgentEvent::Other];
        };
        let events = match (event["type"].as_str(), event["subtype"].as_str()) {
            (Some("system"), Some("init")) => self.init(&event).into_iter().collect(),
            (Some("assistant"), _) => self.said(&event).into_iter().collect(),
            (Some("tool_call"), Some(moment)) => self.tool(&event, moment),
            (Some("result"), _) => self.result(event),
            _ => Vec::new(),
        };
        if events.is_empty() { vec![AgentEvent::Other] } else { events }
    }

    fn finish(self: Box<Self>, end: ProcessEnd<'_>) -> TurnSummary {
        let mut usage = self.usage;
        usage.unpriced_calls = 1;
        let judged = match &self.result {
            Some(result) if result["is_error"] == false => TurnEnding::Completed,
            Some(result) => TurnEnding::Failed { failure: failure(result, end.now) },
            None => TurnEnding::Failed { failure: classification::broke_off(&end) },
        };
        let result = self.result.as_ref().and_then(|result| result["result"].as_str());
        let text = result.map(str::to_owned).or(self.last_text).unwrap_or_default();
        TurnSummary {
            ending: end.stopped.unwrap_or(judged),
            text: classification::bounded_text(text),
            usage,
            session: self.session,
            model: self.model,
            tool_calls: u32::try_from(self.calls.len()).unwrap_or(u32::MAX),
        }
    }
}

impl CursorTranscript {
    fn init(&mut self, event: &Value) -> Option<AgentEvent> {
        let id = event["session_id"].as_str()?.to_owned();
        self.session = Some(id.clone());
        self.model = event["model"].as_str().map(str::to_owned);
        Some(AgentEvent::Session { id, model: self.model.clone() })
    }

    fn said(&mut self, event: &Value) -> Option<AgentEvent> {
        let blocks = event["message"]["content"].as_array().into_iter().flatten();
        let text: String = blocks.filter_map(|block| block["text"].as_str()).collect();
        self.last_text =
            Some(text.clone()).filter(|text| !text.is_empty()).or(self.last_text.take());
        (!text.is_empty()).then_some(AgentEvent::Text(text))
    }

    /// Beside the call there is more in `tool_call`; only the call has a name that says what it is.
    fn tool(&mut self, event: &Value, moment: &str) -> Vec<AgentEvent> {
        let found = event["tool_call"].as_object().into_iter().flatten();
        let mut found = found.filter_map(|(key, call)| Some((key.strip_suffix("ToolCall")?, call)));
        let Some((name, call)) = found.next() else { return Vec::new() };
        let name = name.to_owned();
        let mut events = Vec::new();
        if self.calls.insert(event["call_id"].as_str().unwrap_or_default().to_owned()) {
            let fingerprint = fingerprint::of_call(&name, &call["args"]);
            events.push(AgentEvent::ToolCall { name: name.clone(), fingerprint });
        }
        if moment == "completed"
            && let Some(message) = complaint(&call["result"])
        {
            events.push(AgentEvent::ToolFailed { name, message });
        }
        events
    }

    fn result(&mut self, event: Value) -> Vec<AgentEvent> {
        if self.session.is_none() {
            self.session = event["session_id"].as_str().map(str::to_owned);
        }
        let mut events = Vec::new();
        let used = tokens(&event["usage"]);
        if self.result.is_none() && used != Usage::default() {
            self.usage = used;
            events.push(AgentEvent::Usage(used));
        }
        if event["is_error"] != false {
            let class = class(&event, None);
            if classification::is_rate_limit(class) {
                events.push(AgentEvent::RateLimited { class });
            }
        }
        self.result = Some(event);
        events.push(AgentEvent::Finished);
        events
    }
}

/// What a call's result complains of: anything but `success`, or a command that failed.
fn complaint(result: &Value) -> Option<String> {
    let (kind, body) = result.as_object()?.iter().next()?;
    if kind == "success" {
        let code = body["exitCode"].as_i64().filter(|code| *code != 0)?;
        let said = body["stderr"].as_str().unwrap_or_default();
        return Some(classification::one_line(&format!("exit code {code}: {said}")));
    }
    let said = ["errorMessage", "message", "error", "reason"]
        .into_iter()
        .find_map(|key| body[key].as_str())
        .map_or_else(|| body.to_string(), str::to_owned);
    Some(classification::one_line(&format!("{kind}: {said}")))
}

fn tokens(usage: &Value) -> Usage {
    let count = |name: &str| usage[name].as_u64().unwrap_or(0);
    Usage {
        input_tokens: count("inputTokens"),
        output_tokens: count("outputTokens"),
        cache_read_tokens: count("cacheReadTokens"),
        cache_write_tokens: count("cacheWriteTokens"),
        ..Usage::default()
    }
}

fn said(result: &Value) -> &str {
    let text = result["result"].as_str().or_else(|| result["error"].as_str());
    text.or_else(|| result["subtype"].as_str()).unwrap_or("failed without a reason")
}

fn class(result: &Value, now: Option<Timestamp>) -> FailureClass {
    classification::of_message(said(result), now).unwrap_or(FailureClass::Infrastructure)
}

fn failure(result: &Value, now: Timestamp) -> Failure {
    classification::failure(class(result, Some(now)), said(result))
}
