//! `analyze`: what became of what an agent was told.

use std::path::Path;

use clap::Args;
use serde_json::json;

use crate::agents;
use crate::domain::agent::AgentKind;
use crate::locale;
use crate::pipeline::citation::{Citation, citations, sections};
use crate::pipeline::state::{RunState, TurnRecord};
use crate::process::journal;
use crate::runtime::clock::{Clock as _, SystemClock};
use crate::runtime::keeper::place;
use crate::store::StoreReader;

use super::entry::Context;
use super::errors::{self, CliError};
use super::receipts::inspect;
use super::screen::Tone;
use super::{configuration, format, offline};

/// Report which sections of its prompt an agent took up in its first turn: by words it repeated and names it used
///
/// Reads the turn's prompt and transcript from the state directory. Needs no daemon.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  enact-factory analyze DEMO-1           the newest run of the item
  enact-factory analyze 1f2e3d4c --json

JSON: {\"run\", \"turn\", \"stage\", \"agent\", \"sections\": [{\"section\", \"tokens\", \"cited\": bool, \"evidence\": [text]}],
  \"omitted\": [name], \"unavailable\": [text]}")]
pub(super) struct Analyze {
    /// Identifier of an item, `source/identifier`, or a run (long or short id)
    #[arg(value_name = "ID")]
    target: String,
}

pub(super) async fn execute(context: &Context, arguments: &Analyze) -> Result<u8, CliError> {
    let settings = configuration::settings(context.config.as_deref(), &context.surroundings)?;
    let reader = offline::reader(&settings)?;
    let (record, only) = inspect::find(&reader, &arguments.target).await?;
    let runs = reader.runs_of(&record.item.id).await?;
    let run = runs.into_iter().rfind(|run| only.is_none_or(|only| run.id == only));
    let run = run.ok_or_else(|| CliError::failure("the item has had no run yet"))?;
    let turn = run.turns.first().ok_or_else(|| CliError::failure("the run has had no turn yet"))?;
    let folder = settings.daemon.state_dir.join("runs").join(run.id.to_string());
    let folder = folder.join(format!("turn-{}", turn.turn));
    let kind = settings.agents.get(&turn.agent).map(|agent| agent.kind);
    let kind = kind.or_else(|| AgentKind::parse(&turn.agent)).ok_or_else(|| {
        CliError::failure(format!("agent `{}` is not configured any more", turn.agent))
            .hint("its transcript can only be read with its kind: put its table back")
    })?;
    let journal = text(&folder.join(place::JOURNAL), journal::read_all)?;
    let said = agents::said(kind, &journal, SystemClock.now());
    let found =
        compared(&run, turn, &text(&folder.join("prompt.md"), |path| std::fs::read(path))?, &said);
    show(context, &run, turn, &found);
    Ok(errors::OK)
}

fn text(path: &Path, read: fn(&Path) -> std::io::Result<Vec<u8>>) -> Result<String, CliError> {
    match read(path) {
        Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Err(error) => Err(CliError::failure(format!("cannot read {}: {error}", path.display()))
            .hint("prompts and transcripts of old runs are removed; analyze a newer one")),
    }
}

fn compared(run: &RunState, turn: &TurnRecord, prompt: &str, said: &str) -> Vec<Citation> {
    let language = run.plan.context.language;
    let names = turn.prompt.sections.iter().map(|section| section.name.clone());
    let headings: Vec<(String, String)> =
        names.map(|name| (name.clone(), locale::heading(language, &name))).collect();
    citations(&sections(prompt, &headings), said)
}

fn show(context: &Context, run: &RunState, turn: &TurnRecord, found: &[Citation]) {
    let screen = &context.screen;
    let tokens = |name: &str| {
        let section = turn.prompt.sections.iter().find(|section| section.name == name);
        section.map_or(0, |section| section.tokens)
    };
    if screen.json {
        let sections: Vec<_> = found
            .iter()
            .map(|it| {
                json!({
                    "section": it.section, "tokens": tokens(&it.section),
                    "cited": !it.evidence.is_empty(), "evidence": it.evidence,
                })
            })
            .collect();
        return screen.object(&json!({
            "run": run.id.to_string(), "turn": turn.turn, "stage": turn.stage.word(),
            "agent": turn.agent, "sections": sections, "omitted": turn.prompt.omitted_names(),
            "unavailable": turn.prompt.unavailable,
        }));
    }
    let cited = found.iter().filter(|it| !it.evidence.is_empty()).count();
    screen.line(format!(
        "run {}, turn {} ({}, {}): {cited} of {} sections were taken up",
        run.id.short(),
        turn.turn,
        turn.stage.word(),
        turn.agent,
        found.len()
    ));
    for citation in found {
        let size = tokens(&citation.section);
        let (tone, word) = match citation.evidence.is_empty() {
            true => (Tone::Warning, "no sign"),
            false => (Tone::Good, "cited  "),
        };
        let evidence: Vec<String> = citation
            .evidence
            .iter()
            .map(|it| format!("\u{201c}{}\u{201d}", format::printable(it)))
            .collect();
        screen.line(format!(
            "  {}  {:<44} {size:>6} tokens  {}",
            screen.paint(tone, word),
            format::printable(&citation.section),
            evidence.join(", ")
        ));
    }
    for name in turn.prompt.omitted_names() {
        screen.line(format!("  left out {}", format::printable(name)));
    }
}
