//! Hermes Agent (verified with 0.19.0): one prompt, one answer, and a file that says how it went.

use std::ffi::OsString;
use std::path::Path;

use serde_json::json;

use crate::domain::agent::AgentKind;
use crate::process::agent_process::Signal;
use crate::process::speech::Stdin;

use super::environment::{self, Own};
use super::{
    Adapter, AgentError, AgentSettings, Capabilities, CommandLine, FileBody, Invocation,
    PrivateFile, QuotaSource, ReadOnly, TEMPORARY, Transcript, UsageReporting, widening,
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
            steer: false,
            approve: false,
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
        let task = invocation.home.join("task.md");
        let usage = invocation.scratch.join("usage.json");
        let mut files = files(settings, invocation, &directory)?;
        files.push(PrivateFile {
            path: task.clone(),
            body: FileBody::Text(invocation.prompt.to_owned()),
        });
        Ok(CommandLine {
            program: settings.program.clone().unwrap_or_else(|| "hermes".into()),
            args: arguments(settings, invocation, &task, &usage),
            env: environment::build(settings, invocation, &own),
            stdin: Stdin::Null,
            files,
            answer_file: Some(usage),
            // The only signal on which it ends what it started and still writes the usage file.
            graceful: Signal::Interrupt,
        })
    }

    fn transcript(&self) -> Box<dyn Transcript> {
        Box::<transcript::HermesTranscript>::default()
    }
}

fn arguments(
    settings: &AgentSettings,
    invocation: &Invocation<'_>,
    task: &Path,
    usage: &Path,
) -> Vec<OsString> {
    let mut args: Vec<OsString> = settings.args.iter().map(OsString::from).collect();
    args.extend(["--usage-file".into(), usage.into()]);
    if invocation.read_only {
        args.extend(["-t".into(), FILE_TOOLS.into()]);
    }
    args.extend(["-z".into(), pointer(task).into()]);
    args
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
