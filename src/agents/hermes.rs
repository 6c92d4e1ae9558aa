//! Hermes Agent (verified with 0.19.0): talked to in the Agent Client Protocol, or one prompt, one answer, and a file that
//! says how it went.
//!
//! A critic is not talked to: only for a single prompt can its tools be limited to those that are kept from writing.

use std::ffi::OsString;
use std::path::Path;

use serde_json::json;

use crate::domain::agent::AgentKind;
use crate::process::agent_process::Signal;
use crate::process::speech::Stdin;

use super::acp::transcript::{AcpTranscript, Manners};
use super::environment::{self, Own};
use super::{
    Adapter, AgentError, AgentSettings, Capabilities, CommandLine, FileBody, Invocation, Opening,
    PrivateFile, QuotaSource, ReadOnly, TEMPORARY, Transcript, UsageReporting, acp, widening,
};

mod transcript;

#[cfg(test)]
mod tests;

/// Tools that read and write files, and nothing else; writing is confined by [`WRITABLE`].
const FILE_TOOLS: &str = "file";

/// The variable with the only directory that its file tools write to.
const WRITABLE: &str = "HERMES_WRITE_SAFE_ROOT";

/// Beginnings of arguments that could give a reviewer more than [`FILE_TOOLS`].
const WIDENING: &[&str] = &["-t", "--toolsets", "--yolo", "-s", "--skills", "-p", "--profile"];

/// It neither installs packages while it runs nor asks anybody.
const QUIET: &[(&str, &str)] = &[("HERMES_DISABLE_LAZY_INSTALLS", "1")];

/// Names under which the key for a configured address may stand; the first that is set is used.
const KEYS: &[&str] = &["OPENAI_API_KEY", "HERMES_API_KEY"];

/// The Hermes adapter.
pub(super) struct Hermes;

impl Adapter for Hermes {
    fn kind(&self) -> AgentKind {
        AgentKind::Hermes
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            steer: true,
            approve: true,
            resume: false,
            usage: UsageReporting::Absolute,
            cost: true,
            read_only: ReadOnly::Enforced,
            quota_source: QuotaSource::Text,
            session_chosen_by_us: false,
        }
    }

    fn command_line(
        &self,
        settings: &AgentSettings,
        invocation: &Invocation<'_>,
    ) -> Result<CommandLine, AgentError> {
        if invocation.read_only {
            widening::refuse(settings, WIDENING)?;
        }
        let directory = invocation.home.join(".hermes");
        let mut fixed = vec![("HERMES_HOME", directory.to_string_lossy().into_owned())];
        if invocation.read_only {
            let temporary = invocation.home.join(TEMPORARY);
            fixed.push((WRITABLE, temporary.to_string_lossy().into_owned()));
        }
        let own = Own { defaults: QUIET, fixed: &fixed };
        let line = CommandLine {
            program: settings.program.clone().unwrap_or_else(|| "hermes".into()),
            args: settings.args.iter().map(OsString::from).collect(),
            env: environment::build(settings, invocation, &own),
            stdin: Stdin::Null,
            opening: None,
            files: files(settings, invocation, &directory)?,
            answer_file: None,
            // The only signal on which it ends what it started and still writes the usage file.
            graceful: Signal::Interrupt,
        };
        Ok(if settings.conversation && !invocation.read_only {
            talking(line, invocation)
        } else {
            answering(line, invocation)
        })
    }

    fn transcript(&self) -> Box<dyn Transcript> {
        Box::<transcript::HermesTranscript>::default()
    }

    fn conversation(&self, opening: Opening) -> Box<dyn Transcript> {
        Box::new(AcpTranscript::new(opening, MANNERS))
    }
}

/// What it does with a prompt during a turn.
const MANNERS: Manners = Manners {
    steering: Some("/steer "),
    receipts: &["⏩ Steer queued", "⚠️ Steer failed", "No active turn — queued"],
};

/// A conversation about one prompt.
fn talking(mut line: CommandLine, invocation: &Invocation<'_>) -> CommandLine {
    line.args.push("acp".into());
    line.stdin = Stdin::Open(acp::introduction());
    line.opening = Some(acp::opening(invocation));
    line
}

/// One prompt, one answer.
fn answering(mut line: CommandLine, invocation: &Invocation<'_>) -> CommandLine {
    let task = invocation.home.join("task.md");
    let usage = invocation.scratch.join("usage.json");
    line.args.extend(["--usage-file".into(), OsString::from(&usage)]);
    if invocation.read_only {
        line.args.extend(["-t".into(), FILE_TOOLS.into()]);
    }
    line.args.extend(["-z".into(), pointer(&task).into()]);
    let body = FileBody::Text(invocation.prompt.to_owned());
    line.files.push(PrivateFile { path: task, body });
    line.answer_file = Some(usage);
    line
}

/// It takes a prompt as an argument only, where it would be too long and too public.
fn pointer(task: &Path) -> String {
    format!(
        "Your task is in the file {}\nRead that file to its end, do what it says, and answer in the form that it asks for.",
        task.display()
    )
}

/// The configuration, which is JSON and therefore YAML, and the login.
fn files(
    settings: &AgentSettings,
    invocation: &Invocation<'_>,
    directory: &Path,
) -> Result<Vec<PrivateFile>, AgentError> {
    let mut configuration = json!({
        "security": { "tirith_enabled": false },
        "agent": { "api_max_retries": 2 },
        "auxiliary": { "title_generation": { "enabled": false } },
    });
    let model = invocation.model.or(settings.model.as_deref());
    if let Some(model) = model {
        configuration["model"] = json!({ "default": model });
    }
    if let Some(url) = &settings.base_url {
        let Some(model) = model else {
            let (agent, what) = (settings.name.clone(), "a model, because it has a base_url");
            return Err(AgentError::Missing { agent, what });
        };
        let key = KEYS.iter().find(|key| settings.env.contains_key(**key));
        // Without a key it would look for another provider.
        let key = key.map_or("none".to_owned(), |key| format!("${{{key}}}"));
        configuration["model"] =
            json!({ "default": model, "provider": "custom", "base_url": url, "api_key": key });
    }
    let login = settings.credentials.clone().map(FileBody::LinkTo);
    let files =
        [("config.yaml", Some(FileBody::Text(configuration.to_string()))), ("auth.json", login)];
    Ok(files
        .into_iter()
        .filter_map(|(name, body)| Some(PrivateFile { path: directory.join(name), body: body? }))
        .collect())
}
