use std::time::Duration;

use serde_json::{Value, json};

use crate::domain::failure::FailureClass;
use crate::domain::time::Timestamp;

use super::super::conversation::{Call, CallResult, Conversation, Said, Step};
use super::super::settings::Api;
use super::super::tools::Spec;
use super::trouble::{Again, RetryHeaders, Trouble};
use super::{Ask, Heard, Incomplete, Reader, Reply, Tokens, body};

/// 2026-11-20, 11:30 UTC.
const NOW: Timestamp = Timestamp(1_795_174_200_000);

fn call(id: &str, name: &str, arguments: &str, free_form: bool) -> Call {
    Call { id: id.to_owned(), name: name.to_owned(), arguments: arguments.to_owned(), free_form }
}

fn result(id: &str, output: &str, free_form: bool) -> CallResult {
    CallResult { id: id.to_owned(), output: output.to_owned(), free_form, shortened: false }
}

/// A step with everything in it.
fn conversation() -> Conversation {
    let mut it = Conversation::new("the rules".to_owned(), "the task".to_owned());
    it.dropped.steps = 2;
    it.steps.push(Step {
        said: vec![
            Said::Reasoning(json!({ "type": "reasoning", "encrypted_content": "sealed" })),
            Said::Text("I look".to_owned()),
            Said::Call(call("c1", "shell", "{\"command\":\"ls\"}", false)),
            Said::Call(call("c2", "apply_patch", "*** Begin Patch", true)),
        ],
        results: vec![result("c1", "a.txt", false), result("c2", "no", true)],
        remark: Some("go on".to_owned()),
    });
    it
}

fn asked(api: Api, may_call: bool) -> Value {
    let tools = [Spec {
        name: "shell",
        description: "runs".to_owned(),
        parameters: json!({ "type": "object" }),
    }];
    let conversation = conversation();
    let ask =
        Ask { model: "m", conversation: &conversation, tools: &tools, may_call, session: "s" };
    body(api, &ask)
}

#[test]
fn a_request_for_responses_carries_everything_and_stores_nothing() {
    let body = asked(Api::Responses, true);
    assert_eq!(body["store"], false);
    assert_eq!(body["stream"], true);
    assert_eq!(body["instructions"], "the rules");
    assert_eq!(body["tool_choice"], "auto");
    assert_eq!(body["prompt_cache_key"], "s");
    assert_eq!(body["tools"][0]["name"], "shell");
    let kinds: Vec<&str> =
        body["input"].as_array().unwrap().iter().map(|it| it["type"].as_str().unwrap()).collect();
    let expected = [
        "message",
        "message",
        "reasoning",
        "message",
        "function_call",
        "custom_tool_call",
        "function_call_output",
        "custom_tool_call_output",
        "message",
    ];
    assert_eq!(kinds, expected);
    assert_eq!(body["input"][0]["content"][0]["text"], "the task");
    assert_eq!(body["input"][6]["call_id"], "c1");
    assert_eq!(asked(Api::Responses, false)["tool_choice"], "none");
}

#[test]
fn a_request_for_chat_pairs_calls_with_results() {
    let body = asked(Api::Chat, true);
    let messages = body["messages"].as_array().unwrap();
    let roles: Vec<&str> = messages.iter().map(|it| it["role"].as_str().unwrap()).collect();
    assert_eq!(roles, ["system", "user", "user", "assistant", "tool", "tool", "user"]);
    assert_eq!(messages[3]["tool_calls"][0]["function"]["arguments"], "{\"command\":\"ls\"}");
    // What is no JSON is wrapped: servers refuse a history that they cannot parse.
    assert_eq!(
        messages[3]["tool_calls"][1]["function"]["arguments"],
        "{\"input\":\"*** Begin Patch\"}"
    );
    assert_eq!(messages[5]["tool_call_id"], "c2");
    assert_eq!(body["stream_options"]["include_usage"], true);
    assert_eq!(body["tools"][0]["function"]["name"], "shell");
}

