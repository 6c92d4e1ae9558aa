//! What an earlier log may have written down at an item.

use crate::domain::budget::ItemSpend;
use crate::domain::item_record::{HumanReason, HumanRequest, ItemStatus};
use crate::domain::run::Outcome;
use crate::domain::standing::Standing;
use crate::domain::time::Timestamp;
use crate::domain::work_item::ItemState;

use super::events::usage;
use super::run_id;

/// The standing of an item that waits for a person.
pub(super) fn standing() -> Standing {
    Standing {
        spend: ItemSpend { attempts: 1, turns: 3, wall_ms: 60_000, usage: usage() },
        status: ItemStatus::WaitingHuman,
        infra_failures: 1,
        human: Some(HumanRequest {
            reason: HumanReason::CriticRejected,
            question: "the critic rejected it".to_owned(),
            since: Timestamp(1_700_000_000_000),
        }),
        last_run: Some(run_id(2)),
        last_outcome: Some(Outcome::Rejected),
        holder: "another state directory".to_owned(),
        ..Standing::unknown(4, ItemState::Blocked)
    }
}
