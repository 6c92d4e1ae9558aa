//! Sections that several stages have.

use crate::domain::agent::Stage;
use crate::domain::change::{Change, CheckStatus};
use crate::domain::pull_request::Feedback;
use crate::domain::verdict::Finding;

use super::{Context, Section, fenced, workflow};

/// Bytes of what people and checks say of a pull request that go into a prompt.
const FEEDBACK_BYTES: usize = 16 * 1024;

/// Name of the section with what people and checks say of the pull request.
pub(super) const REVIEW: &str = "Review of the pull request";

/// What the stage is there for: the built-in text, or the repository's own under the rules that always hold.
pub(super) fn task(context: &Context<'_>, stage: Stage, round: bool) -> Section {
    let contract = if stage.writes() { "common.contract-writes" } else { "common.contract-reads" };
    let mut parts = match (workflow::prompt(context, stage), stage) {
        (Some(own), _) => vec![context.text(contract), own],
        (None, Stage::Coder | Stage::Critic) => {
            vec![context.text(&format!("{}.task", stage.word()))]
        }
        (
            None,
            Stage::Planner
            | Stage::Diagnose
            | Stage::Tester
            | Stage::Documenter
            | Stage::Auditor
            | Stage::StageDocumenter,
        ) => vec![context.text(&format!("{}.task", stage.word())), context.text(contract)],
    };
    if round {
        let (round, rounds) = rounds(context);
        parts.push(context.fill("common.round", &[("round", &round), ("rounds", &rounds)]));
    }
    parts.push(context.text("common.untrusted"));
    Section::required("Your task", parts.join("\n\n"))
}

/// The current round and the number of rounds, as text.
pub(super) fn rounds(context: &Context<'_>) -> (String, String) {
    (context.state.round.to_string(), context.state.plan.max_rounds.to_string())
}

/// Goal, acceptance criteria, and what people added.
pub(super) fn item(context: &Context<'_>) -> Vec<Section> {
    vec![
        Section::required("Goal", goal(context)),
        Section::required("Acceptance criteria", criteria(context)),
        Section::required("Notes from the operator", context.state.plan.notes.join("\n\n")),
    ]
}

fn goal(context: &Context<'_>) -> String {
    let plan = &context.state.plan;
    let goal = fenced("goal", &context.state.goal(), context.nonce);
    context.fill("common.goal", &[("identifier", &plan.identifier), ("goal", &goal)])
}

/// What the goal was before people changed it, for a coder that may have worked on that.
pub(super) fn changed_goal(context: &Context<'_>) -> String {
    match &context.state.changed_goal {
        Some(changed) => {
            let before = fenced("goal before", &changed.before, context.nonce);
            context.fill("common.goal-changed", &[("before", &before)])
        }
        None => String::new(),
    }
}

fn criteria(context: &Context<'_>) -> String {
    let criteria = context.state.plan.criteria.iter().enumerate();
    let lines: Vec<String> =
        criteria.map(|(index, text)| format!("{}. {text}", index + 1)).collect();
    if lines.is_empty() {
        return String::new();
    }
    fenced("acceptance criteria", &lines.join("\n"), context.nonce)
}

/// What a gate must name in its verdict.
pub(super) fn under_review(context: &Context<'_>) -> String {
    let state = context.state;
    let stat = state.change.as_ref().map(Change::stat).unwrap_or_default();
    let base = state.workspace.as_ref().map_or("", |workspace| workspace.base_commit.as_str());
    let (round, rounds) = rounds(context);
    let values = [
        ("nonce", context.nonce),
        ("commit", context.head()),
        ("base", base),
        ("round", &round),
        ("rounds", &rounds),
        ("stat", &stat),
    ];
    context.fill("common.under-review", &values)
}

