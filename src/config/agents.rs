//! `[agents.<name>]`: the coding agents.

use std::collections::BTreeMap;
use std::path::Path;

use secrecy::SecretString;

use crate::agents::AgentSettings;
use crate::agents::responses::settings::ResponsesSettings;
use crate::domain::agent::AgentKind;

use super::agent_environment::environment;
use super::document::nearest;
use super::gateway::{self, Gateway};
use super::projects::is_name;
use super::schema::{Key, Kind, Shape};
use super::section::{Section, small};
use super::sources::Sources;

pub(super) static KEYS: &[Key] = &[
    Key::optional(
        "kind",
        Kind::Choice(
            &[
                "claude",
                "codex",
                "opencode",
                "cursor",
                "hermes",
                "acp",
                "command",
                "scripted",
                "responses",
            ],
            &[],
        ),
        "the table's name, if it is a kind",
        "How it is driven: `claude`, `codex`, `opencode`, `cursor` and `hermes` are those CLIs, `acp` is any \
         program that speaks the Agent Client Protocol, `command` is any program that takes a prompt on stdin, \
         `scripted` plays a script and needs no model, `responses` is our own agent on a model server.",
    )
    .alias(&["adapter"]),
    Key::optional(
        "program",
        Kind::Program,
        "the kind's usual name, looked up in `PATH`; required for `command` and `acp`",
        "The program to start.",
    ),
    Key::optional("model", Kind::Text, "the agent's own default", "The model to ask for."),
    Key::with_default(
        "args",
        Kind::Texts,
        "[]",
        "For `command` the argument template, with `{model}`, `{prompt_file}`, `{workspace}`, `{answer_file}`, \
         `{stage}` and `{session}`; for the others, additional arguments.",
    ),
    Key::with_default(
        "env",
        Kind::Texts,
        "[]",
        "Names of variables that are passed on from the daemon's environment or `.env`. Nothing else is.",
    ),
    Key::group(
        "set",
        Shape::Map("VARIABLE", &Shape::Value(Kind::Secret)),
        "A variable for the agent. Its value is never shown.",
    ),
    Key::optional(
        "credentials",
        Kind::Path,
        "the login is in the environment, or there is none",
        "The CLI's login file, linked into its private home: `.credentials.json` of Claude, `auth.json` of the others.",
    ),
    Key::optional(
        "base_url",
        Kind::Text,
        "the provider's own; for `responses`: `ENACT_RESPONSES_BASE_URL`, or else `ENACT_GATEWAY_BASE_URL`",
        "Another address for the provider's API: the Messages API for `claude`, the Responses API for `codex`, chat \
         completions for `opencode` and `hermes`, which then need a `model`. For `responses`: the model server.",
    ),
    gateway::API,
    gateway::KEY_VARIABLE,
    gateway::CONTEXT_WINDOW,
    gateway::IDLE_TIMEOUT,
    gateway::PRICES,
    Key::optional(
        "max_turns",
        Kind::Count(1, 100_000),
        "no limit of ours",
        "Limit on the model calls of one turn, where the agent has such a limit.",
    ),
    Key::with_default(
        "read_only_enforced",
        Kind::Boolean,
        "false",
        "For `command`, `cursor`, `opencode` and `acp`: you vouch that it does not write when it is told to \
         only read. Git checks it all the same.",
    ),
    Key::with_default(
        "conversation",
        Kind::Boolean,
        "true",
        "Whether it is talked to during a turn, so that it can be steered and stops in good order, where it has a \
         protocol for that: `claude`, `codex`, `hermes`. `false` is for a version that has none.",
    ),
    Key::optional(
        "script",
        Kind::Path,
        "required for `scripted`",
        "For `scripted`: the script to play.",
    ),
    Key::with_default(
        "failover",
        Kind::Texts,
        "[]",
        "Agents that take its turns while it cannot work: its usage window is closed or used up, or its provider \
         does not let it in. The first that can work and may do the stage; never theirs in turn. Empty: its turns wait.",
    ),
    Key::optional(
        "slots",
        Kind::Count(1, 1000),
        "`slots.global`",
        "How many of it may be at work at once.",
    ),
];

/// The agents of a configuration.
pub(super) struct Agents {
    /// By name; those that are used without a table come in with [`Agents::require`].
    pub(super) settings: BTreeMap<String, AgentSettings>,
    /// Their slots, where they have their own.
    pub(super) slots: BTreeMap<String, u32>,
    /// Who stands in for whom, where somebody does.
    pub(super) failover: BTreeMap<String, Vec<String>>,
    /// Names with a table, usable or not: a mistake in the table is reported there, and only there.
    tables: Vec<String>,
    /// What the environment says about the model server.
    gateway: Gateway,
}

