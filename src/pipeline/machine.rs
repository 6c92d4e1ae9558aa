//! `decide`: what follows when something happens to a run. The only place that moves a run from phase to phase.

use std::time::Duration;

use crate::domain::agent::{Stage, TurnEnding, TurnReport};
use crate::domain::bounds;
use crate::domain::change::{Change, CheckReport, CheckStatus, Delivered};
use crate::domain::effect::Effect;
use crate::domain::event::Event;
use crate::domain::failure::{Failure, FailureClass, infrastructure_backoff};
use crate::domain::run::{Outcome, Phase};
use crate::domain::time::Timestamp;
use crate::domain::verdict::{Finding, Review, Severity, Verdict};

use super::input::{Decision, FinishedTurn, Input, PreparedTurn, Settle};
use super::reply;
use super::state::RunState;
use super::stuck;

/// Infrastructure failures in a row of one step before the run gives up.
pub const MOST_INFRASTRUCTURE_FAILURES: u32 = 5;

/// Critic turns in a row without a valid verdict before the run gives up.
pub const MOST_GATE_MISSES: u32 = 3;

/// Daemons that may go down in the same phase of the same round before a person is asked.
pub const MOST_CRASHES: u32 = 2;

/// Waits for a usage window in a row before the run gives up: 5 h of looking again every quarter of an hour.
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
        Input::WorkspaceReady { workspace } => step.workspace_ready(workspace),
        Input::WorkspaceFailed { failure } => step.workspace_failed(&failure),
        Input::TurnPrepared(prepared) => step.turn_prepared(*prepared),
        Input::TurnNotStarted { turn, failure } => step.turn_not_started(turn, failure),
        Input::TurnFinished(finished) => step.turn_finished(*finished),
        Input::ChecksFinished { execution, report } => step.checks_finished(execution, report),
        Input::ChecksFailed { execution, failure } => step.checks_failed(execution, &failure),
        Input::Delivered { delivered } => step.delivered(delivered),
        Input::DeliveryFailed { execution, failure } => step.delivery_failed(execution, failure),
        Input::Interrupted { cause, fence, salvaged } => step.interrupted(cause, fence, salvaged),
        Input::Cancel { by } => {
            step.stop_tasks = true;
            let detail = format!("cancelled by {by}");
            step.finish(Outcome::Cancelled { by }, detail);
        }
        Input::Supersede { reason } => {
            step.stop_tasks = true;
            step.finish(Outcome::Superseded, reason);
        }
    }
    step
}

