//! `decide`: what follows when something happens to a run. The only place that moves a run from phase to phase. Why the
//! stages come in this order, and what each may do: `docs/decisions/0011-stages.md`.

mod checking;
mod coding;
mod critiquing;
mod delivering;
mod leasing;
mod optional;
pub mod planning;
mod turns;
mod waiting;

use std::time::Duration;

use crate::domain::agent::TurnReport;
use crate::domain::bounds;
use crate::domain::effect::Effect;
use crate::domain::event::Event;
use crate::domain::run::{Interruption, Outcome, Phase};
use crate::domain::time::Timestamp;
use crate::domain::verdict::{Finding, Severity};

use delivering::delivery_words;

use super::input::{Decision, FinishedTurn, Input, Settle};
use super::state::RunState;
use super::stuck;

/// Infrastructure failures in a row of one step before the run gives up.
pub const MOST_INFRASTRUCTURE_FAILURES: u32 = 5;

/// Critic turns in a row without a valid verdict before the run gives up.
pub const MOST_GATE_MISSES: u32 = 3;

/// Daemons that may go down in the same phase of the same round before a person is asked.
pub const MOST_CRASHES: u32 = 2;

/// Waits for a usage window, or for somebody to sign the agent in, in a row before the run gives up: 5 h of looking again
/// every quarter of an hour.
pub const MOST_QUOTA_WAITS: u32 = 20;

/// Longest wait inside a run; a usage window that opens later ends the run, and the item waits instead.
pub const LONGEST_WAIT: Duration = Duration::from_secs(24 * 3600);

/// Wait when a provider closed its window without saying until when.
pub const UNKNOWN_QUOTA_WAIT: Duration = Duration::from_secs(15 * 60);

/// Decides what follows from `input`. Pure: the clock arrives as `now`, and nothing is stored or started here.
#[must_use]
pub fn decide(state: &RunState, input: Input, now: Timestamp) -> Decision {
    step(state, input, now).into_decision()
}

fn step(state: &RunState, input: Input, now: Timestamp) -> Step {
    let mut step = Step::new(state, now);
    match input {
        Input::CleanedUp { kept, salvaged } => step.cleaned_up(kept, salvaged),
        other if state.phase == Phase::Finished => step.late(other),
        Input::WorkspaceReady { workspace, workflow } => step.workspace_ready(workspace, workflow),
        Input::WorkspaceFailed { failure } => step.workspace_failed(&failure),
        Input::TurnPrepared(prepared) => step.turn_prepared(*prepared),
        Input::TurnNotStarted { turn, failure } => step.turn_not_started(turn, failure),
        Input::TurnFinished(finished) => step.turn_finished(*finished),
        Input::ChecksFinished { execution, report } => step.checks_finished(execution, report),
        Input::ChecksFailed { execution, failure } => step.checks_failed(execution, &failure),
        Input::Delivered { delivered } => step.delivered(delivered),
        Input::DeliveryFailed { execution, failure } => step.delivery_failed(execution, failure),
        Input::Interrupted { cause, fence, salvaged } => step.interrupted(cause, fence, salvaged),
        Input::Adopted { fence } => step.adopted(fence),
        Input::Leased { lease } => step.leased(lease),
        Input::Yielded { rival } => step.yielded(rival),
        Input::Unleased { failure } => step.finish(Outcome::InfraFailed, &failure.message),
        Input::Instructed { by, text, reception } => {
            step.emit(Event::RunInstructed { by, text, reception });
        }
        Input::GoalChanged { title, body } => step.emit(Event::RunGoalChanged { title, body }),
        Input::AgentSwitched { stage, switch } => step.agent_switched(stage, switch),
        Input::Cancel { by } => {
            step.stop_tasks = true;
            let detail = format!("cancelled by {by}");
            step.finish(Outcome::Cancelled { by }, &detail);
        }
        Input::Supersede { reason, settled } => {
            step.stop_tasks = true;
            step.end(Outcome::Superseded, &reason, Vec::new(), !settled);
        }
    }
    step
}

/// The first effect of a run that may work on its item.
#[must_use]
pub fn first_effect(state: &RunState) -> Effect {
    Effect::PrepareWorkspace { run: state.id }
}

/// A decision in the making: every event is taken into account before the next thing is decided.
struct Step {
    state: RunState,
    now: Timestamp,
    events: Vec<Event>,
    effects: Vec<(Effect, Timestamp)>,
    settle: Settle,
    ignored: Option<&'static str>,
    stop_tasks: bool,
}

impl Step {
    fn new(state: &RunState, now: Timestamp) -> Self {
        Self {
            state: state.clone(),
            now,
            events: Vec::new(),
            effects: Vec::new(),
            settle: Settle::Done,
            ignored: None,
            stop_tasks: false,
        }
    }

    fn into_decision(self) -> Decision {
        Decision {
            events: self.events,
            effects: self.effects,
            settle: self.settle,
            ignored: self.ignored,
            stop_tasks: self.stop_tasks,
        }
    }

