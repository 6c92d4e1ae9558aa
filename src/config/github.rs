//! `[github]`: issues of GitHub repositories.

use std::collections::BTreeMap;
use std::time::Duration;

use secrecy::SecretString;

use crate::domain::ids::ProjectId;
use crate::domain::policy::ProjectPolicy;
use crate::domain::work_item::Lane;
use crate::trackers::github::{GithubSettings, Labels, PUBLIC, Repository};

use super::autonomous::known;
use super::schema::{Key, Kind, Shape};
use super::section::Section;
use super::sources::Sources;

pub(super) static KEYS: &[Key] = &[
    Key::group(
        "repositories",
        Shape::Tables(REPOSITORY),
        "The repositories whose issues are work items, one `[[github.repositories]]` each.",
    )
    .alias(&["repos"]),
    Key::optional(
        "label",
        Kind::Text,
        "`ai-factory`, or with an `assignee` none",
        "The label that hands an issue to the factory.",
    ),
    Key::optional(
        "assignee",
        Kind::Text,
        "issues may be assigned to anybody",
        "The account that an issue must be assigned to.",
    ),
    Key::optional(
        "token",
        Kind::Secret,
        "`GITHUB_TOKEN` or `GH_TOKEN`, on an Enterprise Server also `GH_ENTERPRISE_TOKEN`; else what `gh auth token` says",
        "The token. It needs \"Issues: read and write\" and \"Metadata: read\" on the repositories. Agents do not get it.",
    ),
    Key::optional(
        "signing_secret",
        Kind::Secret,
        "the token",
        "What comments are signed with, so that they are known again when the token is another one.",
    ),
    Key::optional(
        "login",
        Kind::Text,
        "asked for",
        "The token's account. Needed only for tokens that may not ask who they are, such as those of GitHub Actions.",
    ),
    Key::with_default(
        "base_url",
        Kind::Text,
        "\"https://api.github.com\"",
        "Address of the API; `https://<host>/api/v3` for an Enterprise Server.",
    ),
    Key::with_default(
        "lane",
        Kind::Choice(&["manual", "none", "autopilot", "ralph", "ultrawork", "team"], &[]),
        "\"autopilot\"",
        "Lane of issues that have no label for it.",
    ),
    Key::with_default(
        "trusted_associations",
        Kind::Texts,
        "[\"OWNER\", \"MEMBER\", \"COLLABORATOR\"]",
        "How the author of an issue must be associated with its repository for agents to read it without approval.",
    ),
    Key::with_default(
        "poll_interval_ms",
        Kind::Count(100, 86_400_000),
        "15000",
        "Least milliseconds between two readings. One in which nothing has changed is one request per repository, which \
         does not count against the limit.",
    ),
    Key::with_default(
        "reread_interval_ms",
        Kind::Count(1000, 86_400_000),
        "600000",
        "Milliseconds after which everything is read anew: it shows what has been deleted or transferred.",
    ),
    Key::with_default(
        "write_interval_ms",
        Kind::Count(0, 60_000),
        "1000",
        "Least milliseconds between two writes. GitHub asks for a second.",
    ),
    Key::group("labels", Shape::Table(LABELS), "What labels mean."),
];

static REPOSITORY: &[Key] = &[
    Key::required("name", Kind::Text, "`owner/name`."),
    Key::optional(
        "project",
        Kind::Text,
        "`autonomous.default_project`",
        "The project that its issues belong to.",
    ),
];

static LABELS: &[Key] = &[
    Key::with_default(
        "in_progress",
        Kind::Text,
        "\"factory:in-progress\"",
        "The issue is being worked on.",
    ),
    Key::with_default(
        "in_review",
        Kind::Text,
        "\"factory:in-review\"",
        "Its change waits for people.",
    ),
    Key::with_default(
        "blocked",
        Kind::Text,
        "\"factory:blocked\"",
        "Nothing happens until a person changes something. Who puts it on stops the run.",
    ),
    Key::with_default(
        "lane_prefix",
        Kind::Text,
        "\"lane:\"",
        "What stands before a lane, as in `lane:manual`.",
    ),
    Key::with_default(
        "priority_prefix",
        Kind::Text,
        "\"priority:\"",
        "What stands before a priority, as in `priority:high` or `priority:p1`.",
    ),
    Key::optional(
        "implementation_complete",
        Kind::Text,
        "the run's comment alone says so",
        "Put on while the change is made and its checks pass.",
    ),
    Key::optional(
        "review_passed",
        Kind::Text,
        "the run's comment alone says so",
        "Put on while the critic approves of the change.",
    ),
];

