//! One side of a conversation in the Agent Client Protocol: ours. Does no I/O; what is to be said is returned.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Value, json};

use crate::domain::agent::TurnEnding;
use crate::domain::budget::Usage;
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::time::Timestamp;

use super::super::rpc::{self, Message};
use super::super::{
    AgentEvent, Opening, ProcessEnd, Steering, Transcript, TurnSummary, classification, fingerprint,
};
use super::{INITIALIZE, content};

const SESSION: u64 = 1;
const PROMPT: u64 = 2;

/// What an agent prints in place of an answer when its provider refuses.
static REFUSAL: LazyLock<Regex> = LazyLock::new(|| {
    pattern(concat!(
        r"(?i)^\W*(?:error: )?(?:api call failed|api error|http [45]\d\d|unexpected status|",
        r"exceeded retry limit|connection error|request timed out|you(?:['’]ve| have) (?:hit|reached) your)",
    ))
});

#[expect(clippy::expect_used, reason = "the pattern is a constant, compiled by the tests")]
fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a valid pattern")
}

/// What an agent does differently from the protocol.
#[derive(Debug, Clone, Copy)]
pub(in crate::agents) struct Manners {
    /// The beginning of a prompt that goes into the running turn, if there is one.
    pub(in crate::agents) steering: Option<&'static str>,
    /// How its own answers to such a prompt begin: they are not the model's words.
    pub(in crate::agents) receipts: &'static [&'static str],
}

impl Manners {
    /// An agent of which nothing is known.
    pub(super) const GENERAL: Self = Self { steering: None, receipts: &[] };
}

/// What the lines so far have told, and what is still to be said.
pub(in crate::agents) struct AcpTranscript {
    opening: Opening,
    manners: Manners,
    session: Option<String>,
    /// Requests that were sent beyond the first three.
    more_requests: u64,
    /// What the model said after its last tool call.
    text: String,
    /// A tool call came after the text: what follows is a new one.
    interrupted: bool,
    calls: BTreeMap<String, Call>,
    /// The session's cost and its tokens, so far.
    cost: u64,
    tokens: Usage,
    ended: Option<Ended>,
}

#[derive(Default)]
struct Call {
    name: String,
    input: Value,
    reported: bool,
}

impl Call {
    /// An edit of which only the file is known is equal to no other.
    fn fingerprint(&self, id: &str, kind: &Value) -> String {
        if *kind == "edit" && self.input.is_string() {
            return fingerprint::of_call(&self.name, &json!([id, self.input]));
        }
        fingerprint::of_call(&self.name, &self.input)
    }
}

enum Ended {
    Stopped(String),
    Failed(Value),
}

impl AcpTranscript {
    pub(in crate::agents) fn new(opening: Opening, manners: Manners) -> Self {
        Self {
            opening,
            manners,
            session: None,
            more_requests: 0,
            text: String::new(),
            interrupted: false,
            calls: BTreeMap::new(),
            cost: 0,
            tokens: Usage::default(),
            ended: None,
        }
    }
}

impl Transcript for AcpTranscript {
    fn line(&mut self, line: &str) -> Vec<AgentEvent> {
        let events = match rpc::read(line) {
            Some(Message::Response { id, result }) => self.response(id, result),
            Some(Message::Request { id, method, params }) => {
                vec![AgentEvent::Reply(self.answer(&id, &method, &params))]
            }
            Some(Message::Notification { method, params }) if method == "session/update" => {
                self.update(&params["update"])
            }
            Some(Message::Notification { .. }) | None => Vec::new(),
        };
        if events.is_empty() { vec![AgentEvent::Other] } else { events }
    }

    fn steer(&mut self, text: &str) -> Steering {
        let (Some(beginning), None) = (self.manners.steering, &self.ended) else {
            return Steering::NextTurn;
        };
        let Some(session) = &self.session else { return Steering::NextTurn };
        self.more_requests += 1;
        let text = format!("{beginning}{text}");
        Steering::Send(prompt(PROMPT + self.more_requests, session, &text))
    }

    fn interrupt(&mut self) -> Option<String> {
        let session = self.session.as_ref().filter(|_| self.ended.is_none())?;
        Some(rpc::notification("session/cancel", &json!({ "sessionId": session })))
    }

