//! Writing to an item: decided on one revision, done on that revision or decided anew.

use serde_json::{Value, json};

use super::comment::{Status, is_marked};
use super::item::{IMPLEMENTED, REVIEWED, field, number_of, tags};
use super::process::{Process, has};
use super::refusal::Failed;
use super::wire::RawItem;
use super::{AzureDevOpsTracker, SOURCE, item};
use crate::domain::card::RunCard;
use crate::domain::work_item::{ItemState, WorkItem};
use crate::trackers::{TrackerError, TrackerUpdate, Updated};

/// How often an update is decided anew because somebody saved the item meanwhile.
const MOST_TRIES: u32 = 5;

/// A comment of ours, with its number at the service.
struct Ours {
    comment: u64,
    status: Status,
}

impl AzureDevOpsTracker {
    /// See [`crate::trackers::Tracker::update`]. The item goes first and the comment last: the comment says that the
    /// update is done.
    pub(super) async fn write(&self, update: &TrackerUpdate) -> Result<Updated, TrackerError> {
        let foreign =
            || TrackerError::ForeignItem { item: update.item.clone(), tracker: SOURCE.to_owned() };
        let number = number_of(&update.item).ok_or_else(foreign)?;
        // What people took off the board is not ours to write to, even where it can still be read.
        let is_known = self.mirror().has(number);
        if !is_known {
            // Another reading may have brought it while this one waited for its turn.
            self.read_if_due().await?;
            if !self.mirror().has(number) {
                return Err(TrackerError::UnknownItem { item: update.item.clone() });
            }
        }
        let process = self.known_process().await?;
        for _try in 0..MOST_TRIES {
            match self.write_once(number, &process, update).await {
                Ok(updated) => return Ok(updated),
                Err(Failed::Changed) => {}
                Err(Failed::Missing) => {
                    return Err(TrackerError::UnknownItem { item: update.item.clone() });
                }
                Err(failed) => return Err(failed.error("change the work item")),
            }
        }
        Err(TrackerError::Conflict { file: update.item.as_str().into(), attempts: MOST_TRIES })
    }

    async fn write_once(
        &self,
        number: u64,
        process: &Process,
        update: &TrackerUpdate,
    ) -> Result<Updated, Failed> {
        let mut raw = self.boards.item(number).await?;
        let now = self.viewed(&raw, process, update)?;
        let ours = self.our_comments(number).await?;
        let already = ours.iter().any(|ours| ours.status.has(update));
        if !already {
            let is_outdated = ours.iter().any(|ours| ours.status.number > update.number);
            let operations = self.operations(&raw, process, &now, update, is_outdated);
            if operations.len() > 1 {
                raw = self.boards.patch(number, &operations).await?;
                self.mirror().put(raw.clone());
            }
            self.say(number, &ours, update).await?;
        }
        let current = self.viewed(&raw, process, update)?;
        self.mirror().put(raw);
        let skipped = update.state.filter(|wanted| *wanted != current.state);
        Ok(Updated {
            revision: current.revision.clone(),
            already,
            state_skipped: skipped.map(|_| current.state),
            current,
        })
    }

    fn viewed(
        &self,
        raw: &RawItem,
        process: &Process,
        update: &TrackerUpdate,
    ) -> Result<WorkItem, TrackerError> {
        self.mirror().view(raw, process, &self.settings).map_err(|problem| {
            TrackerError::Unreadable { item: update.item.clone(), problem: Box::new(problem) }
        })
    }

    /// Comments of the item that we wrote and nobody changed, oldest first.
    async fn our_comments(&self, number: u64) -> Result<Vec<Ours>, Failed> {
        let mut ours = Vec::new();
        for raw in self.boards.comments(number).await? {
            match Status::verified(&raw.text, number, &self.signer) {
                Some(status) => ours.push(Ours { comment: raw.id, status }),
                None if is_marked(&raw.text) => {
                    tracing::warn!(item.id = %item::id_of(number), comment = raw.id,
                        "a comment looks like one of ours and is not signed by us; it is left alone");
                }
                None => {}
            }
        }
        ours.sort_by_key(|ours| ours.comment);
        Ok(ours)
    }

    /// What is to be changed in the item, behind the test that it is still the one that was read.
    fn operations(
        &self,
        raw: &RawItem,
        process: &Process,
        now: &WorkItem,
        update: &TrackerUpdate,
        is_outdated: bool,
    ) -> Vec<Value> {
        let mut operations = vec![json!({ "op": "test", "path": "/rev", "value": raw.rev })];
        let before = tags(raw);
        let mut after = before.clone();
        let wanted = update.state.filter(|state| now.state == update.from && *state != now.state);
        if let Some(wanted) = wanted {
            self.move_to(wanted, raw, process, &mut operations, &mut after);
        }
        if let Some(card) = update.card.as_ref().filter(|_| !is_outdated) {
            self.tick(card, raw, &mut operations, &mut after);
        }
        if before != after {
            let op = if before.is_empty() { "add" } else { "replace" };
            let value = after.join("; ");
            operations.push(json!({ "op": op, "path": "/fields/System.Tags", "value": value }));
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

    /// Puts the update into the comment of its run, or into a new one.
    async fn say(&self, number: u64, ours: &[Ours], update: &TrackerUpdate) -> Result<(), Failed> {
        let about = update.card.as_ref().map(|card| card.run);
        let home = match about {
            Some(run) => ours.iter().find(|ours| ours.status.run == run),
            None => ours.iter().max_by_key(|ours| ours.status.number),
        };
        let mut status =
            home.map_or_else(|| Status::new(about.flatten()), |home| home.status.clone());
        status.add(update);
        let page = self.boards.page_of(&self.settings.base_url, number);
        let text = status.render(number, &page, &self.signer);
        match home {
            Some(home) => match self.boards.edit_comment(number, home.comment, &text).await {
                // Somebody has deleted it meanwhile: all is decided anew.
                Err(Failed::Missing) => Err(Failed::Changed),
                edited => edited,
            },
            None => self.boards.add_comment(number, &text).await,
        }
    }
}
