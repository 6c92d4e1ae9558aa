//! From the service's work item to ours.

use std::path::PathBuf;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::claim::is_marker;
use super::creation::PART;
use super::process::{Process, has};
use super::text::{self, Plain};
use super::wire::RawItem;
use super::{AzureSettings, SOURCE};
use crate::domain::bounds::TASK_BYTES;
use crate::domain::ids::{ItemId, ProjectId};
use crate::domain::time::Timestamp;
use crate::domain::work_item::{ItemState, Lane, Overrides, Priority, Trust, WorkItem};
use crate::trackers::ItemProblem;

/// Tags that stand for checkboxes where no field does.
pub(super) const IMPLEMENTED: &str = "implementationComplete";
/// See [`IMPLEMENTED`].
pub(super) const REVIEWED: &str = "reviewPassed";

/// Names under which a tag may give the lane.
const LANE_TAGS: [&str; 2] = ["operatorlane", "lane"];

/// Tag of parts of an item whose author is not trusted: they are not trusted either, whoever has written them.
pub(super) const UNTRUSTED: &str = "factory-untrusted";

pub(super) const PARENT: &str = "System.LinkTypes.Hierarchy-Reverse";
pub(super) const PREDECESSOR: &str = "System.LinkTypes.Dependency-Reverse";

/// The parts of an item's text with the fields they come from.
const PARTS: [(&str, &str); 4] = [
    ("", "System.Description"),
    ("## Repro steps\n\n", "Microsoft.VSTS.TCM.ReproSteps"),
    ("## System info\n\n", "Microsoft.VSTS.TCM.SystemInfo"),
    ("## Acceptance criteria\n\n", "Microsoft.VSTS.Common.AcceptanceCriteria"),
];

/// The identifier of the item with this number: numbers are unique within an organization.
pub(super) fn id_of(number: u64) -> ItemId {
    ItemId(format!("{SOURCE}/{number}"))
}

/// The number in an identifier of this tracker.
pub(super) fn number_of(item: &ItemId) -> Option<u64> {
    if item.source() != SOURCE {
        return None;
    }
    item.identifier().parse().ok().filter(|number| id_of(*number) == *item)
}

/// The text of a field.
pub(super) fn field<'a>(raw: &'a RawItem, name: &str) -> &'a str {
    raw.fields.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// All tags, as people wrote them.
pub(super) fn tags(raw: &RawItem) -> Vec<String> {
    let tags = field(raw, "System.Tags").split(';').map(str::trim);
    tags.filter(|tag| !tag.is_empty()).map(str::to_owned).collect()
}

/// What the item is, as far as the process knows its type and state.
pub(super) fn state(
    raw: &RawItem,
    process: &Process,
    settings: &AzureSettings,
) -> Option<ItemState> {
    let item_type = process.of(field(raw, "System.WorkItemType"))?;
    item_type.read(field(raw, "System.State"), &tags(raw), &settings.state_tags)
}

/// The item, without a revision.
pub(super) fn shape(
    raw: &RawItem,
    process: &Process,
    settings: &AzureSettings,
) -> Result<WorkItem, ItemProblem> {
    let state = state(raw, process, settings).ok_or_else(|| unknown_state(raw, process))?;
    let tags = tags(raw);
    let (author, is_unique) = person(raw.fields.get("System.CreatedBy"));
    let is_trusted =
        !has(&tags, UNTRUSTED) && is_trusted(author.as_deref().filter(|_| is_unique), settings);
    let title = text::one_line(field(raw, "System.Title"));
    let links = |rel: &str| -> Vec<ItemId> {
        let relations = raw.relations.iter().flatten().filter(|link| link.rel == rel);
        let numbers = relations.filter_map(|link| link.url.rsplit('/').next()?.parse().ok());
        let mut ids: Vec<ItemId> = numbers.map(id_of).collect();
        ids.sort();
        ids.dedup();
        ids
    };
    Ok(WorkItem {
        id: id_of(raw.id),
        project: project(raw, &tags, settings),
        body: body(raw, &title),
        title: title.text,
        state,
        priority: priority(raw),
        labels: labels(&tags, settings),
        lane: lane(raw, &tags, settings),
        blocked_by: links(PREDECESSOR),
        parent: links(PARENT).pop(),
        trust: if is_trusted { Trust::Trusted } else { Trust::Untrusted },
        author,
        created_at: Timestamp::from_rfc3339(field(raw, "System.CreatedDate")),
        revision: String::new(),
        overrides: Overrides::default(),
    })
}

/// `item` with the revision that follows from everything else in it: what people wrote, however often it was saved.
pub(super) fn revised(mut item: WorkItem) -> WorkItem {
    item.revision.clear();
    item.revision = hex::encode(Sha256::digest(format!("{item:?}")));
    item
}

fn unknown_state(raw: &RawItem, process: &Process) -> ItemProblem {
    let (kind, state) = (field(raw, "System.WorkItemType"), field(raw, "System.State"));
    let (reason, hint) = match process.of(kind) {
        None => (
            format!("the project has no type {kind:?}"),
            "change its type, or name the types that are work in [azdo] `types`",
        ),
        Some(_) => (
            format!("the type {kind:?} has no state {state:?} that is in a category"),
            "move it to another state, or say what the state means in [azdo.states]",
        ),
    };
    problem(raw.id, reason, Some(hint))
}

