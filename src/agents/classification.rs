//! What a provider's complaint means: the one place that reads error messages.
//!
//! Statuses and machine-readable words come first; sentences are the last resort, because they change. The sentences are
//! those recorded from the real programs in `tests/fixtures/agents`.

use std::sync::LazyLock;

use regex::Regex;

use super::{MESSAGE_LIMIT, ProcessEnd, reset_time};
use crate::domain::agent::ExitEvidence;
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::time::Timestamp;

/// Longest final text, in bytes.
pub(super) const TEXT_LIMIT: usize = 256 * 1024;

const CONTEXT_OVERFLOW: &[&str] = &[
    "prompt is too long",
    "context window",
    "context_length_exceeded",
    "maximum context length",
    "input_too_large",
    "piped stdin input exceeds",
    "request too large",
    "request_too_large",
];

const QUOTA: &[&str] = &[
    "usage limit",
    "usage_limit",
    "insufficient_quota",
    "exceeded your current quota",
    "credit balance",
    "out of credits",
    "billing_error",
];

/// What a subscriber's Claude Code says of a 429 that has nothing to do with the subscription.
const NOT_QUOTA: &str = "not your usage limit";

const THROTTLED: &[&str] =
    &["too many requests", "rate limit", "rate_limit", "temporarily limiting requests"];

const AUTHENTICATION: &[&str] = &[
    "authentication_failed",
    "authentication_error",
    "failed to authenticate",
    "unauthorized",
    "not logged in",
    "please run /login",
    "invalid api key",
    "invalid x-api-key",
    "missing environment variable",
    "token expired",
    "refresh token",
];

const CONFIGURATION: &[&str] = &[
    "model_not_found",
    "issue with the selected model",
    "unknown option",
    "unexpected argument",
    "not inside a trusted directory",
    "cannot be used with root",
    "error loading config",
    "could not start",
];

static LIMIT_HIT: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?i)\bhit your (?:[\w-]+ )*limit\b|\blimit reached\b"));

static STATUS: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(?i)\b(?:status|http|error)(?: code)?[:\s]{1,3}([45]\d\d)\b|\(([45]\d\d)\)")
});

/// Lines that are printed whatever happens: what a program logs, and what Codex says of every start.
static LOG: LazyLock<Regex> = LazyLock::new(|| {
    pattern(concat!(
        r"\[(?:DEBUG|INFO|WARNING)\]|^Reading |could not create PATH aliases|find bubblewrap|",
        r"^Project-local config|^\s+(?:\d+\. /|To load project-local)",
    ))
});

#[expect(clippy::expect_used, reason = "the patterns are constants, compiled by the tests")]
fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a valid pattern")
}

/// The class of a failure that only a sentence tells about; `None` when nothing in it is known.
pub(super) fn of_message(message: &str, now: Option<Timestamp>) -> Option<FailureClass> {
    let lower = message.to_lowercase().replace(NOT_QUOTA, "");
    let any = |phrases: &[&str]| phrases.iter().any(|phrase| lower.contains(phrase));
    if any(CONTEXT_OVERFLOW) {
        return Some(FailureClass::ContextOverflow);
    }
    if any(QUOTA) || LIMIT_HIT.is_match(message) {
        return Some(FailureClass::Quota { until: reset_time::parse(message, now) });
    }
    if let Some(class) = status_in(message).and_then(plain_status) {
        return Some(class);
    }
    if any(THROTTLED) {
        return Some(FailureClass::Throttled { until: None });
    }
    if any(AUTHENTICATION) {
        return Some(FailureClass::Authentication);
    }
    any(CONFIGURATION).then_some(FailureClass::Configuration)
}

