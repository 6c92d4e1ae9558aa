//! Any agent that speaks the Agent Client Protocol, version 1: Gemini, Qwen, Copilot, Kiro and others by configuration
//! alone.
//!
//! The process is started in the worktree, because some agents ignore the directory that the session names. Native
//! protocols are preferred where there is one: through this one a provider's refusal may look like an answer.

use std::ffi::OsString;
use std::path::Path;

use serde_json::json;

use crate::domain::agent::AgentKind;
use crate::domain::budget::Usage;
use crate::process::agent_process::Signal;
use crate::process::speech::Stdin;

use super::environment::{self, Own};
use super::widening;
use super::{
    Adapter, AgentError, AgentSettings, Capabilities, CommandLine, Invocation, Opening,
    QuotaSource, ReadOnly, Transcript, UsageReporting, rpc,
};

mod content;
pub(super) mod transcript;

#[cfg(test)]
mod tests;

/// Of our requests, the one that says who we are.
const INITIALIZE: u64 = 0;

/// The adapter for any such agent.
pub(super) struct Acp;

impl Adapter for Acp {
    fn kind(&self) -> AgentKind {
        AgentKind::Acp
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            steer: false,
            approve: true,
            resume: false,
            usage: UsageReporting::Absolute,
            cost: true,
            read_only: ReadOnly::Vouched,
            quota_source: QuotaSource::Text,
            session_chosen_by_us: false,
        }
    }

    fn command_line(
        &self,
        settings: &AgentSettings,
        invocation: &Invocation<'_>,
    ) -> Result<CommandLine, AgentError> {
        let missing = |what| AgentError::Missing { agent: settings.name.clone(), what };
        let program = settings.program.clone().ok_or_else(|| missing("a program"))?;
        widening::want_kept(
            settings,
            invocation,
            "it asks before some of what it does, and nobody knows which",
        )?;
        Ok(CommandLine {
            program,
            args: settings.args.iter().map(OsString::from).collect(),
            env: environment::build(settings, invocation, &Own::default()),
            stdin: Stdin::Open(introduction()),
            opening: Some(opening(invocation)),
            files: Vec::new(),
            answer_file: None,
            graceful: Signal::Terminate,
        })
    }

    /// Nothing can be read of a process that nobody talks to.
    fn transcript(&self) -> Box<dyn Transcript> {
        let opening = Opening {
            session: json!({}),
            resume: None,
            used: Usage::default(),
            prompt: String::new(),
            read_only: true,
        };
        self.conversation(opening)
    }

    fn conversation(&self, opening: Opening) -> Box<dyn Transcript> {
        Box::new(transcript::AcpTranscript::new(opening, transcript::Manners::GENERAL))
    }
}

/// The first line of every conversation.
pub(super) fn introduction() -> String {
    rpc::request(
        INITIALIZE,
        "initialize",
        &json!({
            "protocolVersion": 1,
            "clientCapabilities": {
                "fs": { "readTextFile": false, "writeTextFile": false },
                "terminal": false,
            },
            "clientInfo": { "name": "enact-factory", "version": env!("CARGO_PKG_VERSION") },
        }),
    )
}

/// What follows it.
pub(super) fn opening(invocation: &Invocation<'_>) -> Opening {
    Opening {
        session: session(invocation.workspace),
        resume: None,
        used: invocation.used,
        prompt: invocation.prompt.to_owned(),
        read_only: invocation.read_only,
    }
}

fn session(workspace: &Path) -> serde_json::Value {
    json!({ "cwd": workspace.to_string_lossy(), "mcpServers": [] })
}
