//! The stream-JSON of one Claude Code process.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::domain::agent::TurnEnding;
use crate::domain::budget::Usage;
use crate::domain::failure::FailureClass;
use crate::domain::time::Timestamp;

use super::super::{
    AgentEvent, Opening, ProcessEnd, Steering, Transcript, TurnSummary, classification,
    fingerprint, reset_time,
};
use super::result;

/// What the lines so far have told.
#[derive(Default)]
pub(in crate::agents) struct ClaudeTranscript {
    session: Option<String>,
    model: Option<String>,
    last_text: Option<String>,
    tools: BTreeMap<String, String>,
    tool_calls: u32,
    /// Per model call, the usage already reported: each of its content blocks repeats the same numbers.
    calls: BTreeMap<String, Usage>,
    reported: Usage,
    /// The provider's own word on the last failed model call (`rate_limit`, `server_error`, …).
    api_error: Option<String>,
    refused: bool,
    rejected_until: Option<Option<Timestamp>>,
    result: Option<Value>,
    seen: BTreeSet<String>,
    /// Its input is open, and whether it may only read.
    talks: Option<Policy>,
    /// What earlier turns of a conversation that goes on have used.
    before: Usage,
}

/// What it is answered when it asks whether it may use a tool.
#[derive(Clone, Copy)]
struct Policy {
    read_only: bool,
}

/// What somebody says to it, as a line.
pub(super) fn user_message(text: &str) -> String {
    let message = json!({ "role": "user", "content": text });
    format!("{}\n", json!({ "type": "user", "message": message, "parent_tool_use_id": null }))
}

impl Transcript for ClaudeTranscript {
    fn line(&mut self, line: &str) -> Vec<AgentEvent> {
        let Ok(event) = serde_json::from_str::<Value>(line) else {
            return vec![AgentEvent::Other];
        };
        let events = match event["type"].as_str() {
            Some("system") => self.system(&event),
            Some("assistant") => self.assistant(&event),
            Some("user") => self.tool_results(&event),
            Some("rate_limit_event") => self.rate_limit(&event["rate_limit_info"]),
            Some("result") => self.result(event),
            Some("control_request") => self.asked(&event).into_iter().collect(),
            Some(_) | None => Vec::new(),
        };
        if events.is_empty() { vec![AgentEvent::Other] } else { events }
    }

    fn steer(&mut self, text: &str) -> Steering {
        match (self.talks, &self.result) {
            (Some(_), None) => Steering::Send(user_message(text)),
            (Some(_), Some(_)) => Steering::NextTurn,
            (None, _) => Steering::Unsupported { reason: "this agent is not talked to".to_owned() },
        }
    }

    fn interrupt(&mut self) -> Option<String> {
        self.talks.filter(|_| self.result.is_none())?;
        let request = json!({ "subtype": "interrupt" });
        let line =
            json!({ "type": "control_request", "request_id": "interrupt", "request": request });
        Some(format!("{line}\n"))
    }

    fn finish(self: Box<Self>, end: ProcessEnd<'_>) -> TurnSummary {
        let mut usage = self.reported;
        let mut text = self.last_text.unwrap_or_default();
        let judged = match &self.result {
            Some(result) if result["is_error"] == false => {
                if let Some(said) = result["result"].as_str() {
                    text = said.to_owned();
                }
                TurnEnding::Completed
            }
            Some(result) => {
                let evidence = result::Evidence {
                    api_error: self.api_error.as_deref(),
                    refused: self.refused,
                    rejected_until: self.rejected_until,
                };
                TurnEnding::Failed { failure: evidence.failure(result, end.now) }
            }
            None => {
                usage.unpriced_calls += 1;
                TurnEnding::Failed { failure: result::without_result(&end) }
            }
        };
        TurnSummary {
            ending: end.stopped.unwrap_or(judged),
            text: classification::bounded_text(text),
            usage,
            session: self.session,
            model: self.model,
            tool_calls: self.tool_calls,
        }
    }
}

