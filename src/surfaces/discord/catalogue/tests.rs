use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use super::*;
use crate::domain::language::Language;
use crate::locale::text;

#[test]
fn every_action_has_one_definition_and_every_spelling_means_one() {
    let mut actions = BTreeSet::new();
    let mut spellings = BTreeSet::new();
    let mut slashes = BTreeSet::new();
    for definition in CATALOGUE {
        assert!(actions.insert(format!("{:?}", definition.action)), "{}", definition.words);
        assert!(slashes.insert(definition.slash), "{}", definition.slash);
        for spelling in definition.spellings() {
            assert!(spellings.insert(spelling.to_lowercase()), "{spelling}");
        }
        assert_eq!(of(definition.action), Some(definition));
    }
}

#[test]
fn a_command_and_its_subcommands_are_told_apart() {
    let plain: BTreeSet<&str> = CATALOGUE.iter().map(|definition| definition.slash).collect();
    for definition in CATALOGUE {
        if let Some((name, _)) = definition.slash.split_once(' ') {
            assert!(!plain.contains(name), "/{name} cannot be used where it has subcommands");
        }
    }
}

fn page() -> String {
    let mut page = "\
<!-- Generated; `UPDATE_REFERENCE=1 cargo test --lib discord` writes it anew. -->

# Commands on Discord

After the prefix (`!` unless it is configured otherwise), or as slash commands.

| Command | Slash | Level | What it does | Example |
|---|---|---|---|---|
"
    .to_owned();
    for definition in CATALOGUE {
        let key = definition.help();
        let about = text(Language::En, &key);
        let usage = definition.usage();
        let level = definition.level.word();
        let example = format!("!{} {}", definition.words, definition.example);
        let (slash, example) = (definition.slash, example.trim());
        writeln!(page, "| `!{usage}` | `/{slash}` | {level} | {about} | `{example}` |").unwrap();
    }
    page
}

#[test]
fn the_reference_page_of_the_commands_is_up_to_date() {
    let page = page();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reference/discord.md");
    #[expect(clippy::disallowed_methods, reason = "how a person asks for the page to be written")]
    if std::env::var_os("UPDATE_REFERENCE").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == page,
        "docs/reference/discord.md is out of date: UPDATE_REFERENCE=1 cargo test --lib discord writes it anew"
    );
}
