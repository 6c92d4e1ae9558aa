//! A whole factory in a temporary directory: a git repository, work items, a script for the agents, a configuration, and
//! the built program as the daemon and as the command line. Nothing of the tester's own environment reaches it.
//!
//! Everything that runs because of a factory is killed when the value is dropped; when the test is failing, the daemon's
//! log is printed first.

pub(crate) mod daemon;
pub(crate) mod events;
pub(crate) mod looking;
pub(crate) mod processes;
pub(crate) mod repository;
pub(crate) mod script;
pub(crate) mod status;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::Duration;

use tempfile::TempDir;

use looking::pause;
use repository::Repository;
use script::Script;

/// Longer than anything in here takes on a busy machine.
pub(crate) const BOUND: Duration = Duration::from_secs(600);

/// What the project's check runs; every factory's repository has it.
pub(crate) const CHECK: &str = "sh check.sh";

/// A factory. See the module.
pub(crate) struct Factory {
    directory: TempDir,
    /// The repository that is worked on.
    pub(crate) repository: Repository,
    environment: BTreeMap<String, String>,
    daemon: Option<Child>,
    starts: u32,
    /// Top-level lines and sections that are added to the configuration.
    pub(crate) more_config: String,
    /// Keys added to `[[projects]]`, such as `slots = 1`.
    pub(crate) project_config: String,
    /// Keys added to `[autonomous]`.
    pub(crate) autonomous_config: String,
    /// Keys added to `[agents.stand-in]`.
    pub(crate) agent_config: String,
    /// Keys added to the stages: coder, critic.
    pub(crate) stage_config: (String, String),
}

/// What a finished command said.
#[derive(Debug)]
pub(crate) struct Said {
    /// Its exit code; -1 when a signal ended it.
    pub(crate) code: i32,
    /// Standard output.
    pub(crate) out: String,
    /// Standard error.
    pub(crate) err: String,
}

impl Factory {
    /// A repository with one commit, no items, a script without steps.
    pub(crate) fn new() -> Self {
        let directory = tempfile::Builder::new().prefix("factory-").tempdir().expect("a directory");
        let root = directory.path().canonicalize().expect("a real path");
        for name in ["home", "items", "tmp"] {
            fs::create_dir(root.join(name)).expect("a directory");
        }
        let repository = Repository::create(&root.join("repo"), &root.join("home"));
        let path = std::env::var("PATH").unwrap_or_else(|_| "/usr/bin:/bin".to_owned());
        let text = |name: &str| root.join(name).display().to_string();
        let environment = BTreeMap::from([
            ("PATH".to_owned(), path),
            ("HOME".to_owned(), text("home")),
            ("TMPDIR".to_owned(), text("tmp")),
            ("LANG".to_owned(), "C.UTF-8".to_owned()),
        ]);
        let factory = Self {
            directory,
            repository,
            environment,
            daemon: None,
            starts: 0,
            more_config: String::new(),
            project_config: String::new(),
            autonomous_config: String::new(),
            agent_config: String::new(),
            stage_config: (String::new(), String::new()),
        };
        factory.script(&Script::new());
        factory
    }

    /// The directory that holds everything.
    pub(crate) fn root(&self) -> PathBuf {
        self.directory.path().canonicalize().expect("a real path")
    }

    /// The daemon's state directory.
    pub(crate) fn state(&self) -> PathBuf {
        self.root().join("state")
    }

    /// A project of its own beside `demo`, with a repository; `keys` are added to its table.
    pub(crate) fn another_project(&mut self, name: &str, keys: &str) -> Repository {
        let path = self.root().join(format!("repo-{name}"));
        let repository = Repository::create(&path, &self.root().join("home"));
        let table = format!(
            "[[projects]]\nname = {name:?}\npath = {path:?}\ndelivery = \"merge\"\nchecks = [{CHECK:?}]\n{keys}\n"
        );
        self.more_config.push_str(&table);
        repository
    }

    /// A variable for the daemon's environment.
    pub(crate) fn variable(&mut self, name: &str, value: &str) {
        self.environment.insert(name.to_owned(), value.to_owned());
    }

    /// Replaces what the agents play.
    pub(crate) fn script(&self, script: &Script) {
        fs::write(self.root().join("script.toml"), script.to_toml()).expect("the script");
    }

    /// Another scripted agent called `name`, with a script, a directory and prompts of its own; its table.
    pub(crate) fn another_agent(&self, name: &str, script: &Script) -> String {
        let directory = self.root().join(name);
        fs::create_dir_all(&directory).expect("a directory");
        let path = directory.join("script.toml");
        fs::write(&path, script.to_toml()).expect("the script");
        format!("[agents.{name}]\nkind = \"scripted\"\nscript = {path:?}\n")
    }

    /// Puts a work item into the directory; `front` is its front matter besides the title.
    pub(crate) fn item(&self, name: &str, front: &str, body: &str) {
        let title = body.lines().next().unwrap_or(name);
        let text = format!("+++\ntitle = {title:?}\n{front}\n+++\n\n{body}\n");
        fs::write(self.item_path(name), text).expect("a work item");
    }

    /// Where the file of a work item is.
    pub(crate) fn item_path(&self, name: &str) -> PathBuf {
        self.root().join("items").join(format!("{name}.md"))
    }

    /// The text of a work item's file.
    pub(crate) fn item_file(&self, name: &str) -> String {
        fs::read_to_string(self.item_path(name)).expect("the work item")
    }

