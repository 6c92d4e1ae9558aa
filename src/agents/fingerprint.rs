//! Equal tool calls, recognised as equal.

use serde_json::Value;
use sha2::{Digest, Sha256};

/// A short hash over a tool's name and arguments that does not depend on the order of keys.
pub(super) fn of_call(name: &str, arguments: &Value) -> String {
    let mut text = String::from(name);
    text.push('\n');
    canonical(arguments, &mut text);
    hex::encode(&Sha256::digest(text.as_bytes())[..8])
}

fn canonical(value: &Value, out: &mut String) {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by_key(|(key, _)| *key);
            out.push('{');
            for (key, value) in entries {
                out.push_str(&Value::from(key.as_str()).to_string());
                out.push(':');
                canonical(value, out);
                out.push(',');
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for item in items {
                canonical(item, out);
                out.push(',');
            }
            out.push(']');
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            out.push_str(&value.to_string());
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::of_call;

    #[test]
    fn equal_calls_have_equal_fingerprints_whatever_the_order_of_keys() {
        let one = of_call("Bash", &json!({"command": "ls", "more": {"a": 1, "b": [2, 3]}}));
        let same = of_call("Bash", &json!({"more": {"b": [2, 3], "a": 1}, "command": "ls"}));
        assert_eq!(one, same);
        assert_ne!(one, of_call("Read", &json!({"command": "ls", "more": {"a": 1, "b": [2, 3]}})));
        assert_ne!(one, of_call("Bash", &json!({"command": "ls", "more": {"a": 1, "b": [3, 2]}})));
    }
}
