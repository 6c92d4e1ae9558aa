//! Is Discord there, and may anybody ask anything?

use crate::config::settings::Settings;

use super::super::discord::Wanted;
use super::Finding;

const AREA: &str = "discord";

pub(super) async fn look(settings: &Settings) -> Vec<Finding> {
    let Some(wanted) = Wanted::from(settings) else { return Vec::new() };
    let mut findings = connection(wanted).await;
    if !settings.discord.as_ref().is_some_and(|discord| discord.access.lets_anybody_in()) {
        let text = "nobody may ask anything: there is no guild, channel, role or person in it";
        findings.push(
            Finding::remark(AREA, "[discord]", text)
                .remedy("name them in `guilds`, `channels`, [discord.roles] or [discord.users]; docs/discord.md"),
        );
    }
    findings
}

#[cfg(feature = "discord")]
async fn connection(wanted: Wanted) -> Vec<Finding> {
    use std::sync::Arc;

    let setup = match wanted.setup(Arc::new(str::to_owned)) {
        Ok(setup) => setup,
        Err(problem) => {
            let remedy = "the token is in the developer portal under Bot; docs/discord.md";
            return vec![Finding::remark(AREA, "", problem).remedy(remedy)];
        }
    };
    match crate::surfaces::discord::service::probe(&setup).await {
        Ok(probe) => {
            let remarks = probe.remarks.into_iter();
            let remarks =
                remarks.map(|(text, remedy)| Finding::remark(AREA, "", text).remedy(remedy));
            std::iter::once(Finding::ok(AREA, probe.name, "the token is good"))
                .chain(remarks)
                .collect()
        }
        Err(problem) => vec![
            Finding::remark(AREA, "", problem)
                .remedy("the daemon works without it; docs/discord.md"),
        ],
    }
}

#[cfg(not(feature = "discord"))]
async fn connection(wanted: Wanted) -> Vec<Finding> {
    drop(wanted);
    let text = "it is configured, and this build has no Discord in it";
    vec![Finding::remark(AREA, "", text).remedy("build with the feature `discord`")]
}
