//! What is known of a run: the fold of its `run/<uuid>` stream.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::agent::{Stage, TurnEnding, TurnReport};
use crate::domain::budget::Usage;
use crate::domain::change::{Change, CheckReport, Delivered, Workspace};
use crate::domain::epic::Part;
use crate::domain::event::Event;
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::ids::{ItemId, RunId};
use crate::domain::prompt_record::PromptRecord;
use crate::domain::provider::{AgentSwitch, SwitchReason};
use crate::domain::run::{Interruption, Outcome, Phase, Reception, RunPlan, StagePlan};
use crate::domain::time::Timestamp;
use crate::domain::verdict::{CoderReport, Finding, Review, StageReport, StageResult};
use crate::domain::workflow::Workflow;

use super::stuck;
use goal::ChangedGoal;

pub mod goal;

/// One agent turn of the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TurnRecord {
    /// Number within the run, from 1.
    pub turn: u32,
    /// What for.
    pub stage: Stage,
    /// In which round, from 1.
    pub round: u32,
    /// Name of the configured agent.
    pub agent: String,
    /// Model asked for.
    pub model: Option<String>,
    /// Whether that was the escalated one.
    pub escalated: bool,
    /// Session id we chose, or of the conversation that it goes on with.
    pub session: String,
    /// The turn whose conversation with the agent it goes on with, if it does.
    #[serde(default)]
    pub resumes: Option<u32>,
    /// Commit the worktree was at when it began.
    pub head: String,
    /// One-time word a verdict must repeat.
    pub nonce: Option<String>,
    /// What the agent was given.
    pub prompt: PromptRecord,
    /// When it began.
    pub started: Timestamp,
    /// What is known of its end, without its text; absent while it runs.
    pub report: Option<TurnReport>,
    /// How the daemon went away during it, if it did.
    pub interrupted: Option<Interruption>,
}

impl TurnRecord {
    /// Whether neither an end nor an interruption is recorded.
    #[must_use]
    pub fn in_flight(&self) -> bool {
        self.report.is_none() && self.interrupted.is_none()
    }
}

/// A finding and the round that raised it. None is ever dropped within a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RaisedFinding {
    /// Round whose result raised it; 0 when an earlier run did.
    pub round: u32,
    /// What is wrong.
    pub finding: Finding,
}

/// What one round came to, for the stuck evaluator.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RoundRecord {
    /// Digest of the diff after the coder's turn.
    pub diff_sha256: Option<String>,
    /// Fingerprint of the error or the blocking check failures, if there were any.
    pub error_fingerprint: Option<String>,
    /// Fingerprint of the findings that asked for another round.
    pub findings_fingerprint: Option<String>,
}

/// What a planner divided the item into.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Division {
    /// Why, in its words.
    pub reason: String,
    /// The parts; each comes after those it depends on.
    pub parts: Vec<Part>,
}

/// Why the run does nothing at the moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// What went wrong.
    pub failure: Failure,
    /// When the same step is tried again.
    pub until: Timestamp,
}

/// Where daemons went down with this run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CrashMark {
    /// In which phase.
    pub phase: Phase,
    /// In which round.
    pub round: u32,
    /// How often in a row.
    pub count: u32,
}

