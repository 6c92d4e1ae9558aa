//! Cursor's CLI in print mode with stream-JSON output.
//!
//! Made after its documentation and published recordings: it can neither be installed from a package registry nor be
//! pointed at another model, so nobody has tried this adapter on the real program.

use std::ffi::OsString;

use crate::domain::agent::AgentKind;
use crate::process::agent_process::Signal;
use crate::process::speech::Stdin;

use super::environment::{self, Own};
use super::widening;
use super::{
    Adapter, AgentError, AgentSettings, Capabilities, CommandLine, FileBody, Invocation,
    PrivateFile, QuotaSource, ReadOnly, Transcript, UsageReporting,
};

mod transcript;

#[cfg(test)]
mod tests;

/// The Cursor adapter.
pub(super) struct Cursor;

impl Adapter for Cursor {
    fn kind(&self) -> AgentKind {
        AgentKind::Cursor
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            steer: false,
            approve: false,
            // It has an argument for it; nobody has tried where it keeps what it would need.
            resume: false,
            usage: UsageReporting::Absolute,
            cost: false,
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
        widening::want_kept(
            settings,
            invocation,
            "nobody has tried whether its ask mode only reads",
        )?;
        if settings.base_url.is_some() {
            return Err(AgentError::Missing {
                agent: settings.name.clone(),
                what: "no base_url: it talks to its own service only",
            });
        }
        let below = |path: &str| invocation.home.join(path).to_string_lossy().into_owned();
        let fixed = [
            ("XDG_CONFIG_HOME", below(".config")),
            // It passes them on to processes that then fail.
            ("NODE_OPTIONS", String::new()),
        ];
        let login = settings.credentials.clone().map(FileBody::LinkTo);
        let path = invocation.home.join(".config/cursor/auth.json");
        Ok(CommandLine {
            program: settings.program.clone().unwrap_or_else(|| "cursor-agent".into()),
            args: arguments(settings, invocation),
            env: environment::build(settings, invocation, &Own { defaults: &[], fixed: &fixed }),
            stdin: Stdin::Closed(invocation.prompt.to_owned()),
            opening: None,
            files: login.map(|body| PrivateFile { path, body }).into_iter().collect(),
            answer_file: None,
            graceful: Signal::Terminate,
        })
    }

    fn transcript(&self) -> Box<dyn Transcript> {
        Box::<transcript::CursorTranscript>::default()
    }
}

fn arguments(settings: &AgentSettings, invocation: &Invocation<'_>) -> Vec<OsString> {
    let mut args: Vec<OsString> = settings.args.iter().map(OsString::from).collect();
    let mut add = |words: &[&str]| args.extend(words.iter().map(OsString::from));
    // Without trust it asks for it and ends.
    add(&["-p", "--output-format", "stream-json", "--trust"]);
    // Without force a change is only proposed.
    add(if invocation.read_only { &["--mode", "ask"] } else { &["--force"] });
    if let Some(model) = invocation.model.or(settings.model.as_deref()) {
        add(&["--model", model]);
    }
    args.extend(["--workspace".into(), invocation.workspace.into()]);
    args
}
