//! A whole factory in a temporary directory: a git repository, work items, a script for the agents, a configuration, and
//! the built program as the daemon and as the command line. Nothing of the tester's own environment reaches it.
//!
//! Everything that runs because of a factory is killed when the value is dropped; when the test is failing, the daemon's
//! log is printed first.

pub(crate) mod events;
pub(crate) mod processes;
pub(crate) mod repository;
pub(crate) mod script;
pub(crate) mod status;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use repository::Repository;
use script::Script;
use status::{Picture, Why};

/// Longer than anything in here takes on a busy machine.
pub(crate) const BOUND: Duration = Duration::from_secs(180);

/// Pause between two looks at a condition.
const LOOK: Duration = Duration::from_millis(40);

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

    /// A variable for the daemon's environment.
    pub(crate) fn variable(&mut self, name: &str, value: &str) {
        self.environment.insert(name.to_owned(), value.to_owned());
    }

    /// Replaces what the agents play.
    pub(crate) fn script(&self, script: &Script) {
        fs::write(self.root().join("script.toml"), script.to_toml()).expect("the script");
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
        let start = format!("{item}.{stage}.{round}.");
        let Ok(entries) = fs::read_dir(self.root().join("prompts")) else { return Vec::new() };
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

    /// Writes the configuration as it stands.
    pub(crate) fn configure(&self) -> PathBuf {
        let root = self.root().display().to_string();
        let (coder, critic) = &self.stage_config;
        let (more, project, autonomous) =
            (&self.more_config, &self.project_config, &self.autonomous_config);
        let checks = if project.contains("checks =") {
            String::new()
        } else {
            format!("checks = [{CHECK:?}]")
        };
        let text = format!(
            "adapter = \"stand-in\"\n\n\
             [daemon]\nstate_dir = \"{root}/state\"\npoll_interval_ms = 100\nlog_level = \"debug\"\n\
             shutdown_grace_ms = 20000\n\n\
             [autonomous]\nenabled = true\n{autonomous}\n\n\
             [autonomous.default_stages.coder]\n{coder}\n\n\
             [autonomous.default_stages.critic]\n{critic}\n\n\
             [agents.stand-in]\nkind = \"scripted\"\nscript = \"{root}/script.toml\"\n\n\
             [local]\ndirectory = \"{root}/items\"\n\n\
             [[projects]]\nname = \"demo\"\npath = \"{root}/repo\"\ndelivery = \"merge\"\n\
             {checks}\n{project}\n\n{more}\n"
        );
        let path = self.root().join("config.toml");
        fs::write(&path, text).expect("the configuration");
        path
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_enact-factory"));
        command
            .arg("--config")
            .arg(self.root().join("config.toml"))
            .args(arguments)
            .current_dir(self.root())
            .env_clear()
            .envs(&self.environment)
            .stdin(Stdio::null());
        command
    }

    /// Runs a command of the program to its end, which must come within a bound.
    pub(crate) fn cli(&self, arguments: &[&str]) -> Said {
        let said = tempfile::tempdir_in(self.root().join("tmp")).expect("a directory");
        let (out, err) = (said.path().join("out"), said.path().join("err"));
        let mut child = self
            .command(arguments)
            .stdout(File::create(&out).expect("a file"))
            .stderr(File::create(&err).expect("a file"))
            .spawn()
            .expect("the program");
        let started = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait().expect("its state") {
                break status;
            }
            if started.elapsed() > BOUND {
                child.kill().expect("SIGKILL");
                child.wait().expect("its end");
                panic!("{arguments:?} did not end in {BOUND:?}");
            }
            pause(Duration::from_millis(2));
        };
        let text = |path: &Path| fs::read_to_string(path).expect("its output");
        Said { code: status.code().unwrap_or(-1), out: text(&out), err: text(&err) }
    }

    /// The same, and it must have worked.
    pub(crate) fn cli_ok(&self, arguments: &[&str]) -> Said {
        let said = self.cli(arguments);
        assert_eq!(said.code, 0, "{arguments:?}: {said:?}");
        said
    }

    /// Starts the daemon with the configuration as it stands and waits until it answers.
    pub(crate) fn start(&mut self) {
        self.launch();
        self.await_answer();
    }

    /// Starts the daemon without waiting for anything.
    pub(crate) fn launch(&mut self) {
        assert!(self.daemon.is_none(), "a daemon is running");
        self.configure();
        self.starts += 1;
        let log = File::create(self.log_path(self.starts)).expect("a log");
        let errors = log.try_clone().expect("a log");
        let child = self.command(&["start"]).stdout(log).stderr(errors).spawn();
        self.daemon = Some(child.expect("the daemon"));
    }

    /// Waits until the daemon answers.
    pub(crate) fn await_answer(&mut self) {
        self.until("the daemon answers", BOUND, |factory| {
            if let Some(status) = factory.daemon_ended() {
                panic!("the daemon ended: {status}");
            }
            factory.picture().filter(|picture| picture.daemon.is_some())
        });
    }

    fn log_path(&self, start: u32) -> PathBuf {
        self.root().join(format!("daemon-{start}.log"))
    }

    /// What the daemons have logged so far.
    pub(crate) fn logs(&self) -> String {
        let texts = (1..=self.starts).map(|start| {
            let text = fs::read_to_string(self.log_path(start)).unwrap_or_default();
            format!("--- daemon {start}\n{text}")
        });
        texts.collect()
    }

    /// Process id of the running daemon.
    pub(crate) fn daemon_pid(&self) -> u32 {
        self.daemon.as_ref().expect("a daemon").id()
    }

    /// How the daemon ended, if it has.
    pub(crate) fn daemon_ended(&mut self) -> Option<ExitStatus> {
        self.daemon.as_mut().and_then(|child| child.try_wait().expect("its state"))
    }

    /// Ends the daemon the hard way.
    pub(crate) fn kill9(&mut self) {
        let mut child = self.daemon.take().expect("a daemon");
        child.kill().expect("SIGKILL");
        child.wait().expect("its end");
    }

    /// Asks the daemon to stop and waits until it has.
    pub(crate) fn sigterm(&mut self) -> ExitStatus {
        self.send_sigterm();
        let ended = self.until("the daemon has stopped", BOUND, Self::daemon_ended);
        self.daemon = None;
        ended
    }

    /// Asks the daemon to stop.
    pub(crate) fn send_sigterm(&self) {
        let pid = i32::try_from(self.daemon_pid()).ok().and_then(Pid::from_raw).expect("a pid");
        kill_process(pid, Signal::TERM).expect("SIGTERM");
    }

    /// What `status --json` says, if it says anything.
    pub(crate) fn picture(&self) -> Option<Picture> {
        let said = self.cli(&["status", "--json"]);
        if said.code != 0 {
            return None;
        }
        let picture = serde_json::from_str(&said.out);
        Some(picture.unwrap_or_else(|error| panic!("{error}: {}", said.out)))
    }

    /// What `why <item> --json` says.
    pub(crate) fn why(&self, item: &str) -> Why {
        let said = self.cli_ok(&["why", item, "--json"]);
        serde_json::from_str(&said.out).unwrap_or_else(|error| panic!("{error}: {}", said.out))
    }

    /// Waits until `found` finds something.
    pub(crate) fn until<T>(
        &mut self,
        what: &str,
        bound: Duration,
        found: impl FnMut(&mut Self) -> Option<T>,
    ) -> T {
        self.look_for(what, bound, LOOK, found)
    }

    /// The same with looks close behind each other; they must be cheap.
    pub(crate) fn until_close<T>(
        &mut self,
        what: &str,
        found: impl FnMut(&mut Self) -> Option<T>,
    ) -> T {
        self.look_for(what, BOUND, Duration::from_millis(3), found)
    }

    /// The same with time between the looks, for those that are dear and long.
    pub(crate) fn until_sometime<T>(
        &mut self,
        what: &str,
        found: impl FnMut(&mut Self) -> Option<T>,
    ) -> T {
        self.look_for(what, BOUND, Duration::from_millis(300), found)
    }

    fn look_for<T>(
        &mut self,
        what: &str,
        bound: Duration,
        between: Duration,
        mut found: impl FnMut(&mut Self) -> Option<T>,
    ) -> T {
        let started = Instant::now();
        loop {
            if let Some(value) = found(self) {
                return value;
            }
            if started.elapsed() > bound {
                let picture = self.picture();
                panic!("after {bound:?} still not: {what}\n{picture:#?}");
            }
            pause(between);
        }
    }

    /// Waits until `holds`, without a pause between two looks.
    pub(crate) fn busy_until(&self, what: &str, mut holds: impl FnMut() -> bool) {
        let started = Instant::now();
        while !holds() {
            assert!(started.elapsed() < BOUND, "after {BOUND:?} still not: {what}");
            std::hint::spin_loop();
        }
    }

    /// Waits until `holds` is true of the daemon's picture.
    pub(crate) fn wait_until(
        &mut self,
        what: &str,
        mut holds: impl FnMut(&Picture) -> bool,
    ) -> Picture {
        self.until(what, BOUND, |factory| factory.picture().filter(&mut holds))
    }

    /// Waits until all of these items have that status.
    pub(crate) fn wait_for(&mut self, items: &[&str], status: &str) -> Picture {
        self.wait_until(&format!("{items:?} are {status}"), |picture| {
            items.iter().all(|item| picture.find(item).is_some_and(|found| found.status == status))
        })
    }

    /// Waits until these items are done, their files say so, and nothing is left to do.
    pub(crate) fn wait_until_done(&mut self, items: &[&str]) -> Picture {
        let picture = self.wait_for(items, "done");
        self.wait_until_quiet();
        picture
    }

    /// Waits until no effect is open: trackers are written, worktrees dealt with.
    pub(crate) fn wait_until_quiet(&mut self) {
        self.wait_until("nothing is left to do", |picture| picture.status.open_effects == 0);
    }

    /// Waits until a file below the directory of the script exists.
    pub(crate) fn wait_for_file(&mut self, name: &str) {
        let path = self.root().join(name);
        self.until(&format!("{name} exists"), BOUND, |_| path.exists().then_some(()));
    }

    /// Makes a file that a scripted agent waits for.
    pub(crate) fn touch(&self, name: &str) {
        fs::write(self.root().join(name), "").expect("a file");
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

/// A pause between two looks; not a substitute for a condition.
pub(crate) fn pause(time: Duration) {
    let (_never_sends, receiver) = mpsc::channel::<()>();
    let _timed_out = receiver.recv_timeout(time);
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
