//! What only agents of the kind `responses` have: keys of `[agents.<name>]`, and the variables that stand in for them.

use std::collections::BTreeMap;

use secrecy::SecretString;

use crate::agents::AgentSettings;
use crate::agents::responses::settings::{Api, Price};

use super::schema::{Key, Kind, Shape};
use super::section::Section;
use super::sources::Sources;

pub(super) const API: Key = Key::optional(
    "api",
    Kind::Choice(&Api::WORDS, &[]),
    "`ENACT_RESPONSES_API`, or else `responses`",
    "For `responses`: what the server speaks. `responses` is `/v1/responses`, `chat` is `/v1/chat/completions` (Ollama, \
     vLLM, llama.cpp and most gateways).",
);

pub(super) const KEY_VARIABLE: Key = Key::optional(
    "key_variable",
    Kind::Text,
    "`ENACT_RESPONSES_API_KEY`, or else `ENACT_GATEWAY_API_KEY`, if they are set",
    "For `responses`: the variable of the daemon's environment or `.env` that holds the bearer key. Programs that the \
     model has executed do not get it.",
);

pub(super) const CONTEXT_WINDOW: Key = Key::optional(
    "context_window",
    Kind::Count(4096, 100_000_000),
    "what is known of the model, or else 32768",
    "For `responses`: tokens that the model takes in one request, input and output together.",
);

pub(super) const IDLE_TIMEOUT: Key = Key::optional(
    "idle_timeout_ms",
    Kind::Count(100, 3_600_000),
    "120000",
    "For `responses`: milliseconds that the server may send nothing before the request is repeated. A local server that \
     takes long to read a prompt needs more, and a longer `silence_ms` of its stages.",
);

pub(super) const PRICES: Key = Key::group(
    "prices",
    Shape::Map("model", &PRICE_TABLE),
    "For `responses`: what a model costs. Calls of models without a price are counted as unpriced.",
);

static PRICE_TABLE: Shape = Shape::Table(PRICE);

static PRICE: &[Key] = &[
    Key::required("input", Kind::Money, "US dollars per million input tokens."),
    Key::optional(
        "cached_input",
        Kind::Money,
        "the same as `input`",
        "US dollars per million input tokens that came from the provider's cache.",
    ),
    Key::required("output", Kind::Money, "US dollars per million output tokens."),
];

/// What the environment says about the model server. `ENACT_RESPONSES_*` goes before `ENACT_GATEWAY_*`.
pub(super) struct Gateway {
    base_url: Option<String>,
    key: Option<String>,
    api: Option<String>,
    model: Option<String>,
}

impl Gateway {
    /// Looks at the variables; the keys in them are secrets, whoever uses them.
    pub(super) fn of(variables: &BTreeMap<String, String>, secrets: &mut Vec<String>) -> Self {
        let first = |names: &[&str]| {
            let mut found = names.iter().filter_map(|name| variables.get(*name));
            found.find(|value| !value.is_empty()).cloned()
        };
        let keys = ["ENACT_RESPONSES_API_KEY", "ENACT_GATEWAY_API_KEY"];
        secrets.extend(keys.iter().filter_map(|name| variables.get(*name)).cloned());
        Self {
            base_url: first(&["ENACT_RESPONSES_BASE_URL", "ENACT_GATEWAY_BASE_URL"]),
            key: first(&keys),
            api: first(&["ENACT_RESPONSES_API"]),
            model: first(&["ENACT_RESPONSES_MODEL"]),
        }
    }

    /// Adds to an agent what its table says about the server, or else the environment.
    pub(super) fn complete(
        &self,
        settings: &mut AgentSettings,
        table: &Section,
        variables: &BTreeMap<String, String>,
        secrets: &mut Vec<String>,
        sources: &mut Sources,
    ) {
        let path = table.path_of("base_url");
        self.fill(settings, &path, sources);
        if settings.base_url.is_none() && sources.get(&path).is_none() {
            sources.missing(&table.path, &path, MISSING);
        }
        if !settings.args.is_empty() {
            let path = table.path_of("args");
            sources.problem(&path, "the kind \"responses\" takes no arguments", None);
        }
        let own = &mut settings.responses;
        if let Some(api) = table.text("api").and_then(Api::parse) {
            own.api = api;
        }
        if let Some(name) = table.text("key_variable") {
            let value = variables.get(name).filter(|value| !value.is_empty());
            if value.is_none() {
                let message = format!("{name} is not set, so the agent has no key");
                sources.warning(&table.path_of("key_variable"), &message);
            }
            secrets.extend(value.cloned());
            own.key = value.cloned().map(SecretString::from);
        }
        own.context_window = table.number("context_window");
        own.idle_timeout_ms = table.number("idle_timeout_ms");
        own.prices = table
            .table("prices")
            .named_tables()
            .filter_map(|(model, table)| Some((model.to_owned(), price(table, sources)?)))
            .collect();
    }

    /// An agent that is used without a table.
    pub(super) fn bare(
        &self,
        mut settings: AgentSettings,
        path: &str,
        sources: &mut Sources,
    ) -> AgentSettings {
        self.fill(&mut settings, path, sources);
        if settings.base_url.is_none() {
            let message = "the kind \"responses\" needs an [agents.responses] table with a base_url, or \
                           ENACT_GATEWAY_BASE_URL in the environment";
            sources.problem(path, message, None);
        }
        settings
    }

    fn fill(&self, settings: &mut AgentSettings, path: &str, sources: &mut Sources) {
        settings.base_url = settings.base_url.take().or_else(|| self.base_url.clone());
        settings.model = settings.model.take().or_else(|| self.model.clone());
        settings.responses.key = self.key.clone().map(SecretString::from);
        match self.api.as_deref().map(|text| (text, Api::parse(text))) {
            Some((_, Some(api))) => settings.responses.api = api,
            Some((_, None)) => {
                sources.warning(path, "ENACT_RESPONSES_API is neither `responses` nor `chat`");
            }
            None => {}
        }
    }
}

const MISSING: &str = "this key is missing: the kind \"responses\" needs it, or ENACT_GATEWAY_BASE_URL in the environment";

/// Reports keys of this kind in the table of another.
pub(super) fn refuse(table: &Section, sources: &mut Sources) {
    for key in [&API, &KEY_VARIABLE, &CONTEXT_WINDOW, &IDLE_TIMEOUT, &PRICES] {
        let path = table.path_of(key.name);
        if sources.get(&path).is_some() {
            sources.problem(&path, "only the kind \"responses\" has this key", None);
        }
    }
}

fn price(table: &Section, sources: &mut Sources) -> Option<Price> {
    let mut amount = |name: &str| {
        let amount = table.limit(name);
        if amount.is_none() && sources.get(&table.path_of(name)).is_some() {
            sources.problem(&table.path_of(name), "a price is an amount", None);
        }
        amount
    };
    let (input, cached, output) = (amount("input"), amount("cached_input"), amount("output"));
    let input = input?;
    Some(Price { input, cached_input: cached.unwrap_or(input), output: output? })
}
