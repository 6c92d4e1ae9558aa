//! `[keeper]`: how agents are kept while no daemon is there.

use super::schema::{Key, Kind};
use super::section::Section;

pub(super) static KEYS: &[Key] = &[Key::with_default(
    "orphan_grace",
    Kind::Span(1_000, 7 * 24 * 3_600_000),
    "\"30m\"",
    "How long an agent goes on while no daemon is there; then its keeper ends it, and the next start goes on from there.",
)];

/// How agents are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeeperSettings {
    /// Milliseconds that an agent goes on while no daemon is there.
    pub orphan_grace_ms: u64,
}

pub(super) fn read(section: &Section) -> KeeperSettings {
    KeeperSettings { orphan_grace_ms: section.count("orphan_grace") }
}
