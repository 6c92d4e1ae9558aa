//! The keys of a work item file: parsed with every mistake reported at its place.

use std::ops::Range;

use chrono::{FixedOffset, NaiveDate, TimeZone};
use toml_edit::{Datetime, Document, Item, Offset, Table};

use super::fault::Fault;
use super::layout::Layout;
use crate::domain::ids::{ItemId, ProjectId};
use crate::domain::time::Timestamp;
use crate::domain::work_item::{ItemState, Lane, Priority};

/// Every key a work item may have.
const KEYS: [&str; 11] = [
    "id",
    "title",
    "state",
    "priority",
    "labels",
    "lane",
    "blocked_by",
    "parent",
    "project",
    "author",
    "created",
];

/// Longest identifier, in bytes: it becomes part of branch and directory names.
pub(super) const MAX_IDENTIFIER: usize = 128;

/// What the keys say; what they leave out is `None`.
#[derive(Debug, Default)]
pub(super) struct FrontMatter {
    pub(super) identifier: Option<String>,
    pub(super) title: Option<String>,
    pub(super) state: Option<ItemState>,
    pub(super) priority: Option<Priority>,
    pub(super) labels: Vec<String>,
    pub(super) lane: Option<Lane>,
    pub(super) blocked_by: Vec<ItemId>,
    pub(super) parent: Option<ItemId>,
    pub(super) project: Option<ProjectId>,
    pub(super) author: Option<String>,
    pub(super) created: Option<Timestamp>,
    /// Where the value of `id` is in the file.
    pub(super) identifier_at: Option<usize>,
    /// Where the value of `state` is in the file, quotes included.
    pub(super) state_at: Option<Range<usize>>,
}

impl FrontMatter {
    /// Reads the keys of a file of the tracker `source`, whose name bare identifiers get.
    ///
    /// # Errors
    /// All mistakes; only the first one when it is not TOML at all.
    pub(super) fn read(layout: &Layout<'_>, source: &str) -> Result<Self, Vec<Fault>> {
        let base = layout.front.start;
        let document = Document::parse(layout.front_text()).map_err(|error| {
            let reason = error.message().lines().collect::<Vec<_>>().join(", ");
            let offset = error.span().map_or(base, |span| base + span.start);
            vec![Fault::at(offset, reason).hint("the lines between `+++` are TOML")]
        })?;
        let mut keys = Keys { table: document.as_table(), base, faults: Vec::new() };
        keys.reject_unknown();
        let labels = keys.texts("labels").into_iter().map(|(label, _)| label.to_lowercase());
        let read = Self {
            identifier_at: keys.place("id").map(|span| span.start),
            state_at: keys.place("state"),
            identifier: keys.identifier(),
            title: keys.text("title").map(|(title, _)| one_line(&title)),
            labels: without_repeats(labels),
            state: keys.word("state", ItemState::parse, &ItemState::ALL.map(ItemState::label)),
            priority: keys.word("priority", Priority::parse, &Priority::ALL.map(Priority::word)),
            lane: keys.word("lane", Lane::parse, &Lane::ALL.map(Lane::word)),
            blocked_by: keys.references("blocked_by", source),
            parent: keys.reference("parent", source),
            project: keys.text("project").map(|(name, _)| ProjectId::new(name)),
            author: keys.text("author").map(|(name, _)| one_line(&name)),
            created: keys.instant("created"),
        };
        if keys.faults.is_empty() { Ok(read) } else { Err(keys.faults) }
    }
}

/// Why `identifier` cannot name an item, if it cannot.
pub(super) fn identifier_fault(identifier: &str) -> Option<&'static str> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if identifier.is_empty() {
        Some("is empty")
    } else if identifier.len() > MAX_IDENTIFIER {
        Some("is longer than 128 characters")
    } else if !identifier.bytes().all(allowed) {
        Some("may only consist of letters, digits, `.`, `_` and `-`")
    } else if !identifier.bytes().any(|byte| byte.is_ascii_alphanumeric()) {
        Some("needs a letter or a digit")
    } else {
        None
    }
}

