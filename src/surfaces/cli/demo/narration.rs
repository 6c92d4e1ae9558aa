//! The event log as a story: one line per thing that people care about, as it happens.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::domain::agent::{Stage, TurnEnding, TurnReport};
use crate::domain::change::{Change, CheckReport, CheckStatus, Delivered};
use crate::domain::event::Event;
use crate::domain::ids::StreamId;
use crate::domain::run::{Interruption, Outcome};
use crate::domain::time::Timestamp;
use crate::domain::verdict::Review;
use crate::store::envelope::Recorded;
use crate::surfaces::cli::format::shortened;

/// Characters of foreign text on a line.
const WIDTH: usize = 110;

/// What is needed of earlier events to tell the later ones.
#[derive(Debug, Default)]
pub(super) struct Narrator {
    /// Item of each run.
    items: BTreeMap<StreamId, String>,
    /// Stage of each run's last turn.
    stages: BTreeMap<StreamId, Stage>,
    began: Option<Timestamp>,
}

impl Narrator {
    /// The line for an event, if it has one.
    pub(super) fn line(&mut self, recorded: &Recorded) -> Option<String> {
        let began = *self.began.get_or_insert(recorded.at);
        let event = recorded.event.known()?;
        let stream = &recorded.stream;
        if let Event::RunStarted { item, .. } = event {
            self.items.insert(stream.clone(), item.identifier().to_owned());
        }
        if let Event::TurnStarted { stage, .. } = event {
            self.stages.insert(stream.clone(), *stage);
        }
        let subject = self.items.get(stream).map_or("daemon", String::as_str);
        let stage = self.stages.get(stream).copied().unwrap_or(Stage::Coder);
        let told = tell(event, stage, recorded.at)?;
        let at = seconds(recorded.at.since(began));
        Some(format!("{at}  {subject:<7} {}", shortened(&told, WIDTH)))
    }
}

fn seconds(since: Duration) -> String {
    format!("{:>5}.{} s", since.as_secs(), since.subsec_millis() / 100)
}

fn tell(event: &Event, stage: Stage, at: Timestamp) -> Option<String> {
    match event {
        Event::DaemonStarted { epoch: 1, .. } => Some("is up".to_owned()),
        Event::DaemonStarted { .. } => {
            Some("is up again, and takes over what it finds in its log".to_owned())
        }
        Event::DaemonStopped { .. } => Some("stopped in order".to_owned()),
        Event::RunStarted { plan, .. } => Some(format!("starts: {}", plan.title)),
        Event::TurnStarted { stage, round, agent, .. } => {
            Some(format!("{}, round {round}: {agent} is at work", stage.word()))
        }
        Event::TurnFinished { report, change, tampered, .. } => {
            turn_ended(report, change.as_ref(), *tampered, stage)
        }
        Event::TurnInterrupted { cause: Interruption::Crash, salvaged, .. } => {
            let kept = if salvaged.is_some() { "; its unfinished work is kept" } else { "" };
            Some(format!("its turn was cut short when the daemon was killed{kept}"))
        }
        Event::TurnInterrupted { cause: Interruption::Shutdown, .. } => {
            Some("its turn was cut short by the shutdown".to_owned())
        }
        Event::RunAdopted { .. } => {
            Some("its agent went on without a daemon, and goes on under this one".to_owned())
        }
        Event::ChecksFinished { report, .. } => Some(format!("checks: {}", checks(report))),
        Event::ReviewSubmitted { review, .. } => Some(format!("critic: {}", said(review))),
        Event::ReviewMissing { reason, .. } => Some(format!("the gate did not run: {reason}")),
        Event::RunWaiting { failure, until } => {
            let pause = until.since(at).as_secs();
            Some(format!("waits {pause} s ({}): no attempt is spent", failure.class.word()))
        }
        Event::RunDelivered { delivered: Delivered::Merge { base, after, .. } } => {
            Some(format!("merged into {base} as {}", after.get(..10).unwrap_or(after)))
        }
        Event::RunFinished { outcome, detail, .. } => ended_otherwise(outcome, detail),
        _ => None,
    }
}

/// Success has been told by its delivery.
fn ended_otherwise(outcome: &Outcome, detail: &str) -> Option<String> {
    (*outcome != Outcome::Succeeded).then(|| format!("{}: {detail}", outcome.word()))
}

fn turn_ended(
    report: &TurnReport,
    change: Option<&Change>,
    tampered: bool,
    stage: Stage,
) -> Option<String> {
    match &report.ending {
        TurnEnding::Completed if tampered => Some("the critic changed files: void".to_owned()),
        TurnEnding::Completed if stage == Stage::Critic => None,
        TurnEnding::Completed => {
            Some(format!("coder done: {}", change.map_or_else(|| "?".to_owned(), Change::stat)))
        }
        TurnEnding::Failed { failure } => Some(failure.message.clone()),
        TurnEnding::TimedOut { .. } => Some("ran out of time and was ended".to_owned()),
        TurnEnding::Stuck { evidence } => Some(format!("repeats itself: {evidence}")),
        TurnEnding::Cancelled => Some("was stopped".to_owned()),
    }
}

fn checks(report: &CheckReport) -> String {
    let results: Vec<String> = report
        .results
        .iter()
        .map(|result| {
            let word = match result.status {
                CheckStatus::Passed => "passes",
                CheckStatus::NewFailure => "FAILS, and did not before",
                CheckStatus::AlreadyFailing => "fails as it did before",
                CheckStatus::TimedOut => "does not finish in time",
            };
            format!("`{}` {word}", result.command)
        })
        .collect();
    if results.is_empty() { "none".to_owned() } else { results.join(", ") }
}

fn said(review: &Review) -> String {
    let problems: Vec<&str> =
        review.findings.iter().map(|finding| finding.problem.as_str()).collect();
    if problems.is_empty() {
        review.verdict.word().to_owned()
    } else {
        format!("{}: {}", review.verdict.word(), problems.join("; "))
    }
}
