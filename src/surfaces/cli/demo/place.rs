//! The throw-away directory of a demo: a repository, work items, a configuration, a script.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::process::capture::{Capture, Captured};
use crate::surfaces::cli::errors::{CliError, chain};
use crate::surfaces::cli::surroundings::Surroundings;

use super::DemoAgent;
use super::cast::Part;

/// The repository's files as they are at the beginning.
const REPOSITORY: [(&str, &str); 5] = [
    ("README.md", include_str!("../../../../assets/demo/repository/README.md")),
    ("greet.sh", include_str!("../../../../assets/demo/repository/greet.sh")),
    ("count.sh", include_str!("../../../../assets/demo/repository/count.sh")),
    ("tests/greet.sh", include_str!("../../../../assets/demo/repository/tests/greet.sh")),
    ("tests/count.sh", include_str!("../../../../assets/demo/repository/tests/count.sh")),
];

const CONFIG: &str = include_str!("../../../../assets/demo/config.toml");
const SCRIPT: &str = include_str!("../../../../assets/demo/script.toml");

/// The commands that `config.toml` names as checks.
pub(super) const CHECKS: [&str; 2] = ["sh tests/greet.sh", "sh tests/count.sh"];

/// How long a git command or a check may take; all of them are done in a moment.
const PATIENCE: Duration = Duration::from_secs(60);

/// Bytes kept of what one of them prints.
const OUTPUT_LIMIT: usize = 256 * 1024;

/// Where everything of a demo is.
pub(super) struct Place {
    /// The directory that holds the rest.
    pub(super) root: PathBuf,
    /// Commit the repository begins with.
    pub(super) first_commit: String,
    path_variable: String,
}

impl Place {
    /// Makes `wanted`, or a directory for temporary files, and fills it for `parts`.
    pub(super) async fn make(
        wanted: Option<&Path>,
        agent: DemoAgent,
        parts: &[Part],
        surroundings: &Surroundings,
    ) -> Result<Self, CliError> {
        let root = directory(wanted.map(|path| surroundings.cwd.join(path)))?;
        let path_variable = surroundings.variable("PATH").unwrap_or("/usr/bin:/bin").to_owned();
        let mut place = Self { root, first_commit: String::new(), path_variable };
        place.write("config.toml", &config(agent, surroundings))?;
        if agent == DemoAgent::Scripted {
            place.write("script.toml", SCRIPT)?;
        }
        for part in parts {
            place.write(&format!("work-items/{}.md", part.identifier), part.text)?;
        }
        for (path, text) in REPOSITORY {
            place.write(&format!("greeter/{path}"), text)?;
        }
        place.first_commit = place.begin_history().await?;
        Ok(place)
    }

    pub(super) fn repository(&self) -> PathBuf {
        self.root.join("greeter")
    }

    pub(super) fn config(&self) -> PathBuf {
        self.root.join("config.toml")
    }

    pub(super) fn state(&self) -> PathBuf {
        self.root.join("state")
    }

    pub(super) fn database(&self) -> PathBuf {
        self.state().join("factory.db")
    }

    pub(super) fn daemon_log(&self) -> PathBuf {
        self.root.join("daemon.log")
    }

    pub(super) fn item_file(&self, identifier: &str) -> PathBuf {
        self.root.join("work-items").join(format!("{identifier}.md"))
    }

    /// A file by which the script and the demo tell each other how far they are.
    pub(super) fn mark(&self, name: &str) -> PathBuf {
        self.root.join("marks").join(name)
    }

    /// Writes a file below the directory.
    pub(super) fn write(&self, path: &str, text: &str) -> Result<(), CliError> {
        let path = self.root.join(path);
        let made = path.parent().map_or(Ok(()), fs::create_dir_all);
        made.and_then(|()| fs::write(&path, text))
            .map_err(|error| CliError::failure(format!("cannot write {}: {error}", path.display())))
    }

    /// What `git <arguments>` prints in the repository.
    pub(super) async fn git(&self, arguments: &[&str]) -> Result<String, CliError> {
        let done = self.run("git", arguments).await?;
        if done.succeeded() {
            return Ok(String::from_utf8_lossy(&done.stdout).trim_end().to_owned());
        }
        let said = String::from_utf8_lossy(&done.stderr).trim().to_owned();
        Err(CliError::failure(format!("`git {}` failed: {said}", arguments.join(" "))))
    }

    /// Runs a shell command in the repository.
    pub(super) async fn shell(&self, command: &str) -> Result<Captured, CliError> {
        self.run("sh", &["-c", command]).await
    }

    async fn run(&self, program: &str, arguments: &[&str]) -> Result<Captured, CliError> {
        let variables = [
            ("PATH", self.path_variable.clone()),
            ("HOME", self.root.display().to_string()),
            ("LC_ALL", "C".to_owned()),
            ("GIT_CONFIG_NOSYSTEM", "1".to_owned()),
            ("GIT_CONFIG_GLOBAL", "/dev/null".to_owned()),
        ];
        let capture = Capture {
            program: program.into(),
            args: arguments.iter().map(OsString::from).collect(),
            cwd: self.repository(),
            env: variables.map(|(name, value)| (name.to_owned(), value)).into(),
            stdin: None,
            timeout: PATIENCE,
            max_output: OUTPUT_LIMIT,
        };
        capture.run(&CancellationToken::new()).await.map_err(|error| {
            CliError::failure(chain(&error)).hint("the demo needs `git` and `sh` in the PATH")
        })
    }

