//! What the coder is told.

use crate::domain::agent::Stage;
use crate::pipeline::state::goal;

use super::{Context, Section, enriched, shared};

pub(super) fn sections(context: &Context<'_>) -> Vec<Section> {
    let state = context.state;
    let mut sections = vec![shared::task(context, Stage::Coder, true)];
    sections.extend(shared::item(context));
    sections.extend([
        Section::optional(goal::SECTION, 1, shared::changed_goal(context)),
        Section::required(shared::REVIEW, shared::feedback(context, "common.feedback-answer")),
        Section::required("Findings to answer in this round", current_findings(context)),
        Section::optional(
            "Earlier findings that must stay answered",
            2,
            shared::findings(context, "", "earlier findings", state.earlier_findings()),
        ),
        Section::optional("Diagnosis", 1, enriched::diagnosis(context)),
        Section::optional("State of the branch", 1, branch(context)),
        Section::optional("Recovery", 1, recovery(context)),
    ]);
    sections.extend(enriched::house(context));
    sections.extend(enriched::notes(context));
    sections.push(Section::required("How to end", context.text("coder.answer")));
    sections
}

fn current_findings(context: &Context<'_>) -> String {
    let state = context.state;
    let whose =
        if state.round == 1 { "common.findings-inherited" } else { "common.findings-answer" };
    shared::findings(context, whose, "findings", state.current_findings())
}

fn branch(context: &Context<'_>) -> String {
    match (&context.state.change, context.state.round) {
        (Some(change), round) if round > 1 => {
            let (stat, files) = (change.stat(), change.files.join(", "));
            context.fill("common.branch", &[("stat", &stat), ("files", &files)])
        }
        _ => String::new(),
    }
}

fn recovery(context: &Context<'_>) -> String {
    if !context.state.recovering() {
        return String::new();
    }
    let partial =
        if context.partial_work { "common.recovery-partial" } else { "common.recovery-clean" };
    context.fill("common.recovery", &[("state", &context.text(partial))])
}
