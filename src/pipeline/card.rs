//! A run as people see it at its work item: where it stands, what was checked and said, what it cost. An operator lane is
//! shown in the same way.
//!
//! What agents and repositories wrote is shown as text: it cannot mention people, link, format or hide anything.

use std::fmt::Write;

use crate::domain::card::RunCard;
use crate::domain::change::{CheckStatus, Delivered};
use crate::domain::lane_session::LaneSession;
use crate::domain::run::Phase;

use super::state::RunState;

/// Characters of a finding or a sentence that are shown.
const LONGEST: usize = 300;

/// UTF-16 units of the evidence: trackers that attach it take more, those that show it cut it.
const LONGEST_EVIDENCE: usize = 30_000;

/// Findings that are shown.
const MOST_FINDINGS: usize = 5;

/// The standing of `run`.
#[must_use]
pub fn card(run: &RunState) -> RunCard {
    let (branch, pull_request) = match &run.delivered {
        Some(Delivered::Branch { branch, .. }) => (Some(branch.clone()), None),
        Some(Delivered::PullRequest { branch, url, .. }) => {
            (Some(branch.clone()), Some(url.clone()))
        }
        Some(Delivered::Merge { .. } | Delivered::Nothing) | None => (None, None),
    };
    RunCard {
        run: Some(run.id),
        text: text(run),
        implementation_complete: is_implemented(run),
        review_passed: run.approved.is_some(),
        branch,
        pull_request,
        evidence: evidence(run),
    }
}

/// What speaks for the change of a run that is over and came to one.
fn evidence(run: &RunState) -> Option<String> {
    let is_over = run.outcome.is_some() && run.change.is_some();
    is_over.then(|| super::evidence::pack(run, None, LONGEST_EVIDENCE))
}

/// The standing of an operator lane.
#[must_use]
pub fn of_lane(session: &LaneSession) -> RunCard {
    let mut text = format!("**{}** · lane {}", session.phase.word(), session.lane.word());
    let _written = write!(text, " · linked by {} at {}", plain(&session.by), session.since);
    if let Some(evidence) = &session.evidence {
        let _written = write!(text, "\n\nEvidence: {}", plain(evidence));
    }
    if let Some(by) = &session.approved_by {
        let _written = write!(text, "\n\nApproved by {}", plain(by));
    } else if let Some(finding) = session.findings.first() {
        let _written = write!(text, "\n\nRejected: {}", plain(finding));
    }
    RunCard {
        run: None,
        text,
        implementation_complete: session.evidence.is_some(),
        review_passed: session.approved_by.is_some(),
        branch: None,
        pull_request: None,
        evidence: None,
    }
}

/// Whether the change of the current round is made and no check forbids its delivery.
#[must_use]
pub fn is_implemented(run: &RunState) -> bool {
    let Some(change) = &run.change else { return run.approved.is_some() };
    let checked = match &run.checks {
        Some(report) => report.head == change.head && !report.blocks(),
        None => run.plan.checks.is_empty() && run.phase != Phase::Coding,
    };
    checked || run.accepted.is_some() || run.approved.is_some()
}

fn text(run: &RunState) -> String {
    let mut text = format!("**{}** · run `{}`", standing(run), run.id.short());
    let _written = write!(text, " · attempt {} · round {}", run.attempt, run.round);
    text.push_str(&cost(run));
    if let Some(waiting) = &run.waiting {
        let _written = write!(
            text,
            "\n\nIt waits until {}: {}",
            waiting.until,
            plain(&waiting.failure.message)
        );
    }
    if run.outcome.is_some() && !run.detail.is_empty() {
        let _written = write!(text, "\n\n{}", plain(&run.detail));
    }
    checks(run, &mut text);
    findings(run, &mut text);
    text
}

fn standing(run: &RunState) -> &'static str {
    match &run.outcome {
        Some(outcome) => outcome.word(),
        None => run.phase.word(),
    }
}

fn cost(run: &RunState) -> String {
    let usage = &run.usage;
    if run.turns.is_empty() {
        return String::new();
    }
    let tokens = usage.input_tokens + usage.output_tokens;
    let cents = usage.cost_micro_usd.div_ceil(10_000);
    format!(" · {} turns, {tokens} tokens, ${}.{:02}", run.turns.len(), cents / 100, cents % 100)
}

fn checks(run: &RunState, text: &mut String) {
    let Some(report) = &run.checks else { return };
    text.push_str("\n\nChecks:");
    for result in &report.results {
        let word = match result.status {
            CheckStatus::Passed => "passed",
            CheckStatus::NewFailure => "fails, and did not before",
            CheckStatus::AlreadyFailing => "fails, as it did before the change",
            CheckStatus::TimedOut => "did not finish in its time",
        };
        let _written = write!(text, "\n- {}: {word}", code(&result.command));
    }
}

fn findings(run: &RunState, text: &mut String) {
    let last = run.findings.iter().map(|raised| raised.round).max();
    let open = run.findings.iter().filter(|raised| Some(raised.round) == last);
    let open: Vec<_> = open.map(|raised| &raised.finding).collect();
    if open.is_empty() || run.approved.is_some() {
        return;
    }
    text.push_str("\n\nFindings:");
    for finding in open.iter().take(MOST_FINDINGS) {
        let place = match (&finding.file, finding.line) {
            (Some(file), Some(line)) => format!(" {}", code(&format!("{file}:{line}"))),
            (Some(file), None) => format!(" {}", code(file)),
            (None, _) => String::new(),
        };
        let _written =
            write!(text, "\n- {}{place}: {}", finding.severity.word(), plain(&finding.problem));
    }
    if open.len() > MOST_FINDINGS {
        let _written = write!(text, "\n- and {} more", open.len() - MOST_FINDINGS);
    }
}

/// `text` in one line that Markdown and HTML show as it is, with what is not visible left out.
#[must_use]
pub fn plain(text: &str) -> String {
    let visible: String =
        text.chars().map(|letter| if is_invisible(letter) { ' ' } else { letter }).collect();
    let words = visible.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut plain = String::new();
    for letter in words.chars().take(LONGEST) {
        match letter {
            '&' => plain.push_str("&amp;"),
            '<' => plain.push_str("&lt;"),
            '>' => plain.push_str("&gt;"),
            // A person's name behind it, or an item's number, would tell somebody.
            '@' | '#' => {
                plain.push(letter);
                plain.push('\u{2060}');
            }
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' => {
                plain.push('\\');
                plain.push(letter);
            }
            // `https://` is made a link without any brackets.
            ':' => plain.push_str("&#58;"),
            _ => plain.push(letter),
        }
    }
    if words.chars().count() > LONGEST {
        plain.push('…');
    }
    // An address without a scheme is made a link too.
    plain.replace("www.", "www\u{2060}.")
}

/// `text` as code, in which nothing is special; whatever would end it is replaced.
pub(super) fn code(text: &str) -> String {
    let shown: String = text
        .chars()
        .take(LONGEST)
        .map(|letter| match letter {
            '`' => '\'',
            letter if is_invisible(letter) => ' ',
            letter => letter,
        })
        .collect();
    format!("`{shown}`")
}

/// Control characters, and the format characters that hide or reorder text.
pub(super) fn is_invisible(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}')
}

#[cfg(test)]
mod tests;
