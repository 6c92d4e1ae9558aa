//! The Anthropic Messages API, as far as Claude Code uses it.

use std::path::Path;

use serde_json::{Value, json};

use super::request::{Entry, RecordedRequest, Speaker, content_text};
use super::script::{ToolCall, write_command};
use super::usage;
use super::wire::Completion;

/// The conversation in a request.
pub(super) fn entries(body: &Value) -> Vec<Entry> {
    let mut entries = vec![Entry { speaker: Speaker::System, text: content_text(&body["system"]) }];
    for message in body["messages"].as_array().into_iter().flatten() {
        match &message["content"] {
            Value::Array(blocks) => {
                entries.extend(blocks.iter().filter_map(|block| entry(message, block)));
            }
            other => entries.push(Entry { speaker: speaker(message), text: content_text(other) }),
        }
    }
    entries
}

fn entry(message: &Value, block: &Value) -> Option<Entry> {
    match block["type"].as_str()? {
        "text" => Some(Entry { speaker: speaker(message), text: content_text(&block["text"]) }),
        "tool_result" => {
            let call = block["tool_use_id"].as_str().unwrap_or_default().to_owned();
            Some(Entry { speaker: Speaker::Tool { call }, text: content_text(&block["content"]) })
        }
        _ => None,
    }
}

fn speaker(message: &Value) -> Speaker {
    match message["role"].as_str() {
        Some("user") => Speaker::User,
        Some("system") => Speaker::System,
        _ => Speaker::Assistant,
    }
}

/// A `tool_use` block. A file is written with `Write` if the CLI offers it, else with `Bash`: `Write`
/// refuses to overwrite a file that the session has not read, so an existing file goes to `Bash` too.
pub(super) fn tool_use(request: &RecordedRequest, index: usize, call: &ToolCall) -> Value {
    let offered = |name: &str| request.tool_names().iter().any(|tool| tool == name);
    let (name, input) = match call {
        ToolCall::Write { path, content } => {
            let directory = request.working_directory().unwrap_or_default();
            let absolute = Path::new(&directory).join(path);
            if offered("Bash") && (absolute.exists() || !offered("Write")) {
                ("Bash", shell(&write_command(path, content)))
            } else {
                ("Write", json!({ "file_path": absolute, "content": content }))
            }
        }
        ToolCall::Bash { cmd } => ("Bash", shell(cmd)),
        ToolCall::Named { name, input } => (name.as_str(), input.clone()),
    };
    json!({ "type": "tool_use", "id": format!("toolu_{}_{index}", request.number), "name": name, "input": input })
}

fn shell(command: &str) -> Value {
    json!({ "command": command, "description": "scripted command" })
}

/// The message, as answered when the request does not ask for a stream.
pub(super) fn message(request: &RecordedRequest, completion: &Completion<'_>) -> Value {
    let (content, reason) = match completion {
        Completion::Text(text) => (json!([{ "type": "text", "text": text }]), "end_turn"),
        Completion::Empty => (json!([]), "end_turn"),
        Completion::Tools(blocks) => (json!(blocks), "tool_use"),
    };
    json!({
        "id": format!("msg_{}", request.number),
        "type": "message",
        "role": "assistant",
        "model": request.model(),
        "content": content,
        "stop_reason": reason,
        "stop_sequence": null,
        "usage": usage(usage::OUTPUT),
    })
}

fn usage(output: u64) -> Value {
    json!({
        "input_tokens": usage::FRESH_INPUT,
        "cache_creation_input_tokens": usage::CACHE_WRITE,
        "cache_read_input_tokens": usage::CACHE_READ,
        "output_tokens": output,
    })
}

/// The same message as a stream of events.
pub(super) fn events(message: &Value) -> Vec<Value> {
    let mut opening = message.clone();
    opening["content"] = json!([]);
    opening["stop_reason"] = Value::Null;
    opening["usage"] = usage(1);
    let mut events = vec![json!({ "type": "message_start", "message": opening })];
    for (index, block) in message["content"].as_array().into_iter().flatten().enumerate() {
        let (start, delta) = if block["type"] == "text" {
            (
                json!({ "type": "text", "text": "" }),
                json!({ "type": "text_delta", "text": block["text"] }),
            )
        } else {
            let mut start = block.clone();
            start["input"] = json!({});
            (
                start,
                json!({ "type": "input_json_delta", "partial_json": block["input"].to_string() }),
            )
        };
        events
            .push(json!({ "type": "content_block_start", "index": index, "content_block": start }));
        events.push(json!({ "type": "content_block_delta", "index": index, "delta": delta }));
        events.push(json!({ "type": "content_block_stop", "index": index }));
    }
    events.push(json!({
        "type": "message_delta",
        "delta": { "stop_reason": message["stop_reason"], "stop_sequence": null },
        "usage": message["usage"],
    }));
    events.push(json!({ "type": "message_stop" }));
    events
}

/// Headers and body of a reached five-hour limit. Claude Code reads the reset time from the headers when it
/// is signed in with a subscription token; with an API key it treats this as an ordinary 429.
pub(super) fn usage_limit(resets_at: i64) -> (Vec<(String, String)>, Value) {
    let header =
        |name: &str, value: &str| (format!("anthropic-ratelimit-unified-{name}"), value.to_owned());
    let reset = resets_at.to_string();
    let headers = vec![
        header("status", "rejected"),
        header("reset", &reset),
        header("representative-claim", "five_hour"),
        header("5h-status", "rejected"),
        header("5h-reset", &reset),
        header("5h-utilization", "1.0"),
        header("overage-status", "rejected"),
    ];
    let message = "This request would exceed your account's rate limit.";
    (
        headers,
        json!({ "type": "error", "error": { "type": "rate_limit_error", "message": message } }),
    )
}
