//! Creating one part of a divided item in the item's tracker, once per part.

use std::fmt::Write as _;

use crate::domain::epic::{Epic, Part, part_key};
use crate::domain::ids::ItemId;
use crate::domain::item_record::ItemRecord;
use crate::runtime::engine::TrackerFailure;
use crate::trackers::NewItem;

use super::{Done, Job, Ports, tracker};

pub(super) async fn execute(ports: &Ports, job: &Job, parent: &ItemId, number: u32) -> Done {
    let refused =
        |message: String| Done::Created(Err(TrackerFailure { message, again: false, wait: None }));
    let (Some(tracker), Some(record)) = (ports.trackers.get(parent.source()), &job.item) else {
        return refused(format!("no tracker for {parent}"));
    };
    if record.status.is_settled() || !record.present {
        return refused(format!("{parent} is settled: no more of its parts are created"));
    }
    let Some((epic, part)) = record.epic.as_ref().and_then(|it| Some((it, it.part(number)?)))
    else {
        return refused(format!("{parent} has no part {number}"));
    };
    let mut item = new_item(record, epic, part, number);
    item.title = ports.redactor.redact(&item.title).into_owned();
    item.body = ports.redactor.redact(&item.body).into_owned();
    item.at = ports.clock.now();
    Done::Created(match tracker.create(&item).await {
        Ok(created) => Ok(created),
        Err(error) => {
            let failure = error.failure();
            let again = tracker::comes_back(failure.class);
            tracing::warn!(item.id = %parent, number, error = %failure.message, again, "a part was not created");
            Err(TrackerFailure { message: failure.message, again, wait: error.wait() })
        }
    })
}

/// The part as an item: it inherits whatever decides who works on it, where and when.
fn new_item(record: &ItemRecord, epic: &Epic, part: &Part, number: u32) -> NewItem {
    let parent = &record.item;
    NewItem {
        parent: parent.id.clone(),
        number,
        key: part_key(&parent.id, epic.run, number),
        title: part.title.clone(),
        body: body(part, &parent.id, number, epic.total()),
        priority: part.priority.unwrap_or(parent.priority),
        lane: parent.lane,
        project: parent.project.clone(),
        blocked_by: epic.blockers(number),
        author: parent.author.clone(),
        trust: parent.trust,
        at: record.updated,
        since: parent.created_at,
    }
}

fn body(part: &Part, parent: &ItemId, number: u32, total: u32) -> String {
    let mut text = part.description.clone();
    if !part.acceptance.is_empty() {
        text.push_str("\n\n## Acceptance criteria\n");
        for criterion in &part.acceptance {
            let _written = write!(text, "\n- {criterion}");
        }
    }
    let _written = write!(
        text,
        "\n\nPart {number} of {total} of {}; estimated at {} minutes.",
        parent.identifier(),
        part.estimated_minutes
    );
    text
}

#[cfg(test)]
mod tests;
