//! Cursor's CLI in print mode: the prompt on standard input, one JSON object per line.

use std::env;
use std::io::{Read, Write};

use serde_json::{Value, json};

use super::{Call, Done, Manner};

pub(super) struct Cursor {
    session: String,
    reads: bool,
}

impl Cursor {
    /// `reads`: it may change nothing.
    pub(super) fn new(session: &str, reads: bool) -> Self {
        Self { session: session.to_owned(), reads }
    }

    fn say(&self, event: &Value) {
        let mut event = event.clone();
        event["session_id"] = json!(self.session);
        println!("{event}");
    }

    fn say_of(&self, call: &Call, moment: &str, result: Option<Value>) {
        let (kind, args) = match call.name.as_str() {
            "write" => ("editToolCall", json!({ "path": call.input["filePath"] })),
            _ => ("shellToolCall", json!({ "command": call.input["command"] })),
        };
        let body = match result {
            None => json!({ "args": args }),
            Some(result) => json!({ "args": args, "result": result }),
        };
        self.say(&json!({
            "type": "tool_call", "subtype": moment, "call_id": call.id,
            "tool_call": { kind: body, "toolCallId": call.id },
        }));
    }
}

impl Manner for Cursor {
    fn hear(&mut self) -> String {
        let mut prompt = String::new();
        std::io::stdin().read_to_string(&mut prompt).expect("a prompt");
        let cwd = env::current_dir().expect("a working directory");
        self.say(&json!({
            "type": "system", "subtype": "init", "cwd": cwd, "model": "scripted-model",
            "apiKeySource": "env", "permissionMode": "default",
        }));
        prompt
    }

    fn tools(&self) -> &'static [&'static str] {
        if self.reads { &[] } else { &["bash", "write"] }
    }

    fn announce(&mut self, call: &Call) -> bool {
        self.say_of(call, "started", None);
        !self.reads
    }

    fn tell(&mut self, call: &Call, done: &Done) {
        let result = match done {
            Done::Rejected(reason) => json!({ "rejected": { "reason": reason } }),
            Done::Written => json!({ "success": { "path": call.input["filePath"] } }),
            Done::Ran { code, said } => json!({ "success": { "exitCode": code, "stdout": said } }),
            Done::Impossible(problem) => json!({ "error": { "errorMessage": problem } }),
        };
        self.say_of(call, "completed", Some(result));
    }

    fn end(&mut self, text: &str, [input, output, cached]: [u64; 3]) -> i32 {
        let content = json!([{ "type": "text", "text": text }]);
        self.say(&json!({
            "type": "assistant", "message": { "role": "assistant", "content": content },
        }));
        self.say(&json!({
            "type": "result", "subtype": "success", "is_error": false, "result": text,
            "usage": {
                "inputTokens": input, "outputTokens": output, "cacheReadTokens": cached,
                "cacheWriteTokens": 0,
            },
        }));
        0
    }

    fn fail(&mut self, complaint: &str) -> i32 {
        writeln!(std::io::stderr(), "Error: {complaint}").expect("standard error");
        1
    }
}
