//! A request as recorded, and what a script or an assertion may ask about it.

use std::collections::BTreeSet;

use axum::http::request::Parts;
use serde_json::Value;

use super::{anthropic, chat, openai};

/// The API that a model call speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// Anthropic `/v1/messages`, as Claude Code speaks it.
    Messages,
    /// OpenAI `/v1/responses`, as Codex speaks it.
    Responses,
    /// OpenAI `/v1/chat/completions`, as OpenCode and Hermes speak it.
    Chat,
}

/// One request, and how it was answered.
#[derive(Clone, Debug)]
pub struct RecordedRequest {
    /// 1 for the first request that the server received.
    pub number: usize,
    /// HTTP method.
    pub method: String,
    /// Path with query.
    pub path: String,
    /// Header names in lower case with their values; credentials read `<redacted>`.
    pub headers: Vec<(String, String)>,
    /// The JSON body, `null` if there was none.
    pub body: Value,
    /// The API, `None` for anything that does not ask the model to go on.
    pub protocol: Option<Protocol>,
    /// How it was answered: `text`, `tools`, `empty`, `hang`, `status 429`, `usage limit`, `no rule`, or
    /// the name of a side call; empty until it is decided.
    pub answer: String,
    /// The client closed the connection of a request that was left hanging.
    pub abandoned: bool,
    /// What is in the file that the last thing said points to, as it was when the request came.
    task: Option<String>,
}

impl RecordedRequest {
    pub(super) fn new(number: usize, parts: &Parts, body: &[u8], upgrade: bool) -> Self {
        let path = parts.uri.to_string();
        let called = parts.method == "POST" && !upgrade;
        let protocol = match parts.uri.path() {
            "/v1/messages" if called => Some(Protocol::Messages),
            "/v1/responses" if called => Some(Protocol::Responses),
            "/v1/chat/completions" if called => Some(Protocol::Chat),
            _ => None,
        };
        let headers = parts.headers.iter().map(|(name, value)| {
            let value = match name.as_str() {
                "authorization" | "x-api-key" | "cookie" => "<redacted>".to_owned(),
                _ => String::from_utf8_lossy(value.as_bytes()).into_owned(),
            };
            (name.as_str().to_owned(), value)
        });
        let mut request = Self {
            number,
            method: parts.method.to_string(),
            path,
            headers: headers.collect(),
            body: serde_json::from_slice(body).unwrap_or(Value::Null),
            protocol,
            answer: String::new(),
            abandoned: false,
            task: None,
        };
        request.task = pointed_to(&request.prompt());
        request
    }

    /// A header's value; the name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The model asked for, empty if none is named.
    pub fn model(&self) -> String {
        self.body["model"].as_str().unwrap_or_default().to_owned()
    }

    /// The CLI's session or thread, if the request names it.
    pub fn session(&self) -> Option<String> {
        let named = self
            .header("x-claude-code-session-id")
            .or_else(|| self.header("x-session-id"))
            .or_else(|| self.body["prompt_cache_key"].as_str());
        named.map(str::to_owned)
    }

    /// The last thing that the CLI's user said, without what the CLI adds in the user's name. What points to a file is
    /// read, as a model would read it with a tool.
    pub fn prompt(&self) -> String {
        if let Some(task) = &self.task {
            return task.clone();
        }
        let entries = self.entries();
        prompt_position(&entries).map(|position| entries[position].text.clone()).unwrap_or_default()
    }

    /// How many tool answers to the prompt have come back with results; 0 for a fresh prompt.
    pub fn step(&self) -> usize {
        let entries = self.entries();
        let start = prompt_position(&entries).map_or(0, |position| position + 1);
        let answered = entries[start..].iter().filter_map(|entry| match &entry.speaker {
            Speaker::Tool { call } => call.rsplit_once('_').map(|(answer, _)| answer.to_owned()),
            Speaker::System | Speaker::User | Speaker::Assistant => None,
        });
        answered.collect::<BTreeSet<_>>().len()
    }

    /// Everything in the user's name, with what the CLI adds to it, oldest first, one text per line.
    pub fn all_user_text(&self) -> String {
        self.joined(|speaker| matches!(speaker, Speaker::User))
    }