/// Fold of a run's stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunState {
    /// The run.
    pub id: RunId,
    /// The item it works on.
    pub item: ItemId,
    /// Number of this attempt at the item, from 1.
    pub attempt: u32,
    /// Fencing number of the item's lease.
    pub fence: u64,
    /// Everything it was told at the start.
    pub plan: RunPlan,
    /// Stages whose turns another agent does than the plan says.
    pub switches: BTreeMap<Stage, AgentSwitch>,
    /// What it is doing.
    pub phase: Phase,
    /// The current round, from 1.
    pub round: u32,
    /// Its worktree.
    pub workspace: Option<Workspace>,
    /// What the repository's own `WORKFLOW.md` asks for; its stages and checks are in the plan.
    pub workflow: Option<Workflow>,
    /// Its branch after the last turn of a stage that writes.
    pub change: Option<Change>,
    /// The checks of the current round.
    pub checks: Option<CheckReport>,
    /// Check executions requested so far.
    pub check_executions: u32,
    /// Delivery executions requested so far.
    pub delivery_executions: u32,
    /// Its turns, in order; turn number `n` is at index `n - 1`.
    pub turns: Vec<TurnRecord>,
    /// Everything ever held against the change.
    pub findings: Vec<RaisedFinding>,
    /// What each round came to; round `n` is at index `n - 1`.
    pub rounds: Vec<RoundRecord>,
    /// What the coder last said of its own work.
    pub coder_report: Option<CoderReport>,
    /// The critic's newest verdict.
    #[serde(default)]
    pub review: Option<Review>,
    /// The commit that checks and critic have accepted in this round; stages that write may have gone on from there.
    pub accepted: Option<String>,
    /// What the stages that a run can do without came to: in this round, and before the first one.
    pub stage_results: BTreeMap<Stage, StageResult>,
    /// What its planner divided the item into.
    pub division: Option<Division>,
    /// Why answers of its planner were refused.
    pub refused_divisions: Vec<String>,
    /// The commit that may be delivered.
    pub approved: Option<String>,
    /// What people changed about its goal that no coder has worked on yet.
    pub changed_goal: Option<ChangedGoal>,
    /// Why it does nothing at the moment.
    pub waiting: Option<Waiting>,
    /// Why it last could not go on, until it does.
    pub last_failure: Option<Failure>,
    /// Infrastructure failures and throttles in a row.
    pub infra_failures: u32,
    /// Waits for a usage window, or for somebody to sign the agent in, in a row.
    pub quota_waits: u32,
    /// Critic turns without a valid verdict in a row.
    pub gate_misses: u32,
    /// Where daemons went down with it.
    pub crash: Option<CrashMark>,
    /// What all its turns used.
    pub usage: Usage,
    /// What delivering it did.
    pub delivered: Option<Delivered>,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// One sentence about that.
    pub detail: String,
    /// When it began.
    pub started: Timestamp,
    /// When it ended.
    pub finished: Option<Timestamp>,
    /// Whether its worktree was dealt with; `Some(true)`: it is kept.
    pub cleaned: Option<bool>,
}

impl RunState {
    /// The state after a run's first event; nothing for any other event.
    #[must_use]
    pub fn first(event: &Event, at: Timestamp) -> Option<Self> {
        let Event::RunStarted { run, item, attempt, fence, plan, inherited } = event else {
            return None;
        };
        let findings = inherited
            .iter()
            .map(|finding| RaisedFinding { round: 0, finding: finding.clone() })
            .collect();
        Some(Self {
            id: *run,
            item: item.clone(),
            attempt: *attempt,
            fence: *fence,
            plan: (**plan).clone(),
            switches: BTreeMap::new(),
            phase: Phase::Preparing,
            round: 1,
            workspace: None,
            workflow: None,
            change: None,
            checks: None,
            check_executions: 0,
            delivery_executions: 0,
            turns: Vec::new(),
            findings,
            rounds: vec![RoundRecord::default()],
            coder_report: None,
            review: None,
            accepted: None,
            stage_results: BTreeMap::new(),
            division: None,
            refused_divisions: Vec::new(),
            approved: None,
            changed_goal: None,
            waiting: None,
            last_failure: None,
            infra_failures: 0,
            quota_waits: 0,
            gate_misses: 0,
            crash: None,
            usage: Usage::default(),
            delivered: None,
            outcome: None,
            detail: String::new(),
            started: at,
            finished: None,
            cleaned: None,
        })
    }