    fn emit(&mut self, event: Event) {
        self.state.evolve(&event, self.now);
        self.events.push(event);
    }

    fn request(&mut self, effect: Effect) {
        self.effects.push((effect, self.now));
    }

    fn ignore(&mut self, reason: &'static str) {
        self.ignored = Some(reason);
    }

    /// A result that came after the run was over: kept as evidence, changes nothing. What a turn used is still booked.
    fn late(&mut self, input: Input) {
        self.ignore("the run is over");
        if matches!(
            input,
            Input::Cancel { .. }
                | Input::Supersede { .. }
                | Input::Interrupted { .. }
                | Input::Adopted { .. }
                | Input::Leased { .. }
                | Input::Yielded { .. }
                | Input::Unleased { .. }
                | Input::Instructed { .. }
                | Input::GoalChanged { .. }
                | Input::AgentSwitched { .. }
        ) {
            return;
        }
        let effect = input.word().to_owned();
        let reason = match &input {
            Input::Delivered { delivered } => {
                format!("the run was already over; {}", delivery_words(delivered))
            }
            _ => "the run was already over".to_owned(),
        };
        if let Input::TurnFinished(finished) = input
            && self.is_in_flight(finished.turn)
        {
            let FinishedTurn { turn, report, change, tampered, .. } = *finished;
            self.emit(Event::TurnFinished { turn, report: kept(report), change, tampered });
        }
        self.emit(Event::LateResult { effect, reason });
    }

    /// Another round with `findings`, unless the run is stuck or out of rounds; then it ends as `exhausted`.
    fn revise(&mut self, findings: Vec<Finding>, exhausted: Outcome, detail: &str) {
        let is_stuck = stuck::evaluate(&self.state.rounds_closed_with(&findings));
        let out_of_rounds = self.state.round >= self.state.plan.max_rounds;
        if let Some(kind) = is_stuck {
            let detail = format!("{} over {} rounds: {detail}", kind.word(), stuck::SAME_IN_A_ROW);
            return self.finish_with(Outcome::Stuck { stuck: kind }, &detail, findings);
        }
        if out_of_rounds {
            let (round, most) = (self.state.round, self.state.plan.max_rounds);
            return self.finish_with(
                exhausted,
                &format!("{detail} (round {round} of {most})"),
                findings,
            );
        }
        let findings = bounds::findings(findings);
        self.emit(Event::RevisionRequested { round: self.state.round + 1, findings });
        self.request_turn();
    }

    fn interrupted(&mut self, cause: Interruption, fence: u64, salvaged: Option<String>) {
        let turn = self.state.turn_in_flight().map(|record| record.turn);
        if let Some(turn) = turn {
            self.emit(Event::TurnInterrupted { turn, cause, salvaged });
        }
        self.emit(Event::RunInterrupted { cause, fence });
        let crashes = self.state.crash.as_ref().map_or(0, |mark| mark.count);
        if crashes >= MOST_CRASHES && cause == Interruption::Crash {
            let detail = format!(
                "the daemon went down {crashes} times while this run was {}",
                self.state.phase.word()
            );
            return self.finish(Outcome::WaitingHuman, &detail);
        }
        if turn.is_some() {
            self.request_turn();
        }
    }

    /// The turn goes on as if nothing had happened: no crash is counted, because nothing of the run was lost.
    fn adopted(&mut self, fence: u64) {
        match self.state.turn_in_flight().map(|record| record.turn) {
            Some(turn) => self.emit(Event::RunAdopted { turn, fence }),
            None => self.ignore("no turn is under way"),
        }
    }

    fn finish(&mut self, outcome: Outcome, detail: &str) {
        self.finish_with(outcome, detail, Vec::new());
    }

    /// Ends the run; what it leaves open travels with the item to its next run.
    fn finish_with(&mut self, outcome: Outcome, detail: &str, findings: Vec<Finding>) {
        let keep = !matches!(outcome, Outcome::Succeeded);
        self.end(outcome, detail, findings, keep);
    }

    /// The same; `keep`: people may want to look at the worktree.
    fn end(&mut self, outcome: Outcome, detail: &str, findings: Vec<Finding>, keep: bool) {
        let detail = bounds::first_chars(detail, bounds::DETAIL_CHARS);
        let findings = bounds::findings(findings);
        self.emit(Event::RunFinished { outcome, detail, findings });
        self.request(Effect::CleanUp { run: self.state.id, keep });
    }

    fn cleaned_up(&mut self, kept: bool, salvaged: Option<String>) {
        if self.state.phase != Phase::Finished {
            return self.ignore("the run still needs its worktree");
        }
        self.emit(Event::RunCleaned { kept, salvaged });
    }
}

/// A report as it is kept in the log: with the end of the agent's final text.
fn kept(report: TurnReport) -> TurnReport {
    TurnReport { text: bounds::last_bytes(&report.text, bounds::REPLY_BYTES), ..report }
}

fn blocker(problem: String) -> Finding {
    Finding { severity: Severity::Blocker, file: None, line: None, problem, fix: None }
}

#[cfg(test)]
pub(super) mod tests;
