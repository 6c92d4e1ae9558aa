//! `receipts inspect`: everything on record about one item or run.

use clap::Args;
use serde_json::json;

use crate::domain::agent::Stage;
use crate::domain::ids::RunId;
use crate::domain::item_record::ItemRecord;
use crate::domain::verdict::StageResult;
use crate::pipeline::state::{RunState, TurnRecord};
use crate::store::StoreReader;
use crate::store::projections::turns::TurnRow;

use super::super::entry::Context;
use super::super::errors::{self, CliError, unknown};
use super::super::format;
use super::super::screen::{Screen, Tone};
use super::super::task::progress::check_word;

/// Show everything on record about an item or a run: attempts, turns, prompts, checks, findings, delivery
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  enact-factory inspect DEMO-1
  enact-factory inspect 1f2e3d4c --context     the short id of a run; what its agents were told
  enact-factory inspect DEMO-1 --json

JSON: {\"item\": record, \"runs\": [state]}: the folds of the item's and its runs' events, as this version keeps them
  (their fields follow the events and may grow)")]
pub(in super::super) struct Inspect {
    /// Identifier of an item, `source/identifier`, or a run (long or short id)
    #[arg(value_name = "ID")]
    target: String,
    /// Show what each prompt was made of: every section with its size, and what was left out or could not be had
    #[arg(long)]
    context: bool,
}

pub(super) async fn execute(
    context: &Context,
    arguments: &Inspect,
    reader: &dyn StoreReader,
) -> Result<u8, CliError> {
    let (record, only) = find(reader, &arguments.target).await?;
    let mut runs = reader.runs_of(&record.item.id).await?;
    runs.retain(|run| only.is_none_or(|only| run.id == only));
    let screen = &context.screen;
    if screen.json {
        screen.object(&json!({ "item": record, "runs": runs }));
        return Ok(errors::OK);
    }
    show_item(screen, &record);
    for run in &runs {
        show_run(screen, run, &reader.turns(run.id).await?);
        if arguments.context {
            run.turns.iter().for_each(|turn| show_context(screen, turn));
        }
    }
    Ok(errors::OK)
}

/// The item that people call `target`, and the run if they named one.
pub(in super::super) async fn find(
    reader: &dyn StoreReader,
    target: &str,
) -> Result<(ItemRecord, Option<RunId>), CliError> {
    let items = reader.load_items().await?;
    let by_name: Vec<&ItemRecord> = items
        .iter()
        .filter(|record| {
            let id = &record.item.id;
            id.as_str() == target || id.identifier().eq_ignore_ascii_case(target)
        })
        .collect();
    if let [record] = by_name.as_slice() {
        return Ok(((*record).clone(), None));
    }
    let names_run = |run: &RunId| run.to_string() == target || run.short() == target;
    for stream in reader.stream_names("run/").await? {
        let id = stream.as_str().strip_prefix("run/").and_then(|id| id.parse().ok()).map(RunId);
        let Some(run) = id.filter(names_run) else { continue };
        let state = reader.load_run(run).await?;
        let record =
            items.iter().find(|it| state.as_ref().is_some_and(|run| run.item == it.item.id));
        if let Some(record) = record {
            return Ok((record.clone(), Some(run)));
        }
    }
    Err(unknown(target))
}

fn show_item(screen: &Screen, record: &ItemRecord) {
    let item = &record.item;
    let title = format::printable(&item.title);
    screen.line(format!("{}  {title}", screen.paint(Tone::Strong, item.id.as_str())));
    screen.line(format!(
        "  {}, first seen {}, changed {}",
        record.status.word(),
        record.created,
        record.updated
    ));
    screen.line(format!(
        "  failed attempts {}, turns {}, agent time {}, {}",
        record.spend.attempts,
        record.spend.turns,
        format::span(record.spend.wall_ms),
        format::usage(&record.spend.usage.into())
    ));
    if let Some(human) = &record.human {
        let question = format::printable(&human.question);
        screen.line(format!("  asks since {}: {question} ({})", human.since, human.reason.word()));
    }
    for note in &record.notes {
        screen.line(format!("  note: {}", format::printable(note)));
    }
}

fn show_run(screen: &Screen, run: &RunState, turns: &[TurnRow]) {
    let ended = run.outcome.as_ref().map_or(run.phase.word(), |outcome| outcome.word());
    screen.line("");
    screen.line(format!(
        "{} ({})  attempt {}, {ended}, started {}",
        screen.paint(Tone::Strong, &format!("run {}", run.id.short())),
        run.id,
        run.attempt,
        run.started
    ));
    if !run.detail.is_empty() {
        screen.line(format!("  {}", format::printable(&run.detail)));
    }
    if let Some(workspace) = &run.workspace {
        screen.line(format!("  branch {} on {}", workspace.branch, workspace.base_branch));
        if run.cleaned != Some(false) {
            screen.line(format!("  worktree {}", workspace.path));
        }
    }
    if let Some(workflow) = &run.workflow {
        screen.line(format!("  follows WORKFLOW.md of {}", workflow.commit));
        for remark in &workflow.remarks {
            screen.line(format!("    {}", format::printable(remark)));
        }
    }
    if let Some(change) = &run.change {
        screen.line(format!("  change {} at {}", change.stat(), change.head));
    }
    turns.iter().for_each(|turn| show_turn(screen, turn));
    for (stage, result) in &run.stage_results {
        show_stage(screen, *stage, result);
    }
    for result in run.checks.iter().flat_map(|report| &report.results) {
        screen.line(format!(
            "  check `{}`: {}",
            format::printable(&result.command),
            check_word(result.status)
        ));
    }
    for raised in &run.findings {
        let finding = &raised.finding;
        let place = finding.file.as_deref().map(|file| format!(" {file}")).unwrap_or_default();
        let problem = format::printable(&finding.problem);
        screen.line(format!("  finding of round {}:{place} {problem}", raised.round));
    }
}

fn show_stage(screen: &Screen, stage: Stage, result: &StageResult) {
    match result {
        StageResult::Done { report } => {
            screen.line(format!("  {}: {}", stage.word(), format::printable(&report.summary)));
            for point in &report.points {
                screen.line(format!("    - {}", format::printable(point)));
            }
        }
        StageResult::Skipped { reason } => {
            screen.line(format!("  {} was skipped: {}", stage.word(), format::printable(reason)));
        }
    }
}

/// What one prompt was made of.
fn show_context(screen: &Screen, turn: &TurnRecord) {
    let (number, stage, prompt) = (turn.turn, turn.stage.word(), &turn.prompt);
    let size = format!("{} tokens, {} bytes", prompt.tokens, prompt.bytes);
    screen.line("");
    screen.line(format!("  prompt of turn {number} ({stage}, round {}): {size}", turn.round));
    for section in &prompt.sections {
        let name = format::printable(&section.name);
        screen.line(format!(
            "    {name:<44} {:>6} tokens {:>8} bytes",
            section.tokens, section.bytes
        ));
    }
    for section in &prompt.omitted {
        let name = format::printable(&section.name);
        screen.line(format!("    left out: {name} ({} tokens)", section.tokens));
    }
    for reason in &prompt.unavailable {
        screen.line(format!("    could not be had: {}", format::printable(reason)));
    }
}

fn show_turn(screen: &Screen, turn: &TurnRow) {
    screen.line(format!(
        "  turn {}  round {}  {:16}  {}{}  {}  {}  {}",
        turn.turn,
        turn.round,
        turn.stage,
        turn.agent,
        turn.model.as_deref().map(|model| format!("/{model}")).unwrap_or_default(),
        turn.ending.as_deref().unwrap_or("running"),
        format::span(turn.duration_ms),
        format::usage(&turn.usage.into())
    ));
}