    /// The `state` in a work item's file.
    pub(crate) fn item_state(&self, name: &str) -> String {
        let text = self.item_file(name);
        let line = text.lines().find_map(|line| line.strip_prefix("state = "));
        line.map(|value| value.trim_matches('"').to_owned()).unwrap_or_default()
    }

    /// The marks of the factory's log lines in a work item's file, in order.
    pub(crate) fn item_log_marks(&self, name: &str) -> Vec<String> {
        let text = self.item_file(name);
        let marks = text.lines().filter_map(|line| line.split_once("<!-- factory:"));
        marks.map(|(_, rest)| rest.trim_end_matches(" -->").to_owned()).collect()
    }

    /// Prompts that the agents were given for `item` in `stage` and `round`, oldest first, as the agents read them.
    pub(crate) fn prompts(&self, item: &str, stage: &str, round: u32) -> Vec<String> {
        prompts_below(&self.root(), item, stage, round)
    }

    /// The same of [`Self::another_agent`].
    pub(crate) fn prompts_of(
        &self,
        agent: &str,
        item: &str,
        stage: &str,
        round: u32,
    ) -> Vec<String> {
        prompts_below(&self.root().join(agent), item, stage, round)
    }

    /// Every prompt that any agent was given, by file name.
    pub(crate) fn all_prompts(&self) -> Vec<(String, String)> {
        let Ok(entries) = fs::read_dir(self.root().join("prompts")) else { return Vec::new() };
        let read = |entry: fs::DirEntry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            (name, fs::read_to_string(entry.path()).expect("a prompt"))
        };
        let mut found: Vec<_> = entries.flatten().map(read).collect();
        found.sort();
        found
    }

    /// Makes a file that a scripted agent waits for.
    pub(crate) fn touch(&self, name: &str) {
        fs::write(self.root().join(name), "").expect("a file");
    }

    /// Writes the configuration as it stands.
    pub(crate) fn configure(&self) -> PathBuf {
        let root = self.root().display().to_string();
        let (coder, critic) = &self.stage_config;
        let (more, project, autonomous) =
            (&self.more_config, &self.project_config, &self.autonomous_config);
        let agent = &self.agent_config;
        let checks = if project.contains("checks =") {
            String::new()
        } else {
            format!("checks = [{CHECK:?}]")
        };
        let delivery = if project.contains("delivery =") { "" } else { "delivery = \"merge\"\n" };
        let text = format!(
            "adapter = \"stand-in\"\n\n\
             [daemon]\nstate_dir = \"{root}/state\"\npoll_interval_ms = 100\nlog_level = \"debug\"\n\
             shutdown_grace_ms = 20000\n\n\
             [autonomous]\nenabled = true\n{autonomous}\n\n\
             [autonomous.default_stages.coder]\n{coder}\n\n\
             [autonomous.default_stages.critic]\n{critic}\n\n\
             [agents.stand-in]\nkind = \"scripted\"\nscript = \"{root}/script.toml\"\n{agent}\n\n\
             [local]\ndirectory = \"{root}/items\"\n\n\
             [[projects]]\nname = \"demo\"\npath = \"{root}/repo\"\n{delivery}\
             {checks}\n{project}\n\n{more}\n"
        );
        let path = self.root().join("config.toml");
        fs::write(&path, text).expect("the configuration");
        path
    }

    /// Every process that is there because of this factory, except the daemon itself.
    pub(crate) fn survivors(&self) -> Vec<processes::Found> {
        let daemon = self.daemon.as_ref().map(Child::id);
        processes::because_of(&self.root(), &self.state(), daemon)
    }

    /// `receipts verify` must find nothing.
    pub(crate) fn verify_receipts(&self) {
        let said = self.cli(&["receipts", "verify"]);
        assert_eq!(said.code, 0, "receipts verify: {said:?}");
    }

    /// Worktree directories of runs in the state directory.
    pub(crate) fn worktrees(&self) -> Vec<PathBuf> {
        let below = |path: &Path| -> Vec<PathBuf> {
            let entries = fs::read_dir(path).map(|it| it.flatten().collect()).unwrap_or_default();
            let entries: Vec<fs::DirEntry> = entries;
            entries.into_iter().map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
        };
        below(&self.state().join("worktrees")).iter().flat_map(|project| below(project)).collect()
    }
}

fn prompts_below(directory: &Path, item: &str, stage: &str, round: u32) -> Vec<String> {
    let start = format!("{item}.{stage}.{round}.");
    let Ok(entries) = fs::read_dir(directory.join("prompts")) else { return Vec::new() };
    let mut found: Vec<_> = entries
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(&start))
        .map(|entry| {
            let at = entry.metadata().and_then(|it| it.modified()).expect("a time");
            (at, fs::read_to_string(entry.path()).expect("a prompt"))
        })
        .collect();
    found.sort();
    found.into_iter().map(|(_, text)| text).collect()
}

impl Drop for Factory {
    fn drop(&mut self) {
        if let Some(mut child) = self.daemon.take() {
            let _ended_before = child.kill();
            let _reaped = child.wait();
        }
        for _ in 0..200 {
            let left = self.survivors();
            if left.is_empty() {
                break;
            }
            left.iter().for_each(processes::Found::kill);
            pause(Duration::from_millis(10));
        }
        if std::thread::panicking() {
            let logs = self.logs();
            let start = logs.char_indices().rev().nth(20_000).map_or(0, |(index, _)| index);
            println!("{}", &logs[start..]);
        }
    }
}
