//! `receipts trace`: the events of a stream, with their hashes.

use clap::Args;

use crate::domain::ids::StreamId;
use crate::store::StoreReader;

use super::super::entry::Context;
use super::super::errors::{self, CliError};
use super::show;

/// Events read at once.
const PAGE: usize = 500;

/// Show every receipt of a stream, oldest first
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  enact-factory receipts trace work/local/DEMO-1
  enact-factory receipts trace ops/daemon --json

JSON, one object per line: {\"gseq\", \"stream\", \"seq\", \"id\", \"at\", \"type\", \"schema_version\", \"actor\", \"correlation\",
  \"causation\", \"data\", \"prev_hash\", \"hash\", \"log_hash\"}; `data` is null where this version cannot read it")]
pub(super) struct Trace {
    /// Name of the stream, as `receipts list` shows it
    stream: String,
    /// Begin at this number of the stream
    #[arg(long, default_value_t = 1, value_name = "NUMBER")]
    from: u64,
}

pub(super) async fn execute(
    context: &Context,
    arguments: &Trace,
    reader: &dyn StoreReader,
) -> Result<u8, CliError> {
    let stream = StreamId::new(&arguments.stream);
    let mut next = arguments.from.max(1);
    let mut shown = 0;
    loop {
        let page = reader.read_stream(&stream, next, PAGE).await?;
        for recorded in &page {
            show::receipt(&context.screen, recorded);
            next = recorded.seq + 1;
        }
        shown += page.len();
        if page.len() < PAGE {
            break;
        }
    }
    if shown == 0 {
        return Err(CliError::failure(format!("there is nothing in stream `{stream}`"))
            .hint("`enact-factory receipts list` shows the streams there are"));
    }
    Ok(errors::OK)
}
