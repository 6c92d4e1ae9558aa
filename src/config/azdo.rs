//! `[azdo]`: work items of a project on Azure DevOps.

use std::collections::BTreeMap;
use std::time::Duration;

use secrecy::SecretString;

use crate::domain::ids::ProjectId;
use crate::domain::policy::ProjectPolicy;
use crate::domain::work_item::{ItemState, Lane};
use crate::trackers::azure_devops::{AzureDevOpsTracker, AzureSettings, Filter, StateTags};

use super::autonomous::known;
use super::schema::{Key, Kind, Shape};
use super::section::{Section, Setting};
use super::sources::Sources;

pub(super) static KEYS: &[Key] = &[
    Key::optional(
        "enabled",
        Kind::Boolean,
        "whether there is an `[azdo]` section",
        "Whether work items are taken from Azure DevOps.",
    ),
    Key::optional(
        "organization",
        Kind::Text,
        "`AZDO_ORG`",
        "The organization, or a server's collection.",
    )
    .alias(&["org"]),
    Key::optional("project", Kind::Text, "`AZDO_PROJECT`", "The project."),
    Key::optional(
        "team",
        Kind::Text,
        "`AZDO_TEAM_ID`",
        "The team, by name or id: `@CurrentIteration` is its current iteration.",
    )
    .alias(&["team_id"]),
    Key::optional(
        "token",
        Kind::Secret,
        "`AZDO_PAT`, or else `AZDO_API_KEY`",
        "A personal access token with the scope Work Items (Read & write).",
    )
    .alias(&["pat"]),
    Key::optional(
        "signing_secret",
        Kind::Secret,
        "the token",
        "What the factory's comments are signed with. With one of its own, a new token does not make old comments \
         unknown.",
    ),
    Key::with_default(
        "base_url",
        Kind::Text,
        "\"https://dev.azure.com\"",
        "Address of the service, or of an Azure DevOps Server.",
    ),
    Key::with_default(
        "api_version",
        Kind::Text,
        "\"7.1\"",
        "Version of the REST interface; an Azure DevOps Server 2022 wants 7.0, 2020 wants 6.0.",
    ),
    Key::with_default(
        "poll_interval",
        Kind::Span(1_000, 3_600_000),
        "\"30s\"",
        "How often the board is read. A reading costs two calls, and one more for each 200 items that changed.",
    ),
    Key::with_default(
        "area_paths",
        Kind::Texts,
        "[]",
        "Area paths, one of which an item must be under; empty: any.",
    ),
    Key::optional(
        "iteration",
        Kind::Text,
        "any",
        "Iteration path that an item must be under, or `@CurrentIteration`.",
    ),
    Key::with_default(
        "types",
        Kind::Texts,
        "[]",
        "Types of items; empty: all of the project's that are not about tests, reviews or feedback.",
    ),
    Key::with_default("tags", Kind::Texts, "[]", "Tags, all of which an item must have."),
    Key::optional(
        "assigned_to",
        Kind::Text,
        "anybody, or nobody",
        "Whom an item must be assigned to: an e-mail address, or `@Me` for the owner of the token.",
    ),
    Key::with_default(
        "lane",
        Kind::Choice(&["manual", "none", "autopilot", "ralph", "ultrawork", "team"], &[]),
        "\"none\"",
        "Lane of items that name none. An item names one in the lane field or by a tag such as \
         `operatorLane:autopilot`.",
    ),
    Key::optional(
        "lane_field",
        Kind::Text,
        "only tags name lanes",
        "Reference name of the field that holds the lane, such as `Custom.OperatorLane`.",
    ),
    Key::optional(
        "implementation_complete_field",
        Kind::Text,
        "the tag `implementationComplete`",
        "Reference name of the checkbox field that says that the change is made and checked.",
    ),
    Key::optional(
        "review_passed_field",
        Kind::Text,
        "the tag `reviewPassed`",
        "Reference name of the checkbox field that says that the critic has approved.",
    ),
    Key::with_default(
        "blocked_tag",
        Kind::Text,
        "\"blocked\"",
        "The tag of items that wait for a person.",
    ),
    Key::with_default(
        "in_review_tag",
        Kind::Text,
        "\"in-review\"",
        "The tag of items that wait for their review, where their type has no state in the category Resolved.",
    ),
    Key::with_default(
        "cancelled_tag",
        Kind::Text,
        "\"cancelled\"",
        "The tag of items that were given up, where their type has no state in the category Removed.",
    ),
    Key::with_default(
        "trusted_authors",
        Kind::Texts,
        "[]",
        "Who may write items that need no approval: e-mail addresses, `@example.org` for all of a domain, `*` for \
         everybody.",
    ),
    Key::optional(
        "default_project",
        Kind::Text,
        "`autonomous.default_project`",
        "Project of items that none in `[azdo.projects]` is for.",
    ),
    Key::group(
        "projects",
        Shape::Map("area path or tag", &Shape::Value(Kind::Text)),
        "Which project items are for: by tag, or else by the longest area path that they are under.",
    ),
    Key::group(
        "states",
        Shape::Map(
            "state",
            &Shape::Value(Kind::Choice(
                &["todo", "in_progress", "in_review", "blocked", "done", "cancelled"],
                &[],
            )),
        ),
        "What a state of the process means, where that is not what its category says.",
    ),
];

