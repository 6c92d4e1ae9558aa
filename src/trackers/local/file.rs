//! One work item file, read as a whole.

use std::ops::Range;

use super::LocalSettings;
use super::SOURCE;
use super::fault::Fault;
use super::front_matter::{FrontMatter, identifier_fault};
use super::layout::Layout;
use crate::domain::ids::ItemId;
use crate::domain::work_item::{Overrides, WorkItem};

/// Largest description with its front matter, the factory's log aside: 96 KiB fits an event and a prompt, and no task is longer.
pub(super) const MAX_HUMAN_BYTES: usize = 96 * 1024;

/// Largest file that is read at all; leaves the log room for thousands of entries.
pub(super) const MAX_FILE_BYTES: usize = 4 * 1024 * 1024;

/// A readable work item file.
#[derive(Debug)]
pub(super) struct ItemFile<'text> {
    pub(super) text: &'text str,
    pub(super) layout: Layout<'text>,
    pub(super) item: WorkItem,
    /// Where the value of `state` is, quotes included.
    pub(super) state_at: Option<Range<usize>>,
    /// Where the value of `id` is.
    pub(super) identifier_at: Option<usize>,
}

impl<'text> ItemFile<'text> {
    /// Reads `content`; `stem` is the file's name without its ending.
    ///
    /// # Errors
    /// Every mistake in the file.
    pub(super) fn read(
        content: &'text [u8],
        stem: &str,
        settings: &LocalSettings,
    ) -> Result<Self, Vec<Fault>> {
        if content.len() > MAX_FILE_BYTES {
            return Err(vec![too_large()]);
        }
        let text = std::str::from_utf8(content).map_err(|error| {
            let fault = Fault::at(error.valid_up_to(), "the file is not UTF-8 text here");
            vec![fault.hint("save it as UTF-8")]
        })?;
        let layout = Layout::of(text).map_err(|fault| vec![fault])?;
        let body = layout.human_body();
        if layout.front.len() + body.len() > MAX_HUMAN_BYTES {
            return Err(vec![too_large()]);
        }
        let read = FrontMatter::read(&layout, SOURCE);
        let mut faults = Vec::new();
        // An identifier or a title that is there but wrong has its own mistake.
        let (identifier, title) = match &read {
            Ok(front) => (front.identifier.clone(), front.title.clone()),
            Err(_) => (None, None),
        };
        let identifier = identifier.unwrap_or_else(|| stem.to_owned());
        let title = title.or_else(|| layout.first_heading().map(str::to_owned));
        if read.is_ok() {
            faults.extend(name_fault(&identifier));
            faults.extend(title.is_none().then(|| {
                Fault::at(layout.front.start, "the item has no title")
                    .hint("add `title = \"…\"` or begin the description with `# …`")
            }));
        }
        let front = match read {
            Ok(front) if faults.is_empty() => front,
            Ok(_) => return Err(faults),
            Err(faults) => return Err(faults),
        };
        let item = WorkItem {
            id: ItemId(format!("{SOURCE}/{identifier}")),
            project: front.project.or_else(|| settings.default_project.clone()),
            title: title.unwrap_or_default(),
            body,
            state: front.state.unwrap_or_default(),
            priority: front.priority.unwrap_or_default(),
            labels: front.labels,
            lane: front.lane.unwrap_or(settings.default_lane),
            blocked_by: front.blocked_by,
            parent: front.parent,
            author: front.author,
            trust: settings.trust,
            created_at: front.created,
            revision: layout.revision(),
            overrides: Overrides::default(),
        };
        let FrontMatter { state_at, identifier_at, .. } = front;
        Ok(Self { text, layout, item, state_at, identifier_at })
    }
}

/// The item an unreadable file most likely is: a line `id = "…"` near its top says so, else its name.
pub(super) fn probable_identifier(content: &[u8], stem: &str) -> Option<ItemId> {
    let text = String::from_utf8_lossy(&content[..content.len().min(64 * 1024)]);
    let written = text
        .lines()
        .skip(1)
        .take_while(|line| line.trim_end() != "+++")
        .filter_map(|line| line.trim().strip_prefix("id")?.trim_start().strip_prefix('='))
        .map(|value| value.trim().trim_matches(|mark| matches!(mark, '"' | '\'')).trim().to_owned())
        .find(|identifier| identifier_fault(identifier).is_none());
    let identifier =
        written.or_else(|| identifier_fault(stem).is_none().then(|| stem.to_owned()))?;
    Some(ItemId(format!("{SOURCE}/{identifier}")))
}

/// The file is beyond the bounds above.
pub(super) fn too_large() -> Fault {
    Fault::whole("the file is larger than 96 KiB and was not read")
        .hint("keep the description short and refer to other files")
}

fn name_fault(identifier: &str) -> Option<Fault> {
    let reason = identifier_fault(identifier)?;
    let fault = Fault::whole(format!("the file name is no identifier: \"{identifier}\" {reason}"));
    Some(fault.hint("add `id = \"…\"` to the front matter or rename the file"))
}
