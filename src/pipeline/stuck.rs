//! Going in circles: a pure evaluator over what the rounds came to, and the fingerprints it compares.

use std::sync::LazyLock;

use regex::Regex;
use sha2::{Digest, Sha256};

use crate::domain::change::{CheckReport, CheckStatus};
use crate::domain::run::StuckKind;
use crate::domain::verdict::Finding;

use super::state::RoundRecord;

/// Rounds in a row that must look the same before a run counts as stuck. Three: one repetition may be bad luck.
pub const SAME_IN_A_ROW: usize = 3;

/// The same tool call with the same arguments this many times in a row is a loop.
pub const TOOL_CALLS_IN_A_ROW: u32 = 12;

/// Judges the rounds so far. Precedence: no progress, then repeated error, then verdict ping-pong.
#[must_use]
pub fn evaluate(rounds: &[RoundRecord]) -> Option<StuckKind> {
    let tail = rounds.len().checked_sub(SAME_IN_A_ROW).map(|from| &rounds[from..])?;
    let all_same = |pick: fn(&RoundRecord) -> Option<&String>| {
        pick(&tail[0]).is_some() && tail.iter().all(|round| pick(round) == pick(&tail[0]))
    };
    if all_same(|round| round.diff_sha256.as_ref()) {
        Some(StuckKind::NoProgress)
    } else if all_same(|round| round.error_fingerprint.as_ref()) {
        Some(StuckKind::RepeatedError)
    } else if all_same(|round| round.findings_fingerprint.as_ref()) {
        Some(StuckKind::VerdictPingPong)
    } else {
        None
    }
}

/// Counts identical consecutive tool calls within one turn.
#[derive(Debug, Default)]
pub struct ToolLoop {
    last: Option<String>,
    repeats: u32,
}

impl ToolLoop {
    /// Takes one tool call (name and argument digest) into account; the name once it counts as a loop.
    pub fn observe(&mut self, name: &str, fingerprint: &str) -> Option<StuckEvidence> {
        let call = format!("{name}:{fingerprint}");
        if self.last.as_deref() == Some(call.as_str()) {
            self.repeats = self.repeats.saturating_add(1);
        } else {
            self.last = Some(call);
            self.repeats = 1;
        }
        (self.repeats >= TOOL_CALLS_IN_A_ROW)
            .then(|| StuckEvidence { tool: name.to_owned(), calls: self.repeats })
    }
}

/// A tool call that was repeated too often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StuckEvidence {
    /// Name of the tool.
    pub tool: String,
    /// Times in a row.
    pub calls: u32,
}

/// Digest of what blocks in a check report; `None` when nothing does.
#[must_use]
pub fn check_fingerprint(report: &CheckReport) -> Option<String> {
    if !report.blocks() {
        return None;
    }
    let mut hasher = Sha256::new();
    for result in report.results.iter().filter(|result| result.status.blocks()) {
        hasher.update(result.command.as_bytes());
        hasher.update([u8::from(result.status == CheckStatus::TimedOut)]);
        hasher.update(normalise(&result.output).as_bytes());
    }
    Some(hex::encode(hasher.finalize()))
}

/// Digest of a set of findings, whatever their order.
#[must_use]
pub fn findings_fingerprint(findings: &[Finding]) -> String {
    let mut lines: Vec<String> = findings
        .iter()
        .map(|finding| {
            format!("{}|{}", finding.file.as_deref().unwrap_or(""), normalise(&finding.problem))
        })
        .collect();
    lines.sort();
    hex::encode(Sha256::digest(lines.join("\n").as_bytes()))
}

/// Digest of an error text without what changes from run to run.
#[must_use]
pub fn text_fingerprint(text: &str) -> String {
    hex::encode(Sha256::digest(normalise(text).as_bytes()))
}

/// Strips what differs between two occurrences of the same error: colours, absolute paths, timestamps, UUIDs, hex
/// ids, durations, numbers, and runs of white space.
#[must_use]
pub fn normalise(text: &str) -> String {
    static VOLATILE: LazyLock<Vec<(Regex, &'static str)>> = LazyLock::new(|| {
        [
            (r"\x1b\[[0-9;]*[A-Za-z]", ""),
            (r"(?:/[\w.\-+@]+){2,}/", "/…/"),
            (r"\b\d{4}-\d\d-\d\d[t ]\d\d:\d\d(?::\d\d)?(?:[.,]\d+)?(?:z\b|[+-]\d\d:?\d\d\b)?", "@"),
            (r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "#"),
            (r"\b(?:0x)?[0-9a-f]{7,}\b", "#"),
            (r"\b(?:\d+(?:\.\d+)?(?:ns|µs|us|ms|s|min|m|h) ?)+\b", "0"),
            (r"\b\d+(?:[.:,]\d+)*\b", "0"),
            (r"\s+", " "),
        ]
        .into_iter()
        .filter_map(|(pattern, with)| Regex::new(pattern).ok().map(|regex| (regex, with)))
        .collect()
    });
    let mut current = text.to_lowercase();
    for (regex, with) in VOLATILE.iter() {
        current = regex.replace_all(&current, *with).into_owned();
    }
    current.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(diff: &str, error: Option<&str>) -> RoundRecord {
        RoundRecord {
            diff_sha256: Some(diff.to_owned()),
            error_fingerprint: error.map(str::to_owned),
            findings_fingerprint: None,
        }
    }

    #[test]
    fn three_rounds_with_the_same_diff_are_no_progress() {
        let rounds = [round("a", None), round("a", None), round("a", None)];
        assert_eq!(evaluate(&rounds), Some(StuckKind::NoProgress));
        assert_eq!(evaluate(&rounds[..2]), None);
    }

    #[test]
    fn rounds_that_change_something_are_not_stuck_unless_the_error_stays() {
        let moving = [round("a", Some("x")), round("b", Some("y")), round("c", Some("x"))];
        assert_eq!(evaluate(&moving), None);
        let same_error = [round("a", Some("x")), round("b", Some("x")), round("c", Some("x"))];
        assert_eq!(evaluate(&same_error), Some(StuckKind::RepeatedError));
    }

    #[test]
    fn rounds_without_any_diff_are_not_compared() {
        let none = RoundRecord::default();
        assert_eq!(evaluate(&[none.clone(), none.clone(), none]), None);
    }

    #[test]
    fn the_same_failure_in_another_worktree_at_another_time_has_the_same_fingerprint() {
        let first = "error at /srv/x/worktrees/a1/src/main.rs:10:4 after 1.32s (0xdeadbeef)";
        let second = "error at /srv/x/worktrees/b2/src/main.rs:12:9 after 0.90s (0xcafebabe)";
        assert_eq!(text_fingerprint(first), text_fingerprint(second));
        assert_ne!(text_fingerprint(first), text_fingerprint("another error altogether"));
    }

    #[test]
    fn a_tool_loop_is_seen_at_the_twelfth_identical_call() {
        let mut detector = ToolLoop::default();
        for _ in 0..11 {
            assert_eq!(detector.observe("Bash", "1"), None);
        }
        assert!(detector.observe("Bash", "1").is_some());
        assert_eq!(detector.observe("Bash", "2"), None);
    }
}
