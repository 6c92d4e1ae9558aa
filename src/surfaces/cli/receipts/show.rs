//! How a receipt looks.

use serde_json::{Value, json};

use crate::store::envelope::{Decoded, Recorded};
use crate::surfaces::control::wire::EventView;

use super::super::format;
use super::super::screen::{Screen, Tone};

/// Width of an event's data.
const DATA: usize = 160;

/// One event: an object per line with `--json`, otherwise one line, and all of its data when more detail is wanted.
pub(super) fn receipt(screen: &Screen, recorded: &Recorded) {
    let view = EventView::of(recorded);
    if screen.json {
        screen.object_line(&json!({
            "gseq": recorded.gseq,
            "stream": recorded.stream,
            "seq": recorded.seq,
            "id": recorded.id,
            "at": recorded.at.to_string(),
            "type": recorded.kind,
            "schema_version": recorded.schema_version,
            "actor": recorded.actor,
            "correlation": recorded.correlation,
            "causation": recorded.causation,
            "data": view.data,
            "prev_hash": recorded.prev_hash.to_string(),
            "hash": recorded.hash.to_string(),
            "log_hash": recorded.ghash.to_string(),
        }));
        return;
    }
    screen.line(format!(
        "{:>5}  {}  {:26}  {}  {}",
        recorded.seq,
        recorded.at,
        recorded.kind,
        screen.paint(Tone::Dim, &recorded.hash.short()),
        recorded.actor,
    ));
    let data = match (&recorded.event, &view.data) {
        (Decoded::Unknown { reason }, _) => format!("(not readable: {reason})"),
        (Decoded::Redacted, _) => "(redacted)".to_owned(),
        (Decoded::Known(_), Some(data)) if screen.verbose => pretty(data),
        (Decoded::Known(_), Some(data)) => format::shortened(&data.to_string(), DATA),
        (Decoded::Known(_), None) => String::new(),
    };
    data.lines().for_each(|line| screen.line(format!("       {line}")));
}

fn pretty(data: &Value) -> String {
    serde_json::to_string_pretty(data).unwrap_or_default()
}
