//! The `.env` file beside the configuration: more variables, never put into the environment of this process.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read};
use std::path::Path;

use super::load::MAXIMUM_BYTES;
use super::sources::{Place, Sources};

/// Adds the variables of `path` to `variables`, where those that are already there win. No file is fine; a broken one
/// is a mistake that is reported without quoting the line, which may hold a secret.
pub(super) fn add(path: &Path, variables: &mut BTreeMap<String, String>, sources: &mut Sources) {
    let name = path.display().to_string();
    let mut text = String::new();
    let read = std::fs::File::open(path)
        .and_then(|file| file.take(MAXIMUM_BYTES).read_to_string(&mut text));
    match read {
        Ok(length) if length as u64 == MAXIMUM_BYTES => {
            sources.problem_at(&Place::Nowhere, "", &format!("{name} is too large"), None);
            return;
        }
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => return,
        Err(error) => {
            let message = format!("{name} cannot be read: {error}");
            sources.problem_at(&Place::Nowhere, "", &message, None);
            return;
        }
    }
    for entry in dotenvy::from_read_iter(text.as_bytes()) {
        match entry {
            Ok((variable, value)) => {
                variables.entry(variable).or_insert(value);
            }
            Err(dotenvy::Error::LineParse(line, _)) => {
                let before = text.find(line.as_str()).map_or("", |start| &text[..start]);
                let number = before.matches('\n').count() + 1;
                sources.problem_in(&name, number, "not a line of the form NAME=value");
            }
            Err(_) => sources.problem_in(&name, 1, "not a file of NAME=value lines"),
        }
    }
}
