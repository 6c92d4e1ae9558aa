//! Edits applied to a text.
//!
//! The lines of an edit are looked for as they are; then without regard to blanks at their end; then to blanks at
//! either side. Several places are no place: guessing would put a change where nobody wanted it.

use super::parse::{Hunk, Line};

/// Lines of the file that are shown where an edit does not fit.
const SHOWN: usize = 30;

/// Why an edit does not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Misfit {
    #[error(
        "edit {number}: no line of the file is {anchor:?}, which is said to come before the edit"
    )]
    NoAnchor { number: usize, anchor: String },
    #[error(
        "edit {number}: these lines are not in the file:\n{expected}\nWhat comes closest in it (with line numbers):\n{found}{hint}"
    )]
    NotThere { number: usize, expected: String, found: String, hint: String },
    #[error(
        "edit {number}: its lines are in the file several times, at lines {places}; add lines around it, or `@@ text` of a line before it"
    )]
    Ambiguous { number: usize, places: String },
    #[error(
        "edit {number} only adds lines and does not say where: give lines that stay around them"
    )]
    Nowhere { number: usize },
    #[error("edits {first} and {second} overlap")]
    Overlap { first: usize, second: usize },
}

/// Where an edit belongs: `length` lines from `start`.
struct Located<'a> {
    number: usize,
    start: usize,
    length: usize,
    hunk: &'a Hunk,
}

/// The text with all edits applied. How its lines end, and whether the last one does, stays.
pub(super) fn apply(text: &str, hunks: &[Hunk]) -> Result<String, Misfit> {
    let ends_with_newline = text.is_empty() || text.ends_with('\n');
    let body = text.strip_suffix('\n').unwrap_or(text);
    let lines: Vec<&str> = if text.is_empty() { Vec::new() } else { body.split('\n').collect() };
    let returns = lines.iter().filter(|line| line.ends_with('\r')).count() * 2 > lines.len();
    let mut located = Vec::new();
    let mut cursor = 0;
    for (index, hunk) in hunks.iter().enumerate() {
        let (start, length) = locate(&lines, hunk, index + 1, cursor)?;
        cursor = start + length;
        located.push(Located { number: index + 1, start, length, hunk });
    }
    located.sort_by_key(|it| it.start);
    for pair in located.windows(2) {
        if pair[0].start + pair[0].length > pair[1].start {
            return Err(Misfit::Overlap { first: pair[0].number, second: pair[1].number });
        }
    }
    let mut out: Vec<String> = Vec::new();
    let mut at = 0;
    for Located { start, length, hunk, .. } in &located {
        out.extend(lines[at..*start].iter().map(|line| (*line).to_owned()));
        at = *start;
        for line in &hunk.lines {
            match line {
                Line::Stays(_) => {
                    out.push(lines[at].to_owned());
                    at += 1;
                }
                Line::Goes(_) => at += 1,
                Line::Comes(new) if returns && !new.ends_with('\r') => out.push(format!("{new}\r")),
                Line::Comes(new) => out.push(new.clone()),
            }
        }
        at = start + length;
    }
    out.extend(lines[at..].iter().map(|line| (*line).to_owned()));
    let mut text = out.join("\n");
    if ends_with_newline && !out.is_empty() {
        text.push('\n');
    }
    Ok(text)
}

/// The start and the number of the lines that the edit replaces.
fn locate(
    lines: &[&str],
    hunk: &Hunk,
    number: usize,
    cursor: usize,
) -> Result<(usize, usize), Misfit> {
    let old: Vec<&str> = hunk
        .lines
        .iter()
        .filter_map(|line| match line {
            Line::Stays(text) | Line::Goes(text) => Some(text.as_str()),
            Line::Comes(_) => None,
        })
        .collect();
    let from = behind_anchors(lines, hunk, number, cursor)?;
    if old.is_empty() {
        return match from {
            Some(from) => Ok((from, 0)),
            None if hunk.at_end || lines.is_empty() => Ok((lines.len(), 0)),
            None => Err(Misfit::Nowhere { number }),
        };
    }
    for same in [exactly, without_end, without_blanks] {
        let mut places = places(lines, &old, same);
        if hunk.at_end {
            places.retain(|place| place + old.len() == lines.len());
        }
        let later: Vec<usize> =
            places.iter().copied().filter(|place| *place >= from.unwrap_or(cursor)).collect();
        match (from, &places[..], &later[..]) {
            // What an anchor leads to is meant, however often it comes again.
            (Some(_), _, [first, ..]) => return Ok((*first, old.len())),
            (None, [only], _) | (None, _, [only]) => return Ok((*only, old.len())),
            (None, [_, _, ..], _) => {
                return Err(Misfit::Ambiguous { number, places: listed(&places) });
            }
            // An anchor may be one of the lines themselves.
            (Some(_), [only], []) => return Ok((*only, old.len())),
            (Some(_), [_, _, ..], []) => {
                return Err(Misfit::Ambiguous { number, places: listed(&places) });
            }
            (_, [], _) => {}
        }
    }
    Err(not_there(lines, &old, number))
}

