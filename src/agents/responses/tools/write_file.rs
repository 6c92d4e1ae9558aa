//! `write_file`: a whole file.

use std::fs;
use std::path::Path;

use serde::Deserialize;
use serde_json::json;

use super::{Bench, Complaint, Description};

#[derive(Debug, Deserialize)]
pub(super) struct Arguments {
    #[serde(alias = "file_path", alias = "file")]
    path: String,
    #[serde(alias = "text")]
    content: String,
}

pub(super) fn describe() -> Description {
    let text = "Write a whole file of the worktree: a new one, or in place of what is there. Directories are made as \
                needed. To change a part of a file, apply_patch is better.";
    let properties = json!({ "path": { "type": "string" }, "content": { "type": "string" } });
    (text.to_owned(), vec!["path", "content"], properties)
}

pub(super) fn run(bench: &Bench, arguments: &Arguments) -> Result<String, Complaint> {
    let real = bench.place.resolve(&arguments.path)?;
    let shown = bench.place.shown(&real);
    let before = fs::metadata(&real).ok().map(|found| found.len());
    put(&real, &shown, arguments.content.as_bytes())?;
    let (bytes, lines) = (arguments.content.len(), arguments.content.lines().count());
    Ok(match before {
        Some(before) => format!(
            "{shown}: replaced ({before} bytes before, {bytes} bytes and {lines} lines now)"
        ),
        None => format!("{shown}: made, {bytes} bytes and {lines} lines"),
    })
}

/// Writes a file at its real path, with the directories above it. An existing one keeps its permissions.
pub(super) fn put(real: &Path, shown: &str, content: &[u8]) -> Result<(), Complaint> {
    let unwritable = |error: std::io::Error| Complaint::io("written", shown, &error);
    if fs::metadata(real).is_ok_and(|found| !found.is_file()) {
        return Err(Complaint(format!("{shown} is there and is no regular file")));
    }
    if let Some(parent) = real.parent() {
        fs::create_dir_all(parent).map_err(unwritable)?;
    }
    fs::write(real, content).map_err(unwritable)
}
