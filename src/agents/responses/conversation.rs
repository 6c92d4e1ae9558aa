//! What has been said so far, in steps: an answer of the model together with the results of the tools it called.
//!
//! A call and its result live in one [`Step`], so that nothing that is left out can separate them: providers refuse a
//! conversation in which either is alone.

use std::collections::BTreeMap;

use serde_json::Value;

/// A conversation with a model.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Conversation {
    /// The rules of the loop.
    pub(super) instructions: String,
    /// The task.
    pub(super) prompt: String,
    /// What of the oldest steps was left out.
    pub(super) dropped: Dropped,
    /// The steps, oldest first.
    pub(super) steps: Vec<Step>,
}

/// One answer of the model and what followed from it.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Step {
    /// What the model said, in its order.
    pub(super) said: Vec<Said>,
    /// One result per call in `said`, in the same order.
    pub(super) results: Vec<CallResult>,
    /// What we said to it afterwards, in the user's name.
    pub(super) remark: Option<String>,
}

/// A part of an answer.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Said {
    /// Words.
    Text(String),
    /// The provider's own sealed notes, given back as they came.
    Reasoning(Value),
    /// A tool call.
    Call(Call),
}

/// A tool call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Call {
    /// The id that its result must name.
    pub(super) id: String,
    /// The tool.
    pub(super) name: String,
    /// JSON, or the text itself in a free-form call.
    pub(super) arguments: String,
    /// Whether the arguments are plain text instead of JSON.
    pub(super) free_form: bool,
}

/// What a tool answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CallResult {
    /// The call's id.
    pub(super) id: String,
    /// The text for the model.
    pub(super) output: String,
    /// Whether the call was free-form.
    pub(super) free_form: bool,
    /// Whether the output has been replaced by a note to save room.
    pub(super) shortened: bool,
}

/// Steps that are no longer in the conversation.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Dropped {
    /// How many.
    pub(super) steps: u32,
    /// Which tools were called in them, and how often.
    pub(super) calls: BTreeMap<String, u32>,
}

impl Conversation {
    /// A conversation that begins.
    pub(super) fn new(instructions: String, prompt: String) -> Self {
        Self { instructions, prompt, dropped: Dropped::default(), steps: Vec::new() }
    }

    /// Says something in the user's name after everything so far.
    pub(super) fn add(&mut self, words: &str) {
        let Some(step) = self.steps.last_mut() else {
            self.prompt = format!("{}\n\n{words}", self.prompt);
            return;
        };
        step.remark = Some(match step.remark.take() {
            Some(before) => format!("{before}\n\n{words}"),
            None => words.to_owned(),
        });
    }

    /// What the model is told of the steps that are left out; `None` when none are.
    pub(super) fn note_on_dropped(&self) -> Option<String> {
        if self.dropped.steps == 0 {
            return None;
        }
        let calls: Vec<String> =
            self.dropped.calls.iter().map(|(name, count)| format!("{name} {count}×")).collect();
        let calls = if calls.is_empty() { "none".to_owned() } else { calls.join(", ") };
        Some(format!(
            "[The {} oldest steps of this conversation were left out to save room. Tools called in them: {calls}. \
             What they changed is in the files; read again what you need.]",
            self.dropped.steps
        ))
    }

    /// A rough count of tokens of everything that is sent.
    pub(super) fn estimate(&self) -> u64 {
        let note = self.note_on_dropped().map_or(0, |note| tokens(&note));
        let head = tokens(&self.instructions) + tokens(&self.prompt) + note;
        head + self.steps.iter().map(Step::estimate).sum::<u64>()
    }
}

impl Step {
    /// The calls of this step.
    pub(super) fn calls(&self) -> impl Iterator<Item = &Call> {
        self.said.iter().filter_map(|said| match said {
            Said::Call(call) => Some(call),
            Said::Text(_) | Said::Reasoning(_) => None,
        })
    }

    /// Everything that the model said in words.
    pub(super) fn text(&self) -> String {
        let texts = self.said.iter().filter_map(|said| match said {
            Said::Text(text) => Some(text.as_str()),
            Said::Call(_) | Said::Reasoning(_) => None,
        });
        texts.collect::<Vec<_>>().join("\n")
    }

    fn estimate(&self) -> u64 {
        let said = self.said.iter().map(|said| match said {
            Said::Text(text) => tokens(text),
            Said::Reasoning(notes) => tokens(&notes.to_string()),
            Said::Call(call) => tokens(&call.name) + tokens(&call.arguments) + PER_ITEM,
        });
        let results = self.results.iter().map(|result| tokens(&result.output) + PER_ITEM);
        let remark = self.remark.as_deref().map_or(0, tokens);
        said.sum::<u64>() + results.sum::<u64>() + remark + PER_ITEM
    }
}

/// What the frame around one item costs, in tokens.
const PER_ITEM: u64 = 8;

/// A rough, cautious count of the tokens of a text: three ASCII characters or one other character each.
///
/// Common tokenizers need about four characters of English and of code, fewer in dense notations.
pub(super) fn tokens(text: &str) -> u64 {
    let ascii = text.bytes().filter(u8::is_ascii).count() as u64;
    let others = text.chars().filter(|character| !character.is_ascii()).count() as u64;
    ascii.div_ceil(3) + others
}

#[cfg(test)]
mod tests {
    use super::tokens;

    #[test]
    fn letters_of_other_scripts_count_more() {
        assert_eq!(tokens(""), 0);
        assert_eq!(tokens("abcdef"), 2);
        assert_eq!(tokens("안녕하세요"), 5);
        assert_eq!(tokens("ab 안녕"), 3);
    }
}
