//! `receipts list`: which streams there are.

use clap::Args;
use serde_json::json;

use crate::store::StoreReader;

use super::super::entry::Context;
use super::super::errors::{self, CliError};

/// List the streams of the log: `work/<item>`, `run/<id>`, `ops/daemon`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  enact-factory receipts list
  enact-factory receipts list work/local/

JSON: {\"streams\": [name]}")]
pub(super) struct List {
    /// Only streams whose name begins with this
    #[arg(default_value = "", hide_default_value = true)]
    prefix: String,
}

pub(super) async fn execute(
    context: &Context,
    arguments: &List,
    reader: &dyn StoreReader,
) -> Result<u8, CliError> {
    let names = reader.stream_names(&arguments.prefix).await?;
    if context.screen.json {
        context.screen.object(&json!({ "streams": names }));
    } else {
        names.iter().for_each(|name| context.screen.line(name.as_str()));
    }
    Ok(errors::OK)
}