/// Without a repository there is nothing to do.
pub(super) fn read(
    section: &Section,
    projects: &BTreeMap<ProjectId, ProjectPolicy>,
    variables: &BTreeMap<String, String>,
    secrets: &mut Vec<String>,
    sources: &mut Sources,
) -> Option<GithubSettings> {
    let repositories = repositories(section.tables("repositories"), projects, sources);
    let base_url = address(section);
    if !base_url.starts_with("https://") && !base_url.starts_with("http://") {
        let hint = Some("as in \"https://github.example.com/api/v3\"".to_owned());
        sources.problem(&section.path_of("base_url"), "not an address", hint);
    }
    if repositories.is_empty() {
        return None;
    }
    let token = token_of(section, variables, secrets);
    let signing_secret = section.owned("signing_secret");
    secrets.extend(signing_secret.clone());
    let assignee = section.owned("assignee");
    let usual = || assignee.is_none().then(|| "ai-factory".to_owned());
    let span = |name: &str| Duration::from_millis(section.count(name));
    Some(GithubSettings {
        base_url,
        token,
        signing_secret: signing_secret.map(SecretString::from),
        login: section.owned("login"),
        repositories,
        label: section.owned("label").or_else(usual),
        assignee,
        labels: labels(section.table("labels"), sources),
        trusted: section.texts("trusted_associations").to_vec(),
        default_lane: section.text("lane").and_then(Lane::parse).unwrap_or(Lane::None),
        every: span("poll_interval_ms"),
        everything_every: span("reread_interval_ms"),
        between_writes: span("write_interval_ms"),
    })
}

/// Where the API is.
pub(super) fn address(section: &Section) -> String {
    section.text("base_url").unwrap_or(PUBLIC).trim_end_matches('/').to_owned()
}

/// The token, of the section or of the environment; it is also put among the secrets.
pub(super) fn token_of(
    section: &Section,
    variables: &BTreeMap<String, String>,
    secrets: &mut Vec<String>,
) -> Option<SecretString> {
    let token = section.owned("token").or_else(|| token(&address(section), variables))?;
    secrets.push(token.clone());
    Some(SecretString::from(token))
}

fn repositories(
    sections: &[Section],
    projects: &BTreeMap<ProjectId, ProjectPolicy>,
    sources: &mut Sources,
) -> Vec<Repository> {
    let mut found: Vec<Repository> = Vec::new();
    for section in sections {
        let Some(name) = section.text("name") else { continue };
        let path = section.path_of("name");
        if !is_repository(name) {
            let hint = Some("as in \"owner/name\"".to_owned());
            sources.problem(&path, &format!("{name:?} is not a repository"), hint);
        }
        if found.iter().any(|it| it.name.eq_ignore_ascii_case(name)) {
            sources.problem(&path, &format!("{name:?} is there already"), None);
        }
        let project = section.text("project");
        let project =
            project.map(|name| known(name, &section.path_of("project"), projects, sources));
        found.push(Repository { name: name.to_owned(), project });
    }
    found
}

/// Two names as GitHub permits them.
fn is_repository(name: &str) -> bool {
    let plain = |part: &str| {
        !matches!(part, "" | "." | "..")
            && part.len() <= 100
            && part.chars().all(|it| it.is_ascii_alphanumeric() || "-_.".contains(it))
    };
    name.split_once('/').is_some_and(|(owner, name)| plain(owner) && plain(name))
}

/// The token in the environment, under the names that GitHub's own command line knows.
fn token(base_url: &str, variables: &BTreeMap<String, String>) -> Option<String> {
    let public = ["GITHUB_TOKEN", "GH_TOKEN"];
    let enterprise = ["GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN"];
    let enterprise = enterprise.iter().filter(|_| base_url != PUBLIC);
    let mut values = enterprise.chain(&public).filter_map(|name| variables.get(*name));
    values.find(|value| !value.trim().is_empty()).map(|value| value.trim().to_owned())
}

fn labels(section: &Section, sources: &mut Sources) -> Labels {
    let text = |name: &str| section.owned(name).unwrap_or_default();
    let labels = Labels {
        in_progress: text("in_progress"),
        in_review: text("in_review"),
        blocked: text("blocked"),
        lane: text("lane_prefix"),
        priority: text("priority_prefix"),
        implementation_complete: section.owned("implementation_complete"),
        review_passed: section.owned("review_passed"),
    };
    let names = ["in_progress", "in_review", "blocked", "implementation_complete", "review_passed"];
    let mut seen: Vec<String> = Vec::new();
    for name in names {
        let Some(label) = section.text(name).map(str::to_lowercase) else { continue };
        let path = section.path_of(name);
        if label.chars().count() > 50 || label.contains(',') {
            let message = "a label has at most 50 characters and no comma";
            sources.problem(&path, message, None);
        }
        if seen.contains(&label) {
            sources.problem(&path, "two labels that mean different things are the same", None);
        }
        seen.push(label);
    }
    labels
}
