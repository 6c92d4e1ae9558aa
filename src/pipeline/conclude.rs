//! What a finished run means for its work item: settled, released for another try, or waiting for a person.

use crate::domain::bounds;
use crate::domain::change::Delivered;
use crate::domain::event::Event;
use crate::domain::failure::{FailureClass, attempt_cooldown, infrastructure_backoff};
use crate::domain::item_record::{Hold, HumanReason, ItemRecord};
use crate::domain::lease::Rival;
use crate::domain::run::{Delivery, Outcome};
use crate::domain::time::Timestamp;
use crate::domain::verdict::{Finding, Severity};
use crate::domain::work_item::ItemState;

use super::machine::MOST_CRASHES;
use super::state::RunState;

/// Runs in a row that may fail on our side, or fail to be delivered, before a person is asked.
pub const MOST_FRUITLESS_RUNS: u32 = 3;

/// Findings an item hands from run to run, newest first; older ones are dropped beyond this.
pub const MOST_INHERITED_FINDINGS: usize = 50;

/// Source of one-off tasks: nobody but the caller waits for them, so they are never tried again by themselves.
pub const ONE_OFF_SOURCE: &str = "cli";

/// What follows for the item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conclusion {
    /// The event for the item's stream.
    pub event: Event,
    /// The state its tracker should show, if it should change.
    pub state: Option<ItemState>,
    /// One line for its tracker.
    pub entry: String,
}

/// Concludes what `run`, which has just finished, means for `record`. `None` while the run has no outcome.
#[must_use]
pub fn conclude(record: &ItemRecord, run: &RunState, now: Timestamp) -> Option<Conclusion> {
    let outcome = run.outcome.clone()?;
    let one_off = record.item.id.source() == ONE_OFF_SOURCE;
    let conclusion = match &outcome {
        Outcome::Succeeded if run.division.is_some() => divided(run),
        Outcome::Succeeded => resolve(run, outcome, Some(succeeded_state(run))),
        Outcome::Cancelled { .. } => resolve(run, outcome, Some(ItemState::Cancelled)),
        Outcome::Superseded if one_off || record.item.state.is_terminal() || !record.present => {
            resolve(run, outcome, None)
        }
        Outcome::Superseded => release(run, outcome, run.rival.as_ref().map(held_by), None),
        Outcome::Rejected => ask(run, outcome, HumanReason::CriticRejected),
        Outcome::WaitingHuman => ask(run, outcome, human_reason(run)),
        _ if one_off => resolve(run, outcome, Some(ItemState::Blocked)),
        Outcome::AgentFailed | Outcome::Stuck { .. } | Outcome::TimedOut { .. } => {
            let until = now.after(attempt_cooldown(record.spend.attempts + 1));
            let hold = hold(FailureClass::Agent, until, run);
            release(run, outcome, Some(hold), Some(ItemState::Todo))
        }
        Outcome::GateNotRun | Outcome::InfraFailed => {
            let failures = record.infra_failures + 1;
            if failures >= MOST_FRUITLESS_RUNS {
                ask(run, outcome, HumanReason::InfraPermanent)
            } else {
                let until = now.after(infrastructure_backoff(failures));
                let hold = hold(FailureClass::Infrastructure, until, run);
                release(run, outcome, Some(hold), Some(ItemState::Todo))
            }
        }
        Outcome::WaitingQuota { until } => {
            let until = *until;
            let at = until.unwrap_or(now.after(super::machine::LONGEST_WAIT));
            let hold = hold(FailureClass::Quota { until }, at, run);
            release(run, outcome, Some(hold), Some(ItemState::Todo))
        }
        Outcome::Throttled { until } => {
            let until = *until;
            let at = until.unwrap_or(now.after(infrastructure_backoff(10)));
            let hold = hold(FailureClass::Throttled { until }, at, run);
            release(run, outcome, Some(hold), Some(ItemState::Todo))
        }
        // Somebody else's branch, or a forge that says no: doing the work again changes nothing about that.
        Outcome::DeliveryFailed if is_for_people(run) => {
            ask(run, outcome, HumanReason::InfraPermanent)
        }
        Outcome::DeliveryFailed => {
            let failures = record.delivery_failures + 1;
            if failures >= MOST_FRUITLESS_RUNS {
                ask(run, outcome, HumanReason::MergeConflict)
            } else {
                let until = now.after(infrastructure_backoff(failures));
                let hold = hold(FailureClass::Infrastructure, until, run);
                release(run, outcome, Some(hold), Some(ItemState::Todo))
            }
        }
    };
    Some(conclusion)
}

