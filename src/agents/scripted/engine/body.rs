//! What the scripted agent does to its own process and below it.

use std::io;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use super::super::script::Signal;

/// Starts a command in a session of its own; macOS has no program for it but Perl.
const OWN_SESSION: &str = "if command -v setsid >/dev/null 2>&1; then exec setsid sh -c \"$1\"; \
    else exec perl -MPOSIX -e 'POSIX::setsid(); exec @ARGV' sh -c \"$1\"; fi";

#[expect(
    clippy::disallowed_methods,
    reason = "this is the agent's side of the process boundary, where real agents spawn as they like"
)]
fn shell(arguments: &[&str]) -> Command {
    let mut command = Command::new("sh");
    command.arg("-c").args(arguments).stdin(Stdio::null());
    command
}

/// Runs a shell command to its end; the complaint if it failed.
pub(super) fn run(command: &str) -> io::Result<Option<String>> {
    let output = shell(&[command]).output()?;
    if output.status.success() {
        return Ok(None);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Ok(Some(format!("{}: {}", output.status, said.trim())))
}

/// Leaves a shell command running in a session of its own.
pub(super) fn linger(command: &str, holding_output: bool) -> io::Result<()> {
    let output = || if holding_output { Stdio::inherit() } else { Stdio::null() };
    let mut started = shell(&[OWN_SESSION, "sh", command]);
    let _child: Child = started.stdout(output()).stderr(output()).spawn()?;
    Ok(())
}

/// Waits silently.
pub(super) fn wait(milliseconds: u64) {
    let (_never_sends, receiver) = mpsc::channel::<()>();
    let _timed_out = receiver.recv_timeout(Duration::from_millis(milliseconds));
}

/// Waits until killed.
pub(super) fn hang() -> ! {
    loop {
        std::thread::park();
    }
}

/// Keeps `SIGTERM` from ending this process; there is no way back.
pub(super) fn ignore_terminate() -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    if tokio::runtime::Handle::try_current().is_ok() {
        return signal(SignalKind::terminate()).map(drop);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let _inside = runtime.enter();
    signal(SignalKind::terminate()).map(drop)
}

/// Ends this process by a signal.
pub(super) fn crash(signal: Signal) -> ! {
    let signal = match signal {
        Signal::Kill => rustix::process::Signal::KILL,
        Signal::Segv => rustix::process::Signal::SEGV,
        Signal::Abrt => rustix::process::Signal::ABORT,
        Signal::Term => rustix::process::Signal::TERM,
    };
    // The first SIGSEGV only makes the runtime's stack guard take its handler away.
    for _attempt in 0..100 {
        let _sent = rustix::process::kill_process(rustix::process::getpid(), signal);
        wait(10);
    }
    hang()
}
