//! Can changes be offered where they shall be?

use crate::config::settings::Settings;
use crate::daemon::credentials::Credentials;
use crate::daemon::forges;

use super::super::entry::Context;
use super::super::hosting;
use super::Finding;

const AREA: &str = "pull requests";

pub(super) async fn look(context: &Context, settings: &Settings) -> Vec<Finding> {
    if settings.forges.is_empty() {
        return Vec::new();
    }
    let setup = hosting::setup(context, settings.clone());
    let credentials = Credentials::gather(&setup).await;
    let mut findings = Vec::new();
    for (project, forge) in forges::gather(&setup, &credentials).await {
        let subject = project.to_string();
        let found = match forge {
            Ok(forge) => match forge.probe().await {
                Ok(()) => {
                    let text = format!("{} answers", forge.name());
                    findings.push(Finding::ok(AREA, subject, text));
                    continue;
                }
                Err(error) => error.failure().message,
            },
            Err(reason) => reason,
        };
        let remedy = "correct `forge` and `remote` of the project, or the token; docs/pull-requests.md has the permissions";
        findings.push(Finding::stops(AREA, subject, found).remedy(remedy));
    }
    findings
}
