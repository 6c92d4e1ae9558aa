//! How much of anything is kept in an event. Every bound leaves a visible mark where it cut.

use super::change::Change;
use super::verdict::{Finding, Severity};

/// Characters of one sentence for people (a run's detail, a question).
pub const DETAIL_CHARS: usize = 2_000;

/// Bytes of an agent's final text kept in the log; all of it is in the turn's transcript.
pub const REPLY_BYTES: usize = 16 * 1024;

/// Bytes of all findings of one event together.
pub const FINDINGS_BYTES: usize = 64 * 1024;

/// Changed paths listed in an event.
pub const LISTED_FILES: usize = 500;

/// Bytes of a one-off task's text, the same as of a local work item.
pub const TASK_BYTES: usize = 96 * 1024;

/// Bytes of a note that a person gives with an answer.
pub const NOTE_BYTES: usize = 8 * 1024;

/// The first `most` characters of `text`, marked with an ellipsis when that is not all of it.
#[must_use]
pub fn first_chars(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// The last `most` bytes of `text` or a few less, from the beginning of a line where there is one, saying how much is
/// missing. Agents and tools say what matters at the end.
#[must_use]
pub fn last_bytes(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.trim_end().to_owned();
    }
    let mut start = text.len() - most;
    while !text.is_char_boundary(start) {
        start += 1;
    }
    let rest = &text[start..];
    let rest = rest.split_once('\n').map_or(rest, |(_, after)| after);
    format!("[… the first {} bytes are left out]\n{}", text.len() - rest.len(), rest.trim_end())
}

/// As many of the findings as fit, worst first being the caller's business; what is left out is counted in a last one.
#[must_use]
pub fn findings(mut all: Vec<Finding>) -> Vec<Finding> {
    let mut used = 0;
    let fitting = all.iter().take_while(|finding| {
        used += finding.problem.len()
            + finding.fix.as_ref().map_or(0, String::len)
            + finding.file.as_ref().map_or(0, String::len)
            + 100;
        used <= FINDINGS_BYTES
    });
    let kept = fitting.count();
    let left_out = all.len() - kept;
    all.truncate(kept);
    if left_out > 0 {
        all.push(Finding {
            severity: Severity::Note,
            file: None,
            line: None,
            problem: format!("{left_out} more findings did not fit and were left out"),
            fix: None,
        });
    }
    all
}

/// The change with at most [`LISTED_FILES`] paths; the last entry counts the others.
#[must_use]
pub fn change(mut change: Change) -> Change {
    let more = change.files.len().saturating_sub(LISTED_FILES);
    if more > 0 {
        change.files.truncate(LISTED_FILES);
        change.files.push(format!("… and {more} more files"));
    }
    change
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cutting_is_marked_and_never_inside_a_character() {
        assert_eq!(first_chars("äöü", 2), "äö…");
        assert_eq!(first_chars("äö", 2), "äö");
        let text = format!("{}\nlast line", "ü".repeat(50));
        assert_eq!(last_bytes(&text, 20), "[… the first 101 bytes are left out]\nlast line");
        assert_eq!(last_bytes("short\n", 20), "short");
    }

    #[test]
    fn findings_beyond_the_bound_are_counted() {
        let one = Finding {
            severity: Severity::Major,
            file: None,
            line: None,
            problem: "x".repeat(4_000),
            fix: None,
        };
        let kept = findings(vec![one; 100]);
        assert_eq!(kept.len(), 16);
        assert_eq!(kept[15].problem, "85 more findings did not fit and were left out");
    }

    #[test]
    fn a_change_of_very_many_files_stays_small() {
        let files = (0..20_000).map(|number| format!("f{number}")).collect();
        let big = Change {
            head: String::new(),
            files,
            insertions: 0,
            deletions: 0,
            diff_sha256: String::new(),
        };
        let listed = change(big).files;
        assert_eq!(listed.len(), LISTED_FILES + 1);
        assert_eq!(listed[LISTED_FILES], "… and 19500 more files");
    }
}
