//! What may be meant by what somebody begins to type.

use crate::runtime::engine::Status;

use super::catalogue::{CATALOGUE, Definition, Suggest};
use super::desk::Rules;
use super::text::clip;

/// Most suggestions that Discord takes.
const MOST: usize = 25;

/// Longest name and value of a suggestion.
const LONGEST: usize = 100;

/// At most 25 suggestions for `argument`, as what is shown and what is put in.
#[must_use]
pub fn suggestions(
    definition: &Definition,
    argument: &str,
    typed: &str,
    status: &Status,
    rules: &Rules,
) -> Vec<(String, String)> {
    let Some(argument) = definition.arguments.iter().find(|it| it.name == argument) else {
        return Vec::new();
    };
    let items = |waiting: bool| {
        let wanted = move |item: &&crate::runtime::engine::ItemView| {
            !matches!(item.status, "done" | "cancelled") && (!waiting || item.awaits_approval)
        };
        let items = status.items.iter().filter(wanted);
        let items = items.map(|item| (item.title.clone(), item.id.identifier().to_owned()));
        items.collect::<Vec<_>>()
    };
    let plain = |name: &str| (String::new(), name.to_owned());
    let all: Vec<(String, String)> = match argument.suggest {
        Suggest::Nothing => Vec::new(),
        Suggest::Items => items(false),
        Suggest::Approvals => items(true),
        Suggest::Runs => {
            let runs = status.runs.iter();
            runs.map(|run| (run.phase.to_owned(), run.item.identifier().to_owned())).collect()
        }
        Suggest::Projects => rules.projects.keys().map(|name| plain(name)).collect(),
        Suggest::Agents => status.provider.agents.iter().map(|it| plain(&it.name)).collect(),
        Suggest::Commands => CATALOGUE.iter().map(|definition| plain(definition.words)).collect(),
    };
    let typed = typed.to_lowercase();
    let matching = all.into_iter().filter(|(about, value)| {
        value.to_lowercase().contains(&typed) || about.to_lowercase().contains(&typed)
    });
    let fitting = matching.filter(|(_, value)| value.chars().count() <= LONGEST);
    fitting
        .take(MOST)
        .map(|(about, value)| {
            let shown =
                if about.is_empty() { value.clone() } else { format!("{value} — {about}") };
            let shown: String = shown.chars().filter(|letter| !letter.is_control()).collect();
            (clip(&(rules.redact)(&shown), LONGEST), value)
        })
        .collect()
}
