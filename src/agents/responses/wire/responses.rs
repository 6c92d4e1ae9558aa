//! `/v1/responses`: stateless (`store: false`), so every request carries the whole conversation.

use serde_json::{Value, json};

use super::super::conversation::{Call, CallResult, Conversation, Said, Step};
use super::{Ask, Heard, Incomplete, Reply, Tokens};

/// The body of a request.
pub(super) fn body(ask: &Ask<'_>) -> Value {
    let tools: Vec<Value> = ask
        .tools
        .iter()
        .map(|tool| {
            json!({
                "type": "function",
                "name": tool.name,
                "description": tool.description,
                "parameters": tool.parameters,
                "strict": false,
            })
        })
        .collect();
    json!({
        "model": ask.model,
        "instructions": ask.conversation.instructions,
        "input": input(ask.conversation),
        "tools": tools,
        "tool_choice": if ask.may_call { "auto" } else { "none" },
        "parallel_tool_calls": true,
        "store": false,
        "stream": true,
        "prompt_cache_key": ask.session,
    })
}

fn input(conversation: &Conversation) -> Vec<Value> {
    let user = |text: &str| json!({ "type": "message", "role": "user", "content": [{ "type": "input_text", "text": text }] });
    let mut items = vec![user(&conversation.prompt)];
    items.extend(conversation.note_on_dropped().map(|note| user(&note)));
    for Step { said, results, remark } in &conversation.steps {
        items.extend(said.iter().map(said_item));
        items.extend(results.iter().map(result_item));
        items.extend(remark.as_deref().map(user));
    }
    items
}

fn said_item(said: &Said) -> Value {
    match said {
        Said::Text(text) => json!({
            "type": "message", "role": "assistant", "content": [{ "type": "output_text", "text": text }],
        }),
        Said::Reasoning(notes) => notes.clone(),
        Said::Call(call) if call.free_form => json!({
            "type": "custom_tool_call", "call_id": call.id, "name": call.name, "input": call.arguments,
        }),
        Said::Call(call) => json!({
            "type": "function_call", "call_id": call.id, "name": call.name, "arguments": call.arguments,
        }),
    }
}

fn result_item(result: &CallResult) -> Value {
    let kind = if result.free_form { "custom_tool_call_output" } else { "function_call_output" };
    json!({ "type": kind, "call_id": result.id, "output": result.output })
}

/// The events of one answer.
#[derive(Debug, Default)]
pub(in super::super) struct Reader {
    said: Vec<Said>,
    /// Text of a message that has not been given as a whole yet.
    pending: String,
    tokens: Option<Tokens>,
    incomplete: Option<Incomplete>,
}

impl Reader {
    pub(super) fn event(&mut self, data: &str) -> Heard {
        // Some gateways end their streams as chat completions do.
        if data.trim() == "[DONE]" {
            return Heard::More;
        }
        let Ok(event) = serde_json::from_str::<Value>(data) else {
            return Heard::Failed(
                json!({ "message": format!("an event that is no JSON: {data:.200}") }),
            );
        };
        match event["type"].as_str().unwrap_or_default() {
            "response.output_text.delta" => {
                self.pending.push_str(event["delta"].as_str().unwrap_or_default());
                Heard::More
            }
            "response.output_item.done" => {
                self.item(&event["item"]);
                self.pending.clear();
                Heard::More
            }
            "response.completed" | "response.incomplete" | "response.failed" => {
                self.whole(&event["response"])
            }
            "error" if event["error"].is_object() => Heard::Failed(event["error"].clone()),
            "error" => Heard::Failed(event),
            _ => Heard::More,
        }
    }

    /// Takes a response object: the last event of a stream carries it, and so does an answer that was not streamed.
    pub(super) fn whole(&mut self, response: &Value) -> Heard {
        self.tokens = tokens(&response["usage"]).or(self.tokens);
        if response["error"].is_object() {
            return Heard::Failed(response["error"].clone());
        }
        match response["status"].as_str() {
            Some("failed" | "cancelled") => {
                return Heard::Failed(json!({ "message": "the response failed" }));
            }
            Some("incomplete") => {
                let filtered = response["incomplete_details"]["reason"] == "content_filter";
                let why = if filtered { Incomplete::Filtered } else { Incomplete::CutOff };
                self.incomplete = Some(why);
            }
            _ => {}
        }
        if self.said.is_empty() {
            response["output"].as_array().into_iter().flatten().for_each(|item| self.item(item));
        }
        if self.said.is_empty() && !self.pending.is_empty() {
            self.said.push(Said::Text(std::mem::take(&mut self.pending)));
        }
        Heard::Done
    }

    fn item(&mut self, item: &Value) {
        let text = |name: &str| item[name].as_str().unwrap_or_default().to_owned();
        match item["type"].as_str().unwrap_or_default() {
            "message" => {
                let parts = item["content"].as_array().into_iter().flatten();
                let said: String = parts
                    .filter_map(|part| part["text"].as_str().or_else(|| part["refusal"].as_str()))
                    .collect();
                if !said.is_empty() {
                    self.said.push(Said::Text(said));
                }
            }
            // Without its sealed content the provider would look for the item in a store that we do not use.
            "reasoning" if item["encrypted_content"].is_string() => {
                let mut notes = item.clone();
                if let Some(fields) = notes.as_object_mut() {
                    fields.shift_remove("status");
                }
                self.said.push(Said::Reasoning(notes));
            }
            kind @ ("function_call" | "custom_tool_call") => {
                let free_form = kind == "custom_tool_call";
                let arguments =
                    if free_form { text("input") } else { arguments(&item["arguments"]) };
                let id = item["call_id"].as_str().or_else(|| item["id"].as_str());
                let id = id.map_or_else(|| format!("call_{}", self.said.len()), str::to_owned);
                self.said.push(Said::Call(Call { id, name: text("name"), arguments, free_form }));
            }
            _ => {}
        }
    }

    pub(super) fn tokens(&self) -> Option<Tokens> {
        self.tokens
    }

    pub(super) fn reply(self) -> Reply {
        Reply { said: self.said, tokens: self.tokens, incomplete: self.incomplete }
    }
}

/// Arguments as text; some servers send the object itself.
pub(super) fn arguments(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn tokens(usage: &Value) -> Option<Tokens> {
    Some(Tokens {
        input: usage["input_tokens"].as_u64()?,
        cached: usage["input_tokens_details"]["cached_tokens"].as_u64().unwrap_or(0),
        output: usage["output_tokens"].as_u64().unwrap_or(0),
    })
}