/// The class of a failure with an HTTP status; the message tells a used-up quota from a plain 429.
pub(super) fn of_status(status: u16, message: &str, now: Option<Timestamp>) -> FailureClass {
    let said = of_message(message, now);
    match (status, said) {
        (
            400 | 413 | 429,
            Some(class @ (FailureClass::Quota { .. } | FailureClass::ContextOverflow)),
        ) => class,
        _ => plain_status(status).unwrap_or(FailureClass::Infrastructure),
    }
}

fn plain_status(status: u16) -> Option<FailureClass> {
    match status {
        401 | 403 => Some(FailureClass::Authentication),
        402 => Some(FailureClass::Quota { until: None }),
        404 => Some(FailureClass::Configuration),
        413 => Some(FailureClass::ContextOverflow),
        429 => Some(FailureClass::Throttled { until: None }),
        408 | 409 | 425 | 500..=599 => Some(FailureClass::Infrastructure),
        _ => None,
    }
}

fn status_in(message: &str) -> Option<u16> {
    let found = STATUS.captures(message)?;
    found.get(1).or_else(|| found.get(2))?.as_str().parse().ok()
}

/// Whether the provider refuses further calls for now.
pub(super) fn is_rate_limit(class: FailureClass) -> bool {
    match class {
        FailureClass::Throttled { .. } | FailureClass::Quota { .. } => true,
        FailureClass::Agent
        | FailureClass::Infrastructure
        | FailureClass::Budget
        | FailureClass::Authentication
        | FailureClass::Configuration
        | FailureClass::ContextOverflow
        | FailureClass::Cancelled => false,
    }
}

/// A failure whose message is one line of at most [`MESSAGE_LIMIT`] characters.
pub(super) fn failure(class: FailureClass, message: &str) -> Failure {
    Failure::new(class, one_line(message))
}

/// The text on one line, at most [`MESSAGE_LIMIT`] characters.
pub(super) fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let line = words.join(" ");
    match line.char_indices().nth(MESSAGE_LIMIT) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// How a process ended, in words.
pub(super) fn manner(exit: ExitEvidence) -> String {
    match (exit.code, exit.signal) {
        (_, Some(signal)) => format!("signal {signal}"),
        (Some(code), None) => format!("exit code {code}"),
        (None, None) => "an unknown exit".to_owned(),
    }
}

/// A process that ended without a word on how its turn did: what standard error says of it, but for log lines.
pub(super) fn broke_off(end: &ProcessEnd<'_>) -> Failure {
    let lines: Vec<&str> = end.stderr_tail.lines().filter(|line| !LOG.is_match(line)).collect();
    let said = lines.join("\n");
    let reason = last_line(&said);
    let class = reason
        .and_then(|_| of_message(&said, Some(end.now)))
        .unwrap_or(FailureClass::Infrastructure);
    let said = reason.unwrap_or("nothing on standard error");
    failure(class, &format!("no end of turn before {}: {said}", manner(end.exit)))
}

/// The last non-empty line of standard error, where programs put the reason.
pub(super) fn last_line(stderr: &str) -> Option<&str> {
    stderr.lines().rev().map(str::trim).find(|line| !line.is_empty())
}

