//! Makes room in a conversation that has grown too long.
//!
//! In this order, and no further than needed: the outputs of old tool calls are replaced by a note, oldest first; whole
//! old steps are left out, oldest first. The task, the newest steps and the pairing of calls and results are never
//! touched. When the newest steps alone are too much, [`cut_outputs`] takes the middle out of long outputs. What cannot be
//! made to fit is for the caller to report.

use super::conversation::{CallResult, Conversation, Step};
use super::tools::bounded;

/// Newest steps that stay as they are.
const PROTECTED: usize = 3;

/// Outputs that are not worth replacing, in bytes: the note is hardly shorter.
const SHORT: usize = 400;

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Compacted {
    /// Estimated tokens before.
    pub(super) before: u64,
    /// Estimated tokens after.
    pub(super) after: u64,
    /// Outputs that became notes.
    pub(super) shortened: u32,
    /// Steps that were left out.
    pub(super) dropped: u32,
}

/// Shrinks the conversation to at most `wanted` estimated tokens, as far as the rules above let it.
pub(super) fn compact(conversation: &mut Conversation, wanted: u64) -> Compacted {
    let before = conversation.estimate();
    let (mut shortened, mut dropped) = (0, 0);
    let protected = conversation.steps.len().saturating_sub(PROTECTED);
    for index in 0..protected {
        for position in 0..conversation.steps[index].results.len() {
            if conversation.estimate() <= wanted {
                break;
            }
            let result = &mut conversation.steps[index].results[position];
            if !result.shortened && result.output.len() > SHORT {
                shorten(result);
                shortened += 1;
            }
        }
    }
    for _ in 0..protected {
        if conversation.estimate() <= wanted {
            break;
        }
        let step = conversation.steps.remove(0);
        note(conversation, &step);
        dropped += 1;
    }
    Compacted { before, after: conversation.estimate(), shortened, dropped }
}

/// Cuts every output to its first and last part, `most` bytes in all: the last resort when the newest steps alone are
/// too much. Nothing is dropped. Returns whether there was anything to cut.
pub(super) fn cut_outputs(conversation: &mut Conversation, most: usize) -> bool {
    let mut cut = false;
    for result in conversation.steps.iter_mut().flat_map(|step| &mut step.results) {
        // The note about what is missing must not be cut again and again.
        if result.output.len() > most + SHORT {
            result.output = bounded(std::mem::take(&mut result.output), most);
            cut = true;
        }
    }
    cut
}

fn shorten(result: &mut CallResult) {
    let bytes = result.output.len();
    result.output = format!(
        "[{bytes} bytes of output were left out to save room; call the tool again if you need them]"
    );
    result.shortened = true;
}

fn note(conversation: &mut Conversation, step: &Step) {
    conversation.dropped.steps += 1;
    for call in step.calls() {
        *conversation.dropped.calls.entry(call.name.clone()).or_default() += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::super::conversation::{Call, CallResult, Conversation, Said, Step};
    use super::{PROTECTED, compact};

    fn step(number: usize, output: usize) -> Step {
        let call = Call {
            id: format!("c{number}"),
            name: "shell".to_owned(),
            arguments: format!("{{\"command\":\"{number}\"}}"),
            free_form: false,
        };
        let result = CallResult {
            id: call.id.clone(),
            output: format!("{number}:{}", "x".repeat(output)),
            free_form: false,
            shortened: false,
        };
        let text = Said::Text(format!("step {number}"));
        Step { said: vec![text, Said::Call(call)], results: vec![result], remark: None }
    }

    fn conversation(steps: usize, output: usize) -> Conversation {
        let mut it = Conversation::new("rules".to_owned(), "the task".to_owned());
        it.steps = (0..steps).map(|number| step(number, output)).collect();
        it
    }

    #[test]
    fn old_outputs_go_first_and_the_newest_stay() {
        let mut it = conversation(10, 3000);
        let newest = it.steps[10 - PROTECTED..].to_vec();
        let wanted = it.estimate() - 2500;
        let done = compact(&mut it, wanted);
        assert_eq!((done.shortened, done.dropped), (3, 0));
        assert!(done.after <= wanted);
        assert!(it.steps[..3].iter().all(|step| step.results[0].output.contains("left out")));
        assert!(it.steps[3].results[0].output.starts_with("3:xxx"));
        assert_eq!(it.steps[10 - PROTECTED..], newest);
    }

    #[test]
    fn whole_steps_go_when_that_is_not_enough_and_are_told_of() {
        let mut it = conversation(40, 600);
        let newest = it.steps[40 - PROTECTED..].to_vec();
        let done = compact(&mut it, 1200);
        assert!(done.dropped > 0 && done.after <= 1200, "{done:?}");
        assert_eq!(it.steps[it.steps.len() - PROTECTED..], newest);
        let note = it.note_on_dropped().expect("a note");
        assert!(note.contains(&format!("shell {}×", done.dropped)), "{note}");
        assert_eq!(it.prompt, "the task");
    }

    #[test]
    fn every_call_keeps_its_result_whatever_is_wanted() {
        for wanted in [0, 100, 500, 1000, 5000, 20_000] {
            let mut it = conversation(25, 900);
            compact(&mut it, wanted);
            assert!(it.steps.len() >= PROTECTED);
            for step in &it.steps {
                let calls: Vec<&str> = step.calls().map(|call| call.id.as_str()).collect();
                let results: Vec<&str> = step.results.iter().map(|it| it.id.as_str()).collect();
                assert_eq!(calls, results);
            }
        }
    }

    #[test]
    fn outputs_are_cut_in_the_middle_as_the_last_resort() {
        let mut it = conversation(2, 5000);
        assert!(super::cut_outputs(&mut it, 1000));
        let output = &it.steps[1].results[0].output;
        assert!(output.starts_with("1:xxx") && output.ends_with('x'), "{output}");
        assert!(output.contains("[4002 bytes left out]") && output.len() < 1100, "{output}");
        assert!(!super::cut_outputs(&mut it, 1000));
    }

    #[test]
    fn nothing_is_touched_without_need_and_nothing_twice() {
        let mut it = conversation(6, 3000);
        let before = it.clone();
        let room = it.estimate();
        compact(&mut it, room);
        assert_eq!(it, before);
        let wanted = room - 900;
        let first = compact(&mut it, wanted);
        assert_eq!(first.shortened, 1);
        assert_eq!(compact(&mut it, wanted).shortened, 0);
    }
}
