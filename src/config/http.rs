//! `[http]`: the daemon's port, and who is let in there.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use secrecy::SecretString;

use super::schema::{Key, Kind};
use super::section::Section;
use super::sources::Sources;

pub(super) static KEYS: &[Key] = &[
    Key::optional(
        "enabled",
        Kind::Boolean,
        "whether there is a webhook secret",
        "Whether the daemon listens for webhooks.",
    ),
    Key::with_default(
        "listen",
        Kind::Text,
        "\"127.0.0.1:3847\"",
        "Address and port; port 0 is any that is free. Without TLS: what comes from outside comes through a proxy or a \
         tunnel. It counts at the next start.",
    ),
    Key::with_default(
        "allow_remote",
        Kind::Boolean,
        "false",
        "Whether `listen` may be an address that other machines reach.",
    ),
    Key::optional(
        "github_webhook_secret",
        Kind::Secret,
        "`GITHUB_WEBHOOK_SECRET`; without it, GitHub's deliveries are refused",
        "The secret of the webhook on GitHub.",
    ),
    Key::optional(
        "azdo_webhook_user",
        Kind::Text,
        "`AZDO_WEBHOOK_USER`",
        "The name that Azure DevOps' service hooks log in with.",
    ),
    Key::optional(
        "azdo_webhook_password",
        Kind::Secret,
        "`AZDO_WEBHOOK_PASSWORD`; without it, Azure DevOps' deliveries are refused",
        "The password that Azure DevOps' service hooks log in with.",
    ),
];

/// The daemon's port.
#[derive(Debug, Clone)]
pub struct HttpSettings {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Whether that may be an address that other machines reach.
    pub allow_remote: bool,
    /// What GitHub signs deliveries with.
    pub github_secret: Option<SecretString>,
    /// Name and password that Azure DevOps logs in with.
    pub azdo_login: Option<(String, SecretString)>,
}

pub(super) fn read(
    section: &Section,
    variables: &BTreeMap<String, String>,
    secrets: &mut Vec<String>,
    sources: &mut Sources,
) -> Option<HttpSettings> {
    let given = |key: &str, variable: &str| {
        let of_variable = || variables.get(variable).cloned();
        section.owned(key).or_else(of_variable).filter(|value| !value.trim().is_empty())
    };
    let github = given("github_webhook_secret", "GITHUB_WEBHOOK_SECRET");
    let user = given("azdo_webhook_user", "AZDO_WEBHOOK_USER");
    let password = given("azdo_webhook_password", "AZDO_WEBHOOK_PASSWORD");
    secrets.extend([&github, &password].into_iter().flatten().cloned());
    let azdo_login = match (user, password) {
        (Some(user), Some(password)) => Some((user, SecretString::from(password))),
        (None, None) => None,
        (user, _) => {
            let (key, variable) = match user {
                Some(_) => ("azdo_webhook_password", "AZDO_WEBHOOK_PASSWORD"),
                None => ("azdo_webhook_user", "AZDO_WEBHOOK_USER"),
            };
            let message = format!("name and password go together: give it here, or set {variable}");
            sources.missing(&section.path, &section.path_of(key), &message);
            None
        }
    };
    let listen = address(section, sources)?;
    let has_secret = github.is_some() || azdo_login.is_some();
    section.choice("enabled").unwrap_or(has_secret).then(|| HttpSettings {
        listen,
        allow_remote: section.is("allow_remote"),
        github_secret: github.map(SecretString::from),
        azdo_login,
    })
}

/// An address that may be listened on.
fn address(section: &Section, sources: &mut Sources) -> Option<SocketAddr> {
    let path = section.path_of("listen");
    let text = section.text("listen")?;
    let Ok(address) = text.parse::<SocketAddr>() else {
        let hint = Some("as in \"127.0.0.1:3847\" or \"[::1]:3847\"".to_owned());
        sources.problem(&path, &format!("{text:?} is not an address with a port"), hint);
        return None;
    };
    if !address.ip().is_loopback() && !section.is("allow_remote") {
        let hint = "better: a proxy with TLS on this machine; otherwise say `allow_remote = true`";
        let message = format!("other machines reach {address}");
        sources.problem(&path, &message, Some(hint.to_owned()));
    }
    Some(address)
}
