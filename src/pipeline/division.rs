//! The planner's answer: whether an item is to be divided, and into which parts. Read strictly: what cannot be used is
//! refused with a reason that the planner can answer.

use serde::Deserialize;
use thiserror::Error;

use crate::domain::bounds;
use crate::domain::epic::Part;
use crate::domain::work_item::Priority;

use super::reply;

/// Characters of a title: what trackers take (Azure Boards 255, GitHub 256) less what is put before it.
const TITLE_CHARS: usize = 200;

/// Acceptance criteria of one part.
const MOST_CRITERIA: usize = 20;

/// Bytes of all parts together: they are one event.
const MOST_BYTES: usize = 96 * 1024;

/// The longest estimate of a part, in minutes: a day.
const MOST_MINUTES: u32 = 1_440;

/// A readable answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It is done in one piece.
    Whole {
        /// Why.
        reason: String,
    },
    /// It is divided.
    Divided {
        /// Why.
        reason: String,
        /// The parts, each after those it depends on.
        parts: Vec<Part>,
    },
}

/// Why an answer cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DivisionError {
    /// Nothing in it looks like an answer.
    #[error("the answer holds no JSON object with `needs_decomposition`")]
    NoAnswer,
    /// The object does not have the agreed form.
    #[error("the answer does not have the agreed form: {reason}")]
    Malformed {
        /// What is wrong with it.
        reason: String,
    },
    /// Dividing into one part is no division.
    #[error("{parts} part(s) are no division; at least two are")]
    TooFew {
        /// How many there are.
        parts: usize,
    },
    /// More parts than are allowed.
    #[error("there are {parts} parts, and {most} are allowed")]
    TooMany {
        /// How many there are.
        parts: usize,
        /// How many there may be.
        most: u32,
    },
    /// A part lacks something.
    #[error("part {part} has no {what}")]
    Lacks {
        /// Its position, from 0.
        part: usize,
        /// What is missing.
        what: &'static str,
    },
    /// Something in a part is too long, or too many.
    #[error("part {part}: {what}")]
    Beyond {
        /// Its position, from 0.
        part: usize,
        /// What is beyond which bound.
        what: String,
    },
    /// A part waits for one that is not there.
    #[error("part {part} depends on part {on}, which is not there")]
    UnknownDependency {
        /// Its position, from 0.
        part: usize,
        /// The position it names.
        on: usize,
    },
    /// Parts wait for each other.
    #[error("these parts wait for each other: {parts}")]
    Cycle {
        /// Their positions, from 0.
        parts: String,
    },
    /// All of it together is too long.
    #[error("the parts have {bytes} bytes together, and {MOST_BYTES} are allowed")]
    TooLong {
        /// How long they are.
        bytes: usize,
    },
}

#[derive(Deserialize)]
struct Written {
    needs_decomposition: bool,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    children: Vec<WrittenPart>,
}

#[derive(Deserialize)]
struct WrittenPart {
    #[serde(default)]
    title: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    acceptance: Vec<String>,
    estimated_minutes: u32,
    #[serde(default)]
    priority: Option<String>,
    #[serde(default)]
    depends_on: Vec<usize>,
}

/// Reads the planner's answer: the last JSON object with `needs_decomposition`.
///
/// # Errors
/// What keeps it from being used.
pub fn read(text: &str, most: u32) -> Result<Answer, DivisionError> {
    let objects = reply::objects(text);
    let object = objects.into_iter().rev().find(|it| it.get("needs_decomposition").is_some());
    let object = object.ok_or(DivisionError::NoAnswer)?;
    let written: Written = serde_json::from_value(object)
        .map_err(|error| DivisionError::Malformed { reason: error.to_string() })?;
    let reason = bounds::first_chars(written.reason.trim(), bounds::DETAIL_CHARS);
    if !written.needs_decomposition {
        return Ok(Answer::Whole { reason });
    }
    let number = written.children.len();
    if number < 2 {
        return Err(DivisionError::TooFew { parts: number });
    }
    if u32::try_from(number).map_or(true, |number| number > most) {
        return Err(DivisionError::TooMany { parts: number, most });
    }
    let bytes = written.children.iter().map(bytes).sum();
    if bytes > MOST_BYTES {
        return Err(DivisionError::TooLong { bytes });
    }
    let order = order(&written.children)?;
    let mut parts = Vec::with_capacity(number);
    for from in &order {
        parts.push(part(*from, &written.children[*from], &order)?);
    }
    Ok(Answer::Divided { reason, parts })
}

fn bytes(part: &WrittenPart) -> usize {
    let criteria: usize = part.acceptance.iter().map(String::len).sum();
    part.title.len() + part.description.len() + criteria
}

/// The part at position `at`, where `order` says which number each position gets.
fn part(at: usize, written: &WrittenPart, order: &[usize]) -> Result<Part, DivisionError> {
    let title = written.title.split_whitespace().collect::<Vec<_>>().join(" ");
    let description = written.description.trim();
    for (text, what) in [(title.as_str(), "title"), (description, "description")] {
        if text.is_empty() {
            return Err(DivisionError::Lacks { part: at, what });
        }
    }
    let beyond = |what: String| DivisionError::Beyond { part: at, what };
    if title.chars().count() > TITLE_CHARS {
        return Err(beyond(format!("its title is longer than {TITLE_CHARS} characters")));
    }
    if written.acceptance.len() > MOST_CRITERIA {
        return Err(beyond(format!("it has more than {MOST_CRITERIA} acceptance criteria")));
    }
    if !(1..=MOST_MINUTES).contains(&written.estimated_minutes) {
        return Err(beyond(format!("its estimate is not from 1 to {MOST_MINUTES} minutes")));
    }
    let priority = match written.priority.as_deref().map(str::trim).filter(|it| !it.is_empty()) {
        Some(word) => Some(Priority::parse(word).ok_or_else(|| {
            beyond("its priority is none of critical, high, medium and low".to_owned())
        })?),
        None => None,
    };
    let lines = written.acceptance.iter();
    let lines = lines.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    let mut depends_on: Vec<u32> =
        written.depends_on.iter().filter_map(|on| number(*on, order)).collect();
    depends_on.sort_unstable();
    depends_on.dedup();
    Ok(Part {
        title,
        description: description.to_owned(),
        acceptance: lines.filter(|line| !line.is_empty()).collect(),
        estimated_minutes: written.estimated_minutes,
        priority,
        depends_on,
    })
}

/// The number that the part at a position gets.
fn number(position: usize, order: &[usize]) -> Option<u32> {
    let place = order.iter().position(|it| *it == position)?;
    u32::try_from(place + 1).ok()
}

/// The positions in an order in which each comes after those it depends on, and otherwise as they were written.
fn order(parts: &[WrittenPart]) -> Result<Vec<usize>, DivisionError> {
    for (part, written) in parts.iter().enumerate() {
        if let Some(on) = written.depends_on.iter().find(|on| **on >= parts.len()) {
            return Err(DivisionError::UnknownDependency { part, on: *on });
        }
    }
    let mut order: Vec<usize> = Vec::with_capacity(parts.len());
    while order.len() < parts.len() {
        let ready = (0..parts.len()).find(|at| {
            !order.contains(at) && parts[*at].depends_on.iter().all(|on| order.contains(on))
        });
        let Some(ready) = ready else {
            let left = (0..parts.len()).filter(|at| !order.contains(at));
            let parts = left.map(|at| at.to_string()).collect::<Vec<_>>().join(", ");
            return Err(DivisionError::Cycle { parts });
        };
        order.push(ready);
    }
    Ok(order)
}

#[cfg(test)]
mod tests;
