//! What came of a task, for people and as an object.

use serde::Serialize;

use crate::domain::change::{Change, Delivered};
use crate::domain::ids::{ItemId, RunId};
use crate::domain::item_record::ItemStatus;
use crate::domain::run::Outcome;
use crate::domain::verdict::Finding;
use crate::surfaces::control::views::UsageView;

use super::super::entry::Context;
use super::super::errors::{self, CliError};
use super::super::format;
use super::super::screen::Tone;
use super::fold::Fold;
use super::progress::{delivery, finding_text};
use super::{Ending, Errand, Telling};

/// A task's result.
#[derive(Debug, Serialize)]
struct TaskResult<'a> {
    kind: &'static str,
    success: bool,
    outcome: String,
    detail: &'a str,
    item: &'a ItemId,
    run: Option<RunId>,
    branch: Option<&'a str>,
    worktree: Option<&'a str>,
    delivered: Option<&'a Delivered>,
    change: Option<&'a Change>,
    rounds: u32,
    turns: usize,
    usage: UsageView,
    summary: Option<&'a str>,
    question: Option<&'a str>,
    findings: Vec<&'a Finding>,
}

/// Shows the result; the answer is the exit code.
pub(in super::super) fn report(
    context: &Context,
    errand: &Errand,
    ending: &Ending,
    fold: &Fold,
) -> Result<u8, CliError> {
    context.screen.clear_live();
    let success = matches!(ending, Ending::Over) && succeeded(fold);
    let code = match ending {
        Ending::Over if success => errors::OK,
        Ending::Over
        | Ending::DaemonGone
        | Ending::NotLetIn { .. }
        | Ending::CannotStart { .. } => errors::FAILURE,
        Ending::TimedOut => errors::TIMEOUT,
        Ending::Interrupted { .. } | Ending::AtOnce => errors::INTERRUPTED,
    };
    let result = result(errand, ending, fold, success);
    if context.screen.json {
        match errand.telling {
            Telling::Objects => context.screen.object_line(&result),
            Telling::Progress | Telling::Quiet => context.screen.object(&result),
        }
        return Ok(code);
    }
    match ending {
        Ending::Over => {
            show(context, errand, &result);
            Ok(code)
        }
        other => Err(CliError { code, ..explain(other, fold) }),
    }
}

fn succeeded(fold: &Fold) -> bool {
    let settled = fold.record.as_ref().map(|record| record.status);
    let outcome = fold.run.as_ref().and_then(|run| run.outcome.as_ref());
    settled == Some(ItemStatus::Done) && outcome == Some(&Outcome::Succeeded)
}

fn result<'a>(
    errand: &Errand,
    ending: &'a Ending,
    fold: &'a Fold,
    success: bool,
) -> TaskResult<'a> {
    let run = fold.run.as_ref();
    let outcome = match ending {
        Ending::Over => run.and_then(|run| run.outcome.as_ref()).map_or_else(
            || fold.record.as_ref().map_or("unknown", |record| record.status.word()).to_owned(),
            |outcome| outcome.word().to_owned(),
        ),
        Ending::TimedOut => {
            format!("timed out after {} s", errand.timeout.map_or(0, |timeout| timeout.as_secs()))
        }
        Ending::Interrupted { .. } | Ending::AtOnce => "interrupted".to_owned(),
        Ending::CannotStart { .. } => "cannot start".to_owned(),
        Ending::NotLetIn { .. } => "not signed in".to_owned(),
        Ending::DaemonGone => "daemon gone".to_owned(),
    };
    let workspace = run.and_then(|run| run.workspace.as_ref());
    let kept = run.is_some_and(|run| run.cleaned != Some(false));
    TaskResult {
        kind: "result",
        success,
        outcome,
        detail: match ending {
            Ending::CannotStart { reason, .. } | Ending::NotLetIn { reason } => reason,
            _ => run.map_or("", |run| run.detail.as_str()),
        },
        item: &fold.item,
        run: run.map(|run| run.id),
        branch: workspace.map(|it| it.branch.as_str()),
        worktree: workspace.filter(|_| kept).map(|it| it.path.as_str()),
        delivered: run.and_then(|run| run.delivered.as_ref()),
        change: run.and_then(|run| run.change.as_ref()),
        rounds: run.map_or(0, |run| run.round),
        turns: run.map_or(0, |run| run.turns.len()),
        usage: run.map(|run| run.usage.into()).unwrap_or_default(),
        summary: run
            .and_then(|run| run.coder_report.as_ref())
            .map(|report| report.summary.as_str())
            .filter(|summary| !summary.trim().is_empty()),
        question: fold
            .record
            .as_ref()
            .and_then(|it| it.human.as_ref())
            .map(|it| it.question.as_str()),
        findings: fold.record.iter().flat_map(|record| &record.findings).collect(),
    }
}