impl ClaudeTranscript {
    /// Reads a process whose input is open.
    pub(super) fn talking(opening: &Opening) -> Self {
        let (read_only, before) = (opening.read_only, opening.used);
        Self { talks: Some(Policy { read_only }), before, ..Self::default() }
    }

    /// A conversation that goes on counts on from where it was, money too; `last` is what its last result says of itself.
    fn of_this_turn(&self, total: Usage, last: Usage) -> Usage {
        let counts_on = total.billed_tokens() >= self.before.billed_tokens() + last.billed_tokens();
        if counts_on { difference(total, self.before) } else { total }
    }

    /// It may use the tools that it was given, unless it may only read; nothing else is done for it.
    fn asked(&self, event: &Value) -> Option<AgentEvent> {
        let Policy { read_only } = self.talks?;
        let request = &event["request"];
        let tool = request["tool_name"].as_str().unwrap_or_default();
        let reads = super::READING_TOOLS.split(',').any(|name| name == tool);
        let id = &event["request_id"];
        let answer = match request["subtype"].as_str() {
            Some("can_use_tool") if reads || !read_only => json!({
                "subtype": "success", "request_id": id,
                "response": { "behavior": "allow", "updatedInput": request["input"] },
            }),
            Some("can_use_tool") => json!({
                "subtype": "success", "request_id": id,
                "response": { "behavior": "deny", "message": "this turn is for reading only" },
            }),
            _ => json!({ "subtype": "error", "request_id": id, "error": "not supported here" }),
        };
        Some(AgentEvent::Reply(format!(
            "{}\n",
            json!({ "type": "control_response", "response": answer })
        )))
    }

    fn system(&mut self, event: &Value) -> Vec<AgentEvent> {
        match event["subtype"].as_str() {
            Some("init") => {
                let Some(id) = owned(&event["session_id"]) else { return Vec::new() };
                self.session = Some(id.clone());
                self.model = owned(&event["model"]);
                vec![AgentEvent::Session { id, model: self.model.clone() }]
            }
            Some("api_retry") => {
                let word = event["error"].as_str().unwrap_or("unknown");
                let message = match event["error_status"].as_u64() {
                    Some(status) => format!("{word} (status {status})"),
                    None => word.to_owned(),
                };
                vec![AgentEvent::Retrying { message }]
            }
            Some("permission_denied") => {
                let name = owned(&event["tool_name"]).unwrap_or_default();
                let message = event["message"].as_str().unwrap_or("permission denied");
                vec![AgentEvent::ToolFailed { name, message: classification::one_line(message) }]
            }
            Some("model_refusal_no_fallback") => {
                self.refused = true;
                Vec::new()
            }
            Some(_) | None => Vec::new(),
        }
    }

    fn assistant(&mut self, event: &Value) -> Vec<AgentEvent> {
        let message = &event["message"];
        let synthetic = message["model"] == "<synthetic>";
        if let Some(word) = event["error"].as_str() {
            self.api_error = Some(word.to_owned());
        }
        if message["stop_reason"] == "refusal" {
            self.refused = true;
        }
        let mut events = Vec::new();
        for block in message["content"].as_array().into_iter().flatten() {
            match block["type"].as_str() {
                Some("text") => {
                    let text = block["text"].as_str().unwrap_or_default().to_owned();
                    if !synthetic && event["parent_tool_use_id"].is_null() {
                        self.last_text = Some(text.clone());
                    }
                    events.push(AgentEvent::Text(text));
                }
                Some("tool_use") => events.extend(self.tool_use(block)),
                Some(_) | None => {}
            }
        }
        if !synthetic {
            events.extend(self.call_usage(event));
        }
        events
    }

    fn tool_use(&mut self, block: &Value) -> Option<AgentEvent> {
        let name = owned(&block["name"])?;
        let id = owned(&block["id"]).unwrap_or_default();
        if self.tools.insert(id, name.clone()).is_some() {
            return None;
        }
        self.tool_calls += 1;
        let fingerprint = fingerprint::of_call(&name, &block["input"]);
        Some(AgentEvent::ToolCall { name, fingerprint })
    }

