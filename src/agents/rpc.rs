//! JSON-RPC, one message per line, as the agents' protocols speak it.

use serde_json::{Value, json};

/// A message from the agent.
pub(super) enum Message {
    /// The answer to one of our requests.
    Response {
        /// Ours.
        id: u64,
        /// The result, or the error object.
        result: Result<Value, Value>,
    },
    /// It wants an answer from us.
    Request {
        /// Its own, whatever its type.
        id: Value,
        /// What it asks.
        method: String,
        /// About what.
        params: Value,
    },
    /// It tells something.
    Notification {
        /// What.
        method: String,
        /// More of it.
        params: Value,
    },
}

/// Reads a line; nothing when it is no message.
pub(super) fn read(line: &str) -> Option<Message> {
    let Ok(Value::Object(mut fields)) = serde_json::from_str(line) else { return None };
    let params = fields.remove("params").unwrap_or_default();
    match (fields.remove("method"), fields.remove("id")) {
        (Some(Value::String(method)), None | Some(Value::Null)) => {
            Some(Message::Notification { method, params })
        }
        (Some(Value::String(method)), Some(id)) => Some(Message::Request { id, method, params }),
        (_, Some(id)) => {
            let result = match fields.remove("error") {
                Some(error) if !error.is_null() => Err(error),
                _ => Ok(fields.remove("result").unwrap_or_default()),
            };
            Some(Message::Response { id: id.as_u64()?, result })
        }
        (_, None) => None,
    }
}

/// A request of ours, as a line.
pub(super) fn request(id: u64, method: &str, params: &Value) -> String {
    line(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }))
}

/// Something that needs no answer, as a line.
pub(super) fn notification(method: &str, params: &Value) -> String {
    line(&json!({ "jsonrpc": "2.0", "method": method, "params": params }))
}

/// Our answer, as a line.
pub(super) fn response(id: &Value, result: &Value) -> String {
    line(&json!({ "jsonrpc": "2.0", "id": id, "result": result }))
}

/// Our answer to what we do not do, as a line.
pub(super) fn not_supported(id: &Value, method: &str) -> String {
    let error = json!({ "code": -32601, "message": format!("{method} is not supported here") });
    line(&json!({ "jsonrpc": "2.0", "id": id, "error": error }))
}

fn line(message: &Value) -> String {
    format!("{message}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_told_apart_by_their_fields() {
        let read = |line: &str| match read(line) {
            None => "nothing".to_owned(),
            Some(Message::Response { id, result: Ok(result) }) => format!("{id} = {result}"),
            Some(Message::Response { id, result: Err(error) }) => format!("{id} failed: {error}"),
            Some(Message::Request { id, method, .. }) => format!("{id} asks {method}"),
            Some(Message::Notification { method, params }) => format!("told {method} {params}"),
        };
        let rows = [
            (r#"{"jsonrpc":"2.0","id":3,"result":{"a":1}}"#, r#"3 = {"a":1}"#),
            (r#"{"id":3,"error":{"code":1}}"#, r#"3 failed: {"code":1}"#),
            (r#"{"id":"x-1","method":"ask","params":{}}"#, r#""x-1" asks ask"#),
            (r#"{"id":0,"method":"ask"}"#, "0 asks ask"),
            (r#"{"method":"tell","params":{"b":2}}"#, r#"told tell {"b":2}"#),
            (r#"{"id":"not ours","result":{}}"#, "nothing"),
            ("[1]", "nothing"),
            ("log line", "nothing"),
        ];
        for (line, expected) in rows {
            assert_eq!(read(line), expected, "{line}");
        }
        assert_eq!(request(1, "a", &json!({})).lines().count(), 1);
        assert!(not_supported(&json!("q"), "fs/read").ends_with("}\n"));
    }
}
