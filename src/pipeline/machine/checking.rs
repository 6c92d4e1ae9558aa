//! What follows from the project's checks: only new failures block.

use crate::domain::change::{CheckReport, CheckStatus};
use crate::domain::effect::Effect;
use crate::domain::event::Event;
use crate::domain::failure::Failure;
use crate::domain::run::{Outcome, Phase};
use crate::domain::time::Timestamp;
use crate::domain::verdict::Finding;

use super::{Step, blocker};

impl Step {
    pub(super) fn request_checks(&mut self, at: Timestamp) {
        let execution = self.state.check_executions + 1;
        self.effects.push((Effect::RunChecks { run: self.state.id, execution }, at));
    }

    pub(super) fn checks_finished(&mut self, execution: u32, report: CheckReport) {
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

    /// Checks on the head, or their empty report where there is nothing to run.
    pub(super) fn start_checks(&mut self) {
        let Some(change) = self.state.change.as_ref() else {
            return self.finish(Outcome::InfraFailed, "nothing is recorded that could be checked");
        };
        if self.state.plan.checks.is_empty() || change.is_empty() {
            let report = CheckReport { head: change.head.clone(), results: Vec::new() };
            let execution = self.state.check_executions + 1;
            return self.checks_finished(execution, report);
        }
        self.request_checks(self.now);
    }

    fn after_checks(&mut self) {
        if self.state.plan.stages.critic.is_some() {
            self.request_turn();
        } else {
            self.accepted();
        }
    }

    pub(super) fn checks_failed(&mut self, execution: u32, failure: &Failure) {
        if !self.wants_checks(execution) {
            return self.ignore("these checks are not wanted");
        }
        self.emit(Event::ChecksUnavailable { execution, failure: failure.clone() });
        self.try_again(failure);
    }
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
