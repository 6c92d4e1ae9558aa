//! What happened, in order of time, in words.

mod lanes;

use std::collections::BTreeMap;

use crate::domain::agent::{Stage, TurnEnding, TurnReport};
use crate::domain::change::{Change, CheckStatus, Delivered};
use crate::domain::event::Event;
use crate::domain::ids::{ItemId, StreamId};
use crate::domain::run::Interruption;
use crate::domain::time::Timestamp;
use crate::domain::verdict::{Review, StageResult};
use crate::domain::work_item::WorkItem;
use crate::planner::report::{Decision, Report};
use crate::store::envelope::Recorded;

/// The daemon itself, among those that things happen to.
const FACTORY: &str = "factory";

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Line {
    /// When.
    pub at: Timestamp,
    /// To which item, or `factory`.
    pub who: String,
    /// What.
    pub what: String,
}

/// Everything that happened so far.
#[derive(Debug, Default)]
pub(super) struct Chronicle {
    lines: Vec<Line>,
    runs: BTreeMap<StreamId, ItemId>,
    items: BTreeMap<StreamId, WorkItem>,
    held: BTreeMap<ItemId, &'static str>,
    told: u64,
}

impl Chronicle {
    pub(super) fn into_lines(self) -> Vec<Line> {
        self.lines
    }

    /// Number of the last event that was told.
    pub(super) fn told(&self) -> u64 {
        self.told
    }

    /// Something happens to the daemon.
    pub(super) fn factory(&mut self, at: Timestamp, what: impl Into<String>) {
        self.lines.push(Line { at, who: FACTORY.to_owned(), what: what.into() });
    }

    /// Something happens to an item.
    pub(super) fn item(&mut self, at: Timestamp, item: &ItemId, what: impl Into<String>) {
        self.lines.push(Line { at, who: item.identifier().to_owned(), what: what.into() });
    }

    /// What an event says; nothing for one that is not worth a line.
    fn what(&mut self, recorded: &Recorded, event: &Event) -> Option<String> {
        match event {
            Event::ItemCreated { item, .. } => {
                self.items.insert(recorded.stream.clone(), item.clone());
                Some(format!("is new: {} ({})", item.title, item.state.label()))
            }
            Event::ItemChanged { change } => {
                let known = self.items.get_mut(&recorded.stream);
                let what = known.map(|item| {
                    let before = item.clone();
                    change.apply(item);
                    changes(&before, item)
                });
                what.filter(|what| !what.is_empty())
            }
            other => item_event(other)
                .or_else(|| lanes::event(other))
                .or_else(|| factory_event(other))
                .or_else(|| run_event(other)),
        }
    }

    /// Tells an event.
    pub(super) fn event(&mut self, recorded: &Recorded) {
        self.told = recorded.gseq;
        let Some(event) = recorded.event.known() else { return };
        if let Event::RunStarted { item, .. } = event {
            self.runs.insert(recorded.stream.clone(), item.clone());
        }
        let what = self.what(recorded, event);
        let Some(what) = what else { return };
        let stream = recorded.stream.as_str();
        let who = match self.runs.get(&recorded.stream) {
            Some(item) => item.identifier().to_owned(),
            None => match stream.strip_prefix("work/") {
                Some(item) => ItemId::new(item).identifier().to_owned(),
                None => FACTORY.to_owned(),
            },
        };
        self.lines.push(Line { at: recorded.at, who, what });
    }

    /// Tells what the planner decided otherwise than before about items that wait.
    pub(super) fn report(&mut self, report: &Report) {
        for line in &report.lines {
            let gate = match &line.decision {
                Decision::Held(held) => held.first().map(|held| held.gate.word()),
                Decision::Chosen { .. }
                | Decision::Running { .. }
                | Decision::Settled(_)
                | Decision::NotPresent => None,
            };
            let Some(gate) = gate else {
                self.held.remove(&line.item);
                continue;
            };
            if self.held.insert(line.item.clone(), gate) != Some(gate) {
                self.item(report.at, &line.item, format!("held by {}", line.explain()));
            }
        }
    }
}

fn changes(before: &WorkItem, after: &WorkItem) -> String {
    let mut found = Vec::new();
    if before.state != after.state {
        found.push(format!("{} → {}", before.state.label(), after.state.label()));
    }
    if before.priority != after.priority {
        found.push(format!("priority {}", after.priority.word()));
    }
    if before.lane != after.lane {
        found.push(format!("lane {}", after.lane.word()));
    }
    let others = [
        ("title", before.title != after.title),
        ("text", before.body != after.body),
        ("blockers", before.blocked_by != after.blocked_by),
        ("parent", before.parent != after.parent),
        ("labels", before.labels != after.labels),
    ];
    let others = others.into_iter().filter(|(_, changed)| *changed);
    found.extend(others.map(|(what, _)| format!("new {what}")));
    if found.is_empty() { String::new() } else { format!("in its tracker: {}", found.join(", ")) }
}

