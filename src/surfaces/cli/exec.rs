//! `exec`: one task for scripts: quiet, with a time limit and exit codes.

use std::time::Duration;

use clap::Args;

use crate::telemetry;

use super::entry::Context;
use super::errors::CliError;
use super::task::ending::report;
use super::task::session::drive;
use super::task::{TaskOptions, Telling};

/// Do one task for a script: quiet, with a time limit; prints the result
///
/// The running daemon does it; where none runs, this process does it and ends with it. When the time is up, the task is
/// cancelled and its agents are ended; what they did is saved on a private ref.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  enact-factory exec \"update the changelog\" --path ~/app --timeout 900
  enact-factory exec \"fix the lint errors\" --local --json

Exit codes: 0 succeeded, 1 did not, 2 the time was up and the task was cancelled, 130 interrupted.

JSON: {\"kind\": \"result\", \"success\", \"outcome\", \"detail\", \"item\", \"run\", \"branch\", \"worktree\", \"delivered\", \"change\",
  \"rounds\", \"turns\", \"usage\", \"summary\", \"question\", \"findings\"}")]
pub(super) struct Exec {
    #[command(flatten)]
    task: TaskOptions,
    /// Seconds after which the task is cancelled
    #[arg(long, value_name = "SECONDS", default_value_t = 600,
          value_parser = clap::value_parser!(u64).range(1..=604_800))]
    timeout: u64,
    /// Do it in this process even if a daemon runs, with a record of its own (`local` in the state directory)
    #[arg(long)]
    local: bool,
    /// Do it with tester and documenter too, also where they are not switched on
    #[arg(long, conflicts_with = "executor_only")]
    pipeline: bool,
}

pub(super) async fn execute(context: &Context, arguments: &Exec) -> Result<u8, CliError> {
    begin_log(context);
    let timeout = Some(Duration::from_secs(arguments.timeout));
    let mut errand = arguments.task.errand(context, arguments.local, timeout, Telling::Quiet)?;
    errand.task.full_pipeline = arguments.pipeline;
    let (ending, fold) = drive(context, &errand).await?;
    report(context, &errand, &ending, &fold)
}

/// Log lines only when something is off, or when they are asked for.
pub(super) fn begin_log(context: &Context) {
    let level = match context.verbosity {
        0 => "error",
        1 => "info",
        _ => "debug",
    };
    telemetry::begin(level, telemetry::Form::Text);
}
