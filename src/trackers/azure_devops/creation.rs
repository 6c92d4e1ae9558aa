//! Creating an item for a part of another one, once.
//!
//! The item has a tag that follows from the part alone from its first revision, together with its links; whoever is
//! interrupted asks the service for that tag before anything is created again.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::item::{PARENT, PREDECESSOR, UNTRUSTED, field, number_of, tags};
use super::process::has;
use super::refusal::Failed;
use super::text::escaped;
use super::wire::RawItem;
use super::{AzureDevOpsTracker, SOURCE, query};
use crate::domain::work_item::{Priority, Trust, WorkItem};
use crate::trackers::{NewItem, TrackerError};

/// What the tag of a part begins with.
pub(super) const PART: &str = "factory-part-";

/// Hex digits of the tag.
const DIGITS: usize = 20;

const PRIORITY: &str = "Microsoft.VSTS.Common.Priority";

impl AzureDevOpsTracker {
    /// See [`crate::trackers::Tracker::create`].
    pub(super) async fn create_part(&self, new: &NewItem) -> Result<WorkItem, TrackerError> {
        let foreign =
            || TrackerError::ForeignItem { item: new.parent.clone(), tracker: SOURCE.to_owned() };
        let parent = number_of(&new.parent).ok_or_else(foreign)?;
        let process = self.known_process().await?;
        let created = match self.created_before(parent, new).await {
            Ok(Some(raw)) => Ok(raw),
            Ok(None) => self.create_once(parent, new).await,
            Err(failed) => Err(failed),
        };
        let raw = created.map_err(|failed| match failed {
            Failed::Missing => TrackerError::UnknownItem { item: new.parent.clone() },
            failed => failed.error("create a part of the work item"),
        })?;
        let mut mirror = self.mirror();
        mirror.admit(raw.clone());
        mirror.view(&raw, &process, &self.settings).map_err(|problem| {
            let item = super::item::id_of(raw.id);
            TrackerError::Unreadable { item, problem: Box::new(problem) }
        })
    }

    /// The item with the tag of this part, below the parent.
    async fn created_before(&self, parent: u64, new: &NewItem) -> Result<Option<RawItem>, Failed> {
        let tag = tag_of(new);
        let found = self.boards.query(&query::tagged(&tag), 10).await?;
        for number in found.ids() {
            let raw = match self.boards.item(number).await {
                Ok(raw) => raw,
                // Deleted since.
                Err(Failed::Missing) => continue,
                Err(failed) => return Err(failed),
            };
            if has(&tags(&raw), &tag) && is_below(&raw, parent) {
                return Ok(Some(raw));
            }
        }
        Ok(None)
    }

    async fn create_once(&self, parent: u64, new: &NewItem) -> Result<RawItem, Failed> {
        let above = self.boards.item(parent).await?;
        let kind = field(&above, "System.WorkItemType").to_owned();
        let operations = self.creation(&above, parent, new);
        self.boards.create(&kind, &operations).await
    }

    /// The first revision of the item. It inherits from its parent whatever the board looks at.
    fn creation(&self, above: &RawItem, parent: u64, new: &NewItem) -> Vec<Value> {
        let mut operations = Vec::new();
        let mut set = |name: &str, value: Value| {
            let path = format!("/fields/{name}");
            operations.push(json!({ "op": "add", "path": path, "value": value }));
        };
        set("System.Title", json!(new.title));
        set("System.Description", json!(html(&new.body)));
        for name in ["System.AreaPath", "System.IterationPath"] {
            let value = field(above, name);
            if !value.is_empty() {
                set(name, json!(value));
            }
        }
        if self.settings.filter.assigned_to.is_some()
            && let Some(person) = above.fields.get("System.AssignedTo")
        {
            let unique = person.get("uniqueName").unwrap_or(person);
            set("System.AssignedTo", unique.clone());
        }
        if above.fields.contains_key(PRIORITY) || new.priority != Priority::default() {
            set(PRIORITY, json!(number(new.priority)));
        }
        set("System.Tags", json!(self.tags_of(above, new).join("; ")));
        let links = std::iter::once((PARENT, parent));
        let blockers = new.blocked_by.iter().filter_map(number_of);
        for (rel, number) in links.chain(blockers.map(|number| (PREDECESSOR, number))) {
            let url = self.boards.address_of(&self.settings.base_url, number);
            let value = json!({ "rel": rel, "url": url });
            operations.push(json!({ "op": "add", "path": "/relations/-", "value": value }));
        }
        operations
    }

    fn tags_of(&self, above: &RawItem, new: &NewItem) -> Vec<String> {
        let mut all = vec![tag_of(new)];
        if new.trust == Trust::Untrusted {
            all.push(UNTRUSTED.to_owned());
        }
        if new.lane != self.settings.lane {
            all.push(format!("lane:{}", new.lane.word()));
        }
        let of_projects = self.settings.projects.iter().map(|(name, _)| name);
        let inherited: Vec<&String> = self.settings.filter.tags.iter().chain(of_projects).collect();
        for tag in tags(above) {
            let wanted = inherited.iter().any(|wanted| wanted.eq_ignore_ascii_case(&tag));
            if wanted && !has(&all, &tag) {
                all.push(tag);
            }
        }
        all
    }
}

/// The tag that the item of this part has.
fn tag_of(new: &NewItem) -> String {
    let digest = hex::encode(Sha256::digest(new.key.as_str()));
    format!("{PART}{}", &digest[..DIGITS])
}

fn is_below(raw: &RawItem, parent: u64) -> bool {
    let mut links = raw.relations.iter().flatten().filter(|link| link.rel == PARENT);
    links.any(|link| link.url.rsplit('/').next() == Some(parent.to_string().as_str()))
}

/// The service's numbers for priorities.
fn number(priority: Priority) -> u8 {
    match priority {
        Priority::Critical => 1,
        Priority::High => 2,
        Priority::Medium => 3,
        Priority::Low => 4,
    }
}

/// The text as the service shows it: a paragraph for each line, nothing in it is markup.
fn html(text: &str) -> String {
    let lines = text.lines().map(|line| match line.trim() {
        "" => "<div><br></div>".to_owned(),
        _ => format!("<div>{}</div>", escaped(line)),
    });
    lines.collect()
}
