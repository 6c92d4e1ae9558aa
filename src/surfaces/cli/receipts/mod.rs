//! `receipts`: what is on record, and whether it is what was recorded.

pub(super) mod inspect;
mod list;
mod show;
mod trace;
mod verify;

use clap::{Args, Subcommand};

use super::entry::Context;
use super::errors::CliError;
use super::{configuration, offline};

/// Read and verify the record: every fact is an event in a hash chain
///
/// Reads the database itself, also while a daemon writes to it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  enact-factory receipts verify
  enact-factory receipts list
  enact-factory receipts trace work/local/DEMO-1
  enact-factory receipts inspect DEMO-1")]
pub(super) struct Receipts {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    Verify(verify::Verify),
    Trace(trace::Trace),
    Inspect(inspect::Inspect),
    List(list::List),
}

/// The top-level `inspect`, which is the same as `receipts inspect`.
pub(super) async fn inspect_one(
    context: &Context,
    arguments: &inspect::Inspect,
) -> Result<u8, CliError> {
    let settings = configuration::settings(context.config.as_deref(), &context.surroundings)?;
    inspect::execute(context, arguments, &offline::reader(&settings)?).await
}

pub(super) async fn execute(context: &Context, arguments: &Receipts) -> Result<u8, CliError> {
    let settings = configuration::settings(context.config.as_deref(), &context.surroundings)?;
    let reader = offline::reader(&settings)?;
    match &arguments.action {
        Action::Verify(arguments) => verify::execute(context, arguments, &reader).await,
        Action::Trace(arguments) => trace::execute(context, arguments, &reader).await,
        Action::Inspect(arguments) => inspect::execute(context, arguments, &reader).await,
        Action::List(arguments) => list::execute(context, arguments, &reader).await,
    }
}
