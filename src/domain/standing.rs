//! How an item stands for the factory, as it writes it down at the item itself: enough to go on from there when its own
//! log is gone.

use serde::{Deserialize, Serialize};

use super::bounds::first_chars;
use super::budget::ItemSpend;
use super::ids::RunId;
use super::item_record::{Hold, HumanRequest, ItemRecord, ItemStatus};
use super::run::Outcome;
use super::work_item::ItemState;

/// What [`Standing::version`] is in this version of the program.
pub const VERSION: u32 = 1;

/// Characters of a question, a reason or a name in it.
const LONGEST: usize = 200;

/// See the module. Only the factory's own signature makes one count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// [`VERSION`]; others are not read.
    pub version: u32,
    /// Updates sent to the tracker so far: the next one has the next number.
    pub updates: u32,
    /// Where execution stands.
    pub status: ItemStatus,
    /// What the tracker said when this was written. When it says something else now, people have moved the item.
    pub state: ItemState,
    /// What the item used up.
    #[serde(default)]
    pub spend: ItemSpend,
    /// Infrastructure failures in a row.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub infra_failures: u32,
    /// Approved changes in a row that could not be delivered.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub delivery_failures: u32,
    /// What keeps it from being claimed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<Hold>,
    /// What waits for a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub human: Option<HumanRequest>,
    /// The run that has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
    /// The run that had it last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_run: Option<RunId>,
    /// How that one ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_outcome: Option<Outcome>,
    /// Whether its result waits on a branch for people.
    #[serde(default, skip_serializing_if = "is_false")]
    pub in_review: bool,
    /// The state directory whose daemon has it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub holder: String,
}

impl Standing {
    /// The standing of `record` for the daemon of the state directory `holder`.
    #[must_use]
    pub fn of(record: &ItemRecord, holder: &str) -> Self {
        let hold = record
            .hold
            .clone()
            .map(|hold| Hold { reason: first_chars(&hold.reason, LONGEST), ..hold });
        let human = record
            .human
            .clone()
            .map(|human| HumanRequest { question: first_chars(&human.question, LONGEST), ..human });
        Self {
            version: VERSION,
            updates: record.updates,
            status: record.status,
            state: record.item.state,
            spend: record.spend,
            infra_failures: record.infra_failures,
            delivery_failures: record.delivery_failures,
            hold,
            human,
            run: record.run,
            last_run: record.last_run,
            last_outcome: record.last_outcome.clone(),
            in_review: record.in_review,
            holder: first_chars(holder, LONGEST),
        }
    }

    /// What a comment without one says: nothing but the number of its newest update.
    #[must_use]
    pub fn unknown(updates: u32, state: ItemState) -> Self {
        Self {
            version: VERSION,
            updates,
            status: ItemStatus::Pending,
            state,
            spend: ItemSpend::default(),
            infra_failures: 0,
            delivery_failures: 0,
            hold: None,
            human: None,
            run: None,
            last_run: None,
            last_outcome: None,
            in_review: false,
            holder: String::new(),
        }
    }

    /// Whether a run had the item when this was written. With the log, that run is gone.
    #[must_use]
    pub fn is_in_flight(&self) -> bool {
        self.status == ItemStatus::InFlight
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature is serde's")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature is serde's")]
fn is_false(value: &bool) -> bool {
    !*value
}

#[cfg(test)]
mod tests;
