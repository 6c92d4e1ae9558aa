//! What the messages of the app server hold.

use serde_json::Value;

use crate::domain::budget::Usage;

/// What an error says to people.
pub(super) fn message(error: &Value) -> &str {
    error["message"].as_str().unwrap_or("failed without a reason")
}

/// The tool and the arguments of an item that is a call.
pub(super) fn tool(item: &Value) -> Option<(String, Value)> {
    match item["type"].as_str()? {
        "commandExecution" => Some(("shell".to_owned(), item["command"].clone())),
        "fileChange" => Some(("apply_patch".to_owned(), item["changes"].clone())),
        "webSearch" => Some(("web_search".to_owned(), item["query"].clone())),
        "mcpToolCall" => {
            let part = |name: &str| item[name].as_str().unwrap_or_default().to_owned();
            let name = format!("mcp__{}__{}", part("server"), part("tool"));
            Some((name, item["arguments"].clone()))
        }
        _ => None,
    }
}

/// What a call that failed says.
pub(super) fn complaint(item: &Value) -> String {
    let output = item["aggregatedOutput"].as_str().unwrap_or_default().trim();
    match (item["error"]["message"].as_str(), item["exitCode"].as_i64()) {
        (Some(error), _) => error.to_owned(),
        (None, Some(code)) => format!("exit code {code}: {output}"),
        (None, None) => "failed".to_owned(),
    }
}

/// What is more in `total` than in `earlier`.
pub(super) fn less(total: Usage, earlier: Usage) -> Usage {
    Usage {
        input_tokens: total.input_tokens.saturating_sub(earlier.input_tokens),
        output_tokens: total.output_tokens.saturating_sub(earlier.output_tokens),
        cache_read_tokens: total.cache_read_tokens.saturating_sub(earlier.cache_read_tokens),
        cache_write_tokens: total.cache_write_tokens.saturating_sub(earlier.cache_write_tokens),
        ..Usage::default()
    }
}

/// Input counts include what was read from and written to the cache; ours do not.
pub(super) fn tokens(usage: &Value) -> Usage {
    let count = |name: &str| usage[name].as_u64().unwrap_or(0);
    let cache_read_tokens = count("cachedInputTokens");
    let cache_write_tokens = count("cacheWriteInputTokens");
    Usage {
        input_tokens: count("inputTokens")
            .saturating_sub(cache_read_tokens)
            .saturating_sub(cache_write_tokens),
        output_tokens: count("outputTokens"),
        cache_read_tokens,
        cache_write_tokens,
        ..Usage::default()
    }
}
