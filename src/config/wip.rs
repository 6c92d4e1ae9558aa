//! `[wip]`: how much may wait for people.

use super::schema::{Key, Kind};
use super::section::Section;

pub(super) static KEYS: &[Key] = &[Key::with_default(
    "limit",
    Kind::Limit(100_000),
    "\"unlimited\"",
    "Delivered changes that may wait for people (`In Review`) before no more are started.",
)];

pub(super) fn read(section: &Section) -> Option<u32> {
    section.small_limit("limit")
}