#[track_caller]
fn read(api: Api, events: &[Value]) -> Result<Reply, Value> {
    let mut reader = Reader::new(api);
    for event in events {
        match reader.event(&event.to_string()) {
            Heard::More => {}
            Heard::Done => return Ok(reader.reply()),
            Heard::Failed(error) => return Err(error),
        }
    }
    assert!(reader.may_end(), "the answer does not end");
    Ok(reader.reply())
}

#[test]
fn a_stream_of_responses_is_put_together() {
    let usage = json!({ "input_tokens": 50, "input_tokens_details": { "cached_tokens": 20 }, "output_tokens": 7 });
    let events = [
        json!({ "type": "response.created", "response": {} }),
        json!({ "type": "response.output_text.delta", "delta": "Hel" }),
        json!({ "type": "response.output_text.delta", "delta": "lo" }),
        json!({ "type": "response.output_item.done", "item": {
            "type": "message", "content": [{ "type": "output_text", "text": "Hello" }] } }),
        json!({ "type": "response.output_item.done", "item": {
            "type": "reasoning", "id": "r", "summary": [], "encrypted_content": "x", "status": "completed" } }),
        json!({ "type": "response.output_item.done", "item": { "type": "reasoning", "id": "stored elsewhere" } }),
        json!({ "type": "response.output_item.done", "item": {
            "type": "function_call", "call_id": "c", "name": "list", "arguments": "{}" } }),
        json!({ "type": "response.output_item.done", "item": {
            "type": "custom_tool_call", "call_id": "d", "name": "apply_patch", "input": "***" } }),
        json!({ "type": "response.unheard_of" }),
        json!({ "type": "response.completed", "response": { "status": "completed", "output": [], "usage": usage } }),
    ];
    let expected = Reply {
        said: vec![
            Said::Text("Hello".to_owned()),
            Said::Reasoning(
                json!({ "type": "reasoning", "id": "r", "summary": [], "encrypted_content": "x" }),
            ),
            Said::Call(call("c", "list", "{}", false)),
            Said::Call(call("d", "apply_patch", "***", true)),
        ],
        tokens: Some(Tokens { input: 50, cached: 20, output: 7 }),
        incomplete: None,
    };
    assert_eq!(read(Api::Responses, &events), Ok(expected));
}

#[test]
fn servers_that_give_items_only_at_the_end_or_only_deltas_are_understood() {
    let item = json!({ "type": "message", "content": [{ "text": "at the end" }] });
    let end = json!({ "type": "response.completed", "response": { "output": [item] } });
    assert_eq!(read(Api::Responses, &[end]).unwrap().said, [Said::Text("at the end".to_owned())]);
    let events = [
        json!({ "type": "response.output_text.delta", "delta": "only this" }),
        json!({ "type": "response.completed", "response": {} }),
    ];
    let reply = read(Api::Responses, &events).unwrap();
    assert_eq!((reply.said, reply.tokens), (vec![Said::Text("only this".to_owned())], None));
}

#[test]
fn incomplete_and_failed_responses_are_told_apart() {
    let incomplete = |reason: &str| {
        let response =
            json!({ "status": "incomplete", "incomplete_details": { "reason": reason } });
        read(Api::Responses, &[json!({ "type": "response.incomplete", "response": response })])
            .unwrap()
            .incomplete
    };
    assert_eq!(incomplete("max_output_tokens"), Some(Incomplete::CutOff));
    assert_eq!(incomplete("content_filter"), Some(Incomplete::Filtered));
    let error = json!({ "code": "server_error", "message": "broken" });
    let failed =
        json!({ "type": "response.failed", "response": { "status": "failed", "error": error } });
    assert_eq!(read(Api::Responses, &[failed]), Err(error));
    let bare = json!({ "type": "error", "code": "server_error", "message": "broken" });
    assert_eq!(read(Api::Responses, std::slice::from_ref(&bare)), Err(bare));
    let mut reader = Reader::new(Api::Responses);
    assert!(matches!(reader.event("{ not json"), Heard::Failed(_)));
}

