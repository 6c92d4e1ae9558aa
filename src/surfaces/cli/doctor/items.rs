//! Can the work items be read?

use crate::config::settings::Settings;
use crate::daemon::credentials::Credentials;
use crate::trackers::Tracker as _;
use crate::trackers::azure_devops::{AzureDevOpsTracker, AzureSettings};
use crate::trackers::github::GithubTracker;
use crate::trackers::local::LocalTracker;

use super::super::entry::Context;
use super::super::{format, hosting};
use super::Finding;

const AREA: &str = "items";

pub(super) async fn look(context: &Context, settings: &Settings) -> Vec<Finding> {
    let mut findings = local(settings).await;
    findings.extend(github(context, settings).await);
    if let Some(azdo) = &settings.azdo {
        findings.push(azure_devops(azdo).await);
    }
    findings
}

async fn github(context: &Context, settings: &Settings) -> Vec<Finding> {
    let setup = hosting::setup(context, settings.clone());
    let credentials = Credentials::gather(&setup).await;
    let Some(github) = credentials.github(settings) else { return Vec::new() };
    let subject = github.base_url.clone();
    let probed = match GithubTracker::new(github) {
        Ok(tracker) => tracker.probe().await,
        Err(error) => Err(error),
    };
    match probed {
        Ok(probe) => {
            let text = format!("issues can be read and written as {}", probe.login);
            let remarks =
                probe.remarks.into_iter().map(|remark| Finding::remark(AREA, &subject, remark));
            std::iter::once(Finding::ok(AREA, &subject, text)).chain(remarks).collect()
        }
        Err(error) => {
            let found = Finding::stops(AREA, subject, error.failure().message);
            vec![found.remedy("correct [github]; docs/trackers/github.md has the permissions")]
        }
    }
}

/// Whether Azure DevOps takes the token and knows the project.
async fn azure_devops(settings: &AzureSettings) -> Finding {
    let subject = format!("{}/{}/{}", settings.base_url, settings.organization, settings.project);
    let probed = match AzureDevOpsTracker::new(settings.clone()) {
        Ok(tracker) => tracker.probe().await,
        Err(error) => Err(error),
    };
    match probed {
        Ok(types) if settings.trusted_authors.is_empty() => {
            let text =
                format!("the token is taken; work is {}; nobody is trusted", types.join(", "));
            Finding::remark(AREA, subject, text).remedy(
                "every item waits for `enact-factory approve`; name people in `trusted_authors` of [azdo]",
            )
        }
        Ok(types) => {
            Finding::ok(AREA, subject, format!("the token is taken; work is {}", types.join(", ")))
        }
        Err(error) => Finding::stops(AREA, subject, error.failure().message)
            .remedy("look at [azdo]; docs/trackers/azure-devops.md has the permissions"),
    }
}

async fn local(settings: &Settings) -> Vec<Finding> {
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
