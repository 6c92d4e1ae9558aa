//! Before a real agent is let loose: is it there, is it logged in, and does the operator know what it takes?

use std::collections::BTreeMap;

use secrecy::SecretString;
use tokio_util::sync::CancellationToken;

use crate::agents::AgentSettings;
use crate::agents::probe::probe;
use crate::domain::agent::AgentKind;
use crate::surfaces::cli::errors::CliError;
use crate::surfaces::cli::screen::Screen;
use crate::surfaces::cli::surroundings::Surroundings;

use super::DemoAgent;

/// Looks at the agent and says what is going to happen.
///
/// # Errors
/// When it is not installed or not logged in, with what to do about it.
pub(super) async fn check(
    agent: DemoAgent,
    surroundings: &Surroundings,
    screen: &Screen,
) -> Result<(), CliError> {
    let scratch = tempfile::tempdir()
        .map_err(|error| CliError::failure(format!("no temporary directory: {error}")))?;
    let settings = settings(agent, surroundings);
    let cache = scratch.path().join("probes.json");
    let probed = probe(&settings, &cache, &CancellationToken::new()).await;
    let name = agent.word();
    let version = probed.version.as_deref().unwrap_or("of unknown version");
    let Some(program) = &probed.program else {
        return Err(CliError::failure(format!("{name} is not in the PATH")).hint(
            "install it and log in, or run the demo without `--agent`: it needs no account",
        ));
    };
    if probed.logged_in == Some(false) {
        let key = if agent == DemoAgent::Claude { "ANTHROPIC_API_KEY" } else { "CODEX_API_KEY" };
        return Err(CliError::failure(format!("{name} {version} is not logged in"))
            .hint(format!("log in with `{name}`, or set {key}")));
    }
    for problem in &probed.problems {
        screen.note(format!("remark: {problem}"));
    }
    screen
        .line(format!("{name} {version} at {} does the work, with your login.", program.display()));
    screen.line(
        "One small item: usually two turns, a coder's and a critic's, a few minutes and some cents of your plan or \
         your key. Ctrl-C stops it.",
    );
    screen.line("");
    Ok(())
}

fn settings(agent: DemoAgent, surroundings: &Surroundings) -> AgentSettings {
    let access = agent.access(surroundings);
    let kind = match agent {
        DemoAgent::Scripted => AgentKind::Scripted,
        DemoAgent::Claude => AgentKind::Claude,
        DemoAgent::Codex => AgentKind::Codex,
    };
    let env: BTreeMap<String, SecretString> = access
        .variables
        .iter()
        .copied()
        .chain(["PATH"])
        .filter_map(|name| {
            let value = surroundings.variable(name)?;
            Some((name.to_owned(), SecretString::from(value.to_owned())))
        })
        .collect();
    AgentSettings {
        name: agent.word().to_owned(),
        kind,
        program: None,
        model: None,
        args: Vec::new(),
        env,
        credentials: access.credentials,
        base_url: None,
        max_turns: None,
        read_only_enforced: false,
        conversation: true,
        script: None,
    }
}