    /// Everything in the system's (or developer's) name.
    pub fn system_text(&self) -> String {
        self.joined(|speaker| matches!(speaker, Speaker::System))
    }

    /// The results of all tool calls in the conversation.
    pub fn tool_results(&self) -> String {
        self.joined(|speaker| matches!(speaker, Speaker::Tool { .. }))
    }

    /// Names of the tools that the CLI offers.
    pub fn tool_names(&self) -> Vec<String> {
        let offered = self.body["tools"].as_array().into_iter().flatten();
        let name = |tool: &Value| {
            let name = tool["name"].as_str().or_else(|| tool["function"]["name"].as_str());
            name.map(str::to_owned)
        };
        offered.filter_map(name).collect()
    }

    /// The CLI's working directory, if it tells the model.
    pub fn working_directory(&self) -> Option<String> {
        let user = self.all_user_text();
        let (_, claude) = user.split_once("Primary working directory: ").unwrap_or_default();
        let (_, codex) = user.split_once("<cwd>").unwrap_or_default();
        let system = self.system_text();
        let (_, opencode) = system.split_once("  Working directory: ").unwrap_or_default();
        let found = if !opencode.is_empty() {
            opencode.lines().next()
        } else if claude.is_empty() {
            codex.split('<').next()
        } else {
            claude.lines().next()
        };
        found.map(str::to_owned).filter(|directory| !directory.is_empty())
    }

    /// The word (letters, digits, `-`, `_`) that follows the first `label` in the prompt, past any
    /// punctuation and blanks in between: `nonce: "4f2a"` gives `4f2a` for `nonce`.
    pub fn word_after(&self, label: &str) -> Option<String> {
        let prompt = self.prompt();
        let (_, rest) = prompt.split_once(label)?;
        let is_word =
            |character: char| character.is_alphanumeric() || character == '-' || character == '_';
        let word: String =
            rest.chars().skip_while(|c| !c.is_alphanumeric()).take_while(|c| is_word(*c)).collect();
        Some(word).filter(|word| !word.is_empty())
    }

    fn joined(&self, wanted: impl Fn(&Speaker) -> bool) -> String {
        let entries = self.entries();
        let texts: Vec<&str> = entries
            .iter()
            .filter(|entry| wanted(&entry.speaker))
            .map(|entry| entry.text.as_str())
            .collect();
        texts.join("\n")
    }

    fn entries(&self) -> Vec<Entry> {
        match self.protocol {
            Some(Protocol::Messages) => anthropic::entries(&self.body),
            Some(Protocol::Responses) => openai::entries(&self.body),
            Some(Protocol::Chat) => chat::entries(&self.body),
            None => Vec::new(),
        }
    }
}

/// The task in the file that a prompt points to (see the Hermes adapter).
fn pointed_to(prompt: &str) -> Option<String> {
    let (_, rest) = prompt.split_once("Your task is in the file ")?;
    std::fs::read_to_string(rest.lines().next()?).ok()
}

/// One text of a conversation, whatever the protocol.
pub(super) struct Entry {
    pub(super) speaker: Speaker,
    pub(super) text: String,
}

pub(super) enum Speaker {
    System,
    User,
    Assistant,
    Tool { call: String },
}

/// How texts begin that the CLIs put into the user's mouth.
const INJECTED: [&str; 7] = [
    "Your answer was empty. Go on with the task",
    "[Your previous response had no visible output.",
    "<system-reminder>",
    "<environment_context>",
    "<user_instructions>",
    "# AGENTS.md instructions",
    "<turn_aborted>",
];

fn prompt_position(entries: &[Entry]) -> Option<usize> {
    entries.iter().rposition(|entry| {
        matches!(entry.speaker, Speaker::User)
            && !INJECTED.iter().any(|beginning| entry.text.trim_start().starts_with(beginning))
    })
}

/// The text of a content value: a string, or the `text` fields of an array of parts.
pub(super) fn content_text(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            let texts: Vec<&str> = parts.iter().filter_map(|part| part["text"].as_str()).collect();
            texts.join("\n")
        }
        Value::Null => String::new(),
        other => other.to_string(),
    }
}
