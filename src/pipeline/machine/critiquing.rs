//! What follows from the turn of a gate: the critic, or the auditor. Without a valid verdict the gate did not run: never
//! an approval, never a revise.

use crate::domain::agent::{Stage, TurnEnding};
use crate::domain::bounds;
use crate::domain::event::Event;
use crate::domain::failure::{Failure, FailureClass, infrastructure_backoff};
use crate::domain::run::Outcome;
use crate::domain::verdict::{Finding, Review, Severity, StageReport, StageResult, Verdict};
use crate::pipeline::reply;

use super::{MOST_GATE_MISSES, Step, blocker};

impl Step {
    pub(super) fn gate_finished(
        &mut self,
        turn: u32,
        stage: Stage,
        ending: &TurnEnding,
        text: &str,
        tampered: bool,
    ) {
        let who = stage.word();
        match ending {
            TurnEnding::Completed if tampered => {
                let reason = format!("the {who} changed the worktree: its verdict is void");
                self.gate_missed(turn, &reason);
            }
            TurnEnding::Completed => self.gate_completed(turn, stage, text),
            TurnEnding::Failed { failure } if failure.class == FailureClass::Agent => {
                let reason = format!("the {who}'s turn failed: {}", failure.message);
                self.gate_missed(turn, &reason);
            }
            TurnEnding::Failed { failure } => {
                self.wait_or_finish(&failure.clone(), Self::request_turn_at);
            }
            TurnEnding::TimedOut { .. } => {
                self.gate_missed(turn, &format!("the {who} ran out of time"));
            }
            TurnEnding::Stuck { evidence } => {
                self.gate_missed(turn, &format!("the {who} repeats itself: {evidence}"));
            }
            TurnEnding::Cancelled => self.wait_or_finish(
                &Failure::new(FailureClass::Cancelled, "the turn was stopped from outside"),
                Self::request_turn_at,
            ),
        }
    }

    fn gate_completed(&mut self, turn: u32, stage: Stage, text: &str) {
        let head = self.state.change.as_ref().map(|change| change.head.clone()).unwrap_or_default();
        let nonce = self.state.turn(turn).and_then(|record| record.nonce.clone());
        let expected = reply::Expected {
            nonce: nonce.as_deref().unwrap_or_default(),
            commit: &head,
            criteria: if stage == Stage::Critic { self.state.plan.criteria.len() } else { 0 },
        };
        match reply::review(text, &expected) {
            Ok(review) => self.reviewed(turn, stage, review),
            Err(reason) => {
                // The parser speaks of the gate that every run has.
                let whose = format!("the {}'s answer", stage.word());
                let reason = reason.to_string().replace("the critic's answer", &whose);
                self.gate_missed(turn, &reason);
            }
        }
    }

    fn reviewed(&mut self, turn: u32, stage: Stage, review: Review) {
        let (who, copy) = (stage.word(), review.clone());
        self.emit(match stage {
            Stage::Auditor => Event::AuditSubmitted { turn, review: copy },
            Stage::Critic
            | Stage::Planner
            | Stage::Coder
            | Stage::Diagnose
            | Stage::Tester
            | Stage::Documenter
            | Stage::StageDocumenter => Event::ReviewSubmitted { turn, review: copy },
        });
        let objections = objections(&review, &self.state.plan.criteria);
        match review.verdict {
            Verdict::Approve if objections.is_empty() && stage == Stage::Auditor => {
                self.audited(turn, review.findings);
            }
            Verdict::Approve if objections.is_empty() => self.accepted(),
            Verdict::Approve | Verdict::Revise => {
                let findings = if review.verdict == Verdict::Approve {
                    objections
                } else {
                    merge_findings(review.findings, objections)
                };
                let count = findings.len();
                let detail = format!("the {who} still has {count} finding(s) after the last round");
                self.revise(findings, Outcome::AgentFailed, &detail);
            }
            Verdict::Reject => {
                let findings = merge_findings(review.findings, objections);
                let reasons: Vec<&str> =
                    findings.iter().map(|finding| finding.problem.as_str()).collect();
                let detail = format!("the {who} rejects the change: {}", reasons.join("; "));
                self.finish_with(Outcome::Rejected, &detail, findings);
            }
        }
    }

    fn audited(&mut self, turn: u32, findings: Vec<Finding>) {
        let report = StageReport { findings: bounds::findings(findings), ..StageReport::default() };
        let result = StageResult::Done { report };
        self.emit(Event::StageFinished { turn, stage: Stage::Auditor, result });
        self.advance(self.state.accepted.clone());
    }

    /// No valid verdict: never an approval, never a revision; another critic turn, a bounded number of times.
    fn gate_missed(&mut self, turn: u32, reason: &str) {
        self.emit(Event::ReviewMissing { turn, reason: reason.to_owned() });
        if self.state.gate_misses >= MOST_GATE_MISSES {
            let detail = format!("no valid verdict in {} tries: {reason}", self.state.gate_misses);
            return self.finish(Outcome::GateNotRun, &detail);
        }
        let until = self.now.after(infrastructure_backoff(self.state.gate_misses));
        let failure = Failure::infrastructure(format!("the gate did not run: {reason}"));
        self.emit(Event::RunWaiting { failure, until });
        self.request_turn_at(until);
    }
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
