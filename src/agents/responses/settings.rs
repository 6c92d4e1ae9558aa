//! What is configured for the agent, and what one process of it is told.

use std::collections::BTreeMap;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::domain::agent::Stage;

/// Which of the two protocols the server speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Api {
    /// OpenAI Responses, `/v1/responses`.
    #[default]
    Responses,
    /// OpenAI chat completions, `/v1/chat/completions`: Ollama, vLLM, llama.cpp and most gateways.
    Chat,
}

impl Api {
    /// The words used in configuration.
    pub const WORDS: [&'static str; 2] = ["responses", "chat"];

    /// Parses a word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "responses" => Some(Self::Responses),
            "chat" => Some(Self::Chat),
            _ => None,
        }
    }
}

/// Prices of one model, in millionths of a US dollar per million tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    /// Input tokens that did not come from the cache.
    pub input: u64,
    /// Input tokens from the provider's cache.
    pub cached_input: u64,
    /// Output tokens.
    pub output: u64,
}

/// What only this kind of agent is configured with.
#[derive(Debug, Clone, Default)]
pub struct ResponsesSettings {
    /// The protocol.
    pub api: Api,
    /// The bearer key; a local server may need none.
    pub key: Option<SecretString>,
    /// Tokens that the model takes in one request; `None` is what is known of the model, see [`context_window`].
    pub context_window: Option<u64>,
    /// Prices by model; calls of a model that is not in it are counted as unpriced.
    pub prices: BTreeMap<String, Price>,
    /// Milliseconds that the server may send nothing before the request is given up; `None` is [`IDLE_TIMEOUT_MS`].
    pub idle_timeout_ms: Option<u64>,
}

/// Without another setting: well below the usual limit on a silent turn, so that the request is repeated before the turn
/// is ended.
pub const IDLE_TIMEOUT_MS: u64 = 120_000;

/// Model calls of a turn when nothing else is configured.
pub const MAX_TURNS: u32 = 80;

/// Tokens that a model takes in one request, by the beginning of its name (the vendor's model pages, 2026-11). The
/// first that fits counts.
const WINDOWS: &[(&str, u64)] = &[
    ("gpt-4.1", 1_000_000),
    ("gpt-4o", 128_000),
    ("gpt-5", 272_000),
    ("o3", 200_000),
    ("o4-mini", 200_000),
];

/// For models that nothing is known of: most that are served today take at least this.
const UNKNOWN_WINDOW: u64 = 32_768;

/// The tokens that a model takes in one request, input and output together, when nothing is configured.
#[must_use]
pub fn context_window(model: &str) -> u64 {
    let known = WINDOWS.iter().find(|(name, _)| model.starts_with(name));
    known.map_or(UNKNOWN_WINDOW, |(_, window)| *window)
}

/// What one process is told, in a file that only its user can read. The key is not in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Brief {
    /// Version of this file: 1.
    pub version: u32,
    /// Where the server is.
    pub base_url: String,
    /// The protocol.
    pub api: Api,
    /// The model.
    pub model: String,
    /// The session's id, chosen by us.
    pub session: String,
    /// What the model is doing.
    pub stage: Stage,
    /// Whether no tool may write.
    pub read_only: bool,
    /// Most model calls.
    pub max_turns: u32,
    /// Tokens that the model takes in one request.
    pub context_window: u64,
    /// Milliseconds without a byte from the server after which a request is given up.
    pub idle_timeout_ms: u64,
    /// The model's prices.
    pub price: Option<Price>,
}
