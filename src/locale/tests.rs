use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::template::Template;
use super::{TEXTS, files, fill, heading, text};
use crate::domain::language::Language;

fn names(language: Language) -> Vec<&'static str> {
    TEXTS[&language].keys().map(String::as_str).collect()
}

#[test]
fn every_language_has_the_same_texts_with_the_same_variables() {
    let english = names(Language::En);
    assert!(english.len() > 50, "{english:?}");
    for language in Language::ALL {
        assert_eq!(names(language), english, "{}", language.word());
        for name in &english {
            let read = |language| Template::parse(text(language, name)).unwrap().variables();
            assert_eq!(read(language), read(Language::En), "{name} in {}", language.word());
            assert!(!text(language, name).is_empty(), "{name} in {}", language.word());
        }
    }
}

#[test]
fn every_file_is_compiled_in() {
    for language in Language::ALL {
        let known: BTreeSet<String> =
            files(language).iter().map(|(file, _)| format!("{file}.md")).collect();
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("locale").join(language.word());
        let there: BTreeSet<String> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        assert_eq!(there, known);
    }
}

#[test]
fn a_korean_text_is_korean() {
    for name in names(Language::Ko) {
        let text = text(Language::Ko, name);
        assert!(text.chars().any(|it| ('가'..='힣').contains(&it)), "{name}: {text}");
    }
}

#[test]
fn values_are_filled_in() {
    let filled = fill(Language::En, "common.round", &[("round", "2"), ("rounds", "3")]);
    assert_eq!(filled, "Round 2 of 3.");
    assert_eq!(heading(Language::En, "Goal"), "Goal");
    assert_eq!(heading(Language::Ko, "Goal"), "목표");
    assert_eq!(heading(Language::Ko, "Project rules: AGENTS.md"), "Project rules: AGENTS.md");
}