pub(super) fn read(
    section: &Section,
    variables: &BTreeMap<String, String>,
    secrets: &mut Vec<String>,
    sources: &mut Sources,
) -> Agents {
    let mut agents = Agents {
        settings: BTreeMap::new(),
        slots: BTreeMap::new(),
        failover: BTreeMap::new(),
        tables: Vec::new(),
        gateway: Gateway::of(variables, secrets),
    };
    for (name, table) in section.named_tables() {
        agents.tables.push(name.to_owned());
        if !is_name(name) {
            let hint = "use letters, digits, -, _ and ., beginning with a letter or digit";
            sources.missing(&table.path, &table.path, &format!("not usable as a name: {hint}"));
        }
        let env = environment(table, variables, secrets, sources);
        if let Some(kind) = kind(name, table, sources) {
            let mut settings = settings(name, kind, table, env);
            if kind == AgentKind::Responses {
                agents.gateway.complete(&mut settings, table, variables, secrets, sources);
            } else {
                gateway::refuse(table, sources);
            }
            agents.settings.insert(name.to_owned(), settings);
        }
        let failover = table.texts("failover").to_vec();
        if !failover.is_empty() {
            agents.failover.insert(name.to_owned(), failover);
        }
        agents.slots.extend(table.number("slots").map(|slots| (name.to_owned(), small(slots))));
    }
    agents
}

impl Agents {
    /// Makes sure that the agent that the value at `path` names exists.
    pub(super) fn require(&mut self, name: &str, path: &str, sources: &mut Sources) {
        if self.tables.iter().any(|table| table == name) || self.settings.contains_key(name) {
            return;
        }
        match AgentKind::parse(name) {
            Some(
                kind @ (AgentKind::Claude
                | AgentKind::Codex
                | AgentKind::Opencode
                | AgentKind::Cursor
                | AgentKind::Hermes),
            ) => {
                self.settings.insert(name.to_owned(), bare(name, kind));
            }
            Some(kind @ (AgentKind::Command | AgentKind::Acp)) => {
                let kind = kind.word();
                let message =
                    format!("the kind {kind:?} needs an [agents.{kind}] table with a program");
                sources.problem(path, &message, None);
            }
            Some(AgentKind::Scripted) => {
                let message =
                    "the kind \"scripted\" needs an [agents.scripted] table with a script";
                sources.problem(path, message, None);
            }
            Some(kind @ AgentKind::Responses) => {
                let settings = self.gateway.bare(bare(name, kind), path, sources);
                self.settings.insert(name.to_owned(), settings);
            }
            None => self.check_name(name, path, sources),
        }
    }

    /// Reports it when there can be no agent of that name.
    pub(super) fn check_name(&self, name: &str, path: &str, sources: &mut Sources) {
        let known: Vec<&str> = (self.tables.iter().map(String::as_str))
            .chain(AgentKind::ALL.iter().map(|kind| kind.word()))
            .collect();
        if known.contains(&name) {
            return;
        }
        let hint = nearest(name, known.into_iter())
            .or_else(|| Some(format!("describe it in [agents.{name}]")));
        sources.problem(path, &format!("there is no agent {name:?}"), hint);
    }
}

/// The kind of a table, if all that the kind needs is there.
fn kind(name: &str, table: &Section, sources: &mut Sources) -> Option<AgentKind> {
    let path = table.path_of("kind");
    let kind = match table.text("kind") {
        Some(kind) => AgentKind::parse(kind)?,
        // A wrong kind has been reported where it stands.
        None if sources.get(&path).is_some() => return None,
        None => {
            let Some(kind) = AgentKind::parse(name) else {
                let kinds = AgentKind::ALL.map(AgentKind::word).join(", ");
                let message = format!("this key is missing: {name:?} is none of the kinds {kinds}");
                sources.missing(&table.path, &path, &message);
                return None;
            };
            kind
        }
    };
    let needed = match kind {
        AgentKind::Claude
        | AgentKind::Codex
        | AgentKind::Opencode
        | AgentKind::Cursor
        | AgentKind::Hermes
        | AgentKind::Responses => None,
        AgentKind::Command | AgentKind::Acp => Some("program"),
        AgentKind::Scripted => Some("script"),
    };
    if let Some(needed) = needed
        && table.file(needed).is_none()
        && sources.get(&table.path_of(needed)).is_none()
    {
        let message = format!("this key is missing: the kind {:?} needs it", kind.word());
        sources.missing(&table.path, &table.path_of(needed), &message);
    }
    if kind != AgentKind::Scripted && table.file("script").is_some() {
        sources.problem(&table.path_of("script"), "only the kind \"scripted\" plays scripts", None);
    }
    Some(kind)
}

fn settings(
    name: &str,
    kind: AgentKind,
    table: &Section,
    env: BTreeMap<String, SecretString>,
) -> AgentSettings {
    AgentSettings {
        program: table.file("program").map(Path::to_owned),
        model: table.owned("model"),
        args: table.texts("args").to_vec(),
        env,
        credentials: table.file("credentials").map(Path::to_owned),
        base_url: table.owned("base_url"),
        max_turns: table.number("max_turns").map(small),
        read_only_enforced: table.is("read_only_enforced"),
        conversation: table.is("conversation"),
        script: table.file("script").map(Path::to_owned),
        ..bare(name, kind)
    }
}

/// An agent with nothing but a kind.
fn bare(name: &str, kind: AgentKind) -> AgentSettings {
    AgentSettings {
        name: name.to_owned(),
        kind,
        program: None,
        model: None,
        args: Vec::new(),
        env: BTreeMap::new(),
        credentials: None,
        base_url: None,
        max_turns: None,
        read_only_enforced: false,
        conversation: true,
        script: None,
        responses: ResponsesSettings::default(),
    }
}
