//! Whether everything went as it must: the demo's own proof.

use std::fs;

use crate::domain::ids::{ItemId, RunId};
use crate::domain::item_record::ItemStatus;
use crate::pipeline::state::RunState;
use crate::store::StoreReader as _;
use crate::store::sqlite::SqliteReader;
use crate::store::verify::{VerifyOptions, VerifyReport};
use crate::surfaces::cli::errors::CliError;
use crate::trackers::local::SOURCE;
use crate::workspaces::sync_command;

use super::cast::{Evidence, Part};
use super::place::{CHECKS, Place};
use super::play::Played;

/// An item at the end.
pub(super) struct Ending {
    pub(super) identifier: &'static str,
    pub(super) title: String,
    pub(super) status: ItemStatus,
    pub(super) runs: Vec<RunState>,
    /// Whether it is what it must be.
    pub(super) as_expected: bool,
}

/// What was found.
pub(super) struct Verdict {
    pub(super) endings: Vec<Ending>,
    /// `git log --oneline --graph` of the base.
    pub(super) log: String,
    /// The command that brought the checkout up to date, as its owner would.
    pub(super) sync: String,
    /// Whether the checkout was as its owner had left it, and green afterwards.
    pub(super) checkout_is_right: bool,
    pub(super) receipts: VerifyReport,
    /// Turns that agents had, over all items.
    pub(super) turns: usize,
    /// What is not as it must be.
    pub(super) failures: Vec<String>,
}

/// Looks at everything.
pub(super) async fn reach(
    place: &Place,
    parts: &[Part],
    played: &Played,
) -> Result<Verdict, CliError> {
    let reader = SqliteReader::open_reader(&place.database())?;
    let mut failures = Vec::new();
    let mut endings = Vec::new();
    for (part, explanation) in parts.iter().zip(&played.explanations) {
        let gates: Vec<String> = explanation.held.iter().map(|held| held.gate.clone()).collect();
        let (ending, problems) = examine(place, &reader, part, &gates).await?;
        endings.push(ending);
        failures.extend(problems);
    }
    let receipts = reader.verify(VerifyOptions::default()).await?;
    if receipts.problems_found > 0 {
        failures.push(format!("the event log has {} problem(s)", receipts.problems_found));
    }
    if !played.survivors.is_empty() {
        failures.push(format!("{} process(es) are left", played.survivors.len()));
    }
    if !played.stopped_in_order {
        failures.push("the daemon did not stop in order".to_owned());
    }
    let sync = sync_command(&place.repository(), &place.first_commit);
    failures.extend(merges(place, &endings).await?);
    let of_checkout = checkout(place, &sync).await?;
    let checkout_is_right = of_checkout.is_empty();
    failures.extend(of_checkout);
    let log = place.git(&["log", "--oneline", "--graph", "main"]).await?;
    let turns = endings.iter().flat_map(|ending| &ending.runs).map(|run| run.turns.len()).sum();
    Ok(Verdict { endings, log, sync, checkout_is_right, receipts, turns, failures })
}

async fn examine(
    place: &Place,
    reader: &SqliteReader,
    part: &Part,
    gates: &[String],
) -> Result<(Ending, Vec<String>), CliError> {
    let id = ItemId(format!("{SOURCE}/{}", part.identifier));
    let record = reader.load_item(&id).await?;
    let record =
        record.ok_or_else(|| CliError::failure(format!("{} is not on record", part.identifier)))?;
    let runs = reader.runs_of(&id).await?;
    let name = part.identifier;
    let mut problems = Vec::new();
    if record.status != part.status {
        let (found, wanted) = (record.status.word(), part.status.word());
        problems.push(format!("{name} is {found}, not {wanted}"));
    }
    let evidence =
        Evidence { record: &record, runs: &runs, gates, first_commit: &place.first_commit };
    if let Err(reason) = (part.proof)(&evidence) {
        problems.push(format!("{name}: {reason}"));
    }
    problems.extend(file_problem(place, part));
    let ending = Ending {
        identifier: name,
        title: record.item.title.clone(),
        status: record.status,
        runs,
        as_expected: problems.is_empty(),
    };
    Ok((ending, problems))
}

/// The state in an item's file must be what people would read about it.
fn file_problem(place: &Place, part: &Part) -> Option<String> {
    let path = place.item_file(part.identifier);
    let text = fs::read_to_string(&path).unwrap_or_default();
    let wanted = part.state.label();
    let written = text.lines().find_map(|line| {
        let value = line.strip_prefix("state")?.trim_start().strip_prefix('=')?;
        Some(value.trim().trim_matches('"').to_owned())
    });
    // A file without the key stands for its default.
    let written = written.unwrap_or_else(|| "Todo".to_owned());
    let same = crate::domain::work_item::ItemState::parse(&written) == Some(part.state);
    (!same).then(|| format!("{} says \"{written}\", not \"{wanted}\"", path.display()))
}

/// Every item that is done was merged once, and nothing else was.
async fn merges(place: &Place, endings: &[Ending]) -> Result<Vec<String>, CliError> {
    let subjects = place.git(&["log", "--merges", "--first-parent", "--format=%s", "main"]).await?;
    let count = |name: &str| {
        let beginning = format!("Merge {name}: ");
        subjects.lines().filter(|subject| subject.starts_with(&beginning)).count()
    };
    let wrong = endings.iter().filter_map(|ending| {
        let wanted = usize::from(ending.status == ItemStatus::Done);
        let found = count(ending.identifier);
        let name = ending.identifier;
        (found != wanted).then(|| format!("{name} was merged {found} times, not {wanted}"))
    });
    Ok(wrong.collect())
}

/// The checkout is as its owner left it; then its owner brings it up to date, and what was red is green.
async fn checkout(place: &Place, sync: &str) -> Result<Vec<String>, CliError> {
    let mut failures = Vec::new();
    let touched = place.git(&["diff", "--stat", &place.first_commit]).await?;
    if !touched.is_empty() {
        failures.push(format!("the checkout was touched: {touched}"));
    }
    if place.shell(CHECKS[0]).await?.succeeded() {
        failures.push(format!("`{}` was not red to begin with", CHECKS[0]));
    }
    for command in [sync].iter().chain(&CHECKS) {
        let done = place.shell(command).await?;
        if !done.succeeded() {
            let said = String::from_utf8_lossy(&done.stdout).trim().to_owned();
            failures.push(format!("`{command}` fails in the end: {said}"));
        }
    }
    Ok(failures)
}

/// The last run of an item.
pub(super) fn last_run(endings: &[Ending], identifier: &str) -> Option<RunId> {
    let ending = endings.iter().find(|ending| ending.identifier == identifier)?;
    ending.runs.last().map(|run| run.id)
}
