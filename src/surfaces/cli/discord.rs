//! Discord beside the running daemon: what the configuration says becomes what that surface is made from.

use std::collections::BTreeMap;

use tokio_util::sync::CancellationToken;

use crate::config::discord::DiscordSettings;
use crate::config::settings::Settings;
use crate::daemon::Parts;
use crate::runtime::handle::DaemonHandle;

/// Discord, as it was configured.
pub(super) struct Wanted {
    settings: DiscordSettings,
    projects: BTreeMap<String, String>,
}

impl Wanted {
    /// What the configuration says of it, if anything.
    pub(super) fn from(settings: &Settings) -> Option<Self> {
        let discord = settings.discord.clone()?;
        let projects = settings.policy.projects.values();
        let projects = projects.map(|project| (project.id.to_string(), project.repository.clone()));
        Some(Self { settings: discord, projects: projects.collect() })
    }
}

/// Is on Discord until `stop`. Whatever is wrong there, the daemon goes on.
#[cfg(feature = "discord")]
pub(super) async fn serve(
    wanted: Option<Wanted>,
    parts: &Parts,
    handle: DaemonHandle,
    stop: CancellationToken,
) {
    use std::sync::Arc;

    use crate::surfaces::discord::desk::Rules;
    use crate::surfaces::discord::service::{Setup, run};

    let Some(Wanted { settings, projects }) = wanted else { return };
    let Some(token) = settings.token else {
        tracing::warn!(
            "`[discord]` has no token, nor has DISCORD_TOKEN: the daemon runs without Discord"
        );
        return;
    };
    let authority = settings.certificate_authority.as_deref().and_then(|path| {
        let unreadable =
            |error| tracing::error!(%error, "`discord.certificate_authority` cannot be read");
        std::fs::read(path).map_err(unreadable).ok()
    });
    let redactor = parts.ports.redactor.clone();
    let rules = Rules {
        access: settings.access,
        prefix: settings.prefix,
        language: settings.language,
        projects,
        redact: Arc::new(move |text| redactor.redact(text).into_owned()),
    };
    let setup = Setup {
        token,
        rules,
        report_channel: settings.report_channel,
        connect_to: settings.connect_to,
        authority,
    };
    let clock = Arc::clone(&parts.ports.clock);
    Box::pin(run(setup, handle, parts.store.clone(), clock, stop)).await;
}

/// Says that this build has no Discord in it.
#[cfg(not(feature = "discord"))]
#[expect(clippy::unused_async, reason = "the other build waits")]
pub(super) async fn serve(
    wanted: Option<Wanted>,
    _parts: &Parts,
    _handle: DaemonHandle,
    _stop: CancellationToken,
) {
    if let Some(Wanted { settings, projects }) = wanted {
        let (token, projects) = (settings.token.is_some(), projects.len());
        tracing::warn!(
            token,
            projects,
            "`[discord]` is configured, and this build has no Discord in it"
        );
    }
}
