//! What follows from the planner's turn: the item is divided, and the run is over; or it is done in one piece, and the
//! run goes on.

use crate::domain::agent::{Stage, TurnEnding};
use crate::domain::bounds;
use crate::domain::event::Event;
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::run::{Outcome, Phase};
use crate::domain::verdict::{StageReport, StageResult};
use crate::pipeline::division::{self, Answer};

use super::Step;

/// Answers of one run's planner that may be refused before the item is done in one piece.
pub const MOST_REFUSED_DIVISIONS: usize = 2;

impl Step {
    pub(super) fn planner_finished(
        &mut self,
        turn: u32,
        ending: &TurnEnding,
        text: &str,
        tampered: bool,
    ) {
        match ending {
            TurnEnding::Completed if tampered => {
                self.keep_whole(turn, "the planner changed the worktree, which it may only read");
            }
            TurnEnding::Completed => self.planner_answered(turn, text),
            TurnEnding::Failed { failure } if failure.class == FailureClass::Agent => {
                self.keep_whole(turn, &format!("the planner's turn failed: {}", failure.message));
            }
            TurnEnding::Failed { failure } => {
                self.wait_or_finish(&failure.clone(), Self::request_turn_at);
            }
            TurnEnding::TimedOut { .. } => self.keep_whole(turn, "the planner ran out of time"),
            TurnEnding::Stuck { evidence } => {
                self.keep_whole(turn, &format!("the planner repeats itself: {evidence}"));
            }
            TurnEnding::Cancelled => self.wait_or_finish(
                &Failure::new(FailureClass::Cancelled, "the turn was stopped from outside"),
                Self::request_turn_at,
            ),
        }
    }

    fn planner_answered(&mut self, turn: u32, text: &str) {
        let most = self.state.plan.division.as_ref().map_or(0, |plan| plan.most_parts);
        match division::read(text, most) {
            Ok(Answer::Divided { reason, parts }) => {
                let titles: Vec<&str> = parts.iter().map(|part| part.title.as_str()).collect();
                let detail = format!("divided into {} parts: {}", parts.len(), titles.join("; "));
                self.emit(Event::DivisionSubmitted { turn, reason, parts });
                self.finish(Outcome::Succeeded, &detail);
            }
            Ok(Answer::Whole { reason }) => {
                let report = StageReport { summary: reason, ..StageReport::default() };
                let result = StageResult::Done { report };
                self.emit(Event::StageFinished { turn, stage: Stage::Planner, result });
                self.after_planning();
            }
            Err(error) => {
                let reason = bounds::first_chars(&error.to_string(), bounds::DETAIL_CHARS);
                self.emit(Event::DivisionRefused { turn, reason: reason.clone() });
                if self.state.refused_divisions.len() < MOST_REFUSED_DIVISIONS {
                    return self.request_turn();
                }
                self.keep_whole(turn, &format!("the planner's answer cannot be used: {reason}"));
            }
        }
    }

    fn keep_whole(&mut self, turn: u32, reason: &str) {
        let reason = bounds::first_chars(reason, bounds::DETAIL_CHARS);
        let result = StageResult::Skipped { reason };
        self.emit(Event::StageFinished { turn, stage: Stage::Planner, result });
        self.after_planning();
    }

    fn after_planning(&mut self) {
        let looks_first = self.state.plan.stages.optional.diagnose.is_some();
        let phase = if looks_first { Phase::Diagnosing } else { Phase::Coding };
        self.emit(Event::RunAdvanced { phase, accepted: None });
        self.request_turn();
    }
}
