//! A mistake at an offset of a file, before it is told in lines and columns.

use std::path::Path;

use crate::trackers::ItemProblem;

/// What is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    offset: Option<usize>,
    reason: String,
    hint: Option<String>,
}

impl Fault {
    /// A mistake of the file as a whole.
    pub(super) fn whole(reason: impl Into<String>) -> Self {
        Self { offset: None, reason: reason.into(), hint: None }
    }

    /// A mistake at byte `offset` of the file.
    pub(super) fn at(offset: usize, reason: impl Into<String>) -> Self {
        Self { offset: Some(offset), ..Self::whole(reason) }
    }

    /// What to do about it.
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The mistake as people need to see it; `content` is the file's.
    pub(super) fn problem(&self, file: &Path, content: &[u8]) -> ItemProblem {
        let place = self.offset.map(|offset| place(content, offset));
        ItemProblem {
            file: file.to_owned(),
            line: place.map(|(line, _)| line),
            column: place.map(|(_, column)| column),
            reason: self.reason.clone(),
            hint: self.hint.clone(),
        }
    }
}

/// Line and column (in characters), both from 1. A byte order mark takes no column.
fn place(content: &[u8], offset: usize) -> (u32, u32) {
    let before = &content[..offset.min(content.len())];
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    let start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |index| index + 1);
    let text = String::from_utf8_lossy(&before[start..]);
    let column = text.trim_start_matches('\u{FEFF}').chars().count() + 1;
    let bounded = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    (bounded(line), bounded(column))
}
