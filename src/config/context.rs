//! `[context]` and `language`: what goes into prompts beside the task.

use crate::domain::language::Language;
use crate::domain::run::ContextPlan;

use super::schema::{Key, Kind};
use super::section::{Section, small};
use super::sources::Sources;

pub(super) static KEYS: &[Key] = &[
    Key::with_default(
        "budget_tokens",
        Kind::Count(2_000, 900_000),
        "60000",
        "Tokens that a prompt may have, estimated. What does not fit is left out whole and named.",
    ),
    Key::optional(
        "soul",
        Kind::Path,
        "no such section",
        "A file that says who the agents are to be. It is read anew for every turn.",
    )
    .alias(&["soul_file", "persona"]),
    Key::with_default(
        "project_rules",
        Kind::Boolean,
        "true",
        "Whether the repository's own rules for agents (`AGENTS.md`, `CLAUDE.md`, `.cursorrules` and the like) go in, \
         as they are on the base commit.",
    ),
    Key::with_default(
        "session_notes",
        Kind::Count(0, 20),
        "3",
        "How many notes of earlier runs in the same repository go in, newest first.",
    ),
];

pub(super) fn read(root: &Section, sources: &mut Sources) -> ContextPlan {
    let section = root.table("context");
    let soul = section.file("soul");
    if let Some(path) = soul.filter(|path| !path.is_file()) {
        let message = format!("there is no file {} at the moment", path.display());
        sources.warning(&section.path_of("soul"), &message);
    }
    ContextPlan {
        language: root.text("language").and_then(Language::parse).unwrap_or_default(),
        budget_tokens: small(section.count("budget_tokens")),
        soul: soul.map(|path| path.to_string_lossy().into_owned()),
        project_rules: section.is("project_rules"),
        session_notes: small(section.count("session_notes")),
    }
}
