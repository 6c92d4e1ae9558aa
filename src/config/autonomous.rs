//! `[autonomous]`: what is started, when, and how.

use crate::domain::ids::ProjectId;
use crate::domain::policy::{ApprovalPolicy, ProjectPolicy};
use std::collections::BTreeMap;

use chrono_tz::Tz;

use super::decomposition;
use super::document::nearest;
use super::schedule::Schedule;
use super::schema::{Key, Kind, Shape};
use super::section::Section;
use super::sources::Sources;
use super::stages;

pub(super) static KEYS: &[Key] = &[
    Key::with_default(
        "enabled",
        Kind::Boolean,
        "false",
        "Whether the daemon starts work by itself. Without it, it does only what it is asked to.",
    ),
    Key::with_default(
        "schedule",
        Kind::Text,
        "\"\"",
        "When to start work, as cron; empty: as soon as something may run. Each time, everything that may run by then \
         is worked off. Five fields (minute, hour, day of month, month, day of week 0–7 with \
         Sunday 0 and 7) or six with seconds first, in `pace.time_zone`. With both days restricted, either is \
         enough.",
    ),
    Key::with_default(
        "pair_mode",
        Kind::Boolean,
        "true",
        "Whether a critic must approve. Without one, green checks are enough.",
    ),
    Key::with_default(
        "max_iterations",
        Kind::Count(1, 100),
        "3",
        "Rounds of coder, checks and critic before the attempt counts as failed.",
    )
    .alias(&["max_attempts"]),
    Key::with_default(
        "approval",
        Kind::Boolean,
        "false",
        "Whether a person must approve each item before agents start on it. Items by untrusted authors always \
         need it.",
    ),
    Key::with_default(
        "approval_expires_hours",
        Kind::Count(1, 8760),
        "24",
        "Hours after which an unanswered request for approval lapses.",
    ),
    Key::optional(
        "default_project",
        Kind::Text,
        "the only project, if there is just one",
        "The project of items that name none.",
    ),
    Key::group(
        "decomposition",
        Shape::Table(decomposition::KEYS),
        "When an item that is too large for one run is divided, and by whom.",
    ),
    Key::group("default_stages", Shape::Table(stages::STAGES), "How each stage is driven."),
];

pub(super) fn schedule(section: &Section, zone: Tz, sources: &mut Sources) -> Option<Schedule> {
    let text = section.text("schedule").unwrap_or_default();
    if text.trim().is_empty() {
        return None;
    }
    match Schedule::parse(text, zone) {
        Ok(schedule) => Some(schedule),
        Err(error) => {
            let hint = Some("five fields as in \"*/30 * * * *\"".to_owned());
            sources.problem(&section.path_of("schedule"), &error.to_string(), hint);
            None
        }
    }
}

pub(super) fn approval(section: &Section) -> ApprovalPolicy {
    ApprovalPolicy {
        required: section.is("approval"),
        expires_ms: section.count("approval_expires_hours") * 3_600_000,
    }
}

pub(super) fn default_project(
    section: &Section,
    projects: &BTreeMap<ProjectId, ProjectPolicy>,
    sources: &mut Sources,
) -> Option<ProjectId> {
    match section.text("default_project") {
        Some(name) => Some(known(name, &section.path_of("default_project"), projects, sources)),
        None if projects.len() == 1 => projects.keys().next().cloned(),
        None => None,
    }
}

/// The project of that name; it is a mistake if there is none.
pub(super) fn known(
    name: &str,
    path: &str,
    projects: &BTreeMap<ProjectId, ProjectPolicy>,
    sources: &mut Sources,
) -> ProjectId {
    let id = ProjectId::new(name);
    if !projects.contains_key(&id) {
        let hint = nearest(name, projects.keys().map(ProjectId::as_str));
        sources.problem(path, &format!("there is no project {name:?}"), hint);
    }
    id
}
