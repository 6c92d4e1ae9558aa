//! One side of a conversation with `codex app-server`: ours. Does no I/O; what is to be said is returned.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::domain::agent::TurnEnding;
use crate::domain::budget::Usage;
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::time::Timestamp;

use self::items::{complaint, less, message, tokens, tool};
use super::super::rpc::{self, Message};
use super::super::{
    AgentEvent, Opening, ProcessEnd, Steering, Transcript, TurnSummary, classification,
    fingerprint, reset_time,
};

mod items;

#[cfg(test)]
mod tests;

const INITIALIZE: u64 = 0;
const THREAD: u64 = 1;
const TURN: u64 = 2;

/// The first lines of every conversation: they need no answers in between.
pub(super) fn beginning(opening: &Opening) -> String {
    let client = json!({ "name": "enact-factory", "version": env!("CARGO_PKG_VERSION") });
    [
        rpc::request(INITIALIZE, "initialize", &json!({ "clientInfo": client })),
        rpc::notification("initialized", &json!({})),
        match &opening.resume {
            None => rpc::request(THREAD, "thread/start", &opening.session),
            Some(thread) => {
                let mut session = opening.session.clone();
                session["threadId"] = Value::from(thread.as_str());
                session["excludeTurns"] = Value::from(true);
                rpc::request(THREAD, "thread/resume", &session)
            }
        },
    ]
    .concat()
}

/// What the lines so far have told, and what is still to be said.
pub(in crate::agents) struct CodexConversation {
    opening: Opening,
    thread: Option<String>,
    model: Option<String>,
    turn: Option<String>,
    more_requests: u64,
    last_text: Option<String>,
    calls: BTreeSet<String>,
    /// The turn's usage as last reported: each report repeats what came before.
    usage: Usage,
    /// What earlier turns of a thread that goes on have used, once that is known.
    before: Option<Usage>,
    /// When the windows that are used up open again; known before the failure is.
    closed_until: Option<Timestamp>,
    last_error: Option<Value>,
    ended: Option<Ended>,
}

enum Ended {
    Completed,
    Interrupted,
    Failed(Value),
}

impl CodexConversation {
    pub(super) fn new(opening: Opening) -> Self {
        Self {
            opening,
            thread: None,
            model: None,
            turn: None,
            more_requests: 0,
            last_text: None,
            calls: BTreeSet::new(),
            usage: Usage::default(),
            before: None,
            closed_until: None,
            last_error: None,
            ended: None,
        }
    }
}

impl Transcript for CodexConversation {
    fn line(&mut self, line: &str) -> Vec<AgentEvent> {
        let events = match rpc::read(line) {
            Some(Message::Response { id, result }) => self.response(id, result),
            Some(Message::Request { id, method, .. }) => {
                vec![AgentEvent::Reply(self.answer(&id, &method))]
            }
            Some(Message::Notification { method, params }) => self.told(&method, &params),
            None => Vec::new(),
        };
        if events.is_empty() { vec![AgentEvent::Other] } else { events }
    }

    fn steer(&mut self, text: &str) -> Steering {
        let Some((thread, turn)) = self.running() else { return Steering::NextTurn };
        let params = json!({
            "threadId": thread, "expectedTurnId": turn, "input": [{ "type": "text", "text": text }],
        });
        self.more_requests += 1;
        Steering::Send(rpc::request(TURN + self.more_requests, "turn/steer", &params))
    }

    fn interrupt(&mut self) -> Option<String> {
        let (thread, turn) = self.running()?;
        let params = json!({ "threadId": thread, "turnId": turn });
        self.more_requests += 1;
        Some(rpc::request(TURN + self.more_requests, "turn/interrupt", &params))
    }

    fn finish(self: Box<Self>, end: ProcessEnd<'_>) -> TurnSummary {
        let judged = match &self.ended {
            Some(Ended::Completed) => TurnEnding::Completed,
            Some(Ended::Interrupted) => TurnEnding::Failed {
                failure: Failure::infrastructure("the turn was interrupted by the agent"),
            },
            Some(Ended::Failed(error)) => {
                let class = self.class(error, Some(end.now));
                let failure = classification::failure(class, message(error));
                TurnEnding::Failed { failure }
            }
            None => TurnEnding::Failed { failure: self.without_end(&end) },
        };
        TurnSummary {
            ending: end.stopped.unwrap_or(judged),
            text: classification::bounded_text(self.last_text.unwrap_or_default()),
            usage: Usage { unpriced_calls: 1, ..self.usage },
            session: self.thread,
            model: self.model,
            tool_calls: u32::try_from(self.calls.len()).unwrap_or(u32::MAX),
        }
    }
}

