//! What follows from a coder's turn: judged by git's diff first, by its own words only where nothing else can know.

use crate::domain::agent::TurnEnding;
use crate::domain::change::Change;
use crate::domain::event::Event;
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::run::{Outcome, StuckKind};
use crate::pipeline::reply;

use super::{Step, blocker};

impl Step {
    pub(super) fn coder_finished(
        &mut self,
        turn: u32,
        ending: &TurnEnding,
        text: &str,
        change: Option<Change>,
    ) {
        match ending {
            TurnEnding::Completed => match change {
                Some(change) => self.coder_completed(turn, text, &change),
                None => self.back_to_coder(&Failure::infrastructure(
                    "git could not say what the turn changed",
                )),
            },
            TurnEnding::Failed { failure } if failure.class == FailureClass::Agent => {
                let finding = blocker(format!("The previous turn failed: {}", failure.message));
                self.revise(vec![finding], Outcome::AgentFailed, &failure.message);
            }
            TurnEnding::Failed { failure } => self.back_to_coder(&failure.clone()),
            TurnEnding::TimedOut { clock } => {
                let detail = "the coder's turn ran out of time".to_owned();
                let finding = blocker(
                    "The previous turn was ended because it took too long. What it changed is still in the \
                     worktree. Work in smaller steps and finish."
                        .to_owned(),
                );
                self.revise(vec![finding], Outcome::TimedOut { clock: *clock }, &detail);
            }
            TurnEnding::Stuck { evidence } => {
                let stuck = StuckKind::RepeatedToolCall;
                self.finish(
                    Outcome::Stuck { stuck },
                    &format!("the coder repeats itself: {evidence}"),
                );
            }
            TurnEnding::Cancelled => self.back_to_coder(&Failure::new(
                FailureClass::Cancelled,
                "the turn was stopped from outside",
            )),
        }
    }

    fn back_to_coder(&mut self, failure: &Failure) {
        self.wait_or_finish(failure, Self::request_turn_at);
    }

    fn coder_completed(&mut self, turn: u32, text: &str, change: &Change) {
        let report = reply::coder_report(text);
        if let Some(report) = &report {
            self.emit(Event::CoderReported { turn, report: report.clone() });
        }
        let report = report.unwrap_or_default();
        if change.is_empty() {
            if let Some(question) = report.question {
                return self.finish(Outcome::WaitingHuman, &format!("the coder asks: {question}"));
            }
            let Some(reason) = report.no_change_reason else {
                let detail = "the coder ended its turn without any change and without saying why";
                let finding = blocker(
                    "The previous turn changed nothing and did not say why. Make the change, or state in \
                     `no_change_reason` why none is needed."
                        .to_owned(),
                );
                return self.revise(vec![finding], Outcome::AgentFailed, detail);
            };
            if self.state.plan.stages.critic.is_none() {
                let detail = format!(
                    "the coder says no change is needed, and no critic can confirm it: {reason}"
                );
                return self.finish(Outcome::WaitingHuman, &detail);
            }
        }
        self.start_checks();
    }
}
