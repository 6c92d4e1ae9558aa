//! The agent's side of the Agent Client Protocol. It asks before each call.

use std::io::{BufRead, Write};

use serde_json::{Value, json};

use super::{Call, Done, Manner};

pub(super) struct Acp {
    session: String,
    /// Of the request for this turn.
    turn: Value,
    /// Questions that it has asked.
    asked: u64,
}

impl Acp {
    pub(super) fn new(session: &str) -> Self {
        Self { session: session.to_owned(), turn: Value::Null, asked: 0 }
    }

    /// What it is told next; `None` when nobody is there any more.
    fn next(&self) -> Option<Value> {
        let mut line = String::new();
        let count = std::io::stdin().lock().read_line(&mut line).expect("standard input");
        (count > 0).then(|| serde_json::from_str(&line).expect("JSON"))
    }

    fn say(&self, mut message: Value) {
        message["jsonrpc"] = json!("2.0");
        let mut out = std::io::stdout().lock();
        writeln!(out, "{message}").expect("standard output");
    }

    fn update(&self, update: &Value) {
        let params = json!({ "sessionId": self.session, "update": update });
        self.say(json!({ "method": "session/update", "params": params }));
    }

    /// Goes when nobody talks to it any more.
    fn leave(&self) -> i32 {
        while self.next().is_some() {}
        0
    }
}

impl Manner for Acp {
    fn hear(&mut self) -> String {
        loop {
            let asked = self.next().expect("a prompt");
            let result = match asked["method"].as_str() {
                Some("initialize") => json!({ "protocolVersion": 1, "agentCapabilities": {} }),
                Some("session/new") => json!({ "sessionId": self.session }),
                Some("session/prompt") => {
                    self.turn = asked["id"].clone();
                    let text = &asked["params"]["prompt"][0]["text"];
                    return text.as_str().expect("a text").to_owned();
                }
                other => panic!("asked for {other:?}"),
            };
            self.say(json!({ "id": asked["id"], "result": result }));
        }
    }

    fn tools(&self) -> &'static [&'static str] {
        &["bash", "write"]
    }

    fn announce(&mut self, call: &Call) -> bool {
        let kind = if call.name == "write" { "edit" } else { "execute" };
        let described = json!({
            "toolCallId": call.id, "title": call.name, "kind": kind, "rawInput": call.input,
        });
        let mut update = described.clone();
        update["sessionUpdate"] = json!("tool_call");
        update["status"] = json!("pending");
        self.update(&update);
        self.asked += 1;
        let options = json!([
            { "optionId": "ever", "name": "Always", "kind": "allow_always" },
            { "optionId": "now", "name": "Once", "kind": "allow_once" },
            { "optionId": "no", "name": "No", "kind": "reject_once" },
        ]);
        let params =
            json!({ "sessionId": self.session, "toolCall": described, "options": options });
        let id = format!("may-{}", self.asked);
        self.say(json!({ "id": id, "method": "session/request_permission", "params": params }));
        let answer = loop {
            let Some(said) = self.next() else { return false };
            if said["id"] == *id {
                break said;
            }
        };
        answer["result"]["outcome"]["optionId"] == "now"
    }

    fn tell(&mut self, call: &Call, done: &Done) {
        let status = match done {
            Done::Written | Done::Ran { .. } => "completed",
            Done::Rejected(_) | Done::Impossible(_) => "failed",
        };
        let text = json!({ "type": "text", "text": done.text() });
        self.update(&json!({
            "sessionUpdate": "tool_call_update", "toolCallId": call.id, "status": status,
            "content": [{ "type": "content", "content": text }],
        }));
    }

    fn end(&mut self, text: &str, [input, output, cached]: [u64; 3]) -> i32 {
        let content = json!({ "type": "text", "text": text });
        self.update(&json!({ "sessionUpdate": "agent_message_chunk", "content": content }));
        let usage = json!({
            "inputTokens": input, "outputTokens": output, "cachedReadTokens": cached,
            "totalTokens": input + output + cached,
        });
        self.say(
            json!({ "id": self.turn, "result": { "stopReason": "end_turn", "usage": usage } }),
        );
        self.leave()
    }

    fn fail(&mut self, complaint: &str) -> i32 {
        let error = json!({
            "code": -32603, "message": "Internal error", "data": { "details": complaint },
        });
        self.say(json!({ "id": self.turn, "error": error }));
        self.leave()
    }
}
