//! The `turn` row: what each agent invocation was, how it ended, what it used.

use crate::domain::agent::TurnEnding;
use crate::domain::budget::Usage;
use crate::domain::event::Event;
use crate::domain::time::Timestamp;

use super::runs::RunState;

/// One agent turn as surfaces list it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TurnRow {
    /// The run's id.
    pub run: String,
    /// Number within the run, from 1.
    pub turn: u32,
    /// What for (`coder`, …).
    pub stage: String,
    /// In which round, from 1.
    pub round: u32,
    /// Name of the configured agent.
    pub agent: String,
    /// Model asked for.
    pub model: Option<String>,
    /// Session id: the agent's own if it told us, else the one we chose.
    pub session: String,
    /// When it began.
    pub started: Timestamp,
    /// When it ended or was interrupted.
    pub ended: Option<Timestamp>,
    /// How (`completed`, `failed`, …, `interrupted`).
    pub ending: Option<String>,
    /// Milliseconds from spawn to end, as far as we know.
    pub duration_ms: u64,
    /// Tokens and money.
    pub usage: Usage,
}

impl TurnRow {
    /// The row of run `id`'s turn that `event` is about, after it went into `run`; nothing for events that are about none.
    #[must_use]
    pub fn after(id: &str, run: &RunState, event: &Event, at: Timestamp) -> Option<Self> {
        let (number, ended) = match event {
            Event::TurnStarted { turn, .. } => (*turn, None),
            Event::TurnFinished { turn, .. } | Event::TurnInterrupted { turn, .. } => {
                (*turn, Some(at))
            }
            _ => return None,
        };
        let record = run.turn(number)?;
        let report = record.report.as_ref();
        let ending = match report {
            Some(report) => Some(ending_word(&report.ending)),
            None => record.interrupted.map(|_| "interrupted"),
        };
        Some(Self {
            run: id.to_owned(),
            turn: record.turn,
            stage: record.stage.word().to_owned(),
            round: record.round,
            agent: record.agent.clone(),
            model: record.model.clone(),
            session: report
                .and_then(|report| report.session.clone())
                .unwrap_or_else(|| record.session.clone()),
            started: record.started,
            ended,
            ending: ending.map(str::to_owned),
            duration_ms: report.map_or(0, |report| report.duration_ms),
            usage: report.map_or_else(Usage::default, |report| report.usage),
        })
    }
}

fn ending_word(ending: &TurnEnding) -> &'static str {
    match ending {
        TurnEnding::Completed => "completed",
        TurnEnding::Failed { .. } => "failed",
        TurnEnding::TimedOut { .. } => "timed out",
        TurnEnding::Stuck { .. } => "stuck",
        TurnEnding::Cancelled => "cancelled",
    }
}