impl CodexConversation {
    /// Thread and turn, while the turn can be spoken to.
    fn running(&self) -> Option<(&str, &str)> {
        let (thread, turn) = (self.thread.as_deref()?, self.turn.as_deref()?);
        self.ended.is_none().then_some((thread, turn))
    }

    fn response(&mut self, id: u64, result: Result<Value, Value>) -> Vec<AgentEvent> {
        match (id, result) {
            (THREAD, Ok(result)) => self.started(&result["thread"], &result["model"]),
            (TURN, Ok(result)) => {
                self.turn = result["turn"]["id"].as_str().map(str::to_owned);
                Vec::new()
            }
            (INITIALIZE | THREAD | TURN, Err(error)) => self.fail(error),
            _ => Vec::new(),
        }
    }

    fn started(&mut self, thread: &Value, model: &Value) -> Vec<AgentEvent> {
        let Some(id) = thread["id"].as_str().map(str::to_owned) else {
            return self.fail(json!({ "message": "the thread has no id" }));
        };
        let model = model.as_str().or_else(|| thread["model"].as_str());
        self.model = model.map(str::to_owned);
        self.thread = Some(id.clone());
        let input = json!([{ "type": "text", "text": self.opening.prompt }]);
        let asked = rpc::request(TURN, "turn/start", &json!({ "threadId": id, "input": input }));
        let session = AgentEvent::Session { id, model: self.model.clone() };
        vec![session, AgentEvent::Reply(asked)]
    }

    fn told(&mut self, method: &str, params: &Value) -> Vec<AgentEvent> {
        match method {
            "turn/started" => {
                self.turn = params["turn"]["id"].as_str().map(str::to_owned);
                Vec::new()
            }
            "item/started" => self.call(&params["item"]).into_iter().collect(),
            "item/completed" => self.item(&params["item"]),
            "thread/tokenUsage/updated" => self.used(&params["tokenUsage"]),
            "account/rateLimits/updated" => self.limits(&params["rateLimits"]),
            "error" => self.error(params),
            "turn/completed" => self.completed(&params["turn"]),
            _ => Vec::new(),
        }
    }

    /// It may do what it asks for, unless it may only read; nobody is there to answer questions.
    fn answer(&self, id: &Value, method: &str) -> String {
        let (yes, no) = match method {
            "item/commandExecution/requestApproval" | "item/fileChange/requestApproval" => {
                ("accept", "decline")
            }
            "execCommandApproval" | "applyPatchApproval" => ("approved", "denied"),
            _ => return rpc::not_supported(id, method),
        };
        let decision = if self.opening.read_only { no } else { yes };
        rpc::response(id, &json!({ "decision": decision }))
    }

    /// A tool call, the first time it is seen.
    fn call(&mut self, item: &Value) -> Option<AgentEvent> {
        let (name, arguments) = tool(item)?;
        if !self.calls.insert(item["id"].as_str().unwrap_or_default().to_owned()) {
            return None;
        }
        let fingerprint = fingerprint::of_call(&name, &arguments);
        Some(AgentEvent::ToolCall { name, fingerprint })
    }

    fn item(&mut self, item: &Value) -> Vec<AgentEvent> {
        if item["type"] == "agentMessage" {
            let text = item["text"].as_str().unwrap_or_default().to_owned();
            self.last_text = Some(text.clone());
            return vec![AgentEvent::Text(text)];
        }
        let mut events: Vec<AgentEvent> = self.call(item).into_iter().collect();
        if let Some((name, _)) = tool(item)
            && matches!(item["status"].as_str(), Some("failed" | "declined"))
        {
            let message = classification::one_line(&complaint(item));
            events.push(AgentEvent::ToolFailed { name, message });
        }
        events
    }