fn is_for_people(run: &RunState) -> bool {
    let failure = run.last_failure.as_ref();
    run.plan.delivery == Delivery::PullRequest
        && failure.is_some_and(|failure| failure.class == FailureClass::Configuration)
}

fn succeeded_state(run: &RunState) -> ItemState {
    match run.delivered {
        Some(Delivered::Branch { .. } | Delivered::PullRequest { .. }) => ItemState::InReview,
        Some(Delivered::Merge { .. } | Delivered::Nothing) | None => ItemState::Done,
    }
}

/// The item is what its parts are from now on.
fn divided(run: &RunState) -> Conclusion {
    let division = run.division.as_ref();
    let approval = run.plan.division.as_ref().is_some_and(|plan| plan.approval);
    let entry = format!("run {} {}", run.id.short(), first_line(&run.detail));
    Conclusion {
        event: Event::ItemDecomposed {
            run: run.id,
            reason: division.map(|it| it.reason.clone()).unwrap_or_default(),
            parts: division.map(|it| it.parts.clone()).unwrap_or_default(),
            approval,
        },
        state: Some(ItemState::InProgress),
        entry,
    }
}

fn entry(run: &RunState, outcome: &Outcome) -> String {
    let detail = first_line(&run.detail);
    format!("run {} {}: {detail}", run.id.short(), outcome.word())
}

fn resolve(run: &RunState, outcome: Outcome, state: Option<ItemState>) -> Conclusion {
    let entry = entry(run, &outcome);
    let evidence = run.detail.clone();
    let in_review = state == Some(ItemState::InReview);
    Conclusion {
        event: Event::ItemResolved { run: Some(run.id), outcome, evidence, in_review },
        state,
        entry,
    }
}

fn release(
    run: &RunState,
    outcome: Outcome,
    hold: Option<Hold>,
    state: Option<ItemState>,
) -> Conclusion {
    let mut entry = entry(run, &outcome);
    if let Some(hold) = &hold {
        entry = format!("{entry}; next try not before {}", hold.until);
    }
    let findings = open_findings(run);
    Conclusion { event: Event::ItemReleased { run: run.id, outcome, hold, findings }, state, entry }
}

fn ask(run: &RunState, outcome: Outcome, reason: HumanReason) -> Conclusion {
    let entry = format!("{}; waits for a person ({})", entry(run, &outcome), reason.word());
    Conclusion {
        event: Event::ItemHumanRequested {
            run: Some(run.id),
            outcome: Some(outcome),
            reason,
            question: run.detail.clone(),
            findings: open_findings(run),
        },
        state: Some(ItemState::Blocked),
        entry,
    }
}

fn hold(class: FailureClass, until: Timestamp, run: &RunState) -> Hold {
    Hold { class, until, reason: first_line(&run.detail).to_owned() }
}

/// Until somebody else's lease ends: then it is asked for again.
fn held_by(rival: &Rival) -> Hold {
    let reason = format!("{} has it in its tracker until {}", rival.holder, rival.until);
    Hold { class: FailureClass::Cancelled, until: rival.until, reason }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

fn human_reason(run: &RunState) -> HumanReason {
    if run.crash.as_ref().is_some_and(|mark| mark.count >= MOST_CRASHES) {
        return HumanReason::CrashedTwice;
    }
    match run.last_failure.as_ref().map(|failure| failure.class) {
        Some(FailureClass::Authentication) => HumanReason::NeedsCredentials,
        Some(FailureClass::Budget) => HumanReason::PolicyBudget,
        Some(
            FailureClass::Agent
            | FailureClass::Infrastructure
            | FailureClass::Throttled { .. }
            | FailureClass::Quota { .. }
            | FailureClass::Configuration
            | FailureClass::ContextOverflow
            | FailureClass::Cancelled,
        ) => HumanReason::InfraPermanent,
        None => HumanReason::NeedsInfo,
    }
}

/// What the next run of the item should know: newest findings first, each once, plus why delivery failed.
fn open_findings(run: &RunState) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    if run.outcome == Some(Outcome::DeliveryFailed) {
        findings.push(Finding {
            severity: Severity::Note,
            file: None,
            line: None,
            problem: run.detail.clone(),
            fix: Some("Start from the base branch as it is now.".to_owned()),
        });
    }
    for raised in run.findings.iter().rev() {
        if findings.len() < MOST_INHERITED_FINDINGS && !findings.contains(&raised.finding) {
            findings.push(raised.finding.clone());
        }
    }
    bounds::findings(findings)
}

#[cfg(test)]
mod tests;
