//! The only reader of what models answer. Prose is never a verdict.

use serde_json::Value;

use crate::domain::bounds;
use crate::domain::verdict::{
    CoderReport, CriterionAnswer, Finding, Review, Severity, StageReport, Verdict,
};

/// Possible objects tried before a text is given up as having no answer: keeps the search linear on hostile text.
const MOST_OBJECTS: usize = 512;

/// Shortest abbreviation of a commit id that still names it.
const SHORTEST_COMMIT: usize = 12;

/// What a valid review must be bound to.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// The word only this turn's prompt contained.
    pub nonce: &'a str,
    /// The commit the critic was given.
    pub commit: &'a str,
    /// Number of acceptance criteria it was given.
    pub criteria: usize,
}

/// Why an answer is not a verdict.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReplyError {
    /// Nothing was said.
    #[error("the critic's answer is empty")]
    Empty,
    /// No JSON object repeats the nonce.
    #[error("the critic's answer holds no verdict object with this turn's nonce")]
    NoVerdict,
    /// Several objects repeat it and disagree.
    #[error("the critic's answer holds contradicting verdicts")]
    Contradictory,
    /// `verdict` is missing or another word.
    #[error("`verdict` is {found}, not APPROVE, REVISE or REJECT")]
    UnknownVerdict {
        /// What is there instead.
        found: String,
    },
    /// Another commit is named.
    #[error("the verdict is about commit {found}, not about {expected}")]
    OtherCommit {
        /// The commit it names.
        found: String,
        /// The commit it was given.
        expected: String,
    },
    /// An approval leaves a criterion without an answer.
    #[error("criterion {criterion} is not answered with evidence")]
    UnansweredCriterion {
        /// Its number, from 1.
        criterion: usize,
    },
    /// A revision or rejection that does not say what is wrong.
    #[error("{verdict} without any finding")]
    NoFindings {
        /// The verdict.
        verdict: &'static str,
    },
}

/// Reads the critic's verdict from its final text.
pub fn review(text: &str, expected: &Expected<'_>) -> Result<Review, ReplyError> {
    if text.trim().is_empty() {
        return Err(ReplyError::Empty);
    }
    if expected.nonce.is_empty() {
        return Err(ReplyError::NoVerdict);
    }
    let bound: Vec<Value> = objects(text)
        .into_iter()
        .filter(|object| object.get("nonce").and_then(Value::as_str) == Some(expected.nonce))
        .collect();
    let Some(last) = bound.last() else { return Err(ReplyError::NoVerdict) };
    if bound.iter().any(|object| object.get("verdict") != last.get("verdict")) {
        return Err(ReplyError::Contradictory);
    }
    let review = Review {
        verdict: verdict(last)?,
        commit: commit(last, expected.commit)?,
        findings: list(last, "findings").iter().filter_map(finding).collect(),
        criteria: list(last, "criteria").iter().filter_map(criterion).collect(),
    };
    complete(&review, expected.criteria)?;
    Ok(review)
}

/// Reads what a coder said of its own turn: the last JSON object with one of the expected keys.
#[must_use]
pub fn coder_report(text: &str) -> Option<CoderReport> {
    let known = ["summary", "no_change_reason", "question"];
    let object = objects(text).into_iter().rev().find(|object| {
        known.iter().any(|key| object.get(*key).is_some()) && object.get("verdict").is_none()
    })?;
    let words = |key: &str| {
        object.get(key).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty())
    };
    Some(CoderReport {
        summary: bounded(words("summary").unwrap_or_default(), 1_000),
        no_change_reason: words("no_change_reason").map(|text| bounded(text, 2_000)),
        question: words("question").map(|text| bounded(text, 2_000)),
    })
}

/// Points of a stage report that are kept.
const MOST_POINTS: usize = 50;

/// Reads what a stage that is no gate hands on: the last JSON object with one of the expected keys.
#[must_use]
pub fn stage_report(text: &str) -> Option<StageReport> {
    let known = ["summary", "points", "findings"];
    let object = objects(text).into_iter().rev().find(|object| {
        known.iter().any(|key| object.get(*key).is_some()) && object.get("verdict").is_none()
    })?;
    let summary = object.get("summary").and_then(Value::as_str).map_or("", str::trim);
    let points = list(&object, "points").iter().filter_map(Value::as_str);
    let points = points.map(|point| bounded(point.trim(), 1_000)).take(MOST_POINTS);
    Some(StageReport {
        summary: bounded(summary, 2_000),
        points: points.filter(|point| !point.is_empty()).collect(),
        findings: bounds::findings(list(&object, "findings").iter().filter_map(finding).collect()),
    })
}