/// The candidate most like `word`, if any is likely meant. 0.75 accepts a slip or two in short words.
fn nearest<'word>(word: &str, candidates: &[&'word str]) -> Option<&'word str> {
    let word = word.to_lowercase();
    candidates
        .iter()
        .map(|candidate| (strsim::jaro_winkler(&word, &candidate.to_lowercase()), *candidate))
        .filter(|(likeness, _)| *likeness >= 0.75)
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .map(|(_, candidate)| candidate)
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn without_repeats(words: impl Iterator<Item = String>) -> Vec<String> {
    let mut kept = Vec::new();
    for word in words {
        if !kept.contains(&word) {
            kept.push(word);
        }
    }
    kept
}

/// A table being read; collects mistakes.
struct Keys<'table> {
    table: &'table Table,
    base: usize,
    faults: Vec<Fault>,
}

impl Keys<'_> {
    fn reject_unknown(&mut self) {
        for (name, item) in self.table.iter().filter(|(name, _)| !KEYS.contains(name)) {
            let key_span = self.table.key(name).and_then(toml_edit::Key::span);
            let offset = self.base + key_span.or(item.span()).map_or(0, |span| span.start);
            let hint = match (name, nearest(name, &KEYS)) {
                ("description" | "body", _) => {
                    "write the description below the closing `+++`".to_owned()
                }
                ("status", _) => "did you mean `state`?".to_owned(),
                (_, Some(key)) => format!("did you mean `{key}`?"),
                (_, None) => format!("the keys are {}", KEYS.join(", ")),
            };
            self.faults.push(Fault::at(offset, format!("unknown key `{name}`")).hint(hint));
        }
    }

    /// Where the value of `key` is in the file.
    fn place(&self, key: &str) -> Option<Range<usize>> {
        let span = self.table.get(key)?.span()?;
        Some(self.base + span.start..self.base + span.end)
    }

    fn fault(&mut self, item: &Item, reason: String, hint: String) {
        let offset = self.base + item.span().map_or(0, |span| span.start);
        self.faults.push(Fault::at(offset, reason).hint(hint));
    }

    /// The trimmed text of `key` with its offset; blank is a mistake.
    fn text(&mut self, key: &str) -> Option<(String, usize)> {
        let item = self.table.get(key)?;
        let offset = self.base + item.span().map_or(0, |span| span.start);
        match item.as_str().map(str::trim) {
            Some("") => {
                let hint = "give it a value or remove the line".to_owned();
                self.fault(item, format!("`{key}` is empty"), hint);
                None
            }
            Some(text) => Some((text.to_owned(), offset)),
            None => {
                let hint = format!("write `{key} = \"…\"`");
                let found = item.type_name();
                self.fault(item, format!("`{key}` must be text in quotes, found {found}"), hint);
                None
            }
        }
    }

    /// The trimmed texts of the list `key` with their offsets; blank ones are left out.
    fn texts(&mut self, key: &str) -> Vec<(String, usize)> {
        let Some(item) = self.table.get(key) else { return Vec::new() };
        let hint = || format!("write `{key} = [\"…\", \"…\"]`");
        let Some(array) = item.as_array() else {
            let found = item.type_name();
            self.fault(item, format!("`{key}` must be a list of texts, found {found}"), hint());
            return Vec::new();
        };
        let mut texts = Vec::new();
        for value in array {
            let offset = self.base + value.span().map_or(0, |span| span.start);
            match value.as_str().map(str::trim) {
                Some("") => {}
                Some(text) => texts.push((text.to_owned(), offset)),
                None => {
                    let found = value.type_name();
                    let reason = format!("`{key}` must be a list of texts, found {found} in it");
                    self.faults.push(Fault::at(offset, reason).hint(hint()));
                }
            }
        }
        texts
    }

    /// The value of `key`, which must be one of `words`.
    fn word<T>(&mut self, key: &str, parse: fn(&str) -> Option<T>, words: &[&str]) -> Option<T> {
        let (text, offset) = self.text(key)?;
        let parsed = parse(&text);
        if parsed.is_none() {
            let hint = match nearest(&text, words) {
                Some(word) => format!("did you mean \"{word}\"?"),
                None => format!("it is one of {}", words.join(", ")),
            };
            let reason = format!("`{key}` cannot be \"{text}\"");
            self.faults.push(Fault::at(offset, reason).hint(hint));
        }
        parsed
    }

    fn identifier(&mut self) -> Option<String> {
        let (text, offset) = self.text("id")?;
        match identifier_fault(&text) {
            None => Some(text),
            Some(reason) => {
                self.faults.push(Fault::at(offset, format!("`id` {reason}")));
                None
            }
        }
    }

    fn reference(&mut self, key: &str, source: &str) -> Option<ItemId> {
        let (text, offset) = self.text(key)?;
        self.item_id(key, &text, offset, source)
    }

    fn references(&mut self, key: &str, source: &str) -> Vec<ItemId> {
        let texts = self.texts(key);
        let mut ids: Vec<ItemId> = Vec::new();
        for (text, offset) in texts {
            match self.item_id(key, &text, offset, source) {
                Some(id) if !ids.contains(&id) => ids.push(id),
                Some(_) | None => {}
            }
        }
        ids
    }

    /// `text` as the name of an item: of this tracker, or of another one when it says `<source>/<identifier>`.
    fn item_id(&mut self, key: &str, text: &str, offset: usize, source: &str) -> Option<ItemId> {
        let (tracker, identifier) = text.split_once('/').unwrap_or((source, text));
        let foreign = tracker != source && identifier_fault(tracker).is_none();
        // Other trackers have names of their own making (`owner/repository#7`).
        let reason = match identifier_fault(identifier) {
            _ if foreign && !identifier.is_empty() && !identifier.contains(char::is_whitespace) => {
                None
            }
            _ if tracker != source => Some("is not the name of a work item"),
            fault => fault,
        };
        match reason {
            None => Some(ItemId(format!("{tracker}/{identifier}"))),
            Some(reason) => {
                let reason = format!("`{key}`: \"{text}\" {reason}");
                self.faults.push(Fault::at(offset, reason));
                None
            }
        }
    }

    fn instant(&mut self, key: &str) -> Option<Timestamp> {
        let item = self.table.get(key)?;
        let written = match item.as_datetime() {
            Some(datetime) => Some(*datetime),
            None => item.as_str().and_then(|text| text.trim().parse::<Datetime>().ok()),
        };
        let instant = written.and_then(|datetime| timestamp(&datetime));
        if instant.is_none() {
            let hint = format!("write `{key} = 2026-01-31T09:30:00Z`");
            self.fault(item, format!("`{key}` is not a date"), hint);
        }
        instant
    }
}

/// The instant a TOML date means; without a time it is midnight, without an offset it is UTC.
fn timestamp(datetime: &Datetime) -> Option<Timestamp> {
    let date = datetime.date?;
    let day = NaiveDate::from_ymd_opt(date.year.into(), date.month.into(), date.day.into())?;
    let local = match datetime.time {
        Some(time) => day.and_hms_nano_opt(
            time.hour.into(),
            time.minute.into(),
            time.second.into(),
            time.nanosecond,
        )?,
        None => day.and_hms_opt(0, 0, 0)?,
    };
    let minutes = match datetime.offset {
        Some(Offset::Custom { minutes }) => minutes,
        Some(Offset::Z) | None => 0,
    };
    let zone = FixedOffset::east_opt(i32::from(minutes) * 60)?;
    Some(Timestamp(zone.from_local_datetime(&local).single()?.timestamp_millis()))
}
