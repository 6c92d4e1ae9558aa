//! The `work_item` row: agent-state's columns and status words, and ours.

use crate::domain::ids::{ProjectId, RunId};
use crate::domain::item_record::ItemRecord;
use crate::domain::time::Timestamp;
use crate::store::error::StoreError;

/// One work item as surfaces list it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkItemRow {
    /// `<source>/<identifier>`.
    pub id: String,
    /// Which tracker has it.
    pub source: String,
    /// Execution status (`pending`, `in_flight`, …).
    pub status: String,
    /// The run that has it.
    pub run: Option<RunId>,
    /// The run that had it last.
    pub last_run: Option<RunId>,
    /// First seen.
    pub created: Timestamp,
    /// Last event.
    pub updated: Timestamp,
    /// What people should know: the open question, or why it is held.
    pub notes: Option<String>,
    /// Its project, if the tracker says.
    pub project: Option<ProjectId>,
    /// Where the tracker says it stands (`Todo`, …).
    pub tracker_state: String,
    /// Order of importance (`critical`, …).
    pub priority: String,
    /// Who drives it (`autopilot`, …).
    pub lane: String,
    /// Highest fencing number its lease ever had.
    pub fence: u64,
    /// Why a person is needed, if one is.
    pub blocked_class: Option<String>,
    /// When its hold ends, if one holds it.
    pub due: Option<Timestamp>,
    /// Sequence number of the stream's last event.
    pub version: u64,
    /// The whole record as JSON.
    pub record: String,
}

impl WorkItemRow {
    /// The row `id` that follows from a record after event `version` of its stream.
    ///
    /// # Errors
    /// `Encode` when the record cannot be written as JSON.
    pub fn of(id: &str, record: &ItemRecord, version: u64) -> Result<Self, StoreError> {
        let json = serde_json::to_string(record)
            .map_err(|source| StoreError::Encode { what: id.to_owned(), source })?;
        let question = record.human.as_ref().map(|request| request.question.clone());
        let held = record.hold.as_ref().map(|hold| hold.reason.clone());
        Ok(Self {
            id: id.to_owned(),
            source: record.item.id.source().to_owned(),
            status: record.status.word().to_owned(),
            run: record.run,
            last_run: record.last_run,
            created: record.created,
            updated: record.updated,
            notes: question.or(held),
            project: record.item.project.clone(),
            tracker_state: record.item.state.label().to_owned(),
            priority: record.item.priority.word().to_owned(),
            lane: record.item.lane.word().to_owned(),
            fence: record.fence,
            blocked_class: record.human.as_ref().map(|request| request.reason.word().to_owned()),
            due: record.hold.as_ref().map(|hold| hold.until),
            version,
            record: json,
        })
    }

    /// The record the row was made from.
    ///
    /// # Errors
    /// `Corrupt` when it cannot be read.
    pub fn parse_record(id: &str, record: &str) -> Result<ItemRecord, StoreError> {
        serde_json::from_str(record)
            .map_err(|error| StoreError::Corrupt { what: format!("record of `{id}`: {error}") })
    }
}
