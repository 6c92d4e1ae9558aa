//! OpenCode, `run --format json` (verified with 1.18.33).

use std::ffi::OsString;

use serde_json::{Value, json};

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

/// Piped input that it is given, in bytes: three million were tried, and no model takes more.
const PROMPT_LIMIT: usize = 3_000_000;

/// The name of the provider that is made of a configured address.
const PROVIDER: &str = "factory";

/// No side traffic, and as little of the repository's and the operator's own as it can be told to leave out. Plugins in
/// the repository's `.opencode` are executed all the same: there is no switch for them.
const QUIET: &[(&str, &str)] = &[
    ("OPENCODE_DISABLE_PROJECT_CONFIG", "1"),
    ("OPENCODE_DISABLE_DEFAULT_PLUGINS", "1"),
    ("OPENCODE_DISABLE_CLAUDE_CODE", "1"),
    ("OPENCODE_DISABLE_AUTOUPDATE", "1"),
    ("OPENCODE_DISABLE_MODELS_FETCH", "1"),
    ("OPENCODE_DISABLE_LSP_DOWNLOAD", "1"),
];

/// Where it keeps things, below the home.
const DIRECTORIES: &[(&str, &str)] = &[
    ("XDG_CONFIG_HOME", ".config"),
    ("XDG_DATA_HOME", ".local/share"),
    ("XDG_CACHE_HOME", ".cache"),
    ("XDG_STATE_HOME", ".local/state"),
];

/// The OpenCode adapter.
pub(super) struct Opencode;

impl Adapter for Opencode {
    fn kind(&self) -> AgentKind {
        AgentKind::Opencode
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            steer: false,
            approve: false,
            resume: true,
            usage: UsageReporting::PerStep,
            cost: true,
            read_only: ReadOnly::Vouched,
            quota_source: QuotaSource::Event,
            session_chosen_by_us: false,
        }
    }

    fn command_line(
        &self,
        settings: &AgentSettings,
        invocation: &Invocation<'_>,
    ) -> Result<CommandLine, AgentError> {
        if invocation.prompt.len() > PROMPT_LIMIT {
            return Err(AgentError::PromptTooLarge {
                agent: settings.name.clone(),
                size: invocation.prompt.len(),
                limit: PROMPT_LIMIT,
                unit: "bytes",
            });
        }
        widening::want_kept(
            settings,
            invocation,
            "it executes plugins that the repository brings along",
        )?;
        let model = model(settings, invocation)?;
        let below = |path: &str| invocation.home.join(path).to_string_lossy().into_owned();
        let fixed: Vec<_> = DIRECTORIES.iter().map(|(name, path)| (*name, below(path))).collect();
        let own = Own { defaults: QUIET, fixed: &fixed };
        Ok(CommandLine {
            program: settings.program.clone().unwrap_or_else(|| "opencode".into()),
            args: arguments(settings, invocation, model.as_deref()),
            env: environment::build(settings, invocation, &own),
            // As an argument it would be put into quotation marks.
            stdin: Stdin::Closed(invocation.prompt.to_owned()),
            opening: None,
            files: files(settings, invocation, model.as_deref()),
            answer_file: None,
            graceful: Signal::Terminate,
        })
    }

    fn session_files(&self, _settings: &AgentSettings) -> &'static [&'static str] {
        &[
            ".local/share/opencode/opencode.db",
            ".local/share/opencode/opencode.db-wal",
            ".local/share/opencode/storage",
        ]
    }

    fn transcript(&self) -> Box<dyn Transcript> {
        Box::<transcript::OpencodeTranscript>::default()
    }
}

/// The model as `provider/model`.
fn model(
    settings: &AgentSettings,
    invocation: &Invocation<'_>,
) -> Result<Option<String>, AgentError> {
    let wanted = invocation.model.or(settings.model.as_deref());
    match (&settings.base_url, wanted) {
        (None, wanted) => Ok(wanted.map(str::to_owned)),
        (Some(_), Some(model)) => Ok(Some(format!("{PROVIDER}/{model}"))),
        (Some(_), None) => Err(AgentError::Missing {
            agent: settings.name.clone(),
            what: "a model, because it has a base_url",
        }),
    }
}

fn arguments(
    settings: &AgentSettings,
    invocation: &Invocation<'_>,
    model: Option<&str>,
) -> Vec<OsString> {
    let mut args: Vec<OsString> = ["run", "--format", "json"].map(OsString::from).into();
    // Without a title it asks the model for one.
    args.push(format!("--title={} {}", invocation.identifier, invocation.stage.word()).into());
    // It trusts PWD more than its working directory.
    args.extend(["--dir".into(), invocation.workspace.into()]);
    if let Some(session) = invocation.resume {
        args.extend(["--session".into(), session.into()]);
    }
    if let Some(model) = model {
        args.extend(["--model".into(), model.into()]);
    }
    args.extend(settings.args.iter().map(OsString::from));
    args
}

/// The configuration, which is the whole of it: nothing else is read.
fn files(
    settings: &AgentSettings,
    invocation: &Invocation<'_>,
    model: Option<&str>,
) -> Vec<PrivateFile> {
    let mut configuration = json!({
        "autoupdate": false,
        "share": "disabled",
        "snapshot": false,
        "permission": permissions(invocation.read_only),
    });
    if let Some(model) = model {
        configuration["model"] = json!(model);
        configuration["small_model"] = json!(model);
    }
    if let (Some(url), Some(model)) = (&settings.base_url, model) {
        configuration["enabled_providers"] = json!([PROVIDER]);
        configuration["provider"] = json!({ PROVIDER: provider(settings, url, model) });
    }
    let home = invocation.home;
    let login = settings.credentials.clone().map(FileBody::LinkTo);
    [
        (".config/opencode/opencode.json", Some(FileBody::Text(configuration.to_string()))),
        (".local/share/opencode/auth.json", login),
    ]
    .into_iter()
    .filter_map(|(path, body)| Some(PrivateFile { path: home.join(path), body: body? }))
    .collect()
}

/// What would be asked of a person is refused by it, and then its turn is over: so nothing is asked. A tool that is
/// denied is not even offered.
fn permissions(read_only: bool) -> Value {
    if read_only {
        json!({ "*": "deny", "read": "allow", "glob": "allow", "grep": "allow", "list": "allow" })
    } else {
        json!({ "*": "allow", "question": "deny" })
    }
}

/// A provider of our own at `url`, which speaks chat completions.
fn provider(settings: &AgentSettings, url: &str, model: &str) -> Value {
    let mut options = json!({ "baseURL": url, "timeout": 600_000, "chunkTimeout": 120_000 });
    if settings.env.contains_key("OPENAI_API_KEY") {
        options["apiKey"] = json!("{env:OPENAI_API_KEY}");
    }
    let name = model.strip_prefix(PROVIDER).and_then(|rest| rest.strip_prefix('/'));
    json!({
        "npm": "@ai-sdk/openai-compatible",
        "name": PROVIDER,
        "options": options,
        "models": { name.unwrap_or(model): { "tool_call": true } },
    })
}
