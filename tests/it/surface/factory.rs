//! A place to run the built program in: private home, configuration, repository, script, and a daemon if wanted.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use assert_cmd::assert::Assert;
use serde_json::Value;
use tempfile::TempDir;

/// How long a condition may take to come true on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The environment of one test.
pub struct Factory {
    directory: TempDir,
}

impl Factory {
    /// Nothing but an empty home.
    pub fn empty() -> Self {
        let directory = tempfile::Builder::new().prefix("cli").tempdir().unwrap();
        fs::create_dir(directory.path().join("home")).unwrap();
        Self { directory }
    }

    /// A repository, an agent that plays `script`, and a configuration that uses both.
    pub fn with_script(script: &str) -> Self {
        let factory = Self::empty();
        fs::write(factory.path("script.toml"), script).unwrap();
        factory.make_repository();
        factory.configure("");
        factory
    }

    /// Writes the configuration, with `more` at its end.
    pub fn configure(&self, more: &str) {
        let text = format!(
            r#"adapter = "player"
[daemon]
state_dir = "state"
poll_interval_ms = 100
shutdown_grace_ms = 5000
[agents.player]
kind = "scripted"
script = "script.toml"
{more}"#
        );
        fs::write(self.path("config.toml"), text).unwrap();
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn state(&self) -> PathBuf {
        self.path("state")
    }

    fn make_repository(&self) {
        let repository = self.path("repository");
        fs::create_dir(&repository).unwrap();
        self.git(&["init", "-q", "-b", "main"]);
        fs::write(repository.join("README.md"), "A repository.\n").unwrap();
        self.git(&["add", "."]);
        self.git(&["commit", "-q", "-m", "first"]);
    }

    /// What git says in the repository.
    pub fn git(&self, arguments: &[&str]) -> String {
        let identity = ["-c", "user.name=Test", "-c", "user.email=test@example.invalid"];
        let output = Command::new("git")
            .current_dir(self.path("repository"))
            .env("HOME", self.path("home"))
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .args(identity)
            .args(arguments)
            .output()
            .unwrap();
        assert!(output.status.success(), "git {arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// The program with `arguments`, in an environment of nothing but a home and a path.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_enact-factory"));
        command
            .env_clear()
            .env("HOME", self.path("home"))
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("USER", "tester")
            .current_dir(self.directory.path())
            .args(arguments);
        command
    }

    /// Runs the program to its end.
    pub fn run(&self, arguments: &[&str]) -> Assert {
        assert_cmd::Command::from_std(self.command(arguments)).timeout(PATIENCE * 2).assert()
    }

    /// What the program prints with `--json`, whatever its exit code.
    pub fn json(&self, arguments: &[&str]) -> Value {
        let ended = self.run(&[arguments, &["--json"]].concat());
        let output = ended.get_output();
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
    }

    /// Starts the daemon and waits until it can be talked to.
    pub fn start(&self) -> Daemon {
        let mut command = self.command(&["start"]);
        let log = fs::File::create(self.path("daemon.log")).unwrap();
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap();
        let mut daemon = Daemon { child, log: self.path("daemon.log") };
        let state = self.state();
        eventually("the daemon can be talked to", || {
            assert!(daemon.child.try_wait().unwrap().is_none(), "{}", daemon.said());
            Talk::to(&state).is_some()
        });
        daemon
    }
}

/// A running daemon; ended when dropped.
pub struct Daemon {
    child: Child,
    log: PathBuf,
}

impl Daemon {
    pub fn process(&self) -> u32 {
        self.child.id()
    }

    pub fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Asks it to stop; its exit code.
    pub fn stop(mut self) -> Option<i32> {
        signal(&self.child, rustix::process::Signal::TERM);
        let mut code = None;
        eventually("the daemon has stopped", || {
            code = self.child.try_wait().unwrap();
            code.is_some()
        });
        code.and_then(|status| status.code())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}

/// Sends a signal to a child that has not been waited for.
pub fn signal(child: &Child, signal: rustix::process::Signal) {
    let process = rustix::process::Pid::from_child(child);
    rustix::process::kill_process(process, signal).unwrap();
}

/// Waits until `condition` holds, for a bounded time.
pub fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "not in time: {what}");
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

/// A raw connection to a control socket.
pub struct Talk {
    stream: BufReader<UnixStream>,
}

impl Talk {
    /// `None` when nobody listens.
    pub fn to(state: &Path) -> Option<Self> {
        let named = fs::read_to_string(state.join("control.path")).ok();
        let path = named.map_or_else(|| state.join("control.sock"), PathBuf::from);
        let stream = UnixStream::connect(path).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Some(Self { stream: BufReader::new(stream) })
    }

    /// Sends a line as it is. That the daemon does not read all of it shows in what it answers.
    pub fn send(&mut self, line: &str) {
        let _may_have_hung_up = self.stream.get_mut().write_all(format!("{line}\n").as_bytes());
    }

    /// The next line as JSON; `None` when the daemon hung up.
    pub fn receive(&mut self) -> Option<Value> {
        let mut line = String::new();
        match self.stream.read_line(&mut line) {
            Ok(0) | Err(_) => None,
            Ok(_) => Some(serde_json::from_str(&line).unwrap()),
        }
    }

    /// Sends a request and takes one line.
    pub fn ask(&mut self, request: &Value) -> Value {
        self.send(&serde_json::json!({ "protocol": 1, "request": request }).to_string());
        self.receive().expect("an answer")
    }
}

/// A coder that writes a file and a critic that approves.
pub const APPROVED: &str = r#"
[[step]]
stage = "coder"
actions = [
  { write = { path = "hello.txt", text = "hello\n" } },
  { usage = { input_tokens = 1200, output_tokens = 80, cost_micro_usd = 4000 } },
  { answer = '{"summary": "Wrote hello.txt."}' },
]
[[step]]
stage = "critic"
actions = [
  { usage = { input_tokens = 500, output_tokens = 20, cost_micro_usd = 1000 } },
  { answer = '{"nonce": "{{nonce}}", "verdict": "APPROVE", "commit": "{{commit}}", "findings": [], "criteria": []}' },
]
"#;