fn show(context: &Context, errand: &Errand, result: &TaskResult<'_>) {
    let screen = &context.screen;
    let tone = if result.success { Tone::Good } else { Tone::Bad };
    let detail = match result.detail {
        "" => String::new(),
        detail => format!(": {}", format::printable(detail)),
    };
    screen.line(format!("{}{detail}", screen.paint(tone, &result.outcome)));
    if let Some(summary) = result.summary {
        screen.line(format!("  the coder says: {}", format::printable(summary)));
    }
    if let Some(change) = result.change.filter(|change| !change.is_empty()) {
        screen.line(format!("  change: {}", change.stat()));
    }
    match (result.delivered, result.branch) {
        (Some(delivered), _) => {
            screen.line(format!("  {}", delivery(delivered)));
            if let Delivered::Branch { branch, .. } = delivered {
                let repository = &errand.task.path;
                screen.line(format!("  to take it: git -C {repository} merge {branch}"));
            }
        }
        (None, Some(branch)) => screen.line(format!("  branch: {branch}")),
        (None, None) => {}
    }
    if let Some(worktree) = result.worktree.filter(|_| !result.success) {
        screen.line(format!("  worktree: {worktree}"));
    }
    screen.line(format!(
        "  {}, {}, {}",
        format::counted(result.rounds as usize, "round"),
        format::counted(result.turns, "turn"),
        format::usage(&result.usage)
    ));
    if !result.success {
        for finding in &result.findings {
            screen.line(format!("  open: {}", format::printable(&finding_text(finding))));
        }
        let id = result.item.identifier();
        if let Some(question) = result.question {
            screen.line(format!("  waits for a person: {}", format::printable(question)));
            screen.line(format!("  `enact-factory retry {id} --note \"…\"` puts it back to work"));
        }
        screen.line(format!("  `enact-factory receipts inspect {id}` shows all of it"));
    }
}

fn explain(ending: &Ending, fold: &Fold) -> CliError {
    let id = fold.item.identifier();
    match ending {
        Ending::Over => CliError::failure("the task is over"),
        Ending::TimedOut => CliError::failure("the time was up; the task was cancelled")
            .hint("its work in progress is saved; `--timeout` gives it more time"),
        Ending::Interrupted { goes_on: true } => {
            CliError::failure("interrupted; the daemon goes on with the task").hint(format!(
                "`enact-factory status` shows it, `enact-factory cancel {id}` ends it"
            ))
        }
        Ending::Interrupted { goes_on: false } => {
            CliError::failure("interrupted; the work is kept").hint(format!(
                "it continues when a daemon starts (`enact-factory start`); `enact-factory cancel {id}` gives it up"
            ))
        }
        Ending::AtOnce => CliError::failure("ended at once").hint(format!(
            "what is on record is kept and continues with the next daemon; `enact-factory cancel {id}` gives it up"
        )),
        Ending::CannotStart { reason, remedy } => {
            let error = CliError::failure(format!("the task cannot start: {reason}"));
            match remedy {
                Some(command) if command.starts_with("enact-factory ") => {
                    error.hint(format!("`{command}`"))
                }
                Some(remedy) => error.hint(remedy.clone()),
                None => error,
            }
        }
        Ending::NotLetIn { reason } => {
            CliError::failure(format!("the agent is not let in: {reason}")).hint(format!(
                "sign it in; the work is kept and continues when a daemon starts; `enact-factory cancel {id}` gives it up"
            ))
        }
        Ending::DaemonGone => CliError::failure("the daemon went away and did not come back")
            .hint(format!(
                "the task is kept and continues when a daemon starts; `enact-factory cancel {id}` gives it up"
            )),
    }
}
