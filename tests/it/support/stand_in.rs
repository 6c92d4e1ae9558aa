//! Stand-ins for agents that cannot be had: Cursor's CLI, which can neither be installed from a package registry nor be
//! pointed at another model, and an agent that is known by nothing but the Agent Client Protocol.
//!
//! They print what published recordings of real ones show, and do what the model server says. What is proven with them is
//! the factory's side of the conversation, and nothing about a real program.

mod acp;
mod cursor;

use std::env;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, exit};

use serde_json::{Value, json};

/// The model server's address; whoever has this variable is a stand-in.
pub const MODEL: &str = "STAND_IN_MODEL";

/// Set for the one that speaks the Agent Client Protocol.
const ACP: &str = "STAND_IN_ACP";

/// Set when Cursor's was told only to read.
const READS: &str = "STAND_IN_READS";

/// Makes an executable `cursor-agent` in a directory.
pub fn cursor_agent_in(directory: &Path) -> PathBuf {
    install(
        &directory.join("cursor-agent"),
        &format!("*' --mode ask '*) {READS}=1; export {READS} ;;"),
    )
}

/// Makes an executable `acp-agent` in a directory.
pub fn acp_agent_in(directory: &Path) -> PathBuf {
    install(&directory.join("acp-agent"), &format!("*) {ACP}=1; export {ACP} ;;"))
}

fn install(path: &Path, case: &str) -> PathBuf {
    let own = env::current_exe().expect("this test program");
    let script = format!(
        "#!/bin/sh\n\
         case \" $* \" in\n\
         *' --version '*) echo 2026.09.02-stand-in; exit ;;\n\
         *' --nosuch '*) echo \"error: unknown option '--nosuch'\" >&2; exit 1 ;;\n\
         {case}\n\
         esac\n\
         exec '{}' --exact support::stand_in::agent --nocapture\n",
        own.display()
    );
    fs::write(path, script).expect("the stand-in");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("executable");
    path.to_owned()
}

/// The stand-ins themselves; no test unless it is started as one.
#[test]
fn agent() {
    let Ok(url) = env::var(MODEL) else { return };
    let session = format!("stand-in-{}", std::process::id());
    let manner: Box<dyn Manner> = match env::var_os(ACP) {
        Some(_) => Box::new(acp::Acp::new(&session)),
        None => Box::new(cursor::Cursor::new(&session, env::var_os(READS).is_some())),
    };
    let host = url.trim_start_matches("http://").to_owned();
    exit(Agent { host, session, manner }.work());
}

/// How a stand-in talks to whoever started it.
trait Manner {
    /// Introduces itself and hears what it shall do.
    fn hear(&mut self) -> String;

    /// The tools that it offers its model.
    fn tools(&self) -> &'static [&'static str];

    /// Announces a call and says whether it may be made.
    fn announce(&mut self, call: &Call) -> bool;

    /// Tells what became of a call.
    fn tell(&mut self, call: &Call, done: &Done);

    /// Ends the turn with the model's answer and what it used: input, output and cached tokens. The exit code.
    fn end(&mut self, text: &str, used: [u64; 3]) -> i32;

    /// Ends the turn because the model could not be asked. The exit code.
    fn fail(&mut self, complaint: &str) -> i32;
}

/// What the model wants to be done.
struct Call {
    id: String,
    name: String,
    input: Value,
}

impl Call {
    fn text(&self, key: &str) -> &str {
        self.input[key].as_str().unwrap_or_default()
    }
}

/// What became of a call.
enum Done {
    /// It was not made.
    Rejected(&'static str),
    /// A file was written.
    Written,
    /// A command ended.
    Ran { code: i32, said: String },
    /// It could not be made.
    Impossible(String),
}

impl Done {
    /// What the model is told.
    fn text(&self) -> &str {
        match self {
            Self::Rejected(reason) => reason,
            Self::Written => "written",
            Self::Ran { said, .. } => said,
            Self::Impossible(problem) => problem,
        }
    }
}

struct Agent {
    host: String,
    session: String,
    manner: Box<dyn Manner>,
}

impl Agent {
    fn work(mut self) -> i32 {
        let prompt = self.manner.hear();
        let cwd = env::current_dir().expect("a working directory");
        let system = format!("  Working directory: {}\n", cwd.display());
        let mut messages = vec![
            json!({ "role": "system", "content": system }),
            json!({ "role": "user", "content": prompt }),
        ];
        let mut used = [0; 3];
        loop {
            let completion = match self.ask(&messages) {
                Ok(completion) => completion,
                Err(complaint) => return self.manner.fail(&complaint),
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
                return self.manner.end(message["content"].as_str().unwrap_or_default(), used);
            }
            messages.extend(calls.iter().map(|call| self.call(call)));
        }
    }

    /// Makes one call and returns the message with its result.
    fn call(&mut self, call: &Value) -> Value {
        let function = &call["function"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let call = Call {
            id: text(&call["id"]),
            name: text(&function["name"]),
            input: serde_json::from_str(&text(&function["arguments"])).expect("arguments"),
        };
        let done = match self.manner.announce(&call) {
            true => perform(&call),
            false => Done::Rejected("not allowed"),
        };
        self.manner.tell(&call, &done);
        json!({ "role": "tool", "tool_call_id": call.id, "content": done.text() })
    }

    /// Asks the model to go on.
    fn ask(&self, messages: &[Value]) -> Result<Value, String> {
        let tools: Vec<Value> = self
            .manner
            .tools()
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
}

fn perform(call: &Call) -> Done {
    match call.name.as_str() {
        "write" => {
            fs::write(call.text("filePath"), call.text("content")).expect("writing");
            Done::Written
        }
        "bash" => {
            let done = Command::new("sh").args(["-c", call.text("command")]).output();
            let done = done.expect("a shell");
            if std::str::from_utf8(&done.stdout).is_err() {
                // Somebody left a debugging line in it.
                let _line = std::io::stdout().write_all(&done.stdout);
            }
            let said = String::from_utf8_lossy(&done.stdout).into_owned();
            Done::Ran { code: done.status.code().unwrap_or(-1), said }
        }
        other => Done::Impossible(format!("there is no tool {other}")),
    }
}
