//! Addresses of repositories: what they are reached by, and whose they are.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};

/// How a repository is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// `https://`.
    Https,
    /// `http://`.
    Http,
    /// `ssh://` or `user@host:path`.
    Ssh,
    /// `file://` or an absolute path.
    File,
}

impl Scheme {
    /// As git calls it.
    pub(super) fn protocol(self) -> &'static str {
        match self {
            Self::Https => "https",
            Self::Http => "http",
            Self::Ssh => "ssh",
            Self::File => "file",
        }
    }
}

/// Whose repository an address means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Coordinates {
    /// On github.com or a GitHub Enterprise Server.
    Github {
        /// The host.
        host: String,
        /// User or organization.
        owner: String,
        /// The repository.
        name: String,
    },
    /// On Azure DevOps Services.
    AzureRepos {
        /// The organization.
        organization: String,
        /// The project.
        project: String,
        /// The repository.
        repository: String,
    },
    /// A git repository of which nothing else is known.
    Plain,
}

/// By what `address` is reached.
///
/// # Errors
/// When it is none that may be pushed to, with why; never with a password that is in it.
pub fn scheme(address: &str) -> Result<Scheme, String> {
    if address.chars().any(|it| it.is_control() || it.is_whitespace() && it != ' ') {
        return Err("its address has characters that no address has".to_owned());
    }
    if address.starts_with('/') {
        return Ok(Scheme::File);
    }
    let Some((scheme, rest)) = address.split_once("://") else {
        return match host_and_path(address) {
            Some(_) => Ok(Scheme::Ssh),
            None => Err(format!("{address:?} is no address of a git repository")),
        };
    };
    let user = rest.split('/').next().and_then(|host| host.rsplit_once('@')).map(|(user, _)| user);
    if user.is_some_and(|user| user.contains(':')) {
        return Err("its address has a password in it, which belongs into the settings".to_owned());
    }
    match scheme {
        "https" => Ok(Scheme::Https),
        "http" => Ok(Scheme::Http),
        "ssh" => Ok(Scheme::Ssh),
        "file" => Ok(Scheme::File),
        other => Err(format!("repositories are not reached by {other:?}")),
    }
}

/// The directory that `address` means, if it is one of this machine.
pub(super) fn directory(address: &str) -> Option<&Path> {
    let path = address.strip_prefix("file://").unwrap_or(address);
    path.starts_with('/').then(|| Path::new(path))
}

/// Whose repository `address` means. `github_hosts` are the hosts of GitHub Enterprise Servers that are known;
/// github.com is known anyway.
///
/// # Errors
/// As [`scheme`].
pub fn coordinates(address: &str, github_hosts: &[&str]) -> Result<Coordinates, String> {
    let (host, path) = match scheme(address)? {
        Scheme::File => return Ok(Coordinates::Plain),
        Scheme::Https | Scheme::Http | Scheme::Ssh => match address.split_once("://") {
            Some((_, rest)) => rest.split_once('/').unwrap_or((rest, "")),
            None => host_and_path(address).unwrap_or_default(),
        },
    };
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    let host = host.split_once(':').map_or(host, |(host, _)| host).to_ascii_lowercase();
    let parts: Vec<String> = path.split('/').filter(|it| !it.is_empty()).map(decoded).collect();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    if let Some(organization) = host.strip_suffix(".visualstudio.com") {
        return Ok(azure(organization, &parts));
    }
    Ok(match (host.as_str(), parts.as_slice()) {
        ("dev.azure.com", [organization, rest @ ..]) => azure(organization, rest),
        ("ssh.dev.azure.com", ["v3", organization, project, repository]) => {
            azure_repository(organization, project, repository)
        }
        (_, [owner, name])
            if matches!(host.as_str(), "github.com" | "ssh.github.com")
                || github_hosts.iter().any(|it| it.eq_ignore_ascii_case(&host)) =>
        {
            let host = host.strip_prefix("ssh.github").map_or(host.as_str(), |_| "github.com");
            let name = name.strip_suffix(".git").unwrap_or(name);
            let (host, owner, name) = (host.to_owned(), (*owner).to_owned(), name.to_owned());
            Coordinates::Github { host, owner, name }
        }
        _ => Coordinates::Plain,
    })
}

/// What comes after the organization: `project/_git/repository`, or `_git/repository` where both are called the same.
fn azure(organization: &str, path: &[&str]) -> Coordinates {
    match path {
        // Of old: the collection is named too.
        ["DefaultCollection", rest @ ..] => azure(organization, rest),
        [project, "_git" | "_ssh", repository] => {
            azure_repository(organization, project, repository)
        }
        ["_git" | "_ssh", repository] => azure_repository(organization, repository, repository),
        // `vs-ssh` stands where the organization does.
        ["v3", organization, project, repository] => {
            azure_repository(organization, project, repository)
        }
        _ => Coordinates::Plain,
    }
}

fn azure_repository(organization: &str, project: &str, repository: &str) -> Coordinates {
    Coordinates::AzureRepos {
        organization: organization.to_owned(),
        project: project.to_owned(),
        repository: repository.to_owned(),
    }
}

/// `user@host:path` taken apart.
fn host_and_path(address: &str) -> Option<(&str, &str)> {
    let (host, path) = address.split_once(':')?;
    let is_host = !host.is_empty()
        && !host.starts_with('-')
        && host.chars().all(|it| it.is_ascii_alphanumeric() || matches!(it, '.' | '-' | '_' | '@'));
    (is_host && !path.is_empty() && !path.starts_with(':')).then_some((host, path))
}

/// What `%20` and the like stand for.
fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let hex = text.get(at + 1..at + 3).filter(|_| *byte == b'%');
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(*byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// The value of an `Authorization` header with a user and a secret.
pub(super) fn basic(user: &str, secret: &SecretString) -> SecretString {
    format!("Basic {}", STANDARD.encode(format!("{user}:{}", secret.expose_secret()))).into()
}

#[cfg(test)]
mod tests;
