//! What an update changes in a file: the value of `state`, and one line in the factory's log.

use super::LocalSettings;
use super::file::{ItemFile, MAX_FILE_BYTES};
use crate::domain::work_item::ItemState;
use crate::trackers::{TrackerUpdate, Updated, log_line};

/// A decided update.
#[derive(Debug)]
pub(super) struct Edit {
    /// The file's new text; `None` when there is nothing to write.
    pub(super) text: Option<String>,
    pub(super) updated: Updated,
}

/// Decides what `update` does to `file`, whose name is `stem`.
///
/// # Errors
/// A reason not to touch the file, when the result would not read back as intended.
pub(super) fn decide(
    file: &ItemFile<'_>,
    stem: &str,
    settings: &LocalSettings,
    update: &TrackerUpdate,
) -> Result<Edit, String> {
    let mark = log_line::mark(&update.key);
    let item = &file.item;
    if file.layout.has_mark(&mark) {
        let updated = Updated {
            revision: item.revision.clone(),
            already: true,
            state_skipped: skipped(update, item.state),
            current: item.clone(),
            refused: None,
        };
        return Ok(Edit { text: None, updated });
    }
    let state = update.state.filter(|wanted| *wanted != item.state && item.state == update.from);
    let text = compose(file, state, update);
    if text.len() > MAX_FILE_BYTES {
        return Err("the factory's log would make the file too large to read".to_owned());
    }
    let written = ItemFile::read(text.as_bytes(), stem, settings)
        .map_err(|_| "it would not be readable afterwards".to_owned())?;
    let mut expected = item.clone();
    expected.state = state.unwrap_or(item.state);
    expected.revision.clone_from(&written.item.revision);
    let untouched = state.is_some() || written.item.revision == item.revision;
    if written.item != expected || !untouched || !written.layout.has_mark(&mark) {
        return Err("it would not read back as intended".to_owned());
    }
    let updated = Updated {
        revision: expected.revision.clone(),
        already: false,
        state_skipped: skipped(update, expected.state),
        current: expected,
        refused: None,
    };
    Ok(Edit { text: Some(text), updated })
}

/// The state the item has instead of the wanted one.
fn skipped(update: &TrackerUpdate, actual: ItemState) -> Option<ItemState> {
    update.state.filter(|wanted| *wanted != actual).map(|_| actual)
}

/// The file's text with `state` as its state, if any, and the update's line in its log.
fn compose(file: &ItemFile<'_>, state: Option<ItemState>, update: &TrackerUpdate) -> String {
    let line = log_line::render(update.at, &update.entry, &update.key);
    let (log_at, log_text) = file.layout.log_insertion(&line);
    let end = file.layout.front.end;
    let (range, value) = match (state, &file.state_at) {
        (None, _) => (end..end, String::new()),
        (Some(state), Some(range)) => {
            let old = &file.text[range.clone()];
            let quote = if old.starts_with('\'') { '\'' } else { '"' };
            (range.clone(), format!("{quote}{}{quote}", state.label()))
        }
        (Some(state), None) => {
            (end..end, format!("state = \"{}\"{}", state.label(), file.layout.line_ending))
        }
    };
    let mut text = String::with_capacity(file.text.len() + value.len() + log_text.len());
    text.push_str(&file.text[..range.start]);
    text.push_str(&value);
    text.push_str(&file.text[range.end..log_at]);
    text.push_str(&log_text);
    text.push_str(&file.text[log_at..]);
    text
}
