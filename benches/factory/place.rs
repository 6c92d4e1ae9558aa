//! A place to run a daemon in: configuration, repository, work items, and the notes of the agents.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use enact_factory::config::environment::Defaults;
use enact_factory::config::load;
use enact_factory::config::settings::Settings;
use tempfile::TempDir;

use crate::agent::{self, Turn};

/// How long anything may take before the benchmark gives up.
const PATIENCE: Duration = Duration::from_secs(300);

/// What a place is for.
#[derive(Clone, Copy)]
pub struct Wanted {
    /// Runs at once.
    pub slots: usize,
    /// Milliseconds each agent takes.
    pub agent_ms: u64,
    /// Milliseconds between two looks at the work items.
    pub poll_ms: u64,
}

/// Files below a temporary directory.
pub struct Place {
    directory: TempDir,
}

impl Place {
    /// A repository, an empty directory of work items, and a configuration with one command agent.
    pub fn new(wanted: Wanted) -> Self {
        let directory = tempfile::Builder::new().prefix("bench").tempdir().expect("a directory");
        let place = Self { directory };
        for name in ["home", "items", "repository"] {
            fs::create_dir(place.path(name)).expect("a directory");
        }
        place.make_repository();
        place.configure(wanted);
        place
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Writes the configuration.
    pub fn configure(&self, wanted: Wanted) {
        let Wanted { slots, agent_ms, poll_ms } = wanted;
        let program = std::env::current_exe().expect("this program");
        let (program, notes) = (program.display(), self.notes());
        let text = format!(
            r#"adapter = "noop"
[daemon]
state_dir = "state"
poll_interval_ms = {poll_ms}
shutdown_grace_ms = 5000
log_level = "warn"
[[projects]]
name = "bench"
path = "repository"
slots = {slots}
pace = 100000
[autonomous]
enabled = true
[slots]
global = {slots}
per_project = {slots}
[local]
directory = "items"
project = "bench"
[agents.noop]
kind = "command"
program = "{program}"
args = ["{}", "{}", "{agent_ms}"]
read_only_enforced = true
"#,
            agent::SUBCOMMAND,
            notes.display()
        );
        fs::write(self.path("config.toml"), text).expect("the configuration");
    }

    /// The configuration as the daemon would read it.
    pub fn settings(&self) -> Settings {
        let defaults =
            Defaults { cwd: self.directory.path().to_owned(), home: Some(self.path("home")) };
        let variables: BTreeMap<String, String> = BTreeMap::new();
        match load::load(&self.path("config.toml"), &variables, &defaults) {
            Ok(loaded) => loaded.settings,
            Err(report) => panic!("{report:?}"),
        }
    }

    fn make_repository(&self) {
        self.git(&["init", "-q", "-b", "main"]);
        for number in 0..200 {
            let text = format!("pub fn number_{number}() -> u32 {{ {number} }}\n");
            fs::write(self.path("repository").join(format!("f{number}.rs")), text).expect("a file");
        }
        self.git(&["add", "."]);
        self.git(&["commit", "-q", "-m", "first"]);
    }

    fn git(&self, arguments: &[&str]) {
        let identity = ["-c", "user.name=Bench", "-c", "user.email=bench@example.invalid"];
        let ended = Command::new("git")
            .current_dir(self.path("repository"))
            .env("HOME", self.path("home"))
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .args(identity)
            .args(arguments)
            .status()
            .expect("git");
        assert!(ended.success(), "git {arguments:?}");
    }

    /// Writes a work item as people do: whole, by renaming.
    pub fn add_item(&self, number: usize) {
        let text = format!(
            "+++\nid = \"BENCH-{number}\"\ntitle = \"Item number {number}\"\nstate = \"Todo\"\n+++\n\nWrite a line.\n"
        );
        let draft = self.path("draft");
        fs::write(&draft, text).expect("a work item");
        fs::rename(&draft, self.path("items").join(format!("BENCH-{number}.md"))).expect("renamed");
    }

    pub fn notes(&self) -> PathBuf {
        self.path("notes")
    }

    pub fn turns(&self) -> Vec<Turn> {
        agent::turns(&self.notes())
    }

    pub fn directory(&self) -> &Path {
        self.directory.path()
    }
}

/// Waits until `condition` holds; looks every few milliseconds.
pub fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < PATIENCE, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
