//! The stages that a run can do without, and which stage comes next. A stage that comes to nothing is skipped with its
//! reason on record; a change that one of them made is checked and reviewed anew before it counts.

use crate::domain::agent::{Stage, TurnEnding};
use crate::domain::bounds;
use crate::domain::change::Change;
use crate::domain::event::Event;
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::run::{Outcome, Phase};
use crate::domain::verdict::{Finding, Severity, StageReport, StageResult};
use crate::pipeline::reply;
use crate::pipeline::state::RunState;

use super::Step;

/// A turn of such a stage that is over.
pub(super) struct Ended<'a> {
    pub(super) turn: u32,
    pub(super) stage: Stage,
    pub(super) text: &'a str,
    pub(super) change: Option<Change>,
    pub(super) tampered: bool,
}

/// What comes after something was accepted.
enum Next {
    Stage(Stage),
    /// A stage has changed what checks and critic accepted.
    Verify,
    Deliver,
}

impl Step {
    pub(super) fn optional_finished(&mut self, ending: &TurnEnding, ended: Ended<'_>) {
        let (turn, stage) = (ended.turn, ended.stage);
        match ending {
            TurnEnding::Completed if ended.tampered => {
                self.skip(turn, stage, "it changed the worktree, which it may only read");
            }
            TurnEnding::Completed => self.optional_completed(ended),
            TurnEnding::Failed { failure } if failure.class == FailureClass::Agent => {
                self.skip(turn, stage, &format!("its turn failed: {}", failure.message));
            }
            TurnEnding::Failed { failure } => {
                self.wait_or_finish(&failure.clone(), Self::request_turn_at);
            }
            TurnEnding::TimedOut { .. } => self.skip(turn, stage, "it ran out of time"),
            TurnEnding::Stuck { evidence } => {
                self.skip(turn, stage, &format!("it repeats itself: {evidence}"));
            }
            TurnEnding::Cancelled => self.wait_or_finish(
                &Failure::new(FailureClass::Cancelled, "the turn was stopped from outside"),
                Self::request_turn_at,
            ),
        }
    }

    fn optional_completed(&mut self, ended: Ended<'_>) {
        let Ended { turn, stage, text, change, .. } = ended;
        if stage.writes() && change.is_none() {
            let failure = Failure::infrastructure("git could not say what the turn changed");
            return self.wait_or_finish(&failure, Self::request_turn_at);
        }
        let report = match (reply::stage_report(text), stage.writes()) {
            (Some(report), _) => report,
            // What it wrote speaks for itself, and is judged like everything else.
            (None, true) => StageReport::default(),
            (None, false) => {
                return self.skip(turn, stage, "its answer holds no readable report");
            }
        };
        let blockers: Vec<Finding> =
            report.findings.iter().filter(|it| it.severity == Severity::Blocker).cloned().collect();
        let result = StageResult::Done { report };
        self.emit(Event::StageFinished { turn, stage, result });
        if stage == Stage::Tester && !blockers.is_empty() {
            let detail = format!("the tester found {} defect(s)", blockers.len());
            return self.revise(blockers, Outcome::AgentFailed, &detail);
        }
        self.advance(self.state.accepted.clone());
    }

    fn skip(&mut self, turn: u32, stage: Stage, reason: &str) {
        let reason = bounds::first_chars(reason, bounds::DETAIL_CHARS);
        self.emit(Event::StageFinished { turn, stage, result: StageResult::Skipped { reason } });
        self.advance(self.state.accepted.clone());
    }

    /// Checks and critic accept the head.
    pub(super) fn accepted(&mut self) {
        let head = self.state.change.as_ref().map(|change| change.head.clone());
        self.advance(head);
    }

    /// Goes on to whatever comes next, now that `accepted` is what checks and critic have accepted.
    pub(super) fn advance(&mut self, accepted: Option<String>) {
        if self.state.phase == Phase::Diagnosing {
            self.emit(Event::RunAdvanced { phase: Phase::Coding, accepted: None });
            return self.request_turn();
        }
        match next(&self.state, accepted.as_deref()) {
            Next::Stage(stage) => {
                self.emit(Event::RunAdvanced { phase: Phase::of(stage), accepted });
                self.request_turn();
            }
            Next::Verify => {
                self.emit(Event::RunAdvanced { phase: Phase::Checking, accepted });
                self.start_checks();
            }
            Next::Deliver => self.approve(),
        }
    }
}

/// The stages that write come first, so that what they write is in what checks, critic and auditor judge last.
fn next(state: &RunState, accepted: Option<&str>) -> Next {
    let change = state.change.as_ref().filter(|change| !change.is_empty());
    let open = |stage: Stage| {
        state.stage_plan(stage).is_some() && !state.stage_results.contains_key(&stage)
    };
    if change.is_some()
        && let Some(stage) = [Stage::Tester, Stage::Documenter].into_iter().find(|it| open(*it))
    {
        return Next::Stage(stage);
    }
    let checked = state.checks.as_ref().map(|report| report.head.as_str());
    let verified = |head: &str| accepted == Some(head) && checked == Some(head);
    if change.is_some_and(|change| !verified(&change.head)) {
        return Next::Verify;
    }
    if change.is_some() && open(Stage::Auditor) {
        return Next::Stage(Stage::Auditor);
    }
    if open(Stage::StageDocumenter) {
        return Next::Stage(Stage::StageDocumenter);
    }
    Next::Deliver
}
