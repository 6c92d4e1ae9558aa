//! `[retention]`: how long things are kept.

use super::schema::{Key, Kind};
use super::section::Section;

pub(super) static KEYS: &[Key] = &[Key::with_default(
    "failed_hours",
    Kind::Count(0, 8760),
    "72",
    "Hours that the worktree of a run that did not succeed is kept. What is in it survives on a private ref.",
)];

/// How long things are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetentionSettings {
    /// Milliseconds that the worktree of a run that did not succeed is kept.
    pub failed_ms: u64,
}

pub(super) fn read(section: &Section) -> RetentionSettings {
    RetentionSettings { failed_ms: section.count("failed_hours") * 3_600_000 }
}