/// The variables that stand in for keys.
const VARIABLES: [(&str, &[&str]); 4] = [
    ("organization", &["AZDO_ORG"]),
    ("project", &["AZDO_PROJECT"]),
    ("team", &["AZDO_TEAM_ID"]),
    ("token", &["AZDO_PAT", "AZDO_API_KEY"]),
];

pub(super) fn read(
    section: &Section,
    projects: &BTreeMap<ProjectId, ProjectPolicy>,
    variables: &BTreeMap<String, String>,
    secrets: &mut Vec<String>,
    sources: &mut Sources,
) -> Option<AzureSettings> {
    let tokens =
        ["AZDO_PAT", "AZDO_API_KEY"].iter().filter_map(|name| variables.get(*name).cloned());
    secrets.extend(tokens);
    secrets.extend(["token", "signing_secret"].iter().filter_map(|name| section.owned(name)));
    let project_of =
        |name: &str, path: &str, sources: &mut Sources| known(name, path, projects, sources);
    let default_project = section
        .text("default_project")
        .map(|name| project_of(name, &section.path_of("default_project"), sources));
    let by_name = section.table("projects");
    let by_name: Vec<(String, ProjectId)> = texts(by_name)
        .map(|(name, project)| {
            (name.to_owned(), project_of(project, &by_name.path_of(name), sources))
        })
        .collect();
    let is_given = sources.get(&section.path).is_some();
    if !section.choice("enabled").unwrap_or(is_given) {
        return None;
    }
    let values = VARIABLES.map(|(key, names)| given(section, key, names, variables, sources));
    let [Some(organization), Some(project), Some(team), Some(token)] = values else { return None };
    let settings = AzureSettings {
        base_url: section.owned("base_url").unwrap_or_default(),
        team: Some(team),
        signing_secret: section.owned("signing_secret").map(SecretString::from),
        api_version: section.owned("api_version").unwrap_or_default(),
        filter: filter(section),
        lane: section.text("lane").and_then(Lane::parse).unwrap_or(Lane::None),
        lane_field: section.owned("lane_field"),
        implementation_field: section.owned("implementation_complete_field"),
        review_field: section.owned("review_passed_field"),
        state_tags: StateTags {
            blocked: section.owned("blocked_tag").unwrap_or_default(),
            in_review: section.owned("in_review_tag").unwrap_or_default(),
            cancelled: section.owned("cancelled_tag").unwrap_or_default(),
        },
        states: texts(section.table("states"))
            .filter_map(|(name, word)| Some((name.to_owned(), ItemState::parse(word)?)))
            .collect(),
        trusted_authors: section.texts("trusted_authors").to_vec(),
        projects: by_name,
        default_project,
        poll: Duration::from_millis(section.count("poll_interval")),
        ..AzureSettings::new(&organization, &project, token.into())
    };
    if let Err(error) = AzureDevOpsTracker::new(settings.clone()) {
        sources.problem(&section.path_of("base_url"), &error.to_string(), None);
    }
    Some(settings)
}

/// Where Azure DevOps is.
pub(super) fn address(section: &Section) -> String {
    section.owned("base_url").unwrap_or_default().trim_end_matches('/').to_owned()
}

/// The token, of the section or of the environment, whether or not work items are taken from there.
pub(super) fn token_of(
    section: &Section,
    variables: &BTreeMap<String, String>,
) -> Option<SecretString> {
    let [.., (key, names)] = VARIABLES;
    let of_variable = || names.iter().filter_map(|name| variables.get(*name));
    let token = section.owned(key).or_else(|| of_variable().find(|it| !it.is_empty()).cloned());
    token.map(SecretString::from)
}

/// The variables that have no value, nor their keys, unless everything is there.
pub(super) fn missing(
    section: &Section,
    variables: &BTreeMap<String, String>,
    complete: bool,
) -> Vec<&'static str> {
    let is_given = |key: &str, names: &[&str]| {
        let of_variable = names.iter().filter_map(|name| variables.get(*name));
        section.owned(key).is_some() || of_variable.clone().any(|it| !it.is_empty())
    };
    let missing = VARIABLES.iter().filter(|(key, names)| !complete && !is_given(key, names));
    missing.map(|(_, names)| names[0]).collect()
}

/// The value of a key, or of the first variable that stands in for it; reported if there is none.
fn given(
    section: &Section,
    key: &str,
    names: &[&str],
    variables: &BTreeMap<String, String>,
    sources: &mut Sources,
) -> Option<String> {
    let of_variable = || names.iter().filter_map(|name| variables.get(*name));
    let found = section.owned(key).or_else(|| of_variable().find(|it| !it.is_empty()).cloned());
    let path = section.path_of(key);
    if found.is_none() && !sources.get(&path).is_some_and(|source| source.unreadable) {
        let message = format!("this key is missing: give it here, or set {}", names[0]);
        sources.missing(&section.path, &path, &message);
    }
    found
}

fn filter(section: &Section) -> Filter {
    Filter {
        area_paths: section.texts("area_paths").to_vec(),
        iteration: section.owned("iteration"),
        types: section.texts("types").to_vec(),
        tags: section.texts("tags").to_vec(),
        assigned_to: section.owned("assigned_to"),
    }
}

/// The texts of a map, by name.
fn texts(section: &Section) -> impl Iterator<Item = (&str, &str)> {
    section.values.iter().filter_map(|(name, value)| match value {
        Setting::Text(text) => Some((name.as_str(), text.as_str())),
        _ => None,
    })
}
