//! Help, `init`, `validate`: what needs no state.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use super::factory::Factory;

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn help_says_how_to_begin_and_every_subcommand_has_examples() {
    let factory = Factory::empty();
    let help = factory.run(&["--help"]).code(0);
    let help = text(&help.get_output().stdout);
    for word in ["Examples:", "enact-factory doctor", "Exit codes:", "receipts"] {
        assert!(help.contains(word), "{word} is missing in {help}");
    }
    assert!(!help.contains("scripted-agent"), "hidden subcommands are shown: {help}");
    for name in ["init", "run", "exec", "status", "why", "cancel", "receipts", "doctor"] {
        let help = factory.run(&[name, "--help"]).code(0);
        let help = text(&help.get_output().stdout);
        assert!(help.contains("Examples:") && help.contains("--config"), "{name}: {help}");
    }
}

#[test]
fn wrong_arguments_are_not_taken_for_a_timeout() {
    let factory = Factory::empty();
    factory.run(&["exec"]).code(64);
    factory.run(&["exec", "x", "--pipeline", "--executor-only"]).code(64);
    let ended = factory.run(&["statuss"]).code(64);
    assert!(text(&ended.get_output().stderr).contains("status"), "no suggestion");
}

#[test]
fn init_writes_a_configuration_that_loads_and_never_overwrites_one() {
    let factory = Factory::empty();
    factory.run(&["init"]).code(0);
    let path = factory.path("config.toml");
    let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600, "keys may be put into it");
    factory.run(&["validate"]).code(0);
    fs::write(&path, "# mine\n").unwrap();
    let ended = factory.run(&["init"]).code(1);
    let said = text(&ended.get_output().stderr);
    assert!(said.contains("config.toml is there already") && said.contains("hint:"), "{said}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "# mine\n");
}

#[test]
fn validate_shows_all_mistakes_with_their_places_and_what_would_be_right() {
    let factory = Factory::empty();
    let text_with_mistakes = "[pace]\nper_projekt = 3\n\n[slots]\nglobal = \"many\"\n";
    fs::write(factory.path("config.toml"), text_with_mistakes).unwrap();
    let ended = factory.run(&["validate"]).code(1);
    let said = text(&ended.get_output().stdout);
    assert!(said.contains("config.toml:2:1: "), "{said}");
    assert!(said.contains("per_project"), "no suggestion in {said}");
    assert!(said.contains("config.toml:5:"), "{said}");
    assert!(said.contains("2 mistakes"), "{said}");
    let json = factory.json(&["validate"]);
    assert_eq!(json["valid"], false);
    assert_eq!(json["problems"][0]["line"], 2);
    assert_eq!(json["problems"][1]["key"], "slots.global");
}

#[test]
fn a_command_with_a_wrong_configuration_says_so_and_exits_with_its_own_code() {
    let factory = Factory::empty();
    fs::write(factory.path("config.toml"), "nonsense = 1\n").unwrap();
    let ended = factory.run(&["status"]).code(78);
    let said = text(&ended.get_output().stderr);
    assert!(said.contains("nonsense") && said.contains("enact-factory validate"), "{said}");
    let json = factory.json(&["status"]);
    assert_eq!(json["error"]["code"], 78);
}

#[test]
fn a_configuration_that_was_named_and_is_not_there_is_a_mistake() {
    let factory = Factory::empty();
    let ended = factory.run(&["--config", "elsewhere.toml", "validate"]).code(1);
    assert!(text(&ended.get_output().stdout).contains("elsewhere.toml"));
}

#[test]
fn the_users_configuration_holds_where_there_is_none_in_the_working_directory() {
    let factory = Factory::empty();
    let directory = factory.path("home/.config/enact-factory");
    fs::create_dir_all(&directory).unwrap();
    fs::write(directory.join("config.toml"), "nonsense = 1\n").unwrap();
    factory.run(&["validate"]).code(1);
    fs::write(factory.path("config.toml"), "").unwrap();
    factory.run(&["validate"]).code(0);
}
