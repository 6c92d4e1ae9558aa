//! The JSON lines of one `codex exec` process.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::domain::agent::TurnEnding;
use crate::domain::budget::Usage;
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::time::Timestamp;

use super::super::{AgentEvent, ProcessEnd, Transcript, TurnSummary, classification, fingerprint};

/// What the lines so far have told.
#[derive(Default)]
pub(in crate::agents) struct CodexTranscript {
    session: Option<String>,
    last_text: Option<String>,
    calls: BTreeSet<String>,
    /// The thread's usage so far, as last reported: each report repeats what came before.
    thread_usage: Usage,
    usage: Usage,
    last_error: Option<String>,
    terminal: Option<Terminal>,
}

enum Terminal {
    Completed,
    Failed(String),
}

impl Transcript for CodexTranscript {
    fn line(&mut self, line: &str) -> Vec<AgentEvent> {
        let Ok(event) = serde_json::from_str::<Value>(line) else {
            return vec![AgentEvent::Other];
        };
        let events = match event["type"].as_str() {
            Some("thread.started") => self.thread(&event),
            Some("item.started") => self.call(&event["item"]).into_iter().collect(),
            Some("item.completed") => self.item(&event["item"]),
            Some("turn.completed") => self.completed(&event["usage"]),
            Some("turn.failed") => self.failed(&event["error"]["message"]),
            Some("error") => self.error(&event["message"]),
            Some(_) | None => Vec::new(),
        };
        if events.is_empty() { vec![AgentEvent::Other] } else { events }
    }

    fn finish(self: Box<Self>, end: ProcessEnd<'_>) -> TurnSummary {
        let mut usage = self.usage;
        usage.unpriced_calls = 1;
        let judged = match &self.terminal {
            Some(Terminal::Completed) => TurnEnding::Completed,
            Some(Terminal::Failed(message)) => {
                TurnEnding::Failed { failure: failure(message, end.now) }
            }
            None => TurnEnding::Failed { failure: self.without_terminal(&end) },
        };
        let answer = end.answer.filter(|answer| !answer.trim().is_empty());
        TurnSummary {
            ending: end.stopped.unwrap_or(judged),
            text: classification::bounded_text(answer.or(self.last_text).unwrap_or_default()),
            usage,
            session: self.session,
            model: None,
            tool_calls: u32::try_from(self.calls.len()).unwrap_or(u32::MAX),
        }
    }
}

impl CodexTranscript {
    fn thread(&mut self, event: &Value) -> Vec<AgentEvent> {
        let Some(id) = event["thread_id"].as_str() else { return Vec::new() };
        self.session = Some(id.to_owned());
        vec![AgentEvent::Session { id: id.to_owned(), model: None }]
    }

    /// A tool call, the first time it is seen: some are announced, some only reported when done.
    fn call(&mut self, item: &Value) -> Option<AgentEvent> {
        let (name, arguments) = tool(item)?;
        let id = item["id"].as_str().unwrap_or_default().to_owned();
        if !self.calls.insert(id) {
            return None;
        }
        let fingerprint = fingerprint::of_call(&name, &arguments);
        Some(AgentEvent::ToolCall { name, fingerprint })
    }

    fn item(&mut self, item: &Value) -> Vec<AgentEvent> {
        if item["type"] == "agent_message" {
            let text = item["text"].as_str().unwrap_or_default().to_owned();
            self.last_text = Some(text.clone());
            return vec![AgentEvent::Text(text)];
        }
        let mut events: Vec<AgentEvent> = self.call(item).into_iter().collect();
        if let Some((name, _)) = tool(item)
            && (matches!(item["status"].as_str(), Some("failed" | "declined"))
                || !item["error"].is_null())
        {
            let message = classification::one_line(&complaint(item));
            events.push(AgentEvent::ToolFailed { name, message });
        }
        events
    }

    fn completed(&mut self, usage: &Value) -> Vec<AgentEvent> {
        let total = tokens(usage);
        let more = Usage {
            input_tokens: total.input_tokens.saturating_sub(self.thread_usage.input_tokens),
            output_tokens: total.output_tokens.saturating_sub(self.thread_usage.output_tokens),
            cache_read_tokens: total
                .cache_read_tokens
                .saturating_sub(self.thread_usage.cache_read_tokens),
            cache_write_tokens: total
                .cache_write_tokens
                .saturating_sub(self.thread_usage.cache_write_tokens),
            ..Usage::default()
        };
        self.thread_usage = total;
        self.usage += more;
        self.terminal = Some(Terminal::Completed);
        vec![AgentEvent::Usage(more), AgentEvent::Finished]
    }

