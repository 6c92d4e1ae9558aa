//! Answers as HTTP responses.

use axum::response::Response;
use serde_json::{Value, json};

use super::request::{Protocol, RecordedRequest};
use super::script::Answer;
use super::{anthropic, chat, openai, response, usage};

/// A response to a model call. Held, hanging and computed answers are settled before this.
pub(super) fn render(protocol: Protocol, request: &RecordedRequest, answer: &Answer) -> Response {
    match answer {
        Answer::Text(text) => completion(protocol, request, &Completion::Text(text)),
        Answer::Empty => completion(protocol, request, &Completion::Empty),
        Answer::Tools(calls) => {
            let calls = calls.iter().enumerate().map(|(index, call)| match protocol {
                Protocol::Messages => anthropic::tool_use(request, index, call),
                Protocol::Responses => openai::tool_call(request, index, call),
                Protocol::Chat => chat::tool_call(request, index, call),
            });
            completion(protocol, request, &Completion::Tools(calls.collect()))
        }
        Answer::Failure { code, message, headers } => {
            let mut headers = headers.clone();
            if protocol == Protocol::Chat {
                headers.push(chat::hurry());
            }
            response(*code, JSON, &headers, error_body(protocol, *code, message).to_string())
        }
        Answer::UsageLimit { resets_at } => {
            let (headers, body) = match protocol {
                Protocol::Messages => anthropic::usage_limit(*resets_at),
                Protocol::Responses => openai::usage_limit(*resets_at),
                Protocol::Chat => chat::usage_limit(*resets_at),
            };
            response(429, JSON, &headers, body.to_string())
        }
        Answer::Status { code, body, headers } => response(*code, JSON, headers, body.clone()),
        Answer::Hang | Answer::Held(..) | Answer::FromRequest(_) => {
            failure(protocol, 500, "an unsettled answer reached the wire")
        }
    }
}

/// A failure in the protocol's shape.
pub(super) fn failure(protocol: Protocol, code: u16, message: &str) -> Response {
    response(code, JSON, &[], error_body(protocol, code, message).to_string())
}

/// A plain-text response.
pub(super) fn plain(code: u16, body: String) -> Response {
    response(code, "text/plain", &[], body)
}

/// Requests beside the model calls: their name for the record, and the response.
pub(super) fn side_call(request: &RecordedRequest, upgrade: bool) -> (&'static str, Response) {
    let path = request.path.split('?').next().unwrap_or_default();
    if upgrade {
        return ("upgrade refused", plain(426, "no WebSocket here".to_owned()));
    }
    if path.ends_with("/messages/count_tokens") {
        let count = json!({ "input_tokens": usage::FRESH_INPUT });
        return ("token count", response(200, JSON, &[], count.to_string()));
    }
    if path.ends_with("/models") {
        let models = json!({ "object": "list", "data": [], "models": [], "has_more": false });
        return ("model list", response(200, JSON, &[], models.to_string()));
    }
    ("unknown path", plain(404, "the model server does not serve this path".to_owned()))
}

/// A successful answer of the model; tool calls are already in the protocol's shape.
pub(super) enum Completion<'a> {
    Text(&'a str),
    Empty,
    Tools(Vec<Value>),
}

fn completion(
    protocol: Protocol,
    request: &RecordedRequest,
    completion: &Completion<'_>,
) -> Response {
    let streamed = request.body["stream"].as_bool().unwrap_or(false);
    let message = match protocol {
        Protocol::Messages => anthropic::message(request, completion),
        Protocol::Responses => openai::response_object(request, completion),
        Protocol::Chat => chat::completion(request, completion),
    };
    if !streamed {
        return response(200, JSON, &[], message.to_string());
    }
    let named = |event: &Value| {
        format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap_or_default())
    };
    let body: String = match protocol {
        Protocol::Messages => anthropic::events(&message).iter().map(named).collect(),
        Protocol::Responses => openai::events(&message).iter().map(named).collect(),
        Protocol::Chat => {
            let chunks: String =
                chat::chunks(&message).iter().map(|chunk| format!("data: {chunk}\n\n")).collect();
            format!("{chunks}data: [DONE]\n\n")
        }
    };
    response(200, "text/event-stream", &[], body)
}

fn error_body(protocol: Protocol, code: u16, message: &str) -> Value {
    let kind = match (protocol, code) {
        (_, 401) => "authentication_error",
        (Protocol::Messages, 403) => "permission_error",
        (Protocol::Messages, 404) => "not_found_error",
        (Protocol::Messages, 429) => "rate_limit_error",
        (Protocol::Messages, 529) => "overloaded_error",
        (Protocol::Messages, 500..) => "api_error",
        (Protocol::Responses | Protocol::Chat, 429) => "rate_limit_exceeded",
        (Protocol::Responses | Protocol::Chat, 500..) => "server_error",
        _ => "invalid_request_error",
    };
    match protocol {
        Protocol::Messages => {
            json!({ "type": "error", "error": { "type": kind, "message": message } })
        }
        Protocol::Responses | Protocol::Chat => {
            json!({ "error": { "message": message, "type": kind, "code": kind, "param": null } })
        }
    }
}

const JSON: &str = "application/json";