/// Every top-level JSON object in a text, in order, found by a real parser at each opening brace.
pub(super) fn objects(text: &str) -> Vec<Value> {
    let mut found = Vec::new();
    let mut from = 0;
    let mut tries = 0;
    while tries < MOST_OBJECTS {
        let Some(offset) = text.get(from..).and_then(|rest| rest.find('{')) else { break };
        let start = from + offset;
        if !begins_object(&text[start + 1..]) {
            from = start + 1;
            continue;
        }
        tries += 1;
        let mut stream = serde_json::Deserializer::from_str(&text[start..]).into_iter::<Value>();
        match stream.next() {
            Some(Ok(object)) => {
                from = start + stream.byte_offset();
                found.push(object);
            }
            Some(Err(_)) | None => from = start + 1,
        }
    }
    found
}

/// Whether what follows a brace can be the inside of a JSON object; in code, it rarely can.
fn begins_object(rest: &str) -> bool {
    rest.trim_start().starts_with(['"', '}'])
}

fn verdict(object: &Value) -> Result<Verdict, ReplyError> {
    let word = object.get("verdict").and_then(Value::as_str).map(str::trim);
    match word {
        Some("APPROVE") => Ok(Verdict::Approve),
        Some("REVISE") => Ok(Verdict::Revise),
        Some("REJECT") => Ok(Verdict::Reject),
        Some(other) => {
            Err(ReplyError::UnknownVerdict { found: format!("`{}`", bounded(other, 60)) })
        }
        None => Err(ReplyError::UnknownVerdict { found: "missing".to_owned() }),
    }
}

fn commit(object: &Value, expected: &str) -> Result<String, ReplyError> {
    let named = object.get("commit").and_then(Value::as_str).map_or("", str::trim);
    if named.len() >= SHORTEST_COMMIT && expected.starts_with(named) {
        return Ok(expected.to_owned());
    }
    let found = if named.is_empty() { "(none)".to_owned() } else { bounded(named, 60) };
    Err(ReplyError::OtherCommit { found, expected: expected.to_owned() })
}

fn complete(review: &Review, criteria: usize) -> Result<(), ReplyError> {
    match review.verdict {
        Verdict::Approve => {
            for number in 1..=criteria {
                let answered = review.criteria.iter().any(|answer| {
                    usize::try_from(answer.criterion) == Ok(number)
                        && !answer.evidence.trim().is_empty()
                });
                if !answered {
                    return Err(ReplyError::UnansweredCriterion { criterion: number });
                }
            }
            Ok(())
        }
        Verdict::Revise | Verdict::Reject => {
            let says_why = !review.findings.is_empty()
                || review.criteria.iter().any(|answer| !answer.met && !answer.evidence.is_empty());
            if says_why {
                Ok(())
            } else {
                Err(ReplyError::NoFindings { verdict: review.verdict.word() })
            }
        }
    }
}

fn list<'a>(object: &'a Value, key: &str) -> &'a [Value] {
    object.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn finding(value: &Value) -> Option<Finding> {
    let words = |key: &str| value.get(key).and_then(Value::as_str).map(str::trim);
    let problem = words("problem").filter(|text| !text.is_empty())?;
    let severity = match words("severity").unwrap_or_default().to_lowercase().as_str() {
        "blocker" | "critical" => Severity::Blocker,
        "minor" => Severity::Minor,
        "note" | "info" => Severity::Note,
        _ => Severity::Major,
    };
    let line = value.get("line").and_then(|line| {
        line.as_u64().or_else(|| line.as_str().and_then(|text| text.trim().parse().ok()))
    });
    Some(Finding {
        severity,
        file: words("file").filter(|text| !text.is_empty()).map(|text| bounded(text, 400)),
        line: line.and_then(|line| u32::try_from(line).ok()),
        problem: bounded(problem, 4_000),
        fix: words("fix").filter(|text| !text.is_empty()).map(|text| bounded(text, 4_000)),
    })
}

fn criterion(value: &Value) -> Option<CriterionAnswer> {
    let number = value.get("criterion").and_then(|number| {
        number.as_u64().or_else(|| number.as_str().and_then(|text| text.trim().parse().ok()))
    })?;
    Some(CriterionAnswer {
        criterion: u32::try_from(number).ok()?,
        met: value.get("met").and_then(Value::as_bool).unwrap_or(false),
        evidence: bounded(value.get("evidence").and_then(Value::as_str).unwrap_or(""), 2_000),
    })
}

/// The first `most` characters; never cuts inside one.
fn bounded(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests;
