//! Where things are in a work item file: the fences of the front matter, the text people wrote, the factory's log.

use std::ops::Range;

use sha2::{Digest, Sha256};

use super::fault::Fault;
use crate::trackers::log_line;

/// The heading of the factory's log.
pub(super) const HEADING: &str = "## Factory";

/// The line around the front matter.
const FENCE: &str = "+++";

const BYTE_ORDER_MARK: char = '\u{FEFF}';

/// A file taken apart. All offsets are bytes from the start of the file.
#[derive(Debug)]
pub(super) struct Layout<'text> {
    text: &'text str,
    /// The TOML between the fences.
    pub(super) front: Range<usize>,
    /// Line ending of the first line, used for the lines we add.
    pub(super) line_ending: &'static str,
    body: Vec<Line<'text>>,
    sections: Vec<Section>,
}

/// A line of the body.
#[derive(Debug)]
struct Line<'text> {
    start: usize,
    /// With its line ending.
    raw: &'text str,
    /// Written by the factory.
    ours: bool,
}

impl<'text> Line<'text> {
    fn content(&self) -> &'text str {
        self.raw.strip_suffix('\n').unwrap_or(self.raw).trim_end_matches('\r')
    }

    fn is_blank(&self) -> bool {
        self.raw.trim().is_empty()
    }
}

/// A factory log: a heading and, below it, log lines (or nothing). Anything else people write below it is theirs.
#[derive(Debug)]
struct Section {
    heading: usize,
    last_log_line: Option<usize>,
}

impl<'text> Layout<'text> {
    /// Finds the parts of `text`.
    ///
    /// # Errors
    /// When the front matter is missing or does not end.
    pub(super) fn of(text: &'text str) -> Result<Self, Fault> {
        let start = text.strip_prefix(BYTE_ORDER_MARK).map_or(0, |rest| text.len() - rest.len());
        let first = text[start..].split_inclusive('\n').next().unwrap_or_default();
        if first.trim_end() != FENCE {
            return Err(Fault::at(start, "the first line is not `+++`").hint(
                "begin the file with front matter: `+++`, keys such as `title = \"…\"`, `+++`; \
                 a file that is not a work item needs another ending than .md",
            ));
        }
        let front_start = start + first.len();
        let mut offset = front_start;
        for line in text[front_start..].split_inclusive('\n') {
            if line.trim_end() == FENCE {
                let line_ending = if first.ends_with("\r\n") { "\r\n" } else { "\n" };
                let (body, sections) = read_body(text, offset + line.len());
                return Ok(Self { text, front: front_start..offset, line_ending, body, sections });
            }
            offset += line.len();
        }
        Err(Fault::at(start, "the front matter that begins here has no end")
            .hint("put a line `+++` between the keys and the description"))
    }

    /// The TOML between the fences.
    pub(super) fn front_text(&self) -> &'text str {
        &self.text[self.front.clone()]
    }

    /// What people wrote below the front matter: everything but the factory's log, with `\n` line endings. Blank lines
    /// at both ends of each stretch are dropped, so that adding a log line anywhere never changes it.
    pub(super) fn human_body(&self) -> String {
        let stretches: Vec<String> = self
            .body
            .split(|line| line.ours)
            .filter_map(|lines| {
                let first = lines.iter().position(|line| !line.is_blank())?;
                let last = lines.iter().rposition(|line| !line.is_blank())?;
                let kept: Vec<&str> = lines[first..=last].iter().map(Line::content).collect();
                Some(kept.join("\n"))
            })
            .collect();
        stretches.join("\n\n")
    }

    /// Hash (SHA-256, hexadecimal) of all that people write: front matter and [`Self::human_body`], line endings
    /// aside.
    pub(super) fn revision(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(self.front_text().replace("\r\n", "\n"));
        hash.update("+++\n");
        hash.update(self.human_body());
        hex::encode(hash.finalize())
    }

    /// The first line that is a top-level heading, without its marks.
    pub(super) fn first_heading(&self) -> Option<&'text str> {
        let fenced = fenced(&self.body);
        self.body.iter().zip(fenced).filter(|(line, fenced)| !line.ours && !fenced).find_map(
            |(line, _)| {
                let title = line.content().strip_prefix("# ")?.trim();
                let closed = title.trim_end_matches('#');
                let title = if closed.ends_with(' ') { closed.trim_end() } else { title };
                (!title.is_empty()).then_some(title)
            },
        )
    }

    /// Whether a log line with `mark` is there.
    pub(super) fn has_mark(&self, mark: &str) -> bool {
        self.body.iter().any(|line| line.ours && log_line::mark_of(line.raw) == Some(mark))
    }

    /// Where to insert what in order to add `line` to the log, beginning the log when there is none. A file that ends
    /// without a line ending stays one.
    pub(super) fn log_insertion(&self, line: &str) -> (usize, String) {
        let eol = self.line_ending;
        let Some(section) = self.sections.last() else {
            let before = match self.body.last() {
                _ if !self.text.ends_with('\n') => format!("{eol}{eol}"),
                Some(last) if last.is_blank() => String::new(),
                Some(_) | None => eol.to_owned(),
            };
            let after = if self.text.ends_with('\n') { eol } else { "" };
            return (self.text.len(), format!("{before}{HEADING}{eol}{eol}{line}{after}"));
        };
        let anchor = &self.body[section.last_log_line.unwrap_or(section.heading)];
        let gap = if section.last_log_line.is_some() { "" } else { eol };
        let at = anchor.start + anchor.raw.len();
        if anchor.raw.ends_with('\n') {
            (at, format!("{gap}{line}{eol}"))
        } else {
            (at, format!("{eol}{gap}{line}"))
        }
    }
}

