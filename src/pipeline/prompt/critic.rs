//! What the critic is told. It is blind to the coder's opinion of its own work.

use super::{Context, Section, UNTRUSTED_RULE, criteria, fenced, goal, list_findings};

const RULES: &str = "You are the critic of an automated pipeline. Judge whether the change below does what the work \
item asks for, correctly and completely, and nothing else. You did not write it, and its author does not hear you until \
you end. The current directory is a git worktree at the commit under review: read what you need there, but change \
nothing: no file, no commit, no branch. A verdict is void if anything was changed.

- APPROVE only what you would merge yourself: the goal is reached, every acceptance criterion is met, nothing is broken.
- REVISE when it can be made right: say precisely what is wrong and what would fix it.
- REJECT when continuing makes no sense: the task or the approach itself is wrong or harmful.";

pub(super) fn sections(context: &Context<'_>) -> Vec<Section> {
    let state = context.state;
    let nonce = context.nonce;
    vec![
        Section::required("Your task", format!("{RULES}\n\n{UNTRUSTED_RULE}")),
        Section::required("Goal", goal(context)),
        Section::required("Acceptance criteria", criteria(context)),
        Section::required("Notes from the operator", state.plan.notes.join("\n\n")),
        Section::required("Under review", under_review(context)),
        Section::required("Checks that were run on this commit", checks(context)),
        Section::optional("Findings of earlier rounds", 1, {
            let all = state.findings.iter().map(|raised| &raised.finding);
            let list = list_findings(all);
            if list.is_empty() {
                list
            } else {
                let fenced = fenced("earlier findings", &list, nonce);
                format!("Verify that each of these is really answered:\n\n{fenced}")
            }
        }),
        Section::optional("The change", 2, change(context)),
        Section::required("How to answer", answer(context)),
    ]
}

fn head<'a>(context: &Context<'a>) -> &'a str {
    context.state.change.as_ref().map_or("", |change| change.head.as_str())
}

fn under_review(context: &Context<'_>) -> String {
    let state = context.state;
    let stat = state.change.as_ref().map(crate::domain::change::Change::stat).unwrap_or_default();
    let base = state.workspace.as_ref().map_or("", |workspace| workspace.base_commit.as_str());
    format!(
        "Nonce: {}\nCommit: {}\nBase: {base}\nRound {} of {}. {stat}.",
        context.nonce,
        head(context),
        state.round,
        state.plan.max_rounds
    )
}

fn checks(context: &Context<'_>) -> String {
    let Some(report) = context.state.checks.as_ref().filter(|report| !report.results.is_empty())
    else {
        return String::new();
    };
    let lines: Vec<String> = report
        .results
        .iter()
        .map(|result| {
            let status = match result.status {
                crate::domain::change::CheckStatus::Passed => "passed".to_owned(),
                crate::domain::change::CheckStatus::AlreadyFailing => format!(
                    "fails, and failed before this change as well:\n{}",
                    fenced("output", &result.output, context.nonce)
                ),
                crate::domain::change::CheckStatus::NewFailure => "fails".to_owned(),
                crate::domain::change::CheckStatus::TimedOut => "did not finish in time".to_owned(),
            };
            format!("- `{}` {status}", result.command)
        })
        .collect();
    lines.join("\n")
}

fn change(context: &Context<'_>) -> String {
    let state = context.state;
    if state.change.as_ref().is_some_and(crate::domain::change::Change::is_empty) {
        let reason = state
            .coder_report
            .as_ref()
            .and_then(|report| report.no_change_reason.as_deref())
            .unwrap_or_default();
        return format!(
            "Nothing was changed. The coder states why none is needed; judge whether that is true:\n\n{}",
            fenced("reason", reason, context.nonce)
        );
    }
    let mut text = fenced("diff", context.diff, context.nonce);
    if !context.diff_left_out.is_empty() {
        text.push_str(
            "\n\nThe diffs of these files are too large to be given here; read the files: ",
        );
        text.push_str(&context.diff_left_out.join(", "));
    }
    text
}

fn answer(context: &Context<'_>) -> String {
    let count = context.state.plan.criteria.len();
    let criteria = if count == 0 {
        String::new()
    } else {
        format!(
            " `criteria` must answer every acceptance criterion, 1 to {count}, each with evidence (a file and line, a \
             test, a command and what it printed)."
        )
    };
    format!(
        "End your last message with exactly one JSON object, repeating the nonce and the full commit id from above:\n\n\
         ```json\n{{\"nonce\": \"{}\", \"verdict\": \"APPROVE|REVISE|REJECT\", \"commit\": \"{}\", \"findings\": \
         [{{\"severity\": \"blocker|major|minor|note\", \"file\": \"path\", \"line\": 1, \"problem\": \"…\", \"fix\": \
         \"…\"}}], \"criteria\": [{{\"criterion\": 1, \"met\": true, \"evidence\": \"…\"}}]}}\n```\n\nREVISE and REJECT \
         need at least one finding.{criteria} An answer in prose is not a verdict.",
        context.nonce,
        head(context)
    )
}
