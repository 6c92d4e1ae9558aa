//! Who is asking, for the record.

use super::surroundings::Surroundings;

/// Longest user name that is recorded, in characters.
const LONGEST_NAME: usize = 64;

/// `human:cli:<user>`.
pub(super) fn of(surroundings: &Surroundings) -> String {
    let named = ["USER", "LOGNAME"].into_iter().find_map(|name| surroundings.variable(name));
    let uid = rustix::process::getuid().as_raw();
    let name = named.map_or_else(|| format!("uid-{uid}"), printable);
    format!("human:cli:{name}")
}

fn printable(name: &str) -> String {
    name.chars().filter(|letter| !letter.is_control()).take(LONGEST_NAME).collect()
}
