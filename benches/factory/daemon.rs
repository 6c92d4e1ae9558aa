//! The built program as a daemon, watched from outside through `/proc` and its control socket.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::figures::field;
use crate::place::{Place, until};

/// Ticks per second in `/proc/<pid>/stat`: `USER_HZ`, 100 on every Linux.
const TICKS: f64 = 100.0;

/// A running daemon; killed when dropped.
pub struct Daemon {
    child: Child,
    /// From the start of its process until it answered on its socket.
    pub ready_after: Duration,
}

/// Processor time of a process, in seconds.
#[derive(Clone, Copy, Debug)]
pub struct Processor {
    /// Of itself.
    pub own: f64,
    /// Of its children that have ended: git and agents.
    pub children: f64,
}

impl Daemon {
    /// Starts one in `place` and waits until it answers.
    pub fn start(place: &Place) -> Self {
        let begun = Instant::now();
        let log = fs::File::create(place.path("daemon.log")).expect("a log");
        let mut child = Command::new(env!("CARGO_BIN_EXE_enact-factory"))
            .arg("start")
            .env_clear()
            .env("HOME", place.path("home"))
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .current_dir(place.directory())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("the daemon");
        until("the daemon answers", || {
            if let Ok(Some(status)) = child.try_wait() {
                let said = fs::read_to_string(place.path("daemon.log")).unwrap_or_default();
                panic!("the daemon ended: {status}: {said}");
            }
            ask(place, &json!({ "kind": "ping", "version": "bench" })).is_some()
        });
        Self { child, ready_after: begun.elapsed() }
    }

    /// Resident memory in MiB.
    pub fn resident(&self) -> f64 {
        let path = format!("/proc/{}/status", self.child.id());
        #[expect(clippy::cast_precision_loss, reason = "a few hundred thousand at most")]
        let kib = field(&path, "VmRSS:").unwrap_or(0) as f64;
        kib / 1024.0
    }

    /// Processor time so far.
    pub fn processor(&self) -> Processor {
        let text =
            fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap_or_default();
        let after_name = text.rsplit_once(')').map_or("", |(_, rest)| rest);
        let fields: Vec<f64> = after_name
            .split_whitespace()
            .skip(11)
            .take(4)
            .filter_map(|it| it.parse().ok())
            .collect();
        let [user, system, child_user, child_system] = fields[..] else { panic!("{text}") };
        Processor { own: (user + system) / TICKS, children: (child_user + child_system) / TICKS }
    }

    /// `SIGKILL`, and no more of it.
    pub fn kill(mut self) {
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // In order first, so that its agents end with it.
        let process = rustix::process::Pid::from_child(&self.child);
        let _gone = rustix::process::kill_process(process, rustix::process::Signal::TERM);
        for _ in 0..1000 {
            if let Ok(Some(_)) = self.child.try_wait() {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}

/// One question over the control socket; `None` when nobody listens.
pub fn ask(place: &Place, request: &Value) -> Option<Value> {
    let named = fs::read_to_string(place.path("state/control.path")).ok();
    let path = named.map_or_else(|| place.path("state/control.sock"), |it| it.trim().into());
    let mut stream = UnixStream::connect(path).ok()?;
    let line = json!({ "protocol": 1, "request": request });
    writeln!(stream, "{line}").ok()?;
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer).ok()?;
    serde_json::from_str(&answer).ok()
}
