//! The scripted agent: a real child process that plays a script instead of asking a model.
//!
//! For the demo, the tests and the benchmarks. This side describes and parses like every other adapter; [`engine`] is
//! the agent itself, which the hidden subcommand `enact-factory scripted-agent --script FILE` runs; [`script`] is the
//! file it plays and `protocol` what it prints.

use crate::domain::agent::AgentKind;

use crate::process::agent_process::Signal;
use crate::process::speech::Stdin;

use super::environment::{self, Own};
use super::{
    Adapter, AgentError, AgentSettings, Capabilities, CommandLine, Invocation, QuotaSource,
    ReadOnly, Transcript, UsageReporting, command,
};

pub mod engine;
mod protocol;
pub mod script;
mod transcript;

#[cfg(test)]
mod tests;

/// Name of the hidden subcommand that plays scripts.
pub const SUBCOMMAND: &str = "scripted-agent";

/// The scripted adapter.
pub(super) struct Scripted;

impl Adapter for Scripted {
    fn kind(&self) -> AgentKind {
        AgentKind::Scripted
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            steer: true,
            approve: false,
            resume: true,
            usage: UsageReporting::PerStep,
            cost: true,
            read_only: ReadOnly::Vouched,
            quota_source: QuotaSource::Event,
            session_chosen_by_us: true,
        }
    }

    /// A script does what it says, also as a critic: it must be able to misbehave.
    fn command_line(
        &self,
        settings: &AgentSettings,
        invocation: &Invocation<'_>,
    ) -> Result<CommandLine, AgentError> {
        let missing = AgentError::Missing { agent: settings.name.clone(), what: "a script" };
        let script = settings.script.as_ref().ok_or(missing)?;
        let mut args = vec![SUBCOMMAND.into(), "--script".into(), script.clone().into()];
        args.extend(settings.args.iter().map(Into::into));
        let model = invocation.model.or(settings.model.as_deref());
        let answer_file = invocation.scratch.join("answer.md");
        let mut fixed = command::turn_variables(invocation, model, &answer_file);
        fixed.extend(invocation.resume.map(|session| ("ENACT_RESUME", session.to_owned())));
        Ok(CommandLine {
            program: invocation.own_program.to_owned(),
            args,
            env: environment::build(settings, invocation, &Own { defaults: &[], fixed: &fixed }),
            stdin: Stdin::Open(engine::as_prompt(invocation.prompt)),
            opening: None,
            files: Vec::new(),
            answer_file: None,
            graceful: Signal::Terminate,
        })
    }

    /// Where it keeps them when it is told to, with the argument `--sessions`.
    fn session_files(&self, _settings: &AgentSettings) -> &'static [&'static str] {
        &[engine::SESSIONS]
    }

    fn transcript(&self) -> Box<dyn Transcript> {
        Box::<transcript::ScriptedTranscript>::default()
    }
}
