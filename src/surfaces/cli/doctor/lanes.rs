//! What operator lanes and closes have left for people.

use super::super::configuration::database;
use super::super::entry::Context;
use super::super::lane;
use super::Finding;
use crate::config::settings::Settings;

const AREA: &str = "lanes";

pub(super) async fn look(context: &Context, settings: &Settings) -> Vec<Finding> {
    let nothing_yet = !database(settings).is_ok_and(|path| path.is_file());
    if nothing_yet {
        return Vec::new();
    }
    // What cannot be read is the state directory's matter, and said there.
    let Ok((_, lanes)) = lane::known(context).await else { return Vec::new() };
    let ledger = lanes.ledger.into_iter().map(|entry| {
        let text = format!("{}: {}", entry.gate, entry.reason);
        Finding::remark(AREA, entry.item.as_str(), text).remedy(entry.command)
    });
    let verdicts = lanes.verdicts.into_iter().map(|verdict| {
        let remedy = "enact-factory stop-acknowledge";
        Finding::remark(AREA, "stop policy", verdict.text).remedy(remedy)
    });
    ledger.chain(verdicts).collect()
}
