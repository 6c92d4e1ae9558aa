//! The result line of Claude Code: what was used, and what went wrong.

use serde_json::Value;

use crate::domain::budget::Usage;
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::time::Timestamp;

use super::super::{ProcessEnd, classification, money};
use super::transcript;

/// What earlier lines say about a failed result.
pub(super) struct Evidence<'a> {
    /// The provider's word on the last failed model call.
    pub(super) api_error: Option<&'a str>,
    /// The model refused, by the protocol and not by its prose.
    pub(super) refused: bool,
    /// A usage window is used up, until then if known.
    pub(super) rejected_until: Option<Option<Timestamp>>,
}

impl Evidence<'_> {
    /// Classifies a result line with `is_error`.
    pub(super) fn failure(&self, result: &Value, now: Timestamp) -> Failure {
        let said = complaint(result);
        classification::failure(self.class(result, &said, now), &said)
    }

    fn class(&self, result: &Value, said: &str, now: Timestamp) -> FailureClass {
        match (result["subtype"].as_str(), result["terminal_reason"].as_str()) {
            (Some("error_max_turns" | "error_max_budget_usd"), _) => return FailureClass::Agent,
            (_, Some("prompt_too_long")) => return FailureClass::ContextOverflow,
            _ => {}
        }
        if self.refused || result["stop_reason"] == "refusal" {
            return FailureClass::Agent;
        }
        let status = result["api_error_status"].as_u64().and_then(|code| u16::try_from(code).ok());
        let limited = status == Some(429) || self.api_error == Some("rate_limit");
        if let Some(until) = self.rejected_until.filter(|_| limited || status.is_none()) {
            return FailureClass::Quota { until };
        }
        if let Some(status) = status {
            return classification::of_status(status, said, Some(now));
        }
        let by_message = classification::of_message(said, Some(now));
        match (self.api_error, by_message) {
            (Some("max_output_tokens"), _) => FailureClass::Agent,
            (Some("authentication_failed"), _) => FailureClass::Authentication,
            (Some("model_not_found"), _) => FailureClass::Configuration,
            (Some("billing_error"), _) => FailureClass::Quota { until: None },
            (Some("server_error" | "overloaded" | "unknown"), _) => FailureClass::Infrastructure,
            (_, Some(class)) => class,
            (Some("rate_limit"), None) => FailureClass::Throttled { until: None },
            (_, None) => FailureClass::Infrastructure,
        }
    }
}

/// Classifies a process that ended without a result line.
pub(super) fn without_result(end: &ProcessEnd<'_>) -> Failure {
    let reason = classification::last_line(end.stderr_tail);
    let class = reason
        .and_then(|_| classification::of_message(end.stderr_tail, Some(end.now)))
        .unwrap_or(FailureClass::Infrastructure);
    let how = classification::manner(end.exit);
    let said = reason.unwrap_or("nothing on standard error");
    classification::failure(class, &format!("no result before {how}: {said}"))
}

/// Tokens and money of the whole process, sub-agents and side calls included.
pub(super) fn total_usage(result: &Value) -> Usage {
    let models = result["modelUsage"].as_object().filter(|models| !models.is_empty());
    let mut total = match models {
        None => transcript::tokens(&result["usage"]),
        Some(models) => {
            let mut sum = Usage::default();
            for model in models.values() {
                let count = |name: &str| model[name].as_u64().unwrap_or(0);
                sum += Usage {
                    input_tokens: count("inputTokens"),
                    output_tokens: count("outputTokens"),
                    cache_read_tokens: count("cacheReadInputTokens"),
                    cache_write_tokens: count("cacheCreationInputTokens"),
                    ..Usage::default()
                };
            }
            sum
        }
    };
    match result["total_cost_usd"].as_f64() {
        Some(dollars) => total.cost_micro_usd = money::micro_dollars(dollars),
        None => total.unpriced_calls = 1,
    }
    total
}

fn complaint(result: &Value) -> String {
    let errors = result["errors"].as_array().into_iter().flatten();
    let errors: Vec<&str> = errors.filter_map(Value::as_str).collect();
    match result["result"].as_str() {
        Some(text) if !text.is_empty() => text.to_owned(),
        _ if errors.is_empty() => {
            result["subtype"].as_str().unwrap_or("failed without a reason").to_owned()
        }
        _ => errors.join("; "),
    }
}
