//! The server proven against the real CLIs, with the command lines that the adapters use, and by plain
//! HTTP where a CLI would never come by.

mod claude;
mod codex;
mod http;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use super::ModelServer;

/// How long a CLI may take for one turn before the test calls it hung.
const TURN_BOUND: Duration = Duration::from_secs(120);

/// A home and a git repository for one agent, both thrown away afterwards.
struct Place {
    root: TempDir,
}

impl Place {
    fn new() -> Self {
        let root = TempDir::new().expect("a temporary directory");
        for directory in ["home/.claude", "home/.codex", "repository"] {
            fs::create_dir_all(root.path().join(directory)).expect("a directory");
        }
        let place = Self { root };
        let initialised = std::process::Command::new("git")
            .args(["init", "--quiet"])
            .current_dir(place.repository())
            .status()
            .expect("git");
        assert!(initialised.success());
        place
    }

    fn home(&self) -> PathBuf {
        self.root.path().join("home")
    }

    fn repository(&self) -> PathBuf {
        // As the CLIs report it: some temporary directories are behind a symbolic link.
        self.root.path().join("repository").canonicalize().expect("the repository")
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.repository().join(name)).unwrap_or_default()
    }
}

/// What a CLI printed, as JSON lines, and its exit code.
struct Turn {
    events: Vec<Value>,
    stderr: String,
    code: Option<i32>,
}

impl Turn {
    fn of_type(&self, kind: &str) -> Vec<&Value> {
        self.events.iter().filter(|event| event["type"] == kind).collect()
    }

    /// The last event of a type; fails with everything printed if there is none.
    fn last(&self, kind: &str) -> &Value {
        let Some(event) = self.of_type(kind).pop() else {
            panic!("no {kind} event among {:#?}\nstderr: {}", self.events, self.stderr);
        };
        event
    }
}

/// Runs a CLI in the repository with nothing but the given environment, the prompt on a closed stdin.
fn run(place: &Place, mut command: tokio::process::Command, prompt: &str) -> Turn {
    let prompt_file = place.root.path().join("prompt.txt");
    fs::write(&prompt_file, prompt).expect("writing the prompt");
    command
        .current_dir(place.repository())
        .env("PWD", place.repository())
        .stdin(fs::File::open(&prompt_file).expect("opening the prompt"))
        .kill_on_drop(true);
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let output = runtime
        .block_on(async { tokio::time::timeout(TURN_BOUND, command.output()).await })
        .expect("the turn ends in time")
        .expect("the CLI starts");
    let stdout = String::from_utf8(output.stdout).expect("UTF-8");
    Turn {
        events: stdout
            .lines()
            .map(|line| serde_json::from_str(line).expect("a JSON line"))
            .collect(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        code: output.status.code(),
    }
}

/// A command with an environment of its own: only a path to find a shell by.
fn isolated(binary: &Path) -> tokio::process::Command {
    let mut command = tokio::process::Command::new(binary);
    command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin");
    command
}

fn assert_all_answered(server: &ModelServer) {
    let unanswered: Vec<String> =
        server.unanswered().iter().map(|request| request.prompt()).collect();
    assert!(unanswered.is_empty(), "no rule for the prompts {unanswered:#?}");
}
