//! What agents are told: typed context in, text out.
//!
//! A prompt is built from whole sections. Required ones are always there; the others go in by priority while the token
//! budget lasts, and what did not fit is listed by name in the prompt itself. Nothing is ever cut in the middle. Text
//! that came from a tracker or a repository stands between fences that name it as untrusted and that it cannot close.
//! The sentences are in `locale/`; this folder only says which of them go in, and with what.

mod coder;
mod continuing;
mod critic;
mod enriched;
pub mod enrichment;
mod others;
mod shared;
pub mod workflow;

use sha2::{Digest, Sha256};

use crate::domain::agent::Stage;
use crate::domain::language::Language;
use crate::domain::prompt_record::{PromptRecord, PromptSection};
use crate::locale;

use super::state::RunState;
use enrichment::Enrichment;

/// What the daemon gathered for one turn.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The run.
    pub state: &'a RunState,
    /// One-time word of this turn.
    pub nonce: &'a str,
    /// The diff from base to head, by value.
    pub diff: &'a str,
    /// Files whose diff was too large to be given.
    pub diff_left_out: &'a [String],
    /// Whether uncommitted work of an interrupted turn is in the worktree.
    pub partial_work: bool,
    /// What goes in beside the task.
    pub enrichment: &'a Enrichment,
}

impl<'a> Context<'a> {
    fn language(&self) -> Language {
        self.state.plan.context.language
    }

    /// The text called `name`.
    fn text(&self, name: &str) -> String {
        locale::text(self.language(), name).to_owned()
    }

    /// The text called `name` with values filled in.
    fn fill(&self, name: &str, values: &[(&str, &str)]) -> String {
        locale::fill(self.language(), name, values)
    }

    fn head(&self) -> &'a str {
        self.state.change.as_ref().map_or("", |change| change.head.as_str())
    }
}

/// A finished prompt and the record of what is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt {
    /// The text for the agent.
    pub text: String,
    /// What is in it.
    pub record: PromptRecord,
}

/// Builds the prompt of `stage`.
#[must_use]
pub fn build(stage: Stage, context: &Context<'_>) -> Prompt {
    let mut sections = match stage {
        Stage::Planner => others::planner(context),
        Stage::Coder => coder::sections(context),
        Stage::Critic => critic::sections(context),
        Stage::Diagnose => others::diagnose(context),
        Stage::Tester => others::tester(context),
        Stage::Documenter => others::documenter(context),
        Stage::Auditor => others::auditor(context),
        Stage::StageDocumenter => others::stage_documenter(context),
    };
    continuing::apply(&mut sections, context);
    let budget = u64::from(context.state.plan.context.budget_tokens);
    let mut prompt = assemble(sections, budget, context.language());
    prompt.record.omitted.extend(context.enrichment.left_out());
    prompt.record.unavailable.clone_from(&context.enrichment.unavailable);
    prompt
}

/// How many tokens a text has, estimated without any model's own rules: four characters of Latin script, one of others.
#[must_use]
pub fn tokens(text: &str) -> u64 {
    let latin = text.bytes().filter(u8::is_ascii).count();
    let others = text.chars().filter(|character| !character.is_ascii()).count();
    u64::try_from(latin.div_ceil(4) + others).unwrap_or(u64::MAX)
}

/// One section: whole or not at all.
struct Section {
    name: String,
    /// Lower is more important; 0 is required.
    priority: u8,
    text: String,
}

impl Section {
    fn required(name: &str, text: String) -> Self {
        Self { name: name.to_owned(), priority: 0, text }
    }

    fn optional(name: &str, priority: u8, text: String) -> Self {
        Self { name: name.to_owned(), priority, text }
    }

    fn record(&self) -> PromptSection {
        PromptSection {
            name: self.name.clone(),
            bytes: u64::try_from(self.text.len()).unwrap_or(u64::MAX),
            tokens: tokens(&self.text),
        }
    }

    fn format(&self, language: Language) -> String {
        let heading = locale::heading(language, &self.name);
        format!("# {heading}\n\n{}\n\n", self.text.trim_end())
    }
}

fn assemble(sections: Vec<Section>, budget: u64, language: Language) -> Prompt {
    let sections: Vec<Section> =
        sections.into_iter().filter(|section| !section.text.trim().is_empty()).collect();
    let mut order: Vec<usize> = (0..sections.len()).collect();
    order.sort_by_key(|index| sections[*index].priority);
    let mut used = 0;
    let mut chosen = vec![false; sections.len()];
    for index in order {
        let size = tokens(&sections[index].text) + tokens(&sections[index].name) + 2;
        if sections[index].priority == 0 || used + size <= budget {
            used += size;
            chosen[index] = true;
        }
    }
    let mut text = String::new();
    let (mut included, mut omitted) = (Vec::new(), Vec::new());
    for (section, chosen) in sections.iter().zip(chosen) {
        if chosen {
            included.push(section.record());
            text.push_str(&section.format(language));
        } else {
            omitted.push(section.record());
        }
    }
    if !omitted.is_empty() {
        let names: Vec<&str> = omitted.iter().map(|section| section.name.as_str()).collect();
        let list = locale::fill(language, "common.left-out", &[("sections", &names.join(", "))]);
        text.push_str(&Section::required("Left out", list).format(language));
    }
    let record = PromptRecord {
        sha256: hex::encode(Sha256::digest(text.as_bytes())),
        bytes: u64::try_from(text.len()).unwrap_or(u64::MAX),
        tokens: tokens(&text),
        sections: included,
        omitted,
        unavailable: Vec::new(),
    };
    Prompt { text, record }
}

/// Puts foreign text between fences it cannot know and therefore cannot close.
fn fenced(label: &str, text: &str, nonce: &str) -> String {
    let word = hex::encode(Sha256::digest(format!("fence:{nonce}").as_bytes()));
    let word = &word[..12];
    format!("<<<UNTRUSTED {label} {word}\n{}\nUNTRUSTED {word}>>>", text.trim_end())
}

#[cfg(test)]
mod tests;
