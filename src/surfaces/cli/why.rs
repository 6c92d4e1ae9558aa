//! `why`: why one item runs or does not run.

use clap::Args;
use serde_json::json;

use crate::runtime::clock::{Clock as _, SystemClock};
use crate::surfaces::control::client::Client;
use crate::surfaces::control::views::{ExplanationView, HeldView, RunView};

use super::entry::Context;
use super::errors::{self, CliError, unknown};
use super::screen::{Screen, Tone};
use super::{configuration, format, hosting, lane, offline};

/// Say why an item runs or does not run: every gate that holds it, until when, and what would release it
///
/// Exit codes: 0 known, 1 there is no such item.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  enact-factory why DEMO-1
  enact-factory why local/DEMO-1 --json

JSON: {\"daemon\": bool, \"explanation\": {\"item\": item, \"held\": [{\"gate\", \"reason\", \"until\", \"released_by\"}],
  \"run\": run or null, \"writes\": [write], \"lane\": lane or null, \"ledger\": entry or null,
  \"size\": text or null}}; item, run and write as in
  `status`, lane and entry as in `lane`")]
pub(super) struct Why {
    /// Identifier of an item, `source/identifier`, or a run (long or short id)
    #[arg(value_name = "ID")]
    target: String,
}

pub(super) async fn execute(context: &Context, arguments: &Why) -> Result<u8, CliError> {
    let settings = configuration::settings(context.config.as_deref(), &context.surroundings)?;
    let (daemon, explanation) = match Client::connect(&settings.daemon.state_dir).await? {
        Some(mut client) => (true, client.why(&arguments.target).await?),
        None => {
            let reader = offline::reader(&settings)?;
            let setup = hosting::setup(context, settings);
            let mut engine = offline::picture(&setup, &reader).await?;
            let explained = engine.explain(&arguments.target, SystemClock.now());
            (false, explained.map(ExplanationView::from))
        }
    };
    let explanation = explanation.ok_or_else(|| unknown(&arguments.target))?;
    let screen = &context.screen;
    if screen.json {
        screen.object(&json!({ "daemon": daemon, "explanation": explanation }));
        return Ok(errors::OK);
    }
    show(screen, &explanation);
    if !daemon {
        screen.note("no daemon is running; this is what is on record");
    }
    Ok(errors::OK)
}

fn show(screen: &Screen, explanation: &ExplanationView) {
    let item = &explanation.item;
    let title = format::printable(&item.title);
    screen.line(format!("{}  {}", screen.paint(Tone::Strong, item.id.as_str()), title));
    let mut rows = vec![
        ("status", item.status.clone()),
        ("in its tracker", item.state.clone()),
        ("priority, lane", format!("{}, {}", item.priority, item.lane)),
        ("failed attempts", item.attempts.to_string()),
        ("used", format::usage(&item.usage)),
    ];
    rows.extend(item.last_outcome.clone().map(|outcome| ("last run", outcome)));
    rows.extend(item.refusal.as_ref().map(|it| ("tracker refused", format::printable(it))));
    rows.extend(explanation.size.clone().map(|size| ("size", format::printable(&size))));
    if let Some(pull_request) = &item.pull_request {
        let (url, standing) = (&pull_request.url, &pull_request.standing);
        rows.push(("pull request", format::printable(&format!("{url}: {standing}"))));
    }
    if let Some(question) = &item.question {
        let class = item.question_class.as_deref().unwrap_or("a person is needed");
        rows.push(("asks", format!("{} ({class})", format::printable(question))));
    }
    let rows: Vec<Vec<String>> =
        rows.into_iter().map(|(name, value)| vec![name.to_owned(), value]).collect();
    format::table(&rows, "  ").iter().for_each(|line| screen.line(line));
    if let Some(run) = &explanation.run {
        show_run(screen, run);
    }
    if let Some(session) = &explanation.lane {
        lane::detail(screen, session);
    }
    if let Some(entry) = &explanation.ledger {
        lane::ledger(screen, entry);
    }
    for write in &explanation.writes {
        screen.line(format!("  to be told: {}", format::write(write)));
    }
    if explanation.held.is_empty() {
        screen.line(format!("  now: {}", format::printable(&item.decision)));
        return;
    }
    screen.line("  held by:");
    explanation.held.iter().for_each(|held| show_hold(screen, held));
}

fn show_run(screen: &Screen, run: &RunView) {
    screen.line(format!(
        "  run {}: {}, round {} of {}, attempt {}, {}",
        run.short,
        run.phase,
        run.round,
        run.max_rounds,
        run.attempt,
        format::usage(&run.usage)
    ));
    if let Some(waiting) = &run.waiting {
        let reason = format::printable(&waiting.reason);
        screen.line(format!("    waits until {}: {reason}", waiting.until));
    }
    for switch in &run.switches {
        let reason = format::printable(&switch.reason);
        screen.line(format!("    {}: {reason}", switch.stage));
    }
    if let Some(worktree) = &run.worktree {
        screen.line(format!("    worktree {worktree}"));
    }
}

fn show_hold(screen: &Screen, held: &HeldView) {
    let until = held.until.map(|until| format!(", until {until}")).unwrap_or_default();
    let gate = screen.paint(Tone::Warning, &held.gate);
    screen.line(format!("    {gate}: {}{until}", format::printable(&held.reason)));
    if let Some(action) = &held.released_by {
        screen.line(format!("      released by: {}", format::printable(action)));
    }
}
