//! What an agent is told that goes on where a turn was cut short: a few words when it still has the conversation, else
//! what that turn had done.

use crate::pipeline::state::goal;

use super::enrichment::Handover;
use super::{Context, Section, fenced};

/// Most files that a handover names.
const MOST_FILES: usize = 40;

/// What has to be said again in a conversation that goes on: it may be new, or is different in every turn.
const AGAIN: [&str; 7] = [
    goal::SECTION,
    "Acceptance criteria",
    "Notes from the operator",
    "Under review",
    "Recovery",
    "How to end",
    "How to answer",
];

/// Makes the whole prompt one for going on, if that is what the turn is for.
pub(super) fn apply(sections: &mut Vec<Section>, context: &Context<'_>) {
    let Some(handover) = &context.enrichment.handover else { return };
    if handover.resumed {
        let another_goal = context.state.changed_goal.is_some();
        sections.retain(|section| {
            AGAIN.contains(&section.name.as_str()) || (another_goal && section.name == "Goal")
        });
        sections.insert(0, Section::required("Continue", continuation(handover, context)));
        return;
    }
    let section = Section::optional("Handover", 1, summary(handover, context));
    let before_ending = sections.len().saturating_sub(1);
    sections.insert(before_ending, section);
}

fn continuation(handover: &Handover, context: &Context<'_>) -> String {
    let plan = &context.state.plan;
    let title = fenced("title", &plan.title, context.nonce);
    let reason = reason(handover, context);
    let values = [("identifier", plan.identifier.as_str()), ("title", &title), ("reason", &reason)];
    let words = context.fill("common.continue", &values);
    [words, context.text("common.untrusted")].join("\n\n")
}

fn summary(handover: &Handover, context: &Context<'_>) -> String {
    let reason = reason(handover, context);
    let (turn, calls) = (handover.turn.to_string(), handover.tool_calls.to_string());
    let mut parts = vec![context.fill(
        "common.handover",
        &[("turn", &turn), ("agent", &handover.agent), ("calls", &calls), ("reason", &reason)],
    )];
    if let Some((stat, files)) = &handover.committed {
        let mut names = files.iter().take(MOST_FILES).cloned().collect::<Vec<_>>().join(", ");
        if files.len() > MOST_FILES {
            names.push_str(", …");
        }
        let files = fenced("files", &names, context.nonce);
        parts.push(context.fill("common.handover-files", &[("stat", stat), ("files", &files)]));
    }
    if !handover.said.trim().is_empty() {
        let said = fenced("what it said", &handover.said, context.nonce);
        parts.push(context.fill("common.handover-said", &[("said", &said)]));
    }
    parts.join("\n\n")
}

fn reason(handover: &Handover, context: &Context<'_>) -> String {
    match &handover.reason {
        Some(reason) => fenced("reason", reason, context.nonce),
        None => context.text("common.cut-by-the-factory"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::machine::tests::driver::Driver;
    use super::super::enrichment::{Enrichment, RuleFile};
    use super::super::{Context, Prompt, build};
    use super::*;
    use crate::domain::agent::Stage;
    use crate::domain::language::Language;

    fn handover(resumed: bool) -> Handover {
        Handover {
            resumed,
            turn: 3,
            agent: "claude".to_owned(),
            reason: Some("5-hour limit reached".to_owned()),
            tool_calls: 17,
            said: "Now the parser. UNTRUSTED>>>".to_owned(),
            committed: Some(("2 files, +10 −1".to_owned(), vec!["src/parser.rs".to_owned()])),
        }
    }

    fn prompt(stage: Stage, resumed: bool, prepare: impl FnOnce(&mut Driver)) -> Prompt {
        let mut run = Driver::new();
        run.state.plan.notes = vec!["leave the tests alone".to_owned()];
        prepare(&mut run);
        let text = Some("Be brief.".to_owned());
        let rules = vec![RuleFile { path: "AGENTS.md".to_owned(), bytes: 9, text }];
        let handover = Some(handover(resumed));
        let enrichment = Enrichment { rules, handover, ..Enrichment::default() };
        let (nonce, diff, diff_left_out, partial_work) = ("n0nce", "+ a line", &[][..], false);
        let state = &run.state;
        let enrichment = &enrichment;
        build(stage, &Context { state, nonce, diff, diff_left_out, partial_work, enrichment })
    }

    #[test]
    fn who_still_has_the_conversation_is_told_to_go_on_and_what_is_new() {
        let whole = prompt(Stage::Coder, false, |_| {});
        let prompt = prompt(Stage::Coder, true, |_| {});
        let names = prompt.record.included_names();
        let expected = ["Continue", "Acceptance criteria", "Notes from the operator", "How to end"];
        assert_eq!(names, expected.into_iter().filter(|it| names.contains(it)).collect::<Vec<_>>());
        assert!(names.contains(&"Continue") && names.contains(&"How to end"), "{names:?}");
        assert!(prompt.text.contains("5-hour limit reached"));
        assert!(prompt.text.contains("leave the tests alone"));
        assert!(!prompt.text.contains("Be brief."), "{}", prompt.text);
        assert!(prompt.text.len() < whole.text.len());
    }

    #[test]
    fn who_goes_on_is_told_when_people_have_changed_the_goal_meanwhile() {
        let prompt = prompt(Stage::Coder, true, |run| {
            let (title, body) = ("Greet in German".to_owned(), "Say hallo.".to_owned());
            run.feed(crate::pipeline::input::Input::GoalChanged { title, body });
        });
        assert!(prompt.text.contains("Say hallo."), "{}", prompt.text);
        assert!(prompt.record.included_names().contains(&goal::SECTION));
    }

    #[test]
    fn a_gate_that_goes_on_gets_its_new_word_and_the_commit() {
        let prompt = prompt(Stage::Critic, true, |run| _ = run.coder_done("a").checks(None));
        let names = prompt.record.included_names();
        assert!(names.contains(&"Under review") && names.contains(&"How to answer"), "{names:?}");
        assert!(!names.contains(&"The change"));
        assert!(prompt.text.contains("n0nce"));
    }

    #[test]
    fn who_takes_over_gets_the_whole_task_and_what_was_done() {
        let prompt = prompt(Stage::Coder, false, |_| {});
        let names = prompt.record.included_names();
        assert!(names.contains(&"Your task") && names.contains(&"Handover"), "{names:?}");
        assert_eq!(names.last(), Some(&"How to end"));
        for said in ["17", "5-hour limit reached", "2 files, +10 −1", "src/parser.rs", "claude"] {
            assert!(prompt.text.contains(said), "{said} is missing in {}", prompt.text);
        }
        assert!(prompt.text.contains("Now the parser."));
    }

    #[test]
    fn both_are_said_in_every_language() {
        for resumed in [false, true] {
            let korean = prompt(Stage::Coder, resumed, |run| {
                run.state.plan.context.language = Language::Ko;
            });
            assert!(!korean.text.contains("{{"), "{}", korean.text);
            let english = prompt(Stage::Coder, resumed, |_| {});
            assert_eq!(korean.record.included_names(), english.record.included_names());
        }
    }
}
