//! Which values must never be shown. The values themselves travel as `secrecy::SecretString`, which cannot be printed.

use secrecy::SecretString;

use crate::process::redact::SHORTEST_SECRET;

/// Whether a variable of this name holds something that must not be shown.
pub(super) fn is_secret_name(name: &str) -> bool {
    const MARKS: [&str; 9] =
        ["KEY", "TOKEN", "SECRET", "PASSWORD", "PASSWD", "PASSPHRASE", "CREDENTIAL", "AUTH", "PAT"];
    let name = name.to_ascii_uppercase();
    name.split('_').any(|word| MARKS.iter().any(|mark| word == *mark || word == format!("{mark}S")))
        || ["KEY", "TOKEN", "SECRET", "PASSWORD"].iter().any(|mark| name.ends_with(mark))
}

/// Whether `value`, kept under `name`, must be cut out of everything that is stored or shown. A short or everyday value
/// (`C.UTF-8`, a path) must not be: cutting it out would eat ordinary text.
pub(super) fn is_secret(name: &str, value: &str) -> bool {
    const RANDOM_LOOKING: usize = 20;
    let unbroken = !value.contains(|it: char| it.is_whitespace() || "/:;,".contains(it));
    value.len() >= SHORTEST_SECRET
        && (is_secret_name(name) || (unbroken && value.len() >= RANDOM_LOOKING))
}

/// The values as a list for the redactor: each once, none too short to be recognised.
pub(super) fn collect(mut values: Vec<String>) -> Vec<SecretString> {
    values.retain(|value| value.len() >= SHORTEST_SECRET);
    values.sort_unstable();
    values.dedup();
    values.into_iter().map(SecretString::from).collect()
}
