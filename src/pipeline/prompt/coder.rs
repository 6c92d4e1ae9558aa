//! What the coder is told.

use super::{Context, Section, UNTRUSTED_RULE, criteria, fenced, goal, list_findings};

const RULES: &str = "You are the coder of an automated pipeline. Make the change that the work item asks for, in the \
current directory, which is a git worktree made for this task alone. Nobody can answer questions while you work.

- Read the code before you change it; keep to its style; change nothing the task does not need.
- Add or change tests for what you change, and run them.
- Do not commit, push, switch branches or touch other worktrees: everything you leave in the worktree is committed for \
you when you end.
- Do not write to issue trackers or other services; results are reported for you.
- Another agent reviews the result against the work item, and the project's checks are run on it.";

const ANSWER: &str = "End your last message with one JSON object in a fenced block:

```json
{\"summary\": \"one or two sentences on what you changed\", \"no_change_reason\": null, \"question\": null}
```

Set `no_change_reason` only if nothing had to be changed, and say why. Set `question` only if nothing can be done until \
a person answers it.";

pub(super) fn sections(context: &Context<'_>) -> Vec<Section> {
    let state = context.state;
    let nonce = context.nonce;
    let round = format!("Round {} of {}.", state.round, state.plan.max_rounds);
    vec![
        Section::required("Your task", format!("{RULES}\n\n{round}\n\n{UNTRUSTED_RULE}")),
        Section::required("Goal", goal(context)),
        Section::required("Acceptance criteria", criteria(context)),
        Section::required("Notes from the operator", state.plan.notes.join("\n\n")),
        Section::required("Findings to answer in this round", current_findings(context)),
        Section::optional("Earlier findings that must stay answered", 2, {
            let list = list_findings(state.earlier_findings());
            if list.is_empty() { list } else { fenced("earlier findings", &list, nonce) }
        }),
        Section::optional("State of the branch", 1, branch(context)),
        Section::optional("Recovery", 1, recovery(context)),
        Section::required("How to end", ANSWER.to_owned()),
    ]
}

fn current_findings(context: &Context<'_>) -> String {
    let list = list_findings(context.state.current_findings());
    if list.is_empty() {
        return list;
    }
    let whose = if context.state.round == 1 {
        "An earlier run at this work item ended with these findings. Do not repeat its mistakes:"
    } else {
        "The previous round was not accepted. Answer every one of these findings:"
    };
    format!("{whose}\n\n{}", fenced("findings", &list, context.nonce))
}

fn branch(context: &Context<'_>) -> String {
    match (&context.state.change, context.state.round) {
        (Some(change), round) if round > 1 => format!(
            "The branch already holds your work of the previous rounds ({}): {}. Continue from there.",
            change.stat(),
            change.files.join(", ")
        ),
        _ => String::new(),
    }
}

fn recovery(context: &Context<'_>) -> String {
    if !context.state.recovering() {
        return String::new();
    }
    let partial = if context.partial_work {
        "The worktree holds uncommitted work of that turn: look at `git status` and `git diff` first, keep what is \
         right and finish it."
    } else {
        "It left nothing uncommitted behind."
    };
    format!("A previous turn at this round was cut short. {partial}")
}
