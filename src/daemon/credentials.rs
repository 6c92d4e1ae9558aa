//! Credentials that stand neither in the configuration nor in the environment: what other programs on this machine are
//! logged in with.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;
use tokio_util::sync::CancellationToken;

use crate::config::offering::{ForgeKind, ForgeWish};
use crate::config::settings::Settings;
use crate::process::capture::Capture;
use crate::trackers::github::{GithubSettings, PUBLIC};

use super::Setup;

/// How long GitHub's command line may take to say its token.
const PATIENCE: Duration = Duration::from_secs(20);

/// What it needs to find its login: nothing else of the environment is passed on.
const NEEDED: [&str; 7] = [
    "PATH",
    "HOME",
    "XDG_CONFIG_HOME",
    "XDG_RUNTIME_DIR",
    "GH_CONFIG_DIR",
    "DBUS_SESSION_BUS_ADDRESS",
    "USER",
];

/// What was found.
#[derive(Debug, Clone, Default)]
pub struct Credentials {
    github: Option<SecretString>,
}

impl Credentials {
    /// Asks for what the settings lack.
    pub async fn gather(setup: &Setup) -> Self {
        let settings = &setup.settings;
        let has_token = settings.access.github_token.is_some();
        let may_be = |wish: &ForgeWish| matches!(wish.kind, ForgeKind::Auto | ForgeKind::Github);
        let wanted = settings.github.is_some() || settings.forges.values().any(may_be);
        match wanted && !has_token {
            true => Self { github: gh(&settings.access.github_url, &setup.environment).await },
            false => Self::default(),
        }
    }

    /// The settings of the tracker on GitHub, with the token.
    #[must_use]
    pub fn github(&self, settings: &Settings) -> Option<GithubSettings> {
        let github = settings.github.clone()?;
        let token = github.token.clone().or_else(|| self.github.clone());
        Some(GithubSettings { token, ..github })
    }

    /// The token for GitHub, wherever it was found.
    #[must_use]
    pub fn github_token(&self, settings: &Settings) -> Option<SecretString> {
        settings.access.github_token.clone().or_else(|| self.github.clone())
    }

    /// Everything that must be cut out of what is stored or shown.
    #[must_use]
    pub fn secrets(&self, settings: &Settings) -> Vec<SecretString> {
        settings.secrets.iter().chain(&self.github).cloned().collect()
    }
}

/// The token that GitHub's command line has for the server. That there is none, or no such program, is no failure.
async fn gh(address: &str, environment: &BTreeMap<String, String>) -> Option<SecretString> {
    let host = match address {
        PUBLIC => "github.com",
        other => other.split_once("://")?.1.split(['/', ':']).next()?,
    };
    let needed = environment.iter().filter(|(name, _)| NEEDED.contains(&name.as_str()));
    let asked = Capture {
        program: PathBuf::from("gh"),
        args: ["auth", "token", "--hostname", host].map(OsString::from).to_vec(),
        cwd: PathBuf::from("/"),
        env: needed.map(|(name, value)| (name.clone(), value.clone())).collect(),
        stdin: None,
        timeout: PATIENCE,
        max_output: 4096,
    };
    let said = asked.run(&CancellationToken::new()).await.ok().filter(|it| it.succeeded())?;
    let token = String::from_utf8(said.stdout).ok()?;
    let token = token.trim();
    (!token.is_empty() && !token.contains(char::is_whitespace)).then(|| token.to_owned().into())
}
