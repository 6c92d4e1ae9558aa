//! The `run` row. The run's whole state is not stored: it is folded from its events when asked for, so that a run's
//! growing state is not written again with each event.

use crate::domain::ids::{ItemId, ProjectId};
use crate::domain::time::Timestamp;

/// The fold of a run's stream.
pub type RunState = crate::pipeline::state::RunState;

/// One run as surfaces list it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunRow {
    /// Its id.
    pub run: String,
    /// The item it works on.
    pub item: ItemId,
    /// The project it works in.
    pub project: ProjectId,
    /// Path of the repository it works in.
    pub repository: String,
    /// Number of the attempt at the item, from 1.
    pub attempt: u32,
    /// What it is doing (`coding`, …).
    pub phase: String,
    /// The current round, from 1.
    pub round: u32,
    /// How it ended (`succeeded`, …).
    pub outcome: Option<String>,
    /// When it began.
    pub started: Timestamp,
    /// When it ended.
    pub finished: Option<Timestamp>,
    /// Sequence number of the stream's last event.
    pub version: u64,
}

impl RunRow {
    /// The row of run `id` that follows from a run's state after event `version` of its stream.
    #[must_use]
    pub fn of(id: &str, run: &RunState, version: u64) -> Self {
        Self {
            run: id.to_owned(),
            item: run.item.clone(),
            project: run.plan.project.clone(),
            repository: run.plan.repository.clone(),
            attempt: run.attempt,
            phase: run.phase.word().to_owned(),
            round: run.round,
            outcome: run.outcome.as_ref().map(|outcome| outcome.word().to_owned()),
            started: run.started,
            finished: run.finished,
            version,
        }
    }
}
