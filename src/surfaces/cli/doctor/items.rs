//! Can the work items be read?

use crate::config::settings::Settings;
use crate::trackers::Tracker as _;
use crate::trackers::azure_devops::{AzureDevOpsTracker, AzureSettings};
use crate::trackers::local::LocalTracker;

use super::super::format;
use super::{Finding, Verdict};

const AREA: &str = "items";

pub(super) async fn look(settings: &Settings) -> Vec<Finding> {
    let mut findings = directory(settings).await;
    if let Some(azdo) = &settings.azdo {
        findings.push(azure_devops(azdo).await);
    }
    findings
}

/// Whether Azure DevOps takes the token and knows the project.
async fn azure_devops(settings: &AzureSettings) -> Finding {
    let subject = format!("{}/{}/{}", settings.base_url, settings.organization, settings.project);
    let tracker = match AzureDevOpsTracker::new(settings.clone()) {
        Ok(tracker) => tracker,
        Err(error) => return Finding::stops(AREA, subject, error.to_string()),
    };
    match tracker.probe().await {
        Ok(types) => {
            let trusted = settings.trusted_authors.len();
            let text = format!("the token is taken; work is {}", types.join(", "));
            let found = Finding::ok(AREA, subject, text);
            match trusted {
                0 => Finding { verdict: Verdict::Remark, ..found }.remedy(
                    "nobody is trusted, so every item waits for `enact-factory approve`; name people in \
                     `trusted_authors` of [azdo]",
                ),
                _ => found,
            }
        }
        Err(error) => {
            let remedy = "look at [azdo] and docs/trackers/azure-devops.md";
            Finding::stops(AREA, subject, error.failure().message).remedy(remedy)
        }
    }
}

async fn directory(settings: &Settings) -> Vec<Finding> {
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