/// The end of a long text, cut between characters.
pub(super) fn bounded_text(text: String) -> String {
    if text.len() <= TEXT_LIMIT {
        return text;
    }
    let start = (text.len() - TEXT_LIMIT..text.len())
        .find(|index| text.is_char_boundary(*index))
        .unwrap_or(text.len());
    text[start..].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(message: &str) -> Option<&'static str> {
        of_message(message, None).map(FailureClass::word)
    }

    #[test]
    fn recorded_sentences_are_recognised() {
        let rows = [
            ("API Error: Request rejected (429) · fake rate limit exceeded", "throttled"),
            ("exceeded retry limit, last status: 429 Too Many Requests", "throttled"),
            ("API call failed after 3 retries: HTTP 429: slow down", "throttled"),
            ("You've hit your 5-hour limit · resets 11:43am (UTC)", "quota"),
            ("You've hit your weekly limit · resets Nov 22, 6:16pm (UTC)", "quota"),
            ("You’ve hit your usage limit. Upgrade to Pro or try again at 2:28 PM.", "quota"),
            ("You exceeded your current quota, please check your plan (429)", "quota"),
            ("Your credit balance is too low to access the API", "quota"),
            ("unexpected status 401 Unauthorized: bad key, url: http://h/v1", "authentication"),
            ("Failed to authenticate. API Error: 403 fake failure", "authentication"),
            ("Not logged in · Please run /login", "authentication"),
            ("Invalid API key · Fix external API key", "authentication"),
            ("Missing environment variable: `FAKE_API_KEY`.", "authentication"),
            ("Prompt is too long · this conversation is a single exchange", "context overflow"),
            ("Codex ran out of room in the model's context window.", "context overflow"),
            ("Error: piped stdin input exceeds 10MB", "context overflow"),
            ("API Error: 500 fake internal error.", "infrastructure"),
            ("API Error: 529 overloaded.", "infrastructure"),
            ("unexpected status 404 Not Found: no such model", "configuration"),
            ("error: unknown option '--nosuch'", "configuration"),
            (
                "Claude Code could not start: bubblewrap is required for subprocess env scrubbing and isolation.",
                "configuration",
            ),
        ];
        for (message, expected) in rows {
            assert_eq!(class(message), Some(expected), "{message}");
        }
    }

    #[test]
    fn what_is_not_the_usage_limit_by_its_own_word_is_no_quota() {
        let said =
            "API Error: Server is temporarily limiting requests (not your usage limit) · slow down";
        assert_eq!(class(said), Some("throttled"));
        assert_eq!(of_status(429, said, None), FailureClass::Throttled { until: None });
        assert_eq!(
            class("This is not your usage limit. You've hit your weekly limit"),
            Some("quota")
        );
    }

    #[test]
    fn what_is_always_logged_is_no_reason() {
        let logged = "2026-11-20 17:30:33 [INFO] run_agent: HTTP 429 is waited for\n\
            \u{1b}[31mERROR\u{1b}[0m codex_app_server: Codex could not find bubblewrap on PATH.\n";
        let end = |stderr_tail| ProcessEnd {
            exit: ExitEvidence { code: None, signal: Some(9) },
            stderr_tail,
            answer: None,
            now: Timestamp(0),
            stopped: None,
        };
        let failed = broke_off(&end(logged));
        assert_eq!(failed.class, FailureClass::Infrastructure);
        assert_eq!(failed.message, "no end of turn before signal 9: nothing on standard error");
        let failed = broke_off(&end("not logged in\n[INFO] bye\n"));
        assert_eq!(failed.class, FailureClass::Authentication);
        assert!(failed.message.ends_with("not logged in"), "{}", failed.message);
    }

    #[test]
    fn numbers_that_are_no_statuses_mean_nothing() {
        assert_eq!(class("processed 429 files, 401 of them twice"), None);
        assert_eq!(class("stream disconnected before completion"), None);
    }

    #[test]
    fn a_429_is_a_quota_only_when_it_says_so() {
        assert_eq!(of_status(429, "slow down", None), FailureClass::Throttled { until: None });
        assert_eq!(
            of_status(429, "You've hit your weekly limit", None),
            FailureClass::Quota { until: None }
        );
        assert_eq!(of_status(503, "usage limit", None), FailureClass::Infrastructure);
        assert_eq!(of_status(400, "bad request", None), FailureClass::Infrastructure);
    }

    #[test]
    fn a_long_text_keeps_its_end_and_its_characters() {
        let text = format!("{}{}", "é".repeat(TEXT_LIMIT), "end");
        let kept = bounded_text(text);
        assert!(kept.len() <= TEXT_LIMIT && kept.ends_with("éend"));
        assert_eq!(one_line(&"ü ".repeat(1000)).chars().count(), MESSAGE_LIMIT + 1);
    }
}
