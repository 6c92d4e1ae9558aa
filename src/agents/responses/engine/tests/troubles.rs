//! A server that does not do what it should.

use std::time::Duration;

use serde_json::json;

use super::super::super::protocol::Line;
use super::super::super::server::{Ending, Reply};
use super::super::super::settings::Price;
use super::{Bench, DONE_TEXT, shell};
use crate::agents::AgentEvent;
use crate::agents::fixtures::NOW;
use crate::domain::budget::Usage;
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::time::Timestamp;

/// The beginning of a stream of two events.
fn half() -> Vec<u8> {
    let event = json!({ "type": "response.output_text.delta", "delta": "half" });
    format!("data: {event}\n\ndata: {{\"type\": \"respo").into_bytes()
}

#[tokio::test]
async fn an_empty_answer_is_asked_for_again_and_then_a_failure() {
    let bench = Bench::new(vec![Reply::items(&[]), Reply::text(DONE_TEXT)]);
    let turn = bench.turn().await;
    assert_eq!((turn.completed(), turn.nudges()), (DONE_TEXT, vec!["empty"]));
    assert!(bench.last_word().contains("Your answer was empty"));

    let turn = Bench::new(vec![Reply::items(&[])]).turn().await;
    assert_eq!(turn.failure(), &Failure::new(FailureClass::Agent, "an empty answer"));
    assert_eq!(turn.summary.usage.unpriced_calls, 3);
}

#[tokio::test]
async fn a_short_throttle_is_waited_for_within_the_turn() {
    let throttled = Reply::failure(429, "rate_limit_exceeded", "Rate limit reached for the-model")
        .header("retry-after", "0.01");
    let bench = Bench::new(vec![throttled.clone(), throttled, Reply::text(DONE_TEXT)]);
    let turn = bench.turn().await;
    turn.completed();
    let waits: Vec<u64> = turn
        .lines
        .iter()
        .filter_map(|line| match line {
            Line::Retrying { wait_ms, .. } => Some(*wait_ms),
            _ => None,
        })
        .collect();
    assert_eq!(waits, [10, 10]);
    assert_eq!(turn.summary.usage.unpriced_calls, 1, "what is refused costs nothing");
}

#[tokio::test]
async fn a_long_throttle_is_left_to_the_daemon() {
    let throttled =
        Reply::failure(429, "rate_limit_exceeded", "later").header("retry-after", "600");
    let bench = Bench::new(vec![throttled]);
    let turn = bench.turn().await;
    let until = Some(NOW.after(Duration::from_secs(600)));
    assert_eq!(turn.failure().class, FailureClass::Throttled { until });
    assert_eq!((bench.server.requests().len(), turn.retries()), (1, 0));
    assert!(
        turn.events.contains(&AgentEvent::RateLimited { class: FailureClass::Throttled { until } })
    );
}

#[tokio::test]
async fn a_used_up_quota_ends_the_turn_with_its_reset() {
    let body = json!({ "error": {
        "type": "usage_limit_reached", "message": "The usage limit has been reached", "resets_at": 1_795_190_000 } });
    let bench = Bench::new(vec![shell("true"), Reply::json(429, &body)]);
    let turn = bench.turn().await;
    let until = Some(Timestamp(1_795_190_000_000));
    assert_eq!(turn.failure().class, FailureClass::Quota { until });
    assert_eq!(turn.retries(), 0);
}

#[tokio::test]
async fn a_broken_server_is_asked_again_so_many_times() {
    let broken = || Reply::failure(500, "server_error", "out of order");
    let bench = Bench::new(vec![broken(), broken(), Reply::text(DONE_TEXT)]);
    let turn = bench.turn().await;
    turn.completed();
    assert_eq!(turn.retries(), 2);

    let bench = Bench::new(vec![broken()]);
    let turn = bench.turn().await;
    assert_eq!(turn.failure().class, FailureClass::Infrastructure);
    assert!(turn.failure().message.contains("status 500: out of order"), "{:?}", turn.failure());
    assert_eq!((bench.server.requests().len(), turn.retries()), (5, 4));
}

