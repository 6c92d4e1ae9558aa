//! What a refused or broken request means: whose move it is, and whether to ask again.
//!
//! Machine-readable words of the provider come before its sentences: the usual sentence for a short throttle reads like
//! one for a used-up quota.

use std::time::Duration;

use serde_json::Value;

use crate::agents::{classification, reset_time};
use crate::domain::failure::FailureClass;
use crate::domain::time::Timestamp;

use super::Tokens;

/// A request without an answer.
#[derive(Debug, Clone, PartialEq)]
pub(in super::super) struct Trouble {
    /// What it means for the turn if nothing helps.
    pub(in super::super) class: FailureClass,
    /// What happened.
    pub(in super::super) message: String,
    /// Whether to ask again.
    pub(in super::super) again: Again,
    /// Whether the model had begun to answer, which costs money.
    pub(in super::super) begun: bool,
    /// What was used by then, if the server said so.
    pub(in super::super) tokens: Option<Tokens>,
}

/// Whether to ask again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Again {
    /// It would be answered in the same way.
    No,
    /// After the time that the server named, if it did.
    Later(Option<Duration>),
    /// With a shorter conversation.
    Shorter,
}

/// The parts of a refusal's head that say when to come back.
#[derive(Debug, Clone, Default)]
pub(super) struct RetryHeaders {
    /// `retry-after`: seconds or an HTTP date.
    pub(super) retry_after: Option<String>,
    /// `retry-after-ms`.
    pub(super) retry_after_ms: Option<String>,
}

/// Words for a limit that is over in a moment.
const THROTTLE_CODES: &[&str] = &[
    "rate_limit_exceeded",
    "rate_limit_error",
    "rate_limit",
    "tokens",
    "requests",
    "too_many_requests",
];

/// How such limits are worded when no code is given.
const THROTTLE_SENTENCES: &[&str] =
    &["rate limit reached", "rate limit exceeded", "too many requests"];

impl Trouble {
    /// The connection could not be made, broke, or said nothing for too long.
    pub(in super::super) fn connection(message: impl Into<String>) -> Self {
        Self {
            class: FailureClass::Infrastructure,
            message: message.into(),
            again: Again::Later(None),
            begun: false,
            tokens: None,
        }
    }

    /// The request cannot even be made.
    pub(in super::super) fn configuration(message: impl Into<String>) -> Self {
        let message = message.into();
        let class = FailureClass::Configuration;
        Self { class, message, again: Again::No, begun: false, tokens: None }
    }

    /// The same after the model had begun to answer.
    pub(super) fn after_beginning(self, tokens: Option<Tokens>) -> Self {
        Self { begun: true, tokens, ..self }
    }

    /// The server answered with a status that is no success.
    pub(super) fn status(status: u16, headers: &RetryHeaders, body: &str, now: Timestamp) -> Self {
        let parsed = serde_json::from_str::<Value>(body).unwrap_or(Value::Null);
        let error = if parsed["error"].is_object() { &parsed["error"] } else { &parsed };
        let said = said(error, body);
        let message = format!("status {status}: {}", classification::one_line(&said));
        let wait = retry_after(headers, now);
        let class = class_of(status, error, body, wait, now);
        Self { class, message, again: again(class, status, wait), begun: false, tokens: None }
    }

    /// The server reported a failure in the middle of a stream that had begun as a success.
    pub(super) fn in_stream(error: &Value, now: Timestamp) -> Self {
        let status = error["status"].as_u64().or_else(|| error["code"].as_u64());
        let status = status.and_then(|status| u16::try_from(status).ok());
        let text = error.to_string();
        let said = said(error, &text);
        let class = match status {
            Some(status) => class_of(status, error, &text, None, now),
            None if is_throttle(error, &said) => FailureClass::Throttled { until: None },
            None => {
                classification::of_message(&text, Some(now)).unwrap_or(FailureClass::Infrastructure)
            }
        };
        let message = format!("the answer failed: {}", classification::one_line(&said));
        let again = again(class, status.unwrap_or(500), None);
        Self { class, message, again, begun: true, tokens: None }
    }
}

fn class_of(
    status: u16,
    error: &Value,
    body: &str,
    wait: Option<Duration>,
    now: Timestamp,
) -> FailureClass {
    let until = wait.map(|wait| now.after(wait));
    if status == 429 && is_throttle(error, &said(error, body)) {
        return FailureClass::Throttled { until };
    }
    match classification::of_status(status, body, Some(now)) {
        FailureClass::Throttled { until: None } => FailureClass::Throttled { until },
        FailureClass::Quota { until: None } => FailureClass::Quota { until },
        // A request that is wrong today is wrong tomorrow.
        FailureClass::Infrastructure if (300..500).contains(&status) && !is_passing(status) => {
            classification::of_message(body, Some(now)).unwrap_or(FailureClass::Configuration)
        }
        class => class,
    }
}

fn is_passing(status: u16) -> bool {
    matches!(status, 408 | 409 | 425)
}

fn again(class: FailureClass, status: u16, wait: Option<Duration>) -> Again {
    match class {
        FailureClass::Throttled { .. } => Again::Later(wait),
        FailureClass::Infrastructure if status >= 500 || is_passing(status) => Again::Later(wait),
        FailureClass::ContextOverflow => Again::Shorter,
        FailureClass::Infrastructure
        | FailureClass::Agent
        | FailureClass::Quota { .. }
        | FailureClass::Authentication
        | FailureClass::Configuration
        | FailureClass::Budget
        | FailureClass::Cancelled => Again::No,
    }
}

fn is_throttle(error: &Value, said: &str) -> bool {
    let words: Vec<&str> =
        ["code", "type"].iter().filter_map(|name| error[*name].as_str()).collect();
    if words.iter().any(|word| {
        word.contains("usage_limit") || word.contains("quota") || word.contains("billing")
    }) {
        return false;
    }
    let lower = said.to_lowercase();
    words.iter().any(|word| THROTTLE_CODES.contains(word))
        || THROTTLE_SENTENCES.iter().any(|sentence| lower.contains(sentence))
}

/// The provider's sentence.
fn said(error: &Value, body: &str) -> String {
    let found = ["message", "detail", "error"].iter().find_map(|name| error[*name].as_str());
    let text = found.unwrap_or(body).trim();
    let text = if text.is_empty() { "nothing was said" } else { text };
    text.to_owned()
}

fn retry_after(headers: &RetryHeaders, now: Timestamp) -> Option<Duration> {
    let number = |text: &Option<String>| text.as_deref()?.trim().parse::<f64>().ok();
    let seconds = |seconds: f64| Duration::try_from_secs_f64(seconds).ok();
    if let Some(wait) = number(&headers.retry_after_ms).and_then(|ms| seconds(ms / 1000.0)) {
        return Some(wait);
    }
    if let Some(wait) = number(&headers.retry_after).and_then(seconds) {
        return Some(wait);
    }
    let at = reset_time::http_date(headers.retry_after.as_deref()?)?;
    Some(at.since(now))
}
