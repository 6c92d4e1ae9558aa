//! Scenarios with their recorded results, deaths at every place, and random scenarios.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use super::scenario::Script;
use super::{Simulated, play, simulate};

mod deaths;
mod random;

fn scenarios() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios")
}

/// Names of all recorded scenarios.
fn names() -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(scenarios())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

fn script(name: &str) -> Script {
    let text = fs::read_to_string(scenarios().join(format!("{name}.toml"))).unwrap();
    Script::parse(&text).unwrap_or_else(|error| panic!("{name}.toml:{error}"))
}

fn text_of(simulated: &Simulated) -> String {
    let mut text = simulated.to_string();
    if simulated.items.iter().any(|item| !item.told.is_empty()) {
        text.push_str("\nWhat the tracker was told:\n");
    }
    for item in &simulated.items {
        for line in &item.told {
            writeln!(text, "  {}  {line}", item.item).unwrap();
        }
    }
    text
}

#[test]
fn every_scenario_gives_what_is_recorded() {
    let update = wants_update();
    let mut wrong = Vec::new();
    for name in names() {
        let simulated = play(&script(&name));
        if !simulated.is_sound() {
            wrong.push(format!("{name} is not sound:\n{}", simulated.violations.join("\n")));
        }
        let text = text_of(&simulated);
        let path = scenarios().join(format!("{name}.txt"));
        if update {
            fs::write(&path, &text).unwrap();
        } else if fs::read_to_string(&path).unwrap_or_default() != text {
            wrong.push(format!("{name} gives something else than {name}.txt:\n{text}"));
        }
    }
    assert!(wrong.is_empty(), "{}\n(UPDATE_SNAPSHOTS=1 rewrites them)", wrong.join("\n\n"));
}

#[expect(clippy::disallowed_methods, reason = "a developer's switch, read by this test alone")]
fn wants_update() -> bool {
    std::env::var_os("UPDATE_SNAPSHOTS").is_some()
}

#[test]
fn the_same_scenario_gives_the_same_bytes() {
    for name in names() {
        let script = script(&name);
        assert!(play(&script) == play(&script), "{name}");
    }
}

#[test]
fn no_recorded_result_is_left_without_its_scenario() {
    for entry in fs::read_dir(scenarios()).unwrap() {
        let path = entry.unwrap().path();
        assert!(path.with_extension("toml").exists(), "{}", path.display());
    }
}

#[test]
fn a_result_is_json_too() {
    let simulated = simulate("[[item]]\nid = \"DEMO-1\"").unwrap();
    let json = serde_json::to_value(&simulated).unwrap();
    assert_eq!(json["items"][0]["status"], "done");
    assert_eq!(json["violations"].as_array().map(Vec::len), Some(0));
}
