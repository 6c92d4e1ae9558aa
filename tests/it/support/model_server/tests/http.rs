//! The server by plain HTTP: rules, side calls, and what no CLI asks for.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::{Value, json};

use super::super::{Answer, ModelServer, RecordedRequest, Rule, Script, ToolCall, When};

/// Sends one request; gives the status line and headers, and the body.
fn exchange(server: &ModelServer, head: &str, body: &str) -> (String, String) {
    let address = server.url().trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).expect("connecting");
    let length = body.len();
    let request = format!(
        "{head}\r\nhost: {address}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).expect("sending");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("receiving");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a response");
    (head.to_owned(), body.to_owned())
}

fn ask(server: &ModelServer, path: &str, body: &Value) -> (String, Value) {
    let (head, body) = exchange(server, &format!("POST {path} HTTP/1.1"), &body.to_string());
    (head, serde_json::from_str(&body).unwrap_or(Value::Null))
}

fn message(prompt: &str) -> Value {
    json!({ "model": "m", "messages": [{ "role": "user", "content": prompt }] })
}

fn text_of(answer: &Value) -> String {
    answer["content"][0]["text"]
        .as_str()
        .or(answer["error"]["message"].as_str())
        .unwrap_or_default()
        .to_owned()
}

#[test]
fn the_first_rule_that_holds_answers_and_only_so_often_as_it_may() {
    let server = ModelServer::start();
    server.script(
        Script::new()
            .rule(Rule::new(When::critic(), Answer::text("revise")).times(1))
            .rule(Rule::new(When::critic().and(When::prompt("head")), Answer::text("approve")))
            .rule(Rule::new(When::coder(), Answer::text("coded"))),
    );
    let critic = message("Nonce: 1, head 2");
    let said: Vec<String> = [&message("Do it."), &critic, &critic, &message("nonce 3")]
        .map(|body| text_of(&ask(&server, "/v1/messages", body).1))
        .to_vec();
    assert_eq!(said[..3], ["coded", "revise", "approve"]);
    assert!(said[3].contains("no rule"), "{said:?}");
    assert_eq!(
        server.unanswered().iter().map(RecordedRequest::prompt).collect::<Vec<_>>(),
        ["nonce 3"]
    );
}

#[test]
fn an_answer_may_echo_the_prompt_and_a_panic_in_it_is_told() {
    let server = ModelServer::start();
    let echo = |request: &RecordedRequest| {
        Answer::Text(request.word_after("nonce").expect("a nonce in the prompt"))
    };
    server.script(Script::new().rule(Rule::new(When::any(), Answer::from_request(echo))));
    let (_, echoed) = ask(&server, "/v1/messages", &message("the nonce: \"4f-2a\", quoted"));
    let (head, panicked) = ask(&server, "/v1/messages", &message("without one"));
    assert_eq!(text_of(&echoed), "4f-2a");
    assert!(
        head.starts_with("HTTP/1.1 400") && text_of(&panicked).contains("panicked"),
        "{head} {panicked}"
    );
}

#[test]
fn responses_are_plain_json_unless_a_stream_is_asked_for() {
    let server = ModelServer::start();
    server.script(
        Script::new().rule(Rule::new(When::any(), Answer::Tools(vec![ToolCall::bash("true")]))),
    );
    let (head, plain) = ask(&server, "/v1/responses", &json!({ "model": "m", "input": "hello" }));
    assert!(head.contains("application/json"), "{head}");
    assert_eq!(plain["output"][0]["name"], "exec_command");
    let streamed = json!({ "model": "m", "input": "hello", "stream": true }).to_string();
    let (head, body) = exchange(&server, "POST /v1/responses HTTP/1.1", &streamed);
    assert!(
        head.contains("text/event-stream") && body.contains("event: response.completed"),
        "{head}\n{body}"
    );
}

#[test]
fn a_verbatim_response_is_passed_on_as_it_is() {
    let server = ModelServer::start();
    let headers = vec![
        ("content-type".to_owned(), "text/html".to_owned()),
        ("x-one".to_owned(), "1".to_owned()),
    ];
    let page = Answer::Status { code: 200, body: "<html>".to_owned(), headers };
    server.script(Script::new().rule(Rule::new(When::any(), page)));
    let (head, body) =
        exchange(&server, "POST /v1/messages?beta=true HTTP/1.1", &message("x").to_string());
    assert!(head.contains("text/html") && head.contains("x-one: 1"), "{head}");
    assert_eq!(body, "<html>");
}

#[test]
fn side_calls_are_answered_without_a_script() {
    let server = ModelServer::start();
    let (head, count) = ask(&server, "/v1/messages/count_tokens?beta=true", &message("x"));
    assert!(head.starts_with("HTTP/1.1 200") && count["input_tokens"].is_u64(), "{head} {count}");
    for (request, status) in [
        ("GET /v1/models HTTP/1.1", "200"),
        ("GET /v1/responses HTTP/1.1\r\nconnection: upgrade\r\nupgrade: websocket", "426"),
        ("GET /elsewhere HTTP/1.1", "404"),
    ] {
        let (head, _) = exchange(&server, request, "");
        assert!(head.starts_with(&format!("HTTP/1.1 {status}")), "{request}: {head}");
    }
    let recorded: Vec<String> =
        server.requests().into_iter().map(|request| request.answer).collect();
    assert_eq!(recorded, ["token count", "model list", "upgrade refused", "unknown path"]);
    assert!(server.model_calls().is_empty());
}

#[test]
fn dropping_the_server_cuts_a_request_that_hangs() {
    let server = ModelServer::start();
    server.script(Script::new().rule(Rule::new(When::any(), Answer::Hang)));
    let mut stream =
        TcpStream::connect(server.url().trim_start_matches("http://")).expect("connecting");
    let body = message("x").to_string();
    let head =
        format!("POST /v1/messages HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", body.len());
    stream
        .write_all(head.as_bytes())
        .and_then(|()| stream.write_all(body.as_bytes()))
        .expect("sending");
    let arrived =
        |requests: &[RecordedRequest]| requests.iter().any(|request| request.answer == "hang");
    assert!(server.wait_until(super::TURN_BOUND, arrived));
    drop(server);
    let mut rest = Vec::new();
    // Closed or reset, either way at once and without an answer.
    drop(stream.read_to_end(&mut rest));
    assert!(rest.is_empty());
}
