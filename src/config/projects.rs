//! `[[projects]]`: the repositories to work on.

use std::collections::BTreeMap;
use std::path::Path;

use crate::domain::budget::DayBudget;
use crate::domain::ids::ProjectId;
use crate::domain::policy::ProjectPolicy;
use crate::domain::run::Delivery;

use super::schema::{Key, Kind};
use super::section::{Section, small};
use super::sources::Sources;

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
        Kind::Choice(&["branch", "merge"], &[("pull_request", "is not in this version")]),
        "\"branch\"",
        "What happens to an approved change: it is left on its branch, or merged into the base.",
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
];

/// A week: no clock in here is meant to be longer.
const MAXIMUM_MS: u64 = 604_800_000;

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
        let project = project(section, name, path, day);
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
            _ => Delivery::Branch,
        },
        day_budget: DayBudget {
            tokens: section.limit_or("day_tokens", day.tokens),
            cost_micro_usd: section.limit_or("day_usd", day.cost_micro_usd),
        },
        approval_required: section.choice("approval"),
    }
}

/// Names become parts of paths, branches and commands.
pub(super) fn is_name(name: &str) -> bool {
    name.len() <= 64
        && name.starts_with(|it: char| it.is_ascii_alphanumeric())
        && name.chars().all(|it| it.is_ascii_alphanumeric() || "-_.".contains(it))
}
