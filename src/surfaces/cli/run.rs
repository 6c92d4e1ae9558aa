//! `run`: one task through the pipeline, with progress.

use clap::Args;

use super::entry::Context;
use super::errors::CliError;
use super::task::ending::report;
use super::task::session::drive;
use super::task::{TaskOptions, Telling};

/// Do one task in a repository and show how it goes
///
/// The running daemon does it; where none runs, this process does it and ends with it. The change is left on a branch
/// unless the repository is a configured project that says otherwise. Ctrl-C stops in order and keeps the work (a daemon
/// elsewhere goes on with it); a second Ctrl-C ends at once.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  enact-factory run \"fix the failing test\" -p ~/app
  enact-factory run - -p ~/app < task.md
  enact-factory run \"rename the module\" --executor-only -m sonnet

Exit codes: 0 succeeded, 1 did not, 130 interrupted.

JSON, one object per line: {\"kind\": \"event\", \"event\": {\"gseq\", \"stream\", \"seq\", \"at\", \"type\", \"actor\", \"data\"}}, and last
  {\"kind\": \"result\", \"success\", \"outcome\", \"detail\", \"item\", \"run\", \"branch\", \"worktree\", \"delivered\", \"change\",
  \"rounds\", \"turns\", \"usage\", \"summary\", \"question\", \"findings\"}")]
pub(super) struct Run {
    #[command(flatten)]
    task: TaskOptions,
}

pub(super) async fn execute(context: &Context, arguments: &Run) -> Result<u8, CliError> {
    super::exec::begin_log(context);
    let telling = if context.screen.json { Telling::Objects } else { Telling::Progress };
    let errand = arguments.task.errand(context, false, None, telling)?;
    let (ending, fold) = drive(context, &errand).await?;
    report(context, &errand, &ending, &fold)
}
