//! `forge`, `remote` and `pull_request` of a project: where approved changes are offered, and how.

use std::path::{Component, Path};

use secrecy::SecretString;

use crate::domain::policy::PullRequestPolicy;
use crate::domain::pull_request::OfferPlan;

use super::schema::{Key, Kind};
use super::section::Section;
use super::sources::Sources;

/// The kinds of forges, as they are written.
pub(super) const KINDS: &[&str] = &["auto", "github", "azure_repos", "git"];

pub(super) static KEYS: &[Key] = &[
    Key::with_default("draft", Kind::Boolean, "false", "Open pull requests as drafts."),
    Key::optional(
        "template",
        Kind::Text,
        "`.github/pull_request_template.md` or `.azuredevops/pull_request_template.md`, where there is one",
        "Path in the repository of a text that every pull request ends with. It is read from the base commit.",
    ),
    Key::with_default(
        "reviewers",
        Kind::Texts,
        "[]",
        "Who is asked to look at pull requests: accounts or teams, as the forge names them.",
    ),
    Key::with_default("labels", Kind::Texts, "[]", "Labels that pull requests get."),
    Key::with_default(
        "poll_interval_ms",
        Kind::Count(100, 86_400_000),
        "60000",
        "Milliseconds between two readings of a pull request that is open.",
    ),
    Key::with_default(
        "follow_up",
        Kind::Boolean,
        "false",
        "Whether work goes on by itself when people who may write to the repository ask for changes, or checks fail \
         there. Otherwise `enact-factory retry` has it go on.",
    ),
];

/// Where a project's changes are offered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForgeWish {
    /// Which forge it is.
    pub kind: ForgeKind,
    /// The remote whose address says where it is.
    pub remote: String,
    /// The repository there, where the address does not say it: owner and name, or organization, project and name.
    pub repository: Vec<String>,
}

/// Which forge a project's changes are offered on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ForgeKind {
    /// What the address of the remote says.
    Auto,
    /// GitHub, or an Enterprise Server of it.
    Github,
    /// Azure Repos.
    AzureRepos,
    /// Any repository that git can push to; pull requests are refs in it.
    Git,
}

/// What is known of the servers that forges are on, whether or not work items come from there.
#[derive(Debug, Clone)]
pub struct ForgeAccess {
    /// Address of GitHub's API.
    pub github_url: String,
    /// The token for it, as far as configuration and environment have one.
    pub github_token: Option<SecretString>,
    /// Address of Azure DevOps.
    pub azure_url: String,
    /// The token for it.
    pub azure_token: Option<SecretString>,
}

/// Where the changes of a project are offered.
pub(super) fn wish(section: &Section) -> ForgeWish {
    let repository = section.text("forge_repository").unwrap_or_default();
    ForgeWish {
        repository: repository.split('/').filter(|it| !it.is_empty()).map(str::to_owned).collect(),
        kind: match section.text("forge") {
            Some("github") => ForgeKind::Github,
            Some("azure_repos") => ForgeKind::AzureRepos,
            Some("git") => ForgeKind::Git,
            _ => ForgeKind::Auto,
        },
        remote: section.owned("remote").unwrap_or_default(),
    }
}

/// Reports a repository that the forge cannot have.
pub(super) fn check(section: &Section, sources: &mut Sources) {
    let Some(written) = section.text("forge_repository") else { return };
    let (parts, example) = match section.text("forge") {
        Some("github") => (2, "owner/name"),
        Some("azure_repos") => (3, "organization/project/repository"),
        _ => {
            let hint = Some("write `forge = \"github\"` or `forge = \"azure_repos\"`".to_owned());
            let message = "a repository is named only for a forge that is named too";
            return sources.problem(&section.path_of("forge_repository"), message, hint);
        }
    };
    if written.split('/').filter(|part| !part.trim().is_empty()).count() != parts {
        let hint = Some(format!("as in {example:?}"));
        sources.problem(&section.path_of("forge_repository"), "not a repository", hint);
    }
}

/// Reports forges that need a token where there is none. GitHub's may be found elsewhere.
pub(super) fn check_tokens(sections: &[Section], access: &ForgeAccess, sources: &mut Sources) {
    let is_azure = |it: &&Section| {
        it.text("forge") == Some("azure_repos") && it.text("delivery") == Some("pull_request")
    };
    for section in sections.iter().filter(is_azure).filter(|_| access.azure_token.is_none()) {
        let hint = Some("set AZDO_PAT, or `token` in [azdo]".to_owned());
        sources.problem(&section.path_of("forge"), "Azure Repos needs a token", hint);
    }
}

/// How the changes of a project are offered.
pub(super) fn policy(section: &Section, sources: &mut Sources) -> PullRequestPolicy {
    let template = section.owned("template");
    if template.as_deref().is_some_and(|path| !is_inside(path)) {
        let hint =
            Some("as in \"docs/pull_request.md\", from the top of the repository".to_owned());
        sources.problem(&section.path_of("template"), "not a path inside the repository", hint);
    }
    PullRequestPolicy {
        offer: OfferPlan {
            draft: section.is("draft"),
            template,
            reviewers: section.texts("reviewers").to_vec(),
            labels: section.texts("labels").to_vec(),
        },
        poll_ms: section.count("poll_interval_ms"),
        follow_up: section.is("follow_up"),
    }
}

fn is_inside(path: &str) -> bool {
    Path::new(path).components().all(|part| matches!(part, Component::Normal(_)))
}
