//! `[[projects]]`: the repositories to work on.

use std::collections::BTreeMap;
use std::path::Path;

use crate::domain::budget::DayBudget;
use crate::domain::ids::ProjectId;
use crate::domain::policy::{ProjectPolicy, PullRequestPolicy};
use crate::domain::run::{Delivery, WorkflowPermission};

use super::offering::{self, ForgeWish};
use super::schema::{Key, Kind, Shape};
use super::section::{Section, small};
use super::sources::Sources;
use super::stages;

pub(super) static KEYS: &[Key] = &[
    Key::required(
        "name",
        Kind::Text,
        "How work items and commands call it. Letters, digits, `-`, `_` and `.`; each name once.",
    ),
    Key::required("path", Kind::Path, "The repository.").alias(&["project_path", "repository"]),
    Key::optional(
        "base_branch",
        Kind::Text,
        "the repository's own default branch",
        "The branch that changes start from and are merged into.",
    ),
    Key::with_default(
        "enabled",
        Kind::Boolean,
        "true",
        "With `false` nothing is started on it; what runs goes on.",
    ),
    Key::with_default(
        "checks",
        Kind::Texts,
        "[]",
        "Shell commands, run in the worktree after every round. A change is held back only by checks that it \
         broke: one that already fails on the base does not count.",
    ),
    Key::with_default(
        "check_timeout_ms",
        Kind::Count(1, MAXIMUM_MS),
        "600000",
        "Milliseconds that one check may take.",
    ),
    Key::with_default(
        "delivery",
        Kind::Choice(&["branch", "merge", "pull_request"], &[]),
        "\"branch\"",
        "What happens to an approved change: it is left on its branch, merged into the base, or pushed and offered as a \
         pull request. See docs/pull-requests.md.",
    ),
    Key::with_default(
        "forge",
        Kind::Choice(offering::KINDS, &[]),
        "\"auto\"",
        "Where pull requests are opened. `auto` goes by the address of the remote; `git` is any repository that git can \
         push to, with pull requests as refs in it.",
    ),
    Key::optional(
        "forge_repository",
        Kind::Text,
        "what the address of the remote says",
        "The repository on the forge, where the remote's address is an alias: `owner/name` on GitHub, \
         `organization/project/repository` on Azure DevOps.",
    ),
    Key::with_default(
        "remote",
        Kind::Text,
        "\"origin\"",
        "The remote that branches are pushed to for pull requests.",
    ),
    Key::group(
        "pull_request",
        Shape::Table(offering::KEYS),
        "How pull requests are opened and followed.",
    ),
    Key::optional(
        "slots",
        Kind::Count(1, 1000),
        "`slots.per_project`",
        "How many runs may be under way on it at once.",
    ),
    Key::optional(
        "pace",
        Kind::Count(1, 100_000),
        "`pace.per_project`",
        "How many runs may start on it in one window.",
    ),
    Key::optional(
        "day_tokens",
        Kind::Limit(u64::MAX),
        "`budget.project_day_tokens`",
        "Billed tokens over all its items in one day (UTC).",
    ),
    Key::optional(
        "day_usd",
        Kind::Money,
        "`budget.project_day_usd`",
        "US dollars over all its items in one day (UTC).",
    ),
    Key::optional(
        "approval",
        Kind::Boolean,
        "`autonomous.approval`",
        "Whether a person must approve each item before agents start on it.",
    ),
    Key::with_default(
        "workflow",
        Kind::Choice(&["off", "base-branch"], &[]),
        "\"off\"",
        "Whether the repository's own `WORKFLOW.md` may say what the stages are told and how they are driven. It is \
         read from the base branch only, never from a branch under work. See docs/workflow.md.",
    ),
    Key::with_default(
        "workflow_commands",
        Kind::Texts,
        "[]",
        "The checks that `WORKFLOW.md` may add. A command in it that is not listed here is never run.",
    ),
    Key::group(
        "default_stages",
        Shape::Map("stage", &stages::OWN_STAGE),
        "How the stages are driven in this project, where that differs.",
    )
    .alias(&["stages"]),
];

/// A week: no clock in here is meant to be longer.
const MAXIMUM_MS: u64 = 604_800_000;

/// Reads the projects; what they say of stages is read later, when the agents are known.
pub(super) fn read(
    sections: &[Section],
    day: DayBudget,
    sources: &mut Sources,
) -> BTreeMap<ProjectId, ProjectPolicy> {
    let mut projects: BTreeMap<ProjectId, ProjectPolicy> = BTreeMap::new();
    for section in sections {
        let (Some(name), Some(path)) = (section.text("name"), section.file("path")) else {
            continue;
        };
        if !is_name(name) {
            let hint =
                "use letters, digits, -, _ and ., beginning with a letter or digit".to_owned();
            sources.problem(
                &section.path_of("name"),
                &format!("{name:?} is not usable"),
                Some(hint),
            );
        }
        let mut project = project(section, name, path, day);
        offering::check(section, sources);
        project.pull_request = offering::policy(section.table("pull_request"), sources);
        if projects.contains_key(&project.id) {
            let message = format!("there is already a project {name:?}");
            sources.problem(&section.path_of("name"), &message, None);
            continue;
        }
        if let Some(other) = projects.values().find(|it| it.repository == project.repository) {
            let message = format!("this is already the repository of {:?}", other.id.as_str());
            sources.problem(&section.path_of("path"), &message, None);
        }
        if !path.is_dir() {
            sources.warning(&section.path_of("path"), "there is no such directory at the moment");
        }
        projects.insert(project.id.clone(), project);
    }
    projects
}

fn project(section: &Section, name: &str, path: &Path, day: DayBudget) -> ProjectPolicy {
    ProjectPolicy {
        id: ProjectId::new(name),
        repository: path.to_string_lossy().into_owned(),
        base_branch: section.owned("base_branch"),
        enabled: section.is("enabled"),
        slots: section.number("slots").map(small),
        pace: section.number("pace").map(small),
        checks: section.texts("checks").to_vec(),
        check_timeout_ms: section.count("check_timeout_ms"),
        delivery: match section.text("delivery") {
            Some("merge") => Delivery::Merge,
            Some("pull_request") => Delivery::PullRequest,
            _ => Delivery::Branch,
        },
        pull_request: PullRequestPolicy::default(),
        day_budget: DayBudget {
            tokens: section.limit_or("day_tokens", day.tokens),
            cost_micro_usd: section.limit_or("day_usd", day.cost_micro_usd),
        },
        approval_required: section.choice("approval"),
        stages: None,
        workflow: (section.text("workflow") == Some("base-branch"))
            .then(|| WorkflowPermission { commands: section.texts("workflow_commands").to_vec() }),
    }
}

/// Where the changes of projects that offer them are offered.
pub(super) fn forges(
    sections: &[Section],
    projects: &BTreeMap<ProjectId, ProjectPolicy>,
) -> BTreeMap<ProjectId, ForgeWish> {
    let named = sections.iter().filter_map(|it| Some((ProjectId::new(it.text("name")?), it)));
    let offers = |id: &ProjectId| {
        projects.get(id).is_some_and(|project| project.delivery == Delivery::PullRequest)
    };
    named.filter(|(id, _)| offers(id)).map(|(id, it)| (id, offering::wish(it))).collect()
}

/// Names become parts of paths, branches and commands.
pub(super) fn is_name(name: &str) -> bool {
    name.len() <= 64
        && name.starts_with(|it: char| it.is_ascii_alphanumeric())
        && name.chars().all(|it| it.is_ascii_alphanumeric() || "-_.".contains(it))
}
