//! One line per event worth telling, and a live line on a terminal.

use crate::domain::agent::{Stage, TurnEnding, TurnReport};
use crate::domain::change::{Change, CheckReport, CheckStatus, Delivered};
use crate::domain::event::Event;
use crate::domain::time::Timestamp;
use crate::domain::verdict::{Finding, StageResult, Verdict};
use crate::runtime::clock::{Clock as _, SystemClock};
use crate::surfaces::control::wire::EventView;

use super::super::format;
use super::super::screen::{Screen, Tone};
use super::Telling;
use super::fold::Fold;

/// Longest line about a finding, in characters.
const FINDING: usize = 140;

/// Tells what happens.
pub(super) struct Progress<'a> {
    screen: &'a Screen,
    telling: Telling,
    began: Timestamp,
}

impl<'a> Progress<'a> {
    pub(super) fn new(screen: &'a Screen, telling: Telling) -> Self {
        Self { screen, telling, began: SystemClock.now() }
    }

    /// A remark that is no event.
    pub(super) fn note(&self, text: &str) {
        match self.telling {
            Telling::Progress => self.say(SystemClock.now(), Tone::Warning, text),
            Telling::Objects | Telling::Quiet => self.screen.note(text),
        }
    }

    /// Something happened; `fold` has it already.
    pub(super) fn event(&self, view: &EventView, event: &Event, fold: &Fold) {
        match self.telling {
            Telling::Quiet => {}
            Telling::Objects => {
                self.screen.object_line(&serde_json::json!({ "kind": "event", "event": view }));
            }
            Telling::Progress => {
                self.tell(view.at, event, fold);
                self.tick(fold);
            }
        }
    }

    /// Renews the live line.
    pub(super) fn tick(&self, fold: &Fold) {
        if self.telling != Telling::Progress || !self.screen.terminal {
            return;
        }
        let elapsed = format::elapsed(SystemClock.now().since(self.began));
        let doing = match &fold.run {
            None => "waiting to start".to_owned(),
            Some(run) => match run.turn_in_flight() {
                Some(turn) => {
                    format!("round {}, {} {} at work", run.round, turn.stage.word(), turn.agent)
                }
                None => format!("round {}, {}", run.round, run.phase.word()),
            },
        };
        self.screen.live(&self.screen.paint(Tone::Dim, &format!("{elapsed}  {doing}")));
    }

    fn say(&self, at: Timestamp, tone: Tone, text: &str) {
        let time = if self.screen.terminal {
            format!("{:>7}", format::elapsed(at.since(self.began)))
        } else {
            at.to_string()
        };
        let time = self.screen.paint(Tone::Dim, &time);
        self.screen.line(format!("{time}  {}", self.screen.paint(tone, &format::printable(text))));
    }

    fn plain(&self, at: Timestamp, text: &str) {
        let time = if self.screen.terminal {
            format!("{:>7}", format::elapsed(at.since(self.began)))
        } else {
            at.to_string()
        };
        self.screen.line(format!(
            "{}  {}",
            self.screen.paint(Tone::Dim, &time),
            format::printable(text)
        ));
    }

    fn tell(&self, at: Timestamp, event: &Event, fold: &Fold) {
        match event {
            Event::ItemCreated { item, .. } => {
                self.plain(at, &format!("task {}: {}", item.id.identifier(), item.title));
            }
            Event::RunStarted { run, attempt, plan, .. } => {
                let text = format!("run {} attempt {attempt} in {}", run.short(), plan.repository);
                self.plain(at, &text);
            }
            Event::WorkspaceReady { workspace, .. } => {
                let base: String = workspace.base_commit.chars().take(10).collect();
                let (branch, from) = (&workspace.branch, &workspace.base_branch);
                self.plain(at, &format!("branch {branch} from {from} at {base}"));
            }
            Event::TurnStarted { stage, round, agent, model, escalated, .. } => {
                let model = model.as_deref().map(|model| format!(", {model}")).unwrap_or_default();
                let escalated = if *escalated { ", escalated" } else { "" };
                let stage = stage.word();
                self.plain(
                    at,
                    &format!("round {round}: {stage} begins ({agent}{model}{escalated})"),
                );
            }
            Event::TurnFinished { turn, report, change, tampered } => {
                let stage = fold.run.as_ref().and_then(|run| run.turn(*turn)).map(|it| it.stage);
                self.turn(at, stage.unwrap_or(Stage::Coder), report, change.as_ref(), *tampered);
            }
            Event::ChecksFinished { report, .. } => self.checks(at, report),
            Event::ReviewSubmitted { review, .. } => {
                let tone = match review.verdict {
                    Verdict::Approve => Tone::Good,
                    Verdict::Revise => Tone::Warning,
                    Verdict::Reject => Tone::Bad,
                };
                let count = review.findings.len();
                let noun = if count == 1 { "finding" } else { "findings" };
                self.say(at, tone, &format!("verdict {}, {count} {noun}", review.verdict.word()));
                review.findings.iter().for_each(|finding| self.finding(at, finding));
            }
            Event::AuditSubmitted { review, .. } => {
                let tone = match review.verdict {
                    Verdict::Approve => Tone::Good,
                    Verdict::Revise => Tone::Warning,
                    Verdict::Reject => Tone::Bad,
                };
                let count = review.findings.len();
                let noun = if count == 1 { "finding" } else { "findings" };
                self.say(at, tone, &format!("audit {}, {count} {noun}", review.verdict.word()));
                review.findings.iter().for_each(|finding| self.finding(at, finding));
            }
            Event::StageFinished { stage, result, .. } => self.stage(at, *stage, result),
            Event::RunWaiting { failure, until } => {
                let text = format!("waits until {until}: {}", failure.message);
                self.say(at, Tone::Warning, &text);
            }
            Event::RunDelivered { delivered } => self.say(at, Tone::Good, &delivery(delivered)),
            other => self.tell_trouble(at, other),
        }
    }

