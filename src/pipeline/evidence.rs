//! What a pull request says of its change: what was wanted, and what shows that it is there. Readable on a phone.
//!
//! Only what is on record is in it: a criterion that nobody looked at says so. What agents, people and repositories wrote
//! is shown as text, as on a run's card.

use std::fmt::Write as _;

use crate::domain::agent::Stage;
use crate::domain::change::{Change, CheckStatus};
use crate::domain::verdict::{CriterionAnswer, Finding, StageResult, Verdict};

use super::card::{code, is_invisible, plain};
use super::state::{RaisedFinding, RunState};
use bounds::{clipped, length, shortened};

mod bounds;

/// Characters of a pull request's title.
const TITLE_CHARS: usize = 200;

/// Where the run can be read up, event by event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The stream of the run's events.
    pub stream: String,
    /// How many it had when the change was offered.
    pub events: u64,
    /// The hash over all of them, in hex.
    pub hash: String,
}

/// How much is said.
struct Detail {
    /// Characters of a sentence that somebody else wrote.
    sentence: usize,
    /// Acceptance criteria.
    criteria: usize,
    /// Findings of one round.
    findings: usize,
    /// Changed files.
    files: usize,
}

/// From everything to what is needed to decide whether to look closer.
const DETAILS: [Detail; 3] = [
    Detail { sentence: 280, criteria: 40, findings: 20, files: 100 },
    Detail { sentence: 160, criteria: 20, findings: 3, files: 15 },
    Detail { sentence: 80, criteria: 10, findings: 1, files: 5 },
];

/// The title of the pull request of `run`.
#[must_use]
pub fn title(run: &RunState) -> String {
    let visible = |letter: char| if is_invisible(letter) { ' ' } else { letter };
    let title: String = run.plan.title.chars().map(visible).collect();
    let title = title.split_whitespace().collect::<Vec<_>>().join(" ");
    clipped(&format!("{}: {title}", run.plan.identifier), TITLE_CHARS)
}

/// The evidence for the change of `run`, as Markdown of at most `most` UTF-16 units. What does not fit is left out line
/// by line, which the last line says.
#[must_use]
pub fn pack(run: &RunState, receipt: Option<&Receipt>, most: usize) -> String {
    let mut text = String::new();
    for detail in &DETAILS {
        text = written(run, receipt, detail);
        if length(&text) <= most {
            return text;
        }
    }
    shortened(&text, most)
}

/// `pack` and below it what the repository's template says, if both fit.
#[must_use]
pub fn with_template(pack: &str, template: Option<&str>, most: usize) -> String {
    let template = template.map(str::trim).filter(|template| !template.is_empty());
    let Some(template) = template else { return pack.to_owned() };
    let whole = format!("{pack}\n\n---\n\n{template}");
    if length(&whole) <= most { whole } else { pack.to_owned() }
}

fn written(run: &RunState, receipt: Option<&Receipt>, detail: &Detail) -> String {
    let parts = [
        goal(run, detail),
        criteria(run, detail),
        change(run, detail),
        checks(run),
        review(run, detail),
        stages(run, detail),
        account(run, receipt),
    ];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n\n")
}

fn goal(run: &RunState, detail: &Detail) -> String {
    let plan = &run.plan;
    // Its own forge makes a link of that.
    let item = match run.item.source() {
        "github" => plan.identifier.clone(),
        _ => code(&plan.identifier),
    };
    let mut text = format!("**{item}** {}", plain(&clipped(&plan.title, TITLE_CHARS)));
    let is_heading = |line: &&str| line.trim().is_empty() || line.starts_with('#');
    let lines = plan.body.lines().skip_while(is_heading).take_while(|line| !line.starts_with('#'));
    let goal = lines.flat_map(str::split_whitespace).collect::<Vec<_>>().join(" ");
    if !goal.is_empty() {
        let _written = write!(text, "\n\n> {}", plain(&clipped(&goal, detail.sentence)));
    }
    text
}

fn criteria(run: &RunState, detail: &Detail) -> String {
    let criteria = &run.plan.criteria;
    if criteria.is_empty() {
        return "### Acceptance criteria\n\nThe work item names none.".to_owned();
    }
    let mut text = "### Acceptance criteria\n".to_owned();
    for (number, criterion) in (1u32..).zip(criteria).take(detail.criteria) {
        let answers = run.review.as_ref().map(|review| review.criteria.as_slice());
        let answer = answers.unwrap_or_default().iter().find(|it| it.criterion == number);
        let wanted = plain(&clipped(criterion, detail.sentence));
        let _written = match answer {
            Some(answer) => {
                let mark = if answer.met { "✅" } else { "❌" };
                write!(text, "\n- {mark} {wanted} — {}", support(run, answer, detail))
            }
            None => write!(text, "\n- ❔ {wanted} — no evidence recorded"),
        };
    }
    more(&mut text, criteria.len(), detail.criteria, "criteria");
    text
}

/// What the critic named, and which files of the change and which checks that is about.
fn support(run: &RunState, answer: &CriterionAnswer, detail: &Detail) -> String {
    let said = answer.evidence.trim();
    if said.is_empty() {
        return "the critic says so and names no evidence".to_owned();
    }
    let files = run.change.iter().flat_map(|change| &change.files);
    let named: Vec<String> =
        files.filter(|file| said.contains(file.as_str())).take(3).map(|file| code(file)).collect();
    let results = run.checks.iter().flat_map(|report| &report.results);
    let proven: Vec<String> = results
        .filter(|it| it.status == CheckStatus::Passed && said.contains(it.command.as_str()))
        .map(|it| code(&it.command))
        .collect();
    let mut text = format!("the critic: {}", plain(&clipped(said, detail.sentence)));
    if !named.is_empty() {
        let _written = write!(text, " (in the diff: {})", named.join(", "));
    }
    if !proven.is_empty() {
        let _written = write!(text, " (passed: {})", proven.join(", "));
    }
    text
}