/// The first effects of a run whose `RunStarted` was just recorded.
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
            Input::Cancel { .. } | Input::Supersede { .. } | Input::Interrupted { .. }
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
            let FinishedTurn { turn, report, change, tampered } = *finished;
            self.emit(Event::TurnFinished { turn, report: kept(report), change, tampered });
        }
        self.emit(Event::LateResult { effect, reason });
    }

    fn is_in_flight(&self, turn: u32) -> bool {
        self.state.turn_in_flight().is_some_and(|record| record.turn == turn)
    }

    fn workspace_ready(&mut self, workspace: crate::domain::change::Workspace) {
        if self.state.phase != Phase::Preparing {
            return self.ignore("the worktree was ready already");
        }
        self.emit(Event::WorkspaceReady { workspace });
        self.request_turn();
    }

    fn workspace_failed(&mut self, failure: &Failure) {
        if self.state.phase != Phase::Preparing {
            return self.ignore("the worktree was ready already");
        }
        self.try_again(failure);
    }

    fn request_turn(&mut self) {
        self.request_turn_at(self.now);
    }

    fn request_turn_at(&mut self, at: Timestamp) {
        let turn = self.state.next_turn();
        self.effects.push((Effect::RunTurn { run: self.state.id, turn }, at));
    }

    fn turn_prepared(&mut self, prepared: PreparedTurn) {
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
            head: prepared.head,
            nonce: (stage == Stage::Critic).then_some(prepared.nonce),
            prompt: prepared.prompt,
        };
        self.emit(event);
    }

    fn turn_not_started(&mut self, turn: u32, failure: Failure) {
        if self.is_in_flight(turn) {
            // Recorded first and spawned then: the record needs its end, and the next try its own number.
            let report = TurnReport::not_started(failure);
            let finished = FinishedTurn { turn, report, change: None, tampered: false };
            return self.turn_finished(finished);
        }
        let wanted = self.state.stage().is_some() && self.state.turn_in_flight().is_none();
        if !wanted || turn != self.state.next_turn() {
            return self.ignore("that turn is not wanted");
        }
        self.try_again(&failure);
    }

    fn turn_finished(&mut self, finished: FinishedTurn) {
        let in_flight = self.state.turn_in_flight().map(|record| (record.turn, record.stage));
        let Some((turn, stage)) = in_flight.filter(|(turn, _)| *turn == finished.turn) else {
            return self.ignore("that turn is not under way");
        };
        let FinishedTurn { report, change, tampered, .. } = finished;
        self.emit(Event::TurnFinished {
            turn,
            report: kept(report.clone()),
            change: change.clone(),
            tampered,
        });
        match stage {
            Stage::Coder => self.coder_finished(turn, &report.ending, &report.text, change),
            Stage::Critic => self.critic_finished(turn, &report.ending, &report.text, tampered),
        }
    }

    fn coder_finished(
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
                let stuck = crate::domain::run::StuckKind::RepeatedToolCall;
                self.finish(
                    Outcome::Stuck { stuck },
                    format!("the coder repeats itself: {evidence}"),
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
                return self.finish(Outcome::WaitingHuman, format!("the coder asks: {question}"));
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
            if self.state.plan.critic.is_none() {
                let detail = format!(
                    "the coder says no change is needed, and no critic can confirm it: {reason}"
                );
                return self.finish(Outcome::WaitingHuman, detail);
            }
        }
        if self.state.plan.checks.is_empty() || change.is_empty() {
            let report = CheckReport { head: change.head.clone(), results: Vec::new() };
            let execution = self.state.check_executions + 1;
            return self.checks_finished(execution, report);
        }
        self.request_checks(self.now);
    }

    fn request_checks(&mut self, at: Timestamp) {
        let execution = self.state.check_executions + 1;
        self.effects.push((Effect::RunChecks { run: self.state.id, execution }, at));
    }

    fn checks_finished(&mut self, execution: u32, report: CheckReport) {
        if !self.wants_checks(execution) {
            return self.ignore("these checks are not wanted");
        }
        if self.state.change.as_ref().is_none_or(|change| change.head != report.head) {
            let failure = Failure::infrastructure("the checks ran on another commit");
            return self.checks_failed(execution, &failure);
        }
        let findings = check_findings(&report);
        self.emit(Event::ChecksFinished { execution, report });
        if findings.is_empty() {
            return self.after_checks();
        }
        let commands: Vec<&str> = findings.iter().filter_map(|f| f.file.as_deref()).collect();
        let detail = format!("checks fail: {}", commands.join(", "));
        let findings = findings.into_iter().map(|f| Finding { file: None, ..f }).collect();
        self.revise(findings, Outcome::AgentFailed, &detail);
    }

    fn wants_checks(&self, execution: u32) -> bool {
        self.state.phase == Phase::Checking && execution == self.state.check_executions + 1
    }

    fn after_checks(&mut self) {
        if self.state.plan.critic.is_some() {
            self.request_turn();
        } else {
            self.approve();
        }
    }

    fn checks_failed(&mut self, execution: u32, failure: &Failure) {
        if !self.wants_checks(execution) {
            return self.ignore("these checks are not wanted");
        }
        self.emit(Event::ChecksUnavailable { execution, failure: failure.clone() });
        self.try_again(failure);
    }

    fn critic_finished(&mut self, turn: u32, ending: &TurnEnding, text: &str, tampered: bool) {
        match ending {
            TurnEnding::Completed if tampered => {
                self.gate_missed(turn, "the critic changed the worktree: its verdict is void");
            }
            TurnEnding::Completed => self.critic_completed(turn, text),
            TurnEnding::Failed { failure } if failure.class == FailureClass::Agent => {
                let reason = format!("the critic's turn failed: {}", failure.message);
                self.gate_missed(turn, &reason);
            }
            TurnEnding::Failed { failure } => {
                self.wait_or_finish(&failure.clone(), Self::request_turn_at);
            }
            TurnEnding::TimedOut { .. } => self.gate_missed(turn, "the critic ran out of time"),
            TurnEnding::Stuck { evidence } => {
                self.gate_missed(turn, &format!("the critic repeats itself: {evidence}"));
            }
            TurnEnding::Cancelled => self.wait_or_finish(
                &Failure::new(FailureClass::Cancelled, "the turn was stopped from outside"),
                Self::request_turn_at,
            ),
        }
    }

    fn critic_completed(&mut self, turn: u32, text: &str) {
        let head = self.state.change.as_ref().map(|change| change.head.clone()).unwrap_or_default();
        let nonce = self.state.turn(turn).and_then(|record| record.nonce.clone());
        let expected = reply::Expected {
            nonce: nonce.as_deref().unwrap_or_default(),
            commit: &head,
            criteria: self.state.plan.criteria.len(),
        };
        match reply::review(text, &expected) {
            Ok(review) => self.reviewed(turn, review),
            Err(reason) => self.gate_missed(turn, &reason.to_string()),
        }
    }

    fn reviewed(&mut self, turn: u32, review: Review) {
        self.emit(Event::ReviewSubmitted { turn, review: review.clone() });
        let objections = objections(&review, &self.state.plan.criteria);
        match review.verdict {
            Verdict::Approve if objections.is_empty() => self.approve(),
            Verdict::Approve | Verdict::Revise => {
                let findings = if review.verdict == Verdict::Approve {
                    objections
                } else {
                    merge_findings(review.findings, objections)
                };
                let count = findings.len();
                let detail =
                    format!("the critic still has {count} finding(s) after the last round");
                self.revise(findings, Outcome::AgentFailed, &detail);
            }
            Verdict::Reject => {
                let findings = merge_findings(review.findings, objections);
                let reasons: Vec<&str> =
                    findings.iter().map(|finding| finding.problem.as_str()).collect();
                let detail = format!("the critic rejects the change: {}", reasons.join("; "));
                self.finish_with(Outcome::Rejected, detail, findings);
            }
        }
    }

    /// No valid verdict: never an approval, never a revision; another critic turn, a bounded number of times.
    fn gate_missed(&mut self, turn: u32, reason: &str) {
        self.emit(Event::ReviewMissing { turn, reason: reason.to_owned() });
        if self.state.gate_misses >= MOST_GATE_MISSES {
            let detail = format!("no valid verdict in {} tries: {reason}", self.state.gate_misses);
            return self.finish(Outcome::GateNotRun, detail);
        }
        let until = self.now.after(infrastructure_backoff(self.state.gate_misses));
        let failure = Failure::infrastructure(format!("the gate did not run: {reason}"));
        self.emit(Event::RunWaiting { failure, until });
        self.request_turn_at(until);
    }

    fn approve(&mut self) {
        let Some(change) = self.state.change.clone() else {
            return self.finish(Outcome::InfraFailed, "approved, but no change is recorded".into());
        };
        self.emit(Event::RunApproved { head: change.head.clone() });
        if change.is_empty() {
            return self.delivered(Delivered::Nothing);
        }
        self.request_delivery(self.now);
    }

    fn request_delivery(&mut self, at: Timestamp) {
        let execution = self.state.delivery_executions + 1;
        self.effects.push((Effect::Deliver { run: self.state.id, execution }, at));
    }

    fn delivered(&mut self, delivered: Delivered) {
        if self.state.phase != Phase::Publishing || self.state.delivered.is_some() {
            return self.ignore("nothing is being delivered");
        }
        let detail = delivery_words(&delivered);
        self.emit(Event::RunDelivered { delivered });
        self.finish(Outcome::Succeeded, detail);
    }

    fn delivery_failed(&mut self, execution: u32, failure: Failure) {
        let wanted = self.state.delivery_executions + 1;
        if self.state.phase != Phase::Publishing || execution != wanted {
            return self.ignore("nothing is being delivered");
        }
        self.emit(Event::DeliveryFailed { execution, failure: failure.clone() });
        let again = failure.class == FailureClass::Infrastructure
            && self.state.delivery_executions < MOST_INFRASTRUCTURE_FAILURES;
        if again {
            let until = self.now.after(infrastructure_backoff(self.state.delivery_executions));
            self.emit(Event::RunWaiting { failure, until });
            return self.request_delivery(until);
        }
        let detail = format!("the approved change could not be delivered: {}", failure.message);
        self.finish(Outcome::DeliveryFailed, detail);
    }

    /// Another round with `findings`, unless the run is stuck or out of rounds; then it ends as `exhausted`.
    fn revise(&mut self, findings: Vec<Finding>, exhausted: Outcome, detail: &str) {
        let is_stuck = stuck::evaluate(&self.state.rounds_closed_with(&findings));
        let out_of_rounds = self.state.round >= self.state.plan.max_rounds;
        if let Some(kind) = is_stuck {
            let detail = format!("{} over {} rounds: {detail}", kind.word(), stuck::SAME_IN_A_ROW);
            return self.finish_with(Outcome::Stuck { stuck: kind }, detail, findings);
        }
        if out_of_rounds {
            let (round, most) = (self.state.round, self.state.plan.max_rounds);
            return self.finish_with(
                exhausted,
                format!("{detail} (round {round} of {most})"),
                findings,
            );
        }
        let findings = bounds::findings(findings);
        self.emit(Event::RevisionRequested { round: self.state.round + 1, findings });
        self.request_turn();
    }

    /// The same effect again after a pause, or the end of the run.
    fn try_again(&mut self, failure: &Failure) {
        if let Some(until) = self.wait(failure) {
            self.settle = Settle::Retry { at: until, error: failure.message.clone() };
        }
    }

    /// A new effect after a pause, or the end of the run.
    fn wait_or_finish(&mut self, failure: &Failure, next: fn(&mut Self, Timestamp)) {
        if let Some(until) = self.wait(failure) {
            next(self, until);
        }
    }

    /// Records the wait that `failure` calls for; `None` when the run was ended instead.
    fn wait(&mut self, failure: &Failure) -> Option<Timestamp> {
        let failures = self.state.infra_failures + 1;
        let message = failure.message.clone();
        let backoff = self.now.after(infrastructure_backoff(failures));
        let (until, given_up) = match failure.class {
            FailureClass::Infrastructure | FailureClass::Cancelled | FailureClass::Agent => (
                backoff,
                (failures >= MOST_INFRASTRUCTURE_FAILURES).then_some(Outcome::InfraFailed),
            ),
            FailureClass::Throttled { until } => {
                let at = until.unwrap_or(backoff).max(backoff);
                let enough = failures >= MOST_INFRASTRUCTURE_FAILURES || self.is_too_long(at);
                (at, enough.then_some(Outcome::Throttled { until }))
            }
            FailureClass::Quota { until } => {
                let waits = self.state.quota_waits + 1;
                let soonest = self.now.after(infrastructure_backoff(waits));
                let at = until.unwrap_or(self.now.after(UNKNOWN_QUOTA_WAIT)).max(soonest);
                let enough = waits >= MOST_QUOTA_WAITS || self.is_too_long(at);
                (at, enough.then_some(Outcome::WaitingQuota { until }))
            }
            FailureClass::Authentication
            | FailureClass::Configuration
            | FailureClass::ContextOverflow => (self.now, Some(Outcome::WaitingHuman)),
        };
        if let Some(outcome) = given_up {
            if outcome == Outcome::WaitingHuman {
                // The class says what the person has to do; nothing else in the log may tell it.
                self.emit(Event::RunWaiting { failure: failure.clone(), until });
            }
            self.finish(outcome, message);
            return None;
        }
        self.emit(Event::RunWaiting { failure: failure.clone(), until });
        Some(until)
    }

    fn is_too_long(&self, until: Timestamp) -> bool {
        until.since(self.now) > LONGEST_WAIT
    }

    fn interrupted(
        &mut self,
        cause: crate::domain::run::Interruption,
        fence: u64,
        salvaged: Option<String>,
    ) {
        let turn = self.state.turn_in_flight().map(|record| record.turn);
        if let Some(turn) = turn {
            self.emit(Event::TurnInterrupted { turn, cause, salvaged });
        }
        self.emit(Event::RunInterrupted { cause, fence });
        let crashes = self.state.crash.as_ref().map_or(0, |mark| mark.count);
        if crashes >= MOST_CRASHES && cause == crate::domain::run::Interruption::Crash {
            let detail = format!(
                "the daemon went down {crashes} times while this run was {}",
                self.state.phase.word()
            );
            return self.finish(Outcome::WaitingHuman, detail);
        }
        if turn.is_some() {
            self.request_turn();
        }
    }

    fn finish(&mut self, outcome: Outcome, detail: String) {
        self.finish_with(outcome, detail, Vec::new());
    }

    /// Ends the run; what it leaves open travels with the item to its next run.
    fn finish_with(&mut self, outcome: Outcome, detail: String, findings: Vec<Finding>) {
        let keep = !matches!(outcome, Outcome::Succeeded);
        let detail = bounds::first_chars(&detail, bounds::DETAIL_CHARS);
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

/// What was delivered, for people.
fn delivery_words(delivered: &Delivered) -> String {
    match delivered {
        Delivered::Branch { branch, .. } => format!("approved on branch {branch}"),
        Delivered::Merge { base, after, checkout, .. } => {
            let note = checkout.as_ref().map(|note| format!("; {note}")).unwrap_or_default();
            format!("merged into {base} as {}{note}", after.get(..12).unwrap_or(after))
        }
        Delivered::Nothing => "no change was needed, and the critic agrees".to_owned(),
    }
}

/// A report as it is kept in the log: with the end of the agent's final text.
fn kept(report: TurnReport) -> TurnReport {
    TurnReport { text: bounds::last_bytes(&report.text, bounds::REPLY_BYTES), ..report }
}

fn blocker(problem: String) -> Finding {
    Finding { severity: Severity::Blocker, file: None, line: None, problem, fix: None }
}

/// One finding per check that blocks; `file` carries the command for the caller's summary.
fn check_findings(report: &CheckReport) -> Vec<Finding> {
    report
        .results
        .iter()
        .filter(|result| result.status.blocks())
        .map(|result| {
            let how = match result.status {
                CheckStatus::TimedOut => "did not finish in time".to_owned(),
                CheckStatus::NewFailure | CheckStatus::Passed | CheckStatus::AlreadyFailing => {
                    match result.exit_code {
                        Some(code) => format!("fails with exit code {code}"),
                        None => "was ended by a signal".to_owned(),
                    }
                }
            };
            Finding {
                file: Some(result.command.clone()),
                ..blocker(format!(
                    "`{}` {how}, and it did not fail before this change. Its output:\n{}",
                    result.command, result.output
                ))
            }
        })
        .collect()
}

/// What contradicts an approval: unmet criteria, and findings the critic itself calls blockers.
fn objections(review: &Review, criteria: &[String]) -> Vec<Finding> {
    let unmet = review.criteria.iter().filter(|answer| !answer.met).map(|answer| {
        let index = usize::try_from(answer.criterion).unwrap_or(0).wrapping_sub(1);
        let text = criteria.get(index).map_or("", String::as_str);
        blocker(format!(
            "Acceptance criterion {} is not met: {text} ({})",
            answer.criterion, answer.evidence
        ))
    });
    let blockers = review.findings.iter().filter(|f| f.severity == Severity::Blocker).cloned();
    unmet.chain(blockers).collect()
}

fn merge_findings(mut findings: Vec<Finding>, more: Vec<Finding>) -> Vec<Finding> {
    for finding in more {
        if !findings.contains(&finding) {
            findings.push(finding);
        }
    }
    findings
}

#[cfg(test)]
pub(super) mod tests;