    fn failed(&mut self, message: &Value) -> Vec<AgentEvent> {
        let message = message.as_str().unwrap_or("failed without a reason").to_owned();
        let class = classification::of_message(&message, None);
        self.terminal = Some(Terminal::Failed(message));
        let limited = class.filter(|class| classification::is_rate_limit(*class));
        let limited = limited.map(|class| AgentEvent::RateLimited { class });
        limited.into_iter().chain([AgentEvent::Finished]).collect()
    }

    /// Not terminal: it is also how a retry is announced.
    fn error(&mut self, message: &Value) -> Vec<AgentEvent> {
        let message = message.as_str().unwrap_or_default().to_owned();
        let retrying = message.starts_with("Reconnecting");
        self.last_error = Some(message.clone());
        if retrying {
            return vec![AgentEvent::Retrying { message: classification::one_line(&message) }];
        }
        Vec::new()
    }

    fn without_terminal(&self, end: &ProcessEnd<'_>) -> Failure {
        let how = classification::manner(end.exit);
        let mut on_stderr = end.stderr_tail.lines().rev().map(str::trim);
        let reason = on_stderr
            .find(|line| !line.is_empty() && !is_noise(line))
            .or(self.last_error.as_deref())
            .unwrap_or("no reason given");
        let class = match end.exit.code {
            // How its command-line parser ends when an argument is wrong.
            Some(2) => FailureClass::Configuration,
            _ => classification::of_message(reason, Some(end.now))
                .unwrap_or(FailureClass::Infrastructure),
        };
        classification::failure(class, &format!("no end of turn before {how}: {reason}"))
    }
}

/// Lines that it always prints.
fn is_noise(line: &str) -> bool {
    line.contains("could not create PATH aliases") || line.starts_with("Reading ")
}

fn failure(message: &str, now: Timestamp) -> Failure {
    let class =
        classification::of_message(message, Some(now)).unwrap_or(FailureClass::Infrastructure);
    let inner = serde_json::from_str::<Value>(message).ok();
    let inner = inner.as_ref().and_then(|body| body["error"]["message"].as_str());
    classification::failure(class, inner.unwrap_or(message))
}

fn tool(item: &Value) -> Option<(String, Value)> {
    match item["type"].as_str()? {
        "command_execution" => Some(("shell".to_owned(), item["command"].clone())),
        "file_change" => Some(("apply_patch".to_owned(), item["changes"].clone())),
        "web_search" => Some(("web_search".to_owned(), item["query"].clone())),
        "mcp_tool_call" => {
            let part = |name: &str| item[name].as_str().unwrap_or_default().to_owned();
            let name = format!("mcp__{}__{}", part("server"), part("tool"));
            Some((name, json!({ "arguments": item["arguments"] })))
        }
        _ => None,
    }
}

fn complaint(item: &Value) -> String {
    let output = item["aggregated_output"].as_str().unwrap_or_default().trim();
    match (&item["error"], item["exit_code"].as_i64()) {
        (Value::String(error), _) => error.clone(),
        (Value::Object(error), _) => {
            error.get("message").and_then(Value::as_str).unwrap_or("failed").to_owned()
        }
        (_, Some(code)) => format!("exit code {code}: {output}"),
        _ => "failed".to_owned(),
    }
}

/// Input counts include what was read from and written to the cache; ours do not.
fn tokens(usage: &Value) -> Usage {
    let count = |name: &str| usage[name].as_u64().unwrap_or(0);
    let cache_read_tokens = count("cached_input_tokens");
    let cache_write_tokens = count("cache_write_input_tokens");
    Usage {
        input_tokens: count("input_tokens")
            .saturating_sub(cache_read_tokens)
            .saturating_sub(cache_write_tokens),
        output_tokens: count("output_tokens"),
        cache_read_tokens,
        cache_write_tokens,
        ..Usage::default()
    }
}