fn change(run: &RunState, detail: &Detail) -> String {
    let Some(change) = &run.change else { return String::new() };
    let mut text = format!("### Change\n\n{}\n", Change::stat(change));
    for file in change.files.iter().take(detail.files) {
        let _written = write!(text, "\n- {}", code(file));
    }
    more(&mut text, change.files.len(), detail.files, "files");
    text
}

fn checks(run: &RunState) -> String {
    let Some(report) = run.checks.as_ref().filter(|report| !report.results.is_empty()) else {
        return "### Checks\n\nNone are configured.".to_owned();
    };
    let of_another = run.approved.as_ref().is_some_and(|head| *head != report.head);
    let mut text = "### Checks\n".to_owned();
    for result in &report.results {
        let words = match result.status {
            CheckStatus::Passed => "passed on the change",
            CheckStatus::NewFailure => "fails on the change, passed on the base",
            CheckStatus::AlreadyFailing => "fails on the change and, alike, on the base",
            CheckStatus::TimedOut => "did not finish in its time on the change",
        };
        let _written = write!(text, "\n- {}: {words}", code(&result.command));
    }
    if of_another {
        let _written =
            write!(text, "\n- they ran on {}, before the last commit", short(&report.head));
    }
    text
}

fn review(run: &RunState, detail: &Detail) -> String {
    let mut text = "### Review\n".to_owned();
    for round in 0..=run.round {
        let raised: Vec<&RaisedFinding> =
            run.findings.iter().filter(|raised| raised.round == round).collect();
        if raised.is_empty() {
            continue;
        }
        let whose = if round == 0 { "before".to_owned() } else { format!("round {round}") };
        let noun = if raised.len() == 1 { "finding" } else { "findings" };
        let _written = write!(text, "\n- {whose}: {} {noun}", raised.len());
        for raised in raised.iter().take(detail.findings) {
            let _written = write!(text, "\n  - {}", finding(&raised.finding, detail));
        }
        if raised.len() > detail.findings {
            let _written = write!(text, "\n  - and {} more", raised.len() - detail.findings);
        }
    }
    match &run.review {
        None if run.plan.stages.critic.is_none() => {
            text.push_str("\n- no critic: it is switched off");
        }
        None => text.push_str("\n- no verdict recorded"),
        Some(review) => {
            let word = match review.verdict {
                Verdict::Approve => "approved",
                Verdict::Revise => "asked for changes to",
                Verdict::Reject => "rejected",
            };
            let commit = short(&review.commit);
            let _written = write!(text, "\n- round {}: the critic {word} {commit}", run.round);
            for remark in review.findings.iter().take(detail.findings) {
                let _written = write!(text, "\n  - {}", finding(remark, detail));
            }
        }
    }
    text
}

fn finding(finding: &Finding, detail: &Detail) -> String {
    let place = match (&finding.file, finding.line) {
        (Some(file), Some(line)) => format!(" {}", code(&format!("{file}:{line}"))),
        (Some(file), None) => format!(" {}", code(file)),
        (None, _) => String::new(),
    };
    let problem = plain(&clipped(&finding.problem, detail.sentence));
    format!("{}{place}: {problem}", finding.severity.word())
}

fn stages(run: &RunState, detail: &Detail) -> String {
    let mut text = "### Stages\n".to_owned();
    for stage in Stage::ALL {
        let turns: Vec<_> = run.turns.iter().filter(|turn| turn.stage == stage).collect();
        if turns.is_empty() {
            continue;
        }
        let mut agents: Vec<String> = turns.iter().map(|turn| code(&turn.agent)).collect();
        agents.dedup();
        let noun = if turns.len() == 1 { "turn" } else { "turns" };
        let (name, agents) = (stage.word(), agents.join(", "));
        let _written = write!(text, "\n- {name}: {} {noun} by {agents}", turns.len());
        let said = match run.stage_results.get(&stage) {
            Some(StageResult::Done { report }) => report.summary.as_str(),
            Some(StageResult::Skipped { reason }) => reason.as_str(),
            None => "",
        };
        if !said.is_empty() {
            let _written = write!(text, ": {}", plain(&clipped(said, detail.sentence)));
        }
    }
    text
}

fn account(run: &RunState, receipt: Option<&Receipt>) -> String {
    let usage = &run.usage;
    let tokens = usage.input_tokens + usage.output_tokens;
    let cents = usage.cost_micro_usd.div_ceil(10_000);
    let at_least = if usage.unpriced_calls > 0 { "at least " } else { "" };
    let (rounds, turns) = (run.round, run.turns.len());
    let mut text = format!(
        "### Run\n\n`{}`, attempt {}: {rounds} {}, {turns} {}, {tokens} tokens, {at_least}${}.{:02}",
        run.id,
        run.attempt,
        if rounds == 1 { "round" } else { "rounds" },
        if turns == 1 { "turn" } else { "turns" },
        cents / 100,
        cents % 100
    );
    if let Some(receipt) = receipt {
        let hash = receipt.hash.get(..16).unwrap_or(&receipt.hash);
        let _written = write!(
            text,
            "\n\nReceipts: {}, event {}, hash {} (`enact-factory receipts verify`)",
            code(&receipt.stream),
            receipt.events,
            code(hash)
        );
    }
    text
}

fn more(text: &mut String, all: usize, shown: usize, what: &str) {
    if all > shown {
        let _written = write!(text, "\n- and {} more {what}", all - shown);
    }
}

fn short(commit: &str) -> String {
    code(commit.get(..12).unwrap_or(commit))
}

#[cfg(test)]
mod tests;
