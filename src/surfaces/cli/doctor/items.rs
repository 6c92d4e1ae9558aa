//! Can the local work items be read?

use crate::config::settings::Settings;
use crate::trackers::Tracker as _;
use crate::trackers::local::LocalTracker;

use super::super::format;
use super::Finding;

const AREA: &str = "items";

pub(super) async fn look(settings: &Settings) -> Vec<Finding> {
    let Some(local) = &settings.local else {
        let text = "no directory of local work items is configured";
        return vec![Finding::ok(AREA, "", text)];
    };
    let subject = local.directory.display().to_string();
    match LocalTracker::new(local.clone()).list().await {
        Ok(listing) => {
            let text = format!("{} can be read", format::counted(listing.items.len(), "item"));
            let problems = listing.problems.iter().map(|problem| {
                Finding::remark(AREA, "", problem.to_string())
                    .remedy("correct the file; the other items go on")
            });
            std::iter::once(Finding::ok(AREA, subject, text)).chain(problems).collect()
        }
        Err(error) => {
            let found = Finding::stops(AREA, subject, error.failure().message);
            vec![found.remedy("make the directory, or correct `directory` in [local]")]
        }
    }
}
