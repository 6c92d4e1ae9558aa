//! What the stages beside coder and critic are told.

use crate::domain::agent::Stage;

use super::{Context, Section, enriched, fenced, shared};

pub(super) fn planner(context: &Context<'_>) -> Vec<Section> {
    let mut sections = vec![shared::task(context, Stage::Planner, false)];
    sections.extend(shared::item(context));
    if let Some(plan) = &context.state.plan.division {
        let (minutes, threshold, most) = (
            plan.estimated_minutes.to_string(),
            plan.threshold_minutes.to_string(),
            plan.most_parts.to_string(),
        );
        let values = [("minutes", minutes.as_str()), ("threshold", &threshold), ("most", &most)];
        sections.push(Section::required("Limits", context.fill("planner.limits", &values)));
    }
    if let Some(reason) = context.state.refused_divisions.last() {
        let reason = fenced("reason", reason, context.nonce);
        let text = context.fill("planner.refused", &[("reason", &reason)]);
        sections.push(Section::required("Your last answer", text));
    }
    sections.extend(enriched::house(context));
    sections.extend(enriched::notes(context));
    sections.push(Section::required("How to end", context.text("planner.answer")));
    sections
}

pub(super) fn diagnose(context: &Context<'_>) -> Vec<Section> {
    let state = context.state;
    let mut sections = vec![shared::task(context, Stage::Diagnose, false)];
    sections.extend(shared::item(context));
    sections.push(Section::optional(
        "Findings of earlier rounds",
        1,
        shared::findings(
            context,
            "common.findings-inherited",
            "findings",
            state.current_findings(),
        ),
    ));
    sections.extend(enriched::house(context));
    sections.extend(enriched::notes(context));
    sections.push(Section::required("How to end", context.text("diagnose.answer")));
    sections
}

pub(super) fn tester(context: &Context<'_>) -> Vec<Section> {
    writer(context, Stage::Tester, "tester.answer")
}

pub(super) fn documenter(context: &Context<'_>) -> Vec<Section> {
    writer(context, Stage::Documenter, "documenter.answer")
}

fn writer(context: &Context<'_>, stage: Stage, answer: &str) -> Vec<Section> {
    let mut sections = vec![shared::task(context, stage, false)];
    sections.extend(shared::item(context));
    sections.push(Section::optional("The change", 1, shared::change(context)));
    sections.extend(enriched::house(context));
    sections.push(Section::required("How to end", context.text(answer)));
    sections
}

pub(super) fn auditor(context: &Context<'_>) -> Vec<Section> {
    let mut sections = vec![shared::task(context, Stage::Auditor, false)];
    sections.extend(shared::item(context));
    sections.extend([
        Section::required("Under review", shared::under_review(context)),
        Section::required("Checks that were run on this commit", shared::checks(context)),
        Section::optional("The change", 1, shared::change(context)),
    ]);
    sections.extend(enriched::house(context));
    let values = [("nonce", context.nonce), ("commit", context.head())];
    sections.push(Section::required("How to answer", context.fill("auditor.answer", &values)));
    sections
}

pub(super) fn stage_documenter(context: &Context<'_>) -> Vec<Section> {
    let raised = context.state.findings.iter().map(|raised| &raised.finding);
    let mut sections = vec![shared::task(context, Stage::StageDocumenter, false)];
    sections.extend(shared::item(context));
    sections.extend([
        Section::optional(
            "Findings of earlier rounds",
            1,
            shared::findings(context, "", "earlier findings", raised),
        ),
        Section::optional("The change", 2, shared::change(context)),
    ]);
    sections.extend(enriched::house(context));
    sections.push(Section::required("How to end", context.text("stage-documenter.answer")));
    sections
}