/// What people should mend at the item with this number.
pub(super) fn problem(number: u64, reason: String, hint: Option<&str>) -> ItemProblem {
    ItemProblem {
        file: PathBuf::from(id_of(number).as_str()),
        line: None,
        column: None,
        reason,
        hint: hint.map(str::to_owned),
    }
}

fn body(raw: &RawItem, title: &Plain) -> String {
    let mut body = String::new();
    let (mut hidden, mut invisible) = (title.hidden, title.invisible);
    for (heading, name) in PARTS {
        let format = raw.formats.as_ref().and_then(|formats| formats.get(name)?.as_str());
        let part = match format {
            Some(format) if format.eq_ignore_ascii_case("markdown") => {
                text::from_markdown(field(raw, name))
            }
            _ => text::from_html(field(raw, name)),
        };
        hidden += part.hidden;
        invisible += part.invisible;
        if !part.text.is_empty() {
            let gap = if body.is_empty() { "" } else { "\n\n" };
            body = format!("{body}{gap}{heading}{}", part.text);
        }
    }
    if body.len() > TASK_BYTES {
        let mut end = TASK_BYTES;
        while !body.is_char_boundary(end) {
            end -= 1;
        }
        let left_out = body.len() - end;
        body.truncate(end);
        body =
            format!("{body}\n\n[Factory: the last {left_out} bytes of this text were left out.]");
    }
    if hidden + invisible > 0 {
        body = format!(
            "{body}\n\n[Factory: {hidden} hidden passages and {invisible} invisible characters of this item were left out.]"
        );
    }
    body.trim().to_owned()
}

fn priority(raw: &RawItem) -> Priority {
    match raw.fields.get("Microsoft.VSTS.Common.Priority").and_then(Value::as_f64) {
        Some(number) if number < 1.5 => Priority::Critical,
        Some(number) if number < 2.5 => Priority::High,
        Some(number) if number >= 3.5 => Priority::Low,
        Some(_) | None => Priority::Medium,
    }
}

fn labels(tags: &[String], settings: &AzureSettings) -> Vec<String> {
    let ours = |tag: &str| {
        settings.state_tags.contains(tag)
            || lane_tag(tag).is_some()
            || is_marker(tag)
            || is_of_part(tag)
            || [IMPLEMENTED, REVIEWED].iter().any(|known| known.eq_ignore_ascii_case(tag))
    };
    let mut labels: Vec<String> =
        tags.iter().filter(|tag| !ours(tag)).map(|tag| tag.to_lowercase()).collect();
    labels.sort();
    labels.dedup();
    labels
}

/// Whether a tag says that the item is a part.
fn is_of_part(tag: &str) -> bool {
    let tag = tag.to_lowercase();
    tag == UNTRUSTED || tag.starts_with(PART)
}

fn lane(raw: &RawItem, tags: &[String], settings: &AzureSettings) -> Lane {
    let of_field = settings.lane_field.as_ref().and_then(|name| Lane::parse(field(raw, name)));
    let of_tags = || tags.iter().find_map(|tag| lane_tag(tag));
    of_field.or_else(of_tags).unwrap_or(settings.lane)
}

/// The lane that a tag such as `operatorLane:autopilot` or `lane=manual` gives.
fn lane_tag(tag: &str) -> Option<Lane> {
    let (name, lane) = tag.split_once([':', '='])?;
    LANE_TAGS.contains(&name.trim().to_lowercase().as_str()).then(|| Lane::parse(lane)).flatten()
}

/// The project of a tag, or of the longest area path that the item is under.
fn project(raw: &RawItem, tags: &[String], settings: &AzureSettings) -> Option<ProjectId> {
    let area = field(raw, "System.AreaPath").to_lowercase();
    let by_tag = settings.projects.iter().find(|(name, _)| has(tags, name));
    let under = |path: &str| {
        let path = path.to_lowercase().replace('/', "\\");
        area.strip_prefix(&path).is_some_and(|rest| rest.is_empty() || rest.starts_with('\\'))
    };
    let by_area = || {
        let matching = settings.projects.iter().filter(|(path, _)| under(path));
        matching.max_by_key(|(path, _)| path.len())
    };
    let found = by_tag.or_else(by_area).map(|(_, project)| project.clone());
    found.or_else(|| settings.default_project.clone())
}

/// The author's name, and whether it is the one by which the service tells people apart: names that are only shown can
/// be anybody's.
fn person(value: Option<&Value>) -> (Option<String>, bool) {
    let (name, is_unique) = match value {
        None => ("", false),
        Some(Value::String(name)) => match name.rsplit_once('<') {
            Some((_, mail)) => (mail.trim_end_matches('>'), true),
            None => (name.as_str(), false),
        },
        Some(person) => {
            let of =
                |key: &str| person.get(key).and_then(Value::as_str).filter(|it| !it.is_empty());
            match of("uniqueName") {
                Some(name) => (name, true),
                None => (of("displayName").unwrap_or_default(), false),
            }
        }
    };
    let name = text::one_line(name).text;
    ((!name.is_empty()).then_some(name), is_unique)
}

fn is_trusted(author: Option<&str>, settings: &AzureSettings) -> bool {
    settings.trusted_authors.iter().any(|trusted| match (trusted.as_str(), author) {
        ("*", _) => true,
        (_, None) => false,
        (domain, Some(author)) if domain.starts_with('@') => {
            author.to_lowercase().ends_with(&domain.to_lowercase())
        }
        (name, Some(author)) => name.eq_ignore_ascii_case(author),
    })
}
