//! `doctor`.

use std::fs;

use super::factory::{APPROVED, Factory};

#[test]
fn a_factory_in_order_has_nothing_that_stops_work() {
    let factory = Factory::with_script(APPROVED);
    let repository = factory.path("repository").display().to_string();
    factory.configure(&format!(
        "[[projects]]\nname = \"demo\"\npath = \"{repository}\"\nbase_branch = \"main\"\n"
    ));
    let ended = factory.run(&["doctor"]).code(0);
    let said = String::from_utf8_lossy(&ended.get_output().stdout).into_owned();
    for words in [
        "git version",
        "player (scripted, coder and critic)",
        "it is made at the first start",
        "demo",
    ] {
        assert!(said.contains(words), "{words} is missing in {said}");
    }
    assert!(said.contains("nothing here would stop work"), "{said}");
    assert!(!factory.state().exists(), "looking must not make a state directory");
    let daemon = factory.start();
    let json = factory.json(&["doctor"]);
    assert_eq!(json["ok"], true);
    let running = json["findings"].as_array().unwrap().iter().find(|it| it["subject"] == "daemon");
    assert!(running.unwrap()["text"].as_str().unwrap().contains(&daemon.process().to_string()));
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn everything_that_stops_work_is_named_with_what_to_do() {
    let factory = Factory::with_script(APPROVED);
    fs::create_dir(factory.path("items")).unwrap();
    fs::write(factory.path("items/A-1.md"), "+++\ntitle = 7\n+++\n").unwrap();
    fs::write(
        factory.path("config.toml"),
        format!(
            r#"adapter = "claude"
[daemon]
state_dir = "state"
[agents.claude]
program = "/nowhere/claude"
[local]
directory = "items"
[[projects]]
name = "gone"
path = "{0}/nowhere"
[[projects]]
name = "other"
path = "{0}/repository"
base_branch = "release"
"#,
            factory.path("").display()
        ),
    )
    .unwrap();
    let json = factory.json(&["doctor"]);
    assert_eq!(json["ok"], false);
    let findings = json["findings"].as_array().unwrap();
    let stops = |area: &str, words: &str| {
        findings.iter().any(|it| {
            it["area"] == area
                && it["verdict"] == "stops"
                && it["remedy"].is_string()
                && it.to_string().contains(words)
        })
    };
    assert!(stops("agents", "/nowhere/claude"), "{json:#}");
    assert!(stops("projects", "gone"), "{json:#}");
    assert!(stops("projects", "`release`"), "{json:#}");
    let item = findings.iter().find(|it| it["text"].as_str().unwrap().contains("A-1.md:2"));
    assert_eq!(item.expect("the malformed item")["verdict"], "remark");
    factory.run(&["doctor"]).code(1);
}

#[test]
fn a_wrong_configuration_does_not_keep_doctor_from_looking_at_the_rest() {
    let factory = Factory::empty();
    fs::write(factory.path("config.toml"), "nonsense = 1\n").unwrap();
    let ended = factory.run(&["doctor"]).code(1);
    let said = String::from_utf8_lossy(&ended.get_output().stdout).into_owned();
    assert!(said.contains("nonsense") && said.contains("git version"), "{said}");
}
