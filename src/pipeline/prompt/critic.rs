//! What the critic is told. It is blind to the coder's opinion of its own work.

use crate::domain::agent::Stage;
use crate::domain::verdict::StageResult;

use super::{Context, Section, enriched, shared};

pub(super) fn sections(context: &Context<'_>) -> Vec<Section> {
    let raised = context.state.findings.iter().map(|raised| &raised.finding);
    let mut sections = vec![shared::task(context, Stage::Critic, false)];
    sections.extend(shared::item(context));
    sections.extend([
        Section::optional(shared::REVIEW, 1, shared::feedback(context, "common.feedback-verify")),
        Section::required("Under review", shared::under_review(context)),
        Section::required("Added after your approval", added(context)),
        Section::required("Checks that were run on this commit", shared::checks(context)),
        Section::optional(
            "Findings of earlier rounds",
            1,
            shared::findings(context, "common.findings-verify", "earlier findings", raised),
        ),
        Section::optional("The change", 2, shared::change(context)),
    ]);
    sections.extend(enriched::house(context));
    sections.push(Section::required("How to answer", answer(context)));
    sections
}

/// When another stage went on from what the critic accepted: its verdict is void, and renewed by this turn.
fn added(context: &Context<'_>) -> String {
    let state = context.state;
    let Some(accepted) = state.accepted.as_deref().filter(|it| *it != context.head()) else {
        return String::new();
    };
    let stages = state
        .stage_results
        .iter()
        .filter(|(stage, result)| stage.writes() && matches!(result, StageResult::Done { .. }));
    let stages: Vec<&str> = stages.map(|(stage, _)| stage.word()).collect();
    context.fill("common.added", &[("commit", accepted), ("stages", &stages.join(", "))])
}

fn answer(context: &Context<'_>) -> String {
    let count = context.state.plan.criteria.len();
    let criteria = match count {
        0 => String::new(),
        count => {
            let count = count.to_string();
            format!("{} ", context.fill("critic.answer-criteria", &[("count", &count)]))
        }
    };
    let values = [("nonce", context.nonce), ("commit", context.head()), ("criteria", &criteria)];
    context.fill("critic.answer", &values)
}