#[tokio::test]
async fn a_refused_key_and_an_unknown_model_are_not_tried_twice() {
    for (reply, class) in [
        (Reply::failure(401, "invalid_api_key", "Incorrect API key"), FailureClass::Authentication),
        (Reply::failure(404, "model_not_found", "no such model"), FailureClass::Configuration),
        (
            Reply::failure(400, "invalid_request_error", "Unsupported parameter"),
            FailureClass::Configuration,
        ),
    ] {
        let bench = Bench::new(vec![reply]);
        let turn = bench.turn().await;
        assert_eq!((turn.failure().class, bench.server.requests().len()), (class, 1));
    }
}

#[tokio::test]
async fn nobody_at_the_address_is_a_failure_of_the_infrastructure() {
    let bench = Bench::new(vec![Reply::text("")])
        .with(|brief| brief.base_url = "http://127.0.0.1:9/v1".to_owned());
    let turn = bench.turn().await;
    assert_eq!((turn.failure().class, turn.retries()), (FailureClass::Infrastructure, 4));
    let bench = bench.with(|brief| brief.base_url = "ftp://nowhere".to_owned());
    assert_eq!(bench.turn().await.failure().class, FailureClass::Configuration);
}

#[tokio::test]
async fn a_stalled_a_cut_and_an_early_ended_stream_are_asked_for_again() {
    for ending in [Ending::Stall, Ending::Cut, Ending::Close, Ending::Silence] {
        let bench = Bench::new(vec![Reply::raw(half()).ending(ending), Reply::text(DONE_TEXT)])
            .with(|brief| brief.idle_timeout_ms = 1000);
        let turn = bench.turn().await;
        assert_eq!((turn.completed(), turn.retries()), (DONE_TEXT, 1), "{ending:?}");
        // An answer that had begun may be charged for.
        let calls = if ending == Ending::Silence { 1 } else { 2 };
        assert_eq!(turn.summary.usage.unpriced_calls, calls, "{ending:?}");
    }
}

#[tokio::test]
async fn a_server_that_never_answers_is_given_up() {
    let bench = Bench::new(vec![Reply::raw(Vec::new()).ending(Ending::Silence)])
        .with(|brief| brief.idle_timeout_ms = 150);
    let turn = bench.turn().await;
    assert_eq!(turn.failure().class, FailureClass::Infrastructure);
    assert!(turn.failure().message.contains("said nothing for 0.15 s"), "{:?}", turn.failure());
}

#[tokio::test]
async fn a_failure_inside_a_stream_is_classified_and_paid_for() {
    let failed = |code: &str| {
        let response = json!({
            "status": "failed", "error": { "code": code, "message": "sorry" },
            "usage": { "input_tokens": 30, "output_tokens": 2 },
        });
        Reply::stream(&[json!({ "type": "response.failed", "response": response })])
    };
    let price = Price { input: 1_000_000, cached_input: 1_000_000, output: 1_000_000 };
    let bench = Bench::new(vec![failed("server_error"), failed("insufficient_quota")])
        .with(|brief| brief.price = Some(price));
    let turn = bench.turn().await;
    assert_eq!(turn.failure().class, FailureClass::Quota { until: None });
    let expected =
        Usage { input_tokens: 60, output_tokens: 4, cost_micro_usd: 64, ..Usage::default() };
    assert_eq!(turn.summary.usage, expected);
}

#[tokio::test]
async fn what_the_model_finds_too_long_is_shortened_until_it_cannot_be() {
    let overflow =
        || Reply::failure(400, "context_length_exceeded", "maximum context length is 10 tokens");
    let bench = Bench::new(vec![shell("seq 1 5000"), overflow(), Reply::text(DONE_TEXT)]);
    bench.turn().await.completed();
    let sizes: Vec<usize> =
        bench.server.bodies().iter().map(|body| body.to_string().len()).collect();
    assert!(sizes[2] < sizes[1], "{sizes:?}");

    let bench = Bench::new(vec![overflow()]);
    let turn = bench.turn().await;
    assert_eq!(turn.failure().class, FailureClass::ContextOverflow);
    assert_eq!(bench.server.requests().len(), 1, "there was nothing to shorten");
}
