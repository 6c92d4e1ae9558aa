//! A run's worktree and its turns: getting one ready, starting and ending it.

use crate::domain::agent::{Stage, TurnEnding, TurnReport};
use crate::domain::change::Workspace;
use crate::domain::effect::Effect;
use crate::domain::event::Event;
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::provider::AgentSwitch;
use crate::domain::run::Phase;
use crate::domain::time::Timestamp;
use crate::domain::workflow::Workflow;
use crate::pipeline::input::{FinishedTurn, Instead, PreparedTurn};
use crate::pipeline::resumption;

use super::optional::Ended;
use super::{MOST_QUOTA_WAITS, Step, kept};

impl Step {
    pub(super) fn workspace_ready(
        &mut self,
        workspace: Workspace,
        workflow: Option<Box<Workflow>>,
    ) {
        if self.state.phase != Phase::Preparing {
            return self.ignore("the worktree was ready already");
        }
        self.emit(Event::WorkspaceReady { workspace, workflow });
        let optional = &self.state.plan.stages.optional;
        if optional.planner.is_some() {
            self.emit(Event::RunAdvanced { phase: Phase::Planning, accepted: None });
        } else if optional.diagnose.is_some() {
            self.emit(Event::RunAdvanced { phase: Phase::Diagnosing, accepted: None });
        }
        self.request_turn();
    }

    pub(super) fn workspace_failed(&mut self, failure: &Failure) {
        if self.state.phase != Phase::Preparing {
            return self.ignore("the worktree was ready already");
        }
        self.try_again(failure);
    }

    pub(super) fn request_turn(&mut self) {
        self.request_turn_at(self.now);
    }

    pub(super) fn request_turn_at(&mut self, at: Timestamp) {
        let turn = self.state.next_turn();
        self.effects.push((Effect::RunTurn { run: self.state.id, turn }, at));
    }

    pub(super) fn turn_prepared(&mut self, prepared: PreparedTurn) {
        let Some(stage) = self.state.stage() else {
            return self.ignore("no stage wants a turn");
        };
        if prepared.turn != self.state.next_turn() || self.state.turn_in_flight().is_some() {
            return self.ignore("another turn is under way");
        }
        let Some(plan) = self.state.stage_plan(stage) else {
            return self.ignore("the stage is switched off");
        };
        let (model, escalated) = plan.model_for_round(self.state.round);
        let event = Event::TurnStarted {
            turn: prepared.turn,
            stage,
            round: self.state.round,
            agent: plan.agent.clone(),
            model: model.map(str::to_owned),
            escalated,
            session: prepared.session,
            resumes: prepared.resumes,
            head: prepared.head,
            nonce: stage.is_gate().then_some(prepared.nonce),
            prompt: prepared.prompt,
        };
        self.emit(event);
    }

    pub(super) fn turn_not_started(&mut self, turn: u32, failure: Failure) {
        if self.is_in_flight(turn) {
            // Recorded first and spawned then: the record needs its end, and the next try its own number.
            let report = TurnReport::not_started(failure);
            let finished =
                FinishedTurn { turn, report, change: None, tampered: false, instead: None };
            return self.turn_finished(finished);
        }
        let wanted = self.state.stage().is_some() && self.state.turn_in_flight().is_none();
        if !wanted || turn != self.state.next_turn() {
            return self.ignore("that turn is not wanted");
        }
        self.try_again(&failure);
    }

    pub(super) fn turn_finished(&mut self, finished: FinishedTurn) {
        let in_flight = self.state.turn_in_flight().map(|record| (record.turn, record.stage));
        let Some((turn, stage)) = in_flight.filter(|(turn, _)| *turn == finished.turn) else {
            return self.ignore("that turn is not under way");
        };
        let FinishedTurn { report, change, tampered, instead, .. } = finished;
        let report = resumption::judged(&self.state, turn, report);
        self.emit(Event::TurnFinished {
            turn,
            report: kept(report.clone()),
            change: change.clone(),
            tampered,
        });
        let ending = match instead {
            Some(Instead::Now(switch)) if self.may_hand_on(&report.ending) => {
                self.emit(Event::AgentSwitched { stage, switch });
                return self.request_turn();
            }
            Some(Instead::At(until)) => no_later_than(until, report.ending),
            Some(Instead::Now(_)) | None => report.ending,
        };
        match stage {
            Stage::Planner => self.planner_finished(turn, &ending, &report.text, tampered),
            Stage::Coder => self.coder_finished(turn, &ending, &report.text, change),
            Stage::Critic | Stage::Auditor => {
                self.gate_finished(turn, stage, &ending, &report.text, tampered);
            }
            Stage::Diagnose | Stage::Tester | Stage::Documenter | Stage::StageDocumenter => {
                let ended = Ended { turn, stage, text: &report.text, change, tampered };
                self.optional_finished(&ending, ended);
            }
        }
    }

    /// The next turn of `stage` is another agent's. One that is under way goes on with its own.
    pub(super) fn agent_switched(&mut self, stage: Stage, switch: AgentSwitch) {
        if self.state.stage() != Some(stage) || self.state.turn_in_flight().is_some() {
            return self.ignore("that stage wants no turn now");
        }
        self.emit(Event::AgentSwitched { stage, switch });
    }

    /// Whether a turn that ended like this is no more than an agent that cannot work at the moment, which somebody else
    /// might do; not for ever.
    fn may_hand_on(&self, ending: &TurnEnding) -> bool {
        let TurnEnding::Failed { failure } = ending else { return false };
        let cannot_work =
            matches!(failure.class, FailureClass::Quota { .. } | FailureClass::Authentication);
        cannot_work && self.state.quota_waits + 1 < MOST_QUOTA_WAITS
    }

    pub(super) fn is_in_flight(&self, turn: u32) -> bool {
        self.state.turn_in_flight().is_some_and(|record| record.turn == turn)
    }
}

/// The same ending, where a closed usage window is waited for until then at most: somebody else can go on.
fn no_later_than(at: Timestamp, ending: TurnEnding) -> TurnEnding {
    match ending {
        TurnEnding::Failed {
            failure: Failure { class: FailureClass::Quota { until: Some(until) }, message },
        } => {
            let class = FailureClass::Quota { until: Some(until.min(at)) };
            TurnEnding::Failed { failure: Failure::new(class, message) }
        }
        other => other,
    }
}
