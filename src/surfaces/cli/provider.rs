//! `provider`: which agent does the stages that name none of their own.

use clap::Args;
use serde::Serialize;

use crate::domain::command::Command;
use crate::runtime::clock::{Clock as _, SystemClock};
use crate::surfaces::control::client::Client;
use crate::surfaces::control::provider_views::{AgentView, ProviderView};
use crate::surfaces::control::views::StatusView;

use super::entry::Context;
use super::errors::{self, CliError};
use super::screen::{Screen, Tone};
use super::{configuration, format, hosting, offline, operate};

/// Show or change the default provider: the agent of every stage that names no `adapter` of its own
///
/// Without arguments: which agent that is, where that comes from, and which agents there are. A change counts for turns
/// that have not begun, also in runs under way; what an agent has begun, it ends. It is on record and survives restarts.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  enact-factory provider                 what counts now, and which agents there are
  enact-factory provider codex           from the next turn on
  enact-factory provider --reset         as the configuration says again

JSON without arguments: {\"daemon\": bool, \"provider\": {\"agent\", \"configured\", \"chosen_by\", \"remark\", \"agents\": [
  {\"name\", \"kind\", \"unusable\", \"unfit_to_judge\", \"obstacle\", \"obstacle_until\", \"failover\": [name]}]}}
JSON otherwise: {\"accepted\": bool, \"message\": text, \"item\": null, \"run\": null, \"daemon\": bool}

Exit codes: 0 shown or accepted, 1 refused.")]
pub(super) struct Provider {
    /// Name of a configured agent
    #[arg(value_name = "NAME")]
    agent: Option<String>,
    /// Back to what the configuration says
    #[arg(long, conflicts_with = "agent")]
    reset: bool,
}

#[derive(Serialize)]
struct Shown<'a> {
    daemon: bool,
    provider: &'a ProviderView,
}

pub(super) async fn execute(context: &Context, arguments: Provider) -> Result<u8, CliError> {
    let Provider { agent, reset } = arguments;
    if agent.is_some() || reset {
        return operate::execute(context, Command::SetProvider { provider: agent }).await;
    }
    let settings = configuration::settings(context.config.as_deref(), &context.surroundings)?;
    let (daemon, status) = match Client::connect(&settings.daemon.state_dir).await? {
        Some(mut client) => (true, client.status().await?),
        None => {
            let reader = offline::reader(&settings)?;
            let setup = hosting::setup(context, settings);
            let engine = offline::picture(&setup, &reader).await?;
            (false, StatusView::from(engine.status(SystemClock.now())))
        }
    };
    let (screen, provider) = (&context.screen, &status.provider);
    if screen.json {
        screen.object(&Shown { daemon, provider });
        return Ok(errors::OK);
    }
    headline(screen, provider);
    screen.line("");
    screen.line(screen.paint(Tone::Strong, "Agents"));
    let rows: Vec<Vec<String>> = provider.agents.iter().map(row).collect();
    format::table(&rows, "  ").iter().for_each(|line| screen.line(line));
    if !daemon {
        screen.note("no daemon is running; this is what is on record");
    }
    Ok(errors::OK)
}

/// Where the default provider comes from, in a line or two.
pub(super) fn headline(screen: &Screen, provider: &ProviderView) {
    let ProviderView { agent, configured, .. } = provider;
    match &provider.chosen_by {
        Some(by) => screen.line(format!(
            "default provider: {agent}, by {by} (the configuration says {configured}; `enact-factory provider --reset`)"
        )),
        None => screen.line(format!("default provider: {agent}, as the configuration says")),
    }
    if let Some(remark) = &provider.remark {
        screen.line(screen.paint(Tone::Warning, &format::printable(remark)));
    }
}

fn row(agent: &AgentView) -> Vec<String> {
    let mut words = Vec::new();
    match (&agent.unusable, &agent.obstacle) {
        (Some(why), _) => words.push(format!("cannot be used: {}", format::printable(why))),
        (None, Some(why)) => {
            let until = agent.obstacle_until.map(|until| format!(" until {until}"));
            let until = until.unwrap_or_default();
            words.push(format!("cannot work{until}: {}", format::printable(why)));
        }
        (None, None) => words.push("usable".to_owned()),
    }
    if agent.unfit_to_judge.is_some() {
        words.push("may not judge: nothing keeps it from writing".to_owned());
    }
    if !agent.failover.is_empty() {
        words.push(format!("while it cannot work: {}", agent.failover.join(", then ")));
    }
    vec![agent.name.clone(), agent.kind.clone(), words.join("; ")]
}
