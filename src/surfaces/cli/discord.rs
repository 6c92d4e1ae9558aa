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

    use crate::surfaces::discord::service::run;

    let Some(wanted) = wanted else { return };
    let redactor = parts.ports.redactor.clone();
    match wanted.setup(Arc::new(move |text| redactor.redact(text).into_owned())) {
        Ok(setup) => {
            let clock = Arc::clone(&parts.ports.clock);
            Box::pin(run(setup, handle, parts.store.clone(), clock, stop)).await;
        }
        Err(problem) => tracing::warn!("{problem}; the daemon runs without Discord"),
    }
}

#[cfg(feature = "discord")]
impl Wanted {
    /// What the surface is made from.
    ///
    /// # Errors
    /// What is missing, in a sentence.
    pub(super) fn setup(
        self,
        redact: crate::surfaces::discord::desk::Redact,
    ) -> Result<crate::surfaces::discord::service::Setup, String> {
        use crate::surfaces::discord::desk::Rules;
        use crate::surfaces::discord::service::Setup;

        let Self { settings, projects } = self;
        let missing = "`[discord]` has no token, nor has DISCORD_TOKEN";
        let token = settings.token.ok_or_else(|| missing.to_owned())?;
        let authority = match &settings.certificate_authority {
            None => None,
            Some(path) => Some(std::fs::read(path).map_err(|error| {
                format!("`discord.certificate_authority` cannot be read: {error}")
            })?),
        };
        let rules = Rules {
            access: settings.access,
            prefix: settings.prefix,
            language: settings.language,
            projects,
            redact,
        };
        let (report_channel, connect_to) = (settings.report_channel, settings.connect_to);
        Ok(Setup { token, rules, report_channel, connect_to, authority })
    }
}

/// Says that this build has no Discord in it.
#[cfg(not(feature = "discord"))]
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
