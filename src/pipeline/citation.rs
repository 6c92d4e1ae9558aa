//! Which sections of a prompt an agent took up: what it said is compared with what it was given.

use std::collections::{BTreeMap, BTreeSet};

/// Words in a row that count as taken up. Five: fewer are everyday phrases, more miss a shortened quotation.
const WORDS_IN_A_ROW: usize = 5;

/// Names of files, or of anything else written like one, that are long enough to mean something.
const SHORTEST_NAME: usize = 6;

/// What points at a section having been taken up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Citation {
    /// The section.
    pub section: String,
    /// Words of it that the agent repeated, or a name in it that it used; empty when it did neither.
    pub evidence: Vec<String>,
}

/// Compares `sections` (name, text) with what the agent said. Words that stand in several sections prove nothing.
#[must_use]
pub fn citations(sections: &[(String, String)], said: &str) -> Vec<Citation> {
    let said_words = words(said);
    let said_runs: BTreeSet<&[String]> = said_words.windows(WORDS_IN_A_ROW).collect();
    let said_names = names(said);
    let texts: Vec<(Vec<String>, BTreeSet<String>)> =
        sections.iter().map(|(_, text)| (words(text), names(text))).collect();
    let mut homes: BTreeMap<&[String], BTreeSet<usize>> = BTreeMap::new();
    for (index, (words, _)) in texts.iter().enumerate() {
        for run in words.windows(WORDS_IN_A_ROW) {
            homes.entry(run).or_default().insert(index);
        }
    }
    let found = sections.iter().enumerate().map(|(index, (section, _))| {
        let (words, own_names) = &texts[index];
        let repeated = words.windows(WORDS_IN_A_ROW).find(|run| {
            said_runs.contains(run) && homes.get(run).is_some_and(|homes| homes.len() == 1)
        });
        let elsewhere = |name: &String| {
            texts
                .iter()
                .enumerate()
                .any(|(other, (_, names))| other != index && names.contains(name))
        };
        let named = own_names.iter().filter(|it| said_names.contains(*it) && !elsewhere(it));
        let mut evidence: Vec<String> = repeated.map(|run| run.join(" ")).into_iter().collect();
        evidence.extend(named.take(3).cloned());
        Citation { section: section.clone(), evidence }
    });
    found.collect()
}

/// Takes a prompt apart again: sections by the headings they have in it, in order.
#[must_use]
pub fn sections(prompt: &str, headings: &[(String, String)]) -> Vec<(String, String)> {
    let mut starts = Vec::new();
    let mut from = 0;
    for (name, heading) in headings {
        let line = format!("# {heading}\n\n");
        let rest = prompt.get(from..).unwrap_or_default();
        let Some(at) = rest.find(&line) else { continue };
        starts.push((name.clone(), from + at, from + at + line.len()));
        from += at + line.len();
    }
    let ends = starts.iter().skip(1).map(|(_, start, _)| *start).chain([prompt.len()]);
    let parts = starts.iter().zip(ends);
    parts.map(|((name, _, body), end)| (name.clone(), prompt[*body..end].to_owned())).collect()
}

fn words(text: &str) -> Vec<String> {
    let words = text.split(|it: char| !it.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect()
}

/// `src/main.rs`, `Cargo.toml`, `snake_case`: words that somebody made up.
fn names(text: &str) -> BTreeSet<String> {
    let inside = |it: char| it.is_alphanumeric() || "/_.-".contains(it);
    text.split(|it: char| !inside(it))
        .map(|word| word.trim_matches(['.', '-', '_', '/']))
        .filter(|word| word.len() >= SHORTEST_NAME && word.contains(['/', '_', '.']))
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{citations, sections};

    fn given() -> Vec<(String, String)> {
        let section = |name: &str, text: &str| (name.to_owned(), text.to_owned());
        vec![
            section("Goal", "Add a greeting to the program. It says hello to the caller."),
            section(
                "Project rules: AGENTS.md",
                "Run `make fmt_all` before you end. Always use tabs here, never blanks.",
            ),
            section("Earlier run 1", "The parser in src/parse/words.rs was wrong about umlauts."),
        ]
    }

    fn cited(said: &str) -> Vec<String> {
        let found = citations(&given(), said).into_iter();
        found.filter(|it| !it.evidence.is_empty()).map(|it| it.section).collect()
    }

    #[test]
    fn repeated_words_and_names_show_what_was_taken_up() {
        assert_eq!(
            cited("As the rules say, always use tabs here, never blanks."),
            ["Project rules: AGENTS.md"]
        );
        assert_eq!(
            cited("I looked at src/parse/words.rs, and ran fmt_all."),
            ["Project rules: AGENTS.md", "Earlier run 1"]
        );
        assert!(cited("Done.").is_empty() && cited("").is_empty());
        assert!(cited("I use tabs.").is_empty(), "a few words prove nothing");
    }

    #[test]
    fn what_stands_in_two_sections_proves_nothing() {
        let mut given = given();
        given.push(("Copy".to_owned(), given[0].1.clone()));
        let said = "Add a greeting to the program. It says hello to the caller.";
        assert!(citations(&given, said).iter().all(|it| it.evidence.is_empty()));
    }

    #[test]
    fn a_prompt_is_taken_apart_at_its_headings() {
        let heading = |name: &str, heading: &str| (name.to_owned(), heading.to_owned());
        let prompt = "# 목표\n\nhello\n\n# fake\n\nstill the goal\n\n# 끝내는 방법\n\nbye\n\n";
        let headings =
            [heading("Goal", "목표"), heading("Lost", "x"), heading("How to end", "끝내는 방법")];
        let found = sections(prompt, &headings);
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].0, "Goal");
        assert!(found[0].1.contains("still the goal") && !found[0].1.contains("bye"));
        assert_eq!(found[1], ("How to end".to_owned(), "bye\n\n".to_owned()));
    }
}