    fn tell_trouble(&self, at: Timestamp, event: &Event) {
        match event {
            Event::RunAdopted { .. } => {
                self.plain(at, "the agent goes on under another daemon");
            }
            Event::TurnInterrupted { .. } | Event::RunInterrupted { .. } => {
                self.say(at, Tone::Warning, "interrupted; the run continues where it was");
            }
            Event::ChecksUnavailable { failure, .. } => {
                self.say(at, Tone::Bad, &format!("checks could not run: {}", failure.message));
            }
            Event::ReviewMissing { reason, .. } => {
                self.say(at, Tone::Bad, &format!("no readable verdict: {reason}"));
            }
            Event::DeliveryFailed { failure, .. } => {
                self.say(at, Tone::Bad, &format!("delivery failed: {}", failure.message));
            }
            Event::ItemHumanRequested { question, .. } => {
                self.say(at, Tone::Warning, &format!("waits for a person: {question}"));
            }
            _ => {}
        }
    }

    fn turn(
        &self,
        at: Timestamp,
        stage: Stage,
        report: &TurnReport,
        change: Option<&Change>,
        tampered: bool,
    ) {
        let used = format::usage(&report.usage.into());
        let took = format::span(report.duration_ms);
        let stage_word = stage.word();
        match &report.ending {
            TurnEnding::Completed => {
                let result = match (stage, change) {
                    (_, Some(change)) if change.is_empty() => ": nothing changed".to_owned(),
                    (_, Some(change)) => format!(": {}", change.stat()),
                    (_, None) => String::new(),
                };
                self.plain(at, &format!("{stage_word} done{result} ({took}, {used})"));
            }
            TurnEnding::Failed { failure } => {
                let (class, message) = (failure.class.word(), &failure.message);
                let text = format!("{stage_word} failed ({class}): {message} ({took}, {used})");
                self.say(at, Tone::Bad, &text);
            }
            TurnEnding::TimedOut { .. } => {
                self.say(
                    at,
                    Tone::Bad,
                    &format!("{stage_word} took too long and was ended ({took})"),
                );
            }
            TurnEnding::Stuck { evidence } => {
                self.say(
                    at,
                    Tone::Bad,
                    &format!("{stage_word} went in circles: {evidence} ({took})"),
                );
            }
            TurnEnding::Cancelled => {
                self.say(at, Tone::Warning, &format!("{stage_word} was stopped"));
            }
        }
        if tampered {
            self.say(at, Tone::Bad, &format!("{stage_word} changed files it may only read: void"));
        }
    }

    fn stage(&self, at: Timestamp, stage: Stage, result: &StageResult) {
        match result {
            StageResult::Done { report } if report.summary.is_empty() => {}
            StageResult::Done { report } => {
                self.plain(at, &format!("{}: {}", stage.word(), report.summary));
            }
            StageResult::Skipped { reason } => {
                let text = format!("goes on without {}: {reason}", stage.word());
                self.say(at, Tone::Warning, &text);
            }
        }
    }

    fn checks(&self, at: Timestamp, report: &CheckReport) {
        for result in &report.results {
            let tone = if result.status.blocks() { Tone::Bad } else { Tone::Good };
            let (command, took) = (&result.command, format::span(result.duration_ms));
            let text = format!("check `{command}`: {} ({took})", check_word(result.status));
            self.say(at, tone, &text);
        }
    }

    fn finding(&self, at: Timestamp, finding: &Finding) {
        self.plain(at, &format!("  - {}", format::shortened(&finding_text(finding), FINDING)));
    }
}

/// `major src/lib.rs:3: what is wrong`.
pub(super) fn finding_text(finding: &Finding) -> String {
    let severity = finding.severity.word();
    let line = finding.line.map(|line| format!(":{line}")).unwrap_or_default();
    let place = finding.file.as_deref().map(|file| format!(" {file}{line}")).unwrap_or_default();
    format!("{severity}{place}: {}", finding.problem)
}

/// How a check ended.
pub(in super::super) fn check_word(status: CheckStatus) -> &'static str {
    match status {
        CheckStatus::Passed => "passed",
        CheckStatus::NewFailure => "fails, and did not before",
        CheckStatus::AlreadyFailing => "fails, as it did before",
        CheckStatus::TimedOut => "took too long",
    }
}

/// Where the change is now.
pub(super) fn delivery(delivered: &Delivered) -> String {
    let short = |commit: &str| commit.chars().take(10).collect::<String>();
    match delivered {
        Delivered::Branch { branch, head } => {
            format!("delivered on branch {branch} at {}", short(head))
        }
        Delivered::Merge { base, after, checkout, .. } => {
            let checkout = checkout.as_deref();
            let remark = checkout.map(|command| format!("; to update the checkout: {command}"));
            format!("merged into {base} at {}{}", short(after), remark.unwrap_or_default())
        }
        Delivered::PullRequest { number, url, head, .. } => {
            format!("offered as pull request {number} at {}: {url}", short(head))
        }
        Delivered::Nothing => "nothing had to be changed".to_owned(),
    }
}