fn item_event(event: &Event) -> Option<String> {
    Some(match event {
        Event::ItemWithdrawn {} => "is gone from its tracker".to_owned(),
        Event::ItemReleased { outcome, hold, .. } => match hold {
            Some(hold) => {
                format!("back in the queue ({}), held until {}", outcome.word(), hold.until)
            }
            None => format!("back in the queue ({})", outcome.word()),
        },
        Event::ItemHumanRequested { reason, question, .. } => {
            format!("waits for a person ({}): {}", reason.word(), first_line(question))
        }
        Event::ItemHumanAnswered { by, answer } if answer.is_empty() => {
            format!("back to work: {by}")
        }
        Event::ItemHumanAnswered { by, answer } => format!("back to work: {by} says: {answer}"),
        Event::ApprovalRequested { expires } => format!("asks for approval until {expires}"),
        Event::ApprovalGiven { by } => format!("approved by {by}"),
        Event::ApprovalRefused { by } => format!("refused by {by}"),
        Event::ApprovalExpired {} => "nobody answered the request for approval".to_owned(),
        Event::ItemResolved { outcome, evidence, .. } => {
            format!("settled ({}): {}", outcome.word(), first_line(evidence))
        }
        Event::ItemReopened { by } => format!("opened again by {by}"),
        Event::ItemDecomposed { parts, approval: true, .. } => {
            format!("may be divided into {} parts, if somebody agrees", parts.len())
        }
        Event::ItemDecomposed { parts, .. } => format!("divided into {} parts", parts.len()),
        Event::ItemKeptWhole { reason, .. } => format!("is done in one piece: {reason}"),
        Event::PartCreated { number, item } => format!("part {number} is {}", item.identifier()),
        Event::ItemOffered { offer } => format!("pull request {} waits for people", offer.number),
        Event::ItemPullRequestRead { pull_request } => {
            format!("pull request {}: {}", pull_request.number, pull_request.words())
        }
        _ => return None,
    })
}

fn factory_event(event: &Event) -> Option<String> {
    Some(match event {
        Event::DaemonStarted { epoch, .. } => format!("daemon {epoch} starts"),
        Event::DaemonStopped { .. } => "the daemon has stopped in order".to_owned(),
        Event::Paused { by } => format!("paused by {by}"),
        Event::Resumed { by } => format!("resumed by {by}"),
        Event::TurboSet { by, until: Some(until) } => format!("turbo by {by} until {until}"),
        Event::TurboSet { by, until: None } => format!("turbo switched off by {by}"),
        Event::AgentRefused { agent, message, .. } => {
            format!("agent {agent} is refused, somebody must sign it in: {message}")
        }
        Event::AgentCleared { agent, by } => format!("agent {agent} is tried again, says {by}"),
        Event::AgentAccepted { agent } => format!("agent {agent} is let in again"),
        Event::ProviderSet { by, provider } => {
            let agent = provider.as_deref().unwrap_or("the configured agent");
            format!("{agent} is the default provider, by {by}")
        }
        Event::StopJudged { verdict } => verdict.to_string(),
        Event::StopAcknowledged { by, .. } => format!("verdicts acknowledged by {by}"),
        _ => return None,
    })
}

