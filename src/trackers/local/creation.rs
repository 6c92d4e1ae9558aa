//! A new work item file, as the factory writes it for a part of another item.

use std::fmt::Write as _;
use std::path::Path;

use super::LocalSettings;
use super::SOURCE;
use super::file::ItemFile;
use super::front_matter::identifier_fault;
use super::layout::HEADING;
use crate::domain::ids::ItemId;
use crate::domain::work_item::{ItemState, WorkItem};
use crate::trackers::{NewItem, TrackerError, log_line};

/// What the part is called: its parent's identifier and its number.
///
/// # Errors
/// [`TrackerError::Refused`] when that is no identifier.
pub(super) fn id_of(new: &NewItem) -> Result<ItemId, TrackerError> {
    let identifier = format!("{}.{}", new.parent.identifier(), new.number);
    match identifier_fault(&identifier) {
        None => Ok(ItemId(format!("{SOURCE}/{identifier}"))),
        Some(reason) => Err(refused(format!("\"{identifier}\" {reason}"))),
    }
}

/// The text of the file, and the item that it reads as.
///
/// # Errors
/// [`TrackerError::Refused`] when it would not read back as intended.
pub(super) fn compose(
    new: &NewItem,
    id: &ItemId,
    settings: &LocalSettings,
) -> Result<(String, WorkItem), TrackerError> {
    let text = text(new);
    let unreadable = || refused("it would not read back as intended".to_owned());
    let file =
        ItemFile::read(text.as_bytes(), id.identifier(), settings).map_err(|_| unreadable())?;
    let item = &file.item;
    let same = item.id == *id
        && item.title == log_line::one_line(&new.title)
        && item.parent.as_ref() == Some(&new.parent)
        && item.blocked_by == new.blocked_by
        && (item.lane, item.priority, item.state) == (new.lane, new.priority, ItemState::Todo)
        && is_ours(&file, new);
    if !same {
        return Err(unreadable());
    }
    let item = file.item.clone();
    Ok((text, item))
}

/// Whether the file was written for this part.
pub(super) fn is_ours(file: &ItemFile<'_>, new: &NewItem) -> bool {
    file.layout.has_mark(&log_line::mark(&new.key))
}

/// Another item has the name of the part.
pub(super) fn taken(path: &Path) -> TrackerError {
    refused(format!("{} is another item", path.display()))
}

fn refused(reason: String) -> TrackerError {
    let action = "create a part of an item".to_owned();
    TrackerError::Refused { tracker: SOURCE.to_owned(), action, reason }
}

fn text(new: &NewItem) -> String {
    let blocked_by: Vec<String> = new.blocked_by.iter().map(|id| quoted(reference(id))).collect();
    let mut text = "+++\n".to_owned();
    let mut key = |name: &str, value: String| {
        let _written = writeln!(text, "{name} = {value}");
    };
    key("title", quoted(&log_line::one_line(&new.title)));
    key("state", quoted(ItemState::Todo.label()));
    key("priority", quoted(new.priority.word()));
    key("lane", quoted(new.lane.word()));
    key("parent", quoted(reference(&new.parent)));
    if !blocked_by.is_empty() {
        key("blocked_by", format!("[{}]", blocked_by.join(", ")));
    }
    if let Some(project) = &new.project {
        key("project", quoted(project.as_str()));
    }
    if let Some(author) = &new.author {
        key("author", quoted(&log_line::one_line(author)));
    }
    key("created", new.at.to_string());
    let entry = format!("part {} of {}", new.number, new.parent.identifier());
    let line = log_line::render(new.at, &entry, &new.key);
    let body = new.body.trim().replace("\r\n", "\n");
    let _written = write!(text, "+++\n\n{body}\n\n{HEADING}\n\n{line}\n");
    text
}

/// Items of this tracker are called by their identifiers alone.
fn reference(id: &ItemId) -> &str {
    if id.source() == SOURCE { id.identifier() } else { id.as_str() }
}

/// A text as TOML writes it: a JSON string without control characters is one.
fn quoted(text: &str) -> String {
    serde_json::Value::String(text.replace('\u{7f}', " ")).to_string()
}
