//! `/v1/chat/completions`, as OpenAI, Ollama, vLLM and llama.cpp speak it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::conversation::{Call, Conversation, Said, Step};
use super::responses::arguments;
use super::{Ask, Heard, Incomplete, Reply, Tokens};

/// The body of a request.
pub(super) fn body(ask: &Ask<'_>) -> Value {
    let tools: Vec<Value> = ask
        .tools
        .iter()
        .map(|tool| {
            let (name, description, parameters) = (tool.name, &tool.description, &tool.parameters);
            json!({
                "type": "function",
                "function": { "name": name, "description": description, "parameters": parameters },
            })
        })
        .collect();
    json!({
        "model": ask.model,
        "messages": messages(ask.conversation),
        "tools": tools,
        "tool_choice": if ask.may_call { "auto" } else { "none" },
        "stream": true,
        "stream_options": { "include_usage": true },
    })
}

fn messages(conversation: &Conversation) -> Vec<Value> {
    let user = |text: &str| json!({ "role": "user", "content": text });
    let mut messages = vec![
        json!({ "role": "system", "content": conversation.instructions }),
        user(&conversation.prompt),
    ];
    messages.extend(conversation.note_on_dropped().map(|note| user(&note)));
    for step in &conversation.steps {
        messages.push(assistant(step));
        messages.extend(step.results.iter().map(
            |result| json!({ "role": "tool", "tool_call_id": result.id, "content": result.output }),
        ));
        messages.extend(step.remark.as_deref().map(user));
    }
    messages
}

fn assistant(step: &Step) -> Value {
    let calls: Vec<Value> = step
        .calls()
        .map(|call| {
            // What is no JSON would be refused by servers that parse it to fill in a template.
            let valid =
                serde_json::from_str::<Value>(&call.arguments).is_ok_and(|it| it.is_object());
            let arguments = if valid {
                call.arguments.clone()
            } else {
                json!({ "input": call.arguments }).to_string()
            };
            json!({
                "id": call.id,
                "type": "function",
                "function": { "name": call.name, "arguments": arguments },
            })
        })
        .collect();
    let mut message = json!({ "role": "assistant", "content": step.text() });
    if !calls.is_empty() {
        message["tool_calls"] = json!(calls);
    }
    message
}

/// The chunks of one answer.
#[derive(Debug, Default)]
pub(in super::super) struct Reader {
    text: String,
    calls: BTreeMap<u64, Call>,
    tokens: Option<Tokens>,
    finish: Option<String>,
}

impl Reader {
    pub(super) fn event(&mut self, data: &str) -> Heard {
        if data.trim() == "[DONE]" {
            return Heard::Done;
        }
        let Ok(chunk) = serde_json::from_str::<Value>(data) else {
            return Heard::Failed(
                json!({ "message": format!("an event that is no JSON: {data:.200}") }),
            );
        };
        if !chunk["error"].is_null() {
            return Heard::Failed(chunk["error"].clone());
        }
        self.tokens = tokens(&chunk["usage"]).or(self.tokens);
        self.choice(&chunk["choices"][0], "delta");
        Heard::More
    }

    pub(super) fn whole(&mut self, completion: &Value) -> Heard {
        if !completion["error"].is_null() {
            return Heard::Failed(completion["error"].clone());
        }
        self.tokens = tokens(&completion["usage"]);
        self.choice(&completion["choices"][0], "message");
        Heard::Done
    }

    fn choice(&mut self, choice: &Value, part: &str) {
        let said = &choice[part];
        self.text.push_str(said["content"].as_str().unwrap_or_default());
        self.text.push_str(said["refusal"].as_str().unwrap_or_default());
        for (position, call) in said["tool_calls"].as_array().into_iter().flatten().enumerate() {
            self.call(position, call);
        }
        if let Some(reason) = choice["finish_reason"].as_str() {
            self.finish = Some(reason.to_owned());
        }
    }

    /// A part of a call, or, from servers that do not stream calls, a whole one.
    fn call(&mut self, position: usize, part: &Value) {
        let index = part["index"].as_u64().unwrap_or_else(|| {
            // Without an index, a call with an id is a new one.
            let next = self.calls.len() as u64;
            if part["id"].is_string() { next } else { position as u64 }
        });
        let call = self.calls.entry(index).or_insert_with(|| Call {
            id: String::new(),
            name: String::new(),
            arguments: String::new(),
            free_form: false,
        });
        if let Some(id) = part["id"].as_str().filter(|id| !id.is_empty()) {
            id.clone_into(&mut call.id);
        }
        let name = part["function"]["name"].as_str().unwrap_or_default();
        // Some servers repeat the name in every part.
        if call.name != name {
            call.name.push_str(name);
        }
        call.arguments.push_str(&arguments(&part["function"]["arguments"]));
    }

    /// Whether the server gave a reason to end: some close the stream without `[DONE]`.
    pub(super) fn finished(&self) -> bool {
        self.finish.is_some()
    }

    pub(super) fn tokens(&self) -> Option<Tokens> {
        self.tokens
    }

    pub(super) fn reply(self) -> Reply {
        let incomplete = match self.finish.as_deref() {
            Some("length") => Some(Incomplete::CutOff),
            Some("content_filter") => Some(Incomplete::Filtered),
            _ => None,
        };
        let text = Some(self.text).filter(|text| !text.is_empty()).map(Said::Text);
        let calls = self.calls.into_iter().map(|(index, mut call)| {
            if call.id.is_empty() {
                call.id = format!("call_{index}");
            }
            Said::Call(call)
        });
        Reply { said: text.into_iter().chain(calls).collect(), tokens: self.tokens, incomplete }
    }
}

fn tokens(usage: &Value) -> Option<Tokens> {
    Some(Tokens {
        input: usage["prompt_tokens"].as_u64()?,
        cached: usage["prompt_tokens_details"]["cached_tokens"].as_u64().unwrap_or(0),
        output: usage["completion_tokens"].as_u64().unwrap_or(0),
    })
}