fn delta(delta: &Value) -> Value {
    json!({ "choices": [{ "index": 0, "delta": delta }] })
}

#[test]
fn a_stream_of_chat_chunks_is_put_together() {
    let part = |index: u64, id: Option<&str>, name: Option<&str>, arguments: &str| {
        let mut function = json!({ "arguments": arguments });
        if let Some(name) = name {
            function["name"] = json!(name);
        }
        let mut call = json!({ "index": index, "function": function });
        if let Some(id) = id {
            call["id"] = json!(id);
        }
        delta(&json!({ "tool_calls": [call] }))
    };
    let events = [
        delta(&json!({ "role": "assistant", "content": "I " })),
        delta(&json!({ "content": "look", "reasoning_content": "hidden" })),
        part(0, Some("a"), Some("shell"), "{\"command\""),
        part(1, Some("b"), Some("list"), "{}"),
        part(0, None, None, ":\"ls\"}"),
        json!({ "choices": [{ "delta": {}, "finish_reason": "tool_calls" }] }),
        json!({ "choices": [], "usage": {
            "prompt_tokens": 9, "completion_tokens": 4, "prompt_tokens_details": { "cached_tokens": 3 } } }),
    ];
    let expected = Reply {
        said: vec![
            Said::Text("I look".to_owned()),
            Said::Call(call("a", "shell", "{\"command\":\"ls\"}", false)),
            Said::Call(call("b", "list", "{}", false)),
        ],
        tokens: Some(Tokens { input: 9, cached: 3, output: 4 }),
        incomplete: None,
    };
    assert_eq!(read(Api::Chat, &events), Ok(expected));
}

#[test]
fn whole_calls_without_ids_and_objects_as_arguments_are_understood() {
    let calls = json!([
        { "function": { "name": "list", "arguments": { "path": "a" } } },
        { "function": { "name": "list", "arguments": { "path": "b" } } },
    ]);
    let body = json!({ "choices": [{ "message": { "content": null, "tool_calls": calls }, "finish_reason": "length" }] });
    let mut reader = Reader::new(Api::Chat);
    assert_eq!(reader.whole(&body), Heard::Done);
    let reply = reader.reply();
    let expected = [
        Said::Call(call("call_0", "list", "{\"path\":\"a\"}", false)),
        Said::Call(call("call_1", "list", "{\"path\":\"b\"}", false)),
    ];
    assert_eq!(reply.said, expected);
    assert_eq!(reply.incomplete, Some(Incomplete::CutOff));
}

#[test]
fn an_error_inside_a_chat_stream_is_one() {
    let error = json!({ "message": "out of memory", "code": 500 });
    assert_eq!(
        read(Api::Chat, &[delta(&json!({ "content": "a" })), json!({ "error": error })]),
        Err(error)
    );
}

#[test]
fn a_stream_that_just_stops_is_not_complete() {
    let mut reader = Reader::new(Api::Chat);
    reader.event(&delta(&json!({ "content": "half" })).to_string());
    assert!(!reader.may_end());
    assert!(!Reader::new(Api::Responses).may_end());
}

fn refused(status: u16, retry_after: Option<&str>, body: &Value) -> Trouble {
    let headers =
        RetryHeaders { retry_after: retry_after.map(str::to_owned), retry_after_ms: None };
    Trouble::status(status, &headers, &body.to_string(), NOW)
}

fn error(kind: &str, message: &str) -> Value {
    json!({ "error": { "type": kind, "code": kind, "message": message } })
}

