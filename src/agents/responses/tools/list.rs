//! `list`: what is in a directory.

use std::fs;
use std::path::Path;

use serde::Deserialize;
use serde_json::json;

use super::confine::is_git;
use super::{Bench, Complaint, Description};

/// Entries shown at most.
const MOST: usize = 500;
/// Levels below the directory at most.
const DEEPEST: usize = 8;

#[derive(Debug, Deserialize)]
pub(super) struct Arguments {
    #[serde(alias = "directory")]
    path: Option<String>,
    depth: Option<usize>,
}

pub(super) fn describe() -> Description {
    let text = format!(
        "List a directory of the worktree: directories end with /, files have their size in bytes, links show where they \
         lead. At most {MOST} entries."
    );
    let properties = json!({
        "path": { "type": "string", "description": "without it, the worktree itself" },
        "depth": { "type": "integer", "minimum": 1, "maximum": DEEPEST, "description": "levels; 1 without it" },
    });
    (text, vec![], properties)
}

pub(super) fn run(bench: &Bench, arguments: &Arguments) -> Result<String, Complaint> {
    let real = bench.place.resolve(arguments.path.as_deref().unwrap_or("."))?;
    let shown = bench.place.shown(&real);
    let mut found = Found { lines: Vec::new(), more: 0 };
    found.read(&real, "", arguments.depth.unwrap_or(1).clamp(1, DEEPEST), &shown)?;
    let mut text = format!("{shown}: {} entries\n", found.lines.len() + found.more);
    text.extend(found.lines.iter().map(|line| format!("{line}\n")));
    if found.more > 0 {
        text = format!("{text}[{} more entries left out; list a directory below]\n", found.more);
    }
    Ok(super::bounded(text, bench.most))
}

struct Found {
    lines: Vec<String>,
    more: usize,
}

impl Found {
    fn read(
        &mut self,
        real: &Path,
        above: &str,
        depth: usize,
        shown: &str,
    ) -> Result<(), Complaint> {
        let unreadable = |error: std::io::Error| Complaint::io("listed", shown, &error);
        let mut entries: Vec<fs::DirEntry> =
            fs::read_dir(real).map_err(unreadable)?.filter_map(Result::ok).collect();
        entries.retain(|entry| !is_git(&entry.file_name()));
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let name = format!("{above}{}", entry.file_name().to_string_lossy());
            let Ok(kind) = entry.file_type() else { continue };
            let line = if kind.is_dir() {
                format!("{name}/")
            } else if kind.is_symlink() {
                let target = entry.path().read_link().unwrap_or_default();
                format!("{name} -> {}", target.display())
            } else {
                format!("{name} {}", entry.metadata().map_or(0, |found| found.len()))
            };
            if self.lines.len() < MOST {
                self.lines.push(line);
            } else {
                self.more += 1;
            }
            if kind.is_dir() && depth > 1 {
                // A directory that cannot be read is listed as such and no reason to show nothing at all.
                let _unreadable = self.read(&entry.path(), &format!("{name}/"), depth - 1, &name);
            }
        }
        Ok(())
    }
}