fn run_event(event: &Event) -> Option<String> {
    Some(match event {
        Event::RunStarted { run, attempt, inherited, .. } => {
            let short = run.short();
            match inherited.len() {
                0 => format!("run {short} starts, attempt {attempt}"),
                number => format!("run {short} starts, attempt {attempt}, with {number} findings"),
            }
        }
        Event::WorkspaceReady { workspace, .. } => {
            let base = workspace.base_commit.get(..7).unwrap_or_default();
            format!("works on {} from {} at {base}", workspace.branch, workspace.base_branch)
        }
        Event::TurnStarted { turn, stage, round, escalated, model, .. } => {
            let model = model.as_ref().filter(|_| *escalated);
            let model = model.map(|model| format!(" with {model}")).unwrap_or_default();
            format!("turn {turn}: the {} begins round {round}{model}", stage.word())
        }
        Event::TurnFinished { turn, report, change, tampered } => {
            format!("turn {turn}: {}", turn_end(report, change.as_ref(), *tampered))
        }
        Event::TurnInterrupted { turn, salvaged, .. } => match salvaged {
            Some(_) => format!("turn {turn}: cut short; what it had written is saved"),
            None => format!("turn {turn}: cut short"),
        },
        Event::ChecksFinished { report, .. } => {
            let results = report.results.iter().map(|result| {
                let status = match result.status {
                    CheckStatus::Passed => "passes",
                    CheckStatus::NewFailure => "fails",
                    CheckStatus::AlreadyFailing => "fails as it did before",
                    CheckStatus::TimedOut => "ran out of time",
                };
                format!("`{}` {status}", result.command)
            });
            let results: Vec<String> = results.collect();
            if results.is_empty() {
                return None;
            }
            format!("checks: {}", results.join(", "))
        }
        Event::ChecksUnavailable { failure, .. } => {
            format!("checks could not be run: {}", failure.message)
        }
        Event::ReviewSubmitted { review, .. } => said("verdict", review),
        Event::AuditSubmitted { review, .. } => said("audit", review),
        Event::StageFinished { stage, result, .. } => return stage_end(*stage, result),
        Event::DivisionSubmitted { parts, .. } => format!("planner: {} parts", parts.len()),
        Event::DivisionRefused { reason, .. } => format!("the planner is asked again: {reason}"),
        Event::RunAdvanced { phase, .. } => format!("goes on with {}", phase.word()),
        Event::ReviewMissing { reason, .. } => format!("the gate did not run: {reason}"),
        Event::RevisionRequested { round, findings } => {
            format!("round {round} is needed for {} findings", findings.len())
        }
        Event::RunApproved { .. } => "approved for delivery".to_owned(),
        Event::RunWaiting { failure, until } => format!("waits until {until}: {}", failure.message),
        Event::RunInterrupted { cause: Interruption::Crash, .. } => {
            "taken over after a crash".to_owned()
        }
        Event::RunInterrupted { cause: Interruption::Shutdown, .. } => {
            "interrupted, through no fault of its own".to_owned()
        }
        Event::RunGoalChanged { title, .. } => format!("goal is now: {title}"),
        Event::RunInstructed { text, .. } => format!("is told: {}", first_line(text)),
        Event::AgentSwitched { stage, switch } => {
            format!("the {}'s turns: {switch}", stage.word())
        }
        Event::RunAdopted { turn, .. } => format!("turn {turn} goes on under another daemon"),
        Event::RunDelivered { delivered } => match delivered {
            Delivered::Branch { branch, .. } => format!("left on {branch}"),
            Delivered::Merge { base, after, .. } => {
                format!("merged into {base} as {}", after.get(..7).unwrap_or_default())
            }
            Delivered::PullRequest { number, branch, .. } => {
                format!("pushed {branch}, pull request {number}")
            }
            Delivered::Nothing => "nothing to deliver".to_owned(),
        },
        Event::DeliveryFailed { failure, .. } => {
            format!("could not be delivered: {}", first_line(&failure.message))
        }
        Event::LateResult { effect, reason } => format!("too late: {effect}: {reason}"),
        Event::RunFinished { outcome, .. } => format!("the run is over: {}", outcome.word()),
        _ => return None,
    })
}

fn said(what: &str, review: &Review) -> String {
    let problems: Vec<&str> =
        review.findings.iter().map(|finding| finding.problem.as_str()).collect();
    match problems.is_empty() {
        true => format!("{what}: {}", review.verdict.word()),
        false => format!("{what}: {}: {}", review.verdict.word(), problems.join("; ")),
    }
}

fn stage_end(stage: Stage, result: &StageResult) -> Option<String> {
    let word = stage.word();
    match result {
        StageResult::Done { report } if report.summary.is_empty() => None,
        StageResult::Done { report } => Some(format!("{word}: {}", report.summary)),
        StageResult::Skipped { reason } => Some(format!("goes on without {word}: {reason}")),
    }
}

fn turn_end(report: &TurnReport, change: Option<&Change>, tampered: bool) -> String {
    let ending = match &report.ending {
        TurnEnding::Completed => "done".to_owned(),
        TurnEnding::Failed { failure } => {
            format!("failed ({}): {}", failure.class.word(), failure.message)
        }
        TurnEnding::TimedOut { .. } => "ended because it took too long".to_owned(),
        TurnEnding::Stuck { evidence } => format!("ended because it repeats itself: {evidence}"),
        TurnEnding::Cancelled => "stopped".to_owned(),
    };
    let change = match change {
        Some(change) if change.is_empty() => ", nothing changed".to_owned(),
        Some(change) => format!(", {}", change.stat()),
        None => String::new(),
    };
    let tampered = if tampered { ", and it changed the worktree" } else { "" };
    format!("{ending}{change}{tampered}")
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}
