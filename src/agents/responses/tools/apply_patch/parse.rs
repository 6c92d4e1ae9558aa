//! The text of a patch as edits per file.

/// The edits of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum FilePatch {
    /// A new file.
    Add { path: String, lines: Vec<String> },
    /// A file goes.
    Delete { path: String },
    /// A file changes, and may get another name.
    Update { path: String, to: Option<String>, hunks: Vec<Hunk> },
}

/// One edit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Hunk {
    /// Lines after which to look, outermost first.
    pub(super) anchors: Vec<String>,
    /// The lines before and after the edit.
    pub(super) lines: Vec<Line>,
    /// Whether it is about the end of the file.
    pub(super) at_end: bool,
}

/// One line of an edit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Line {
    /// It stays.
    Stays(String),
    /// It goes.
    Goes(String),
    /// It comes.
    Comes(String),
}

/// Why a patch cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum ParseError {
    #[error("it does not begin with `*** Begin Patch`")]
    NoBeginning,
    #[error("`*** End Patch` is missing, as if it had been cut off")]
    NoEnd,
    #[error("there is nothing in it")]
    Empty,
    #[error(
        "line {line}, {text:?}, is no `*** Add File: `, `*** Delete File: ` or `*** Update File: `"
    )]
    NoHeading { line: usize, text: String },
    #[error("line {line}, {text:?}, of a new file does not begin with `+`")]
    NotAdded { line: usize, text: String },
    #[error(
        "line {line}, {text:?}, begins neither with a blank (stays), nor with `-` (goes), nor with `+` (comes)"
    )]
    NoSign { line: usize, text: String },
    #[error("the update of {path} has no edit in it")]
    NoEdit { path: String },
    #[error("line {line} names no file")]
    NoPath { line: usize },
}

const BEGIN: &str = "*** Begin Patch";
const END: &str = "*** End Patch";
const AT_END: &str = "*** End of File";

/// Reads a patch; whatever a shell or Markdown would put around it is passed over.
pub(super) fn parse(text: &str) -> Result<Vec<FilePatch>, ParseError> {
    let lines: Vec<&str> =
        text.lines().map(|line| line.strip_suffix('\r').unwrap_or(line)).collect();
    let begin =
        lines.iter().position(|line| line.trim() == BEGIN).ok_or(ParseError::NoBeginning)?;
    let end = lines.iter().rposition(|line| line.trim() == END).filter(|end| *end > begin);
    let end = end.ok_or(ParseError::NoEnd)?;
    let mut reader = Reader { lines: &lines[..end], at: begin + 1 };
    let mut files = Vec::new();
    while let Some(line) = reader.peek() {
        if line.trim().is_empty() {
            reader.at += 1;
            continue;
        }
        files.push(reader.file(line)?);
    }
    if files.is_empty() { Err(ParseError::Empty) } else { Ok(files) }
}

struct Reader<'a> {
    lines: &'a [&'a str],
    at: usize,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<&'a str> {
        self.lines.get(self.at).copied()
    }

    /// The next line unless it is a heading.
    fn next_inside(&mut self) -> Option<&'a str> {
        let line = self.peek().filter(|line| !is_heading(line))?;
        self.at += 1;
        Some(line)
    }

    fn file(&mut self, heading: &str) -> Result<FilePatch, ParseError> {
        let heading = heading.trim();
        self.at += 1;
        let line = self.at;
        let path_of = |rest: &str| {
            let path = rest.trim();
            if path.is_empty() { Err(ParseError::NoPath { line }) } else { Ok(path.to_owned()) }
        };
        if let Some(rest) = heading.strip_prefix("*** Add File:") {
            return Ok(FilePatch::Add { path: path_of(rest)?, lines: self.added()? });
        }
        if let Some(rest) = heading.strip_prefix("*** Delete File:") {
            return Ok(FilePatch::Delete { path: path_of(rest)? });
        }
        if let Some(rest) = heading.strip_prefix("*** Update File:") {
            let path = path_of(rest)?;
            let to = match self.peek().and_then(|line| line.trim().strip_prefix("*** Move to:")) {
                Some(rest) => {
                    self.at += 1;
                    Some(path_of(rest)?)
                }
                None => None,
            };
            let hunks = self.hunks()?;
            if hunks.is_empty() && to.is_none() {
                return Err(ParseError::NoEdit { path });
            }
            return Ok(FilePatch::Update { path, to, hunks });
        }
        Err(ParseError::NoHeading { line, text: short(heading) })
    }

    fn added(&mut self) -> Result<Vec<String>, ParseError> {
        let mut lines = Vec::new();
        while let Some(line) = self.next_inside() {
            match line.strip_prefix('+') {
                Some(rest) => lines.push(rest.to_owned()),
                // An empty line before the next heading is no part of the file.
                None if line.trim().is_empty() && self.peek().is_none_or(is_heading) => {}
                None => return Err(ParseError::NotAdded { line: self.at, text: short(line) }),
            }
        }
        Ok(lines)
    }

    fn hunks(&mut self) -> Result<Vec<Hunk>, ParseError> {
        let mut hunks = Vec::new();
        let mut hunk = Hunk::default();
        while let Some(line) = self.next_inside() {
            if let Some(anchor) = line.strip_prefix("@@") {
                if !hunk.lines.is_empty() {
                    hunks.push(std::mem::take(&mut hunk));
                }
                hunk.anchors.extend(anchor_text(anchor));
                continue;
            }
            if line.trim_end() == AT_END {
                hunk.at_end = true;
                hunks.push(std::mem::take(&mut hunk));
                continue;
            }
            match (line.chars().next(), line.get(1..)) {
                // Models leave out the blank of an empty line.
                (None, _) => hunk.lines.push(Line::Stays(String::new())),
                (Some(' '), Some(rest)) => hunk.lines.push(Line::Stays(rest.to_owned())),
                (Some('-'), Some(rest)) => hunk.lines.push(Line::Goes(rest.to_owned())),
                (Some('+'), Some(rest)) => hunk.lines.push(Line::Comes(rest.to_owned())),
                _ => return Err(ParseError::NoSign { line: self.at, text: short(line) }),
            }
        }
        // Empty lines before the next heading are no part of the edit.
        while hunk.lines.last() == Some(&Line::Stays(String::new())) {
            hunk.lines.pop();
        }
        if !hunk.lines.is_empty() {
            hunks.push(hunk);
        }
        hunks.retain(|hunk| hunk.lines.iter().any(|line| !matches!(line, Line::Stays(_))));
        Ok(hunks)
    }
}

fn is_heading(line: &str) -> bool {
    line.starts_with("*** ") && line.trim_end() != AT_END
}

/// The text behind `@@`; the numbers of a unified diff say nothing that could be relied upon.
fn anchor_text(rest: &str) -> Option<String> {
    let text = rest.trim();
    let text = match text.strip_prefix('-') {
        Some(numbers) if numbers.starts_with(|c: char| c.is_ascii_digit()) => {
            numbers.split_once("@@").map_or("", |(_, behind)| behind.trim())
        }
        _ => text.strip_suffix("@@").unwrap_or(text).trim(),
    };
    (!text.is_empty()).then(|| text.to_owned())
}

fn short(text: &str) -> String {
    text.chars().take(80).collect()
}
