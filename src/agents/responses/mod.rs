//! The responses agent: our own agent loop on a model server, as a child process like every other agent.
//!
//! This side describes and parses like every other adapter. [`engine`] is the agent itself, which the hidden subcommand
//! `enact-factory responses-agent --brief FILE` runs: it talks to `/v1/responses` or `/v1/chat/completions` (`wire`),
//! carries out what the model calls (`tools`), makes room when the conversation grows too long (`compaction`), and
//! prints what happens (`protocol`). The key reaches the process in its environment and goes no further: programs that
//! the model has executed do not get it.

use crate::domain::agent::AgentKind;
use crate::process::agent_process::Signal;
use crate::process::speech::Stdin;

use super::environment::{self, Own};
use super::{
    Adapter, AgentError, AgentSettings, Capabilities, CommandLine, FileBody, Invocation,
    PrivateFile, QuotaSource, ReadOnly, Transcript, UsageReporting,
};

mod accounting;
mod compaction;
mod conversation;
pub mod engine;
pub(super) mod probing;
mod protocol;
pub mod settings;
mod tools;
mod transcript;
mod wire;

#[cfg(test)]
mod server;
#[cfg(test)]
mod tests;

use settings::{Brief, IDLE_TIMEOUT_MS, MAX_TURNS, context_window};

/// Name of the hidden subcommand that is the agent.
pub const SUBCOMMAND: &str = "responses-agent";

/// The variable that holds the key of the agent's own process.
pub const KEY_VARIABLE: &str = "ENACT_RESPONSES_API_KEY";

/// The model to ask for when none is configured: gateways choose one.
const ANY_MODEL: &str = "auto";

/// The adapter.
pub(super) struct Responses;

impl Adapter for Responses {
    fn kind(&self) -> AgentKind {
        AgentKind::Responses
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            steer: true,
            approve: false,
            resume: false,
            usage: UsageReporting::PerStep,
            cost: true,
            read_only: ReadOnly::Enforced,
            quota_source: QuotaSource::Event,
            session_chosen_by_us: true,
        }
    }

    fn command_line(
        &self,
        settings: &AgentSettings,
        invocation: &Invocation<'_>,
    ) -> Result<CommandLine, AgentError> {
        let brief = brief(settings, invocation)?;
        let path = invocation.scratch.join("responses.json");
        let key = settings.responses.key.as_ref();
        let fixed: Vec<(&str, String)> = key
            .map(|key| (KEY_VARIABLE, secrecy::ExposeSecret::expose_secret(key).to_owned()))
            .into_iter()
            .collect();
        Ok(CommandLine {
            program: invocation.own_program.to_owned(),
            args: vec![SUBCOMMAND.into(), "--brief".into(), path.clone().into()],
            env: environment::build(settings, invocation, &Own { defaults: &[], fixed: &fixed }),
            opening: None,
            stdin: Stdin::Open(first_line(invocation.prompt)),
            files: vec![PrivateFile { path, body: FileBody::Text(text_of(&brief)) }],
            answer_file: None,
            graceful: Signal::Terminate,
        })
    }

    fn transcript(&self) -> Box<dyn Transcript> {
        Box::<transcript::ResponsesTranscript>::default()
    }
}

fn brief(settings: &AgentSettings, invocation: &Invocation<'_>) -> Result<Brief, AgentError> {
    let missing = |what| AgentError::Missing { agent: settings.name.clone(), what };
    let own = &settings.responses;
    let base_url = settings.base_url.clone().ok_or_else(|| missing("a base_url"))?;
    let model = invocation.model.or(settings.model.as_deref()).unwrap_or(ANY_MODEL).to_owned();
    Ok(Brief {
        version: 1,
        base_url,
        api: own.api,
        session: invocation.session.to_owned(),
        stage: invocation.stage,
        read_only: invocation.read_only,
        max_turns: settings.max_turns.unwrap_or(MAX_TURNS),
        context_window: own.context_window.unwrap_or_else(|| context_window(&model)),
        idle_timeout_ms: own.idle_timeout_ms.unwrap_or(IDLE_TIMEOUT_MS),
        price: own.prices.get(&model).copied(),
        model,
    })
}

/// The prompt as the first line that the agent reads.
#[expect(clippy::expect_used, reason = "a text always has a JSON form")]
fn first_line(prompt: &str) -> String {
    let told = protocol::Told::Prompt(prompt.to_owned());
    format!("{}\n", serde_json::to_string(&told).expect("a JSON form"))
}

#[expect(clippy::expect_used, reason = "numbers, texts and words always have a JSON form")]
fn text_of(brief: &Brief) -> String {
    serde_json::to_string_pretty(brief).expect("a JSON form")
}
