//! The two protocols of the model servers, and the connection to them.
//!
//! [`responses`] and [`chat`] only build bodies and read events; [`sse`] only takes bytes apart; [`trouble`] only
//! judges refusals. [`client`] is the one file that talks to the network, and the only one that knows the HTTP library.

use serde_json::Value;

use super::conversation::{Conversation, Said};
use super::settings::Api;
use super::tools::Spec;

mod chat;
pub(super) mod client;
mod responses;
mod sse;
pub(super) mod trouble;

#[cfg(test)]
mod tests;

/// One request to the model.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ask<'a> {
    /// The model.
    pub(super) model: &'a str,
    /// What has been said.
    pub(super) conversation: &'a Conversation,
    /// The tools there are.
    pub(super) tools: &'a [Spec],
    /// Whether it may call them in this answer.
    pub(super) may_call: bool,
    /// The session, by which the provider finds its cache.
    pub(super) session: &'a str,
}

/// A whole answer.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Reply {
    /// What was said, in order.
    pub(super) said: Vec<Said>,
    /// What it cost, if the server says so.
    pub(super) tokens: Option<Tokens>,
    /// Why it is not complete, if it is not.
    pub(super) incomplete: Option<Incomplete>,
}

/// Why an answer is not complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Incomplete {
    /// The limit of output was reached.
    CutOff,
    /// The provider's filter stepped in.
    Filtered,
}

/// Tokens of one call, as providers count them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Tokens {
    /// Input, what came from the cache included.
    pub(super) input: u64,
    /// The part of it that came from the cache.
    pub(super) cached: u64,
    /// Output, reasoning included.
    pub(super) output: u64,
}

/// What an event of the stream means for the answer.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Heard {
    /// It goes on.
    More,
    /// It is complete.
    Done,
    /// The server reports a failure in the middle; the error as it stands in the event.
    Failed(Value),
}

/// The body of a request.
pub(super) fn body(api: Api, ask: &Ask<'_>) -> Value {
    match api {
        Api::Responses => responses::body(ask),
        Api::Chat => chat::body(ask),
    }
}

/// The path below the base address.
fn path(api: Api) -> &'static str {
    match api {
        Api::Responses => "/responses",
        Api::Chat => "/chat/completions",
    }
}

/// Puts an answer together from what the server sends.
#[derive(Debug)]
pub(super) enum Reader {
    /// Of `/v1/responses`.
    Responses(responses::Reader),
    /// Of `/v1/chat/completions`.
    Chat(chat::Reader),
}

impl Reader {
    /// A reader for one answer.
    pub(super) fn new(api: Api) -> Self {
        match api {
            Api::Responses => Self::Responses(responses::Reader::default()),
            Api::Chat => Self::Chat(chat::Reader::default()),
        }
    }

    /// Takes the data of one event.
    fn event(&mut self, data: &str) -> Heard {
        match self {
            Self::Responses(reader) => reader.event(data),
            Self::Chat(reader) => reader.event(data),
        }
    }

    /// Takes a whole answer that was not streamed.
    fn whole(&mut self, body: &Value) -> Heard {
        match self {
            Self::Responses(reader) => reader.whole(body),
            Self::Chat(reader) => reader.whole(body),
        }
    }

    /// Whether the answer is complete although the stream just ended without saying so.
    fn may_end(&self) -> bool {
        match self {
            Self::Responses(_) => false,
            Self::Chat(reader) => reader.finished(),
        }
    }

    /// What was used, also by an answer that failed.
    fn tokens(&self) -> Option<Tokens> {
        match self {
            Self::Responses(reader) => reader.tokens(),
            Self::Chat(reader) => reader.tokens(),
        }
    }

    /// The answer.
    fn reply(self) -> Reply {
        match self {
            Self::Responses(reader) => reader.reply(),
            Self::Chat(reader) => reader.reply(),
        }
    }
}
