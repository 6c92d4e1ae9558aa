//! `search`: lines that match a pattern.

use std::path::{Path, PathBuf};

use regex::{Regex, RegexBuilder};
use serde::Deserialize;
use serde_json::json;

use super::confine::is_git;
use super::{Bench, Complaint, Description, git};

/// Matches shown at most.
const MOST: usize = 200;
/// Characters of a line that are shown.
const LONGEST_LINE: usize = 300;
/// Larger files are not looked at, in bytes.
const LARGEST: u64 = 4 * 1024 * 1024;
/// Files looked at when git cannot list them.
const MOST_FILES: usize = 20_000;
/// Memory that a pattern may take when compiled, in bytes.
const LARGEST_PATTERN: usize = 4 * 1024 * 1024;

#[derive(Debug, Deserialize)]
pub(super) struct Arguments {
    pattern: String,
    path: Option<String>,
    #[serde(default)]
    ignore_case: bool,
}

pub(super) fn describe() -> Description {
    let text = format!(
        "Search the files of the worktree (without those that git ignores) for a regular expression, line by line. At \
         most {MOST} matches, as path:line: text."
    );
    let properties = json!({
        "pattern": { "type": "string", "description": "a regular expression of the Rust regex crate" },
        "path": { "type": "string", "description": "a file or directory; without it, the whole worktree" },
        "ignore_case": { "type": "boolean" },
    });
    (text, vec!["pattern"], properties)
}

pub(super) async fn run(bench: &Bench, arguments: &Arguments) -> Result<String, Complaint> {
    let pattern = RegexBuilder::new(&arguments.pattern)
        .case_insensitive(arguments.ignore_case)
        .size_limit(LARGEST_PATTERN)
        .build()
        .map_err(|error| Complaint(format!("the pattern is wrong: {error}")))?;
    let below = bench.place.resolve(arguments.path.as_deref().unwrap_or("."))?;
    if !below.exists() {
        return Err(Complaint(format!("there is no {}", bench.place.shown(&below))));
    }
    let mut files: Vec<PathBuf> = match git::files(bench).await {
        Some(names) => {
            names.into_iter().filter_map(|name| bench.place.resolve(&name).ok()).collect()
        }
        None => walked(&below),
    };
    // Two names may lead to one file.
    files.sort();
    files.dedup();
    let mut found = Found::default();
    // A file that is named is looked at even if git ignores it.
    let named = below.is_file().then(|| below.clone());
    let files: Vec<PathBuf> = named
        .into_iter()
        .chain(files.into_iter().filter(|file| file.starts_with(&below) && *file != below))
        .collect();
    for file in &files {
        found.look(&pattern, file, &bench.place.shown(file));
    }
    Ok(super::bounded(found.text(), bench.most))
}

#[derive(Default)]
struct Found {
    lines: Vec<String>,
    more: usize,
    more_files: usize,
    skipped: Vec<String>,
}

impl Found {
    fn look(&mut self, pattern: &Regex, file: &Path, shown: &str) {
        let Ok(metadata) = file.symlink_metadata() else { return };
        if !metadata.is_file() {
            return;
        }
        if metadata.len() > LARGEST {
            self.skipped.push(shown.to_owned());
            return;
        }
        let Ok(bytes) = std::fs::read(file) else { return };
        if bytes.iter().take(8192).any(|byte| *byte == 0) {
            return;
        }
        let before = self.more;
        for (index, line) in String::from_utf8_lossy(&bytes).lines().enumerate() {
            if !pattern.is_match(line) {
                continue;
            }
            if self.lines.len() >= MOST {
                self.more += 1;
                continue;
            }
            let text: String = line.chars().take(LONGEST_LINE).collect();
            let cut = if text.len() < line.len() { " […]" } else { "" };
            self.lines.push(format!("{shown}:{}: {text}{cut}", index + 1));
        }
        self.more_files += usize::from(self.more > before);
    }

    fn text(&self) -> String {
        let mut text = self.lines.join("\n");
        if self.lines.is_empty() {
            text.push_str("no matches");
        }
        if self.more > 0 {
            text = format!(
                "{text}\n[{} more matches in {} files left out; narrow the pattern or the path]",
                self.more, self.more_files
            );
        }
        if !self.skipped.is_empty() {
            text = format!("{text}\n[not looked at, too large: {}]", self.skipped.join(", "));
        }
        text
    }
}

/// The files below a directory, where git cannot list them. Links are not followed.
fn walked(below: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut directories = vec![below.to_owned()];
    while let Some(directory) = directories.pop() {
        let mut entries: Vec<_> =
            std::fs::read_dir(&directory).into_iter().flatten().flatten().collect();
        entries.sort_by_key(std::fs::DirEntry::file_name);
        for entry in entries {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() && !is_git(&entry.file_name()) => {
                    directories.push(entry.path());
                }
                Ok(kind) if kind.is_file() && files.len() < MOST_FILES => files.push(entry.path()),
                _ => {}
            }
        }
    }
    files
}
