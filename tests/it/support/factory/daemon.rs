//! The daemon of a factory as a process, and the commands of the program.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::looking::pause;
use super::{BOUND, Factory, Said};

impl Factory {
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

    /// Ends every process that keeps an agent the hard way; how many there were.
    pub(crate) fn kill_keepers(&self) -> usize {
        let keepers: Vec<_> = self
            .survivors()
            .into_iter()
            .filter(|found| found.command.ends_with(" keeper "))
            .collect();
        keepers.iter().for_each(super::processes::Found::kill);
        keepers.len()
    }

    /// Ends the daemon and everything that could go on without it, as a power cut does.
    pub(crate) fn power_cut(&mut self) {
        self.kill9();
        let _keepers = self.kill_keepers();
    }

    /// Tells the daemon to leave its agents to the next one, and waits until it has gone.
    pub(crate) fn hand_over(&mut self) -> (Said, ExitStatus) {
        // It may have just begun to listen, or not yet.
        let said = self.until("the daemon can be told", BOUND, |factory| {
            Some(factory.cli(&["hand-over", "--json"])).filter(|said| said.code == 0)
        });
        let ended = self.until("the daemon has gone", BOUND, Self::daemon_ended);
        self.daemon = None;
        (said, ended)
    }

    /// Stops the daemon by `stop` with these options, and waits until it has gone.
    pub(crate) fn stop(&mut self, options: &[&str]) -> (Said, ExitStatus) {
        let said = self.cli(&[&["stop"], options].concat());
        let ended = self.until("the daemon has gone", BOUND, Self::daemon_ended);
        self.daemon = None;
        (said, ended)
    }

    /// Asks the daemon to stop.
    pub(crate) fn send_sigterm(&self) {
        let pid = i32::try_from(self.daemon_pid()).ok().and_then(Pid::from_raw).expect("a pid");
        kill_process(pid, Signal::TERM).expect("SIGTERM");
    }
}