fn read_body(text: &str, start: usize) -> (Vec<Line<'_>>, Vec<Section>) {
    let mut lines = Vec::new();
    let mut offset = start;
    for raw in text[start..].split_inclusive('\n') {
        lines.push(Line { start: offset, raw, ours: false });
        offset += raw.len();
    }
    let fenced = fenced(&lines);
    let mut sections = Vec::new();
    for heading in 0..lines.len() {
        if fenced[heading] || lines[heading].raw.trim_end() != HEADING {
            continue;
        }
        let end = (heading + 1..lines.len())
            .find(|&index| !fenced[index] && is_heading(lines[index].raw))
            .unwrap_or(lines.len());
        let range = heading + 1..end;
        let is_log =
            |index: &usize| !fenced[*index] && log_line::mark_of(lines[*index].raw).is_some();
        let log: Vec<usize> = range.clone().filter(is_log).collect();
        // Somebody's own chapter of that name, with their text in it, is not ours.
        if log.is_empty() && !lines[range].iter().all(Line::is_blank) {
            continue;
        }
        sections.push(Section { heading, last_log_line: log.last().copied() });
        lines[heading].ours = true;
        for index in log {
            lines[index].ours = true;
        }
    }
    (lines, sections)
}

/// A heading of the first or second level.
fn is_heading(line: &str) -> bool {
    line.starts_with("# ") || line.starts_with("## ")
}

/// For each line, whether it is in a fenced code block. A fence that is never closed does not count: otherwise the log
/// we append would vanish in it.
fn fenced(lines: &[Line<'_>]) -> Vec<bool> {
    let mut fenced = vec![false; lines.len()];
    // Shortest fence of each kind known to stay open to the end; keeps hostile input from costing quadratic time.
    let (mut open_backticks, mut open_tildes) = (usize::MAX, usize::MAX);
    let mut index = 0;
    while index < lines.len() {
        let opening = fence_of(lines[index].raw);
        let start = index;
        index += 1;
        let Some((mark, length, _)) = opening else { continue };
        let known_open = if mark == '`' { &mut open_backticks } else { &mut open_tildes };
        if length >= *known_open {
            continue;
        }
        let closes = |line: &Line<'_>| {
            fence_of(line.raw)
                .is_some_and(|(other, len, bare)| other == mark && len >= length && bare)
        };
        match lines[index..].iter().position(closes) {
            Some(distance) => {
                index += distance + 1;
                fenced[start..index].fill(true);
            }
            None => *known_open = length,
        }
    }
    fenced
}

/// The fence mark that `line` begins with, its length, and whether nothing follows it.
fn fence_of(line: &str) -> Option<(char, usize, bool)> {
    let text = line.trim_start_matches(' ');
    if line.len() - text.len() > 3 {
        return None;
    }
    let mark = text.chars().next().filter(|first| matches!(first, '`' | '~'))?;
    let rest = text.trim_start_matches(mark);
    let length = text.len() - rest.len();
    // Inline code such as ```` ```word``` ```` is no fence.
    let inline = mark == '`' && rest.contains('`');
    (length >= 3 && !inline).then(|| (mark, length, rest.trim().is_empty()))
}
