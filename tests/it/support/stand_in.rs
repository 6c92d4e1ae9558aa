//! A stand-in for Cursor's CLI, which can neither be installed from a package registry nor be pointed at another model.
//!
//! It prints what published recordings of the real one show, and does what the model server says. What is proven with it
//! is the factory's side of the conversation, and nothing about the real program.

use std::env;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, exit};

use serde_json::{Value, json};

/// The model server's address; whoever has this variable is the stand-in.
pub const MODEL: &str = "STAND_IN_MODEL";

/// Set when it was told only to read.
const READS: &str = "STAND_IN_READS";

/// Makes an executable `cursor-agent` in a directory.
pub fn cursor_agent_in(directory: &Path) -> PathBuf {
    let path = directory.join("cursor-agent");
    let own = env::current_exe().expect("this test program");
    let script = format!(
        "#!/bin/sh\n\
         case \" $* \" in\n\
         *' --version '*) echo 2026.09.02-stand-in; exit ;;\n\
         *' --nosuch '*) echo \"error: unknown option '--nosuch'\" >&2; exit 1 ;;\n\
         *' --mode ask '*) {READS}=1; export {READS} ;;\n\
         esac\n\
         exec '{}' --exact support::stand_in::cursor_agent --nocapture\n",
        own.display()
    );
    fs::write(&path, script).expect("the stand-in");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("executable");
    path
}

/// The stand-in itself; no test unless it is started as one.
#[test]
fn cursor_agent() {
    let Ok(url) = env::var(MODEL) else { return };
    let mut prompt = String::new();
    std::io::stdin().read_to_string(&mut prompt).expect("a prompt");
    let agent = Agent {
        host: url.trim_start_matches("http://").to_owned(),
        session: format!("stand-in-{}", std::process::id()),
        reads: env::var_os(READS).is_some(),
    };
    exit(agent.work(&prompt));
}

struct Agent {
    host: String,
    session: String,
    reads: bool,
}

impl Agent {
    fn work(&self, prompt: &str) -> i32 {
        let cwd = env::current_dir().expect("a working directory");
        self.say(&json!({
            "type": "system", "subtype": "init", "cwd": cwd, "model": "scripted-model",
            "apiKeySource": "env", "permissionMode": "default",
        }));
        let system = format!("  Working directory: {}\n", cwd.display());
        let mut messages = vec![
            json!({ "role": "system", "content": system }),
            json!({ "role": "user", "content": prompt }),
        ];
        let mut used = [0; 3];
        loop {
            let completion = match self.ask(&messages) {
                Ok(completion) => completion,
                Err(complaint) => {
                    writeln!(std::io::stderr(), "Error: {complaint}").expect("standard error");
                    return 1;
                }
            };
            let usage = &completion["usage"];
            let cached = usage["prompt_tokens_details"]["cached_tokens"].as_u64().unwrap_or(0);
            let input = usage["prompt_tokens"].as_u64().unwrap_or(0) - cached;
            let output = usage["completion_tokens"].as_u64().unwrap_or(0);
            used = [used[0] + input, used[1] + output, used[2] + cached];
            let message = &completion["choices"][0]["message"];
            messages.push(message.clone());
            let calls = message["tool_calls"].as_array().cloned().unwrap_or_default();
            if calls.is_empty() {
                return self.end(message["content"].as_str().unwrap_or_default(), used);
            }
            messages.extend(calls.iter().map(|call| self.call(call)));
        }
    }

    fn end(&self, text: &str, [input, output, cached]: [u64; 3]) -> i32 {
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

    /// Makes one call and returns the message with its result.
    fn call(&self, call: &Value) -> Value {
        let name = call["function"]["name"].as_str().unwrap_or_default();
        let text = call["function"]["arguments"].as_str().unwrap_or_default();
        let input: Value = serde_json::from_str(text).expect("arguments");
        let (kind, args) = match name {
            "write" => ("editToolCall", json!({ "path": input["filePath"] })),
            _ => ("shellToolCall", json!({ "command": input["command"] })),
        };
        let line = |moment: &str, body: Value| {
            json!({
                "type": "tool_call", "subtype": moment, "call_id": call["id"],
                "tool_call": { kind: body, "toolCallId": call["id"] },
            })
        };
        self.say(&line("started", json!({ "args": args })));
        let (said, result) = self.perform(name, &input);
        self.say(&line("completed", json!({ "args": args, "result": result })));
        json!({ "role": "tool", "tool_call_id": call["id"], "content": said })
    }

    fn perform(&self, name: &str, input: &Value) -> (String, Value) {
        let text = |key: &str| input[key].as_str().unwrap_or_default();
        if self.reads {
            let reason = "not in ask mode".to_owned();
            return (reason.clone(), json!({ "rejected": { "reason": reason } }));
        }
        match name {
            "write" => {
                fs::write(text("filePath"), text("content")).expect("writing");
                ("written".to_owned(), json!({ "success": { "path": text("filePath") } }))
            }
            "bash" => {
                let done = Command::new("sh").args(["-c", text("command")]).output();
                let done = done.expect("a shell");
                let said = String::from_utf8_lossy(&done.stdout).into_owned();
                let code = done.status.code().unwrap_or(-1);
                (said.clone(), json!({ "success": { "exitCode": code, "stdout": said } }))
            }
            other => {
                let message = format!("there is no tool {other}");
                (message.clone(), json!({ "error": { "errorMessage": message } }))
            }
        }
    }

    /// Asks the model to go on.
    fn ask(&self, messages: &[Value]) -> Result<Value, String> {
        let tools: &[&str] = if self.reads { &[] } else { &["bash", "write"] };
        let tools: Vec<Value> = tools
            .iter()
            .map(|name| json!({ "type": "function", "function": { "name": name } }))
            .collect();
        let body = json!({ "model": "scripted-model", "messages": messages, "tools": tools });
        let body = body.to_string();
        let mut stream = TcpStream::connect(&self.host).map_err(|error| error.to_string())?;
        write!(
            stream,
            "POST /v1/chat/completions HTTP/1.1\r\nhost: {}\r\nx-session-id: {}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            self.host,
            self.session,
            body.len()
        )
        .map_err(|error| error.to_string())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).map_err(|error| error.to_string())?;
        let (head, body) = answer.split_once("\r\n\r\n").ok_or("no answer")?;
        let status = head.split(' ').nth(1).unwrap_or_default();
        let body: Value = serde_json::from_str(body).map_err(|error| error.to_string())?;
        match status {
            "200" => Ok(body),
            status => {
                let message = body["error"]["message"].as_str().unwrap_or_default();
                Err(format!("HTTP {status}: {message}"))
            }
        }
    }

    fn say(&self, event: &Value) {
        let mut event = event.clone();
        event["session_id"] = json!(self.session);
        println!("{event}");
    }
}
