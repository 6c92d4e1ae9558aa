//! Writing to an item's tracker, once per effect key.

use crate::domain::failure::FailureClass;
use crate::domain::ids::ItemId;
use crate::domain::work_item::ItemState;
use crate::runtime::engine::TrackerFailure;
use crate::trackers::TrackerUpdate;

use super::{Done, Job, Ports};

pub(super) async fn execute(
    ports: &Ports,
    job: &Job,
    item: &ItemId,
    state: Option<ItemState>,
    entry: &str,
) -> Done {
    let (Some(tracker), Some(record)) = (ports.trackers.get(item.source()), &job.item) else {
        let message = format!("no tracker for {item}");
        return Done::Tracker(Err(TrackerFailure { message, again: false }));
    };
    let update = TrackerUpdate {
        item: item.clone(),
        key: job.key.clone(),
        from: record.item.state,
        state,
        entry: ports.redactor.redact(entry).into_owned(),
        at: ports.clock.now(),
    };
    Done::Tracker(match tracker.update(&update).await {
        Ok(updated) => Ok(updated.current),
        Err(error) => {
            let failure = error.failure();
            let again = failure.class == FailureClass::Infrastructure;
            tracing::warn!(item.id = %item, error = %failure.message, again, "the tracker was not written");
            Err(TrackerFailure { message: failure.message, again })
        }
    })
}
