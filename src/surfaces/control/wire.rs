//! What goes over the socket.
//!
//! Each request is one line `{"protocol": 1, "request": {"kind": …}}`, each answer one or more lines `{"kind": …}`.
//! Times are RFC 3339 in UTC with milliseconds.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::domain::command::Command;
use crate::domain::event::Event;
use crate::domain::ids::{ItemId, RunId};
use crate::domain::time::Timestamp;
use crate::runtime::engine::Reply;
use crate::runtime::engine::drain::Drained;
use crate::store::envelope::Recorded;

use super::views::{ExplanationView, StatusView};

/// Version of the protocol. Increases when an older end could misunderstand a newer one.
pub const PROTOCOL: u32 = 1;

/// Longest request line in bytes: room for a long task text.
pub const LONGEST_REQUEST: usize = 1024 * 1024;

/// Longest answer line in bytes that a client reads: a status of some hundred thousand items.
pub const LONGEST_RESPONSE: usize = 256 * 1024 * 1024;

/// Longest name of an actor, in characters.
pub const LONGEST_ACTOR: usize = 128;

/// A request with the version of the protocol it is written in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Envelope {
    /// [`PROTOCOL`] of the client.
    pub protocol: u32,
    /// What it asks.
    pub request: Request,
}

/// What may be asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", deny_unknown_fields)]
pub enum Request {
    /// Whether someone is there, and who.
    Ping {
        /// Version of the client's program.
        version: String,
    },
    /// Carry out a command.
    Submit {
        /// Which.
        command: Command,
        /// Who wants it (`human:cli:ann`).
        actor: String,
    },
    /// The whole picture.
    Status {},
    /// Why an item runs or does not run.
    Why {
        /// What people call it.
        target: String,
    },
    /// Stop, and leave agents to the next daemon.
    HandOver {},
    /// Write everything that trackers are still to be told; answered when all of it was tried.
    Drain {
        /// Also what was given up before.
        #[serde(default)]
        parked: bool,
        /// Who wants it (`human:cli:ann`).
        actor: String,
    },
    /// Send events until the client hangs up.
    Follow {
        /// Global number of the last event that the client has (0: none).
        after: u64,
        /// Only this run.
        #[serde(default)]
        run: Option<RunId>,
        /// Only this item and its runs.
        #[serde(default)]
        item: Option<ItemId>,
    },
}

/// What is answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Response {
    /// Someone is there.
    Pong {
        /// The daemon's protocol.
        protocol: u32,
        /// Version of the daemon's program.
        version: String,
        /// The daemon's process.
        process: u32,
        /// Whether it ends with the one task that its process was started for.
        temporary: bool,
        /// Global number of the last event.
        head: u64,
    },
    /// What became of a command.
    Reply {
        /// Whether it was carried out.
        accepted: bool,
        /// The sentence for people.
        message: String,
        /// The item concerned.
        item: Option<ItemId>,
        /// The run concerned.
        run: Option<RunId>,
    },
    /// The whole picture.
    Status {
        /// It.
        status: Box<StatusView>,
    },
    /// Why an item runs or does not run.
    Why {
        /// Absent when there is no such item.
        explanation: Option<Box<ExplanationView>>,
    },
    /// It stops, and agents go on.
    HandedOver {
        /// How many.
        agents: usize,
    },
    /// All was tried.
    Drained {
        /// What it came to.
        drained: Drained,
    },
    /// Something happened.
    Event {
        /// What.
        event: EventView,
    },
    /// No more events come.
    End {
        /// Why.
        reason: String,
    },
    /// The request was not carried out.
    Error {
        /// What kind of mistake.
        code: ErrorCode,
        /// The sentence for people.
        message: String,
    },
}

impl From<Reply> for Response {
    fn from(reply: Reply) -> Self {
        let Reply { accepted, message, item, run } = reply;
        Self::Reply { accepted, message, item, run }
    }
}

/// Kinds of mistakes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// The line is not a request.
    Malformed,
    /// The line is longer than [`LONGEST_REQUEST`].
    TooLarge,
    /// The two ends speak different versions of the protocol.
    Protocol,
    /// Someone else's process.
    Forbidden,
    /// Too many clients.
    Busy,
    /// The daemon is stopping; the command may or may not have been carried out.
    Stopping,
    /// The log could not be read.
    Store,
}

/// A stored event as surfaces show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventView {
    /// Place in the whole log, from 1.
    pub gseq: u64,
    /// Its stream.
    pub stream: String,
    /// Place in its stream, from 1.
    pub seq: u64,
    /// When.
    #[serde(with = "super::views::instant")]
    pub at: Timestamp,
    /// Its type (`run.started`).
    #[serde(rename = "type")]
    pub kind: String,
    /// Who decided.
    pub actor: String,
    /// What happened; absent when this version cannot read it.
    pub data: Option<Value>,
}

impl EventView {
    /// A stored event as surfaces show it.
    #[must_use]
    pub fn of(recorded: &Recorded) -> Self {
        let data = recorded
            .event
            .known()
            .and_then(|event| serde_json::to_value(event).ok())
            .and_then(|mut value| value.get_mut("data").map(Value::take));
        Self {
            gseq: recorded.gseq,
            stream: recorded.stream.as_str().to_owned(),
            seq: recorded.seq,
            at: recorded.at,
            kind: recorded.kind.clone(),
            actor: recorded.actor.clone(),
            data,
        }
    }

    /// The event, if this version knows it.
    #[must_use]
    pub fn event(&self) -> Option<Event> {
        let data = self.data.clone()?;
        let whole = serde_json::json!({ "type": self.kind, "data": data });
        serde_json::from_value(whole).ok()
    }
}
