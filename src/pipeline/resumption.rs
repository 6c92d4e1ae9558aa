//! Going on after a turn that was cut short: whether its conversation with the agent can be continued, and what the next
//! agent has to be told where it cannot. Why it is like that: `docs/decisions/0015-resuming.md`.

use crate::domain::agent::{TimeoutKind, TurnEnding, TurnReport};
use crate::domain::budget::Usage;
use crate::domain::failure::{Failure, FailureClass};

use super::state::{RunState, TurnRecord};

/// The turn whose conversation the next one goes on with, if its agent can: the last turn, of the same round, stage and
/// agent, that was cut short through no fault of the conversation.
#[must_use]
pub fn continued(state: &RunState) -> Option<&TurnRecord> {
    let last = trail(state).next()?;
    let plan = state.stage_plan(state.stage()?)?;
    let keeps = last.report.as_ref().is_none_or(|report| keeps_conversation(&report.ending));
    let begun = last.resumes.is_some() || is_alive(last);
    (last.agent == plan.agent && keeps && begun).then_some(last)
}

/// The turn whose work the next one takes over: the last one of the same round and stage that was cut short after it had
/// done something.
#[must_use]
pub fn cut_short(state: &RunState) -> Option<&TurnRecord> {
    trail(state).find(|record| is_alive(record))
}

/// Whether a conversation that ended like this is worth continuing: what it waited for was not its own doing.
#[must_use]
pub fn keeps_conversation(ending: &TurnEnding) -> bool {
    match ending {
        TurnEnding::Failed { failure } => match failure.class {
            FailureClass::Quota { .. }
            | FailureClass::Throttled { .. }
            | FailureClass::Authentication
            | FailureClass::Cancelled => true,
            FailureClass::Agent
            | FailureClass::Infrastructure
            | FailureClass::Budget
            | FailureClass::Configuration
            | FailureClass::ContextOverflow => false,
        },
        TurnEnding::Cancelled => true,
        TurnEnding::Completed | TurnEnding::TimedOut { .. } | TurnEnding::Stuck { .. } => false,
    }
}

/// What the turns of the conversation that `last` was in have used, as far as is known.
#[must_use]
pub fn used(state: &RunState, last: &TurnRecord) -> Usage {
    let mut sum = Usage::default();
    let mut next = Some(last);
    while let Some(record) = next {
        sum += record.report.as_ref().map(|report| report.usage).unwrap_or_default();
        // Always an earlier one.
        next = record.resumes.filter(|turn| *turn < record.turn).and_then(|turn| state.turn(turn));
    }
    sum
}

/// The report of `turn` as it counts: when a conversation that was to be continued never came to life, that says nothing
/// about the work. The next turn then begins a conversation of its own.
#[must_use]
pub fn judged(state: &RunState, turn: u32, report: TurnReport) -> TurnReport {
    let resumed = state.turn(turn).is_some_and(|record| record.resumes.is_some());
    if !resumed || has_worked(&report) {
        return report;
    }
    let why = match &report.ending {
        TurnEnding::Failed { failure } => match failure.class {
            FailureClass::Agent
            | FailureClass::Infrastructure
            | FailureClass::Configuration
            | FailureClass::ContextOverflow => failure.message.clone(),
            FailureClass::Quota { .. }
            | FailureClass::Throttled { .. }
            | FailureClass::Authentication
            | FailureClass::Budget
            | FailureClass::Cancelled => return report,
        },
        TurnEnding::TimedOut { clock: TimeoutKind::Silence } => "it said nothing".to_owned(),
        TurnEnding::TimedOut { clock: TimeoutKind::Total }
        | TurnEnding::Completed
        | TurnEnding::Stuck { .. }
        | TurnEnding::Cancelled => return report,
    };
    let message = format!("the conversation could not be continued: {why}");
    let failure = Failure::new(FailureClass::Infrastructure, message);
    TurnReport { ending: TurnEnding::Failed { failure }, ..report }
}

/// The last turns of the current round and stage, latest first, as long as each was cut short.
fn trail(state: &RunState) -> impl Iterator<Item = &TurnRecord> {
    let stage = state.stage();
    state
        .turns
        .iter()
        .rev()
        .take_while(move |turn| turn.round == state.round && Some(turn.stage) == stage)
        .take_while(|turn| was_cut_short(turn))
}

fn was_cut_short(record: &TurnRecord) -> bool {
    record.interrupted.is_some()
        || record.report.as_ref().is_some_and(|report| {
            let infrastructure = report
                .failure()
                .is_some_and(|failure| failure.class == FailureClass::Infrastructure);
            infrastructure || keeps_conversation(&report.ending)
        })
}

/// Whether the turn has done something, as far as is known.
fn is_alive(record: &TurnRecord) -> bool {
    record.report.as_ref().map_or(record.interrupted.is_some(), has_worked)
}

fn has_worked(report: &TurnReport) -> bool {
    report.tool_calls > 0 || report.usage.output_tokens > 0
}

#[cfg(test)]
mod tests;
