//! `status`: the whole picture.

use clap::Args;
use serde::Serialize;

use crate::runtime::clock::{Clock as _, SystemClock};
use crate::surfaces::control::client::Client;
use crate::surfaces::control::lane_views::LanesView;
use crate::surfaces::control::views::{ItemView, RunView, StatusView};
use crate::surfaces::control::write_views::WriteView;

use super::entry::Context;
use super::errors::{self, CliError};
use super::screen::{Screen, Tone};
use super::{configuration, format, hosting, lane, offline, provider};

/// Width of titles.
const TITLE: usize = 44;

/// Settled items shown without `--all`.
const SETTLED: usize = 10;

/// Updates for trackers shown that could not be written.
const WRITES: usize = 10;

/// Show what is going on: runs, items and why they wait
///
/// Asks the running daemon; without one, reads what is on record and says so.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  enact-factory status
  enact-factory status --all
  enact-factory status --json | jq '.status.items[] | select(.status == \"waiting_human\")'

JSON: {\"daemon\": {\"process\", \"version\", \"temporary\"} or null, \"state_dir\", \"status\": {
  \"at\", \"paused_by\", \"turbo_until\", \"runs\": [run], \"items\": [item], \"spent_today\": usage, \"problems\": [text],
  \"unavailable_agents\": [{\"name\", \"reason\"}],
  \"refused_agents\": [{\"name\", \"reason\", \"since\", \"trying\"}], \"open_effects\": number,
  \"writes\": [write],
  \"provider\": as in `provider`,
  \"webhooks\": {\"address\", \"sources\", \"accepted\", \"repeated\", \"refused\", \"last_source\", \"last_at\"} or null,
  \"lanes\": as in `lane list`}}
run: id, short, item, phase, round, max_rounds, attempt, agent, switches [{stage, from, to, reason, until}], turns,
  usage, started, waiting {reason, until}, branch,
  worktree, change, outcome, detail
item: id, title, status (pending, in_flight, waiting_human, done, failed, cancelled), state (the tracker's), priority,
  lane, attempts, usage, decision, question, question_class, run, last_outcome, refusal (of the tracker)
write: item, key, what, parked (given up), tries, error, next
usage: input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, cost_micro_usd, unpriced_calls
Times are RFC 3339 in UTC. `items` is always complete.")]
pub(super) struct ShowStatus {
    /// Also list all settled items
    #[arg(long)]
    all: bool,
}

#[derive(Serialize)]
struct Shown<'a> {
    daemon: Option<DaemonView>,
    state_dir: &'a std::path::Path,
    status: &'a StatusView,
}

#[derive(Debug, Clone, Serialize)]
struct DaemonView {
    process: u32,
    version: String,
    temporary: bool,
}

pub(super) async fn execute(context: &Context, arguments: &ShowStatus) -> Result<u8, CliError> {
    let settings = configuration::settings(context.config.as_deref(), &context.surroundings)?;
    let root = &settings.daemon.state_dir;
    let (daemon, status) = match Client::connect(root).await? {
        Some(mut client) => {
            let pong = client.ping().await?;
            let (process, version, temporary) = (pong.process, pong.version, pong.temporary);
            (Some(DaemonView { process, version, temporary }), client.status().await?)
        }
        None => {
            let reader = offline::reader(&settings)?;
            let setup = hosting::setup(context, settings.clone());
            let engine = offline::picture(&setup, &reader).await?;
            (None, engine.status(SystemClock.now()).into())
        }
    };
    let screen = &context.screen;
    if screen.json {
        screen.object(&Shown { daemon, state_dir: root, status: &status });
        return Ok(errors::OK);
    }
    headline(screen, daemon.as_ref(), &status);
    runs(screen, &status.runs);
    items(screen, &status.items, arguments.all);
    if status.lanes != LanesView::default() {
        screen.line("");
        screen.line(screen.paint(Tone::Strong, "Lanes"));
        lane::show(screen, &status.lanes);
    }
    troubles(screen, &status);
    Ok(errors::OK)
}

fn headline(screen: &Screen, daemon: Option<&DaemonView>, status: &StatusView) {
    match daemon {
        Some(daemon) => {
            let kind = if daemon.temporary { "a daemon for one task" } else { "the daemon" };
            screen.line(format!(
                "{kind} is running (process {}, version {})",
                daemon.process, daemon.version
            ));
        }
        None => screen.line(screen.paint(
            Tone::Warning,
            "no daemon is running; this is what is on record (`enact-factory start` starts it)",
        )),
    }
    if let Some(by) = &status.paused_by {
        let text = format!("paused by {by}: no new runs are started");
        screen.line(format!("{} (`enact-factory resume`)", screen.paint(Tone::Warning, &text)));
    }
    if let Some(until) = status.turbo_until {
        screen.line(format!("turbo until {until}"));
    }
    if status.provider.chosen_by.is_some() || status.provider.remark.is_some() {
        provider::headline(screen, &status.provider);
    }
    if let Some(webhooks) = &status.webhooks {
        screen.line(format::webhooks(webhooks));
    }
    screen.line(format!("today (UTC): {}", format::usage(&status.spent_today)));
}

fn runs(screen: &Screen, runs: &[RunView]) {
    if runs.is_empty() {
        return;
    }
    screen.line("");
    screen.line(screen.paint(Tone::Strong, "Runs"));
    let rows: Vec<Vec<String>> = runs
        .iter()
        .map(|run| {
            let doing = match &run.waiting {
                Some(waiting) => {
                    let reason = format::shortened(&waiting.reason, TITLE);
                    format!("waits until {}: {reason}", waiting.until)
                }
                None => run.change.clone().unwrap_or_default(),
            };
            vec![
                run.short.clone(),
                format::printable(run.item.as_str()),
                run.phase.clone(),
                format!("round {}/{}", run.round, run.max_rounds),
                run.agent.clone().unwrap_or_default(),
                format!("since {}", run.started),
                format::usage(&run.usage),
                doing,
            ]
        })
        .collect();
    format::table(&rows, "  ").iter().for_each(|line| screen.line(line));
    for run in runs {
        for switch in &run.switches {
            let reason = format::printable(&switch.reason);
            screen.line(format!("    {} {}: {reason}", run.short, switch.stage));
        }
    }
}

fn items(screen: &Screen, items: &[ItemView], all: bool) {
    screen.line("");
    screen.line(screen.paint(Tone::Strong, "Items"));
    if items.is_empty() {
        screen.line("  none seen yet");
        return;
    }
    let is_settled =
        |item: &ItemView| matches!(item.status.as_str(), "done" | "failed" | "cancelled");
    let settled = items.iter().filter(|item| is_settled(item)).count();
    let shown_settled = if all { settled } else { SETTLED.min(settled) };
    let open = items.iter().filter(|item| !is_settled(item));
    let shown = open.chain(items.iter().filter(|item| is_settled(item)).take(shown_settled));
    let rows: Vec<Vec<String>> = shown.map(row).collect();
    format::table(&rows, "  ").iter().for_each(|line| screen.line(line));
    if settled > shown_settled {
        screen.line(format!("  and {} settled ones (`--all`)", settled - shown_settled));
    }
}

/// Whether an update is still to be written although it was tried.
fn is_troubled(write: &WriteView) -> bool {
    write.parked || write.error.is_some()
}

/// What trackers could not be told.
fn writes(screen: &Screen, writes: &[WriteView]) {
    let troubled: Vec<&WriteView> = writes.iter().filter(|write| is_troubled(write)).collect();
    for write in troubled.iter().take(WRITES) {
        screen.line(format!("  {}", format::write(write)));
    }
    if troubled.len() > WRITES {
        let more = troubled.len() - WRITES;
        screen.line(format!("  and {more} more (`enact-factory status --json`)"));
    }
}

fn row(item: &ItemView) -> Vec<String> {
    let offered = item.pull_request.as_ref().filter(|_| item.status == "done");
    let offered = offered.map(|it| format!("pull request {}: {}", it.number, it.standing));
    let about = match (&item.question, &item.last_outcome) {
        (None, _) if offered.is_some() => format::shortened(&offered.unwrap_or_default(), 100),
        (Some(question), _) => format!("asks: {}", format::shortened(question, 100)),
        (None, Some(outcome)) if item.decision.is_empty() => outcome.clone(),
        (None, Some(outcome)) if item.decision == item.status => outcome.clone(),
        _ => format::printable(&item.decision),
    };
    vec![
        item.status.clone(),
        format::printable(item.id.as_str()),
        item.priority.clone(),
        format::shortened(&item.title, TITLE),
        about,
    ]
}

fn troubles(screen: &Screen, status: &StatusView) {
    let nothing = status.problems.is_empty()
        && status.unavailable_agents.is_empty()
        && status.refused_agents.is_empty()
        && !status.writes.iter().any(is_troubled)
        && status.items.iter().all(|item| item.refusal.is_none());
    if nothing {
        return;
    }
    screen.line("");
    screen.line(screen.paint(Tone::Warning, "To be looked at"));
    for problem in &status.problems {
        screen.line(format!("  {}", format::printable(problem)));
    }
    for item in &status.items {
        if let Some(refusal) = &item.refusal {
            let (id, refusal) = (item.id.as_str(), format::printable(refusal));
            screen.line(format!("  {}: {refusal}", format::printable(id)));
        }
    }
    writes(screen, &status.writes);
    for agent in &status.unavailable_agents {
        let reason = format::printable(&agent.reason);
        screen.line(format!("  agent {}: {reason} (`enact-factory doctor`)", agent.name));
    }
    for agent in &status.refused_agents {
        let (name, reason) = (&agent.name, format::printable(&agent.reason));
        screen.line(if agent.trying {
            format!("  agent {name} is tried again by one run; it was not let in: {reason}")
        } else {
            format!(
                "  agent {name} is not let in since {}: {reason} (sign it in, then `enact-factory agent {name} ok`)",
                agent.since
            )
        });
    }
}
