//! The OpenAI Responses API, as far as Codex uses it.

use serde_json::{Value, json};

use super::request::{Entry, RecordedRequest, Speaker, content_text};
use super::script::{ToolCall, write_command};
use super::usage;
use super::wire::Completion;

/// The conversation in a request.
pub(super) fn entries(body: &Value) -> Vec<Entry> {
    let mut entries =
        vec![Entry { speaker: Speaker::System, text: content_text(&body["instructions"]) }];
    match &body["input"] {
        Value::Array(items) => entries.extend(items.iter().flat_map(item_entries)),
        other => entries.push(Entry { speaker: Speaker::User, text: content_text(other) }),
    }
    entries
}

/// A message of several parts is several texts: the CLI puts injected and typed text side by side.
fn item_entries(item: &Value) -> Vec<Entry> {
    let kind = item["type"].as_str().unwrap_or("message");
    if kind.ends_with("_output") {
        let call = item["call_id"].as_str().unwrap_or_default().to_owned();
        return vec![Entry {
            speaker: Speaker::Tool { call },
            text: content_text(&item["output"]),
        }];
    }
    if kind != "message" {
        return Vec::new();
    }
    let speaker = || match item["role"].as_str() {
        Some("user") => Speaker::User,
        Some("assistant") => Speaker::Assistant,
        _ => Speaker::System,
    };
    match &item["content"] {
        Value::Array(parts) => parts
            .iter()
            .map(|part| Entry { speaker: speaker(), text: content_text(&part["text"]) })
            .collect(),
        other => vec![Entry { speaker: speaker(), text: content_text(other) }],
    }
}

/// An output item for a tool call: `apply_patch` for files where it is offered, else a shell command.
pub(super) fn tool_call(request: &RecordedRequest, index: usize, call: &ToolCall) -> Value {
    let offered = |name: &str| request.tool_names().iter().any(|tool| tool == name);
    let patches = offered("apply_patch");
    let shell = |command: &str| json!({ "cmd": command });
    let (name, input) = match call {
        // Our own agent has other names for them.
        ToolCall::Write { path, content } if offered("write_file") => {
            ("write_file", json!({ "path": path, "content": content }))
        }
        ToolCall::Bash { cmd } if offered("shell") => ("shell", json!({ "command": cmd })),
        ToolCall::Write { path, content } if patches => {
            ("apply_patch", json!(patch(path, content)))
        }
        ToolCall::Write { path, content } => ("exec_command", shell(&write_command(path, content))),
        ToolCall::Bash { cmd } => ("exec_command", shell(cmd)),
        ToolCall::Named { name, input } => (name.as_str(), input.clone()),
    };
    let id = format!("call_{}_{index}", request.number);
    let mut item =
        json!({ "id": format!("item_{id}"), "call_id": id, "name": name, "status": "completed" });
    // A tool whose input is free text rather than JSON is called in another form.
    let (kind, key, input) = match input {
        Value::String(text) => ("custom_tool_call", "input", text),
        arguments => ("function_call", "arguments", arguments.to_string()),
    };
    item["type"] = json!(kind);
    item[key] = json!(input);
    item
}

/// A patch that makes `content` the whole of the file, whether it exists or not (always ending in a newline).
fn patch(path: &str, content: &str) -> String {
    let added: String = content.lines().map(|line| format!("+{line}\n")).collect();
    format!("*** Begin Patch\n*** Add File: {path}\n{added}*** End Patch\n")
}

/// The response object, as answered when the request does not ask for a stream.
pub(super) fn response_object(request: &RecordedRequest, completion: &Completion<'_>) -> Value {
    let output = match completion {
        Completion::Text(text) => json!([{
            "type": "message",
            "id": format!("msg_{}", request.number),
            "role": "assistant",
            "status": "completed",
            "content": [{ "type": "output_text", "text": text, "annotations": [] }],
        }]),
        Completion::Empty => json!([]),
        Completion::Tools(calls) => json!(calls),
    };
    let input = usage::FRESH_INPUT + usage::CACHE_WRITE + usage::CACHE_READ;
    json!({
        "id": format!("resp_{}", request.number),
        "object": "response",
        "created_at": 0,
        "status": "completed",
        "model": request.model(),
        "output": output,
        "error": null,
        "usage": {
            "input_tokens": input,
            "input_tokens_details": { "cached_tokens": usage::CACHE_READ },
            "output_tokens": usage::OUTPUT,
            "output_tokens_details": { "reasoning_tokens": 0 },
            "total_tokens": input + usage::OUTPUT,
        },
    })
}

/// The same response as a stream of events.
pub(super) fn events(response: &Value) -> Vec<Value> {
    let mut opening = response.clone();
    opening["status"] = json!("in_progress");
    opening["output"] = json!([]);
    opening["usage"] = Value::Null;
    let mut events = vec![json!({ "type": "response.created", "response": opening })];
    for (index, item) in response["output"].as_array().into_iter().flatten().enumerate() {
        let mut added = item.clone();
        added["status"] = json!("in_progress");
        if added["content"].is_array() {
            added["content"] = json!([]);
        }
        events.push(
            json!({ "type": "response.output_item.added", "output_index": index, "item": added }),
        );
        if let Some(text) = item["content"][0]["text"].as_str() {
            events.push(json!({
                "type": "response.output_text.delta",
                "item_id": item["id"],
                "output_index": index,
                "content_index": 0,
                "delta": text,
            }));
        }
        events.push(
            json!({ "type": "response.output_item.done", "output_index": index, "item": item }),
        );
    }
    events.push(json!({ "type": "response.completed", "response": response }));
    for (number, event) in events.iter_mut().enumerate() {
        event["sequence_number"] = json!(number);
    }
    events
}

/// Headers and body of a reached plan limit.
pub(super) fn usage_limit(resets_at: i64) -> (Vec<(String, String)>, Value) {
    let message = "The usage limit has been reached";
    let body = json!({
        "error": { "type": "usage_limit_reached", "message": message, "plan_type": "plus", "resets_at": resets_at },
    });
    (Vec::new(), body)
}
