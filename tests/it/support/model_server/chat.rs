//! The OpenAI Chat Completions API, as far as OpenCode and Hermes use it.

use std::path::Path;

use serde_json::{Value, json};

use super::request::{Entry, RecordedRequest, Speaker, content_text};
use super::script::{ToolCall, write_command};
use super::usage;
use super::wire::Completion;

/// The conversation in a request.
pub(super) fn entries(body: &Value) -> Vec<Entry> {
    body["messages"].as_array().into_iter().flatten().map(entry).collect()
}

fn entry(message: &Value) -> Entry {
    let speaker = match message["role"].as_str() {
        Some("user") => Speaker::User,
        Some("assistant") => Speaker::Assistant,
        Some("tool") => {
            let call = message["tool_call_id"].as_str().unwrap_or_default().to_owned();
            Speaker::Tool { call }
        }
        _ => Speaker::System,
    };
    Entry { speaker, text: content_text(&message["content"]) }
}

/// An entry of `tool_calls`, in the words of whichever CLI asks. OpenCode's `write` refuses to overwrite a file that the
/// session has not read, so an existing file goes to its shell.
pub(super) fn tool_call(request: &RecordedRequest, index: usize, call: &ToolCall) -> Value {
    let hermes = request.tool_names().iter().any(|tool| tool == "read_file");
    let shell = |command: &str| match hermes {
        true => ("terminal", json!({ "command": command })),
        false => ("bash", json!({ "command": command, "description": "scripted command" })),
    };
    let (name, input) = match call {
        ToolCall::Write { path, content } if hermes => {
            ("write_file", json!({ "path": path, "content": content }))
        }
        ToolCall::Write { path, content } => {
            let directory = request.working_directory().unwrap_or_default();
            let absolute = Path::new(&directory).join(path);
            match absolute.exists() {
                true => shell(&write_command(path, content)),
                false => ("write", json!({ "filePath": absolute, "content": content })),
            }
        }
        ToolCall::Bash { cmd } => shell(cmd),
        ToolCall::Named { name, input } => (name.as_str(), input.clone()),
    };
    json!({
        "index": index,
        "id": format!("call_{}_{index}", request.number),
        "type": "function",
        "function": { "name": name, "arguments": input.to_string() },
    })
}

/// The completion, as answered when the request does not ask for a stream.
pub(super) fn completion(request: &RecordedRequest, completion: &Completion<'_>) -> Value {
    let (message, reason) = match completion {
        Completion::Text(text) => (json!({ "role": "assistant", "content": text }), "stop"),
        Completion::Empty => (json!({ "role": "assistant", "content": "" }), "stop"),
        Completion::Tools(calls) => {
            (json!({ "role": "assistant", "content": null, "tool_calls": calls }), "tool_calls")
        }
    };
    let input = usage::FRESH_INPUT + usage::CACHE_WRITE + usage::CACHE_READ;
    json!({
        "id": format!("chatcmpl_{}", request.number),
        "object": "chat.completion",
        "created": 0,
        "model": request.model(),
        "choices": [{ "index": 0, "message": message, "finish_reason": reason }],
        "usage": {
            "prompt_tokens": input,
            "prompt_tokens_details": { "cached_tokens": usage::CACHE_READ },
            "completion_tokens": usage::OUTPUT,
            "total_tokens": input + usage::OUTPUT,
        },
    })
}

/// The same completion as a stream of chunks.
pub(super) fn chunks(completion: &Value) -> Vec<Value> {
    let choice = &completion["choices"][0];
    let chunk = |choices: Value, usage: &Value| {
        json!({
            "id": completion["id"],
            "object": "chat.completion.chunk",
            "created": 0,
            "model": completion["model"],
            "choices": choices,
            "usage": usage,
        })
    };
    let said = json!([{ "index": 0, "delta": choice["message"], "finish_reason": null }]);
    let end = json!([{ "index": 0, "delta": {}, "finish_reason": choice["finish_reason"] }]);
    vec![
        chunk(said, &Value::Null),
        chunk(end, &Value::Null),
        chunk(json!([]), &completion["usage"]),
    ]
}

/// Whoever tries again by itself is to do it at once.
pub(super) fn hurry() -> (String, String) {
    ("retry-after-ms".to_owned(), "1".to_owned())
}

/// Headers and body of a reached plan limit.
pub(super) fn usage_limit(resets_at: i64) -> (Vec<(String, String)>, Value) {
    let resets = chrono::DateTime::from_timestamp(resets_at, 0).expect("an instant");
    let message = format!(
        "You have reached your usage limit, resets at {}",
        resets.format("%b %-d, %-I:%M%P (UTC)")
    );
    let body = json!({
        "error": { "type": "usage_limit_reached", "code": "usage_limit_reached", "message": message, "resets_at": resets_at },
    });
    (vec![hurry()], body)
}
