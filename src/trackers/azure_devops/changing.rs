//! Changing an item: everything at once, or part by part where the service refuses one of them for good.

use serde_json::{Value, json};

use super::item::{IMPLEMENTED, REVIEWED, field, tags};
use super::process::{Process, has};
use super::refusal::Failed;
use super::wire::RawItem;
use super::{AzureDevOpsTracker, item};
use crate::domain::card::RunCard;
use crate::domain::work_item::{ItemState, WorkItem};
use crate::trackers::{TrackerError, TrackerUpdate};

/// What of an item is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    State,
    Boxes,
    Links,
}

const PARTS: [Part; 3] = [Part::State, Part::Boxes, Part::Links];

/// What an update wants of an item.
pub(super) struct Wish<'a> {
    pub(super) process: &'a Process,
    pub(super) now: &'a WorkItem,
    pub(super) update: &'a TrackerUpdate,
    /// Something newer has been said already: what this one says of the run is of the past.
    pub(super) is_outdated: bool,
    /// Links that the item shall have.
    pub(super) links: &'a [Value],
}

/// An item after it was changed.
pub(super) struct Changed {
    pub(super) raw: RawItem,
    /// What was refused and why, in one sentence.
    pub(super) refused: Option<String>,
}

impl AzureDevOpsTracker {
    /// Changes the item as wished, on the revision that was read.
    pub(super) async fn change(&self, raw: RawItem, wish: &Wish<'_>) -> Result<Changed, Failed> {
        let operations = self.operations(&raw, wish, &PARTS);
        if operations.len() == 1 {
            return Ok(Changed { raw, refused: None });
        }
        match self.boards.patch(raw.id, &operations).await {
            Ok(raw) => {
                self.mirror().put(raw.clone());
                Ok(Changed { raw, refused: None })
            }
            Err(Failed::Tracker(TrackerError::Refused { .. })) => {
                self.change_in_parts(raw, wish).await
            }
            Err(failed) => Err(failed),
        }
    }

    /// One part is refused, whatever the others are: each is tried by itself.
    async fn change_in_parts(&self, raw: RawItem, wish: &Wish<'_>) -> Result<Changed, Failed> {
        let mut raw = raw;
        let mut refused = Vec::new();
        for part in PARTS {
            let operations = self.operations(&raw, wish, &[part]);
            if operations.len() == 1 {
                continue;
            }
            match self.boards.patch(raw.id, &operations).await {
                Ok(changed) => {
                    self.mirror().put(changed.clone());
                    raw = changed;
                }
                Err(Failed::Tracker(TrackerError::Refused { reason, .. })) => {
                    let what = match (part, wish.update.state) {
                        (Part::State, Some(state)) => {
                            format!("its state was not set to {}", state.label())
                        }
                        (Part::State, None) => "its state was not set".to_owned(),
                        (Part::Boxes, _) => "its checkboxes were not set".to_owned(),
                        (Part::Links, _) => "its links were not drawn".to_owned(),
                    };
                    refused.push(format!("{what}: {reason}"));
                }
                Err(failed) => return Err(failed),
            }
        }
        let refused = (!refused.is_empty()).then(|| refused.join("; "));
        Ok(Changed { raw, refused })
    }

    /// What is to be changed in the item, behind the test that it is still the one that was read.
    fn operations(&self, raw: &RawItem, wish: &Wish<'_>, parts: &[Part]) -> Vec<Value> {
        let mut operations = vec![json!({ "op": "test", "path": "/rev", "value": raw.rev })];
        let before = tags(raw);
        let mut after = before.clone();
        let Wish { now, update, .. } = wish;
        let wanted = update.state.filter(|state| now.state == update.from && *state != now.state);
        if let Some(wanted) = wanted.filter(|_| parts.contains(&Part::State)) {
            self.move_to(wanted, raw, wish.process, &mut operations, &mut after);
        }
        let card = update.card.as_ref().filter(|_| !wish.is_outdated);
        if let Some(card) = card.filter(|_| parts.contains(&Part::Boxes)) {
            self.tick(card, raw, &mut operations, &mut after);
        }
        if before != after {
            let op = if before.is_empty() { "add" } else { "replace" };
            let value = after.join("; ");
            operations.push(json!({ "op": op, "path": "/fields/System.Tags", "value": value }));
        }
        if parts.contains(&Part::Links) {
            operations.extend(wish.links.iter().cloned());
        }
        operations
    }

    fn move_to(
        &self,
        wanted: ItemState,
        raw: &RawItem,
        process: &Process,
        operations: &mut Vec<Value>,
        tags: &mut Vec<String>,
    ) {
        let with = &self.settings.state_tags;
        let item_type = process.of(field(raw, "System.WorkItemType"));
        let moved = item_type.and_then(|it| it.write(field(raw, "System.State"), wanted, with));
        let Some(moved) = moved else {
            tracing::warn!(item.id = %item::id_of(raw.id), state = wanted.label(),
                "the type of the work item has no state for this; its state stays");
            return;
        };
        tags.retain(|tag| !with.contains(tag) || has(&moved.tags, tag));
        for tag in moved.tags {
            if !has(tags, &tag) {
                tags.push(tag);
            }
        }
        if let Some(state) = moved.state {
            operations.push(json!({ "op": "add", "path": "/fields/System.State", "value": state }));
        }
    }

    /// Sets the two checkboxes.
    fn tick(
        &self,
        card: &RunCard,
        raw: &RawItem,
        operations: &mut Vec<Value>,
        tags: &mut Vec<String>,
    ) {
        let boxes = [
            (&self.settings.implementation_field, IMPLEMENTED, card.implementation_complete),
            (&self.settings.review_field, REVIEWED, card.review_passed),
        ];
        for (name, tag, wanted) in boxes {
            match name {
                Some(name) => {
                    let is_set = raw.fields.get(name).and_then(Value::as_bool).unwrap_or(false);
                    if is_set != wanted {
                        let path = format!("/fields/{name}");
                        operations.push(json!({ "op": "add", "path": path, "value": wanted }));
                    }
                }
                None if wanted && !has(tags, tag) => tags.push(tag.to_owned()),
                None if !wanted => tags.retain(|known| !known.eq_ignore_ascii_case(tag)),
                None => {}
            }
        }
    }
}