/// How the checks of the commit came out.
pub(super) fn checks(context: &Context<'_>) -> String {
    let Some(report) = context.state.checks.as_ref() else { return String::new() };
    let lines = report.results.iter().map(|result| {
        let command = ("command", result.command.as_str());
        match result.status {
            CheckStatus::Passed => context.fill("common.check-passed", &[command]),
            CheckStatus::AlreadyFailing => {
                let output = fenced("output", &result.output, context.nonce);
                context.fill("common.check-failed-before", &[command, ("output", &output)])
            }
            CheckStatus::NewFailure => context.fill("common.check-fails", &[command]),
            CheckStatus::TimedOut => context.fill("common.check-timed-out", &[command]),
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The diff by value, or why there is none.
pub(super) fn change(context: &Context<'_>) -> String {
    let state = context.state;
    if state.change.as_ref().is_some_and(Change::is_empty) {
        let report = state.coder_report.as_ref();
        let reason = report.and_then(|report| report.no_change_reason.as_deref());
        let reason = fenced("reason", reason.unwrap_or_default(), context.nonce);
        return context.fill("common.change-none", &[("reason", &reason)]);
    }
    let mut text = fenced("diff", context.diff, context.nonce);
    if !context.diff_left_out.is_empty() {
        text.push_str("\n\n");
        let files = context.diff_left_out.join(", ");
        text.push_str(&context.fill("common.change-left-out", &[("files", &files)]));
    }
    text
}

/// What people and checks hold against the pull request, under the text called `name`; nothing when there is none.
pub(super) fn feedback(context: &Context<'_>, name: &str) -> String {
    let Some(feedback) = context.state.plan.offering.feedback.as_deref() else {
        return String::new();
    };
    let mut parts = Vec::new();
    if !feedback.is_empty() {
        let text = fenced("review of the pull request", &heard(feedback), context.nonce);
        parts.push(context.fill(name, &[("feedback", &text)]));
    }
    if feedback.left_out > 0 {
        let number = feedback.left_out.to_string();
        parts.push(context.fill("common.feedback-left-out", &[("number", &number)]));
    }
    parts.join("\n\n")
}

/// Whole entries as long as there is room; what is left out is counted.
fn heard(feedback: &Feedback) -> String {
    let reviews =
        feedback.reviews.iter().map(|it| format!("{} asks for changes: {}", it.author, it.text));
    let threads = feedback.threads.iter().map(|thread| {
        let place = match (&thread.file, thread.line) {
            (Some(file), Some(line)) => format!(" at {file}:{line}"),
            (Some(file), None) => format!(" at {file}"),
            (None, _) => String::new(),
        };
        format!("{}{place}: {}", thread.author, thread.text)
    });
    let checks = feedback
        .checks
        .iter()
        .map(|check| format!("check {} failed: {}", check.name, check.summary));
    let (mut text, mut left_out) = (String::new(), 0);
    for (number, entry) in (1u32..).zip(reviews.chain(threads).chain(checks)) {
        if text.len() + entry.len() > FEEDBACK_BYTES {
            left_out += 1;
            continue;
        }
        text.push_str(&format!("{number}. {}\n", entry.trim().replace('\n', "\n   ")));
    }
    if left_out > 0 {
        text.push_str(&format!("({left_out} more do not fit)\n"));
    }
    text
}

/// Findings as a numbered list between fences, under the text called `name`; nothing when there are none.
pub(super) fn findings<'a>(
    context: &Context<'_>,
    name: &str,
    label: &str,
    findings: impl Iterator<Item = &'a Finding>,
) -> String {
    let list = list_findings(context, findings);
    if list.is_empty() {
        return list;
    }
    let list = fenced(label, &list, context.nonce);
    if name.is_empty() { list } else { context.fill(name, &[("findings", &list)]) }
}

fn list_findings<'a>(context: &Context<'_>, findings: impl Iterator<Item = &'a Finding>) -> String {
    let lines: Vec<String> = findings
        .enumerate()
        .map(|(index, finding)| {
            let place = match (&finding.file, finding.line) {
                (Some(file), Some(line)) => format!(" {file}:{line}"),
                (Some(file), None) => format!(" {file}"),
                (None, _) => String::new(),
            };
            let fix = finding
                .fix
                .as_ref()
                .map(|fix| format!("\n   {}", context.fill("common.finding-fix", &[("fix", fix)])));
            let severity = finding.severity.word();
            let fix = fix.unwrap_or_default();
            format!("{}. [{severity}]{place} {}{fix}", index + 1, finding.problem)
        })
        .collect();
    lines.join("\n")
}
