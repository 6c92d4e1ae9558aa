//! Where each project offers its changes: by the address of its remote, or as the configuration says.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::config::offering::{ForgeKind, ForgeWish};
use crate::config::settings::Settings;
use crate::domain::ids::ProjectId;
use crate::forges::Forge;
use crate::forges::address::{self, Coordinates};
use crate::forges::azure_repos::{AzureForge, AzureForgeSettings};
use crate::forges::command::GitProgram;
use crate::forges::git::GitForge;
use crate::forges::github::{GithubForge, GithubForgeSettings};
use crate::forges::remote::RemoteSettings;
use crate::process::capture::Capture;
use crate::workspaces::names::folder_key;

use super::Setup;
use super::credentials::Credentials;
use super::toolchain::toolchain;

/// How long git may take to say where a remote is.
const PATIENCE: Duration = Duration::from_secs(20);

/// What git needs of the environment to get through to a server.
const PASSED_ON: [&str; 11] = [
    "SSH_AUTH_SOCK",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NO_PROXY",
    "ALL_PROXY",
    "https_proxy",
    "http_proxy",
    "no_proxy",
    "all_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
];

/// The forges of the projects that offer their changes, or why one cannot be used.
pub type Forges = BTreeMap<ProjectId, Result<Arc<dyn Forge>, String>>;

/// Finds out where the projects offer their changes. Nothing is written, and no server is asked.
pub async fn gather(setup: &Setup, credentials: &Credentials) -> Forges {
    let mut forges = Forges::new();
    for (project, wish) in &setup.settings.forges {
        let forge = one(setup, credentials, project, wish).await;
        forges.insert(project.clone(), forge);
    }
    forges
}

async fn one(
    setup: &Setup,
    credentials: &Credentials,
    project: &ProjectId,
    wish: &ForgeWish,
) -> Result<Arc<dyn Forge>, String> {
    let settings = &setup.settings;
    let repository = settings.policy.projects.get(project).map(|it| it.repository.clone());
    let repository = repository.unwrap_or_default();
    let program = git(setup);
    let address = remote(&program, &repository, &wish.remote).await?;
    let host = host_of(&settings.access.github_url);
    let hosts: Vec<&str> = host.iter().copied().filter(|host| *host != "api.github.com").collect();
    let found = match (wish.kind, wish.repository.as_slice()) {
        (ForgeKind::Github, [owner, name]) => {
            let host = host.unwrap_or_default().to_owned();
            Coordinates::Github { host, owner: owner.clone(), name: name.clone() }
        }
        (ForgeKind::AzureRepos, [organization, project, repository]) => Coordinates::AzureRepos {
            organization: organization.clone(),
            project: project.clone(),
            repository: repository.clone(),
        },
        _ => address::coordinates(&address, &hosts)?,
    };
    let scratch = settings.daemon.state_dir.join("forges").join(folder_key(project.as_str()));
    let place = RemoteSettings { address, credentials: None, scratch, git: program };
    build(settings, credentials, wish, found, place)
}

fn build(
    settings: &Settings,
    credentials: &Credentials,
    wish: &ForgeWish,
    found: Coordinates,
    place: RemoteSettings,
) -> Result<Arc<dyn Forge>, String> {
    let remote = &wish.remote;
    match (wish.kind, found) {
        (ForgeKind::Git, _) | (ForgeKind::Auto, Coordinates::Plain) => GitForge::new(place)
            .map(|it| Arc::new(it) as Arc<dyn Forge>)
            .map_err(|it| it.to_string()),
        (ForgeKind::Github, Coordinates::AzureRepos { .. } | Coordinates::Plain) => {
            Err(format!("the address of `{remote}` is no repository on GitHub"))
        }
        (ForgeKind::AzureRepos, Coordinates::Github { .. } | Coordinates::Plain) => {
            Err(format!("the address of `{remote}` is no repository on Azure DevOps"))
        }
        (ForgeKind::Auto | ForgeKind::Github, Coordinates::Github { owner, name, .. }) => {
            let of_issues = settings.github.as_ref();
            let usual = GithubForgeSettings::new(&owner, &name, place);
            let forge = GithubForge::new(GithubForgeSettings {
                base_url: settings.access.github_url.clone(),
                token: credentials.github_token(settings),
                login: of_issues.and_then(|it| it.login.clone()),
                signing_secret: of_issues.and_then(|it| it.signing_secret.clone()),
                trusted: of_issues.map_or(usual.trusted.clone(), |it| it.trusted.clone()),
                between_writes: of_issues.map_or(usual.between_writes, |it| it.between_writes),
                ..usual
            });
            forge.map(|it| Arc::new(it) as Arc<dyn Forge>).map_err(|it| it.to_string())
        }
        (
            ForgeKind::Auto | ForgeKind::AzureRepos,
            Coordinates::AzureRepos { organization, project, repository },
        ) => {
            let Some(token) = settings.access.azure_token.clone() else {
                return Err(
                    "Azure Repos needs a token: set AZDO_PAT, or `token` in [azdo]".to_owned()
                );
            };
            let of_board = settings.azdo.as_ref();
            let usual =
                AzureForgeSettings::new((&organization, &project, &repository), token, place);
            let forge = AzureForge::new(AzureForgeSettings {
                base_url: settings.access.azure_url.clone(),
                signing_secret: of_board.and_then(|it| it.signing_secret.clone()),
                trusted: of_board.map(|it| it.trusted_authors.clone()).unwrap_or_default(),
                api_version: of_board
                    .map_or(usual.api_version.clone(), |it| it.api_version.clone()),
                ..usual
            });
            forge.map(|it| Arc::new(it) as Arc<dyn Forge>).map_err(|it| it.to_string())
        }
    }
}

fn git(setup: &Setup) -> GitProgram {
    let environment = &setup.environment;
    let path = toolchain(environment).get("PATH").cloned().unwrap_or_default();
    let home = environment.get("HOME").map_or_else(|| PathBuf::from("/"), PathBuf::from);
    let passed = environment.iter().filter(|(name, _)| PASSED_ON.contains(&name.as_str()));
    let variables = passed.map(|(name, value)| (name.clone(), value.clone())).collect();
    GitProgram { variables, ..GitProgram::new(path, home) }
}

/// Where pushes to a remote go. Only the repository's own configuration is asked.
async fn remote(program: &GitProgram, repository: &str, name: &str) -> Result<String, String> {
    let env = [
        ("PATH", program.search_path.as_str()),
        ("HOME", "/nonexistent"),
        ("GIT_CONFIG_NOSYSTEM", "1"),
        ("LC_ALL", "C"),
    ];
    let args = ["-c", "safe.directory=*", "remote", "get-url", "--push", "--", name];
    let asked = Capture {
        program: program.program.clone(),
        args: args.map(OsString::from).to_vec(),
        cwd: PathBuf::from(repository),
        env: env.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        stdin: None,
        timeout: PATIENCE,
        max_output: 4096,
    };
    let unknown = || {
        format!(
            "{repository} has no remote `{name}` to push to (`git remote add {name} <address>`, or set `remote`)"
        )
    };
    let said = asked.run(&CancellationToken::new()).await.map_err(|_| unknown())?;
    let address = String::from_utf8_lossy(&said.stdout).trim().to_owned();
    match said.succeeded() && !address.is_empty() {
        true => Ok(address),
        false => Err(unknown()),
    }
}

/// The host of an address of an API.
fn host_of(url: &str) -> Option<&str> {
    url.split_once("://")?.1.split(['/', ':']).next()
}