#[test]
fn refusals_are_classified_by_words_for_machines_first() {
    let throttled = "Rate limit reached for gpt-4o in organization o on tokens per min. Please try again in 6ms.";
    let in_20_s = Some(NOW.after(Duration::from_secs(20)));
    let reset = json!({ "error": { "type": "usage_limit_reached", "message": "The usage limit has been reached",
                                   "resets_at": 1_795_174_994 } });
    let rows = [
        (
            429,
            Some("20"),
            error("rate_limit_exceeded", throttled),
            FailureClass::Throttled { until: in_20_s },
        ),
        (429, None, error("tokens", throttled), FailureClass::Throttled { until: None }),
        (
            429,
            None,
            json!({ "error": { "message": throttled } }),
            FailureClass::Throttled { until: None },
        ),
        (429, None, json!("slow down"), FailureClass::Throttled { until: None }),
        (
            429,
            None,
            error("insufficient_quota", "You exceeded your current quota"),
            FailureClass::Quota { until: None },
        ),
        (429, Some("5"), reset, FailureClass::Quota { until: Some(Timestamp(1_795_174_994_000)) }),
        (401, None, error("invalid_api_key", "no"), FailureClass::Authentication),
        (403, None, json!({}), FailureClass::Authentication),
        (404, None, error("model_not_found", "no such model"), FailureClass::Configuration),
        (
            400,
            None,
            error("context_length_exceeded", "maximum context length is 5"),
            FailureClass::ContextOverflow,
        ),
        (413, None, json!({}), FailureClass::ContextOverflow),
        (
            400,
            None,
            error("invalid_request_error", "Unsupported parameter: 'x'"),
            FailureClass::Configuration,
        ),
        (302, None, json!({}), FailureClass::Configuration),
        (500, None, error("server_error", "oops"), FailureClass::Infrastructure),
        (503, Some("7"), json!("overloaded"), FailureClass::Infrastructure),
    ];
    for (status, retry_after, body, class) in rows {
        assert_eq!(refused(status, retry_after, &body).class, class, "{status} {body}");
    }
}

#[test]
fn only_what_may_pass_is_asked_again() {
    let seconds = |seconds| Again::Later(Some(Duration::from_secs(seconds)));
    let date = Some("Fri, 20 Nov 2026 11:30:30 GMT");
    let rows = [
        (refused(429, Some("2"), &json!({})).again, seconds(2)),
        (refused(429, date, &json!({})).again, seconds(30)),
        (refused(503, Some("7"), &json!({})).again, seconds(7)),
        (refused(500, None, &json!({})).again, Again::Later(None)),
        (refused(429, None, &error("insufficient_quota", "")).again, Again::No),
        (refused(401, None, &json!({})).again, Again::No),
        (refused(400, None, &json!({})).again, Again::No),
        (refused(400, None, &error("context_length_exceeded", "")).again, Again::Shorter),
        (Trouble::connection("refused").again, Again::Later(None)),
        (Trouble::configuration("no address").again, Again::No),
    ];
    for (index, (is, should)) in rows.into_iter().enumerate() {
        assert_eq!(is, should, "row {index}");
    }
    let headers =
        RetryHeaders { retry_after: Some("9".to_owned()), retry_after_ms: Some("250".to_owned()) };
    let trouble = Trouble::status(429, &headers, "", NOW);
    assert_eq!(trouble.again, Again::Later(Some(Duration::from_millis(250))));
}

#[test]
fn failures_inside_a_stream_are_classified_like_refusals() {
    let class = |error: &Value| {
        let trouble = Trouble::in_stream(error, NOW);
        (trouble.class.word(), trouble.again)
    };
    let again = Again::Later(None);
    let rows = [
        (json!({ "code": "server_error", "message": "oops" }), ("infrastructure", again)),
        (
            json!({ "code": "rate_limit_exceeded", "message": "Rate limit reached" }),
            ("throttled", again),
        ),
        (json!({ "code": "insufficient_quota", "message": "no" }), ("quota", Again::No)),
        (
            json!({ "code": "context_length_exceeded", "message": "too long" }),
            ("context overflow", Again::Shorter),
        ),
        (json!({ "code": 503, "message": "busy" }), ("infrastructure", again)),
    ];
    for (error, expected) in rows {
        assert_eq!(class(&error), expected, "{error}");
    }
    assert!(Trouble::in_stream(&json!({}), NOW).begun);
}
