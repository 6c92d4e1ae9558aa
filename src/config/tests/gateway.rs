//! Agents on a model server: out of tables, out of the environment.

use secrecy::ExposeSecret;

use super::Bench;
use crate::agents::AgentSettings;
use crate::agents::responses::settings::{Api, Price};

fn gateway(bench: &Bench, text: &str) -> AgentSettings {
    bench.loaded(text).settings.agents["responses"].clone()
}

fn key(settings: &AgentSettings) -> Option<&str> {
    settings.responses.key.as_ref().map(ExposeSecret::expose_secret)
}

#[test]
fn the_environment_alone_is_enough_and_the_narrower_names_win() {
    let bench = Bench::new()
        .variable("ENACT_GATEWAY_BASE_URL", "http://gateway.example")
        .variable("ENACT_GATEWAY_API_KEY", "the-gateways-key");
    let settings = gateway(&bench, "adapter = \"responses\"\n");
    assert_eq!(settings.base_url.as_deref(), Some("http://gateway.example"));
    assert_eq!(
        (key(&settings), settings.responses.api),
        (Some("the-gateways-key"), Api::Responses)
    );
    let bench = bench
        .variable("ENACT_RESPONSES_BASE_URL", "http://responses.example/v2")
        .variable("ENACT_RESPONSES_API_KEY", "the-responses-key")
        .variable("ENACT_RESPONSES_API", "chat")
        .variable("ENACT_RESPONSES_MODEL", "m");
    let settings = gateway(&bench, "adapter = \"responses\"\n");
    assert_eq!(settings.base_url.as_deref(), Some("http://responses.example/v2"));
    assert_eq!((key(&settings), settings.responses.api), (Some("the-responses-key"), Api::Chat));
    assert_eq!(settings.model.as_deref(), Some("m"));
    assert!(settings.env.is_empty(), "the key is not passed on like a variable of the operator's");
}

#[test]
fn a_table_goes_before_the_environment() {
    let bench = Bench::new()
        .variable("ENACT_GATEWAY_BASE_URL", "http://gateway.example")
        .variable("ENACT_RESPONSES_API_KEY", "another-key")
        .variable("ENACT_RESPONSES_API", "chat")
        .variable("MINE", "my-own-key");
    let settings = gateway(
        &bench,
        "[agents.responses]\nbase_url = \"http://mine.example\"\napi = \"responses\"\nkey_variable = \"MINE\"\n\
         context_window = 5000\nidle_timeout_ms = 700\n\
         [agents.responses.prices.\"a.b\"]\ninput = 0.15\noutput = 0.6\n",
    );
    assert_eq!(settings.base_url.as_deref(), Some("http://mine.example"));
    assert_eq!((key(&settings), settings.responses.api), (Some("my-own-key"), Api::Responses));
    assert_eq!(settings.responses.context_window, Some(5000));
    assert_eq!(settings.responses.idle_timeout_ms, Some(700));
    let price = Price { input: 150_000, cached_input: 150_000, output: 600_000 };
    assert_eq!(settings.responses.prices["a.b"], price);
}

#[test]
fn keys_are_cut_out_of_everything_shown() {
    let bench = Bench::new()
        .variable("ENACT_GATEWAY_API_KEY", "the-gateways-key")
        .variable("MINE", "my-own-key");
    let loaded = bench.loaded(
        "[agents.responses]\nbase_url = \"http://mine.example\"\nkey_variable = \"MINE\"\n",
    );
    let secrets: Vec<&str> =
        loaded.settings.secrets.iter().map(ExposeSecret::expose_secret).collect();
    assert!(
        secrets.contains(&"the-gateways-key") && secrets.contains(&"my-own-key"),
        "{secrets:?}"
    );
    assert!(!format!("{:?}", loaded.settings).contains("my-own-key"));
}

#[test]
fn what_is_missing_or_out_of_place_is_reported() {
    let report = Bench::new().report(
        "adapter = \"responses\"\n\
         [agents.mine]\nkind = \"responses\"\nargs = [\"-x\"]\napi = \"grpc\"\n\
         [agents.mine.prices.m]\ninput = \"unlimited\"\noutput = 1\n\
         [agents.codex]\napi = \"chat\"\n",
    );
    insta::assert_snapshot!(report, @r#"
    config.toml:1:11: adapter: the kind "responses" needs an [agents.responses] table with a base_url, or ENACT_GATEWAY_BASE_URL in the environment
    config.toml:2:9: agents.mine.base_url: this key is missing: the kind "responses" needs it, or ENACT_GATEWAY_BASE_URL in the environment
    config.toml:4:8: agents.mine.args: the kind "responses" takes no arguments
    config.toml:5:7: agents.mine.api: expected one of responses, chat, found "grpc"
    config.toml:7:9: agents.mine.prices.m.input: a price is an amount
    config.toml:10:7: agents.codex.api: only the kind "responses" has this key
    "#);
    let bench = Bench::new();
    let loaded = bench.loaded(
        "[agents.mine]\nkind = \"responses\"\nbase_url = \"http://mine.example\"\nkey_variable = \"MINE\"\n",
    );
    let remarks: Vec<String> = loaded.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        remarks,
        ["config.toml:4:1: agents.mine.key_variable: MINE is not set, so the agent has no key"]
    );
}