/// The line after the last anchor; `None` when the edit has none.
fn behind_anchors(
    lines: &[&str],
    hunk: &Hunk,
    number: usize,
    cursor: usize,
) -> Result<Option<usize>, Misfit> {
    let mut from = None;
    for anchor in &hunk.anchors {
        let start = from.unwrap_or(cursor);
        let is = |line: &&str| without_blanks(line, anchor);
        let has = |line: &&str| line.contains(anchor.as_str());
        let after = |matches: &dyn Fn(&&str) -> bool, start: usize| {
            lines.iter().skip(start).position(matches).map(|at| start + at)
        };
        let found = after(&is, start)
            .or_else(|| after(&has, start))
            .or_else(|| after(&is, 0))
            .or_else(|| after(&has, 0));
        match found {
            Some(at) => from = Some(at + 1),
            None => return Err(Misfit::NoAnchor { number, anchor: anchor.clone() }),
        }
    }
    Ok(from)
}

fn places(lines: &[&str], old: &[&str], same: fn(&str, &str) -> bool) -> Vec<usize> {
    let windows = lines.windows(old.len()).enumerate();
    let fitting = windows.filter(|(_, window)| window.iter().zip(old).all(|(a, b)| same(a, b)));
    fitting.map(|(at, _)| at).collect()
}

fn exactly(one: &str, other: &str) -> bool {
    one == other
}

fn without_end(one: &str, other: &str) -> bool {
    one.trim_end() == other.trim_end()
}

fn without_blanks(one: &str, other: &str) -> bool {
    one.trim() == other.trim()
}

fn listed(places: &[usize]) -> String {
    let numbers: Vec<String> = places.iter().take(8).map(|place| (place + 1).to_string()).collect();
    let more = if places.len() > 8 { ", …" } else { "" };
    format!("{}{more}", numbers.join(", "))
}

/// How much two lines agree: 4 when they are the same but for blanks, 1 when they mostly are.
fn likeness(one: &str, other: &str) -> u32 {
    let (one, other) = (one.trim(), other.trim());
    if one.is_empty() || other.is_empty() {
        return 0;
    }
    if one == other {
        return 4;
    }
    let same_from_start = one.chars().zip(other.chars()).take_while(|(a, b)| a == b).count();
    let backwards = one.chars().rev().zip(other.chars().rev());
    let same_from_end = backwards.take_while(|(a, b)| a == b).count();
    let longer = one.chars().count().max(other.chars().count());
    u32::from((same_from_start + same_from_end) * 2 >= longer)
}

/// What was expected and what is there instead, where most lines agree.
fn not_there(lines: &[&str], old: &[&str], number: usize) -> Misfit {
    let agreeing = |start: usize| {
        lines.iter().skip(start).zip(old).map(|(is, should)| likeness(is, should)).sum::<u32>()
    };
    let expected: Vec<&str> = old.iter().copied().take(SHOWN).collect();
    let best = (0..lines.len())
        .map(|start| (agreeing(start), start))
        .rev()
        .max_by_key(|(count, _)| *count);
    let (found, hint) = match best {
        Some((count, start)) if count > 0 => {
            let shown = lines
                .iter()
                .enumerate()
                .skip(start.saturating_sub(2))
                .take(old.len().min(SHOWN) + 4);
            let shown: Vec<String> =
                shown.map(|(at, line)| format!("{:>5}\t{line}", at + 1)).collect();
            let differing = lines.iter().skip(start).zip(old).find(|(a, b)| !without_blanks(a, b));
            let hint = differing.map(|(is, should)| {
                format!("\nThe first difference: expected {should:?}, there is {is:?}")
            });
            (shown.join("\n"), hint.unwrap_or_default())
        }
        _ => (
            format!("none of these lines is in the file, which has {} lines; read it", lines.len()),
            String::new(),
        ),
    };
    Misfit::NotThere { number, expected: expected.join("\n"), found, hint }
}
