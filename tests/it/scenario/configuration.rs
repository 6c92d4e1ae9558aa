//! Mistakes in the configuration are told before anything is started.

use std::fs;

use crate::support::factory::Factory;

#[test]
fn a_misspelt_key_is_reported_with_its_place_and_the_right_word() {
    let mut factory = Factory::new();
    factory.more_config = "[pace]\nper_projekt = 3".to_owned();
    let path = factory.configure();
    let text = fs::read_to_string(&path).expect("the configuration");
    let line = text.lines().position(|line| line.contains("per_projekt")).expect("a line") + 1;
    let said = factory.cli(&["validate"]);
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.out.contains("per_projekt") && said.out.contains("per_project"), "{said:?}");
    assert!(said.out.contains(&format!("config.toml:{line}")), "line {line}: {said:?}");
    let said = factory.cli(&["validate", "--json"]);
    assert_eq!(said.code, 1);
    let report: serde_json::Value = serde_json::from_str(&said.out).expect("JSON");
    assert_eq!(report["valid"], false);
    assert_eq!(report["problems"][0]["line"], line, "{report}");
    let hint = report["problems"][0]["hint"].as_str().unwrap_or_default();
    assert!(hint.contains("per_project"), "{report}");
    let said = factory.cli(&["start"]);
    assert_eq!(said.code, 78, "{said:?}");
    assert!(!factory.state().exists(), "nothing was begun");
}

#[test]
fn every_mistake_is_reported_at_once() {
    let mut factory = Factory::new();
    factory.more_config =
        "[pace]\nglobl = 3\n[budget]\nitem_attemps = 1\n[slots]\nglobal = \"many\"".to_owned();
    factory.configure();
    let said = factory.cli(&["validate"]);
    assert_eq!(said.code, 1, "{said:?}");
    for word in ["globl", "item_attemps", "slots.global"] {
        assert!(said.out.contains(word), "{word}: {said:?}");
    }
}
