//! What the scripted agents do, written in Rust.

use std::fmt::Write as _;

/// What a coder says when it is done.
pub(crate) const DONE: &str =
    r#"{"summary": "did it", "no_change_reason": null, "question": null}"#;

/// An approval that a critic may give: it repeats the prompt's one-time word and commit.
pub(crate) const APPROVE: &str = r#"{"nonce": "{{nonce}}", "verdict": "APPROVE", "commit": "{{commit}}", "findings": [], "criteria": []}"#;

/// A verdict with one finding.
pub(crate) fn verdict(word: &str, problem: &str) -> String {
    format!(
        r#"{{"nonce": "{{{{nonce}}}}", "verdict": "{word}", "commit": "{{{{commit}}}}", "findings": [{{"severity": "major", "file": "README.md", "line": 1, "problem": {problem:?}, "fix": "make it right"}}], "criteria": []}}"#
    )
}

/// A script.
#[derive(Debug, Clone, Default)]
pub(crate) struct Script {
    steps: Vec<Step>,
}

/// One step: conditions, and what is done. Every turn keeps the prompt it was given below `prompts/`.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    conditions: Vec<String>,
    actions: Vec<String>,
}

impl Script {
    /// A script without steps.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Adds a step; the first that fits is played.
    #[must_use]
    pub(crate) fn step(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    /// A coder that adds the file `<item>.txt`, and a critic that approves it.
    #[must_use]
    pub(crate) fn approved_at_once(self, item: &str) -> Self {
        self.step(Step::coder(item).write(&format!("{item}.txt"), "hello\n").answer(DONE))
            .step(Step::critic(item).answer(APPROVE))
    }

    pub(super) fn to_toml(&self) -> String {
        if self.steps.is_empty() {
            return "step = []\n".to_owned();
        }
        let mut text = String::new();
        for step in &self.steps {
            text.push_str("[[step]]\n");
            for condition in &step.conditions {
                writeln!(text, "{condition}").expect("a string takes it");
            }
            let actions = step.actions.join(",\n  ");
            writeln!(text, "actions = [\n  {actions}\n]\n").expect("a string takes it");
        }
        text
    }
}

impl Step {
    /// A turn of the coder of `item`.
    pub(crate) fn coder(item: &str) -> Self {
        Self::of(item, "coder")
    }

    /// A turn of the critic of `item`.
    pub(crate) fn critic(item: &str) -> Self {
        Self::of(item, "critic")
    }

    /// A turn of any stage of `item`, by the stage's word.
    pub(crate) fn of(item: &str, stage: &str) -> Self {
        let path = "{{script_dir}}/prompts/{{item}}.{{stage}}.{{round}}.{{session}}.md";
        Self {
            conditions: vec![format!("item = {}", quoted(item)), format!("stage = {stage:?}")],
            actions: vec![format!("{{ save_prompt = {} }}", quoted(path))],
        }
    }

    /// A turn of `stage`, whatever the item.
    pub(crate) fn any(stage: &str) -> Self {
        let mut step = Self::of("", stage);
        step.conditions.retain(|condition| !condition.starts_with("item"));
        step
    }

    /// Only in this round.
    #[must_use]
    pub(crate) fn round(self, round: u32) -> Self {
        self.when(format!("round = {round}"))
    }

    /// Only when this file of the factory's directory does not exist.
    #[must_use]
    pub(crate) fn unless_file(self, name: &str) -> Self {
        self.when(format!("unless_file = {}", quoted(&beside(name))))
    }

    /// Writes a file in the worktree.
    #[must_use]
    pub(crate) fn write(self, path: &str, text: &str) -> Self {
        let (path, text) = (quoted(path), quoted(text));
        self.act(format!("{{ write = {{ path = {path}, text = {text} }} }}"))
    }

    /// Deletes a file in the worktree.
    #[must_use]
    pub(crate) fn delete(self, path: &str) -> Self {
        self.act(format!("{{ delete = {} }}", quoted(path)))
    }

    /// Makes a file in the factory's directory.
    #[must_use]
    pub(crate) fn note(self, name: &str) -> Self {
        self.write(&beside(name), "")
    }

    /// Runs a shell command.
    #[must_use]
    pub(crate) fn run(self, command: &str) -> Self {
        self.act(format!("{{ run = {} }}", quoted(command)))
    }

    /// Waits until this file of the factory's directory exists.
    #[must_use]
    pub(crate) fn wait_for(self, name: &str) -> Self {
        let path = beside(name);
        self.run(&format!("while [ ! -e '{path}' ]; do sleep 0.02; done"))
    }

    /// Leaves a shell command running in a session of its own.
    #[must_use]
    pub(crate) fn linger(self, command: &str) -> Self {
        self.act(format!("{{ linger = {} }}", quoted(command)))
    }

    /// Waits until it is killed.
    #[must_use]
    pub(crate) fn hang(self) -> Self {
        self.act("\"hang\"".to_owned())
    }

    /// Reports a model call of 1000 input and 100 output tokens at this price.
    #[must_use]
    pub(crate) fn costs(self, micro_usd: u64) -> Self {
        self.act(format!(
            "{{ usage = {{ input_tokens = 1000, output_tokens = 100, cost_micro_usd = {micro_usd} }} }}"
        ))
    }

    /// The model says something.
    #[must_use]
    pub(crate) fn say(self, text: &str) -> Self {
        self.act(format!("{{ say = {} }}", quoted(text)))
    }

    /// The final text.
    #[must_use]
    pub(crate) fn answer(self, text: &str) -> Self {
        self.act(format!("{{ answer = {} }}", quoted(text)))
    }

    /// Any other action, as TOML.
    #[must_use]
    pub(crate) fn act(mut self, action: String) -> Self {
        self.actions.push(action);
        self
    }

    /// Any other condition, as TOML.
    pub(crate) fn condition(&mut self, condition: &str) {
        self.conditions.push(condition.to_owned());
    }

    fn when(mut self, condition: String) -> Self {
        self.conditions.push(condition);
        self
    }
}

fn beside(name: &str) -> String {
    format!("{{{{script_dir}}}}/{name}")
}

/// A TOML string; JSON's escapes are TOML's.
fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("text is JSON")
}