    /// What a running model call has used, so that budgets see it before the turn is over; the result line corrects it.
    fn call_usage(&mut self, event: &Value) -> Option<AgentEvent> {
        let id = event["message"]["id"].as_str()?;
        let request = event["request_id"].as_str().unwrap_or_default();
        let now = tokens(&event["message"]["usage"]);
        let known = self.calls.entry(format!("{id} {request}")).or_default();
        let more = difference(now, *known);
        *known = now;
        self.report(more)
    }

    fn report(&mut self, more: Usage) -> Option<AgentEvent> {
        self.reported += more;
        (more != Usage::default()).then_some(AgentEvent::Usage(more))
    }

    fn tool_results(&mut self, event: &Value) -> Vec<AgentEvent> {
        let content = event["message"]["content"].as_array().into_iter().flatten();
        let failed = content.filter(|block| block["is_error"] == true);
        failed
            .map(|block| {
                let id = block["tool_use_id"].as_str().unwrap_or_default();
                let name = self.tools.get(id).cloned().unwrap_or_default();
                let message = match &block["content"] {
                    Value::String(text) => text.clone(),
                    other => other.to_string(),
                };
                AgentEvent::ToolFailed { name, message: classification::one_line(&message) }
            })
            .collect()
    }

    fn rate_limit(&mut self, info: &Value) -> Vec<AgentEvent> {
        if info["status"] != "rejected" {
            return Vec::new();
        }
        // With a subscription every 429 is announced like this; only a window that is used up has a name or a reset.
        if info["rateLimitType"].is_null() && info["resetsAt"].is_null() {
            return vec![AgentEvent::RateLimited {
                class: FailureClass::Throttled { until: None },
            }];
        }
        let until = info["resetsAt"].as_i64().and_then(reset_time::from_epoch_seconds);
        self.rejected_until = Some(until);
        vec![AgentEvent::RateLimited { class: FailureClass::Quota { until } }]
    }

    fn result(&mut self, event: Value) -> Vec<AgentEvent> {
        if let Some(id) = event["uuid"].as_str()
            && !self.seen.insert(id.to_owned())
        {
            return Vec::new();
        }
        if self.session.is_none() {
            self.session = owned(&event["session_id"]);
        }
        let mut events = Vec::new();
        let total = self.of_this_turn(result::total_usage(&event), tokens(&event["usage"]));
        let more = difference(total, self.reported);
        events.extend(self.report(more));
        if event["is_error"] == true && self.rejected_until.is_none() {
            let said = event["result"].as_str().unwrap_or_default();
            let status =
                event["api_error_status"].as_u64().and_then(|code| u16::try_from(code).ok());
            let class = status.map(|code| classification::of_status(code, said, None));
            let limited = class.filter(|class| classification::is_rate_limit(*class));
            events.extend(limited.map(|class| AgentEvent::RateLimited { class }));
        }
        self.result = Some(event);
        events.push(AgentEvent::Finished);
        events
    }
}

/// The token counts of one `usage` object of the provider's protocol.
pub(super) fn tokens(usage: &Value) -> Usage {
    let count = |name: &str| usage[name].as_u64().unwrap_or(0);
    Usage {
        input_tokens: count("input_tokens"),
        output_tokens: count("output_tokens"),
        cache_read_tokens: count("cache_read_input_tokens"),
        cache_write_tokens: count("cache_creation_input_tokens"),
        ..Usage::default()
    }
}

/// What `total` has more than `known`.
fn difference(total: Usage, known: Usage) -> Usage {
    Usage {
        input_tokens: total.input_tokens.saturating_sub(known.input_tokens),
        output_tokens: total.output_tokens.saturating_sub(known.output_tokens),
        cache_read_tokens: total.cache_read_tokens.saturating_sub(known.cache_read_tokens),
        cache_write_tokens: total.cache_write_tokens.saturating_sub(known.cache_write_tokens),
        cost_micro_usd: total.cost_micro_usd.saturating_sub(known.cost_micro_usd),
        unpriced_calls: total.unpriced_calls.saturating_sub(known.unpriced_calls),
    }
}

fn owned(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}
