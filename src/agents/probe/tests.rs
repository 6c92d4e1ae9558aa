use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use secrecy::SecretString;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::{Probed, Problem, locate, probe, talks};
use crate::agents::{AgentSettings, capabilities, fixtures};
use crate::domain::agent::AgentKind;

struct Place {
    directory: TempDir,
}

impl Place {
    fn new() -> Self {
        Self { directory: TempDir::new().expect("a directory") }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// An executable shell script.
    fn program(&self, name: &str, body: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        fs::write(&path, format!("#!/bin/sh\n{body}\n")).expect("a program");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("executable");
        path
    }

    fn settings(&self, kind: AgentKind) -> AgentSettings {
        let mut settings = AgentSettings { program: None, ..fixtures::settings(kind) };
        let path = format!("{}:/usr/bin:/bin", self.directory.path().display());
        settings.env = [("PATH".to_owned(), SecretString::from(path))].into();
        settings
    }

    async fn probe(&self, settings: &AgentSettings) -> Probed {
        probe(settings, &self.path("versions.json"), &CancellationToken::new()).await
    }
}

fn with(mut settings: AgentSettings, name: &str) -> AgentSettings {
    settings.env.insert(name.to_owned(), SecretString::from("value"));
    settings
}

#[tokio::test]
async fn an_installed_agent_with_a_key_has_no_problems() {
    let place = Place::new();
    let program = place.program("claude", "echo '2.1.329 (Claude Code)'");
    let settings = with(place.settings(AgentKind::Claude), "ANTHROPIC_API_KEY");
    let expected = Probed {
        program: Some(program),
        version: Some("2.1.329".to_owned()),
        logged_in: Some(true),
        capabilities: capabilities(AgentKind::Claude),
        problems: Vec::new(),
    };
    assert_eq!(place.probe(&settings).await, expected);
}

#[tokio::test]
async fn a_version_is_asked_again_only_when_the_program_changed() {
    let place = Place::new();
    let settings = with(place.settings(AgentKind::Codex), "CODEX_API_KEY");
    let body = |version: &str| {
        let asked = place.path("asked");
        format!("echo \"$1\" >> '{}'; echo codex-cli {version}", asked.display())
    };
    let asked = || {
        fs::read_to_string(place.path("asked"))
            .expect("asked")
            .lines()
            .filter(|it| *it == "--version")
            .count()
    };
    place.program("codex", &body("0.169.0"));
    assert_eq!(place.probe(&settings).await.version.as_deref(), Some("0.169.0"));
    assert_eq!(place.probe(&settings).await.version.as_deref(), Some("0.169.0"));
    assert_eq!(asked(), 1);
    place.program("codex", &body("0.170.10"));
    assert_eq!(place.probe(&settings).await.version.as_deref(), Some("0.170.10"));
    assert_eq!(asked(), 2);
    fs::write(place.path("versions.json"), "{ broken").expect("a broken cache");
    assert_eq!(place.probe(&settings).await.version.as_deref(), Some("0.170.10"));
    let mode = fs::metadata(place.path("versions.json")).expect("the cache").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn absent_old_silent_and_keyless_agents_are_told_apart() {
    let place = Place::new();
    let settings = place.settings(AgentKind::Claude);
    let absent = place.probe(&settings).await;
    assert_eq!(absent.problems, [Problem::NotFound { program: "claude".into() }]);
    assert_eq!(
        absent.problems[0].to_string(),
        "claude is not installed, or not an executable file on the PATH"
    );

    place.program("claude", "echo 1.0.3");
    let old = place.probe(&settings).await;
    assert!(
        matches!(&old.problems[..], [Problem::Older { .. }, Problem::NotLoggedIn { .. }]),
        "{old:?}"
    );
    assert_eq!(old.logged_in, Some(false));

    place.program("claude", "echo broken >&2; exit 7");
    let settings = with(settings, "CLAUDE_CODE_USE_BEDROCK");
    let silent = place.probe(&settings).await;
    assert_eq!((silent.version.as_ref(), silent.logged_in), (None, None));
    let [Problem::NoVersion { reason, .. }] = &silent.problems[..] else { panic!("{silent:?}") };
    assert!(reason.contains("exit code 7") && reason.contains("broken"), "{reason}");
    assert!(silent.program.is_some());
}

#[tokio::test]
async fn a_login_is_checked_in_a_home_of_its_own() {
    let place = Place::new();
    fs::write(place.path("auth.json"), "good").expect("a login");
    place.program(
        "codex",
        r#"case "$1" in --version) echo 0.169.0;; login) grep -q good "$CODEX_HOME/auth.json";; esac"#,
    );
    let mut settings = place.settings(AgentKind::Codex);
    settings.credentials = Some(place.path("auth.json"));
    assert_eq!(place.probe(&settings).await.logged_in, Some(true));
    fs::write(place.path("auth.json"), "expired").expect("a login");
    let expired = place.probe(&settings).await;
    assert_eq!(expired.logged_in, Some(false));
    assert_eq!(expired.problems, [Problem::NotLoggedIn { key: "CODEX_API_KEY" }]);
    fs::remove_file(place.path("auth.json")).expect("removed");
    let path = place.path("auth.json");
    assert_eq!(place.probe(&settings).await.problems, [Problem::NoCredentials { path }]);
}

#[tokio::test]
async fn a_key_under_a_name_that_codex_ignores_is_reported() {
    let place = Place::new();
    place.program("codex", "echo 0.169.0");
    let settings = with(place.settings(AgentKind::Codex), "OPENAI_API_KEY");
    let probed = place.probe(&settings).await;
    let ignored = Problem::IgnoredKey { set: "OPENAI_API_KEY", instead: "CODEX_API_KEY" };
    assert!(probed.problems.contains(&ignored), "{probed:?}");
    let elsewhere = AgentSettings { base_url: Some("http://h/v1".to_owned()), ..settings };
    assert_eq!(place.probe(&elsewhere).await.problems, []);
}

#[tokio::test]
async fn commands_and_scripts_need_their_files_only() {
    let place = Place::new();
    let mut settings = place.settings(AgentKind::Command);
    settings.program = Some(place.path("tool"));
    assert!(matches!(place.probe(&settings).await.problems[..], [Problem::NotFound { .. }]));
    place.program("tool", "echo");
    assert_eq!(place.probe(&settings).await.problems, []);

    let mut settings = place.settings(AgentKind::Scripted);
    settings.script = Some(place.path("script.toml"));
    let path = place.path("script.toml");
    assert_eq!(place.probe(&settings).await.problems, [Problem::NoScript { path: path.clone() }]);
    fs::write(path, "").expect("a script");
    assert_eq!(place.probe(&settings).await.problems, []);
}

#[test]
fn the_native_binary_is_found_behind_the_npm_wrapper() {
    for nested in [true, false] {
        let place = Place::new();
        let scope = Path::new("lib/node_modules/@openai");
        let wrapper = place.program(&scope.join("codex/bin/codex.js").to_string_lossy(), "");
        let packages =
            if nested { scope.join("codex/node_modules/@openai") } else { scope.to_owned() };
        let native = packages.join("codex-linux-x64/vendor/x86_64-unknown-linux-musl/bin/codex");
        let native = place.program(&native.to_string_lossy(), "");
        std::os::unix::fs::symlink(&wrapper, place.path("codex")).expect("a link");
        let found = locate(&place.settings(AgentKind::Codex)).expect("a program");
        assert_eq!(found.canonicalize().expect("it"), native.canonicalize().expect("it"));
    }
}

#[tokio::test]
async fn a_version_that_cannot_be_talked_to_is_reported_and_remembered() {
    let place = Place::new();
    let settings = with(place.settings(AgentKind::Codex), "CODEX_API_KEY");
    let cache = place.path("versions.json");
    assert_eq!(talks(&settings, &cache), None);
    place.program("codex", "echo codex-cli 0.170.0; test \"$1\" != app-server");
    let probed = place.probe(&settings).await;
    let silent = Problem::Silent { command: "app-server --help".to_owned() };
    assert_eq!(probed.problems, [silent]);
    assert!(!probed.capabilities.steer && !probed.capabilities.approve);
    assert_eq!(talks(&settings, &cache), Some(false));
    place.program("codex", "echo codex-cli 0.171.0; exit 0 # it has learnt to");
    assert_eq!(talks(&settings, &cache), None);
    assert_eq!(place.probe(&settings).await.problems, []);
    assert_eq!(talks(&settings, &cache), Some(true));
}