    fn used(&mut self, usage: &Value) -> Vec<AgentEvent> {
        let total = tokens(&usage["total"]);
        if self.opening.resume.is_some() && self.before.is_none() {
            // What earlier turns of the thread used is told before the turn begins, or is what the first call adds to.
            let begun = self.turn.is_some();
            let earlier = if begun { less(total, tokens(&usage["last"])) } else { total };
            self.before = Some(earlier);
        }
        let total = less(total, self.before.unwrap_or_default());
        let more = less(total, self.usage);
        self.usage += more;
        if more == Usage::default() { Vec::new() } else { vec![AgentEvent::Usage(more)] }
    }

    /// Windows are reported with every answer; only one that is used up matters.
    fn limits(&mut self, limits: &Value) -> Vec<AgentEvent> {
        let windows = ["primary", "secondary"].map(|name| &limits[name]);
        let closed = windows.iter().filter(|window| window["usedPercent"].as_u64() >= Some(100));
        let resets = closed.filter_map(|window| window["resetsAt"].as_i64());
        let resets = resets.max().and_then(reset_time::from_epoch_seconds);
        self.closed_until = resets.or(self.closed_until);
        Vec::new()
    }

    fn error(&mut self, params: &Value) -> Vec<AgentEvent> {
        let error = &params["error"];
        self.last_error = Some(error.clone());
        if params["willRetry"] == true {
            return vec![AgentEvent::Retrying {
                message: classification::one_line(message(error)),
            }];
        }
        Vec::new()
    }

    fn completed(&mut self, turn: &Value) -> Vec<AgentEvent> {
        match turn["status"].as_str() {
            Some("completed") => self.ended = Some(Ended::Completed),
            Some("interrupted") => self.ended = Some(Ended::Interrupted),
            _ => {
                let error = Some(turn["error"].clone()).filter(|error| !error.is_null());
                let error = error.or(self.last_error.take());
                return self.fail(error.unwrap_or_default());
            }
        }
        vec![AgentEvent::Finished]
    }

    fn fail(&mut self, error: Value) -> Vec<AgentEvent> {
        let class = self.class(&error, None);
        self.ended = Some(Ended::Failed(error));
        let limited = Some(class).filter(|class| classification::is_rate_limit(*class));
        let limited = limited.map(|class| AgentEvent::RateLimited { class });
        limited.into_iter().chain([AgentEvent::Finished]).collect()
    }

    fn class(&self, error: &Value, now: Option<Timestamp>) -> FailureClass {
        let said = message(error);
        let by_words =
            || classification::of_message(said, now).unwrap_or(FailureClass::Infrastructure);
        match &error["codexErrorInfo"] {
            Value::String(word) => match word.as_str() {
                "usageLimitExceeded" => FailureClass::Quota {
                    until: self.closed_until.or_else(|| reset_time::parse(said, now)),
                },
                "rateLimitExceeded" => FailureClass::Throttled { until: None },
                "contextWindowExceeded" => FailureClass::ContextOverflow,
                "unauthorized" => FailureClass::Authentication,
                "modelNotFound" => FailureClass::Configuration,
                "serverOverloaded" | "internalServerError" => FailureClass::Infrastructure,
                _ => by_words(),
            },
            Value::Object(kinds) => {
                let status = kinds.values().find_map(|kind| kind["httpStatusCode"].as_u64());
                match status.and_then(|status| u16::try_from(status).ok()) {
                    Some(status) => classification::of_status(status, said, now),
                    None => by_words(),
                }
            }
            _ => by_words(),
        }
    }

    fn without_end(&self, end: &ProcessEnd<'_>) -> Failure {
        match (&self.last_error, end.exit.code) {
            // How its command-line parser ends when there is no such command.
            (None, Some(2)) => {
                let said = classification::last_line(end.stderr_tail).unwrap_or("exit code 2");
                let message =
                    format!("it has no app server (`conversation = false` does without): {said}");
                classification::failure(FailureClass::Configuration, &message)
            }
            (Some(error), _) => {
                let how = classification::manner(end.exit);
                let message = format!("no end of turn before {how}: {}", message(error));
                classification::failure(self.class(error, Some(end.now)), &message)
            }
            (None, _) => classification::broke_off(end),
        }
    }
}