    /// Takes one event into account. Total: events that do not concern runs change nothing.
    pub fn evolve(&mut self, event: &Event, at: Timestamp) {
        match event {
            Event::WorkspaceReady { workspace, workflow } => {
                self.workspace = Some(workspace.clone());
                self.follow(workflow.as_deref());
                self.phase = Phase::Coding;
                self.proceed();
            }
            Event::TurnStarted { .. } => self.begin_turn(event, at),
            Event::TurnFinished { turn, report, change, .. } => {
                self.end_turn(*turn, report, change.as_ref());
            }
            Event::TurnInterrupted { turn, cause, .. } => self.cut_short(*turn, *cause),
            Event::CoderReported { report, .. } => self.coder_report = Some(report.clone()),
            Event::ChecksFinished { execution, report } => {
                self.check_executions = self.check_executions.max(*execution);
                self.note_checks(report);
                self.phase = Phase::Critiquing;
                self.proceed();
            }
            Event::ReviewSubmitted { review, .. } => self.note_review(review),
            Event::AuditSubmitted { .. } => self.gate_misses = 0,
            Event::DivisionSubmitted { reason, parts, .. } => {
                self.division = Some(Division { reason: reason.clone(), parts: parts.clone() });
            }
            Event::DivisionRefused { reason, .. } => self.refused_divisions.push(reason.clone()),
            Event::StageFinished { stage, result, .. } => self.note_stage(*stage, result),
            Event::RunAdvanced { phase, accepted } => self.go_on(*phase, accepted.as_deref()),
            Event::ReviewMissing { .. } => self.gate_misses = self.gate_misses.saturating_add(1),
            Event::RevisionRequested { round, findings } => self.begin_round(*round, findings),
            Event::RunApproved { head } => {
                self.approved = Some(head.clone());
                self.phase = Phase::Publishing;
                self.proceed();
            }
            Event::RunWaiting { failure, until } => self.begin_wait(failure, *until),
            Event::RunInterrupted { cause, fence } => self.note_interruption(*cause, *fence),
            Event::RunAdopted { fence, .. } => self.fence = self.fence.max(*fence),
            Event::RunInstructed { text, reception, .. } => self.hear(text, reception),
            Event::RunGoalChanged { title, body } => self.change_goal(title, body),
            Event::AgentSwitched { stage, switch } => self.switch_agent(*stage, switch),
            Event::RunDelivered { delivered } => {
                self.delivered = Some(delivered.clone());
                self.proceed();
            }
            Event::DeliveryFailed { execution, failure } => {
                self.note_delivery_failure(*execution, failure);
            }
            Event::RunFinished { outcome, detail, findings } => {
                self.raise(self.round, findings);
                self.outcome = Some(outcome.clone());
                self.detail.clone_from(detail);
                self.phase = Phase::Finished;
                self.waiting = None;
                self.finished = Some(at);
            }
            Event::RunCleaned { kept, .. } => self.cleaned = Some(*kept),
            _ => {}
        }
    }

    /// The stage of the current phase, when an agent is at work in it.
    #[must_use]
    pub fn stage(&self) -> Option<Stage> {
        self.phase.stage()
    }