    async fn begin_history(&self) -> Result<String, CliError> {
        self.git(&["init", "--quiet"]).await?;
        self.git(&["symbolic-ref", "HEAD", "refs/heads/main"]).await?;
        self.git(&["config", "user.name", "You"]).await?;
        self.git(&["config", "user.email", "you@example.invalid"]).await?;
        self.git(&["add", "--all"]).await?;
        self.git(&["commit", "--quiet", "--message", "Two programs and their tests"]).await?;
        self.git(&["rev-parse", "HEAD"]).await
    }
}

fn directory(wanted: Option<PathBuf>) -> Result<PathBuf, CliError> {
    let cannot = |path: &Path, error: &std::io::Error| {
        CliError::failure(format!("cannot use {}: {error}", path.display()))
    };
    let path = match wanted {
        Some(path) => {
            fs::create_dir_all(&path).map_err(|error| cannot(&path, &error))?;
            let mut entries = fs::read_dir(&path).map_err(|error| cannot(&path, &error))?;
            if entries.next().is_some() {
                let message = format!("{} is not empty", path.display());
                return Err(CliError::usage(message).hint("name a directory that is not there yet"));
            }
            path
        }
        None => {
            let made = tempfile::Builder::new().prefix("enact-factory-demo-").tempdir();
            made.map_err(|error| {
                CliError::failure(format!("cannot make a temporary directory: {error}"))
                    .hint("name one with `--dir`")
            })?
            .keep()
        }
    };
    path.canonicalize().map_err(|error| cannot(&path, &error))
}

/// The configuration for `agent`; a real one gets the login that its own CLI uses.
fn config(agent: DemoAgent, surroundings: &Surroundings) -> String {
    let mut text = CONFIG.replace("AGENT", agent.word());
    match agent {
        DemoAgent::Scripted => text.push_str("script = \"script.toml\"\n"),
        DemoAgent::Claude | DemoAgent::Codex => {
            let access = agent.access(surroundings);
            let names: Vec<String> =
                access.variables.iter().map(|name| format!("\"{name}\"")).collect();
            text.push_str(&format_args!("env = [{}]\n", names.join(", ")).to_string());
            if let Some(path) = access.credentials {
                let path = toml::Value::from(path.display().to_string());
                text.push_str(&format_args!("credentials = {path}\n").to_string());
            }
        }
    }
    text
}

/// Variables of a daemon that hold to nothing but its configuration file: an override that is meant for the user's own
/// factory must not reach the demo's.
pub(super) fn daemon_environment(surroundings: &Surroundings) -> BTreeMap<String, String> {
    surroundings
        .variables
        .iter()
        .filter(|(name, _)| !name.starts_with("ENACT_FACTORY_"))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use tempfile::TempDir;

    use super::{CHECKS, DemoAgent, Surroundings, config};
    use crate::config::environment::Defaults;
    use crate::config::load::load;

    #[test]
    fn every_agent_has_a_configuration_without_a_mistake() {
        let directory = TempDir::new().unwrap();
        let home = directory.path().join("home \"quoted\"");
        for path in ["greeter", "work-items"] {
            fs::create_dir(directory.path().join(path)).unwrap();
        }
        fs::write(directory.path().join("script.toml"), super::SCRIPT).unwrap();
        for (file, name) in [(".claude", ".credentials.json"), (".codex", "auth.json")] {
            fs::create_dir_all(home.join(file)).unwrap();
            fs::write(home.join(file).join(name), "{}").unwrap();
        }
        let variables = [("HOME", home.to_str().unwrap()), ("ANTHROPIC_API_KEY", "sk-secret")];
        let surroundings = Surroundings {
            variables: variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            arguments: Vec::new(),
            cwd: directory.path().to_owned(),
            program: PathBuf::from("enact-factory"),
            terminal: false,
            error_terminal: false,
        };
        for agent in [DemoAgent::Scripted, DemoAgent::Claude, DemoAgent::Codex] {
            let path = directory.path().join("config.toml");
            let text = config(agent, &surroundings);
            assert!(!text.contains("sk-secret"), "keys are passed on by name");
            fs::write(&path, text).unwrap();
            let defaults = Defaults { cwd: surroundings.cwd.clone(), home: Some(home.clone()) };
            let loaded = load(&path, &surroundings.variables, &defaults);
            let loaded = loaded.unwrap_or_else(|report| panic!("{agent:?}: {report}"));
            assert_eq!(loaded.warnings, [], "{agent:?}");
            let settings = &loaded.settings.agents[agent.word()];
            assert_eq!(settings.credentials.is_some(), agent != DemoAgent::Scripted);
            assert_eq!(settings.env.contains_key("ANTHROPIC_API_KEY"), agent == DemoAgent::Claude);
            let project = loaded.settings.policy.projects.values().next().unwrap();
            assert_eq!(project.checks, CHECKS);
        }
    }
}