    fn finish(self: Box<Self>, end: ProcessEnd<'_>) -> TurnSummary {
        let judged = match self.failure(&end) {
            None => TurnEnding::Completed,
            Some(failure) => TurnEnding::Failed { failure },
        };
        let usage = Usage {
            cost_micro_usd: self.cost,
            unpriced_calls: u32::from(self.cost == 0),
            ..self.tokens
        };
        let tool_calls = self.calls.values().filter(|call| call.reported).count();
        TurnSummary {
            ending: end.stopped.unwrap_or(judged),
            text: classification::bounded_text(self.text),
            usage,
            session: self.session,
            model: None,
            tool_calls: u32::try_from(tool_calls).unwrap_or(u32::MAX),
        }
    }
}

impl AcpTranscript {
    fn response(&mut self, id: u64, result: Result<Value, Value>) -> Vec<AgentEvent> {
        match (id, result) {
            (INITIALIZE, Ok(_)) => {
                let opened = rpc::request(SESSION, "session/new", &self.opening.session);
                vec![AgentEvent::Reply(opened)]
            }
            (SESSION, Ok(result)) => self.opened(&result["sessionId"]),
            (PROMPT, Ok(result)) => self.over(&result),
            (INITIALIZE | SESSION | PROMPT, Err(error)) => self.fail(error),
            _ => Vec::new(),
        }
    }

    fn opened(&mut self, id: &Value) -> Vec<AgentEvent> {
        let Some(id) = id.as_str() else {
            return self.fail(json!({ "message": "the session has no id" }));
        };
        self.session = Some(id.to_owned());
        let asked = prompt(PROMPT, id, &self.opening.prompt);
        vec![AgentEvent::Session { id: id.to_owned(), model: None }, AgentEvent::Reply(asked)]
    }

    fn fail(&mut self, error: Value) -> Vec<AgentEvent> {
        let class = class(&error, None);
        self.ended = Some(Ended::Failed(error));
        let limited = Some(class).filter(|class| classification::is_rate_limit(*class));
        let limited = limited.map(|class| AgentEvent::RateLimited { class });
        limited.into_iter().chain([AgentEvent::Finished]).collect()
    }

    fn over(&mut self, result: &Value) -> Vec<AgentEvent> {
        let reason = result["stopReason"].as_str().unwrap_or("end_turn").to_owned();
        self.ended = Some(Ended::Stopped(reason));
        let mut events = Vec::new();
        let used = content::tokens(&result["usage"]);
        if used != Usage::default() {
            self.tokens = used;
            events.push(AgentEvent::Usage(used));
        }
        events.push(AgentEvent::Finished);
        events
    }

    /// It may do what it asks for, unless it may only read; files and terminals it has of its own.
    fn answer(&self, id: &Value, method: &str, params: &Value) -> String {
        if method == "session/request_permission" {
            return rpc::response(id, &content::decision(params, self.opening.read_only));
        }
        rpc::not_supported(id, method)
    }

    fn update(&mut self, update: &Value) -> Vec<AgentEvent> {
        match update["sessionUpdate"].as_str() {
            Some("agent_message_chunk") => self.said(content::text(&update["content"])),
            Some("tool_call" | "tool_call_update") => self.tool(update),
            Some("usage_update") => self.cost(content::cost(update)),
            Some(_) | None => Vec::new(),
        }
    }

    fn said(&mut self, text: Option<&str>) -> Vec<AgentEvent> {
        let Some(text) = text else { return Vec::new() };
        if self.manners.receipts.iter().any(|receipt| text.starts_with(receipt)) {
            return Vec::new();
        }
        if std::mem::take(&mut self.interrupted) {
            self.text.clear();
        }
        self.text.push_str(text);
        vec![AgentEvent::Text(text.to_owned())]
    }

