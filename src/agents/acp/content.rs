//! What the messages of the Agent Client Protocol hold.

use serde_json::{Value, json};

use crate::domain::budget::Usage;

use super::super::money;

/// Kinds of tool calls that change nothing.
const READING: &[&str] = &["read", "search", "think"];

/// The text of a content block.
pub(super) fn text(block: &Value) -> Option<&str> {
    (block["type"] == "text").then(|| block["text"].as_str()).flatten()
}

/// What a tool call printed: the texts of its content, joined.
pub(super) fn output(content: &Value) -> String {
    let blocks = content.as_array().into_iter().flatten();
    let texts: Vec<&str> = blocks.filter_map(|block| text(&block["content"])).collect();
    texts.join("\n")
}

/// The answer to a request for permission: the narrowest option that fits the policy, or none of them.
pub(super) fn decision(params: &Value, read_only: bool) -> Value {
    let kind = params["toolCall"]["kind"].as_str().unwrap_or("other");
    let allowed = !read_only || READING.contains(&kind);
    let wanted: &[&str] =
        if allowed { &["allow_once", "allow_always"] } else { &["reject_once", "reject_always"] };
    let options = || params["options"].as_array().into_iter().flatten();
    let found = wanted.iter().find_map(|kind| options().find(|option| option["kind"] == *kind));
    match found {
        Some(option) => {
            json!({ "outcome": { "outcome": "selected", "optionId": option["optionId"] } })
        }
        None => json!({ "outcome": { "outcome": "cancelled" } }),
    }
}

/// The tokens of a turn. Some count what came from the cache among the input, and then the sum tells.
pub(super) fn tokens(usage: &Value) -> Usage {
    let count = |name: &str| usage[name].as_u64().unwrap_or(0);
    let (input, output) = (count("inputTokens"), count("outputTokens"));
    let (read, written) = (count("cachedReadTokens"), count("cachedWriteTokens"));
    let included = count("totalTokens") == input + output;
    Usage {
        input_tokens: if included { input.saturating_sub(read + written) } else { input },
        output_tokens: output,
        cache_read_tokens: read,
        cache_write_tokens: written,
        ..Usage::default()
    }
}

/// What a session has cost so far.
pub(super) fn cost(update: &Value) -> Option<u64> {
    let cost = &update["cost"];
    (cost["currency"] == "USD").then(|| cost["amount"].as_f64().map(money::micro_dollars)).flatten()
}
