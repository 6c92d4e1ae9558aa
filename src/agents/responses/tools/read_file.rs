//! `read_file`: lines of a text file.

use std::fs;
use std::io::Read;

use serde::Deserialize;
use serde_json::json;

use super::{Bench, Complaint, Description};

/// Lines given when the model does not say how many.
const USUAL_LINES: usize = 600;
/// Bytes of a line that are shown.
const LONGEST_LINE: usize = 2000;
/// Largest file that is looked at, in bytes.
const LARGEST: u64 = 32 * 1024 * 1024;

#[derive(Debug, Deserialize)]
pub(super) struct Arguments {
    #[serde(alias = "file_path", alias = "file")]
    path: String,
    #[serde(alias = "start_line", alias = "offset")]
    from: Option<usize>,
    #[serde(alias = "limit")]
    lines: Option<usize>,
}

pub(super) fn describe() -> Description {
    let text = format!(
        "Read a text file of the worktree, with line numbers. Without `from` and `lines`, the first {USUAL_LINES} lines."
    );
    let properties = json!({
        "path": { "type": "string" },
        "from": { "type": "integer", "minimum": 1, "description": "the first line, from 1" },
        "lines": { "type": "integer", "minimum": 1, "description": "how many" },
    });
    (text, vec!["path"], properties)
}

pub(super) fn run(bench: &Bench, arguments: &Arguments) -> Result<String, Complaint> {
    let real = bench.place.resolve(&arguments.path)?;
    let shown = bench.place.shown(&real);
    let bytes = contents(&real, &shown)?;
    if bytes.iter().take(8192).any(|byte| *byte == 0) {
        return Ok(format!("{shown}: a binary file of {} bytes", bytes.len()));
    }
    let text = String::from_utf8_lossy(&bytes);
    let all: Vec<&str> = text.lines().collect();
    if all.is_empty() {
        return Ok(format!("{shown}: an empty file"));
    }
    let first = arguments.from.unwrap_or(1).max(1);
    if first > all.len() {
        return Err(Complaint(format!("{shown} has only {} lines", all.len())));
    }
    let wanted = all.iter().skip(first - 1).take(arguments.lines.unwrap_or(USUAL_LINES).max(1));
    let mut body = String::new();
    let mut last = first - 1;
    for line in wanted {
        let numbered = format!("{:>5}\t{}\n", last + 1, cut(line));
        if body.len() + numbered.len() > bench.most && last >= first {
            break;
        }
        body.push_str(&numbered);
        last += 1;
    }
    let mut head = format!("{shown}: lines {first} to {last} of {}", all.len());
    if last < all.len() {
        head = format!("{head}; go on with from = {}", last + 1);
    }
    if matches!(text, std::borrow::Cow::Owned(_)) {
        head.push_str("; it is not UTF-8, what is wrong is shown as \u{FFFD}");
    }
    Ok(format!("{head}\n{body}"))
}

/// The whole of a regular file of reasonable size.
pub(super) fn contents(real: &std::path::Path, shown: &str) -> Result<Vec<u8>, Complaint> {
    let unreadable = |error: &std::io::Error| Complaint::io("read", shown, error);
    let found = fs::metadata(real).map_err(|error| unreadable(&error))?;
    if found.is_dir() {
        return Err(Complaint(format!("{shown} is a directory; use list")));
    }
    // Reading a pipe or a device may never end.
    if !found.is_file() {
        return Err(Complaint(format!("{shown} is no regular file")));
    }
    if found.len() > LARGEST {
        return Err(Complaint(format!(
            "{shown} has {} bytes; use search, or a command",
            found.len()
        )));
    }
    let file = fs::File::open(real).map_err(|error| unreadable(&error))?;
    let mut bytes = Vec::new();
    file.take(LARGEST).read_to_end(&mut bytes).map_err(|error| unreadable(&error))?;
    Ok(bytes)
}

fn cut(line: &str) -> String {
    if line.len() <= LONGEST_LINE {
        return line.to_owned();
    }
    let end = (0..=LONGEST_LINE).rev().find(|at| line.is_char_boundary(*at)).unwrap_or(0);
    format!("{} [{} more bytes]", &line[..end], line.len() - end)
}
