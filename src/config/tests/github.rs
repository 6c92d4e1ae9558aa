//! Issues on GitHub: where the token comes from, and what cannot be meant.

use secrecy::ExposeSecret;

use super::{Bench, mistakes};
use crate::trackers::github::GithubSettings;

const ONE: &str = "[[github.repositories]]\nname = \"owner/name\"\n";

fn github(bench: &Bench, text: &str) -> GithubSettings {
    bench.loaded(&format!("{text}{ONE}")).settings.github.unwrap()
}

fn token(settings: &GithubSettings) -> Option<&str> {
    settings.token.as_ref().map(ExposeSecret::expose_secret)
}

#[test]
fn without_a_repository_there_is_nothing() {
    assert!(Bench::new().loaded("[github]\nlabel = \"x\"\n").settings.github.is_none());
}

#[test]
fn the_token_comes_from_the_file_or_the_environment_and_is_shown_nowhere() {
    let bench = Bench::new()
        .variable("GH_TOKEN", "ghp_of-the-second-name")
        .variable("GITHUB_TOKEN", "ghp_of-the-first-name")
        .variable("GH_ENTERPRISE_TOKEN", "ghp_of-the-enterprise");
    assert_eq!(token(&github(&bench, "")), Some("ghp_of-the-first-name"));
    let own = "[github]\nbase_url = \"https://ghes.example/api/v3/\"\n";
    let settings = github(&bench, own);
    assert_eq!(token(&settings), Some("ghp_of-the-enterprise"));
    assert_eq!(settings.base_url, "https://ghes.example/api/v3");
    assert_eq!(
        token(&github(&bench, "[github]\ntoken = \"ghp_in-the-file\"\n")),
        Some("ghp_in-the-file")
    );
    let loaded = bench.loaded(ONE);
    assert!(!format!("{:?}", loaded.settings).contains("ghp_"));
    let secrets: Vec<&str> =
        loaded.settings.secrets.iter().map(ExposeSecret::expose_secret).collect();
    assert!(secrets.contains(&"ghp_of-the-first-name"), "it is cut out of what is stored");
    assert_eq!(token(&github(&Bench::new(), "")), None);
}

#[test]
fn an_assignee_needs_no_label_unless_one_is_named() {
    let bench = Bench::new();
    let label = |text: &str| github(&bench, text).label;
    assert_eq!(label("").as_deref(), Some("ai-factory"));
    assert_eq!(label("[github]\nassignee = \"me\"\n"), None);
    assert_eq!(label("[github]\nassignee = \"me\"\nlabel = \"x\"\n").as_deref(), Some("x"));
}

#[test]
fn what_cannot_be_meant_is_a_mistake() {
    let text = "[github]\nbase_url = \"github.example\"\n[github.labels]\nblocked = \"Factory:In-Review\"\n\
                [[github.repositories]]\nname = \"owner\"\nproject = \"nowhere\"\n\
                [[github.repositories]]\nname = \"a/b\"\n[[github.repositories]]\nname = \"A/B\"\n";
    let said = mistakes(text);
    for part in [
        "2:12: github.base_url: not an address",
        "github.labels.blocked: two labels that mean different things are the same",
        "\"owner\" is not a repository",
        "there is no project \"nowhere\"",
        "\"A/B\" is there already",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
}
