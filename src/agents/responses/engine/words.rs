//! What the agent itself says to the model.

use std::sync::LazyLock;

use regex::Regex;

/// The rules of the loop, which the task cannot know.
pub(super) fn instructions(read_only: bool, workspace: &str) -> String {
    let rights = if read_only {
        "You may only read: nothing in the worktree may change, and no tool can change it."
    } else {
        "Change files with apply_patch, or write_file for whole files; run tests and everything else with shell."
    };
    format!(
        "You work by yourself, through tools, in the git worktree at {workspace}, which is the current directory of every \
         tool. Nobody reads along or answers questions before you end.\n\n\
         - {rights}\n\
         - Paths are relative to the worktree; nothing outside of it can be reached by the file tools.\n\
         - Look before you act: read what you change. Prefer search and list to guessing.\n\
         - An exit code that is not 0 is information. When a call fails, its answer says why: change something before you \
         repeat it.\n\
         - Long outputs are cut in the middle, and say so.\n\
         - Call several tools at once when they do not depend on each other; they are carried out in order.\n\
         - An answer without a tool call ends your work: give one only when the task is done or cannot be done, in the form \
         that the task asks for."
    )
}

/// After a coder stopped without having changed anything.
pub(super) const NO_EDIT: &str = "You stopped, but nothing in the worktree has changed, and your answer does not say why. \
If there is something to do, do it now with the tools. If nothing has to be changed or nothing can be done, answer again \
in the form that the task asks for and state the reason.";

/// After an answer with nothing in it.
pub(super) const EMPTY: &str = "Your answer was empty. Go on with the task, or give your final answer in the form that it asks for.";

/// After an answer that reached the limit of output.
pub(super) const CUT_OFF: &str =
    "Your answer was cut off at the limit of output. Go on, in smaller pieces.";

/// When no more calls are allowed.
pub(super) fn last_answer(turns: u32) -> String {
    format!(
        "All {turns} steps of this turn are used up: no tool can be called any more. Give your final answer now, in the \
         form that the task asks for. Say what is done and what is not."
    )
}

/// What people say while the model works.
pub(super) fn instruction(text: &str) -> String {
    format!("Further instructions from the operator, which count as much as the task:\n\n{text}")
}

/// For calls beyond what one answer may hold.
pub(super) fn too_many_calls(most: usize) -> String {
    format!("not carried out: at most {most} calls in one answer")
}

static REASON: LazyLock<Regex> = LazyLock::new(|| {
    #[expect(clippy::expect_used, reason = "the pattern is a constant, compiled by the tests")]
    Regex::new(r#""(?:no_change_reason|question)"\s*:\s*"\s*[^"\s]"#).expect("a valid pattern")
});

/// Whether an answer says why nothing was changed, in the form that coders are asked for.
pub(super) fn states_reason(answer: &str) -> bool {
    REASON.is_match(answer)
}

#[cfg(test)]
mod tests {
    use super::states_reason;

    #[test]
    fn a_reason_is_a_filled_field() {
        assert!(states_reason(r#"{"summary": "", "no_change_reason": "it is there already"}"#));
        assert!(states_reason(r#"{"question" : "which of the two?"}"#));
        assert!(!states_reason(r#"{"no_change_reason": null, "question": null}"#));
        assert!(!states_reason(r#"{"no_change_reason": "", "question": "  "}"#));
        assert!(!states_reason("I see no reason to change anything"));
    }
}
