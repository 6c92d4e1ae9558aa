//! What a card shows: a run under way, one that is over, an item that waits for a person. What its buttons carry is a line
//! of a command with the run's or the item's id; it means the same after a restart, and is judged like any other.

use crate::domain::change::Change;
use crate::domain::run::Outcome;
use crate::domain::time::Timestamp;
use crate::runtime::engine::{ItemView, RunView};
use crate::store::projections::runs::RunState;

use super::answers::{Wording, moment, money, span};
use super::message::{Answer, Button, Field, Tone};
use super::text::{clip, neutral, neutral_line};

/// Longest name of a thread.
const THREAD: usize = 100;

/// Longest sentence about how a run ended.
const DETAIL: usize = 1500;

/// Longest line that a button can carry.
const CARRIED: usize = 100;

const PRIMARY: u8 = 1;
const SECONDARY: u8 = 2;
const SUCCESS: u8 = 3;
const DANGER: u8 = 4;

/// Whether an item waits for a person.
#[must_use]
pub fn asks(item: &ItemView) -> bool {
    item.awaits_approval || item.status == "waiting_human"
}

/// The name of a run's thread.
#[must_use]
pub fn thread_name(title: &str) -> String {
    let plain: String = title.chars().filter(|letter| *letter != '\\').collect();
    clip(&plain, THREAD)
}

/// A run under way.
#[must_use]
pub fn run(run: &RunView, title: &str, now: Timestamp, wording: Wording<'_>) -> Answer {
    let [round, rounds] = [run.round, run.max_rounds].map(|count| count.to_string());
    let stage = [("phase", run.phase), ("round", &round), ("rounds", &rounds)];
    let mut card = Answer::new(Tone::Plain, named(run.item.identifier(), title), String::new());
    card.fields = vec![
        field("stage", wording.say("card-round", &stage), wording),
        field("agent", neutral_line(run.agent.as_deref().unwrap_or("–")), wording),
        field("cost", money(run.usage), wording),
        field("elapsed", span_in_minutes(now, run.started), wording),
    ];
    let facts = [("branch", &run.branch), ("change", &run.change)];
    for (name, value) in facts {
        let value = value.as_deref().map(|value| field(name, neutral_line(value), wording));
        card.fields.extend(value);
    }
    if let Some((reason, until)) = &run.waiting {
        card.tone = Tone::Warning;
        let reason = wording.say("line-waits", &[("reason", &neutral_line(reason))]);
        let until = wording.say("line-until", &[("until", &moment(*until))]);
        card.body = format!("{reason}, {until}");
    }
    let id = run.id.to_string();
    card.buttons =
        buttons(&[("cancel", DANGER), ("why", SECONDARY), ("log", SECONDARY)], &id, wording);
    card.footer = format!("{} · {}", run.short, run.attempt);
    card
}

/// A run that is over.
#[must_use]
pub fn ended(run: &RunState, title: &str, wording: Wording<'_>) -> Answer {
    let tone = match &run.outcome {
        Some(Outcome::Succeeded) => Tone::Good,
        Some(Outcome::Cancelled { .. }) | None => Tone::Plain,
        Some(_) => Tone::Bad,
    };
    let detail = neutral(&clip(&run.detail, DETAIL));
    let word = run.outcome.as_ref().map_or("–", Outcome::word);
    let mut card = Answer::new(tone, named(run.item.identifier(), title), detail);
    let rounds = run.plan.max_rounds.to_string();
    let round = run.round.to_string();
    let stage = [("phase", word), ("round", round.as_str()), ("rounds", rounds.as_str())];
    let elapsed = run.finished.map_or_else(String::new, |at| span(at, run.started));
    card.fields = vec![
        field("stage", wording.say("card-round", &stage), wording),
        field("cost", money(run.usage), wording),
        field("elapsed", elapsed, wording),
    ];
    let branch = run.workspace.as_ref().map(|workspace| neutral_line(&workspace.branch));
    card.fields.extend(branch.map(|branch| field("branch", branch, wording)));
    let change = run.change.as_ref().map(Change::stat);
    card.fields.extend(change.map(|change| field("change", neutral_line(&change), wording)));
    let retries = tone == Tone::Bad;
    let offered: &[(&str, u8)] = if retries {
        &[("retry", PRIMARY), ("why", SECONDARY), ("log", SECONDARY)]
    } else {
        &[("log", SECONDARY)]
    };
    card.buttons = buttons(offered, &run.id.to_string(), wording);
    card.footer = format!("{} · {}", run.id.short(), run.attempt);
    card
}

/// An item that waits for a person, or did.
#[must_use]
pub fn item(item: &ItemView, wording: Wording<'_>) -> Answer {
    let open = asks(item);
    let tone = if open { Tone::Warning } else { Tone::Plain };
    let mut card = Answer::new(tone, named(item.id.identifier(), &item.title), wording.item(item));
    let offered: &[(&str, u8)] = if item.awaits_approval || !open {
        &[("approve", SUCCESS), ("reject", DANGER), ("why", SECONDARY)]
    } else {
        &[("retry", PRIMARY), ("cancel", DANGER), ("why", SECONDARY)]
    };
    card.buttons = buttons(offered, item.id.as_str(), wording);
    for button in &mut card.buttons {
        button.disabled = !open;
    }
    card
}

fn named(identifier: &str, title: &str) -> String {
    neutral_line(&clip(&format!("{identifier} {title}"), 200))
}

fn field(name: &str, value: String, wording: Wording<'_>) -> Field {
    Field { name: wording.say(&format!("card-{name}"), &[]), value }
}

/// The command's word and the id make a line of less than a hundred characters, or there is no button.
fn buttons(offered: &[(&str, u8)], id: &str, wording: Wording<'_>) -> Vec<Button> {
    let line = |word: &str| format!("{word} {id}");
    let plain = !id.chars().any(|letter| letter.is_whitespace() || letter == '"');
    let carried = offered.iter().filter(|(word, _)| plain && line(word).len() <= CARRIED);
    carried
        .map(|(word, style)| Button {
            label: wording.say(&format!("button-{word}"), &[]),
            id: line(word),
            style: *style,
            disabled: false,
        })
        .collect()
}

/// In whole minutes, so that a card does not change all the time.
fn span_in_minutes(now: Timestamp, earlier: Timestamp) -> String {
    let minutes = now.since(earlier).as_secs() / 60;
    match minutes {
        0..60 => format!("{minutes}m"),
        _ => format!("{}h {}m", minutes / 60, minutes % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse::parse;
    use super::*;
    use crate::domain::language::Language;

    #[test]
    fn what_a_button_carries_is_a_command_that_the_parser_knows() {
        let wording = Wording { language: Language::En, prefix: "!" };
        let id = "0198c0de-0000-7000-8000-000000000001";
        let all = ["approve", "reject", "cancel", "retry", "why", "log"].map(|word| (word, 1));
        let buttons = buttons(&all, id, wording);
        assert_eq!(buttons.len(), all.len());
        for button in buttons {
            let invocation = parse(&button.id).unwrap();
            assert!(invocation.values.values().any(|value| value == id), "{}", button.id);
        }
    }

    #[test]
    fn an_id_that_a_button_cannot_carry_has_none() {
        let wording = Wording { language: Language::En, prefix: "!" };
        assert!(buttons(&[("why", 1)], &"x".repeat(200), wording).is_empty());
        assert!(buttons(&[("why", 1)], "local/a b", wording).is_empty());
    }
}
