//! `receipts verify`: whether what is stored is what was stored.

use clap::Args;
use serde_json::json;

use crate::store::StoreReader;
use crate::store::envelope::Hash;
use crate::store::verify::{Anchor, Level, VerifyOptions, VerifyReport};

use super::super::entry::Context;
use super::super::errors::{self, CliError};
use super::super::screen::{Screen, Tone};

/// Verify hash chains, order and derived tables of the whole log
///
/// Checks each event and the chain of its stream (level 1), the order and running hash of the whole log (level 2), heads
/// noted down earlier (level 3, with --anchor), and that the derived tables follow from the events (level 4).
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  enact-factory receipts verify
  enact-factory receipts verify --anchor 1520:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08

Exit codes: 0 everything holds, 1 it could not be verified, 2 the log was altered or is damaged,
3 only the derived tables differ, 4 the log does not continue an anchor.

JSON: {\"ok\": bool, \"head\": {\"log_id\", \"gseq\", \"hash\", \"at\"}, \"events\", \"streams\", \"unknown\", \"problems_found\",
  \"problems\": [{\"level\", \"gseq\", \"what\"}]}; at most 100 problems are listed, all are counted")]
pub(super) struct Verify {
    /// Leave out the derived tables
    #[arg(long)]
    chains_only: bool,
    /// Check only this many of the last events
    #[arg(long, value_name = "COUNT")]
    last: Option<u64>,
    /// A head noted down earlier, as `<number>:<hash>`; may be given several times
    #[arg(long, value_name = "NUMBER:HASH", value_parser = anchor)]
    anchor: Vec<Anchor>,
}

pub(super) async fn execute(
    context: &Context,
    arguments: &Verify,
    reader: &dyn StoreReader,
) -> Result<u8, CliError> {
    let options = VerifyOptions {
        chains_only: arguments.chains_only,
        last: arguments.last,
        anchors: arguments.anchor.clone(),
    };
    let report = reader.verify(options).await?;
    let code = match report.worst {
        None => errors::OK,
        Some(Level::Stream | Level::Log) => errors::INTEGRITY,
        Some(Level::Anchor) => errors::ANCHOR_MISMATCH,
        Some(Level::Projection) => errors::PROJECTION_DRIFT,
    };
    if context.screen.json {
        show_json(&context.screen, &report);
    } else {
        show(&context.screen, &report);
    }
    Ok(code)
}

fn show_json(screen: &Screen, report: &VerifyReport) {
    let problems: Vec<serde_json::Value> = report
        .problems
        .iter()
        .map(|it| json!({ "level": it.level.word(), "gseq": it.gseq, "what": it.what }))
        .collect();
    screen.object(&json!({
        "ok": report.worst.is_none(),
        "head": {
            "log_id": report.head.log_id,
            "gseq": report.head.gseq,
            "hash": report.head.ghash.to_string(),
            "at": report.head.at.to_string(),
        },
        "events": report.events,
        "streams": report.streams,
        "unknown": report.unknown,
        "problems_found": report.problems_found,
        "problems": problems,
    }));
}

fn show(screen: &Screen, report: &VerifyReport) {
    for problem in &report.problems {
        let place = problem.gseq.map(|gseq| format!(" at event {gseq}")).unwrap_or_default();
        let level = screen.paint(Tone::Bad, problem.level.word());
        screen.line(format!("{level}{place}: {}", problem.what));
    }
    let listed = report.problems.len() as u64;
    if report.problems_found > listed {
        screen.line(format!("and {} more problems", report.problems_found - listed));
    }
    let verdict = if report.worst.is_none() {
        screen.paint(Tone::Good, "verified")
    } else {
        screen.paint(Tone::Bad, "NOT verified")
    };
    screen.line(format!("{verdict}: {} events in {} streams", report.events, report.streams));
    if report.unknown > 0 {
        screen.line(format!(
            "{} of them this version cannot read; their hashes were checked all the same",
            report.unknown
        ));
    }
    screen.line(format!("head: {}:{} at {}", report.head.gseq, report.head.ghash, report.head.at));
    if report.worst.is_none() {
        screen.line("note the head down somewhere else: `--anchor` compares with it later");
    }
}

fn anchor(text: &str) -> Result<Anchor, String> {
    let wanted = "expected <number>:<64 hex digits>, as `receipts verify` prints it";
    let (gseq, hash) = text.split_once(':').ok_or(wanted)?;
    let gseq = gseq.parse().map_err(|_| wanted)?;
    let mut bytes = [0; 32];
    hex::decode_to_slice(hash, &mut bytes).map_err(|_| wanted)?;
    Ok(Anchor { gseq, ghash: Hash(bytes) })
}
