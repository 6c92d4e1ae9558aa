//! Writing to an item's tracker, once per effect key.

use crate::domain::card::RunCard;
use crate::domain::failure::FailureClass;
use crate::domain::ids::ItemId;
use crate::domain::item_record::ItemRecord;
use crate::domain::standing::Standing;
use crate::domain::work_item::ItemState;
use crate::runtime::engine::{TrackerFailure, Written};
use crate::trackers::TrackerUpdate;

use super::{Done, Job, Ports};

/// What shall be written.
pub(super) struct Wish<'a> {
    pub(super) number: u32,
    pub(super) state: Option<ItemState>,
    pub(super) entry: &'a str,
    pub(super) card: Option<&'a RunCard>,
}

pub(super) async fn execute(ports: &Ports, job: &Job, item: &ItemId, wish: Wish<'_>) -> Done {
    let (Some(tracker), Some(record)) = (ports.trackers.get(item.source()), &job.item) else {
        // It comes with its configuration, and then it must be told.
        let message = format!("no tracker is configured for {item}");
        return Done::Tracker(Err(TrackerFailure { message, again: true, wait: None }));
    };
    let shown = |card: &RunCard| RunCard {
        text: ports.redactor.redact(&card.text).into_owned(),
        evidence: card.evidence.as_ref().map(|text| ports.redactor.redact(text).into_owned()),
        ..card.clone()
    };
    let update = TrackerUpdate {
        item: item.clone(),
        key: job.key.clone(),
        from: record.item.state,
        state: wish.state,
        entry: ports.redactor.redact(wish.entry).into_owned(),
        at: ports.clock.now(),
        number: wish.number,
        card: wish.card.map(shown),
        standing: Some(Box::new(standing(ports, record))),
    };
    Done::Tracker(match tracker.update(&update).await {
        Ok(updated) => Ok(Written { current: updated.current, refused: updated.refused }),
        Err(error) => {
            let failure = error.failure();
            let again = comes_back(failure.class);
            tracing::warn!(item.id = %item, error = %failure.message, again, "the tracker was not written");
            Err(TrackerFailure { message: failure.message, again, wait: error.wait() })
        }
    })
}

/// How the item stands, for whoever comes after this log. What people and agents said in it is shown to everybody.
fn standing(ports: &Ports, record: &ItemRecord) -> Standing {
    let mut standing = Standing::of(record, &ports.dirs.instance);
    let said = [
        standing.human.as_mut().map(|human| &mut human.question),
        standing.hold.as_mut().map(|hold| &mut hold.reason),
    ];
    for text in said.into_iter().flatten() {
        *text = ports.redactor.redact(text).into_owned();
    }
    standing
}

/// Whether the same write may succeed later. Credentials are put right by people, and then nothing must be lost.
pub(super) fn comes_back(class: FailureClass) -> bool {
    match class {
        FailureClass::Infrastructure
        | FailureClass::Throttled { .. }
        | FailureClass::Quota { .. }
        | FailureClass::Authentication => true,
        FailureClass::Cancelled
        | FailureClass::Agent
        | FailureClass::Budget
        | FailureClass::Configuration
        | FailureClass::ContextOverflow => false,
    }
}