    /// How `stage` is driven in this run, by whichever agent does its turns now; `None` when it is switched off.
    #[must_use]
    pub fn stage_plan(&self, stage: Stage) -> Option<Cow<'_, StagePlan>> {
        let plan = self.plan.stages.of(stage)?;
        Some(match self.switches.get(&stage) {
            Some(switch) => plan.driven_by(&switch.to),
            None => Cow::Borrowed(plan),
        })
    }

    /// Name of the agent that is at work, or that would be if the stage's next turn began now.
    #[must_use]
    pub fn agent(&self) -> Option<&str> {
        if let Some(turn) = self.turn_in_flight() {
            return Some(&turn.agent);
        }
        let stage = self.stage()?;
        let plan = self.plan.stages.of(stage)?;
        Some(self.switches.get(&stage).map_or(&plan.agent, |switch| &switch.to))
    }

    /// Names of the agents of all stages, as far as it is settled who does their turns.
    #[must_use]
    pub fn agents(&self) -> Vec<&str> {
        let agent = |stage| {
            let plan = self.plan.stages.of(stage)?;
            Some(self.switches.get(&stage).map_or(plan.agent.as_str(), |switch| &switch.to))
        };
        Stage::ALL.into_iter().filter_map(agent).collect()
    }

    /// What `stage` handed on, if it did its work.
    #[must_use]
    pub fn stage_report(&self, stage: Stage) -> Option<&StageReport> {
        self.stage_results.get(&stage).and_then(StageResult::report)
    }

    /// The turn that is running, if one is.
    #[must_use]
    pub fn turn_in_flight(&self) -> Option<&TurnRecord> {
        self.turns.last().filter(|turn| turn.in_flight())
    }

    /// Number the next turn will have.
    #[must_use]
    pub fn next_turn(&self) -> u32 {
        u32::try_from(self.turns.len()).unwrap_or(u32::MAX).saturating_add(1)
    }

    /// The turn numbered `turn`.
    #[must_use]
    pub fn turn(&self, turn: u32) -> Option<&TurnRecord> {
        self.turns.get(usize::try_from(turn.checked_sub(1)?).ok()?)
    }

    /// Findings the current round must answer: those raised by the round before (or by an earlier run).
    pub fn current_findings(&self) -> impl Iterator<Item = &Finding> {
        let raised_by = self.round.saturating_sub(1);
        self.findings.iter().filter(move |raised| raised.round == raised_by).map(|r| &r.finding)
    }

    /// Findings of older rounds and runs, which must stay answered.
    pub fn earlier_findings(&self) -> impl Iterator<Item = &Finding> {
        let raised_by = self.round.saturating_sub(1);
        self.findings.iter().filter(move |raised| raised.round < raised_by).map(|r| &r.finding)
    }

    /// Whether a turn of the current round and stage was cut short by the daemon going away.
    #[must_use]
    pub fn recovering(&self) -> bool {
        self.turns
            .iter()
            .rev()
            .take_while(|turn| turn.round == self.round && Some(turn.stage) == self.stage())
            .any(|turn| turn.interrupted.is_some())
    }

    /// The rounds so far as they will stand when `findings` close the current one. Only what a critic asked for is
    /// compared between rounds as its demand; failing checks and failed turns have fingerprints of their own.
    #[must_use]
    pub fn rounds_closed_with(&self, findings: &[Finding]) -> Vec<RoundRecord> {
        let mut rounds = self.rounds.clone();
        let by_model = match self.phase {
            Phase::Critiquing | Phase::Auditing | Phase::Testing => {
                self.checks.as_ref().is_none_or(|report| !report.blocks())
            }
            Phase::Preparing
            | Phase::Planning
            | Phase::Diagnosing
            | Phase::Coding
            | Phase::Checking
            | Phase::Documenting
            | Phase::StageDocumenting
            | Phase::Publishing
            | Phase::Finished => false,
        };
        if let (true, Some(record)) = (by_model, rounds.last_mut()) {
            record.findings_fingerprint = Some(stuck::findings_fingerprint(findings));
        }
        rounds
    }

    /// What the repository asks for goes on top of what the run was told at the start.
    fn follow(&mut self, workflow: Option<&Workflow>) {
        let Some(workflow) = workflow else { return };
        self.plan.stages = workflow.stages.clone();
        for check in &workflow.checks {
            if !self.plan.checks.contains(check) {
                self.plan.checks.push(check.clone());
            }
        }
        self.workflow = Some(workflow.clone());
    }

    fn turn_mut(&mut self, turn: u32) -> Option<&mut TurnRecord> {
        let index = usize::try_from(turn.checked_sub(1)?).ok()?;
        self.turns.get_mut(index)
    }

    fn begin_turn(&mut self, event: &Event, at: Timestamp) {
        let Event::TurnStarted {
            turn,
            stage,
            round,
            agent,
            model,
            escalated,
            session,
            resumes,
            head,
            nonce,
            prompt,
        } = event
        else {
            return;
        };
        self.waiting = None;
        self.turns.push(TurnRecord {
            turn: *turn,
            stage: *stage,
            round: *round,
            agent: agent.clone(),
            model: model.clone(),
            escalated: *escalated,
            session: session.clone(),
            resumes: *resumes,
            head: head.clone(),
            nonce: nonce.clone(),
            prompt: prompt.clone(),
            started: at,
            report: None,
            interrupted: None,
        });
    }

    fn end_turn(&mut self, turn: u32, report: &TurnReport, change: Option<&Change>) {
        self.usage += report.usage;
        let stage = self.turn(turn).map(|record| record.stage);
        if let Some(record) = self.turn_mut(turn) {
            record.report = Some(TurnReport { text: String::new(), ..report.clone() });
        }
        if self.phase == Phase::Finished {
            return;
        }
        if let (true, Some(change)) = (stage.is_some_and(Stage::writes), change) {
            if self.change.as_ref().is_none_or(|before| before.head != change.head) {
                // What was checked is not what is there now.
                self.checks = None;
            }
            self.change = Some(change.clone());
            if let Some(round) = self.rounds.last_mut() {
                round.diff_sha256 = Some(change.diff_sha256.clone());
            }
        }
        if stage == Some(Stage::Coder) {
            self.checks = None;
            self.note_goal_reached(turn, &report.ending);
            self.judge_coder_ending(&report.ending, change.is_some());
        }
    }

    fn judge_coder_ending(&mut self, ending: &TurnEnding, measured: bool) {
        match ending {
            TurnEnding::Completed if measured => {
                self.phase = Phase::Checking;
                self.proceed();
            }
            TurnEnding::Failed { failure } if failure.class == FailureClass::Agent => {
                if let Some(round) = self.rounds.last_mut() {
                    round.error_fingerprint = Some(stuck::text_fingerprint(&failure.message));
                }
            }
            TurnEnding::Completed
            | TurnEnding::Failed { .. }
            | TurnEnding::TimedOut { .. }
            | TurnEnding::Stuck { .. }
            | TurnEnding::Cancelled => {}
        }
    }

    fn cut_short(&mut self, turn: u32, cause: Interruption) {
        if let Some(record) = self.turn_mut(turn) {
            record.interrupted = Some(cause);
        }
    }

    fn note_review(&mut self, review: &Review) {
        self.gate_misses = 0;
        self.review = Some(review.clone());
    }

    fn note_delivery_failure(&mut self, execution: u32, failure: &Failure) {
        self.delivery_executions = self.delivery_executions.max(execution);
        self.last_failure = Some(failure.clone());
    }

    fn note_checks(&mut self, report: &CheckReport) {
        self.checks = Some(report.clone());
        if let Some(round) = self.rounds.last_mut() {
            round.error_fingerprint = stuck::check_fingerprint(report);
        }
    }

    fn begin_round(&mut self, round: u32, findings: &[Finding]) {
        let raised_by = round.saturating_sub(1);
        self.rounds = self.rounds_closed_with(findings);
        self.raise(raised_by, findings);
        self.rounds.push(RoundRecord::default());
        self.accepted = None;
        self.stage_results.retain(|stage, _| *stage == Stage::Diagnose);
        self.round = round;
        self.phase = Phase::Coding;
        self.proceed();
    }

    fn raise(&mut self, round: u32, findings: &[Finding]) {
        let raised = findings.iter().cloned().map(|finding| RaisedFinding { round, finding });
        self.findings.extend(raised);
    }

    fn note_stage(&mut self, stage: Stage, result: &StageResult) {
        self.stage_results.insert(stage, result.clone());
    }

    fn go_on(&mut self, phase: Phase, accepted: Option<&str>) {
        self.phase = phase;
        self.accepted = accepted.map(str::to_owned);
        self.proceed();
    }

    fn note_interruption(&mut self, cause: Interruption, fence: u64) {
        self.fence = self.fence.max(fence);
        // A run that only waited cannot be what brought the daemon down; and one that was being delivered must find out
        // whether it was, however often that takes: what is in the base branch has to get on record.
        let blameless = self.waiting.is_some() || self.phase == Phase::Publishing;
        if cause == Interruption::Shutdown || blameless {
            return;
        }
        let again = self
            .crash
            .as_ref()
            .is_some_and(|mark| mark.phase == self.phase && mark.round == self.round);
        let count = if again { self.crash.as_ref().map_or(0, |mark| mark.count) } else { 0 };
        self.crash = Some(CrashMark { phase: self.phase, round: self.round, count: count + 1 });
    }

    /// Somebody else goes on with the stage: what was waited for is not waited for any more. How often that happened because
    /// a usage window was closed counts like the waits, so that it has an end when every window is closed.
    fn switch_agent(&mut self, stage: Stage, switch: &AgentSwitch) {
        self.waiting = None;
        match switch.reason {
            SwitchReason::Own {} => {
                self.switches.remove(&stage);
            }
            SwitchReason::Provider { .. } => {
                self.switches.insert(stage, switch.clone());
            }
            SwitchReason::Failover { .. } => {
                self.quota_waits = self.quota_waits.saturating_add(1);
                self.switches.insert(stage, switch.clone());
            }
        }
    }

    /// What no agent could be told at once stands in the next prompts.
    fn hear(&mut self, text: &str, reception: &Reception) {
        match reception {
            Reception::NextTurn => self.plan.notes.push(text.to_owned()),
            Reception::Injected { .. } | Reception::NotDelivered { .. } => {}
        }
    }

    fn begin_wait(&mut self, failure: &Failure, until: Timestamp) {
        if matches!(failure.class, FailureClass::Quota { .. } | FailureClass::Authentication) {
            self.quota_waits = self.quota_waits.saturating_add(1);
        } else {
            self.infra_failures = self.infra_failures.saturating_add(1);
        }
        self.last_failure = Some(failure.clone());
        self.waiting = Some(Waiting { failure: failure.clone(), until });
    }

    /// A step succeeded: whatever was counted against it is forgotten.
    fn proceed(&mut self) {
        self.waiting = None;
        self.last_failure = None;
        self.infra_failures = 0;
        self.quota_waits = 0;
        self.gate_misses = 0;
    }
}

#[cfg(test)]
mod tests;
