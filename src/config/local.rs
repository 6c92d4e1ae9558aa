//! `[local]`: work items in a directory of Markdown files.

use std::collections::BTreeMap;

use crate::domain::ids::ProjectId;
use crate::domain::policy::ProjectPolicy;
use crate::domain::work_item::{Lane, Trust};
use crate::trackers::local::LocalSettings;

use super::autonomous::known;
use super::schema::{Key, Kind};
use super::section::Section;
use super::sources::Sources;

pub(super) static KEYS: &[Key] = &[
    Key::optional(
        "directory",
        Kind::Path,
        "there are no local work items",
        "The directory of Markdown files with TOML front matter.",
    ),
    Key::with_default(
        "lane",
        Kind::Choice(&["manual", "none", "autopilot", "ralph", "ultrawork", "team"], &[]),
        "\"autopilot\"",
        "Lane of items that name none.",
    ),
    Key::optional(
        "project",
        Kind::Text,
        "`autonomous.default_project`",
        "Project of items that name none.",
    ),
    Key::with_default(
        "trust",
        Kind::Boolean,
        "true",
        "Whether whoever writes into the directory is trusted; items of others need approval.",
    ),
    Key::with_default(
        "shared",
        Kind::Boolean,
        "false",
        "Whether several daemons read the directory; then each takes an item there before it works on it.",
    ),
];

pub(super) fn read(
    section: &Section,
    projects: &BTreeMap<ProjectId, ProjectPolicy>,
    sources: &mut Sources,
) -> Option<LocalSettings> {
    let project = section
        .text("project")
        .map(|name| known(name, &section.path_of("project"), projects, sources));
    let directory = section.file("directory")?.to_owned();
    if !directory.is_dir() {
        sources.warning(&section.path_of("directory"), "there is no such directory at the moment");
    }
    Some(LocalSettings {
        directory,
        default_lane: section.text("lane").and_then(Lane::parse).unwrap_or(Lane::None),
        default_project: project,
        shared: section.is("shared"),
        trust: if section.is("trust") { Trust::Trusted } else { Trust::Untrusted },
    })
}
