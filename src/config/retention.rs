//! `[retention]`: how long things are kept.

use super::schema::{Key, Kind};
use super::section::Section;

pub(super) static KEYS: &[Key] = &[
    Key::with_default(
        "failed_hours",
        Kind::Count(0, 8760),
        "72",
        "Hours that the worktree of a run that did not succeed is kept. What is in it survives on a private ref.",
    ),
    Key::with_default(
        "transcript_hours",
        Kind::Count(0, 87_600),
        "720",
        "Hours that prompts and transcripts of a run are kept after its end. What happened stays in the event log.",
    ),
    Key::with_default(
        "transcript_mib",
        Kind::Count(0, 1 << 30),
        "4096",
        "Mebibytes that prompts and transcripts of all runs may have together. Beyond that those of the oldest finished \
         runs go first.",
    ),
];

/// How long things are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetentionSettings {
    /// Milliseconds that the worktree of a run that did not succeed is kept.
    pub failed_ms: u64,
    /// Milliseconds that prompts and transcripts of a finished run are kept.
    pub transcript_ms: u64,
    /// Bytes that prompts and transcripts of all runs may have together.
    pub transcript_bytes: u64,
}

pub(super) fn read(section: &Section) -> RetentionSettings {
    RetentionSettings {
        failed_ms: section.count("failed_hours") * 3_600_000,
        transcript_ms: section.count("transcript_hours") * 3_600_000,
        transcript_bytes: section.count("transcript_mib") << 20,
    }
}
