//! The sections that come from enrichment, and what another stage handed on.

use crate::domain::agent::Stage;
use crate::domain::verdict::StageReport;

use super::enrichment::{note_section, rule_section};
use super::{Context, Section, fenced};

/// Who the agent is to be, and the project's rules: for every stage.
pub(super) fn house(context: &Context<'_>) -> Vec<Section> {
    let enrichment = context.enrichment;
    let soul = enrichment.soul.iter().map(|text| {
        // The operator's own file: no fence.
        let text = context.fill("common.soul", &[("text", text)]);
        Section::optional("Who you are", 2, text)
    });
    let rules = enrichment.rules.iter().filter_map(|rule| {
        let text = fenced("project rules", rule.text.as_ref()?, context.nonce);
        let text = context.fill("common.rules", &[("path", &rule.path), ("text", &text)]);
        Some(Section::optional(&rule_section(&rule.path), 3, text))
    });
    soul.chain(rules).collect()
}

/// What earlier runs came to: for the stages that begin something.
pub(super) fn notes(context: &Context<'_>) -> Vec<Section> {
    let notes = context.enrichment.notes.iter().map(|note| {
        let text = fenced("note", &note.text, context.nonce);
        let text = context.fill("common.note", &[("text", &text)]);
        Section::optional(&note_section(&note.run), 4, text)
    });
    notes.collect()
}

/// What the stage that looked first found.
pub(super) fn diagnosis(context: &Context<'_>) -> String {
    let Some(report) = context.state.stage_report(Stage::Diagnose) else { return String::new() };
    let text = fenced("diagnosis", &report_text(report), context.nonce);
    context.fill("common.diagnosis", &[("text", &text)])
}

/// A report as text: the summary, then the points.
fn report_text(report: &StageReport) -> String {
    let points = report.points.iter().map(|point| format!("\n- {point}"));
    std::iter::once(report.summary.clone()).chain(points).collect()
}