    /// A call is announced, then its arguments may come, then its end: it is reported once its arguments can be known.
    fn tool(&mut self, update: &Value) -> Vec<AgentEvent> {
        let Some(id) = update["toolCallId"].as_str() else { return Vec::new() };
        self.interrupted = true;
        let call = self.calls.entry(id.to_owned()).or_default();
        if let Some(title) = update["title"].as_str().filter(|_| call.name.is_empty()) {
            call.name = title.split_once(": ").map_or(title, |(name, _)| name).to_owned();
        }
        for input in [&update["rawInput"], &update["title"]] {
            if !input.is_null() && (call.input.is_null() || input.is_object()) {
                call.input = input.clone();
            }
        }
        let status = update["status"].as_str();
        let announced_only = status == Some("pending");
        let mut events = Vec::new();
        if !announced_only && !call.reported {
            call.reported = true;
            let fingerprint = call.fingerprint(id, &update["kind"]);
            events.push(AgentEvent::ToolCall { name: call.name.clone(), fingerprint });
        }
        if status == Some("failed") {
            let message = classification::one_line(&content::output(&update["content"]));
            events.push(AgentEvent::ToolFailed { name: call.name.clone(), message });
        }
        events
    }

    fn cost(&mut self, so_far: Option<u64>) -> Vec<AgentEvent> {
        let more = so_far.unwrap_or(0).saturating_sub(self.cost);
        self.cost += more;
        let used = Usage { cost_micro_usd: more, ..Usage::default() };
        if more > 0 { vec![AgentEvent::Usage(used)] } else { Vec::new() }
    }

    fn failure(&self, end: &ProcessEnd<'_>) -> Option<Failure> {
        let agents = |message: &str| Some(classification::failure(FailureClass::Agent, message));
        match &self.ended {
            // What it logs from then on repeats what it was told.
            None if self.session.is_some() => Some(classification::failure(
                FailureClass::Infrastructure,
                &format!("no end of turn before {}", classification::manner(end.exit)),
            )),
            None => Some(classification::broke_off(end)),
            Some(Ended::Failed(error)) => {
                Some(classification::failure(class(error, Some(end.now)), &complaint(error)))
            }
            Some(Ended::Stopped(reason)) => match reason.as_str() {
                "end_turn" => self.refusal(end.now),
                "refusal" => agents("the agent refused"),
                "max_tokens" => agents("the answer was cut off at its greatest length"),
                "max_turn_requests" => agents("it went on for as many model calls as it may"),
                other => Some(classification::failure(
                    FailureClass::Infrastructure,
                    &format!("the turn was ended by the agent: {other}"),
                )),
            },
        }
    }

    /// An answer that is the provider's refusal in other words.
    fn refusal(&self, now: Timestamp) -> Option<Failure> {
        let said = self.text.trim();
        if !REFUSAL.is_match(said) || said.lines().count() > 3 {
            return None;
        }
        let class =
            classification::of_message(said, Some(now)).unwrap_or(FailureClass::Infrastructure);
        Some(classification::failure(class, said))
    }
}

fn prompt(id: u64, session: &str, text: &str) -> String {
    let blocks = json!([{ "type": "text", "text": text }]);
    rpc::request(id, "session/prompt", &json!({ "sessionId": session, "prompt": blocks }))
}

/// What an error says to people: its message and its details, wherever they are.
fn complaint(error: &Value) -> String {
    let message = error["message"].as_str().unwrap_or("failed without a reason");
    let details = match &error["data"] {
        Value::Null => return message.to_owned(),
        Value::String(text) => text.clone(),
        data => data["details"].as_str().map_or_else(|| data.to_string(), str::to_owned),
    };
    format!("{message}: {details}")
}

fn class(error: &Value, now: Option<Timestamp>) -> FailureClass {
    let status = ["http_status_code", "statusCode", "status"]
        .into_iter()
        .find_map(|key| error["data"][key].as_u64())
        .and_then(|status| u16::try_from(status).ok());
    let said = complaint(error);
    match (error["code"].as_i64(), status) {
        // "Authentication required" of the protocol.
        (Some(-32000), None) => {
            classification::of_message(&said, now).unwrap_or(FailureClass::Authentication)
        }
        (_, Some(status)) => classification::of_status(status, &said, now),
        (_, None) => classification::of_message(&said, now).unwrap_or(FailureClass::Infrastructure),
    }
}
